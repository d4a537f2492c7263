//! The dialect's functions for DataFusion, each a thin shell over values.

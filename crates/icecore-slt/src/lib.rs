//! The .slt runner.

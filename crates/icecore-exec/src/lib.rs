//! Operators and sources for DataFusion: the scan, the statement's root, changes by row position.

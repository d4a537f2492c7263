//! The icecore shell and batch runner.

//! Decisions without I/O: who may do what, and why.

//! Benchmarks, and the programs that compare with peers side by side.

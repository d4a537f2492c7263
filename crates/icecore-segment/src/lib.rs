//! Rows at rest and in memory: write, read, statistics, pruning input, checksums, deletion vectors, the Arrow cache.

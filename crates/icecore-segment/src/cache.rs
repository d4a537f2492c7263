//! Decoded columns in memory, bounded by bytes.
use icecore_types::ByteSize;

/// What a cache did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatistics {
    /// Reads that found what they asked for.
    pub hits: u64,
    /// Reads that had to load.
    pub misses: u64,
    /// Bytes held now.
    pub bytes: u64,
}

/// Decoded columns, footers, deletion vectors and manifest chunks.
#[derive(Debug)]
pub struct ColumnCache {}

impl ColumnCache {
    /// A cache that holds at most `capacity`.
    pub fn new(_capacity: ByteSize) -> Self {
        todo!()
    }

    /// What it did so far.
    pub fn statistics(&self) -> CacheStatistics {
        todo!()
    }
}

//! Rows at rest and in memory: write, read, statistics, pruning input, checksums, deletion vectors, the Arrow cache.

#![allow(clippy::todo)]

mod bounds;
mod cache;
mod chunk;
mod deletes;
mod segment;
mod statistics;
mod store;
mod writer;

pub use bounds::{ColumnBounds, bounds};
pub use cache::{CacheStatistics, ColumnCache};
pub use chunk::Chunk;
pub use deletes::DeletionVector;
pub use segment::{RowGroup, Segment};
pub use statistics::{ColumnStatistics, Scalar, Statistics};
pub use store::SegmentStore;
pub use writer::{Compression, SegmentWriter, WriteOptions};

//! Rows at rest and in memory: write, read, statistics, pruning input, checksums, deletion vectors, the Arrow cache.
//!
//! [`SegmentStore`] writes batches as immutable segments, opens them, and reads
//! their columns as Arrow arrays through a bounded [`ColumnCache`]. What is
//! stored is described byte by byte in `docs/format.md`; every byte of it is
//! verified before it is decoded.
//!
//! ```
//! use icecore_segment::{ColumnStatistics, DeletionVector, Scalar, Statistics};
//! use icecore_types::ColumnId;
//!
//! let mut known = Statistics { rows: 100, ..Statistics::default() };
//! let column = ColumnStatistics { max: Some(Scalar::Integer(31)), ..Default::default() };
//! known.columns.insert(ColumnId::new(1), column);
//! assert!(known.encode().len() < 13);
//!
//! let deleted: DeletionVector = [3, 5].into_iter().collect();
//! assert_eq!(deleted.keep_mask(0, 10).map(|keep| keep.true_count()), Some(8));
//! ```

mod bounds;
mod cache;
mod chunk;
mod compression;
mod deletes;
mod inline;
mod object;
mod segment;
mod statistics;
mod store;
mod writer;

#[cfg(test)]
mod samples;

pub use bounds::{ColumnBounds, bounds};
pub use cache::{CacheStatistics, ColumnCache};
pub use chunk::Chunk;
pub use compression::Compression;
pub use deletes::DeletionVector;
pub use segment::{RowGroup, Segment};
pub use statistics::{ColumnStatistics, Scalar, Statistics};
pub use store::SegmentStore;
pub use writer::{SegmentWriter, WriteOptions};

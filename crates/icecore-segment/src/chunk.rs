//! A stored piece of a manifest.
use std::sync::Arc;

use arrow::datatypes::DataType;
use icecore_types::{ColumnId, Deletes, Result, SegmentRef};

use crate::ColumnBounds;

/// Up to 4,096 segments of one table with their statistics as columns.
#[derive(Debug)]
pub struct Chunk {}

impl Chunk {
    /// How many segments it has.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segment at `index`. Its `statistics` hold the number of rows and no
    /// column: ask [`Chunk::bounds`] or the opened segment.
    pub fn segment(&self, _index: usize) -> Result<Arc<SegmentRef>> {
        todo!()
    }

    /// The deletes of the segment at `index` when the chunk was written.
    pub fn deletes(&self, _index: usize) -> Result<Option<Deletes>> {
        todo!()
    }

    /// The bounds of one column, an entry per segment: reads this column's
    /// statistics alone.
    pub async fn bounds(&self, _column: ColumnId, _data_type: &DataType) -> Result<ColumnBounds> {
        todo!()
    }

    /// All segments with all their statistics, as they were given to
    /// `write_chunk`: what folding several chunks into one needs.
    pub async fn segments(&self) -> Result<Vec<(Arc<SegmentRef>, Option<Deletes>)>> {
        todo!()
    }
}

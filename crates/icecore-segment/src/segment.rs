//! A segment whose footer was read.
use icecore_types::{ColumnId, SegmentId};

use crate::Statistics;

/// Rows of a segment that are stored, read and cached together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowGroup {
    /// How many.
    pub rows: usize,
    /// The position of the first in the segment.
    pub first_row: u64,
}

/// An open segment: what it has and where, not its rows.
#[derive(Debug)]
pub struct Segment {}

impl Segment {
    /// Its id.
    pub fn id(&self) -> SegmentId {
        todo!()
    }
    /// Rows in it, deleted ones included.
    pub fn rows(&self) -> u64 {
        todo!()
    }
    /// In order; their rows follow each other without gaps.
    pub fn row_groups(&self) -> &[RowGroup] {
        todo!()
    }
    /// The columns that it has.
    pub fn columns(&self) -> &[ColumnId] {
        todo!()
    }
    /// Bounds and counts of all its rows.
    pub fn statistics(&self) -> &Statistics {
        todo!()
    }
    /// Bounds and counts of one row group.
    pub fn row_group_statistics(&self, _row_group: usize) -> Option<&Statistics> {
        todo!()
    }
}

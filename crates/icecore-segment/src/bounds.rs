//! Statistics as the arrays that a pruning predicate asks for.
use arrow::array::{ArrayRef, UInt64Array};
use arrow::datatypes::DataType;
use icecore_types::ColumnId;

use crate::Statistics;

/// Bounds of one column over a list of statistics: one entry per segment,
/// chunk or row group, NULL where nothing is known.
#[derive(Clone, Debug)]
pub struct ColumnBounds {
    /// No value is below this.
    pub mins: ArrayRef,
    /// No value is above this.
    pub maxes: ArrayRef,
    /// How many are NULL.
    pub null_counts: UInt64Array,
    /// How many rows there are, NULLs included.
    pub rows: UInt64Array,
}

/// The bounds of `column`, of this type, over `statistics`.
pub fn bounds(
    _statistics: &[&Statistics],
    _column: ColumnId,
    _data_type: &DataType,
) -> ColumnBounds {
    todo!()
}

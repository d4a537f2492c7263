//! Statistics as the arrays that a pruning predicate asks for.

use arrow::array::{ArrayRef, UInt64Array};
use arrow::datatypes::DataType;
use icecore_types::ColumnId;

use crate::Statistics;
use crate::statistics::array_of;

/// Bounds of one column over a list of statistics: one entry per segment,
/// chunk or row group, NULL where nothing is known.
///
/// ```
/// use arrow::array::Array;
/// use arrow::datatypes::DataType;
/// use icecore_segment::{ColumnStatistics, Scalar, Statistics, bounds};
/// use icecore_types::ColumnId;
///
/// let id = ColumnId::new(1);
/// let mut known = Statistics { rows: 10, ..Statistics::default() };
/// let column = ColumnStatistics { min: Some(Scalar::Integer(5)), ..Default::default() };
/// known.columns.insert(id, column);
/// let unknown = Statistics { rows: 3, ..Statistics::default() };
///
/// let bounds = bounds(&[&known, &unknown], id, &DataType::Int64);
/// assert_eq!(bounds.mins.null_count(), 1);
/// assert_eq!(bounds.maxes.null_count(), 2);
/// assert_eq!(bounds.rows.value(1), 3);
/// ```
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

/// The bounds of `column`, of this type, over `statistics`: an entry for each,
/// in their order. A bound of another type is not known.
pub fn bounds(statistics: &[&Statistics], column: ColumnId, data_type: &DataType) -> ColumnBounds {
    let columns: Vec<_> = statistics.iter().map(|known| known.columns.get(&column)).collect();
    ColumnBounds {
        mins: array_of(columns.iter().map(|known| known.and_then(|c| c.min.as_ref())), data_type),
        maxes: array_of(columns.iter().map(|known| known.and_then(|c| c.max.as_ref())), data_type),
        null_counts: columns.iter().map(|known| known.map(|c| c.null_count)).collect(),
        rows: statistics.iter().map(|known| Some(known.rows)).collect(),
    }
}

//! Bounds and counts of columns: what pruning knows of rows that it has not read.

mod codec;
mod collect;
mod scalar;
mod sketch;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use icecore_types::{ColumnId, Result};

pub(crate) use collect::{Collector, value_bytes};
pub use scalar::Scalar;
pub(crate) use scalar::{array_of, scalar_at};
pub(crate) use sketch::Sketch;

/// What is known of one column's values.
///
/// Bounds are absent when a value is not a number (NaN), when a text has no
/// short bound, and when no value is there. Every value lies within the bounds
/// that are present, in SQL's order and in IEEE 754's total order.
///
/// ```
/// use icecore_segment::{ColumnStatistics, Scalar};
///
/// let delays = ColumnStatistics {
///     null_count: 3,
///     min: Some(Scalar::Integer(-86)),
///     max: Some(Scalar::Integer(1272)),
///     min_exact: true,
///     max_exact: true,
///     ..ColumnStatistics::default()
/// };
/// assert!(delays.min < delays.max);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStatistics {
    /// How many are NULL.
    pub null_count: u64,
    /// No value is below this; absent if unknown or if there is no value.
    pub min: Option<Scalar>,
    /// No value is above this; absent if unknown or if there is no value.
    pub max: Option<Scalar>,
    /// Whether `min` is one of the values.
    pub min_exact: bool,
    /// Whether `max` is one of the values.
    pub max_exact: bool,
    /// Whether one of the values is not a number.
    pub has_nan: bool,
    /// About how many different values there are, NULL left out: within some
    /// ten percent for one segment, a rough guess once merged.
    pub distinct: Option<u64>,
    /// Bytes of the values in memory: eight for a number, its length for a text.
    pub total_bytes: u64,
}

/// What is known of some rows: those of a segment, a row group or a chunk.
///
/// ```
/// use icecore_segment::{ColumnStatistics, Scalar, Statistics};
/// use icecore_types::ColumnId;
///
/// let mut statistics = Statistics { rows: 2, ..Statistics::default() };
/// let carrier = ColumnStatistics {
///     min: Some(Scalar::Text("AA".into())),
///     max: Some(Scalar::Text("UA".into())),
///     ..ColumnStatistics::default()
/// };
/// statistics.columns.insert(ColumnId::new(1), carrier);
/// assert_eq!(Statistics::decode(&statistics.encode())?, statistics);
///
/// let twice = statistics.clone();
/// statistics.merge(&twice);
/// assert_eq!(statistics.rows, 4);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// How many, deleted ones included.
    pub rows: u64,
    /// Per column; nothing is known of a column that is not here.
    pub columns: BTreeMap<ColumnId, ColumnStatistics>,
}

impl Statistics {
    /// The compact form that records and manifests keep: `docs/format.md`.
    pub fn encode(&self) -> Bytes {
        codec::encode(self)
    }

    /// Reads the compact form.
    ///
    /// # Errors
    /// `Corrupted` if it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        codec::decode(bytes)
    }

    /// What is known of these rows and those of `other` together: of a column
    /// that either does not know, nothing.
    pub fn merge(&mut self, other: &Statistics) {
        if other.rows == 0 {
            return;
        }
        if self.rows == 0 {
            *self = other.clone();
            return;
        }
        self.columns.retain(|id, column| match other.columns.get(id) {
            Some(theirs) => {
                column.merge(self.rows, theirs, other.rows);
                true
            }
            None => false,
        });
        self.rows = self.rows.saturating_add(other.rows);
    }
}

impl ColumnStatistics {
    fn merge(&mut self, rows: u64, other: &Self, other_rows: u64) {
        let (values, other_values) =
            (rows.saturating_sub(self.null_count), other_rows.saturating_sub(other.null_count));
        self.distinct = self.merged_distinct(values, other, other_values);
        if values == 0 {
            (self.min, self.min_exact) = (other.min.clone(), other.min_exact);
            (self.max, self.max_exact) = (other.max.clone(), other.max_exact);
        } else if other_values > 0 {
            (self.min, self.min_exact) = merged_bound(
                (self.min.take(), self.min_exact),
                (&other.min, other.min_exact),
                |ours, theirs| ours <= theirs,
            );
            (self.max, self.max_exact) = merged_bound(
                (self.max.take(), self.max_exact),
                (&other.max, other.max_exact),
                |ours, theirs| ours >= theirs,
            );
        }
        self.null_count = self.null_count.saturating_add(other.null_count);
        self.total_bytes = self.total_bytes.saturating_add(other.total_bytes);
        self.has_nan |= other.has_nan;
    }

    /// Without sketches only a guess: values that do not overlap add up, and
    /// so do values that are nearly all different; else the larger set is
    /// taken to contain the smaller.
    fn merged_distinct(&self, values: u64, other: &Self, other_values: u64) -> Option<u64> {
        let (ours, theirs) = (self.distinct?, other.distinct?);
        let apart = matches!((&self.max, &other.min), (Some(max), Some(min)) if max < min)
            || matches!((&other.max, &self.min), (Some(max), Some(min)) if max < min);
        let keys = ours.saturating_mul(2) >= values && theirs.saturating_mul(2) >= other_values;
        let guess = if apart || keys { ours.saturating_add(theirs) } else { ours.max(theirs) };
        Some(guess.min(values.saturating_add(other_values)))
    }
}

/// The wider of two bounds; none if either is unknown or of another kind.
fn merged_bound(
    (ours, exact): (Option<Scalar>, bool),
    (theirs, theirs_exact): (&Option<Scalar>, bool),
    ours_is_wider: impl Fn(&Scalar, &Scalar) -> bool,
) -> (Option<Scalar>, bool) {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.same_kind(theirs) => {
            if ours == *theirs {
                (Some(ours), exact || theirs_exact)
            } else if ours_is_wider(&ours, theirs) {
                (Some(ours), exact)
            } else {
                (Some(theirs.clone()), theirs_exact)
            }
        }
        _ => (None, false),
    }
}

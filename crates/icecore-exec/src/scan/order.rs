//! Which row groups are better read first.

use std::cmp::Ordering;

use icecore_segment::{Scalar, Statistics};
use icecore_types::ColumnId;

/// The order that somebody above sorts by. A TopK that gets the rows at its
/// end first knows early what it need not look at. Only an advice: the rows do
/// not come sorted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadOrder {
    pub(crate) column: ColumnId,
    pub(crate) descending: bool,
}

impl ReadOrder {
    /// The most promising first, after those of which nothing is known.
    pub(crate) fn sort<'a, T>(self, items: &mut [T], known: impl Fn(&T) -> Option<&'a Statistics>) {
        items.sort_by(|a, b| {
            match (known(a).and_then(|a| self.bound(a)), known(b).and_then(|b| self.bound(b))) {
                (Some(a), Some(b)) => {
                    let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
                    if self.descending { order.reverse() } else { order }
                }
                (a, b) => a.is_some().cmp(&b.is_some()),
            }
        });
    }

    fn bound(self, statistics: &Statistics) -> Option<&Scalar> {
        let column = statistics.columns.get(&self.column)?;
        let bound = if self.descending { &column.max } else { &column.min };
        // What compares with nothing would break the sorting.
        bound.as_ref().filter(|bound| !matches!(bound, Scalar::Float(x) if x.is_nan()))
    }
}

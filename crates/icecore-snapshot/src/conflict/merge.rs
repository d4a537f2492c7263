//! Rows of one segment that two transactions deleted, each without the other.

use bytes::Bytes;
use icecore_types::{Deletes, DeletesRef};
use roaring::RoaringBitmap;

/// A merged vector longer than this does not stand in a record.
const MOST_BYTES: usize = 16 << 10;

/// The rows that `ours` and `now` both lack, if no row was deleted by both
/// since `before`: an update of one of them would have two outcomes.
///
/// Pure, so only of vectors that stand in the records themselves: none for
/// those in objects, nor for bytes that are no vector.
pub(super) fn merged(
    before: Option<&Deletes>,
    ours: &Deletes,
    now: Option<&Deletes>,
) -> Option<Deletes> {
    let (before, ours, now) = (positions(before)?, positions(Some(ours))?, positions(now)?);
    if !before.is_subset(&ours) || !before.is_subset(&now) || (&ours & &now) != before {
        return None;
    }
    let mut both = ours | now;
    both.optimize();
    let mut bytes = Vec::with_capacity(both.serialized_size());
    both.serialize_into(&mut bytes).ok()?;
    (bytes.len() <= MOST_BYTES).then(|| Deletes {
        location: DeletesRef::Inline { bytes: Bytes::from(bytes) },
        rows: both.len(),
    })
}

fn positions(deletes: Option<&Deletes>) -> Option<RoaringBitmap> {
    let Some(deletes) = deletes else { return Some(RoaringBitmap::new()) };
    let DeletesRef::Inline { bytes } = &deletes.location else { return None };
    let positions = RoaringBitmap::deserialize_from(&bytes[..]).ok()?;
    (positions.len() == deletes.rows).then_some(positions)
}

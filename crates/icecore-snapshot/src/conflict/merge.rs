//! Rows of one segment that two transactions deleted, each without the other.

use bytes::Bytes;
use icecore_types::{Deletes, DeletesRef};
use roaring::RoaringBitmap;

/// A merged vector longer than this does not stand in a record.
const MOST_BYTES: usize = 16 << 10;

/// What becomes of two vectors of one segment.
pub(super) enum Merged {
    /// The rows that both lack.
    Both(Deletes),
    /// A row was deleted by both since: an update of it would have two
    /// outcomes.
    SameRow,
    /// They do not stand in the records themselves, or would not any more
    /// together: whoever can read and write objects has to say.
    Elsewhere,
}

/// Merges `ours` with what the segment has now, both of which add to `before`.
/// Pure, so only of vectors that stand in the records themselves.
pub(super) fn merged(before: Option<&Deletes>, ours: &Deletes, now: Option<&Deletes>) -> Merged {
    let (Some(before), Some(ours), Some(now)) =
        (positions(before), positions(Some(ours)), positions(now))
    else {
        return Merged::Elsewhere;
    };
    if !before.is_subset(&ours) || !before.is_subset(&now) || (&ours & &now) != before {
        return Merged::SameRow;
    }
    let mut both = ours | now;
    both.optimize();
    let mut bytes = Vec::with_capacity(both.serialized_size());
    if both.serialized_size() > MOST_BYTES || both.serialize_into(&mut bytes).is_err() {
        return Merged::Elsewhere;
    }
    Merged::Both(Deletes {
        location: DeletesRef::Inline { bytes: Bytes::from(bytes) },
        rows: both.len(),
    })
}

/// None of a vector in an object, nor of bytes that are no vector.
fn positions(deletes: Option<&Deletes>) -> Option<RoaringBitmap> {
    let Some(deletes) = deletes else { return Some(RoaringBitmap::new()) };
    let DeletesRef::Inline { bytes } = &deletes.location else { return None };
    let positions = RoaringBitmap::deserialize_from(&bytes[..]).ok()?;
    (positions.len() == deletes.rows).then_some(positions)
}

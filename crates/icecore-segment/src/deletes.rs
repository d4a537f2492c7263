//! Which rows of a segment are gone.

use arrow::array::BooleanArray;
use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;
use bytes::Bytes;
use icecore_types::{Error, Result};
use roaring::RoaringBitmap;

/// The positions of a segment's deleted rows.
///
/// ```
/// use icecore_segment::DeletionVector;
///
/// let mut deleted = DeletionVector::empty();
/// assert!(deleted.insert(7) && !deleted.insert(7));
/// let keep = deleted.keep_mask(4, 4).expect("row 7 is among the rows 4 to 7");
/// assert_eq!(keep.iter().flatten().collect::<Vec<_>>(), [true, true, true, false]);
/// assert!(deleted.keep_mask(0, 4).is_none());
/// assert_eq!(DeletionVector::decode(&deleted.encode())?, deleted);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletionVector {
    positions: RoaringBitmap,
}

impl DeletionVector {
    /// Nothing deleted.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Deletes the row at `position`; whether it was there.
    pub fn insert(&mut self, position: u32) -> bool {
        self.positions.insert(position)
    }

    /// Whether the row at `position` is deleted.
    pub fn contains(&self, position: u32) -> bool {
        self.positions.contains(position)
    }

    /// The rows deleted in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { positions: &self.positions | &other.positions }
    }

    /// The rows deleted in this and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self { positions: &self.positions - &other.positions }
    }

    /// Of a segment of so many rows, those that are not deleted.
    #[must_use]
    pub fn inverted(&self, rows: u32) -> Self {
        let mut positions = RoaringBitmap::new();
        positions.insert_range(0..rows);
        positions -= &self.positions;
        Self { positions }
    }

    /// How many rows are deleted.
    pub fn len(&self) -> u64 {
        self.positions.len()
    }

    /// Whether no row is deleted.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The deleted positions, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.positions.iter()
    }

    /// How many of `rows` rows from `first_row` are deleted.
    pub fn count_in(&self, first_row: u64, rows: usize) -> u64 {
        match range(first_row, rows) {
            Some((first, last)) => self.positions.range_cardinality(first..=last),
            None => 0,
        }
    }

    /// True for the rows that are still there, of `rows` from `first_row`;
    /// none if all of them are.
    pub fn keep_mask(&self, first_row: u64, rows: usize) -> Option<BooleanArray> {
        let (first, last) = range(first_row, rows)?;
        let mut deleted = self.positions.range(first..=last).peekable();
        deleted.peek()?;
        let mut keep = BooleanBufferBuilder::new(rows);
        keep.append_n(rows, true);
        deleted.for_each(|position| keep.set_bit((position - first) as usize, false));
        let keep: BooleanBuffer = keep.finish();
        Some(BooleanArray::new(keep, None))
    }

    /// Roaring's portable format.
    pub fn encode(&self) -> Bytes {
        let mut positions = self.positions.clone();
        positions.optimize();
        let mut out = Vec::with_capacity(positions.serialized_size());
        // Writing to a vector does not fail.
        let _ = positions.serialize_into(&mut out);
        Bytes::from(out)
    }

    /// Reads roaring's portable format.
    ///
    /// # Errors
    /// `Corrupted` if it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::corrupted(format_args!("a deletion vector bytes={}", bytes.len()));
        let mut rest = bytes;
        let positions = RoaringBitmap::deserialize_from(&mut rest)
            .map_err(|source| damaged().with_source(source))?;
        if rest.is_empty() { Ok(Self { positions }) } else { Err(damaged()) }
    }

    /// Bytes that it takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.positions.serialized_size()
    }
}

impl FromIterator<u32> for DeletionVector {
    fn from_iter<I: IntoIterator<Item = u32>>(positions: I) -> Self {
        Self { positions: positions.into_iter().collect() }
    }
}

/// The first and the last of `rows` positions; none if there is none.
fn range(first_row: u64, rows: usize) -> Option<(u32, u32)> {
    let last = first_row.checked_add((rows as u64).checked_sub(1)?)?;
    Some((u32::try_from(first_row).ok()?, u32::try_from(last).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_of_positions(
            positions in proptest::collection::btree_set(0_u32..3_000, 0..200),
            others in proptest::collection::btree_set(0_u32..3_000, 0..200),
            first in 0_u64..3_000,
            rows in 0_usize..300,
        ) {
            let vector: DeletionVector = positions.iter().copied().collect();
            prop_assert_eq!(&DeletionVector::decode(&vector.encode()).unwrap(), &vector);
            let expected: Vec<bool> =
                (first..first + rows as u64).map(|p| !positions.contains(&(p as u32))).collect();
            match vector.keep_mask(first, rows) {
                Some(mask) => prop_assert_eq!(mask.iter().flatten().collect::<Vec<_>>(), expected.clone()),
                None => prop_assert!(expected.iter().all(|keep| *keep)),
            }
            prop_assert_eq!(
                vector.count_in(first, rows),
                expected.iter().filter(|keep| !**keep).count() as u64
            );
            let union = vector.union(&others.iter().copied().collect());
            let both: BTreeSet<u32> = positions.union(&others).copied().collect();
            prop_assert_eq!(union.iter().collect::<BTreeSet<_>>(), both);
        }
    }

    #[test]
    fn damage_is_an_error_or_another_set_but_no_panic() {
        let vector: DeletionVector = (0..500).chain(70_000..70_100).step_by(3).collect();
        let bytes = vector.encode();
        for cut in 0..bytes.len() {
            assert!(DeletionVector::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x55;
            let _ = DeletionVector::decode(&damaged);
        }
    }

    #[test]
    fn positions_beyond_the_format_are_never_deleted() {
        let vector: DeletionVector = [u32::MAX].into_iter().collect();
        assert!(vector.keep_mask(u64::from(u32::MAX) + 1, 10).is_none());
        assert_eq!(
            vector.keep_mask(u64::from(u32::MAX), 3).map(|mask| mask.false_count()),
            Some(1)
        );
    }
}

//! Which rows of a segment are gone.
use arrow::array::BooleanArray;
use icecore_types::Result;
use roaring::RoaringBitmap;

/// The positions of a segment's deleted rows.
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

    /// True for the rows that are still there, of `rows` from `first_row`;
    /// none if all of them are.
    pub fn keep_mask(&self, _first_row: u64, _rows: usize) -> Option<BooleanArray> {
        todo!()
    }

    /// Roaring's portable format.
    pub fn encode(&self) -> bytes::Bytes {
        todo!()
    }

    /// Reads roaring's portable format.
    pub fn decode(_bytes: &[u8]) -> Result<Self> {
        todo!()
    }
}

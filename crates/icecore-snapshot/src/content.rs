//! What a table is made of at a version, shared with all other versions.

mod list;
mod states;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use icecore_types::{
    ChunkRef, Deletes, Error, LoadKey, LoadRecord, ObjectId, Result, RowId, SegmentId, SegmentRef,
};
use rpds::RedBlackTreeMapSync;

use self::list::SegmentList;
use crate::RemovedSegment;

pub use self::list::SegmentGroup;
pub(crate) use self::states::ContentHistory;

/// The rows of a table at a version: manifest chunks, segments that are in no
/// chunk yet, and what was deleted from both.
///
/// The states of a history share all that is equal in them: a state that adds
/// one segment to another costs less than a hundred bytes besides the segment.
///
/// ```
/// use icecore_snapshot::TableContent;
///
/// let empty = TableContent::default();
/// assert_eq!((empty.rows(), empty.unfolded_count()), (0, 0));
/// ```
#[derive(Clone, Debug)]
pub struct TableContent {
    rows: u64,
    stored_bytes: u64,
    next_row_id: u64,
    /// Goes on when `unfolded` becomes another list than before with more at
    /// its end.
    epoch: u64,
    unfolded: SegmentList,
    /// What appending leaves alone, behind one pointer.
    rest: Arc<Rest>,
}

#[derive(Clone, Debug)]
struct Rest {
    chunks: Vec<Arc<ChunkRef>>,
    folded: Vec<Folded>,
    deletes: RedBlackTreeMapSync<SegmentId, Arc<Deletes>>,
    removed: RedBlackTreeMapSync<SegmentId, Arc<RemovedSegment>>,
    loads: RedBlackTreeMapSync<LoadKey, Arc<LoadRecord>>,
}

/// Segments that were folded together: what storage accounting must know of
/// them, for a chunk tells it only to who reads it.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    /// Who first wrote them.
    pub(crate) table: ObjectId,
    /// Which, and the bytes that storing each takes.
    pub(crate) segments: Arc<[(SegmentId, u64)]>,
}

impl Default for TableContent {
    fn default() -> Self {
        let rest = Rest {
            chunks: Vec::new(),
            folded: Vec::new(),
            deletes: RedBlackTreeMapSync::new_sync(),
            removed: RedBlackTreeMapSync::new_sync(),
            loads: RedBlackTreeMapSync::new_sync(),
        };
        let unfolded = SegmentList::new();
        Self { rows: 0, stored_bytes: 0, next_row_id: 0, epoch: 0, unfolded, rest: Arc::new(rest) }
    }
}

impl TableContent {
    /// Rows that are there, deleted ones not counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that its segments take in the store, whoever wrote them.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// The row id that the next row gets.
    pub fn next_row_id(&self) -> RowId {
        RowId::new(self.next_row_id)
    }

    /// The manifest chunks, oldest first. A segment in one may be
    /// [removed](Self::is_removed).
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &Arc<ChunkRef>> {
        self.rest.chunks.iter()
    }

    /// The segments that are in no chunk, oldest first, without removed ones.
    pub fn unfolded(&self) -> impl ExactSizeIterator<Item = &Arc<SegmentRef>> {
        let none_removed = self.rest.removed.is_empty();
        let there = |segment: &&Arc<SegmentRef>| none_removed || !self.is_removed(segment.id);
        self.unfolded.iter().filter(there).collect::<Vec<_>>().into_iter()
    }

    /// The segments that are in no chunk, oldest first, removed ones included,
    /// in groups of up to 64.
    pub fn unfolded_groups(&self) -> impl Iterator<Item = SegmentGroup<'_>> {
        self.unfolded.groups().map(SegmentGroup::new)
    }

    /// Segments that are in no chunk, removed ones included: how much folding
    /// there is to do.
    pub fn unfolded_count(&self) -> usize {
        self.unfolded.len()
    }

    /// The deleted rows of a segment, wherever it stands.
    pub fn deletes(&self, segment: SegmentId) -> Option<&Deletes> {
        self.rest.deletes.get(&segment).map(|deletes| &**deletes)
    }

    /// All segments with deleted rows, ordered by segment.
    pub fn all_deletes(&self) -> impl Iterator<Item = (SegmentId, &Deletes)> {
        self.rest.deletes.iter().map(|(segment, deletes)| (*segment, &**deletes))
    }

    /// Whether the segment is no longer part of the table.
    pub fn is_removed(&self, segment: SegmentId) -> bool {
        self.rest.removed.contains_key(&segment)
    }

    /// How many segments are removed that still stand in a chunk or unfolded.
    pub fn removed_count(&self) -> usize {
        self.rest.removed.size()
    }

    /// The removed segments that still stand in a chunk or unfolded.
    pub fn removed(&self) -> impl Iterator<Item = &RemovedSegment> {
        self.rest.removed.values().map(|removed| &**removed)
    }

    /// What is remembered of a file, if it was loaded.
    pub fn load(&self, key: &LoadKey) -> Option<&LoadRecord> {
        self.rest.loads.get(key).map(|load| &**load)
    }

    /// The files that were loaded, ordered by key.
    pub fn loads(&self) -> impl Iterator<Item = &LoadRecord> {
        self.rest.loads.values().map(|load| &**load)
    }

    /// The unfolded segments, oldest first, removed ones included.
    pub(crate) fn shared_unfolded(&self) -> impl Iterator<Item = &Arc<SegmentRef>> {
        self.unfolded.iter()
    }

    /// The segments in chunks, removed ones included.
    pub(crate) fn folded(&self) -> &[Folded] {
        &self.rest.folded
    }

    /// As a clone has it: the same rows, no memory of loads.
    pub(crate) fn for_clone(&self) -> Self {
        let mut copy = self.clone();
        if !copy.rest.loads.is_empty() {
            Arc::make_mut(&mut copy.rest).loads = RedBlackTreeMapSync::new_sync();
        }
        copy
    }

    pub(crate) fn append(&mut self, segments: &[SegmentRef]) -> Result<()> {
        for segment in segments {
            let mut segment = segment.clone();
            segment.first_row_id = self.next_row_id();
            self.rows = sum(self.rows, segment.rows)?;
            self.next_row_id = sum(self.next_row_id, segment.rows)?;
            self.stored_bytes = sum(self.stored_bytes, segment.stored_bytes())?;
            self.unfolded.push(Arc::new(segment));
        }
        Ok(())
    }

    pub(crate) fn remember(&mut self, files: &[LoadRecord]) {
        if files.is_empty() {
            return;
        }
        let rest = Arc::make_mut(&mut self.rest);
        for file in files {
            rest.loads.insert_mut(file.key.clone(), Arc::new(file.clone()));
        }
    }

    pub(crate) fn set_deletes(&mut self, deletes: &[(SegmentId, Deletes)]) -> Result<()> {
        let rest = Arc::make_mut(&mut self.rest);
        for (segment, deletes) in deletes {
            if rest.removed.contains_key(segment) {
                return Err(impossible(format!("rows deleted of removed segment={segment}")));
            }
            let before = rest.deletes.get(segment).map_or(0, |deletes| deletes.rows);
            let more = difference(deletes.rows, before)?;
            self.rows = difference(self.rows, more)?;
            rest.deletes.insert_mut(*segment, Arc::new(deletes.clone()));
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, segments: &[RemovedSegment]) -> Result<()> {
        let rest = Arc::make_mut(&mut self.rest);
        for segment in segments {
            if rest.removed.contains_key(&segment.id) {
                return Err(impossible(format!("segment removed twice segment={}", segment.id)));
            }
            let deleted = rest.deletes.get(&segment.id).map_or(0, |deletes| deletes.rows);
            self.rows = difference(self.rows, difference(segment.rows, deleted)?)?;
            self.stored_bytes = difference(self.stored_bytes, segment.stored_bytes)?;
            rest.deletes.remove_mut(&segment.id);
            rest.removed.insert_mut(segment.id, Arc::new(*segment));
        }
        Ok(())
    }

    pub(crate) fn truncate(&mut self, keep_loads: bool) {
        let (next_row_id, epoch) = (self.next_row_id, self.epoch + 1);
        let mut empty = Self { next_row_id, epoch, ..Self::default() };
        if keep_loads && !self.rest.loads.is_empty() {
            Arc::make_mut(&mut empty.rest).loads = self.rest.loads.clone();
        }
        *self = empty;
    }

    pub(crate) fn fold(
        &mut self,
        folded: &[SegmentId],
        chunks: &[ChunkRef],
        replaced: &[String],
    ) -> Result<()> {
        let folded: HashSet<SegmentId> = folded.iter().copied().collect();
        let moved = self.take_unfolded(&folded)?;
        let rest = Arc::make_mut(&mut self.rest);
        let mut origins: BTreeMap<ObjectId, Vec<(SegmentId, u64)>> = BTreeMap::new();
        for segment in moved.iter().filter(|it| !rest.removed.contains_key(&it.id)) {
            origins.entry(segment.table).or_default().push((segment.id, segment.stored_bytes()));
        }
        let origins = origins.into_iter();
        rest.folded
            .extend(origins.map(|(table, segments)| Folded { table, segments: segments.into() }));

        let before = rest.chunks.len();
        rest.chunks.retain(|chunk| !replaced.iter().any(|path| **path == *chunk.object.path));
        if rest.chunks.len() + replaced.len() != before {
            return Err(impossible("a replaced chunk is not there"));
        }
        rest.chunks.extend(chunks.iter().cloned().map(Arc::new));
        // A removed segment that was not folded in is gone for good.
        for segment in folded {
            rest.removed.remove_mut(&segment);
        }
        Ok(())
    }
}

impl TableContent {
    /// Takes these segments out of those that are in no chunk.
    fn take_unfolded(&mut self, taken: &HashSet<SegmentId>) -> Result<Vec<Arc<SegmentRef>>> {
        let (moved, kept): (Vec<_>, Vec<_>) =
            self.unfolded.iter().cloned().partition(|segment| taken.contains(&segment.id));
        if moved.len() != taken.len() {
            return Err(impossible("a folded segment is not there"));
        }
        self.unfolded = SegmentList::new();
        self.epoch += 1;
        kept.into_iter().for_each(|segment| self.unfolded.push(segment));
        Ok(moved)
    }
}

fn sum(a: u64, b: u64) -> Result<u64> {
    a.checked_add(b).ok_or_else(|| impossible("a count beyond 64 bits"))
}

fn difference(a: u64, b: u64) -> Result<u64> {
    a.checked_sub(b).ok_or_else(|| impossible("more rows or bytes removed than there are"))
}

fn impossible(what: impl std::fmt::Display) -> Error {
    Error::internal(format!("a change of a table: {what}"))
}

//! The segments that a scan reads, found in the manifest.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion_physical_expr::PhysicalExpr;
use icecore_segment::{DeletionVector, Statistics};
use icecore_snapshot::TableContent;
use icecore_types::{Deletes, Result, SegmentId, SegmentRef};
use tokio::sync::OnceCell;

use super::groups::{Group, merged};
use super::pruning::Pruning;
use super::{ROWS_PER_PARTITION, TableScan};

/// A segment with a row that may match.
#[derive(Clone, Debug)]
pub(crate) struct ListedSegment {
    /// See [`TableScan::segment`].
    pub(crate) ordinal: u32,
    pub(crate) reference: Arc<SegmentRef>,
    pub(crate) deletes: Option<Deletes>,
    /// The rows that are left out, if they are others than the deleted ones.
    pub(crate) hidden: Option<Arc<DeletionVector>>,
    /// Column statistics that are at hand; those of a chunk's segments are
    /// columns of the chunk, and read from the footer instead.
    pub(crate) statistics: Option<Arc<Statistics>>,
}

impl ListedSegment {
    pub(crate) fn live_rows(&self) -> u64 {
        let deleted = match &self.hidden {
            Some(hidden) => hidden.len(),
            None => self.deletes.as_ref().map_or(0, |deletes| deletes.rows),
        };
        self.reference.rows.saturating_sub(deleted)
    }
}

/// What is left of a table's segments, and what is known of all of them.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Of a whole table not before somebody reads it: what planning needs is
    /// known without.
    segments: OnceCell<Vec<ListedSegment>>,
    /// How many segments are left.
    pub(crate) kept: usize,
    /// Their rows, deleted ones included.
    rows: u64,
    live_rows: u64,
    /// Segments that the table has.
    pub(crate) total: usize,
    /// Over all segments, pruned and removed ones included.
    pub(crate) statistics: Statistics,
    /// Whether a row that is in the statistics is no longer in the table.
    pub(crate) has_deletes: bool,
    /// Segments whose statistics were decoded for it.
    pub(crate) decoded: usize,
}

impl Listing {
    /// Looks through the manifest: first at whole chunks and groups, then at
    /// segments, and at those only where there is something to decide.
    pub(crate) async fn read(
        scan: &Arc<TableScan>,
        filters: &[Arc<dyn PhysicalExpr>],
    ) -> Result<Self> {
        let content = &scan.content;
        let chunks = decoded_chunks(content)?;
        let (groups, decoded) = Group::all(content)?;
        let chunk_segments: u64 = content.chunks().map(|chunk| chunk.segments).sum();
        let unfolded: usize = groups.iter().map(|group| group.live).sum();
        let gone = content.unfolded_count().saturating_sub(unfolded);
        let removed = content.removed_count().saturating_sub(gone);
        let rows = content.chunks().map(|chunk| chunk.rows).sum::<u64>()
            + groups.iter().map(|group| group.rows).sum::<u64>();
        let total = (chunk_segments as usize + unfolded).saturating_sub(removed);
        let mut listing = Self {
            segments: OnceCell::new(),
            kept: total,
            rows,
            live_rows: content.rows(),
            total,
            statistics: Statistics::default(),
            // Rows only ever leave a table's segments.
            has_deletes: rows != content.rows(),
            decoded,
        };
        if let Some(pruning) = Pruning::new(scan, filters) {
            let finder = Finder { scan, pruning: Some(&pruning) };
            listing.keep(finder.find(&chunks, &groups).await?);
        }
        listing.statistics = merged(chunks.iter().chain(groups.iter().map(|group| &group.all)));
        Ok(listing)
    }

    /// These segments, of which nothing else is known.
    pub(crate) fn of(segments: Vec<ListedSegment>) -> Self {
        // What is known of the rows is then taken for an estimate.
        let mut listing = Self { total: segments.len(), has_deletes: true, ..Self::default() };
        listing.keep(segments);
        listing
    }

    /// Without these segments.
    pub(crate) async fn without(
        mut self,
        scan: &Arc<TableScan>,
        excluded: &HashSet<SegmentId>,
    ) -> Result<Self> {
        if excluded.is_empty() {
            return Ok(self);
        }
        let left = self.segments(scan).await?.iter();
        let left = left.filter(|segment| !excluded.contains(&segment.reference.id));
        let left = left.cloned().collect();
        self.keep(left);
        self.has_deletes = true;
        Ok(self)
    }

    fn keep(&mut self, segments: Vec<ListedSegment>) {
        self.kept = segments.len();
        self.rows = segments.iter().map(|segment| segment.reference.rows).sum();
        self.live_rows = segments.iter().map(ListedSegment::live_rows).sum();
        self.segments = OnceCell::new_with(Some(segments));
    }

    /// The segments that are left.
    pub(crate) async fn segments(&self, scan: &TableScan) -> Result<&[ListedSegment]> {
        let found = self.segments.get_or_try_init(|| async {
            let (groups, _) = Group::all(&scan.content)?;
            Finder { scan, pruning: None }.find(&decoded_chunks(&scan.content)?, &groups).await
        });
        found.await.map(Vec::as_slice)
    }

    /// Rows to be read, deleted ones not counted.
    pub(crate) fn live_rows(&self) -> u64 {
        self.live_rows
    }

    /// As many partitions as there is work for, at least one.
    pub(crate) fn worthwhile_partitions(&self, partitions: usize) -> usize {
        let worthwhile = self.rows.div_ceil(ROWS_PER_PARTITION);
        usize::try_from(worthwhile).unwrap_or(usize::MAX).min(partitions).max(1)
    }
}

/// Finds the segments that may have a matching row.
struct Finder<'a> {
    scan: &'a TableScan,
    pruning: Option<&'a Pruning>,
}

impl Finder<'_> {
    async fn find(
        &self,
        chunks: &[Arc<Statistics>],
        groups: &[Group<'_>],
    ) -> Result<Vec<ListedSegment>> {
        let mut found = Vec::new();
        let first = self.find_in_chunks(chunks, &mut found).await?;
        self.find_in_groups(groups, first, &mut found);
        Ok(found)
    }

    /// Returns the ordinal of the first segment that is in no chunk.
    async fn find_in_chunks(
        &self,
        statistics: &[Arc<Statistics>],
        found: &mut Vec<ListedSegment>,
    ) -> Result<u32> {
        let content = &self.scan.content;
        let kept = self.may_match(statistics);
        let mut first = 0;
        for (reference, kept) in content.chunks().zip(kept) {
            let ordinal = first;
            first += reference.segments as u32;
            if !kept {
                continue;
            }
            let chunk = self.scan.segments.open_chunk(reference).await?;
            let kept = match self.pruning {
                Some(pruning) => pruning.may_match_in(&chunk).await?,
                None => vec![true; chunk.len()],
            };
            for index in (0..chunk.len()).filter(|index| kept.get(*index) == Some(&true)) {
                let reference = chunk.segment(index)?;
                if content.is_removed(reference.id) {
                    continue;
                }
                let deletes = match content.deletes(reference.id) {
                    Some(deletes) => Some(deletes.clone()),
                    None => chunk.deletes(index)?,
                };
                let ordinal = ordinal + index as u32;
                let (hidden, statistics) = (None, None);
                found.push(ListedSegment { ordinal, reference, deletes, hidden, statistics });
            }
        }
        Ok(first)
    }

    fn find_in_groups(&self, groups: &[Group<'_>], first: u32, found: &mut Vec<ListedSegment>) {
        let content = &self.scan.content;
        let all: Vec<_> = groups.iter().map(|group| Arc::clone(&group.all)).collect();
        let mut next = first;
        for (group, kept) in groups.iter().zip(self.may_match(&all)) {
            let ordinal = next;
            next += group.live as u32;
            if !kept {
                continue;
            }
            let members: Vec<_> = group.members(content).collect();
            let each: Vec<_> = members.iter().map(|(_, it)| Arc::clone(it)).collect();
            for (index, kept) in self.may_match(&each).into_iter().enumerate() {
                let Some((reference, statistics)) = members.get(index).filter(|_| kept) else {
                    continue;
                };
                found.push(ListedSegment {
                    ordinal: ordinal + index as u32,
                    reference: Arc::clone(reference),
                    deletes: content.deletes(reference.id).cloned(),
                    hidden: None,
                    statistics: Some(Arc::clone(statistics)),
                });
            }
        }
    }

    fn may_match(&self, statistics: &[Arc<Statistics>]) -> Vec<bool> {
        match self.pruning {
            Some(pruning) => {
                let statistics: Vec<_> = statistics.iter().map(AsRef::as_ref).collect();
                pruning.may_match(&statistics).1
            }
            None => vec![true; statistics.len()],
        }
    }
}

fn decoded_chunks(content: &TableContent) -> Result<Vec<Arc<Statistics>>> {
    content.chunks().map(|chunk| Statistics::decode(&chunk.statistics).map(Arc::new)).collect()
}

#[cfg(test)]
mod tests;

//! The segments that a scan reads, found in the manifest.

use std::sync::Arc;

use datafusion_physical_expr::PhysicalExpr;
use icecore_segment::{DeletionVector, Statistics};
use icecore_snapshot::TableContent;
use icecore_types::{Deletes, Result, SegmentRef};

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
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) segments: Vec<ListedSegment>,
    /// Segments that the table has.
    pub(crate) total: usize,
    /// Over all segments, pruned and removed ones included.
    pub(crate) statistics: Statistics,
    /// Whether a row that is in the statistics is no longer in the table.
    pub(crate) has_deletes: bool,
}

impl Listing {
    /// Looks through the manifest: first at whole chunks, then at segments.
    pub(crate) async fn read(
        scan: &Arc<TableScan>,
        filters: &[Arc<dyn PhysicalExpr>],
    ) -> Result<Self> {
        let mut listing = Self {
            segments: Vec::new(),
            total: 0,
            statistics: Statistics::default(),
            has_deletes: false,
        };
        let pruning = Pruning::new(scan, filters);
        let mut all = Vec::new();
        let first = listing.read_chunks(scan, pruning.as_ref(), &mut all).await?;
        listing.read_unfolded(scan, pruning.as_ref(), first, &mut all)?;
        let removed = removed_from_chunks(&scan.content);
        listing.total = listing.total.saturating_sub(removed);
        listing.has_deletes |= removed > 0;
        listing.statistics = merged(all);
        Ok(listing)
    }

    /// The chunks' segments; returns the ordinal of the first unfolded one.
    async fn read_chunks(
        &mut self,
        scan: &TableScan,
        pruning: Option<&Pruning>,
        all: &mut Vec<Arc<Statistics>>,
    ) -> Result<u32> {
        let content = &scan.content;
        let chunks: Vec<_> = content.chunks().collect();
        let statistics = chunks
            .iter()
            .map(|chunk| Statistics::decode(&chunk.statistics).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        let kept = may_match(pruning, &statistics);
        let mut first = 0;
        for (reference, kept) in chunks.into_iter().zip(kept) {
            let ordinal = first;
            first += reference.segments as u32;
            self.total += reference.segments as usize;
            if !kept {
                continue;
            }
            let chunk = scan.segments.open_chunk(reference).await?;
            let kept = match pruning {
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
                self.add(ListedSegment {
                    ordinal,
                    reference,
                    deletes,
                    hidden: None,
                    statistics: None,
                });
            }
        }
        all.extend(statistics);
        Ok(first)
    }

    fn read_unfolded(
        &mut self,
        scan: &TableScan,
        pruning: Option<&Pruning>,
        first: u32,
        all: &mut Vec<Arc<Statistics>>,
    ) -> Result<()> {
        let content = &scan.content;
        let references: Vec<_> = content.unfolded().collect();
        let statistics = references
            .iter()
            .map(|reference| Statistics::decode(&reference.statistics).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        let kept = may_match(pruning, &statistics);
        self.total += references.len();
        for (index, reference) in references.into_iter().enumerate() {
            if kept.get(index) != Some(&true) {
                continue;
            }
            self.add(ListedSegment {
                ordinal: first + index as u32,
                reference: Arc::clone(reference),
                deletes: content.deletes(reference.id).cloned(),
                hidden: None,
                statistics: statistics.get(index).cloned(),
            });
        }
        all.extend(statistics);
        Ok(())
    }

    fn add(&mut self, segment: ListedSegment) {
        self.has_deletes |= segment.deletes.is_some();
        self.segments.push(segment);
    }

    /// Rows to be read, deleted ones not counted.
    pub(crate) fn live_rows(&self) -> u64 {
        self.segments.iter().map(ListedSegment::live_rows).sum()
    }

    /// As many partitions as there is work for, at least one.
    pub(crate) fn worthwhile_partitions(&self, partitions: usize) -> usize {
        let rows: u64 = self.segments.iter().map(|segment| segment.reference.rows).sum();
        let worthwhile = rows.div_ceil(ROWS_PER_PARTITION);
        usize::try_from(worthwhile).unwrap_or(usize::MAX).min(partitions).max(1)
    }
}

/// Segments that stand in a chunk and are no longer part of the table.
fn removed_from_chunks(content: &TableContent) -> usize {
    let unfolded = content.unfolded_count().saturating_sub(content.unfolded().len());
    content.removed_count().saturating_sub(unfolded)
}

fn may_match(pruning: Option<&Pruning>, statistics: &[Arc<Statistics>]) -> Vec<bool> {
    match pruning {
        Some(pruning) => {
            let statistics: Vec<_> = statistics.iter().map(AsRef::as_ref).collect();
            pruning.may_match(&statistics).1
        }
        None => vec![true; statistics.len()],
    }
}

fn merged(all: Vec<Arc<Statistics>>) -> Statistics {
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => {
            let mut merged = Statistics::clone(&first);
            all.for_each(|next| merged.merge(&next));
            merged
        }
        None => Statistics::default(),
    }
}

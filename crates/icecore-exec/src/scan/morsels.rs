//! The work of one execution of a scan, shared by its partitions.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use datafusion_physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use icecore_segment::{DeletionVector, RowGroup, Segment, Statistics};
use icecore_types::{Result, SegmentRef};
use parking_lot::Mutex;
use tokio::sync::{Notify, OnceCell};

use super::TableScan;
use super::listing::{ListedSegment, Listing};
use super::order::ReadOrder;
use super::pruning::{Generation, Pruning};

/// A segment that somebody opened.
pub(crate) struct OpenSegment {
    pub(crate) ordinal: u32,
    pub(crate) reference: Arc<SegmentRef>,
    pub(crate) segment: Arc<Segment>,
    pub(crate) deletes: Option<Arc<DeletionVector>>,
}

/// The unit of work: a row group.
pub(crate) struct Morsel {
    pub(crate) open: Arc<OpenSegment>,
    pub(crate) index: usize,
    pub(crate) row_group: RowGroup,
    decided: Generation,
}

/// Hands each row group to whichever partition asks first.
pub(crate) struct Morsels {
    scan: Arc<TableScan>,
    listing: Arc<Listing>,
    pruning: Option<Pruning>,
    read_order: Option<ReadOrder>,
    /// Indices into the listing, in the order in which they are read; found
    /// by whoever asks first.
    segments: OnceCell<Vec<usize>>,
    queue: Mutex<Queue>,
    /// Told when row groups were added or a segment was done with.
    changed: Notify,
    segments_pruned: Count,
    row_groups_pruned: Count,
}

#[derive(Default)]
struct Queue {
    /// How many segments were taken to be opened.
    next: usize,
    /// Segments that are being opened: they may yet add row groups.
    opening: usize,
    ready: VecDeque<Morsel>,
}

enum Step {
    Read(Morsel),
    Open(usize),
    Wait,
    Over,
}

impl Morsels {
    pub(crate) fn new(
        scan: Arc<TableScan>,
        listing: Arc<Listing>,
        pruning: Option<Pruning>,
        read_order: Option<ReadOrder>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Self {
        let counter = |name: &'static str| MetricBuilder::new(metrics).global_counter(name);
        let (segments_pruned, row_groups_pruned) =
            (counter("segments_pruned"), counter("row_groups_pruned"));
        counter("segments_total").add(listing.total);
        counter("statistics_decoded").add(listing.decoded);
        segments_pruned.add(listing.total.saturating_sub(listing.kept));
        Self {
            scan,
            listing,
            pruning,
            read_order,
            segments: OnceCell::new(),
            queue: Mutex::default(),
            changed: Notify::new(),
            segments_pruned,
            row_groups_pruned,
        }
    }

    /// The next row group that may have a matching row; none when all are
    /// taken.
    pub(crate) async fn next(&self) -> Result<Option<Morsel>> {
        let listed = self.listing.segments(&self.scan).await?;
        let order = self.segments.get_or_init(|| async { self.order(listed) }).await;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Listening before looking, so that no change is missed.
            changed.as_mut().enable();
            match self.step(order) {
                Step::Read(morsel) if self.is_pruned(&morsel) => self.row_groups_pruned.add(1),
                Step::Read(morsel) => return Ok(Some(morsel)),
                Step::Open(index) => {
                    // Whatever becomes of it, also if this future is dropped.
                    let _opening = Opening(self);
                    if let Some(segment) = listed.get(index) {
                        let morsels = self.open(segment).await?;
                        self.queue.lock().ready.extend(morsels);
                    }
                }
                Step::Wait => changed.await,
                Step::Over => return Ok(None),
            }
        }
    }

    fn order(&self, listed: &[ListedSegment]) -> Vec<usize> {
        let mut segments: Vec<_> = (0..listed.len()).collect();
        if let Some(order) = self.read_order {
            order.sort(&mut segments, |index| listed.get(*index)?.statistics.as_deref());
        }
        segments
    }

    fn step(&self, order: &[usize]) -> Step {
        let mut queue = self.queue.lock();
        if let Some(morsel) = queue.ready.pop_front() {
            Step::Read(morsel)
        } else if let Some(index) = order.get(queue.next) {
            queue.next += 1;
            queue.opening += 1;
            Step::Open(*index)
        } else if queue.opening > 0 {
            Step::Wait
        } else {
            Step::Over
        }
    }

    async fn open(&self, listed: &ListedSegment) -> Result<Vec<Morsel>> {
        if let (Some(pruning), Some(statistics)) = (&self.pruning, &listed.statistics)
            && pruning.is_dynamic()
            && pruning.may_match(&[statistics.as_ref()]).1 == [false]
        {
            self.segments_pruned.add(1);
            return Ok(Vec::new());
        }
        let segment = self.scan.segments.open(&listed.reference).await?;
        let deletes = match (&listed.hidden, &listed.deletes) {
            (Some(hidden), _) => Some(Arc::clone(hidden)),
            (None, Some(deletes)) => Some(self.scan.segments.read_deletes(deletes).await?),
            (None, None) => None,
        };
        let open = Arc::new(OpenSegment {
            ordinal: listed.ordinal,
            reference: Arc::clone(&listed.reference),
            segment,
            deletes,
        });
        Ok(self.row_groups(&open))
    }

    fn row_groups(&self, open: &Arc<OpenSegment>) -> Vec<Morsel> {
        let row_groups = open.segment.row_groups();
        let (decided, kept) = match &self.pruning {
            Some(pruning) => {
                let nothing = Statistics::default();
                let statistics: Vec<_> = (0..row_groups.len())
                    .map(|index| open.segment.row_group_statistics(index).unwrap_or(&nothing))
                    .collect();
                pruning.may_match(&statistics)
            }
            None => (Generation::NONE, vec![true; row_groups.len()]),
        };
        let mut morsels: Vec<_> = row_groups
            .iter()
            .enumerate()
            .filter(|(index, _)| kept.get(*index) != Some(&false))
            .map(|(index, row_group)| Morsel {
                open: Arc::clone(open),
                index,
                row_group: *row_group,
                decided,
            })
            .collect();
        self.row_groups_pruned.add(row_groups.len() - morsels.len());
        if let Some(order) = self.read_order {
            order.sort(&mut morsels, |morsel| open.segment.row_group_statistics(morsel.index));
        }
        morsels
    }

    /// Whether filters that changed since it was listed rule it out.
    fn is_pruned(&self, morsel: &Morsel) -> bool {
        let Some(pruning) = &self.pruning else { return false };
        match morsel.open.segment.row_group_statistics(morsel.index) {
            Some(statistics) if pruning.has_changed(morsel.decided) => {
                pruning.may_match(&[statistics]).1 == [false]
            }
            _ => false,
        }
    }
}

/// A segment being opened; those who wait for it are woken at its end.
struct Opening<'a>(&'a Morsels);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().opening -= 1;
        self.0.changed.notify_waiters();
    }
}

impl fmt::Debug for Morsels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Morsels").field("table", &self.scan.name).finish_non_exhaustive()
    }
}

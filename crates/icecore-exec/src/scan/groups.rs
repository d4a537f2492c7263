//! What is known of the segments that are in no chunk: worked out once for each
//! group of them that is full, whatever version or clone asks.

use std::sync::Arc;

use icecore_segment::Statistics;
use icecore_snapshot::{SegmentGroup, TableContent};
use icecore_types::{Result, SegmentRef};

/// The statistics of a group's segments.
#[derive(Debug)]
struct Known {
    each: Vec<Arc<Statistics>>,
    all: Arc<Statistics>,
    rows: u64,
}

impl Known {
    fn of(segments: &[Arc<SegmentRef>]) -> Result<Self> {
        let each = segments
            .iter()
            .map(|segment| Statistics::decode(&segment.statistics).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        let all = Arc::new(merged(&each));
        let rows = segments.iter().map(|segment| segment.rows).sum();
        Ok(Self { each, all, rows })
    }
}

/// Segments that stand together, and how much of them a version still has.
pub(crate) struct Group<'a> {
    segments: &'a [Arc<SegmentRef>],
    known: Arc<Known>,
    /// Over the segments that are left.
    pub(crate) all: Arc<Statistics>,
    /// How many are left.
    pub(crate) live: usize,
    /// Their rows, deleted ones included.
    pub(crate) rows: u64,
}

impl<'a> Group<'a> {
    /// All groups of a version, and how many segments' statistics had to be
    /// decoded for it.
    pub(crate) fn all(content: &'a TableContent) -> Result<(Vec<Self>, usize)> {
        let mut decoded = 0;
        let groups = content
            .unfolded_groups()
            .map(|group| Self::new(content, group, &mut decoded))
            .collect::<Result<_>>()?;
        Ok((groups, decoded))
    }

    fn new(content: &TableContent, group: SegmentGroup<'a>, decoded: &mut usize) -> Result<Self> {
        let known = group.derived(|segments| {
            *decoded += segments.len();
            Known::of(segments)
        })?;
        let segments = group.segments();
        let mut whole = Self {
            segments,
            all: Arc::clone(&known.all),
            live: segments.len(),
            rows: known.rows,
            known,
        };
        let untouched = content.removed_count() == 0
            || !segments.iter().any(|segment| content.is_removed(segment.id));
        if !untouched {
            let left: Vec<_> = whole.members(content).collect();
            let (live, rows) = (left.len(), left.iter().map(|(segment, _)| segment.rows).sum());
            let all = Arc::new(merged(left.iter().map(|(_, statistics)| *statistics)));
            (whole.live, whole.rows, whole.all) = (live, rows, all);
        }
        Ok(whole)
    }

    /// The segments that are left, oldest first.
    pub(crate) fn members<'b>(
        &'b self,
        content: &'b TableContent,
    ) -> impl Iterator<Item = (&'a Arc<SegmentRef>, &'b Arc<Statistics>)> {
        let both = self.segments.iter().zip(&self.known.each);
        both.filter(|(segment, _)| !content.is_removed(segment.id))
    }
}

/// What is known of all these rows together.
pub(crate) fn merged<'a>(all: impl IntoIterator<Item = &'a Arc<Statistics>>) -> Statistics {
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => {
            let mut merged = Statistics::clone(first);
            all.for_each(|next| merged.merge(next));
            merged
        }
        None => Statistics::default(),
    }
}

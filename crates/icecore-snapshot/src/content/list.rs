//! The segments of a table that are in no chunk, shared by its versions.

use std::any::Any;
use std::sync::Arc;

use icecore_types::SegmentRef;

use crate::blocks::{Blocks, Derived};

/// The first so many of a list that later versions add to.
#[derive(Clone, Debug)]
pub(crate) struct SegmentList {
    all: Blocks<Arc<SegmentRef>>,
    /// How many of `all` are in it.
    length: usize,
}

impl SegmentList {
    pub(crate) fn new() -> Self {
        Self { all: Blocks::new(), length: 0 }
    }

    /// This list as it was when it had `length` segments.
    pub(crate) fn prefix(&self, length: usize) -> Self {
        Self { all: self.all.clone(), length: length.min(self.all.len()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn push(&mut self, segment: Arc<SegmentRef>) {
        if self.all.len() > self.length {
            self.all = self.all.prefix(self.length);
        }
        self.all.push(segment);
        self.length += 1;
    }

    /// The segments, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SegmentRef>> {
        self.groups().flat_map(|(segments, _)| segments)
    }

    /// The segments in groups of those that stand together, oldest first. A
    /// group that will never change has room for what is derived from it.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&[Arc<SegmentRef>], Option<&Derived>)> {
        let mut left = self.length;
        self.all.groups().map_while(move |(segments, derived)| {
            let shown = segments.get(..left.min(segments.len())).unwrap_or_default();
            left -= shown.len();
            let derived = derived.filter(|_| shown.len() == segments.len());
            (!shown.is_empty()).then_some((shown, derived))
        })
    }
}

/// Segments that are in no chunk and stand together in the table's list.
///
/// ```
/// use icecore_snapshot::TableContent;
///
/// let content = TableContent::default();
/// assert_eq!(content.unfolded_groups().count(), 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SegmentGroup<'a> {
    segments: &'a [Arc<SegmentRef>],
    derived: Option<&'a Derived>,
}

impl<'a> SegmentGroup<'a> {
    pub(super) fn new((segments, derived): (&'a [Arc<SegmentRef>], Option<&'a Derived>)) -> Self {
        Self { segments, derived }
    }

    /// The segments, oldest first, removed ones included.
    pub fn segments(&self) -> &'a [Arc<SegmentRef>] {
        self.segments
    }

    /// What `derive` makes of the segments: once for a group that is full, for
    /// all versions and tables that share it. Every caller must derive the
    /// same; a value of another type is derived anew each time.
    ///
    /// # Errors
    /// Those of `derive`.
    pub fn derived<T: Send + Sync + 'static, E>(
        &self,
        derive: impl FnOnce(&'a [Arc<SegmentRef>]) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let Some(place) = self.derived else { return derive(self.segments).map(Arc::new) };
        if let Some(Ok(known)) = place.get().cloned().map(Arc::downcast::<T>) {
            return Ok(known);
        }
        let made = Arc::new(derive(self.segments)?);
        let _ = place.set(Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        Ok(made)
    }
}

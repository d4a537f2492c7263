//! Deletion vectors of statements that deleted other rows of one segment.

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_segment::{DeletionVector, SegmentStore};
use icecore_snapshot::{DeletesConflict, DeletesMerger};
use icecore_types::{Deletes, Result};

/// Merges them, wherever they are stored.
pub(crate) struct Vectors<'a>(pub(crate) &'a SegmentStore);

impl Vectors<'_> {
    async fn read(&self, deletes: Option<&Deletes>) -> Result<DeletionVector> {
        match deletes {
            Some(deletes) => Ok(self.0.read_deletes(deletes).await?.as_ref().clone()),
            None => Ok(DeletionVector::empty()),
        }
    }

    async fn both(&self, conflict: &DeletesConflict) -> Result<Option<Deletes>> {
        let before = self.read(conflict.before.as_ref()).await?;
        let ours = self.read(Some(&conflict.ours)).await?;
        let theirs = self.read(conflict.theirs.as_ref()).await?;
        let adds = |vector: &DeletionVector| before.without(vector).is_empty();
        let (new, newer) = (ours.without(&before), theirs.without(&before));
        if !adds(&ours) || !adds(&theirs) || new.without(&newer).len() != new.len() {
            return Ok(None);
        }
        self.0.write_deletes(&ours.union(&theirs)).await.map(Some)
    }
}

impl DeletesMerger for Vectors<'_> {
    fn merge(&self, conflict: DeletesConflict) -> BoxFuture<'_, Result<Option<Deletes>>> {
        async move { self.both(&conflict).await }.boxed()
    }
}

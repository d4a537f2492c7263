//! Deletes of one segment whose vectors are objects: judging a transaction is
//! pure and reads none, so they are merged before it is judged again.

use futures::future::BoxFuture;
use icecore_types::{Code, Deletes, ObjectId, Result, SegmentId};

use crate::conflict::in_the_way;
use crate::{Account, Commit, Transaction, Update};

/// How often deletes are merged with those of others before the statement is
/// run again: each time others were faster.
const MOST_MERGES: usize = 8;

/// Rows of a segment that two transactions deleted, each without the other.
///
/// ```
/// use icecore_snapshot::DeletesConflict;
/// use icecore_types::{Deletes, DeletesRef};
///
/// let vector = |rows| Deletes { location: DeletesRef::Inline { bytes: "..".into() }, rows };
/// let conflict = DeletesConflict { before: None, ours: vector(2), theirs: Some(vector(1)) };
/// assert_eq!(conflict.ours.rows, 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletesConflict {
    /// What both add to; nothing if none.
    pub before: Option<Deletes>,
    /// The vector that is to be committed.
    pub ours: Deletes,
    /// The vector that was committed meanwhile.
    pub theirs: Option<Deletes>,
}

/// Reads and writes deletion vectors. The log decides what is merged and
/// commits it; what is in a vector's object is the segment crate's.
///
/// ```
/// use futures::FutureExt;
/// use futures::future::BoxFuture;
/// use icecore_snapshot::{DeletesConflict, DeletesMerger};
/// use icecore_types::{Deletes, Result};
///
/// /// Every two statements are run one after the other.
/// struct Never;
/// impl DeletesMerger for Never {
///     fn merge(&self, _: DeletesConflict) -> BoxFuture<'_, Result<Option<Deletes>>> {
///         async { Ok(None) }.boxed()
///     }
/// }
/// ```
pub trait DeletesMerger: Send + Sync {
    /// Stores the rows that either lacks; none if both deleted the same row,
    /// or if a vector does not add to the one before.
    fn merge(&self, conflict: DeletesConflict) -> BoxFuture<'_, Result<Option<Deletes>>>;
}

impl Account {
    /// Commits as [`Self::commit`] does; deletes of other rows of segments of
    /// which others deleted rows meanwhile are merged with theirs, however
    /// long the vectors are.
    ///
    /// # Errors
    /// Those of [`Self::commit`] and of the merger.
    pub async fn commit_merging(
        &self,
        mut transaction: Transaction,
        merger: &dyn DeletesMerger,
    ) -> Result<Commit> {
        let deletes = |update: &Update| matches!(update, Update::SetDeletes { .. });
        if !transaction.updates.iter().any(deletes) {
            return self.commit(transaction).await;
        }
        for _ in 0..MOST_MERGES {
            let error = match self.commit(transaction.clone()).await {
                Err(error) if error.code() == Code::CONFLICT => error,
                other => return other,
            };
            let found = in_the_way(&self.head(), &transaction);
            // Another reason than deletes; or the same row.
            let Some(found) = found.filter(|found| !found.is_empty()) else { return Err(error) };
            for (table, segment, conflict) in found {
                let theirs = conflict.theirs.clone();
                let Some(both) = merger.merge(conflict).await? else { return Err(error) };
                transaction.take_over(table, segment, (both, theirs));
            }
        }
        self.commit(transaction).await
    }
}

impl Transaction {
    /// Its deletes of a segment are `both`: they hold those of others up to
    /// `theirs`.
    fn take_over(
        &mut self,
        table: ObjectId,
        segment: SegmentId,
        (both, theirs): (Deletes, Option<Deletes>),
    ) {
        for update in &mut self.updates {
            if let Update::SetDeletes { table: of, deletes } = update
                && *of == table
            {
                deletes
                    .iter_mut()
                    .filter(|(id, _)| *id == segment)
                    .for_each(|(_, deletes)| deletes.clone_from(&both));
            }
        }
        self.extends.retain(|(id, _)| *id != (table, segment));
        self.extends.push(((table, segment), theirs));
    }
}

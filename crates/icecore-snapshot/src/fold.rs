//! Folding: moving segments out of the log's records into manifest chunks, so
//! that a table of many segments is pruned without looking at each.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use icecore_types::{ChunkRef, Deletes, ErrorKind, ObjectId, Result, SegmentRef, TransactionId};

use crate::{Account, Commit, TableContent, Transaction, Update};

/// Segments in one chunk, at most.
const CHUNK_SEGMENTS: usize = 4_096;

/// A segment with its deleted rows, on its way into a chunk.
pub type FoldedSegment = (Arc<SegmentRef>, Option<Deletes>);

/// Encodes manifest chunks. The log decides what is folded and commits it; the
/// format of a chunk is the segment crate's.
///
/// ```
/// use futures::FutureExt;
/// use futures::future::BoxFuture;
/// use icecore_snapshot::{ChunkWriter, FoldedSegment};
/// use icecore_types::{ChunkRef, Error, ObjectId, Result};
///
/// struct ReadOnly;
/// impl ChunkWriter for ReadOnly {
///     fn write_chunk(&self, _: ObjectId, _: Vec<FoldedSegment>) -> BoxFuture<'_, Result<ChunkRef>> {
///         async { Err(Error::unsupported("folding")) }.boxed()
///     }
/// }
/// ```
pub trait ChunkWriter: Send + Sync {
    /// Stores a chunk of segments that `table` first wrote.
    fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<FoldedSegment>,
    ) -> BoxFuture<'_, Result<ChunkRef>>;
}

impl Account {
    /// Folds the segments of a table into chunks if there are more than
    /// `above_segments` in none. Users' work comes first: if the table was
    /// changed in between, nothing is folded.
    ///
    /// # Errors
    /// Those of the chunk writer and of committing, except `Conflict`.
    pub async fn fold(
        &self,
        table: ObjectId,
        above_segments: usize,
        writer: &dyn ChunkWriter,
    ) -> Result<Option<Commit>> {
        let head = self.head();
        let live = head.object(table).is_some_and(|object| object.is_live());
        let Some(content) = head.content(table).filter(|_| live) else { return Ok(None) };
        if content.unfolded_count() <= above_segments {
            return Ok(None);
        }
        let folded = content.shared_unfolded().map(|segment| segment.id).collect();
        let mut chunks = Vec::new();
        for (origin, segments) in by_origin(content) {
            for some in segments.chunks(CHUNK_SEGMENTS) {
                chunks.push(writer.write_chunk(origin, some.to_vec()).await?);
            }
        }
        let id = TransactionId::from_bits(self.env().ids.next());
        let fold = Update::Fold { table, folded, chunks, replaced: Vec::new() };
        match self.commit(Transaction::new(id, head.version()).update(fold)).await {
            Ok(commit) => Ok(Some(commit)),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            // Dropped in between: there is nothing to fold any more.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The segments to fold, oldest first, by the table that first wrote them.
fn by_origin(content: &TableContent) -> BTreeMap<ObjectId, Vec<FoldedSegment>> {
    let mut origins: BTreeMap<ObjectId, Vec<FoldedSegment>> = BTreeMap::new();
    for segment in content.unfolded() {
        let deletes = content.deletes(segment.id).cloned();
        origins.entry(segment.table).or_default().push((segment.clone(), deletes));
    }
    origins
}

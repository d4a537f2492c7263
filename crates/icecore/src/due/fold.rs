//! Folding of manifests.

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_snapshot::{ChunkWriter, Head};
use icecore_types::{ChunkRef, Deletes, ObjectId, Result, SegmentRef};
use std::sync::Arc;

use crate::engine::Engine;

/// A table with more unfolded segments than this is folded when it is due.
const FOLD_ABOVE_SEGMENTS: usize = 256;

/// A table with more than this is folded before anything else is added to it.
const FOLD_FIRST_ABOVE_SEGMENTS: usize = 4_096;

/// Folds what has become too long; a table that cannot be folded stops no
/// other.
pub(super) async fn run(engine: &Arc<Engine>) -> Result<()> {
    let head = engine.account.head();
    let mut done = Ok(());
    for table in head.objects().filter(|object| object.kind().has_rows()) {
        let folded = fold_above(engine, &head, table.id(), FOLD_ABOVE_SEGMENTS).await;
        done = done.and(folded);
    }
    done
}

/// Keeps what a writer is about to change from growing without bound.
pub(crate) async fn before_writing(engine: &Engine, head: &Head, table: ObjectId) -> Result<()> {
    fold_above(engine, head, table, FOLD_FIRST_ABOVE_SEGMENTS).await
}

async fn fold_above(engine: &Engine, head: &Head, table: ObjectId, above: usize) -> Result<()> {
    if head.content(table).is_some_and(|content| content.unfolded_count() > above) {
        engine.account.fold(table, above, &Chunks(engine)).await?;
    }
    Ok(())
}

struct Chunks<'a>(&'a Engine);

impl ChunkWriter for Chunks<'_> {
    fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<(Arc<SegmentRef>, Option<Deletes>)>,
    ) -> BoxFuture<'_, Result<ChunkRef>> {
        self.0.segments.write_chunk(table, segments).boxed()
    }
}

//! What falls due by itself.

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_snapshot::ChunkWriter;
use icecore_types::{ChunkRef, Deletes, ObjectId, ObjectKind, Result, SegmentRef};
use std::sync::Arc;

use crate::engine::Engine;

/// A table with more unfolded segments than this is folded when it is due.
const FOLD_ABOVE_SEGMENTS: usize = 256;

/// Runs what is due now.
pub(crate) async fn run(engine: &Arc<Engine>) -> Result<()> {
    let head = engine.account.head();
    let crowded = head.objects().filter(|object| {
        object.kind() == ObjectKind::Table
            && head.content(object.id()).is_some_and(|c| c.unfolded_count() > FOLD_ABOVE_SEGMENTS)
    });
    for table in crowded {
        engine.account.fold(table.id(), FOLD_ABOVE_SEGMENTS, &Chunks(engine)).await?;
    }
    engine.history.flush().await
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

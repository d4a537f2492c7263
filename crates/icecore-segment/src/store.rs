//! Where segments are.
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use icecore_types::{ChunkRef, ColumnId, Deletes, ObjectId, Result, SegmentId, SegmentRef};
use object_store::ObjectStore;
use object_store::path::Path;

use crate::{Chunk, ColumnCache, DeletionVector, Segment, SegmentWriter, WriteOptions};

/// Reads and writes the segments of an account.
#[derive(Clone)]
pub struct SegmentStore {}

impl std::fmt::Debug for SegmentStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentStore").finish_non_exhaustive()
    }
}

#[allow(unused_variables)]
impl SegmentStore {
    /// Over `store`, below the account's folder `root`; `names` gives every
    /// new object a name that was never used.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        root: Path,
        names: Arc<dyn Fn() -> SegmentId + Send + Sync>,
        cache: Arc<ColumnCache>,
    ) -> Self {
        todo!()
    }

    /// Writes new segments of `table`; `schema` has one field per column,
    /// named by [`ColumnId::stored_name`].
    pub fn writer(
        &self,
        table: ObjectId,
        schema: SchemaRef,
        options: WriteOptions,
    ) -> SegmentWriter {
        todo!()
    }

    /// Opens a segment.
    pub async fn open(&self, segment: &SegmentRef) -> Result<Arc<Segment>> {
        todo!()
    }

    /// Reads columns of one row group, in the order asked for; none where the
    /// segment has no such column.
    pub async fn read(
        &self,
        segment: &Segment,
        row_group: usize,
        columns: &[ColumnId],
    ) -> Result<Vec<Option<ArrayRef>>> {
        todo!()
    }

    /// Reads a deletion vector.
    pub async fn read_deletes(&self, deletes: &Deletes) -> Result<Arc<DeletionVector>> {
        todo!()
    }

    /// Stores a deletion vector.
    pub async fn write_deletes(&self, vector: &DeletionVector) -> Result<Deletes> {
        todo!()
    }

    /// Stores a piece of a manifest.
    pub async fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<(Arc<SegmentRef>, Option<Deletes>)>,
    ) -> Result<ChunkRef> {
        todo!()
    }

    /// Opens a piece of a manifest.
    pub async fn open_chunk(&self, chunk: &ChunkRef) -> Result<Arc<Chunk>> {
        todo!()
    }

    /// The cache that it reads through.
    pub fn cache(&self) -> &Arc<ColumnCache> {
        todo!()
    }
}

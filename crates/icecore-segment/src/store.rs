//! The segments of an account: writing, opening, reading.

mod io;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use futures::future::BoxFuture;
use icecore_types::{
    ChunkRef, ColumnId, Deletes, DeletesRef, Error, Hash, ObjectId, ObjectRef, Result, SegmentId,
    SegmentLocation, SegmentRef,
};
use object_store::ObjectStore;
use object_store::path::Path;

use crate::cache::{Key, Value};
use crate::object::Footer;
use crate::segment::Source;
pub(crate) use crate::store::io::Objects;
use crate::{Chunk, ColumnCache, DeletionVector, Segment, SegmentWriter, WriteOptions, chunk};

/// Deletion vectors up to this length stand in the record itself.
const INLINE_DELETES_BYTES: usize = 4096;

/// Reads and writes the segments, deletion vectors and manifest chunks of an
/// account. A clone of it shares its cache.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use icecore_segment::{ColumnCache, SegmentStore, WriteOptions};
/// use icecore_types::{ByteSize, ColumnId, ObjectId, SegmentId, WriterId};
/// use object_store::memory::InMemory;
///
/// let counter = AtomicU64::new(0);
/// let names = move || {
///     SegmentId::new(WriterId::from_bits(1), counter.fetch_add(1, Ordering::Relaxed))
/// };
/// let cache = Arc::new(ColumnCache::new(ByteSize::mib(64)));
/// let store =
///     SegmentStore::new(Arc::new(InMemory::new()), "account/1".into(), Arc::new(names), cache);
///
/// let id = ColumnId::new(1);
/// let delays: ArrayRef = Arc::new(Int64Array::from(vec![Some(-3), None, Some(120)]));
/// let batch = RecordBatch::try_from_iter([(id.stored_name(), delays)])?;
/// let mut writer = store.writer(ObjectId::from_bits(7), batch.schema(), WriteOptions::default());
/// writer.write(batch).await?;
/// let written = writer.finish().await?;
///
/// let segment = store.open(&written[0]).await?;
/// let columns = store.read(&segment, 0, &[id, ColumnId::new(2)]).await?;
/// assert_eq!(columns[0].as_ref().map(|array| array.null_count()), Some(1));
/// assert!(columns[1].is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SegmentStore {
    pub(crate) objects: Objects,
    names: Arc<dyn Fn() -> SegmentId + Send + Sync>,
    cache: Arc<ColumnCache>,
}

impl fmt::Debug for SegmentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentStore").field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl SegmentStore {
    /// Over `store`, below the account's folder `root`; `names` gives every
    /// new object a name that was never used.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        root: Path,
        names: Arc<dyn Fn() -> SegmentId + Send + Sync>,
        cache: Arc<ColumnCache>,
    ) -> Self {
        Self { objects: Objects::new(store, root), names, cache }
    }

    /// The cache that it reads through.
    pub fn cache(&self) -> &Arc<ColumnCache> {
        &self.cache
    }

    pub(crate) fn next_name(&self) -> SegmentId {
        (self.names)()
    }

    /// Writes new segments of `table`. `schema` has one field per column, named
    /// by [`ColumnId::stored_name`], of the types of the design's table;
    /// [`ColumnId::ROW_ID`] is UInt64 or Int64 and never NULL. A schema that
    /// segments cannot hold is an error of the first write.
    pub fn writer(
        &self,
        table: ObjectId,
        schema: SchemaRef,
        options: WriteOptions,
    ) -> SegmentWriter {
        SegmentWriter::new(self.clone(), table, schema, options)
    }

    /// Opens a segment: one range request for its footer, none if it is cached
    /// or inline.
    ///
    /// # Errors
    /// `Corrupted` if what is stored is not what the reference names,
    /// `Unavailable` if the store does not answer.
    pub async fn open(&self, segment: &SegmentRef) -> Result<Arc<Segment>> {
        let load = || -> BoxFuture<'_, _> { Box::pin(self.load_segment(segment)) };
        self.cache.get(Key::Segment(segment.id), load).await?.into_segment()
    }

    async fn load_segment(&self, segment: &SegmentRef) -> Result<Value> {
        let opened = match &segment.location {
            SegmentLocation::Object { object, footer_bytes, footer_hash } => {
                let bytes = self.objects.get_end(object, *footer_bytes).await?;
                Footer::read(&bytes, object.size_bytes, *footer_hash)
                    .and_then(|footer| Segment::of_object(segment, object, footer))
            }
            SegmentLocation::Inline { bytes } => Segment::of_inline(segment, bytes),
        };
        let opened = opened.map_err(|error| error.context(format_args!("segment {}", segment.id)));
        Ok(Value::Segment(Arc::new(opened?)))
    }

    /// Reads columns of one whole row group, in the order asked for; none where
    /// the segment has no such column. What is read is kept in the cache: a
    /// second read gives the same allocation.
    ///
    /// # Errors
    /// `Corrupted` if stored bytes are not those that were written,
    /// `Unavailable` if the store does not answer.
    pub async fn read(
        &self,
        segment: &Segment,
        row_group: usize,
        columns: &[ColumnId],
    ) -> Result<Vec<Option<ArrayRef>>> {
        let number = |id: &ColumnId| segment.columns().iter().position(|column| column == id);
        let numbers: Vec<Option<usize>> = columns.iter().map(number).collect();
        let (object, footer) = match &segment.source {
            Source::Inline(batch) if row_group == 0 => {
                let array = |number: usize| batch.columns().get(number).cloned();
                return Ok(numbers.into_iter().map(|number| number.and_then(array)).collect());
            }
            Source::Inline(_) => {
                return Err(Error::internal(format_args!("no row group {row_group}")));
            }
            Source::Object { object, footer } => (object, footer),
        };
        let present: Vec<usize> = numbers.iter().copied().flatten().collect();
        let keys: Vec<Key> = columns
            .iter()
            .zip(&numbers)
            .filter(|(_, number)| number.is_some())
            .map(|(id, _)| Key::Column(segment.id(), row_group, *id))
            .collect();
        let load = |missing: Vec<usize>| -> BoxFuture<'_, _> {
            let missing = missing.iter().filter_map(|index| present.get(*index).copied()).collect();
            Box::pin(self.load_columns(object, footer, row_group, missing))
        };
        let mut values = self
            .cache
            .get_all(&keys, load)
            .await
            .map_err(|error| {
                error.context(format_args!("segment {} row_group={row_group}", segment.id()))
            })?
            .into_iter();
        numbers
            .into_iter()
            .map(|number| match number {
                Some(_) => values.next().map(Value::into_array).transpose(),
                None => Ok(None),
            })
            .collect()
    }

    /// Fetches, verifies and decodes columns of a row group, in the order given.
    pub(crate) async fn load_columns(
        &self,
        object: &ObjectRef,
        footer: &Footer,
        row_group: usize,
        columns: Vec<usize>,
    ) -> Result<Vec<Value>> {
        let mut ascending = columns.clone();
        ascending.sort_unstable();
        ascending.dedup();
        let ranges = footer.ranges(row_group, &ascending)?;
        let bytes = self.objects.get_ranges(object, &ranges).await?;
        let arrays = footer.decode(row_group, &ascending, bytes)?;
        columns
            .iter()
            .map(|column| {
                let at = ascending.binary_search(column).ok();
                at.and_then(|at| arrays.get(at))
                    .map(|array| Value::Array(array.clone()))
                    .ok_or_else(|| Error::internal("a column was not decoded"))
            })
            .collect()
    }

    /// Reads a deletion vector, through the cache if it is an object.
    ///
    /// # Errors
    /// `Corrupted` if it is not what was written, `Unavailable` if the store
    /// does not answer.
    pub async fn read_deletes(&self, deletes: &Deletes) -> Result<Arc<DeletionVector>> {
        let vector = match &deletes.location {
            DeletesRef::Inline { bytes } => Arc::new(DeletionVector::decode(bytes)?),
            DeletesRef::Object(object) => {
                let key = Key::Object(Arc::from(self.objects.path(&object.path)?.as_ref()));
                let load = || -> BoxFuture<'_, _> {
                    Box::pin(async move {
                        let bytes = self.objects.get(object).await?;
                        Ok(Value::Deletes(Arc::new(DeletionVector::decode(&bytes)?)))
                    })
                };
                self.cache.get(key, load).await?.into_deletes()?
            }
        };
        if vector.len() != deletes.rows {
            return Err(Error::corrupted(format_args!(
                "a deletion vector of another length rows={} expected={}",
                vector.len(),
                deletes.rows
            )));
        }
        Ok(vector)
    }

    /// Stores a deletion vector: in the reference itself if it is short, else
    /// as an object.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer.
    pub async fn write_deletes(&self, vector: &DeletionVector) -> Result<Deletes> {
        let bytes = vector.encode();
        let location = if bytes.len() <= INLINE_DELETES_BYTES {
            DeletesRef::Inline { bytes }
        } else {
            let name = self.next_name();
            let path = format!("deletes/{}/{name}", name.spread());
            let hash = Hash::of(&bytes);
            DeletesRef::Object(self.objects.put(path, bytes.into(), hash).await?)
        };
        Ok(Deletes { location, rows: vector.len() })
    }

    /// Stores a piece of a manifest: 1 to 4,096 segments that `table` wrote
    /// first, with their deletes.
    ///
    /// # Errors
    /// `Internal` if they are not that, `Corrupted` if their statistics cannot
    /// be read, `Unavailable` if the store does not answer.
    pub async fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<(Arc<SegmentRef>, Option<Deletes>)>,
    ) -> Result<ChunkRef> {
        chunk::write(self, table, segments).await
    }

    /// Opens a piece of a manifest: its footer and its references, not the
    /// statistics, which [`Chunk::bounds`] reads column by column.
    ///
    /// # Errors
    /// `Corrupted` if what is stored is not what the reference names,
    /// `Unavailable` if the store does not answer.
    pub async fn open_chunk(&self, chunk: &ChunkRef) -> Result<Arc<Chunk>> {
        let key = Key::Object(Arc::from(self.objects.path(&chunk.object.path)?.as_ref()));
        let load = || -> BoxFuture<'_, _> { Box::pin(chunk::load(self, chunk)) };
        let content = self.cache.get(key, load).await?.into_chunk()?;
        Ok(Arc::new(Chunk::new(self.clone(), content)))
    }
}

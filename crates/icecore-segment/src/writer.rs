//! Rows to segments, in order, with bounded memory.

mod row_group;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::num::NonZero;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use icecore_types::{
    ByteSize, Error, ObjectId, Result, RowId, SegmentId, SegmentLocation, SegmentRef,
};
use tokio::task::{JoinError, JoinHandle, spawn, spawn_blocking};

use crate::chunk::segment_path;
use crate::statistics::value_bytes;
use crate::writer::row_group::{RowGroupEncoder, RowGroupInput, SegmentBuilder};
use crate::{Compression, SegmentStore, Statistics, inline};

/// How rows are cut into segments and row groups.
///
/// Larger segments and row groups are read with fewer requests and compress
/// better; smaller ones are pruned more finely, cost less to rewrite, and take
/// less memory to write: about three row groups and one encoded segment, twice
/// that while one is stored.
///
/// ```
/// use icecore_segment::WriteOptions;
/// let small = WriteOptions { segment_rows: 1_000, row_group_rows: 100, ..Default::default() };
/// assert!(small.row_group_bytes < small.segment_bytes);
/// ```
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// A segment ends with the row group that brings it to this many rows;
    /// 1 Mi by default, at most 2^31.
    pub segment_rows: usize,
    /// A segment ends with the row group that brings its values to this many
    /// bytes in memory; 128 MiB by default.
    pub segment_bytes: ByteSize,
    /// Rows of a row group at most; 128 Ki by default.
    pub row_group_rows: usize,
    /// Bytes that the values of a row group take in memory, about; 32 MiB by
    /// default.
    pub row_group_bytes: ByteSize,
    /// Content up to this length stands in the record itself; 16 KiB by
    /// default.
    pub inline_bytes: ByteSize,
    /// How column chunks are compressed.
    pub compression: Compression,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            segment_rows: 1 << 20,
            segment_bytes: ByteSize::mib(128),
            row_group_rows: 128 << 10,
            row_group_bytes: ByteSize::mib(32),
            inline_bytes: ByteSize::kib(16),
            compression: Compression::default(),
        }
    }
}

impl WriteOptions {
    /// Positions in a segment are 32 bits, so a segment ends before them.
    fn bounded(mut self) -> Self {
        self.segment_rows = self.segment_rows.clamp(1, 1 << 31);
        self.row_group_rows = self.row_group_rows.clamp(1, 1 << 30);
        self
    }
}

/// Turns batches into segments: rows keep their order, memory stays bounded.
///
/// A row group is encoded and compressed on the runtime's blocking threads,
/// column by column, while the rows of the next are taken. Dropping a writer leaves at most objects
/// that nothing names.
///
/// [`SegmentStore`] shows how it is used.
pub struct SegmentWriter {
    store: SegmentStore,
    table: ObjectId,
    options: WriteOptions,
    encoder: Result<Arc<RowGroupEncoder>>,
    rows: u64,
    /// Rows that do not fill a row group yet.
    pending: RowGroupInput,
    /// What was given to the encoder for the segment that is being filled.
    submitted: (usize, u64),
    encoding: VecDeque<Encoding>,
    building: Option<SegmentBuilder>,
    storing: Option<JoinHandle<Result<SegmentRef>>>,
    stored: Vec<SegmentRef>,
}

/// A row group on its way through the encoder.
struct Encoding {
    result: JoinHandle<Result<row_group::EncodedRowGroup>>,
    ends_segment: bool,
}

impl fmt::Debug for SegmentWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentWriter")
            .field("table", &self.table)
            .field("rows", &self.rows)
            .field("stored", &self.stored.len())
            .finish_non_exhaustive()
    }
}

impl SegmentWriter {
    pub(crate) fn new(
        store: SegmentStore,
        table: ObjectId,
        schema: SchemaRef,
        options: WriteOptions,
    ) -> Self {
        let encoder = RowGroupEncoder::new(&schema, options.compression).map(Arc::new);
        Self {
            store,
            table,
            options: options.bounded(),
            encoder,
            rows: 0,
            pending: RowGroupInput::default(),
            submitted: (0, 0),
            encoding: VecDeque::new(),
            building: None,
            storing: None,
            stored: Vec::new(),
        }
    }

    /// Rows given so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds rows, after those already there. Its columns are in the order and
    /// of the types of the writer's schema.
    ///
    /// # Errors
    /// `Internal` if they are not, `Unavailable` if a segment could not be
    /// stored: the writer is then of no more use.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut batch = self.encoder.as_ref().map_err(Clone::clone)?.adopt(batch)?;
        self.rows += batch.num_rows() as u64;
        while batch.num_rows() > 0 {
            let count = self.room_for(&batch);
            self.pending.push(batch.slice(0, count));
            batch = batch.slice(count, batch.num_rows() - count);
            if self.pending.rows >= self.options.row_group_rows
                || self.pending.bytes >= self.options.row_group_bytes.get()
            {
                self.submit().await?;
            }
        }
        Ok(())
    }

    /// How many of the batch's rows go into the row group that is being filled:
    /// at least one, and not many more bytes than fit.
    fn room_for(&self, batch: &RecordBatch) -> usize {
        let rows = batch.num_rows();
        let room = self.options.row_group_rows.saturating_sub(self.pending.rows).min(rows);
        let bytes = batch_bytes(batch).max(1);
        let free = self.options.row_group_bytes.get().saturating_sub(self.pending.bytes);
        let fitting = u128::from(free) * rows as u128 / u128::from(bytes);
        room.min(usize::try_from(fitting).unwrap_or(room)).max(1)
    }

    /// Stores what is left and names all that was written, in order: no segment
    /// if there was no row, one inline if there are few.
    ///
    /// # Errors
    /// `Unavailable` if a segment could not be stored.
    pub async fn finish(mut self) -> Result<Vec<SegmentRef>> {
        let encoder = self.encoder.clone()?;
        if self.pending.rows as u64 == self.rows
            && let Some(segment) = self.inline(&encoder)?
        {
            return Ok(vec![segment]);
        }
        if self.pending.rows > 0 {
            self.submit().await?;
        }
        while let Some(encoding) = self.encoding.pop_front() {
            self.append(encoding).await?;
        }
        self.end_segment().await?;
        self.await_stored().await?;
        Ok(self.stored)
    }

    /// All rows in the reference itself, if they are few.
    fn inline(&mut self, encoder: &RowGroupEncoder) -> Result<Option<SegmentRef>> {
        let limit = self.options.inline_bytes.get();
        if self.pending.rows == 0 || self.pending.bytes > limit {
            return Ok(None);
        }
        let bytes = inline::encode(encoder.schema(), &self.pending.batches)?;
        if bytes.len() as u64 > limit {
            return Ok(None);
        }
        let statistics = encoder.statistics(&self.pending)?;
        let location = SegmentLocation::Inline { bytes };
        Ok(Some(reference(self.store.next_name(), self.table, &statistics, location)))
    }

    /// Gives the pending rows to the encoder; waits first if enough is under way.
    async fn submit(&mut self) -> Result<()> {
        let input = mem::take(&mut self.pending);
        let (rows, bytes) = self.submitted;
        let (rows, bytes) = (rows + input.rows, bytes + input.bytes);
        let ends_segment =
            rows >= self.options.segment_rows || bytes >= self.options.segment_bytes.get();
        self.submitted = if ends_segment { (0, 0) } else { (rows, bytes) };
        let encoder = self.encoder.clone()?;
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(8);
        // Fewer columns than threads leave some for another row group.
        let at_once = threads.div_ceil(encoder.schema().fields().len().max(1));
        while self.encoding.len() >= at_once {
            let Some(oldest) = self.encoding.pop_front() else { break };
            self.append(oldest).await?;
        }
        let result = spawn(encoder.encode(input, threads));
        self.encoding.push_back(Encoding { result, ends_segment });
        Ok(())
    }

    /// Adds an encoded row group to the segment that is being built.
    async fn append(&mut self, encoding: Encoding) -> Result<()> {
        let encoded = encoding.result.await.map_err(stopped)??;
        let mut building = match self.building.take() {
            Some(building) => building,
            None => self.encoder.as_ref().map_err(Clone::clone)?.builder()?,
        };
        building.append(encoded)?;
        self.building = Some(building);
        if encoding.ends_segment { self.end_segment().await } else { Ok(()) }
    }

    /// Seals the segment that is being built and begins to store it, once the
    /// one before it is stored.
    async fn end_segment(&mut self) -> Result<()> {
        let Some(building) = self.building.take() else { return Ok(()) };
        self.await_stored().await?;
        let (store, table, id) = (self.store.clone(), self.table, self.store.next_name());
        self.storing = Some(spawn(store_segment(store, table, id, building)));
        Ok(())
    }

    async fn await_stored(&mut self) -> Result<()> {
        if let Some(storing) = self.storing.take() {
            self.stored.push(storing.await.map_err(stopped)??);
        }
        Ok(())
    }
}

async fn store_segment(
    store: SegmentStore,
    table: ObjectId,
    id: SegmentId,
    building: SegmentBuilder,
) -> Result<SegmentRef> {
    let (encoded, statistics) = spawn_blocking(|| building.finish()).await.map_err(stopped)??;
    let object = store.objects.put(segment_path(id), encoded.bytes, encoded.hash).await?;
    let location = SegmentLocation::Object {
        object,
        footer_bytes: encoded.footer_bytes,
        footer_hash: encoded.footer_hash,
    };
    Ok(reference(id, table, &statistics, location))
}

fn reference(
    id: SegmentId,
    table: ObjectId,
    statistics: &Statistics,
    location: SegmentLocation,
) -> SegmentRef {
    SegmentRef {
        id,
        table,
        rows: statistics.rows,
        first_row_id: RowId::new(0),
        location,
        statistics: statistics.encode(),
    }
}

/// Bytes that a batch's values take in memory, the views of texts included.
fn batch_bytes(batch: &RecordBatch) -> u64 {
    let views = |array: &ArrayRef| match array.data_type() {
        DataType::Utf8View | DataType::BinaryView => 16 * array.len() as u64,
        _ => 0,
    };
    batch.columns().iter().map(|array| value_bytes(array) + views(array)).sum()
}

fn stopped(source: JoinError) -> Error {
    Error::internal("a task that writes a segment stopped").with_source(source)
}

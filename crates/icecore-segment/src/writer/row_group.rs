//! One row group: statistics and encoding, the work of blocking threads.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use icecore_types::{ColumnId, Error, Result};
use parking_lot::Mutex;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::ParquetError;
use tokio::task::spawn_blocking;

use crate::object::{Encoded, ObjectBuilder};
use crate::segment::column_ids;
use crate::statistics::{Collector, Sketch};
use crate::writer::{batch_bytes, stopped};
use crate::{ColumnStatistics, Compression, Statistics};

/// The sketches that a segment's distinct counts come from, one per column.
pub(super) type ColumnSketches = Vec<Sketch>;

/// Rows of a row group that is being filled.
#[derive(Debug, Default)]
pub(super) struct RowGroupInput {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: usize,
    pub(super) bytes: u64,
}

impl RowGroupInput {
    pub(super) fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += batch_bytes(&batch);
        self.batches.push(batch);
    }

    /// Bounds and counts of a column, and the sketch of its distinct values.
    fn statistics(&self, column: usize) -> Result<(ColumnStatistics, Sketch)> {
        let mut collector = Collector::default();
        for batch in &self.batches {
            collector.add(batch.column(column))?;
        }
        Ok(collector.finish())
    }
}

/// A row group that can be appended to an object.
pub(super) struct EncodedRowGroup {
    columns: Vec<ArrowColumnChunk>,
    statistics: Statistics,
    sketches: ColumnSketches,
}

/// Encodes row groups of one schema.
#[derive(Debug)]
pub(super) struct RowGroupEncoder {
    schema: SchemaRef,
    ids: Vec<ColumnId>,
    compression: Compression,
    /// For columns whose values repeat.
    dictionary: ArrowRowGroupWriterFactory,
    /// For columns whose values are mostly different.
    plain: ArrowRowGroupWriterFactory,
}

impl RowGroupEncoder {
    /// # Errors
    /// `Internal` if segments cannot hold this schema.
    pub(super) fn new(schema: &Schema, compression: Compression) -> Result<Self> {
        let ids = column_ids(schema).map_err(|source| {
            Error::internal("a segment's columns are named by their ids").with_source(source)
        })?;
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .zip(&ids)
            .map(|(field, id)| stored_field(*id, field.data_type()))
            .collect::<Result<_>>()?;
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != ids.len() || ids.is_empty() {
            return Err(Error::internal("a segment has each column once, and at least one"));
        }
        let schema = Arc::new(Schema::new(fields));
        let writers = |dictionaries| {
            ObjectBuilder::with_dictionaries(schema.clone(), compression, dictionaries)
                .map(|object| object.column_writers())
        };
        let (dictionary, plain) = (writers(true)?, writers(false)?);
        Ok(Self { schema, ids, compression, dictionary, plain })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batch under the stored schema: the declared type in a field's
    /// metadata stays with the table.
    pub(super) fn adopt(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().to_vec();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|source| {
            Error::internal("rows are not of their segment's schema").with_source(source)
        })
    }

    pub(super) fn builder(&self) -> Result<SegmentBuilder> {
        Ok(SegmentBuilder {
            object: ObjectBuilder::new(self.schema.clone(), self.compression)?,
            ids: self.ids.clone(),
            statistics: Statistics::default(),
            sketches: vec![Sketch::default(); self.ids.len()],
        })
    }

    /// Bounds and counts of the rows, column by column.
    pub(super) fn statistics(&self, input: &RowGroupInput) -> Result<Statistics> {
        let mut statistics = Statistics { rows: input.rows as u64, ..Statistics::default() };
        for (index, id) in self.ids.iter().enumerate() {
            statistics.columns.insert(*id, input.statistics(index)?.0);
        }
        Ok(statistics)
    }

    /// Encodes and compresses the rows: `threads` blocking threads take one
    /// column after the other.
    pub(super) async fn encode(
        self: Arc<Self>,
        input: RowGroupInput,
        threads: usize,
    ) -> Result<EncodedRowGroup> {
        let dictionary = self.dictionary.create_column_writers(0).map_err(encoding)?;
        let plain = self.plain.create_column_writers(0).map_err(encoding)?;
        let writers: Vec<_> = dictionary.into_iter().zip(plain).enumerate().collect();
        let shared = Arc::new((self, input, Mutex::new(writers.into_iter())));
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let shared = shared.clone();
                spawn_blocking(move || {
                    let (encoder, input, writers) = &*shared;
                    let next = || writers.lock().next();
                    std::iter::from_fn(next)
                        .map(|(index, writers)| encoder.encode_column(input, index, writers))
                        .collect::<Result<Vec<_>>>()
                })
            })
            .collect();
        let mut columns = Vec::new();
        for worker in workers {
            columns.extend(worker.await.map_err(stopped)??);
        }
        columns.sort_unstable_by_key(|column| column.index);
        let (encoder, input, _) = &*shared;
        Ok(encoder.row_group(input.rows, columns))
    }

    fn encode_column(
        &self,
        input: &RowGroupInput,
        index: usize,
        (dictionary, plain): (ArrowColumnWriter, ArrowColumnWriter),
    ) -> Result<EncodedColumn> {
        let (statistics, sketch) = input.statistics(index)?;
        let different = is_mostly_different(&statistics, input.rows);
        let mut writer = if different { plain } else { dictionary };
        for batch in &input.batches {
            let leaves = compute_leaves(self.schema.field(index), batch.column(index));
            for leaf in leaves.map_err(encoding)? {
                writer.write(&leaf).map_err(encoding)?;
            }
        }
        Ok(EncodedColumn { index, chunk: writer.close().map_err(encoding)?, statistics, sketch })
    }

    /// The columns, which are in order, put together.
    fn row_group(&self, rows: usize, encoded: Vec<EncodedColumn>) -> EncodedRowGroup {
        let mut statistics = Statistics { rows: rows as u64, ..Statistics::default() };
        let (mut columns, mut sketches) = (Vec::new(), Vec::new());
        for (id, column) in self.ids.iter().zip(encoded) {
            statistics.columns.insert(*id, column.statistics);
            columns.push(column.chunk);
            sketches.push(column.sketch);
        }
        EncodedRowGroup { columns, statistics, sketches }
    }
}

/// A column of a row group, and which it is.
struct EncodedColumn {
    index: usize,
    chunk: ArrowColumnChunk,
    statistics: ColumnStatistics,
    sketch: Sketch,
}

/// A dictionary of mostly different values takes longer to build and to read
/// than it saves.
fn is_mostly_different(known: &ColumnStatistics, rows: usize) -> bool {
    let values = (rows as u64).saturating_sub(known.null_count);
    known.distinct.is_some_and(|distinct| distinct.saturating_mul(2) > values)
}

/// A segment that is being built from its row groups.
pub(super) struct SegmentBuilder {
    object: ObjectBuilder,
    ids: Vec<ColumnId>,
    statistics: Statistics,
    sketches: ColumnSketches,
}

impl SegmentBuilder {
    pub(super) fn append(&mut self, row_group: EncodedRowGroup) -> Result<()> {
        self.statistics.merge(&row_group.statistics);
        for (ours, theirs) in self.sketches.iter_mut().zip(&row_group.sketches) {
            ours.merge(theirs);
        }
        self.object.append(row_group.columns, Some(row_group.statistics))
    }

    /// The object, and the statistics of all its rows.
    pub(super) fn finish(mut self) -> Result<(Encoded, Statistics)> {
        for (id, sketch) in self.ids.iter().zip(&self.sketches) {
            if let Some(column) = self.statistics.columns.get_mut(id) {
                let values = self.statistics.rows.saturating_sub(column.null_count);
                column.distinct = Some(sketch.count().min(values));
            }
        }
        Ok((self.object.finish()?, self.statistics))
    }
}

/// The field of a stored column. All but the row id may be NULL: what a table
/// refuses is not the segment's business, and may change.
fn stored_field(id: ColumnId, data_type: &DataType) -> Result<Field> {
    let is_row_id = id == ColumnId::ROW_ID;
    let known = match data_type {
        DataType::UInt64 => is_row_id,
        DataType::Int64 => true,
        DataType::Decimal128(..)
        | DataType::Float64
        | DataType::Utf8View
        | DataType::BinaryView
        | DataType::Boolean
        | DataType::Date32
        | DataType::Time64(TimeUnit::Microsecond)
        | DataType::Timestamp(TimeUnit::Microsecond, _) => !is_row_id,
        _ => false,
    };
    if !known {
        return Err(Error::internal(format_args!(
            "a segment holds no {data_type} column={}",
            id.get()
        )));
    }
    Ok(Field::new(id.stored_name(), data_type.clone(), !is_row_id))
}

fn encoding(source: ParquetError) -> Error {
    Error::internal("rows cannot be encoded").with_source(source)
}

//! Rows that are added, as segments.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use icecore_segment::SegmentWriter;
use icecore_types::{ColumnId, Error, Result, SegmentRef};

use super::{WriteKind, WriteTarget};

/// Refuses an input that has other columns than `kind` says.
pub(super) fn check_input(input: &Schema, kind: WriteKind, target: &WriteTarget) -> Result<()> {
    let leading = kind.leading();
    let fields = input.fields();
    let names = fields.iter().zip(leading).all(|(field, name)| field.name() == name);
    let columns: Vec<_> =
        fields.iter().skip(leading.len()).map(|field| field.data_type()).collect();
    let expected: Vec<_> = match kind {
        WriteKind::Delete => Vec::new(),
        _ => target.schema.fields().iter().map(|field| field.data_type()).collect(),
    };
    if fields.len() < leading.len() || !names || columns != expected {
        return Err(Error::internal(format_args!(
            "{kind:?} into table={} from other columns than it has: {input}",
            target.table
        )));
    }
    if kind != WriteKind::Append && target.scan.is_none() {
        return Err(Error::internal("positions without the scan that they are of"));
    }
    Ok(())
}

/// Writes the rows of a batch that are to be stored.
pub(super) struct Writer {
    /// The first column that is stored; the ones before are places.
    first: usize,
    schema: SchemaRef,
    writer: Option<SegmentWriter>,
}

impl Writer {
    pub(super) fn new(kind: WriteKind, target: &WriteTarget) -> Self {
        let (first, schema) = match kind {
            WriteKind::Append | WriteKind::Delete => (0, Arc::clone(&target.schema)),
            // The row ids, which come right before the columns, are kept.
            WriteKind::Update => (2, with_row_ids(&target.schema)),
        };
        let writer = (kind != WriteKind::Delete).then(|| {
            target.segments.writer(target.table, Arc::clone(&schema), target.options.clone())
        });
        Self { first, schema, writer }
    }

    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = batch.columns().get(self.first..).unwrap_or_default().to_vec();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|source| {
                Error::internal("rows do not fit the table's columns").with_source(source)
            })?;
        writer.write(batch).await
    }

    pub(super) async fn finish(self) -> Result<Vec<SegmentRef>> {
        match self.writer {
            Some(writer) => writer.finish().await,
            None => Ok(Vec::new()),
        }
    }
}

/// The columns behind the hidden one that keeps the row ids.
fn with_row_ids(schema: &Schema) -> SchemaRef {
    let row_id = Arc::new(Field::new(ColumnId::ROW_ID.stored_name(), DataType::UInt64, false));
    let fields: Vec<_> = std::iter::once(row_id).chain(schema.fields().iter().cloned()).collect();
    Arc::new(Schema::new(fields))
}

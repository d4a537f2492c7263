//! Rows as a Parquet file.

use std::mem;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::ArrowWriterOptions;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use icecore_types::{Code, Error, Result, SqlType};
use icecore_values::arrow_type;

use super::UnloadColumn;
use crate::ParquetFormat;

/// A row group is closed when it takes so many bytes.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// Refuses types that would lose their meaning.
pub(super) fn check(columns: &[UnloadColumn]) -> Result<()> {
    match columns.iter().find(|column| column.sql_type == SqlType::TimestampLtz) {
        Some(column) => Err(Error::new(
            Code::TYPE_MISMATCH,
            format!("TIMESTAMP_LTZ cannot be unloaded to Parquet column={}", column.name),
        )
        .with_help("cast it to TIMESTAMP_NTZ or VARCHAR")),
        None => Ok(()),
    }
}

/// Takes rows, and gives bytes when a row group is closed.
pub(super) struct ParquetEncoder {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    input_bytes: u64,
    given_bytes: u64,
}

impl ParquetEncoder {
    pub(super) fn new(
        format: &ParquetFormat,
        columns: &[UnloadColumn],
        header: bool,
    ) -> Result<Self> {
        let field = |(at, column): (usize, &UnloadColumn)| {
            let name = if header { column.name.clone() } else { format!("_COL_{at}") };
            Field::new(name, arrow_type(&column.sql_type), true)
        };
        let schema =
            Arc::new(Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>()));
        let compression =
            if format.snappy { Compression::SNAPPY } else { Compression::UNCOMPRESSED };
        let properties = WriterProperties::builder().set_compression(compression).build();
        // The types are plain Parquet's; nobody needs to know of Arrow.
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)
            .map_err(failed)?;
        Ok(Self { writer, schema, input_bytes: 0, given_bytes: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())
            .map_err(|source| Error::internal("rows for a Parquet file").with_source(source))?;
        self.input_bytes += batch.get_array_memory_size() as u64;
        self.writer.write(&batch).map_err(failed)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        let ready = mem::take(self.writer.inner_mut());
        self.given_bytes += ready.len() as u64;
        Ok(ready)
    }

    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.writer.into_inner().map_err(failed)
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.given_bytes + self.writer.in_progress_size() as u64
    }

    pub(super) fn input_bytes(&self) -> u64 {
        self.input_bytes
    }
}

fn failed(source: ::parquet::errors::ParquetError) -> Error {
    Error::internal("writing a Parquet file").with_source(source)
}

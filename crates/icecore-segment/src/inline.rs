//! Few rows in a record itself: a checked Arrow IPC stream.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use icecore_types::{Error, Result};

/// First bytes, the last of them the form.
const MAGIC: [u8; 4] = *b"ICI0";

/// The rows as they stand in a record: magic, CRC-32 of the rest, stream.
pub(crate) fn encode(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Bytes> {
    let batch = concat_batches(schema, batches).map_err(encoding)?;
    let columns = batch.columns().iter().map(tighten).collect();
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(encoding)?;
    let mut stream = StreamWriter::try_new(Vec::new(), schema).map_err(encoding)?;
    stream.write(&batch).map_err(encoding)?;
    let stream = stream.into_inner().map_err(encoding)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&crc32fast::hash(&stream).to_le_bytes());
    bytes.extend_from_slice(&stream);
    Ok(Bytes::from(bytes))
}

/// Reads the rows back.
///
/// # Errors
/// `Corrupted` if these are not the bytes that were written.
pub(crate) fn decode(bytes: &[u8]) -> Result<RecordBatch> {
    let damaged = || Error::corrupted("the rows in a record");
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (crc32, stream) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    if *magic != MAGIC || crc32fast::hash(stream) != u32::from_le_bytes(*crc32) {
        return Err(damaged());
    }
    let wrong = |source: ArrowError| damaged().with_source(source);
    let stream = StreamReader::try_new(stream, None).map_err(wrong)?;
    let schema = stream.schema();
    let batches = stream.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    concat_batches(&schema, &batches).map_err(wrong)
}

/// Copies texts out of the buffers that they share with rows that are not here.
fn tighten(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        _ => array.clone(),
    }
}

fn encoding(source: ArrowError) -> Error {
    Error::internal("rows cannot be put into a record").with_source(source)
}

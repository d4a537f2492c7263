//! A Parquet object whose column chunks carry checksums: written whole, read by
//! column chunk, every byte verified before it is decoded.

mod fetched;
mod pieces;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, SchemaRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use icecore_types::{Error, Hash, Result};
use object_store::PutPayload;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory};
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask, add_encoded_arrow_schema_to_metadata};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, KeyValue, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use serde::{Deserialize, Serialize};

use crate::object::fetched::Fetched;
use crate::object::pieces::Pieces;
use crate::{Compression, Statistics};

/// The key under which the footer keeps the seal.
const SEAL_KEY: &str = "icecore";
/// The form of the seal; a reader refuses any other.
const SEAL_FORMAT: u32 = 0;
/// Four bytes of length and the magic, after the footer's metadata.
const TAIL_BYTES: usize = 8;

/// What the footer says of the chunks beyond Parquet: JSON, so that a person
/// can read it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    format: u32,
    row_groups: Vec<SealedRowGroup>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedRowGroup {
    /// CRC-32 (IEEE) of each column chunk's bytes, in the order of the schema.
    crc32: Vec<u32>,
    /// Statistics of the row group, base64; manifest chunks have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statistics: Option<String>,
}

/// An encoded object and what a reference to it must say.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: PutPayload,
    pub(crate) hash: Hash,
    pub(crate) footer_bytes: u64,
    pub(crate) footer_hash: Hash,
}

/// Builds an object in memory from encoded column chunks.
pub(crate) struct ObjectBuilder {
    file: SerializedFileWriter<Pieces>,
    schema: SchemaRef,
    statistics: Vec<Option<Statistics>>,
}

impl ObjectBuilder {
    pub(crate) fn new(schema: SchemaRef, compression: Compression) -> Result<Self> {
        Self::with_dictionaries(schema, compression, true)
    }

    /// As [`ObjectBuilder::new`]; without dictionaries its column writers keep
    /// every value.
    pub(crate) fn with_dictionaries(
        schema: SchemaRef,
        compression: Compression,
        dictionaries: bool,
    ) -> Result<Self> {
        let mut properties = WriterProperties::builder()
            .set_dictionary_enabled(dictionaries)
            .set_created_by("icecore".to_owned())
            .set_compression(compression.parquet())
            // Statistics are ours, and a chunk is always read whole: pages
            // need no index and no bounds.
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_data_page_row_count_limit(usize::MAX)
            .set_write_batch_size(8192)
            .build();
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let parquet = ArrowSchemaConverter::new().convert(&schema).map_err(encoding)?;
        let root = parquet.root_schema_ptr();
        let file = SerializedFileWriter::new(Pieces::default(), root, Arc::new(properties))
            .map_err(encoding)?;
        Ok(Self { file, schema, statistics: Vec::new() })
    }

    /// Makes the writers of column chunks, for this and any other object of the
    /// same schema and compression.
    pub(crate) fn column_writers(&self) -> ArrowRowGroupWriterFactory {
        ArrowRowGroupWriterFactory::new(&self.file, self.schema.clone())
    }

    /// Adds a row group of columns that were encoded.
    pub(crate) fn append(
        &mut self,
        columns: Vec<ArrowColumnChunk>,
        statistics: Option<Statistics>,
    ) -> Result<()> {
        let mut row_group = self.file.next_row_group().map_err(encoding)?;
        for column in columns {
            column.append_to_row_group(&mut row_group).map_err(encoding)?;
        }
        row_group.close().map_err(encoding)?;
        self.statistics.push(statistics);
        Ok(())
    }

    /// Seals the object. Hashes all of it: work for a blocking thread.
    pub(crate) fn finish(mut self) -> Result<Encoded> {
        self.file.flush().map_err(|source| encoding(source.into()))?;
        let seal = serde_json::to_string(&self.seal()?)
            .map_err(|source| Error::internal("the seal of an object").with_source(source))?;
        self.file.append_key_value_metadata(KeyValue::new(SEAL_KEY.to_owned(), seal));
        let pieces = self.file.into_inner().map_err(encoding)?;
        let end = |count| {
            let range = pieces.len().checked_sub(count)?..pieces.len();
            Some(pieces.range(range)?.flatten().copied().collect::<Vec<u8>>())
        };
        let short = || Error::internal("an object shorter than its footer");
        let footer_bytes = footer_length(&end(TAIL_BYTES).ok_or_else(short)?, pieces.len())?;
        let footer = end(footer_bytes).ok_or_else(short)?;
        Ok(Encoded {
            hash: pieces.hash(),
            footer_bytes: footer_bytes as u64,
            footer_hash: Hash::of(&footer),
            bytes: pieces.into(),
        })
    }

    fn seal(&self) -> Result<Seal> {
        let row_groups = self.file.flushed_row_groups().iter().zip(&self.statistics);
        let row_groups = row_groups.map(|(row_group, statistics)| {
            let crc32 = row_group.columns().iter().map(|column| {
                let parts = byte_range(column)
                    .and_then(|range| self.file.inner().range(as_index(range)?))
                    .ok_or_else(|| Error::internal("a column chunk outside of its object"))?;
                let mut checksum = crc32fast::Hasher::new();
                parts.for_each(|part| checksum.update(part));
                Ok(checksum.finalize())
            });
            Ok(SealedRowGroup {
                crc32: crc32.collect::<Result<_>>()?,
                statistics: statistics.as_ref().map(|known| STANDARD.encode(known.encode())),
            })
        });
        Ok(Seal { format: SEAL_FORMAT, row_groups: row_groups.collect::<Result<_>>()? })
    }
}

/// The footer of an object: where its column chunks are and what their bytes
/// must add up to.
#[derive(Debug)]
pub(crate) struct Footer {
    reader: ArrowReaderMetadata,
    size_bytes: u64,
    row_groups: Vec<FooterRowGroup>,
    columns: HashMap<String, usize>,
}

#[derive(Debug)]
struct FooterRowGroup {
    rows: usize,
    chunks: Vec<(Range<u64>, u32)>,
    statistics: Option<Statistics>,
}

impl Footer {
    /// Reads the footer of an object of `size_bytes` bytes; `hash` says that
    /// these are the bytes that were written.
    ///
    /// # Errors
    /// `Corrupted` if they are not, or say nothing that can be read.
    pub(crate) fn read(bytes: &Bytes, size_bytes: u64, hash: Hash) -> Result<Self> {
        if Hash::of(bytes) != hash {
            return Err(Error::corrupted("the footer of an object has another hash"));
        }
        if footer_length(bytes, bytes.len())? != bytes.len() {
            return Err(Error::corrupted("the footer of an object has another length"));
        }
        let metadata = bytes.get(..bytes.len() - TAIL_BYTES).unwrap_or_default();
        let metadata = ParquetMetaDataReader::decode_metadata(metadata).map_err(decoding)?;
        let body_bytes = size_bytes.saturating_sub(bytes.len() as u64);
        let row_groups = read_row_groups(&metadata, body_bytes)?;
        let reader = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
            .map_err(decoding)?;
        let fields = reader.schema().fields();
        if fields.len() != reader.parquet_schema().num_columns() {
            return Err(Error::corrupted("an object with nested columns"));
        }
        let columns =
            fields.iter().enumerate().map(|(i, field)| (field.name().clone(), i)).collect();
        Ok(Self { reader, size_bytes, row_groups, columns })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.reader.schema()
    }

    /// The number of the column with this stored name.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    /// Rows of each row group.
    pub(crate) fn row_groups(&self) -> impl Iterator<Item = (usize, Option<&Statistics>)> {
        self.row_groups.iter().map(|row_group| (row_group.rows, row_group.statistics.as_ref()))
    }

    /// Where the chunks of these columns are, in ascending order of columns.
    pub(crate) fn ranges(&self, row_group: usize, columns: &[usize]) -> Result<Vec<Range<u64>>> {
        let chunks = &self.row_group(row_group)?.chunks;
        let range = |column: &usize| chunks.get(*column).map(|(range, _)| range.clone());
        columns
            .iter()
            .map(range)
            .collect::<Option<_>>()
            .ok_or_else(|| Error::internal("a column that the object does not have"))
    }

    /// Verifies and decodes the chunks of `columns`, which ascend, from the
    /// bytes of their ranges: an array of all rows for each.
    ///
    /// # Errors
    /// `Corrupted` if they are not the bytes that were written.
    pub(crate) fn decode(
        &self,
        row_group: usize,
        columns: &[usize],
        bytes: Vec<Bytes>,
    ) -> Result<Vec<ArrayRef>> {
        let ranges = self.ranges(row_group, columns)?;
        let sealed = self.row_group(row_group)?;
        for (column, bytes) in columns.iter().zip(&bytes) {
            let expected = sealed.chunks.get(*column).map(|(_, crc32)| *crc32);
            if expected != Some(crc32fast::hash(bytes)) {
                return Err(Error::corrupted(format_args!(
                    "a column chunk has another checksum row_group={row_group} column={column}"
                )));
            }
        }
        let starts = ranges.iter().map(|range| range.start);
        let fetched = Fetched::new(starts.zip(bytes).collect(), self.size_bytes);
        let mask = ProjectionMask::leaves(self.reader.parquet_schema(), columns.iter().copied());
        let mut reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(fetched, self.reader.clone())
                .with_row_groups(vec![row_group])
                .with_projection(mask)
                .with_batch_size(sealed.rows)
                .build()
                .map_err(decoding)?;
        let batch = match reader.next() {
            Some(batch) => batch.map_err(|source| {
                Error::corrupted("a column chunk cannot be decoded").with_source(source)
            })?,
            None => return Err(Error::corrupted("a row group without rows")),
        };
        if batch.num_rows() != sealed.rows || batch.num_columns() != columns.len() {
            return Err(Error::corrupted("a row group with another number of rows"));
        }
        Ok(batch.columns().iter().map(compact).collect())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let columns = self.columns.len();
        self.reader.metadata().memory_size() + columns * 256 + self.row_groups.len() * columns * 200
    }

    fn row_group(&self, row_group: usize) -> Result<&FooterRowGroup> {
        self.row_groups
            .get(row_group)
            .ok_or_else(|| Error::internal(format_args!("no row group {row_group}")))
    }
}

/// Joins what Parquet says of the row groups with the seal, and checks it
/// against the bytes before the footer.
fn read_row_groups(metadata: &ParquetMetaData, body_bytes: u64) -> Result<Vec<FooterRowGroup>> {
    let seal = metadata
        .file_metadata()
        .key_value_metadata()
        .and_then(|pairs| pairs.iter().find(|pair| pair.key == SEAL_KEY))
        .and_then(|pair| pair.value.as_deref())
        .ok_or_else(|| Error::corrupted("an object without its seal"))?;
    let seal: Seal = serde_json::from_str(seal)
        .map_err(|source| Error::corrupted("the seal of an object").with_source(source))?;
    if seal.format != SEAL_FORMAT || seal.row_groups.len() != metadata.num_row_groups() {
        return Err(Error::corrupted("the seal of an object does not fit it"));
    }
    let row_groups = metadata.row_groups().iter().zip(seal.row_groups);
    row_groups
        .map(|(row_group, sealed)| {
            let ranges = row_group.columns().iter().map(byte_range);
            let ranges: Option<Vec<_>> =
                ranges.map(|range| range.filter(|range| range.end <= body_bytes)).collect();
            let rows = usize::try_from(row_group.num_rows()).ok().filter(|rows| *rows > 0);
            match (ranges, rows) {
                (Some(ranges), Some(rows)) if ranges.len() == sealed.crc32.len() => {
                    Ok(FooterRowGroup {
                        rows,
                        chunks: ranges.into_iter().zip(sealed.crc32).collect(),
                        statistics: sealed
                            .statistics
                            .map(|text| sealed_statistics(&text))
                            .transpose()?,
                    })
                }
                _ => Err(Error::corrupted("a row group outside of its object")),
            }
        })
        .collect()
}

fn sealed_statistics(text: &str) -> Result<Statistics> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|source| Error::corrupted("the statistics of a row group").with_source(source))?;
    Statistics::decode(&bytes)
}

/// The bytes of a column chunk, its dictionary included.
fn byte_range(column: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(column.compressed_size()).ok()?)?)
}

fn as_index(range: Range<u64>) -> Option<Range<usize>> {
    Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// The length of the footer of an object of which `end` are the last bytes, its
/// tail included; it lies within the last `most` bytes.
fn footer_length(end: &[u8], most: usize) -> Result<usize> {
    let damaged = || Error::corrupted("an object does not end as Parquet");
    let [a, b, c, d, magic @ ..] = *end.last_chunk::<TAIL_BYTES>().ok_or_else(damaged)?;
    let length = u32::from_le_bytes([a, b, c, d]) as usize + TAIL_BYTES;
    if magic == *b"PAR1" && length <= most { Ok(length) } else { Err(damaged()) }
}

/// A decoded array refers to whole pages; where little of them is used, what is
/// used is copied out, so that the cache holds no more than it serves.
fn compact(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => {
            let view = array.as_string_view();
            if is_loose(view.data_buffers(), view.total_buffer_bytes_used()) {
                return Arc::new(view.gc());
            }
        }
        DataType::BinaryView => {
            let view = array.as_binary_view();
            if is_loose(view.data_buffers(), view.total_buffer_bytes_used()) {
                return Arc::new(view.gc());
            }
        }
        _ => {}
    }
    array.clone()
}

fn is_loose(buffers: &[arrow::buffer::Buffer], used_bytes: usize) -> bool {
    let held: usize = buffers.iter().map(|buffer| buffer.len()).sum();
    held > 4096 && held / 2 > used_bytes
}

fn encoding(source: ParquetError) -> Error {
    Error::internal("rows cannot be encoded").with_source(source)
}

fn decoding(source: ParquetError) -> Error {
    Error::corrupted("an object cannot be decoded").with_source(source)
}

//! Rows to the bytes of one file.

use std::io::{self, Write};
use std::mem;

use arrow::array::{RecordBatch, StringArray};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use icecore_types::{Error, Result};
use icecore_values::format_array;

use super::{UnloadColumn, UnloadShape, csv, json, parquet, written};
use crate::{Compression, FileFormat};

/// Takes the rows of a file, and gives its bytes as far as they are known.
pub(super) enum Encoder {
    Text(Box<TextEncoder>),
    Parquet(Box<parquet::ParquetEncoder>),
}

impl Encoder {
    pub(super) fn new(shape: &UnloadShape) -> Result<Self> {
        let text = |compression| -> Result<_> {
            Ok(TextEncoder {
                shape: shape.clone(),
                compressor: Compressor::new(written(compression)).map_err(failed)?,
                plain_bytes: 0,
                given_bytes: 0,
            })
        };
        match &shape.format {
            FileFormat::Csv(format) => {
                let mut encoder = text(format.compression)?;
                if shape.header {
                    let line = csv::header(format, &shape.columns)?;
                    encoder.write_text(line.as_bytes())?;
                }
                Ok(Self::Text(Box::new(encoder)))
            }
            FileFormat::Json(format) => Ok(Self::Text(Box::new(text(format.compression)?))),
            FileFormat::Parquet(format) => {
                let columns = &shape.columns;
                let encoder = parquet::ParquetEncoder::new(format, columns, shape.header)?;
                Ok(Self::Parquet(Box::new(encoder)))
            }
        }
    }

    /// Adds rows, and gives the bytes that are ready.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => text.write(batch),
            Self::Parquet(parquet) => parquet.write(batch),
        }
    }

    /// The last bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => text.compressor.finish().map_err(failed),
            Self::Parquet(parquet) => parquet.finish(),
        }
    }

    /// About how long the file would be if it ended here.
    pub(super) fn file_bytes(&self) -> u64 {
        match self {
            Self::Text(text) => text.given_bytes + text.compressor.waiting() as u64,
            Self::Parquet(parquet) => parquet.file_bytes(),
        }
    }

    /// The bytes before compression.
    pub(super) fn input_bytes(&self) -> u64 {
        match self {
            Self::Text(text) => text.plain_bytes,
            Self::Parquet(parquet) => parquet.input_bytes(),
        }
    }
}

/// CSV and JSON.
pub(super) struct TextEncoder {
    shape: UnloadShape,
    compressor: Compressor,
    plain_bytes: u64,
    given_bytes: u64,
}

impl TextEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let texts = texts(&self.shape.columns, batch)?;
        let text = match &self.shape.format {
            FileFormat::Csv(format) => csv::lines(format, &self.shape.columns, &texts)?,
            _ => json::lines(&self.shape.columns, batch, &texts)?,
        };
        self.write_text(text.as_bytes())?;
        let ready = self.compressor.take();
        self.given_bytes += ready.len() as u64;
        Ok(ready)
    }

    fn write_text(&mut self, text: &[u8]) -> Result<()> {
        self.plain_bytes += text.len() as u64;
        self.compressor.as_write().write_all(text).map_err(failed)
    }
}

/// The values as `CAST(v AS VARCHAR)` gives them.
fn texts(columns: &[UnloadColumn], batch: &RecordBatch) -> Result<Vec<StringArray>> {
    if batch.num_columns() != columns.len() {
        return Err(Error::internal("rows to be written have other columns"));
    }
    let pairs = batch.columns().iter().zip(columns);
    pairs.map(|(array, column)| format_array(array, &column.sql_type)).collect()
}

pub(super) fn failed(source: io::Error) -> Error {
    Error::internal("compressing a file").with_source(source)
}

/// Compresses into memory.
enum Compressor {
    None(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    RawDeflate(DeflateEncoder<Vec<u8>>),
    Bz2(bzip2::write::BzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

impl Compressor {
    fn new(compression: Compression) -> io::Result<Self> {
        let level = flate2::Compression::default();
        Ok(match compression {
            Compression::None => Self::None(Vec::new()),
            Compression::Auto | Compression::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), level)),
            Compression::Deflate => Self::Deflate(ZlibEncoder::new(Vec::new(), level)),
            Compression::RawDeflate => Self::RawDeflate(DeflateEncoder::new(Vec::new(), level)),
            Compression::Bz2 => {
                Self::Bz2(bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default()))
            }
            Compression::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 0)?),
            Compression::Brotli => {
                Self::Brotli(Box::new(brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22)))
            }
        })
    }

    fn as_write(&mut self) -> &mut dyn Write {
        match self {
            Self::None(bytes) => bytes,
            Self::Gzip(encoder) => encoder,
            Self::Deflate(encoder) => encoder,
            Self::RawDeflate(encoder) => encoder,
            Self::Bz2(encoder) => encoder,
            Self::Zstd(encoder) => encoder,
            Self::Brotli(encoder) => &mut **encoder,
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        match self {
            Self::None(bytes) => bytes,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Deflate(encoder) => encoder.get_mut(),
            Self::RawDeflate(encoder) => encoder.get_mut(),
            Self::Bz2(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Brotli(encoder) => encoder.get_mut(),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        mem::take(self.buffer())
    }

    /// Bytes that are ready and not taken.
    fn waiting(&self) -> usize {
        match self {
            Self::None(bytes) => bytes.len(),
            Self::Gzip(encoder) => encoder.get_ref().len(),
            Self::Deflate(encoder) => encoder.get_ref().len(),
            Self::RawDeflate(encoder) => encoder.get_ref().len(),
            Self::Bz2(encoder) => encoder.get_ref().len(),
            Self::Zstd(encoder) => encoder.get_ref().len(),
            Self::Brotli(encoder) => encoder.get_ref().len(),
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::None(bytes) => Ok(bytes),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Deflate(encoder) => encoder.finish(),
            Self::RawDeflate(encoder) => encoder.finish(),
            Self::Bz2(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
        }
    }
}

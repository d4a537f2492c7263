//! The fetched parts of an object, as Parquet's reader asks for them.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Parts of an object by where they start, ascending.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    parts: Arc<Vec<(u64, Bytes)>>,
    size_bytes: u64,
}

impl Fetched {
    pub(super) fn new(parts: Vec<(u64, Bytes)>, size_bytes: u64) -> Self {
        Self { parts: Arc::new(parts), size_bytes }
    }

    /// What was fetched from `start` to the end of its part.
    fn from(&self, start: u64) -> Result<Bytes> {
        let at = self.parts.partition_point(|(part, _)| *part <= start);
        at.checked_sub(1)
            .and_then(|index| self.parts.get(index))
            .and_then(|(part, bytes)| {
                let skip = usize::try_from(start - part).ok()?;
                (skip <= bytes.len()).then(|| bytes.slice(skip..))
            })
            .ok_or_else(|| ParquetError::EOF(format!("offset {start} was not fetched")))
    }
}

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.size_bytes
    }
}

impl ChunkReader for Fetched {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.from(start).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} were not fetched")));
        }
        Ok(bytes.slice(..length))
    }
}

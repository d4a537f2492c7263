//! The bytes of a Parquet file, fetched when a decoder asks for them, and the
//! heads of its pages, checked before it does.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes, buf::Reader};
use icecore_types::{Code, Error, Result};
use parking_lot::Mutex;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

use super::damaged;
use super::thrift::{Fault, PageHead};
use crate::RawFile;

/// Bytes that are fetched together, and how many of these are kept.
const WINDOW_BYTES: u64 = 1 << 20;
const MOST_WINDOWS: usize = 64;
/// A page is at most so large, compressed or not.
const MOST_PAGE_BYTES: i64 = 64 << 20;
/// Values of a page.
const MOST_PAGE_VALUES: i64 = 1 << 26;
/// The head of a page, which may hold statistics.
const MOST_HEAD_BYTES: u64 = 1 << 20;
const FIRST_HEAD_BYTES: u64 = 4 << 10;

/// A page whose values begin with parts of others grows when it is decoded: a
/// value is at most as long as its page, so that fewer and smaller ones are
/// decoded at a time.
const MOST_PREFIXED_BYTES: i64 = 2 << 20;
const PREFIXED_BATCH_ROWS: usize = 128;
const BATCH_ROWS: usize = 8192;
/// Parquet's number of the encoding by prefixes.
const DELTA_BYTE_ARRAY: i64 = 7;

/// A file for Parquet's readers; used on a blocking thread only.
#[derive(Clone)]
pub(super) struct PageSource {
    shared: Arc<Shared>,
    /// Whether pages encoded by prefixes are expected.
    prefixes: bool,
}

struct Shared {
    file: RawFile,
    handle: Handle,
    /// Windows by their number, the last used at the back.
    windows: Mutex<VecDeque<(u64, Bytes)>>,
}

impl PageSource {
    pub(super) fn new(file: RawFile, handle: Handle) -> Self {
        let windows = Mutex::default();
        Self { shared: Arc::new(Shared { file, handle, windows }), prefixes: false }
    }

    /// For columns that are encoded by prefixes, or are not.
    pub(super) fn bounded(self, prefixes: bool) -> Self {
        Self { prefixes, ..self }
    }

    /// Rows that are decoded together.
    pub(super) const fn batch_rows(&self) -> usize {
        if self.prefixes { PREFIXED_BATCH_ROWS } else { BATCH_ROWS }
    }

    pub(super) fn length(&self) -> u64 {
        self.shared.file.size_bytes
    }

    /// The bytes at `start`.
    ///
    /// # Errors
    /// The store's; `InvalidInput` if the file does not have them.
    pub(super) fn bytes(&self, start: u64, length: u64) -> Result<Bytes> {
        let end = start.checked_add(length).filter(|end| *end <= self.length());
        let end = end.ok_or_else(|| damaged("it speaks of bytes behind its end"))?;
        let (first, last) = (start / WINDOW_BYTES, end.saturating_sub(1) / WINDOW_BYTES);
        if length == 0 {
            return Ok(Bytes::new());
        }
        if first != last {
            return self.fetch(start, end);
        }
        let window = self.window(first)?;
        let from = (start - first * WINDOW_BYTES) as usize;
        Ok(window.slice(from..from + length as usize))
    }

    fn window(&self, number: u64) -> Result<Bytes> {
        let mut windows = self.shared.windows.lock();
        if let Some(at) = windows.iter().position(|(known, _)| *known == number)
            && let Some(window) = windows.remove(at)
        {
            let bytes = window.1.clone();
            windows.push_back(window);
            return Ok(bytes);
        }
        let start = number * WINDOW_BYTES;
        let bytes = self.fetch(start, self.length().min(start + WINDOW_BYTES))?;
        windows.push_back((number, bytes.clone()));
        if windows.len() > MOST_WINDOWS {
            windows.pop_front();
        }
        Ok(bytes)
    }

    fn fetch(&self, start: u64, end: u64) -> Result<Bytes> {
        self.shared.handle.block_on(self.shared.file.range(start..end))
    }

    /// The bytes from a page's head on, once the head was checked.
    fn head(&self, start: u64) -> Result<Bytes> {
        let left = self.length().saturating_sub(start);
        let mut length = FIRST_HEAD_BYTES.min(left);
        loop {
            let bytes = self.bytes(start, length)?;
            match PageHead::read(&bytes) {
                Ok(head) => {
                    self.check(&head)?;
                    return Ok(bytes);
                }
                Err(Fault::Truncated) if length < left.min(MOST_HEAD_BYTES) => {
                    length = (length * 8).min(left).min(MOST_HEAD_BYTES);
                }
                Err(_) => return Err(damaged("the head of a page cannot be read")),
            }
        }
    }

    fn check(&self, head: &PageHead) -> Result<()> {
        let PageHead { uncompressed_bytes, compressed_bytes, values, encoding, is_dictionary } =
            *head;
        let too_large = |what: &str, value: i64, most: i64| {
            let message = format!("a parquet page has too many {what} value={value} most={most}");
            Err(Error::new(Code::RESOURCES_EXHAUSTED, message)
                .with_help("write the file with smaller pages"))
        };
        if uncompressed_bytes < 0 || compressed_bytes < 0 || values < 0 {
            return Err(damaged("a page has a negative size"));
        }
        for bytes in [uncompressed_bytes, compressed_bytes] {
            if bytes > MOST_PAGE_BYTES {
                return too_large("bytes", bytes, MOST_PAGE_BYTES);
            }
        }
        if values > MOST_PAGE_VALUES {
            return too_large("values", values, MOST_PAGE_VALUES);
        }
        if is_dictionary && values > uncompressed_bytes {
            return Err(damaged("a dictionary has more values than bytes"));
        }
        if encoding == DELTA_BYTE_ARRAY {
            if !self.prefixes {
                return Err(damaged("a page has an encoding that its column does not declare"));
            }
            if uncompressed_bytes > MOST_PREFIXED_BYTES {
                return too_large(
                    "bytes for its encoding",
                    uncompressed_bytes,
                    MOST_PREFIXED_BYTES,
                );
            }
        }
        Ok(())
    }
}

impl Length for PageSource {
    fn len(&self) -> u64 {
        self.length()
    }
}

impl ChunkReader for PageSource {
    type T = HeadReader;

    fn get_read(&self, start: u64) -> Result<HeadReader, ParquetError> {
        Ok(HeadReader { source: self.clone(), start, bytes: None })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.bytes(start, length as u64).map_err(external)
    }
}

/// Reads the head of a page, which is fetched and checked at the first read: a
/// reader may be asked for where there is no head, and is not used then.
pub(super) struct HeadReader {
    source: PageSource,
    start: u64,
    bytes: Option<Reader<Bytes>>,
}

impl Read for HeadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = match self.bytes.take() {
            Some(reader) => reader,
            None => self.source.head(self.start).map_err(io::Error::other)?.reader(),
        };
        self.bytes.insert(reader).read(buffer)
    }
}

fn external(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

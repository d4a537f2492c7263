//! The bytes of a file: fetched in ranges ahead of their use, decompressed on
//! the way.

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use futures::{Stream, StreamExt, stream};
use icecore_types::{Code, Error, Result};
use object_store::{GetOptions, GetRange};
use tokio::sync::mpsc;

use crate::stage::{FileCompression, RawFile};
use crate::{Compression, CsvFormat};

/// Ranges on their way at the same time.
const RANGES_IN_FLIGHT: usize = 2;

impl RawFile {
    /// The stored bytes in order, `chunk_bytes` at a time.
    pub(crate) fn chunks(
        self,
        chunk_bytes: usize,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let step = chunk_bytes.max(1) as u64;
        let starts = (0..self.size_bytes).step_by(chunk_bytes.max(1));
        stream::iter(starts)
            .map(move |start| {
                let file = self.clone();
                let range = start..file.size_bytes.min(start + step);
                async move { file.range(range).await }
            })
            .buffered(RANGES_IN_FLIGHT)
    }

    async fn range(&self, range: std::ops::Range<u64>) -> Result<Bytes> {
        let length = range.end - range.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let bytes = match self.store.get_opts(&self.location, options).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) if bytes.len() as u64 == length => Ok(bytes),
            Ok(_) | Err(object_store::Error::Precondition { .. }) => Err(Error::new(
                Code::CONFLICT,
                format!("file changed while it was read file='{}'", self.name),
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches on a task of its own, a few chunks ahead of the reader.
    pub(super) fn fetch(self, chunk_bytes: usize) -> ChunkReader {
        let (sender, receiver) = mpsc::channel(RANGES_IN_FLIGHT);
        tokio::spawn(async move {
            let mut chunks = std::pin::pin!(self.chunks(chunk_bytes));
            while let Some(chunk) = chunks.next().await {
                let failed = chunk.is_err();
                if sender.send(chunk).await.is_err() || failed {
                    break;
                }
            }
        });
        ChunkReader {
            receiver,
            current: Bytes::new(),
            consumed_bytes: 0,
            hasher: blake3::Hasher::new(),
        }
    }
}

/// Fetched chunks as one stream of bytes; used on a blocking thread only.
pub(super) struct ChunkReader {
    receiver: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
    consumed_bytes: u64,
    hasher: blake3::Hasher,
}

impl ChunkReader {
    fn append_to(&mut self, buffer: &mut Vec<u8>, count: usize) -> io::Result<usize> {
        let mut left = count;
        while left > 0 {
            let chunk = self.fill_buf()?;
            let some = chunk.get(..left).unwrap_or(chunk);
            if some.is_empty() {
                break;
            }
            buffer.extend_from_slice(some);
            let taken = some.len();
            left -= taken;
            self.consume(taken);
        }
        Ok(count - left)
    }
}

impl BufRead for ChunkReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                None => break,
                Some(chunk) => {
                    self.current = chunk.map_err(io::Error::other)?;
                    self.hasher.update(&self.current);
                }
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        let amount = amount.min(self.current.len());
        self.current.advance(amount);
        self.consumed_bytes += amount as u64;
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The decompressed bytes of a file.
pub(super) enum Source {
    /// As they are stored.
    Plain(Box<ChunkReader>),
    /// Gzip of one or more members.
    Gzip {
        /// What decompresses.
        decoder: Box<MultiGzDecoder<ChunkReader>>,
        /// Bytes that came out of it.
        produced_bytes: u64,
    },
}

/// Below this, a high ratio is no attack.
const FREE_BYTES: u64 = 64 << 20;
/// Bytes that one compressed byte may become beyond that.
const MOST_RATIO: u64 = 200;

impl Source {
    /// Decides how the bytes are compressed.
    ///
    /// # Errors
    /// The store's; `Unsupported` for a compression that is recognised and not
    /// supported.
    pub(super) fn open(mut chunks: ChunkReader, format: &CsvFormat) -> Result<Self> {
        let first = chunks.fill_buf().map_err(|error| read_error(error, false))?;
        let found = FileCompression::of(first);
        let gzip = match format.compression {
            Compression::None => false,
            Compression::Gzip => true,
            Compression::Auto => match found {
                FileCompression::None => false,
                FileCompression::Gzip => true,
                other => {
                    return Err(Error::unsupported(format_args!(
                        "a file compressed with {}",
                        other.as_str()
                    ))
                    .with_help("gzip it, or put it uncompressed"));
                }
            },
        };
        // An empty file is no rows, whatever it should be compressed with.
        if gzip && !first.is_empty() {
            let decoder = Box::new(MultiGzDecoder::new(chunks));
            return Ok(Self::Gzip { decoder, produced_bytes: 0 });
        }
        Ok(Self::Plain(Box::new(chunks)))
    }

    /// Appends up to `count` bytes to `buffer`; less only at the end.
    ///
    /// # Errors
    /// The store's; `InvalidInput` for damaged gzip; `ResourcesExhausted` for
    /// gzip that grows beyond all measure.
    pub(super) fn read_into(&mut self, buffer: &mut Vec<u8>, count: usize) -> Result<usize> {
        match self {
            Self::Plain(chunks) => {
                chunks.append_to(buffer, count).map_err(|error| read_error(error, false))
            }
            Self::Gzip { decoder, produced_bytes } => {
                let read = decoder
                    .by_ref()
                    .take(count as u64)
                    .read_to_end(buffer)
                    .map_err(|error| read_error(error, true))?;
                *produced_bytes += read as u64;
                let consumed = decoder.get_ref().consumed_bytes;
                if *produced_bytes > FREE_BYTES && *produced_bytes / MOST_RATIO > consumed {
                    return Err(Error::new(
                        Code::RESOURCES_EXHAUSTED,
                        format!(
                            "compressed file grows more than {MOST_RATIO} times \
                             compressed_bytes={consumed} bytes={produced_bytes}"
                        ),
                    ));
                }
                Ok(read)
            }
        }
    }

    /// The hash of the stored bytes, once all of them were read.
    pub(super) fn hash(&self) -> blake3::Hash {
        match self {
            Self::Plain(chunks) => chunks.hasher.finalize(),
            Self::Gzip { decoder, .. } => decoder.get_ref().hasher.finalize(),
        }
    }
}

/// The error that came through the reader, or what is wrong with the gzip.
fn read_error(error: io::Error, gzip: bool) -> Error {
    if let Some(ours) = error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        return ours.clone();
    }
    let what = match (gzip, error.kind()) {
        (true, io::ErrorKind::UnexpectedEof) => "gzip data ends too early",
        (true, _) => "gzip data is damaged",
        (false, _) => "a file cannot be read",
    };
    Error::new(Code::UNREADABLE_FILE, what).with_source(error)
}

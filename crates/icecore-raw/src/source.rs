//! The bytes of a file: fetched in ranges ahead of their use, decompressed on
//! the way.

mod decoder;

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt, stream};
use icecore_types::{Code, Error, Hash, Result};
use object_store::{GetOptions, GetRange};
use tokio::sync::mpsc;

use crate::Compression;
use crate::stage::RawFile;
use decoder::Decoder;

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

    pub(crate) async fn range(&self, range: std::ops::Range<u64>) -> Result<Bytes> {
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
            Err(object_store::Error::NotFound { .. }) => Err(Error::new(
                Code::FILE_NOT_FOUND,
                format!("file went away while it was read file='{}'", self.name),
            )),
            Err(error) => Err(crate::stage::failure(error, self.foreign, &self.name)),
        }
    }

    /// Fetches on a task of its own, a few chunks ahead of the reader.
    pub(crate) fn fetch(self, chunk_bytes: usize) -> ChunkReader {
        let (sender, receiver) = mpsc::channel(RANGES_IN_FLIGHT);
        let name = self.name.clone();
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
            name,
            receiver,
            current: Bytes::new(),
            consumed_bytes: 0,
            hasher: blake3::Hasher::new(),
        }
    }
}

/// Fetched chunks as one stream of bytes; used on a blocking thread only.
pub(crate) struct ChunkReader {
    /// The file's, which may say how it is compressed.
    name: String,
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
pub(crate) enum Source {
    /// As they are stored.
    Plain(Box<ChunkReader>),
    /// Decompressed.
    Compressed {
        /// What decompresses.
        decoder: Box<Decoder>,
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
    /// The store's; `InvalidInput` for a head that no decompressor takes.
    pub(crate) fn open(mut chunks: ChunkReader, compression: Compression) -> Result<Self> {
        let first = chunks.fill_buf().map_err(|error| read_error(error, None))?;
        let is_empty = first.is_empty();
        let found = match compression {
            Compression::Auto => decoder::detect(&chunks.current, &chunks.name),
            given => given,
        };
        // An empty file is no rows, whatever it should be compressed with.
        if is_empty || found == Compression::None {
            return Ok(Self::Plain(Box::new(chunks)));
        }
        let decoder =
            Decoder::new(chunks, found).map_err(|error| read_error(error, Some(found)))?;
        Ok(Self::Compressed { decoder: Box::new(decoder), produced_bytes: 0 })
    }

    /// Appends up to `count` bytes to `buffer`; less only at the end.
    ///
    /// # Errors
    /// The store's; `InvalidInput` for damaged data; `ResourcesExhausted` for
    /// data that grows beyond all measure.
    pub(crate) fn read_into(&mut self, buffer: &mut Vec<u8>, count: usize) -> Result<usize> {
        match self {
            Self::Plain(chunks) => {
                chunks.append_to(buffer, count).map_err(|error| read_error(error, None))
            }
            Self::Compressed { decoder, produced_bytes } => {
                let what = decoder.compression();
                let read = decoder
                    .by_ref()
                    .take(count as u64)
                    .read_to_end(buffer)
                    .map_err(|error| read_error(error, Some(what)))?;
                *produced_bytes += read as u64;
                if read < count {
                    decoder.end().map_err(|error| read_error(error, Some(what)))?;
                }
                let consumed = decoder.chunks().consumed_bytes;
                if *produced_bytes > FREE_BYTES && *produced_bytes / MOST_RATIO > consumed {
                    return Err(bomb(consumed, *produced_bytes));
                }
                Ok(read)
            }
        }
    }

    /// The hash of the stored bytes, once all of them were read.
    pub(crate) fn hash(&self) -> Hash {
        let chunks = match self {
            Self::Plain(chunks) => chunks,
            Self::Compressed { decoder, .. } => decoder.chunks(),
        };
        Hash::from_bytes(*chunks.hasher.finalize().as_bytes())
    }
}

fn bomb(consumed: u64, produced: u64) -> Error {
    Error::new(
        Code::RESOURCES_EXHAUSTED,
        format!(
            "compressed file grows more than {MOST_RATIO} times compressed_bytes={consumed} \
             bytes={produced}"
        ),
    )
}

/// The error that came through the reader, or what is wrong with the data.
fn read_error(error: io::Error, compression: Option<Compression>) -> Error {
    if let Some(ours) = error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        return ours.clone();
    }
    let what = match (compression, error.kind()) {
        (Some(what), io::ErrorKind::UnexpectedEof) => {
            format!("{} data ends too early", what.as_str().to_lowercase())
        }
        (Some(what), _) => format!("{} data is damaged", what.as_str().to_lowercase()),
        (None, _) => "a file cannot be read".to_owned(),
    };
    Error::new(Code::UNREADABLE_FILE, what).with_source(error)
}

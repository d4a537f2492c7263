//! A CSV file as a stream of blocks.

use std::sync::{Arc, OnceLock};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use icecore_types::{ByteSize, Error, Hash, Result};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::record::Grammar;
use super::source::Source;
use super::split::{Block, Splitter};
use super::target::{CsvBlock, CsvTarget};
use super::tokens::Reading;
use crate::{CsvFormat, RawFile};

/// How a file is read.
///
/// ```
/// use icecore_raw::ReadOptions;
/// let options = ReadOptions { threads: 4, ..ReadOptions::default() };
/// assert_eq!(options.block_bytes.to_string(), "2.0 MiB");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Bytes of a block after decompression, default 2 MiB. More gives larger
    /// batches and takes more memory: a few blocks for each thread.
    pub block_bytes: ByteSize,
    /// Blocks that are parsed at the same time, default 2.
    pub threads: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { block_bytes: ByteSize::mib(2), threads: 2 }
    }
}

/// Blocks are addressed with 32 bits.
const MOST_BLOCK_BYTES: usize = 1 << 30;

/// Bytes that a request asks for at least.
const LEAST_CHUNK_BYTES: usize = 4 << 10;

/// A file that is being read, by [`read_csv`].
pub struct CsvReading {
    /// Its records in order. After an error there is nothing more.
    pub blocks: BoxStream<'static, Result<CsvBlock>>,
    hash: Arc<OnceLock<Hash>>,
}

impl CsvReading {
    /// The hash of the file's stored bytes, once the blocks have ended without
    /// an error.
    pub fn content_hash(&self) -> Option<Hash> {
        self.hash.get().copied()
    }
}

impl std::fmt::Debug for CsvReading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvReading").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Reads a CSV file: good records become rows of the target's schema, in the
/// order of the file and in batches of one block each; bad ones become errors.
/// Memory is bounded whatever the file's size. Nothing is read before the
/// stream is polled, which must be on a tokio runtime.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use futures::TryStreamExt;
/// use icecore_raw::{CsvColumn, CsvFormat, CsvTarget, ReadOptions, StageFiles, read_csv};
/// use icecore_types::SqlType;
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
/// stage.put_bytes("a.csv", b"1\nx\n3\n".to_vec()).await?;
/// let file = stage.open(&stage.list("", None).await?[0]);
/// let column = CsvColumn {
///     name: "N".to_owned(),
///     ordinal: 1,
///     sql_type: SqlType::Integer,
///     not_null: false,
///     output: "1".to_owned(),
/// };
/// let target = Arc::new(CsvTarget::new("T", vec![column]));
/// let reading = read_csv(file, Arc::new(CsvFormat::default()), target, &ReadOptions::default())?;
/// let blocks: Vec<_> = reading.blocks.try_collect().await?;
/// assert_eq!((blocks[0].rows_parsed, blocks[0].batch.num_rows()), (3, 2));
/// assert_eq!((blocks[0].errors[0].row, blocks[0].errors[0].line), (2, 2));
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// `InvalidInput` for a format that cannot be used. In the stream: the store's;
/// `InvalidInput` for damaged gzip; `Conflict` if the file changes meanwhile;
/// `ResourcesExhausted` for a record of more than 16 MiB, a first record of
/// more than 10,000 fields, and gzip that grows more than 200 times beyond
/// 64 MiB.
pub fn read_csv(
    file: RawFile,
    format: Arc<CsvFormat>,
    target: Arc<CsvTarget>,
    options: &ReadOptions,
) -> Result<CsvReading> {
    let parse = format.parse_options()?;
    let grammar = Grammar::new(&format);
    let reading = Arc::new(Reading { format, grammar, target, parse });
    let block_bytes = options.block_bytes.as_usize().min(MOST_BLOCK_BYTES);
    let threads = options.threads.max(1);
    let hash = Arc::new(OnceLock::new());
    let filled = Arc::clone(&hash);
    let blocks = stream::once(async move {
        let name = file.name.clone();
        let parts = split(file, Arc::clone(&reading), block_bytes, filled);
        let read = parts
            .map(move |block| parse_block(block, Arc::clone(&reading)))
            .buffered(threads)
            .map(move |block| block.map_err(|error| error.context(format!("file '{name}'"))));
        numbered(read)
    })
    .flatten()
    .boxed();
    Ok(CsvReading { blocks, hash })
}

/// Fetches, decompresses and splits on a thread of its own, a block ahead.
fn split(
    file: RawFile,
    reading: Arc<Reading>,
    block_bytes: usize,
    hash: Arc<OnceLock<Hash>>,
) -> impl Stream<Item = Result<Block>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(1);
    // The first chunk is enough to see how the file is compressed.
    let chunks = file.fetch(block_bytes.max(LEAST_CHUNK_BYTES));
    spawn_blocking(move || {
        let outcome = Source::open(chunks, &reading.format)
            .and_then(|source| Splitter::new(source, reading, block_bytes))
            .and_then(|splitter| send(splitter, &sender, &hash));
        if let Err(error) = outcome {
            // Without a receiver nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|block| (block, receiver))
    })
}

fn send(
    mut splitter: Splitter,
    sender: &mpsc::Sender<Result<Block>>,
    hash: &OnceLock<Hash>,
) -> Result<()> {
    while let Some(block) = splitter.next()? {
        if sender.blocking_send(Ok(block)).is_err() {
            return Ok(());
        }
    }
    hash.get_or_init(|| splitter.hash());
    Ok(())
}

async fn parse_block(block: Result<Block>, reading: Arc<Reading>) -> Result<CsvBlock> {
    let block = block?;
    spawn_blocking(move || reading.read(block))
        .await
        .map_err(|error| Error::internal("reading a block").with_source(error))?
}

/// Numbers the errors' rows through the file, and ends after an error.
fn numbered(
    blocks: impl Stream<Item = Result<CsvBlock>> + Send + 'static,
) -> impl Stream<Item = Result<CsvBlock>> + Send + 'static {
    blocks.scan((0, false), |(rows, failed), block| {
        let next = match block {
            _ if *failed => None,
            Err(error) => {
                *failed = true;
                Some(Err(error))
            }
            Ok(mut block) => {
                for error in &mut block.errors {
                    error.row += *rows;
                }
                *rows += block.rows_parsed;
                Some(Ok(block))
            }
        };
        futures::future::ready(next)
    })
}

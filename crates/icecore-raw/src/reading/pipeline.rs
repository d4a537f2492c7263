//! Bytes to blocks of whole records on one thread, blocks to rows on several,
//! in the order of the file.

use std::sync::{Arc, OnceLock};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use icecore_types::{Error, Hash, Result};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::ReadOptions;
use crate::source::ChunkReader;
use crate::{RawFile, RowBlock};

/// Blocks are addressed with 32 bits.
const MOST_BLOCK_BYTES: usize = 1 << 30;

/// Bytes that a request asks for at least.
const LEAST_CHUNK_BYTES: usize = 4 << 10;
/// Blocks that a request fetches, so that small blocks take no more requests.
const CHUNK_BLOCKS: usize = 4;

/// Cuts a file into blocks of whole records; used on a blocking thread only.
pub(crate) trait Split: Sized + Send + 'static {
    /// Whole records.
    type Block: Send + 'static;

    /// The next records; none at the end of the file.
    fn next(&mut self) -> Result<Option<Self::Block>>;

    /// The hash of the stored bytes, once there are no more blocks.
    fn hash(&self) -> Hash;
}

/// Fetches, decompresses and cuts with what `open` makes of the stored bytes
/// and the size of a block, and parses the blocks beside it.
pub(crate) fn pipeline<S: Split>(
    file: RawFile,
    options: &ReadOptions,
    hash: Arc<OnceLock<Hash>>,
    open: impl FnOnce(ChunkReader, usize) -> Result<S> + Send + 'static,
    parse: impl Fn(S::Block) -> Result<RowBlock> + Send + Sync + 'static,
) -> BoxStream<'static, Result<RowBlock>> {
    let block_bytes = options.block_bytes.as_usize().min(MOST_BLOCK_BYTES);
    let threads = options.threads.max(1);
    let parse = Arc::new(parse);
    stream::once(async move {
        split(file, block_bytes, hash, open)
            .map(move |block| parse_block(block, Arc::clone(&parse)))
            .buffered(threads)
    })
    .flatten()
    .boxed()
}

/// Works on a thread of its own, a block ahead.
fn split<S: Split>(
    file: RawFile,
    block_bytes: usize,
    hash: Arc<OnceLock<Hash>>,
    open: impl FnOnce(ChunkReader, usize) -> Result<S> + Send + 'static,
) -> impl Stream<Item = Result<S::Block>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(1);
    // The first chunk is enough to see how the file is compressed.
    let chunk_bytes = block_bytes.saturating_mul(CHUNK_BLOCKS).min(MOST_BLOCK_BYTES);
    let chunks = file.fetch(chunk_bytes.max(LEAST_CHUNK_BYTES));
    let worker = spawn_blocking(move || {
        let outcome = open(chunks, block_bytes).and_then(|splitter| send(splitter, &sender, &hash));
        if let Err(error) = outcome {
            // Without a receiver nobody wants to know.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold((receiver, Some(worker)), |(mut receiver, worker)| async move {
        match (receiver.recv().await, worker) {
            (Some(block), worker) => Some((block, (receiver, worker))),
            // What went wrong there must not look like the end of the file.
            (None, Some(worker)) => worker.await.err().map(|error| {
                let error = Error::internal("cutting a file").with_source(error);
                (Err(error), (receiver, None))
            }),
            (None, None) => None,
        }
    })
}

fn send<S: Split>(
    mut splitter: S,
    sender: &mpsc::Sender<Result<S::Block>>,
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

async fn parse_block<B: Send + 'static>(
    block: Result<B>,
    parse: Arc<impl Fn(B) -> Result<RowBlock> + Send + Sync + 'static>,
) -> Result<RowBlock> {
    let block = block?;
    spawn_blocking(move || parse(block))
        .await
        .map_err(|error| Error::internal("reading a block").with_source(error))?
}

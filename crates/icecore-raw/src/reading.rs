//! A file as a stream of blocks of rows.

mod pipeline;

use std::sync::{Arc, OnceLock};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use icecore_types::{ByteSize, Hash, Result};

use crate::{FileFormat, FileTarget, RawFile, RowBlock, csv, json, parquet};
pub(crate) use pipeline::{Split, pipeline};

/// How a file is read.
///
/// ```
/// use icecore_raw::ReadOptions;
/// let options = ReadOptions { threads: 4, ..ReadOptions::default() };
/// assert_eq!(options.block_bytes.to_string(), "512.0 KiB");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Bytes of a block after decompression, default 512 KiB; requests fetch four
    /// times as much. More gives larger batches, takes more memory (a few blocks
    /// for each thread) and leaves the processor's cache.
    pub block_bytes: ByteSize,
    /// Blocks that are parsed at the same time, default 2.
    pub threads: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { block_bytes: ByteSize::kib(512), threads: 2 }
    }
}

/// A file that is being read, by [`read_file`].
pub struct FileReading {
    /// Its records in order. After an error there is nothing more.
    pub blocks: BoxStream<'static, Result<RowBlock>>,
    hash: Arc<OnceLock<Hash>>,
}

impl FileReading {
    /// The hash of the file's stored bytes, once the blocks have ended without
    /// an error; none for a format that does not need all bytes of a file.
    pub fn content_hash(&self) -> Option<Hash> {
        self.hash.get().copied()
    }
}

impl std::fmt::Debug for FileReading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReading").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Reads a file: good records become rows of the target's schema, in the order
/// of the file; bad ones become errors. Memory is bounded whatever the file's
/// size. Nothing is read before the stream is polled, which must be on a tokio
/// runtime.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use futures::TryStreamExt;
/// use icecore_raw::{FileFormat, FileTarget, ReadOptions, StageFiles, TargetColumn, read_file};
/// use icecore_types::SqlType;
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
/// stage.put_bytes("a.csv", b"1\nx\n3\n".to_vec()).await?;
/// let file = stage.open(&stage.list("", None).await?[0]);
/// let column = TargetColumn {
///     name: "N".to_owned(),
///     ordinal: 1,
///     sql_type: SqlType::Integer,
///     not_null: false,
///     output: "1".to_owned(),
/// };
/// let target = Arc::new(FileTarget::new("T", vec![column]));
/// let reading = read_file(file, &FileFormat::default(), target, &ReadOptions::default())?;
/// let blocks: Vec<_> = reading.blocks.try_collect().await?;
/// assert_eq!((blocks[0].rows_parsed, blocks[0].batch.num_rows()), (3, 2));
/// assert_eq!((blocks[0].errors[0].row, blocks[0].errors[0].line), (2, 2));
/// assert_eq!(blocks[0].row_numbers().values(), &[1, 3]);
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// `InvalidInput` for a format that cannot be used, or not with this way for
/// fields to find their columns. In the stream: the store's; `InvalidInput` for
/// damaged data; `Conflict` if the file changes meanwhile;
/// `ResourcesExhausted` for a record of more than 16 MiB, of more than 10,000
/// fields, or nested more than 256 deep, and for data that decompresses to
/// more than 200 times its size beyond 64 MiB.
pub fn read_file(
    file: RawFile,
    format: &FileFormat,
    target: Arc<FileTarget>,
    options: &ReadOptions,
) -> Result<FileReading> {
    let name = file.name.clone();
    let hash = Arc::new(OnceLock::new());
    let filled = Arc::clone(&hash);
    let blocks = match format {
        FileFormat::Csv(format) => csv::read(file, format, target, options, filled)?,
        FileFormat::Json(format) => json::read(file, format, target, options, filled)?,
        FileFormat::Parquet(format) => parquet::read(file, format, target)?,
    };
    let named = move |block: Result<RowBlock>| {
        block.map_err(|error| error.context(format_args!("file '{name}'")))
    };
    Ok(FileReading { blocks: numbered(blocks.map(named)).boxed(), hash })
}

/// Numbers the rows through the file, and ends after an error.
fn numbered(
    blocks: impl Stream<Item = Result<RowBlock>> + Send + 'static,
) -> impl Stream<Item = Result<RowBlock>> + Send + 'static {
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
                block.rows_before = *rows;
                *rows += block.rows_parsed;
                Some(Ok(block))
            }
        };
        futures::future::ready(next)
    })
}

//! A file of a stage that is being written.

use arrow::array::RecordBatch;
use bytes::Bytes;
use icecore_types::{Code, Error, Result};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::UnloadShape;
use super::encoder::Encoder;
use crate::StageFiles;
use crate::stage::names;

/// Longer files are stored in parts.
const ONE_PUT_BYTES: usize = 32 << 20;
/// Parts on their way at the same time.
const PARTS_IN_FLIGHT: usize = 4;
/// Rows that are encoded at once.
const STEP_ROWS: usize = 2048;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its path in the stage.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its length in bytes.
    pub output_bytes: u64,
    /// Its length before it was compressed.
    pub input_bytes: u64,
}

enum Chunk {
    Bytes(Bytes),
    End,
}

/// A file of a stage that is being written: nothing of it can be seen before
/// [`OpenFile::finish`], and dropped before it never is.
#[derive(Debug)]
pub struct OpenFile {
    path: String,
    encoder: Option<EncoderBox>,
    chunks: mpsc::Sender<Chunk>,
    upload: JoinHandle<Result<u64>>,
    rows: u64,
    file_bytes: u64,
}

struct EncoderBox(Box<Encoder>);

impl std::fmt::Debug for EncoderBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encoder")
    }
}

impl StageFiles {
    /// Begins a file. A file that is there is replaced only with `overwrite`.
    /// Must be called on a tokio runtime.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    /// use icecore_raw::{FileFormat, StageFiles, UnloadColumn, UnloadShape};
    /// use icecore_types::SqlType;
    /// use object_store::{memory::InMemory, path::Path};
    ///
    /// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
    /// let columns = vec![UnloadColumn { name: "N".to_owned(), sql_type: SqlType::Integer }];
    /// let shape = UnloadShape::new(FileFormat::default(), columns, false)?;
    /// let mut file = stage.create("out/data_0_0_0.csv.gz", &shape, false)?;
    /// let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    /// file.write(RecordBatch::try_from_iter([("N", numbers)]).unwrap()).await?;
    /// let written = file.finish().await?;
    /// assert_eq!((written.rows, written.input_bytes), (2, 4));
    /// assert_eq!(stage.list("out/", None).await?[0].size_bytes, written.output_bytes);
    /// # Ok::<(), icecore_types::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` if the path leaves the stage.
    pub fn create(&self, path: &str, shape: &UnloadShape, overwrite: bool) -> Result<OpenFile> {
        names::check(path)?;
        let (chunks, receiver) = mpsc::channel(2);
        let (stage, shown) = (self.clone(), path.to_owned());
        let upload =
            tokio::spawn(async move { stage.store_chunks(&shown, receiver, overwrite).await });
        let encoder = Some(EncoderBox(Box::new(Encoder::new(shape)?)));
        Ok(OpenFile { path: path.to_owned(), encoder, chunks, upload, rows: 0, file_bytes: 0 })
    }

    /// Removes these files as far as that is possible.
    pub async fn remove_written(&self, files: &[WrittenFile]) {
        for file in files {
            let location = names::location(&self.prefix, &file.path);
            // What cannot be removed stays behind a statement that failed.
            let _ = self.store.delete(&location).await;
        }
    }

    /// Stores what arrives, if its end does.
    async fn store_chunks(
        &self,
        path: &str,
        mut chunks: mpsc::Receiver<Chunk>,
        overwrite: bool,
    ) -> Result<u64> {
        let location = names::location(&self.prefix, path);
        let (mut first, mut size) = (Vec::new(), 0);
        while size <= ONE_PUT_BYTES {
            match chunks.recv().await {
                None => return Err(abandoned()),
                Some(Chunk::Bytes(bytes)) => {
                    size += bytes.len();
                    first.push(bytes);
                }
                Some(Chunk::End) => {
                    let mode = if overwrite { PutMode::Overwrite } else { PutMode::Create };
                    let payload: PutPayload = first.into_iter().collect();
                    let put = self.store.put_opts(&location, payload, PutOptions::from(mode));
                    return match put.await {
                        Ok(_) => Ok(size as u64),
                        Err(object_store::Error::AlreadyExists { .. }) => Err(exists(path)),
                        Err(error) => Err(error.into()),
                    };
                }
            }
        }
        if !overwrite {
            match self.store.head(&location).await {
                Ok(_) => return Err(exists(path)),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.store_parts(&location, first, chunks).await
    }

    async fn store_parts(
        &self,
        location: &Path,
        first: Vec<Bytes>,
        mut chunks: mpsc::Receiver<Chunk>,
    ) -> Result<u64> {
        let mut upload = WriteMultipart::new(self.store.put_multipart(location).await?);
        let mut size = 0;
        let mut first = first.into_iter();
        let stopped = loop {
            let chunk = match first.next() {
                Some(bytes) => Some(Chunk::Bytes(bytes)),
                None => chunks.recv().await,
            };
            let bytes = match chunk {
                Some(Chunk::Bytes(bytes)) => bytes,
                Some(Chunk::End) => break None,
                None => break Some(abandoned()),
            };
            size += bytes.len() as u64;
            upload.put(bytes);
            if let Err(error) = upload.wait_for_capacity(PARTS_IN_FLIGHT).await {
                break Some(error.into());
            }
        };
        match stopped {
            None => upload.finish().await.map(|_| size).map_err(Into::into),
            Some(error) => {
                // The error that is reported is the one that stopped it.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }
}

fn exists(path: &str) -> Error {
    Error::new(
        Code::ALREADY_EXISTS,
        format!("files already existing at the unload destination file='{path}'"),
    )
    .with_help("use overwrite option to force unloading")
}

fn abandoned() -> Error {
    Error::new(Code::CANCELLED, "a file was not written to its end")
}

fn stopped(source: JoinError) -> Error {
    Error::internal("a task that writes a file stopped").with_source(source)
}

impl OpenFile {
    /// Adds rows.
    ///
    /// # Errors
    /// `InvalidInput` for a value that the format cannot hold, else the
    /// store's: the file is then of no more use.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut at = 0;
        while at < batch.num_rows() {
            let step = batch.slice(at, STEP_ROWS.min(batch.num_rows() - at));
            at += step.num_rows();
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, rows: RecordBatch) -> Result<()> {
        let mut encoder = self.encoder.take().ok_or_else(abandoned)?;
        let count = rows.num_rows() as u64;
        let encoded = spawn_blocking(move || {
            let ready = encoder.0.write(&rows)?;
            Ok::<_, Error>((encoder, ready))
        });
        let (encoder, ready) = encoded.await.map_err(stopped)??;
        self.file_bytes = encoder.0.file_bytes();
        self.encoder = Some(encoder);
        self.rows += count;
        self.send(ready).await
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() || self.chunks.send(Chunk::Bytes(bytes.into())).await.is_ok() {
            return Ok(());
        }
        // Only an upload that failed hears no more.
        match (&mut self.upload).await.map_err(stopped)? {
            Err(error) => Err(error),
            Ok(_) => Err(abandoned()),
        }
    }

    /// About how long it is by now.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Its rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file: now it can be seen.
    ///
    /// # Errors
    /// `AlreadyExists` if there is such a file and it may not be replaced, else
    /// the store's.
    pub async fn finish(mut self) -> Result<WrittenFile> {
        let encoder = self.encoder.take().ok_or_else(abandoned)?;
        let input_bytes = encoder.0.input_bytes();
        let last = spawn_blocking(move || encoder.0.finish()).await.map_err(stopped)??;
        self.send(last).await?;
        // If nobody takes it the upload says why.
        let _ = self.chunks.send(Chunk::End).await;
        let output_bytes = self.upload.await.map_err(stopped)??;
        Ok(WrittenFile { path: self.path, rows: self.rows, output_bytes, input_bytes })
    }
}

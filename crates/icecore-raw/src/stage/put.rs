//! PUT: from the machine into the stage.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::GzEncoder;
use icecore_types::Result;
use md5::{Digest, Md5};
use object_store::path::Path as StorePath;
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::local::{invalid, unreadable};
use super::{StageFiles, names};

/// Whether a file was put.
///
/// ```
/// assert_eq!(icecore_raw::PutStatus::Skipped.as_str(), "SKIPPED");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutStatus {
    /// It was.
    Uploaded,
    /// A file of this name was there and was left as it is.
    Skipped,
}

impl PutStatus {
    /// `UPLOADED` or `SKIPPED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "UPLOADED",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// How the bytes of a file that is put are compressed.
///
/// ```
/// assert_eq!(icecore_raw::FileCompression::Gzip.as_str(), "GZIP");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCompression {
    /// Not at all.
    None,
    /// Gzip.
    Gzip,
    /// Bzip2.
    Bz2,
    /// Zstandard.
    Zstd,
}

impl FileCompression {
    /// As PUT shows it: `NONE`, `GZIP`, `BZ2`, `ZSTD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Gzip => "GZIP",
            Self::Bz2 => "BZ2",
            Self::Zstd => "ZSTD",
        }
    }

    /// What the first bytes of a file say.
    pub(crate) fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bz2,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// What PUT did with one file.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use icecore_raw::{PutStatus, StageFiles};
/// use object_store::{memory::InMemory, path::Path};
///
/// let folder = tempfile::tempdir()?;
/// let local = folder.path().join("a.csv");
/// std::fs::write(&local, "1,2\n")?;
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
/// let put = stage.put(&local, "", true, false).await?;
/// assert_eq!((put.target.as_str(), put.status), ("a.csv.gz", PutStatus::Uploaded));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutResult {
    /// The file's name on the machine.
    pub source: String,
    /// Its path in the stage.
    pub target: String,
    /// Its length on the machine in bytes.
    pub source_size: u64,
    /// Its length in the stage in bytes; that of the file which was there if
    /// it was skipped.
    pub target_size: u64,
    /// How it is compressed on the machine.
    pub source_compression: FileCompression,
    /// How it is compressed in the stage.
    pub target_compression: FileCompression,
    /// Whether it was put.
    pub status: PutStatus,
}

/// Larger files are put in parts.
const ONE_PUT_BYTES: usize = 32 << 20;
/// Bytes read from the machine at a time.
const CHUNK_BYTES: usize = 4 << 20;
/// Parts on their way at the same time.
const PARTS_IN_FLIGHT: usize = 4;

impl StageFiles {
    /// Puts a file of the machine into the folder `below`, gzipped on the way
    /// if asked for and it is not compressed yet. A file of the same name is
    /// only replaced with `overwrite`. Equal bytes give equal bytes.
    ///
    /// # Errors
    /// `NotFound` if it cannot be read, `InvalidInput` for anything but a
    /// regular file, else the store's.
    pub async fn put(
        &self,
        local: &Path,
        below: &str,
        auto_compress: bool,
        overwrite: bool,
    ) -> Result<PutResult> {
        let source = Source::open(local)?;
        names::check(below)?;
        let compress = auto_compress && source.compression == FileCompression::None;
        let name = if compress { format!("{}.gz", source.name) } else { source.name.clone() };
        let target = super::joined(below, &name);
        names::check(&target)?;
        let result = PutResult {
            source: source.name.clone(),
            target_size: 0,
            source_size: source.size_bytes,
            source_compression: source.compression,
            target_compression: if compress { FileCompression::Gzip } else { source.compression },
            status: PutStatus::Skipped,
            target,
        };
        let location = self.location_of(&result.target)?;
        if !overwrite && let Some(target_size) = self.size_of(&location).await? {
            return Ok(PutResult { target_size, ..result });
        }
        let (chunks, md5) = source.chunks(compress);
        match self.upload(&location, chunks, overwrite).await? {
            Some((target_size, stored)) => {
                let md5 = md5.lock().clone();
                self.learn_md5(&location, &stored, md5).await;
                Ok(PutResult { target_size, status: PutStatus::Uploaded, ..result })
            }
            // Somebody else put it meanwhile.
            None => {
                let target_size = self.size_of(&location).await?.unwrap_or(0);
                Ok(PutResult { target_size, ..result })
            }
        }
    }

    /// Puts these bytes, replacing a file of the same path.
    ///
    /// # Errors
    /// `InvalidInput` if the path leaves the stage, else the store's.
    pub async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        names::check(path)?;
        let location = self.location_of(path)?;
        let stored = self.store.put(&location, bytes.into()).await;
        stored.map_err(|error| super::failure(error, self.foreign, path))?;
        Ok(())
    }

    async fn size_of(&self, location: &StorePath) -> Result<Option<u64>> {
        match self.store.head(location).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(super::failure(error, self.foreign, &self.shown)),
        }
    }

    /// Stores what arrives, and returns its length and the store's marks; none
    /// if a file was there and must stay.
    async fn upload(
        &self,
        location: &StorePath,
        mut chunks: mpsc::Receiver<Result<Bytes>>,
        overwrite: bool,
    ) -> Result<Option<(u64, object_store::PutResult)>> {
        let mut first = Vec::new();
        let mut bytes = 0;
        while bytes <= ONE_PUT_BYTES {
            let Some(chunk) = chunks.recv().await.transpose()? else {
                let mode = if overwrite { PutMode::Overwrite } else { PutMode::Create };
                let payload: PutPayload = first.into_iter().collect();
                let options = PutOptions::from(mode);
                return match self.store.put_opts(location, payload, options).await {
                    Ok(stored) => Ok(Some((bytes as u64, stored))),
                    Err(object_store::Error::AlreadyExists { .. }) => Ok(None),
                    Err(error) => Err(super::failure(error, self.foreign, &self.shown)),
                };
            };
            bytes += chunk.len();
            first.push(chunk);
        }
        self.upload_parts(location, first, chunks).await.map(Some)
    }

    /// Stores what has arrived and what still arrives.
    async fn upload_parts(
        &self,
        location: &StorePath,
        first: Vec<Bytes>,
        mut chunks: mpsc::Receiver<Result<Bytes>>,
    ) -> Result<(u64, object_store::PutResult)> {
        let failed = |error: object_store::Error| super::failure(error, self.foreign, &self.shown);
        let begun = self.store.put_multipart(location).await.map_err(failed)?;
        let mut upload = WriteMultipart::new(begun);
        let mut size = 0;
        let mut first = first.into_iter();
        let received = loop {
            let chunk = match first.next() {
                Some(chunk) => chunk,
                None => match chunks.recv().await {
                    None => break Ok(()),
                    Some(Err(error)) => break Err(error),
                    Some(Ok(chunk)) => chunk,
                },
            };
            size += chunk.len() as u64;
            upload.put(chunk);
            if let Err(error) = upload.wait_for_capacity(PARTS_IN_FLIGHT).await {
                break Err(failed(error));
            }
        };
        if let Err(error) = received {
            // The error that is reported is the one that stopped the upload.
            let _ = upload.abort().await;
            return Err(error);
        }
        let stored = upload.finish().await.map_err(failed)?;
        Ok((size, stored))
    }
}

/// Where the bytes of a file go, hashed on the way.
struct Sender {
    chunks: mpsc::Sender<Result<Bytes>>,
    md5: Arc<Mutex<Md5>>,
}

impl Sender {
    /// Whether somebody still receives.
    fn send(&self, chunk: Vec<u8>) -> bool {
        self.md5.lock().update(&chunk);
        self.chunks.blocking_send(Ok(chunk.into())).is_ok()
    }
}

/// A regular file of the machine, open.
struct Source {
    name: String,
    size_bytes: u64,
    compression: FileCompression,
    file: File,
    first: Vec<u8>,
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| invalid(format!("not a file name path='{}'", path.display())))?;
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
        if !metadata.is_file() {
            return Err(invalid(format!("PUT takes regular files only path='{}'", path.display())));
        }
        let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
        let mut first = Vec::new();
        (&mut file)
            .take(CHUNK_BYTES as u64)
            .read_to_end(&mut first)
            .map_err(|error| unreadable(path, error))?;
        Ok(Self {
            name: name.to_owned(),
            size_bytes: metadata.len(),
            compression: FileCompression::of(&first),
            file,
            first,
        })
    }

    /// Reads, and perhaps compresses, on a thread of its own, a few chunks
    /// ahead of the receiver; and the MD5 of all that came.
    fn chunks(self, compress: bool) -> (mpsc::Receiver<Result<Bytes>>, Arc<Mutex<Md5>>) {
        let (chunks, receiver) = mpsc::channel(2);
        let md5 = Arc::<Mutex<Md5>>::default();
        let sender = Sender { chunks, md5: Arc::clone(&md5) };
        tokio::task::spawn_blocking(move || {
            let name = self.name.clone();
            let sent = if compress { self.send_gzip(&sender) } else { self.send_plain(&sender) };
            if let Err(error) = sent {
                // Without a receiver nobody wants to know.
                let _ = sender.chunks.blocking_send(Err(unreadable(Path::new(&name), error)));
            }
        });
        (receiver, md5)
    }

    fn send_plain(mut self, sender: &Sender) -> std::io::Result<()> {
        let mut chunk = std::mem::take(&mut self.first);
        while !chunk.is_empty() && sender.send(chunk) {
            chunk = self.next_chunk()?;
        }
        Ok(())
    }

    fn send_gzip(mut self, sender: &Sender) -> std::io::Result<()> {
        use std::io::Write;
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut chunk = std::mem::take(&mut self.first);
        while !chunk.is_empty() {
            encoder.write_all(&chunk)?;
            if encoder.get_ref().len() >= CHUNK_BYTES {
                let done = std::mem::take(encoder.get_mut());
                if !sender.send(done) {
                    return Ok(());
                }
            }
            chunk = self.next_chunk()?;
        }
        sender.send(encoder.finish()?);
        Ok(())
    }

    fn next_chunk(&mut self) -> std::io::Result<Vec<u8>> {
        // One byte more, so that the end is seen without growing.
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + 1);
        (&mut self.file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        Ok(chunk)
    }
}

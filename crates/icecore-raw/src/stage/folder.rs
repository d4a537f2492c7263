//! A folder of the machine as a store: everything in it is opened beneath a
//! handle of the folder, part by part, and no link is followed. Only regular
//! files are there; links, pipes, sockets and devices are not.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path as FolderPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryFutureExt};
use icecore_types::{Code, Error as OurError};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use tokio::task::spawn_blocking;

const STORE: &str = "folder";
/// Folders within each other that a listing enters.
const MOST_DEPTH: usize = 64;

/// The files below one folder.
#[derive(Clone)]
pub(crate) struct FolderStore {
    root: Arc<OwnedFd>,
}

impl fmt::Debug for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FolderStore")
    }
}

impl fmt::Display for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a folder of the machine")
    }
}

impl FolderStore {
    /// A folder that is taken on its word: links on the way there are its own.
    pub(super) fn open_root(path: &FolderPath) -> std::io::Result<Self> {
        let root = rustix::fs::open(path, FOLDER, Mode::empty())?;
        Ok(Self { root: Arc::new(root) })
    }
}

/// Opens a folder that the embedding program named, and from there on, part by
/// part, the one at `below`.
///
/// # Errors
/// `NotFound` if there is no such folder, or a link on the way to it.
pub(crate) fn open_folder(
    allowed: &FolderPath,
    below: &str,
) -> icecore_types::Result<Arc<dyn ObjectStore>> {
    let failed = |source: Errno| {
        OurError::new(Code::FILE_NOT_FOUND, "the folder of the stage cannot be opened")
            .with_help("it must exist, and no part of it below the allowed location be a link")
            .with_source(std::io::Error::from(source))
    };
    // The program's own word is taken: links on the way there are its own.
    let mut folder = rustix::fs::open(allowed, FOLDER, Mode::empty()).map_err(failed)?;
    for part in below.split('/').filter(|part| !part.is_empty()) {
        folder = child_folder(&folder, part).map_err(failed)?;
    }
    Ok(Arc::new(FolderStore { root: Arc::new(folder) }))
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn child_folder(folder: &impl AsFd, part: &str) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(folder, part, FOLDER | OFlags::NOFOLLOW, Mode::empty())
}

fn store_error(path: &Path, error: impl Into<std::io::Error>) -> Error {
    let error = error.into();
    let path = path.to_string();
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            Error::NotFound { path, source: Box::new(error) }
        }
        std::io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: Box::new(error) },
        std::io::ErrorKind::PermissionDenied => {
            Error::PermissionDenied { path, source: Box::new(error) }
        }
        _ => Error::Generic { store: STORE, source: Box::new(error) },
    }
}

/// What is there and is no regular file is not there.
fn not_regular(path: &Path) -> Error {
    let source = "not a regular file".into();
    Error::NotFound { path: path.to_string(), source }
}

fn parts(path: &Path) -> Result<(Vec<&str>, &str)> {
    let mut parts: Vec<&str> = path.as_ref().split('/').collect();
    let bad = parts.iter().any(|part| matches!(*part, "" | "." | "..") || part.contains('\0'));
    match parts.pop() {
        Some(name) if !bad => Ok((parts, name)),
        _ => Err(not_regular(path)),
    }
}

/// A number that makes the name of a file that is being written unlike others.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Files that are being written: not listed.
const PARTIAL: &str = ".icecore-partial-";

impl FolderStore {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        spawn_blocking(move || work(&store)).await?
    }

    /// The folder that a path is in, and its name there.
    fn parent<'a>(&self, path: &'a Path, create: bool) -> Result<(OwnedFd, &'a str)> {
        let (folders, name) = parts(path)?;
        let failed = |error: Errno| match error {
            // A link on the way.
            Errno::LOOP => not_regular(path),
            other => store_error(path, other),
        };
        let mut folder = self.root.try_clone().map_err(|error| store_error(path, error))?;
        for part in folders {
            folder = match child_folder(&folder, part) {
                Err(Errno::NOENT) if create => {
                    match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(failed(error)),
                    }
                    child_folder(&folder, part).map_err(failed)?
                }
                other => other.map_err(failed)?,
            };
        }
        Ok((folder, name))
    }

    /// A regular file, open for reading, and what is known of it.
    fn open(&self, path: &Path) -> Result<(File, ObjectMeta)> {
        let (folder, name) = self.parent(path, false)?;
        // Without waiting: a pipe would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP | Errno::NXIO) => return Err(not_regular(path)),
            Err(error) => return Err(store_error(path, error)),
        };
        let metadata = file.metadata().map_err(|error| store_error(path, error))?;
        if !metadata.is_file() {
            return Err(not_regular(path));
        }
        Ok((file, meta(path.clone(), &metadata)))
    }

    fn put(&self, path: &Path, chunks: Vec<Bytes>, mode: &PutMode) -> Result<PutResult> {
        let create = match mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return Err(unsupported("a conditional write")),
        };
        let write = |file: &mut File| chunks.iter().try_for_each(|chunk| file.write_all(chunk));
        let meta = self.write(path, create, write)?;
        Ok(PutResult { e_tag: meta.e_tag, version: None })
    }

    /// A file that appears when all of it is written; with `create` only where
    /// none is.
    pub(super) fn write(
        &self,
        path: &Path,
        create: bool,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<ObjectMeta> {
        let (folder, name) = self.parent(path, true)?;
        let number = WRITES.fetch_add(1, Ordering::Relaxed);
        let partial = format!("{PARTIAL}{}-{number}", std::process::id());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |error: std::io::Error| store_error(path, error);
        let file = rustix::fs::openat(&folder, &partial, flags, Mode::from_raw_mode(0o644));
        let mut file = File::from(file.map_err(|error| store_error(path, error))?);
        let written = write(&mut file);
        let placed = written.and_then(|()| file.sync_all()).and_then(|()| match create {
            true => rustix::fs::linkat(&folder, &partial, &folder, name, AtFlags::empty())
                .map_err(std::io::Error::from),
            false => {
                rustix::fs::renameat(&folder, &partial, &folder, name).map_err(std::io::Error::from)
            }
        });
        if create || placed.is_err() {
            // It is there under its name, or of no use.
            let _ = rustix::fs::unlinkat(&folder, &partial, AtFlags::empty());
        }
        placed.map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Ok(meta(path.clone(), &metadata))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.open(path)?;
        let (folder, name) = self.parent(path, false)?;
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())
            .map_err(|error| store_error(path, error))
    }

    /// Every regular file below a path, in no order.
    fn walk(&self, prefix: Option<&Path>) -> Result<Vec<ObjectMeta>> {
        let start = prefix.cloned().unwrap_or_default();
        let mut folder = self.root.try_clone().map_err(|error| store_error(&start, error))?;
        for part in start.as_ref().split('/').filter(|part| !part.is_empty()) {
            folder = match child_folder(&folder, part) {
                Ok(folder) => folder,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Vec::new()),
                Err(error) => return Err(store_error(&start, error)),
            };
        }
        let mut found = Vec::new();
        let mut waiting = VecDeque::from([(folder, start, 0)]);
        while let Some((folder, path, depth)) = waiting.pop_front() {
            let entries = rustix::fs::Dir::read_from(&folder);
            for entry in entries.map_err(|error| store_error(&path, error))? {
                let entry = entry.map_err(|error| store_error(&path, error))?;
                let Ok(name) = entry.file_name().to_str() else { continue };
                if matches!(name, "." | "..") || name.starts_with(PARTIAL) {
                    continue;
                }
                let Ok(child) = Path::parse(format!("{path}/{name}")) else { continue };
                let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => stat,
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(store_error(&child, error)),
                };
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => match self.open(&child) {
                        Ok((_, meta)) => found.push(meta),
                        Err(Error::NotFound { .. } | Error::PermissionDenied { .. }) => {}
                        Err(error) => return Err(error),
                    },
                    FileType::Directory if depth < MOST_DEPTH => {
                        match child_folder(&folder, name) {
                            Ok(inner) => waiting.push_back((inner, child, depth + 1)),
                            // It went, or became a link, since it was seen.
                            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => {}
                            Err(error) => return Err(store_error(&child, error)),
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }
}

fn meta(location: Path, metadata: &std::fs::Metadata) -> ObjectMeta {
    use std::os::unix::fs::MetadataExt;
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let nanos = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    ObjectMeta {
        location,
        last_modified: modified.into(),
        size: metadata.len(),
        e_tag: Some(format!("{:x}-{nanos:x}-{:x}", metadata.ino(), metadata.len())),
        version: None,
    }
}

fn unsupported(what: &str) -> Error {
    Error::NotSupported { source: format!("{what} in a folder").into() }
}

fn read(mut file: File, path: &Path, range: &Range<u64>) -> Result<Bytes> {
    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(range.start))
        .and_then(|_| file.take(length as u64).read_to_end(&mut bytes))
        .map_err(|error| store_error(path, error))?;
    Ok(bytes.into())
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let path = location.clone();
        let chunks: Vec<Bytes> = payload.into_iter().collect();
        self.blocking(move |store| store.put(&path, chunks, &options.mode)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = Upload { store: self.clone(), path: location.clone(), parts: Vec::new() };
        Ok(Box::new(upload))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = location.clone();
        self.blocking(move |store| {
            let (file, meta) = store.open(&path)?;
            options.check_preconditions(&meta)?;
            let range = match &options.range {
                Some(range) => range
                    .as_range(meta.size)
                    .map_err(|error| Error::Generic { store: STORE, source: Box::new(error) })?,
                None => 0..meta.size,
            };
            let bytes = if options.head { Bytes::new() } else { read(file, &path, &range)? };
            let payload = stream::once(async move { Ok(bytes) }).boxed();
            Ok(GetResult {
                payload: GetResultPayload::Stream(payload),
                meta,
                range,
                attributes: Attributes::default(),
            })
        })
        .await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    let path = location.clone();
                    store.blocking(move |store| store.remove(&path)).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        async move { store.blocking(move |store| store.walk(prefix.as_ref())).await }
            .map_ok(|found| stream::iter(found.into_iter().map(Ok)))
            .try_flatten_stream()
            .boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        Err(unsupported("a listing of one level"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("a copy"))
    }
}

/// Parts of a file that are kept until it is whole.
#[derive(Debug)]
struct Upload {
    store: FolderStore,
    path: Path,
    parts: Vec<Bytes>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.extend(data);
        async { Ok(()) }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (path, chunks) = (self.path.clone(), std::mem::take(&mut self.parts));
        self.store.blocking(move |store| store.put(&path, chunks, &PutMode::Overwrite)).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;

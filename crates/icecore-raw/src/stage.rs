//! The files of a stage.

mod content;
#[cfg(unix)]
mod folder;
mod get;
mod local;
pub(crate) mod names;
mod put;
mod url;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use icecore_types::{Code, Error, Result, Timestamp};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use regex::Regex;

pub use content::ContentKeys;
pub use get::{GotFile, LocalFolder};
pub use local::local_files;
pub use put::{FileCompression, PutResult, PutStatus};
pub use url::{Endpoint, StagePlace, StageUrl};

/// A folder of the machine as a store: `below` a folder that the embedding
/// program allows. Nothing outside it can be named, no link is followed, and
/// only regular files are there.
///
/// ```
/// # use futures::StreamExt;
/// # futures::executor::block_on(async {
/// # let runtime = tokio::runtime::Runtime::new().unwrap();
/// # let _entered = runtime.enter();
/// let folder = tempfile::tempdir()?;
/// std::fs::create_dir(folder.path().join("landing"))?;
/// std::fs::write(folder.path().join("landing/a.csv"), "1\n")?;
/// let store = icecore_raw::open_folder(folder.path(), "landing")?;
/// assert_eq!(store.list(None).count().await, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Errors
/// `NotFound` if there is no such folder, or a link on the way from the
/// allowed one; `Unsupported` on a system that cannot open files so.
pub fn open_folder(allowed: &std::path::Path, below: &str) -> Result<Arc<dyn ObjectStore>> {
    #[cfg(unix)]
    return folder::open_folder(allowed, below);
    #[cfg(not(unix))]
    {
        let _ = (allowed, below);
        Err(Error::unsupported("file:// stages on this system"))
    }
}

/// A file of a stage, as [`StageFiles::list`] saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageFile {
    /// Its path below the stage, for example `2013/flights.csv.gz`.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// The store's own mark of this content, if it gives one: on S3 the
    /// checksum, elsewhere something that changes with every write.
    pub etag: Option<String>,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// A file that can be read: [`StageFiles::open`] makes one.
#[derive(Clone, Debug)]
pub struct RawFile {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) location: Path,
    pub(crate) size_bytes: u64,
    pub(crate) etag: Option<String>,
    pub(crate) name: String,
    pub(crate) foreign: bool,
}

/// The files of one stage: a folder of an object store.
///
/// ```
/// # futures::executor::block_on(async {
/// use std::sync::Arc;
/// use icecore_raw::StageFiles;
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("stage/1"), "landing".to_owned());
/// stage.put_bytes("2013/a.csv", b"1,2\n".to_vec()).await?;
/// let files = stage.list("2013/", None).await?;
/// assert_eq!(files[0].path, "2013/a.csv");
/// assert_eq!(stage.list("other", None).await?.len(), 0);
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct StageFiles {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
    shown: String,
    location: String,
    /// Whether the store is not the account's own: names are as they stand,
    /// and what it says of a failure may hold what must not be shown.
    foreign: bool,
    keys: Arc<ContentKeys>,
}

impl fmt::Debug for StageFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageFiles").field("location", &self.location).finish_non_exhaustive()
    }
}

impl StageFiles {
    /// The files below `prefix`; `shown` is how LIST and errors call the stage.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path, shown: String) -> Self {
        let location = prefix.to_string();
        Self { store, prefix, shown, location, foreign: false, keys: Arc::default() }
    }

    /// Where the files are if not in the account's own store: its URL, which
    /// becomes part of the load keys. Names of files are then taken literally,
    /// and nothing that the store says of a failure is shown.
    #[must_use]
    pub fn at_url(mut self, url: impl Into<String>) -> Self {
        self.location = url.into();
        self.foreign = true;
        self
    }

    /// Remembers content keys beyond this value, so that an unchanged file is
    /// read for its key only once in a process.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<ContentKeys>) -> Self {
        self.keys = keys;
        self
    }

    /// Where the files are, as the paths of load keys begin.
    pub fn location(&self) -> &str {
        self.location.trim_end_matches('/')
    }

    /// How LIST and errors call the stage.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The files whose path starts with `below`, in order of their paths. With
    /// a pattern those whose whole path matches it.
    ///
    /// # Errors
    /// `InvalidInput` if `below` leaves the stage, else the store's.
    pub async fn list(&self, below: &str, pattern: Option<&Regex>) -> Result<Vec<StageFile>> {
        names::check(below)?;
        let folder = match below.rsplit_once('/') {
            Some((folder, _)) => self.location_of(folder)?,
            None => self.prefix.clone(),
        };
        let found = self.store.list(Some(&folder)).try_collect::<Vec<ObjectMeta>>().await;
        let found = found.map_err(|error| failure(error, self.foreign, &self.shown))?;
        let below = below.trim_start_matches('/');
        let mut files: Vec<StageFile> = found
            .into_iter()
            .filter_map(|meta| self.file(meta))
            .filter(|file| file.path.starts_with(below))
            .filter(|file| pattern.is_none_or(|pattern| pattern.is_match(&file.path)))
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The files with these names, each put behind `below`, in the order given.
    ///
    /// # Errors
    /// `NotFound` for the first that is not there.
    pub async fn named(&self, below: &str, names: &[String]) -> Result<Vec<StageFile>> {
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let path = joined(below, name);
            names::check(&path)?;
            let location = self.location_of(&path)?;
            let meta = match self.store.head(&location).await {
                Err(object_store::Error::NotFound { .. }) => {
                    return Err(Error::new(
                        Code::FILE_NOT_FOUND,
                        format!("remote file '{path}' was not found stage={}", self.shown),
                    )
                    .with_help("LIST shows the files of a stage; check for typos"));
                }
                other => other.map_err(|error| failure(error, self.foreign, &self.shown))?,
            };
            files.extend(self.file(meta));
        }
        Ok(files)
    }

    /// Which of these paths have no file any more, in the order given.
    ///
    /// # Errors
    /// The store's.
    pub async fn missing(&self, paths: Vec<String>) -> Result<Vec<String>> {
        const AT_ONCE: usize = 32;
        let looked = paths.into_iter().map(|path| async move {
            let location = self.location_of(&path)?;
            match self.store.head(&location).await {
                Ok(_) => Ok(None),
                Err(object_store::Error::NotFound { .. }) => Ok(Some(path)),
                Err(error) => Err(failure(error, self.foreign, &self.shown)),
            }
        });
        // Collected first: a stream of borrowing closures is not `Send`.
        let looked: Vec<_> = looked.collect();
        let found = futures::stream::iter(looked).buffered(AT_ONCE);
        found.try_filter_map(|path| std::future::ready(Ok(path))).try_collect().await
    }

    /// Removes the files that [`Self::list`] finds, and returns their paths.
    ///
    /// # Errors
    /// As [`Self::list`]; some files may be gone already.
    pub async fn remove(&self, below: &str, pattern: Option<&Regex>) -> Result<Vec<String>> {
        let paths: Vec<String> =
            self.list(below, pattern).await?.into_iter().map(|file| file.path).collect();
        let locations: Vec<_> =
            paths.iter().map(|path| self.location_of(path).map(Ok)).collect::<Result<_>>()?;
        let mut removed = self.store.delete_stream(futures::stream::iter(locations).boxed());
        while let Some(outcome) = removed.next().await {
            match outcome {
                // Somebody else removed it first: it is gone as asked.
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failure(error, self.foreign, &self.shown)),
            }
        }
        Ok(paths)
    }

    /// Removes these files as far as they are still what the listing saw, and
    /// says how many are gone. What cannot be removed stays.
    pub async fn purge(&self, files: &[StageFile]) -> usize {
        const AT_ONCE: usize = 16;
        let purged = files.iter().map(|file| async move {
            let location = names::location(&self.prefix, &file.path);
            let now = self.store.head(&location).await.ok().and_then(|meta| self.file(meta));
            now.as_ref() == Some(file) && self.store.delete(&location).await.is_ok()
        });
        // Collected first: a stream of borrowing closures is not `Send`.
        let purged: Vec<_> = purged.collect();
        let gone = futures::stream::iter(purged).buffer_unordered(AT_ONCE);
        gone.filter(|gone| std::future::ready(*gone)).count().await
    }

    /// A file for reading, exactly as the listing saw it: if it changes
    /// meanwhile, reading fails.
    pub fn open(&self, file: &StageFile) -> RawFile {
        RawFile {
            store: Arc::clone(&self.store),
            // A path that cannot be is one where nothing is found.
            location: self.location_of(&file.path).unwrap_or_else(|_| self.prefix.clone()),
            foreign: self.foreign,
            size_bytes: file.size_bytes,
            etag: file.etag.clone(),
            name: file.path.clone(),
        }
    }

    /// Where a file is, in full: the part of its load key that does not change
    /// with its content or with the stage's name.
    pub fn full_path(&self, file: &StageFile) -> String {
        format!("{}/{}", self.location.trim_end_matches('/'), file.path)
    }

    /// Where the store keeps the file with this path.
    fn location_of(&self, path: &str) -> Result<Path> {
        match self.foreign {
            true => names::literal(&self.prefix, path),
            false => Ok(names::location(&self.prefix, path)),
        }
    }

    fn file(&self, meta: ObjectMeta) -> Option<StageFile> {
        Some(StageFile {
            path: match self.foreign {
                true => names::below(&self.prefix, &meta.location)?.to_owned(),
                false => names::shown(&self.prefix, &meta.location)?,
            },
            size_bytes: meta.size,
            etag: meta.e_tag,
            last_modified: Timestamp::from_micros(meta.last_modified.timestamp_micros()),
        })
    }
}

impl StageFiles {
    /// The regular expression of `PATTERN = 'text'`: Java's syntax as far as it
    /// needs no look-around, and a path must match it from beginning to end.
    ///
    /// # Errors
    /// `InvalidInput` if it cannot be used.
    pub fn pattern(text: &str) -> Result<Regex> {
        Regex::new(&format!("^(?s:{text})$")).map_err(|source| {
            Error::new(Code::INVALID_OPTION, format!("PATTERN cannot be used: '{text}'"))
                .with_help("look-around and back references are not supported")
                .with_source(source)
        })
    }
}

fn joined(below: &str, name: &str) -> String {
    let name = name.trim_start_matches('/');
    match below.trim_matches('/') {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// What a store said, without its words if they may hold a secret.
pub(crate) fn failure(error: object_store::Error, foreign: bool, what: &str) -> Error {
    use object_store::Error as Failure;
    if !foreign {
        return error.into();
    }
    match error {
        Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. } => Error::new(
            Code::INSUFFICIENT_PRIVILEGES,
            format!("the place of the stage refuses access '{what}'"),
        )
        .with_help("check the bucket's policy and the CREDENTIALS of the stage"),
        Failure::NotFound { .. } => {
            Error::new(Code::FILE_NOT_FOUND, format!("nothing is there '{what}'")).with_help(
                "a file may have been removed since it was listed, or the bucket is wrong",
            )
        }
        Failure::NotSupported { .. } | Failure::NotImplemented { .. } => {
            Error::unsupported(format_args!("this operation on the place of the stage '{what}'"))
        }
        _ => Error::new(
            Code::STORE_UNAVAILABLE,
            format!("the place of the stage does not answer '{what}'"),
        ),
    }
}

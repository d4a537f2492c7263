//! The files of a stage.

mod content;
mod local;
mod names;
mod put;

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
pub use local::local_files;
pub use put::{FileCompression, PutResult, PutStatus};

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
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    shown: String,
    location: String,
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
        Self { store, prefix, shown, location, keys: Arc::default() }
    }

    /// Where the files are if not in the account's own store: its URL, which
    /// becomes part of the load keys.
    #[must_use]
    pub fn at_url(mut self, url: impl Into<String>) -> Self {
        self.location = url.into();
        self
    }

    /// Remembers content keys beyond this value, so that an unchanged file is
    /// read for its key only once in a process.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<ContentKeys>) -> Self {
        self.keys = keys;
        self
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
            Some((folder, _)) => names::location(&self.prefix, folder),
            None => self.prefix.clone(),
        };
        let found: Vec<ObjectMeta> = self.store.list(Some(&folder)).try_collect().await?;
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
            let location = names::location(&self.prefix, &path);
            let meta = match self.store.head(&location).await {
                Err(object_store::Error::NotFound { .. }) => {
                    return Err(Error::new(
                        Code::FILE_NOT_FOUND,
                        format!("remote file '{path}' was not found stage={}", self.shown),
                    )
                    .with_help("LIST shows the files of a stage; check for typos"));
                }
                other => other?,
            };
            files.extend(self.file(meta));
        }
        Ok(files)
    }

    /// Removes the files that [`Self::list`] finds, and returns their paths.
    ///
    /// # Errors
    /// As [`Self::list`]; some files may be gone already.
    pub async fn remove(&self, below: &str, pattern: Option<&Regex>) -> Result<Vec<String>> {
        let paths: Vec<String> =
            self.list(below, pattern).await?.into_iter().map(|file| file.path).collect();
        let locations: Vec<_> =
            paths.iter().map(|path| Ok(names::location(&self.prefix, path))).collect();
        let mut removed = self.store.delete_stream(futures::stream::iter(locations).boxed());
        while let Some(outcome) = removed.next().await {
            match outcome {
                // Somebody else removed it first: it is gone as asked.
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(paths)
    }

    /// A file for reading, exactly as the listing saw it: if it changes
    /// meanwhile, reading fails.
    pub fn open(&self, file: &StageFile) -> RawFile {
        RawFile {
            store: Arc::clone(&self.store),
            location: names::location(&self.prefix, &file.path),
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

    fn file(&self, meta: ObjectMeta) -> Option<StageFile> {
        Some(StageFile {
            path: names::shown(&self.prefix, &meta.location)?,
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

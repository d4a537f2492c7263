//! Opens the store that a URL names.

mod clocked;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use icecore_types::{Code, Error, Result};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::durable::LocalStore;

pub use self::clocked::clocked_store;

/// What an acknowledgement of a store on a local disk promises.
///
/// ```
/// use icecore_snapshot::Durability;
/// assert_eq!(Durability::default(), Durability::Full);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What was acknowledged survives power loss: every object and the folder
    /// that names it are synced first.
    #[default]
    Full,
    /// What was acknowledged survives the process; the operating system writes
    /// it to the disk when it likes. Faster, and lost with the power.
    Os,
}

/// How a store is opened.
///
/// ```
/// use icecore_snapshot::{Durability, StoreOptions, open_store_with};
///
/// let options = StoreOptions::new(Durability::Full);
/// open_store_with("memory://", &options)?;
/// let error = open_store_with("memory://", &options.s3_setting("region", "eu-central-1"));
/// assert!(error.is_err(), "nothing is passed over");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreOptions {
    durability: Durability,
    s3: BTreeMap<String, String>,
    s3_environment: bool,
}

impl StoreOptions {
    /// With this promise where the store is a local folder.
    pub fn new(durability: Durability) -> Self {
        Self { durability, ..Self::default() }
    }

    /// The same with another promise.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Sets one setting of S3 by the name that `object_store` gives it, for
    /// example `region`, `endpoint`, `access_key_id`, `allow_http`.
    #[must_use]
    pub fn s3_setting(mut self, key: &str, value: &str) -> Self {
        self.s3.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Lets the `AWS_*` variables of the environment set what no
    /// [`s3_setting`](Self::s3_setting) does. Without it they are not read.
    #[must_use]
    pub fn s3_environment(mut self) -> Self {
        self.s3_environment = true;
        self
    }
}

enum Location<'a> {
    Memory,
    Folder(PathBuf),
    S3(&'a str),
}

/// Opens the store at `url` with default options: see [`open_store_with`].
///
/// # Errors
/// Those of [`open_store_with`].
///
/// ```
/// use icecore_snapshot::{Durability, open_store};
///
/// let store = open_store("memory://", Durability::Full)?;
/// assert!(open_store("ftp://host/lake", Durability::Full).is_err());
/// # drop(store);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn open_store(url: &str, durability: Durability) -> Result<Arc<dyn ObjectStore>> {
    open_store_with(url, &StoreOptions::new(durability))
}

/// Opens the store at `url`: `memory://` (a new one each time), a path or
/// `file://` URL of a folder that is made if it is absent, or
/// `s3://bucket/prefix` where the feature `s3` is built in.
///
/// # Errors
/// `InvalidInput` for a URL that names no folder or a setting that is not for
/// it, `Unsupported` for any other scheme, `Unavailable` if the folder cannot
/// be made, read or written.
pub fn open_store_with(url: &str, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    let location = locate(url)?;
    let for_s3 = options.s3_environment || !options.s3.is_empty();
    if for_s3 && !matches!(location, Location::S3(_)) {
        return Err(invalid(url, "settings of S3 are for s3:// URLs"));
    }
    match location {
        Location::Memory => Ok(Arc::new(InMemory::new())),
        Location::Folder(path) => open_folder(url, &path, options.durability),
        Location::S3(place) => open_s3(url, place, options),
    }
}

fn invalid(url: &str, why: &str) -> Error {
    Error::new(Code::INVALID_OPTION, format!("the store cannot be opened url='{url}': {why}"))
        .with_help("a store is memory://, a folder, or s3://bucket/prefix")
}

fn locate(url: &str) -> Result<Location<'_>> {
    match url.split_once("://") {
        _ if url.trim().is_empty() => Err(invalid(url, "no place is named")),
        None => Ok(Location::Folder(PathBuf::from(url))),
        Some(("memory", "")) => Ok(Location::Memory),
        Some(("memory", _)) => Err(invalid(url, "a store in memory has no name")),
        Some(("file", rest)) => file_path(url, rest).map(Location::Folder),
        Some(("s3", rest)) if !rest.is_empty() && !rest.starts_with('/') => Ok(Location::S3(rest)),
        Some(("s3", _)) => Err(invalid(url, "no bucket is named")),
        Some((scheme, _)) => Err(Error::unsupported(format_args!("store URL scheme {scheme}://"))
            .with_help("a store is memory://, a folder, or s3://bucket/prefix")),
    }
}

fn file_path(url: &str, rest: &str) -> Result<PathBuf> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(invalid(url, "a file URL has three slashes and an absolute path"));
    }
    let decoded = object_store::path::Path::from_url_path(path)
        .map_err(|source| invalid(url, "not a path").with_source(source))?;
    Ok(Path::new("/").join(decoded.as_ref()))
}

fn open_folder(url: &str, path: &Path, durability: Durability) -> Result<Arc<dyn ObjectStore>> {
    if path.exists() && !path.is_dir() {
        return Err(invalid(url, "it is a file"));
    }
    let store = LocalStore::open(path, durability).map_err(|source| {
        let message = format!("the store cannot be opened url='{url}': {source}");
        Error::new(Code::STORE_UNAVAILABLE, message)
            .with_help("choose a folder that can be made, read and written")
            .with_source(source)
    })?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "s3"))]
fn open_s3(url: &str, _: &str, _: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    Err(Error::unsupported(format_args!("store url='{url}': S3 is not built in"))
        .with_help("build with the feature s3"))
}

#[cfg(feature = "s3")]
fn open_s3(url: &str, place: &str, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
    use object_store::prefix::PrefixStore;

    if options.s3.is_empty() && !options.s3_environment {
        // It would look for credentials in the machine's own network.
        return Err(Error::new(
            Code::INVALID_OPTION,
            format!("the store cannot be opened url='{url}': no settings of S3 are given"),
        )
        .with_help("give region and credentials as settings, or let the environment give them"));
    }
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let mut builder = match options.s3_environment {
        true => AmazonS3Builder::from_env(),
        false => AmazonS3Builder::new(),
    };
    for (key, value) in &options.s3 {
        let key: AmazonS3ConfigKey = key.parse().map_err(|source| {
            let message = format!("not a setting of S3: '{key}'");
            Error::new(Code::INVALID_OPTION, message).with_source(source)
        })?;
        builder = builder.with_config(key, value);
    }
    let store = builder
        .with_bucket_name(bucket)
        .build()
        .map_err(|source| invalid(url, "its settings do not go together").with_source(source))?;
    let prefix = object_store::path::Path::from_url_path(prefix)
        .map_err(|source| invalid(url, "not a prefix").with_source(source))?;
    match prefix.parts().next() {
        None => Ok(Arc::new(store)),
        Some(_) => Ok(Arc::new(PrefixStore::new(store, prefix))),
    }
}

#[cfg(test)]
mod tests;

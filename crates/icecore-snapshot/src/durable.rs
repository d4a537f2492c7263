//! A folder as a store that can be relied upon: what it acknowledged is on the
//! disk. A thin adapter over the file system of a newer `object_store`, which
//! can sync; it goes when the engine's own version can.

mod convert;
mod folder;
mod upload;

use std::fmt;
use std::path::Path as FolderPath;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use object_store_014::local::LocalFileSystem;
use object_store_014::{self as newer, ObjectStore as _};
use tokio::runtime::Handle;

use self::convert::{from_newer, to_newer};
use self::folder::Occupied;
use self::upload::DurableUpload;
use crate::Durability;

type Operation<T> = BoxFuture<'static, newer::Result<T>>;

/// Why a store takes no more writes: one of them may or may not be durable,
/// and the kernel forgets a failed sync after it has told of it once.
#[derive(Clone, Debug)]
struct Poisoned(Arc<str>);

impl fmt::Display for Poisoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store takes no more writes until it is opened again: {}", self.0)
    }
}

impl std::error::Error for Poisoned {}

/// Whether this write may stand without being durable: reading it back proves
/// nothing, and the commit that made it has an unknown outcome.
pub(crate) fn is_poisoned(error: &Error) -> bool {
    matches!(error, Error::Generic { source, .. } if source.is::<Poisoned>())
}

/// What every operation of a store shares, and keeps for as long as one runs.
#[derive(Debug)]
struct Shared {
    inner: Arc<dyn newer::ObjectStore>,
    /// Resolves paths where writes are synced.
    synced: Option<LocalFileSystem>,
    poisoned: OnceLock<Poisoned>,
    _occupied: Option<Occupied>,
}

impl Shared {
    fn check(&self) -> Result<()> {
        match self.poisoned.get() {
            Some(poisoned) => Err(poisoned_error(poisoned)),
            None => Ok(()),
        }
    }

    /// Turns a failed write into its error, and takes no more writes if it may
    /// have left something that is not durable.
    fn failed(&self, error: newer::Error) -> Error {
        if self.synced.is_none() || !may_stand(&error) {
            return convert::error(error);
        }
        poisoned_error(self.poisoned.get_or_init(|| Poisoned(error.to_string().into())))
    }
}

fn poisoned_error(poisoned: &Poisoned) -> Error {
    Error::Generic { store: "LocalStore", source: Box::new(poisoned.clone()) }
}

/// Whether a failed write may be visible without being durable. The kinds of
/// the file system's errors are private; those named here happen before the
/// name is given, and everything else is taken for the worst.
fn may_stand(error: &newer::Error) -> bool {
    const BEFORE: [&str; 5] = [
        "Unable to open file",
        "Unable to create file",
        "Unable to create dir",
        "Unable to copy data to file",
        "Upload aborted",
    ];
    match error {
        newer::Error::Generic { source, .. } => {
            let text = source.to_string();
            !BEFORE.iter().any(|before| text.starts_with(before))
        }
        newer::Error::JoinError { .. } => true,
        _ => false,
    }
}

/// A folder as a store.
#[derive(Debug)]
pub(crate) struct LocalStore {
    shared: Arc<Shared>,
}

impl LocalStore {
    /// Opens the folder, and makes it if it is absent.
    pub(crate) fn open(path: &FolderPath, durability: Durability) -> std::io::Result<Self> {
        let full = durability == Durability::Full;
        folder::make(path, full)?;
        let occupied = folder::occupy(path)?;
        let files =
            LocalFileSystem::new_with_prefix(path).map_err(std::io::Error::other)?.with_fsync(full);
        let synced = full.then(|| files.clone());
        Ok(Self::over(Arc::new(files), synced, Some(occupied)))
    }

    fn over(
        inner: Arc<dyn newer::ObjectStore>,
        synced: Option<LocalFileSystem>,
        occupied: Option<Occupied>,
    ) -> Self {
        let poisoned = OnceLock::new();
        Self { shared: Arc::new(Shared { inner, synced, poisoned, _occupied: occupied }) }
    }

    /// Runs a write to its end even if nobody waits for it any more: a failed
    /// sync has to be noticed.
    async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Arc<dyn newer::ObjectStore>) -> Operation<T>,
    ) -> Result<T> {
        self.shared.check()?;
        let shared = Arc::clone(&self.shared);
        let running = operation(Arc::clone(&shared.inner));
        complete(shared, running).await
    }

    /// A name that exists may have been given by a write that was not
    /// acknowledged. Whoever now reads the object relies on it, so its name
    /// becomes durable before anybody is told that it is there.
    async fn settle(&self, location: &Path) -> Result<()> {
        let Some(files) = self.shared.synced.clone() else { return Ok(()) };
        let location = to_newer(location)?;
        self.write(move |_| {
            async move {
                let path = files.path_to_filesystem(&location)?;
                let synced = tokio::task::spawn_blocking(move || folder::sync_parent(&path));
                synced.await?.map_err(|source| newer::Error::Generic {
                    store: "LocalStore",
                    source: format!("unable to sync folder: {source}").into(),
                })
            }
            .boxed()
        })
        .await
    }
}

async fn complete<T: Send + 'static>(shared: Arc<Shared>, running: Operation<T>) -> Result<T> {
    let noticing = Arc::clone(&shared);
    let operation = async move { running.await.map_err(|error| noticing.failed(error)) };
    match Handle::try_current() {
        Ok(runtime) => match runtime.spawn(operation).await {
            Ok(result) => result,
            Err(source) => Err(shared.failed(newer::Error::JoinError { source })),
        },
        Err(_) => operation.await,
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.shared.inner, f)
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let options = convert::put_options(options)?;
        let (path, payload) = (to_newer(location)?, payload.into_iter().collect());
        let put = move |inner: Arc<dyn newer::ObjectStore>| {
            async move { inner.put_opts(&path, payload, options).await }.boxed()
        };
        match self.write(put).await {
            Ok(result) => Ok(convert::put_result(result)),
            Err(error @ Error::AlreadyExists { .. }) => {
                self.settle(location).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let options = convert::put_multipart_options(options)?;
        let path = to_newer(location)?;
        let begin = move |inner: Arc<dyn newer::ObjectStore>| {
            async move { inner.put_multipart_opts(&path, options).await }.boxed()
        };
        let upload = self.write(begin).await?;
        Ok(Box::new(DurableUpload::new(upload, Arc::clone(&self.shared))))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let options = convert::get_options(options);
        let found = self.shared.inner.get_opts(&to_newer(location)?, options).await;
        convert::get_result(found.map_err(convert::error)?)
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        let found = self.shared.inner.get_ranges(&to_newer(location)?, ranges).await;
        found.map_err(convert::error)
    }

    /// A delete is not synced: what comes back after a power loss is garbage
    /// that can be deleted again.
    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let shared = Arc::clone(&self.shared);
        locations
            .and_then(move |location| {
                let shared = Arc::clone(&shared);
                async move {
                    shared.check()?;
                    let path = to_newer(&location)?;
                    let one = stream::once(async move { Ok(path) }).boxed();
                    let deleted: newer::Result<Vec<_>> =
                        shared.inner.delete_stream(one).try_collect().await;
                    deleted.map(|_| location).map_err(convert::error)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = match prefix.map(to_newer).transpose() {
            Ok(prefix) => prefix,
            Err(error) => return stream::once(async move { Err(error) }).boxed(),
        };
        convert::metas(self.shared.inner.list(prefix.as_ref()))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match (prefix.map(to_newer).transpose(), to_newer(offset)) {
            (Ok(prefix), Ok(offset)) => {
                convert::metas(self.shared.inner.list_with_offset(prefix.as_ref(), &offset))
            }
            (Err(error), _) | (_, Err(error)) => stream::once(async move { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.map(to_newer).transpose()?;
        let found = self.shared.inner.list_with_delimiter(prefix.as_ref()).await;
        let found = found.map_err(convert::error)?;
        Ok(ListResult {
            common_prefixes: found.common_prefixes.iter().map(from_newer).collect::<Result<_>>()?,
            objects: found.objects.into_iter().map(convert::meta).collect::<Result<_>>()?,
        })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (to_newer(from)?, to_newer(to)?);
        let options = convert::copy_options(options);
        let copy = move |inner: Arc<dyn newer::ObjectStore>| {
            async move { inner.copy_opts(&from, &to, options).await }.boxed()
        };
        self.write(copy).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (from, to) = (to_newer(from)?, to_newer(to)?);
        let options = convert::rename_options(options);
        let rename = move |inner: Arc<dyn newer::ObjectStore>| {
            async move { inner.rename_opts(&from, &to, options).await }.boxed()
        };
        self.write(rename).await
    }
}

#[cfg(test)]
mod tests;

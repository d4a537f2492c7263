//! Objects whole and in parts, with errors that say what is wrong with them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use icecore_types::{Code, Error, Hash, ObjectRef, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

/// Tries of a put that is refused because of an object that is not there.
const PUT_ATTEMPTS: u32 = 3;

/// The objects below an account's folder.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    root: Path,
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path) -> Self {
        Self { store, root }
    }

    /// The path in the store of what lies at `path` below the folder.
    pub(crate) fn path(&self, path: &str) -> Result<Path> {
        let path = format!("{}/{path}", self.root);
        Path::parse(path.trim_start_matches('/'))
            .map_err(|source| Error::corrupted("the path of an object").with_source(source))
    }

    /// Stores a new object. It is created, never replaced: names are unique, so
    /// an object that is already there is our own, whose acknowledgement was
    /// lost, or the sign that a name was given twice. Nothing is taken back on
    /// an error: the object may be there, and only collection deletes.
    pub(crate) async fn put(
        &self,
        path: String,
        bytes: PutPayload,
        hash: Hash,
    ) -> Result<ObjectRef> {
        let location = self.path(&path)?;
        let size_bytes = bytes.content_length() as u64;
        for _ in 0..PUT_ATTEMPTS {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match self.store.put_opts(&location, bytes.clone(), options).await {
                Ok(_) => return Ok(ObjectRef { path: Arc::from(path), size_bytes, hash }),
                Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            match self.hash_of(&location).await? {
                Some(there) if there == hash => {
                    return Ok(ObjectRef { path: Arc::from(path), size_bytes, hash });
                }
                Some(_) => {
                    return Err(Error::internal(format_args!(
                        "a name was given to two objects path={location}"
                    )));
                }
                // S3 answers so to requests that met each other: nothing landed.
                None => {}
            }
        }
        Err(Error::new(
            Code::STORE_UNAVAILABLE,
            format!("the store says that an object exists and does not have it path={location}"),
        ))
    }

    async fn hash_of(&self, location: &Path) -> Result<Option<Hash>> {
        match self.store.get(location).await {
            Ok(found) => Ok(Some(Hash::of(&found.bytes().await?))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The whole object, compared with its hash.
    pub(crate) async fn get(&self, object: &ObjectRef) -> Result<Bytes> {
        let location = self.path(&object.path)?;
        let bytes = match self.store.get(&location).await {
            Ok(found) => found.bytes().await?,
            Err(error) => return Err(self.explain(object, error).await),
        };
        if bytes.len() as u64 != object.size_bytes || Hash::of(&bytes) != object.hash {
            return Err(Error::corrupted(format_args!(
                "an object has another hash path={location}"
            )));
        }
        Ok(bytes)
    }

    /// The last `count` bytes of the object.
    pub(crate) async fn get_end(&self, object: &ObjectRef, count: u64) -> Result<Bytes> {
        let start = object.size_bytes.checked_sub(count).ok_or_else(|| {
            Error::corrupted(format_args!("a footer longer than its object path={}", object.path))
        })?;
        let end = start..object.size_bytes;
        let mut parts = self.get_ranges(object, std::slice::from_ref(&end)).await?;
        parts.pop().ok_or_else(|| Error::internal("no answer to a range"))
    }

    /// Parts of the object, with exactly the bytes asked for. The store joins
    /// ranges that lie near each other into one request.
    pub(crate) async fn get_ranges(
        &self,
        object: &ObjectRef,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        let location = self.path(&object.path)?;
        let parts = match self.store.get_ranges(&location, ranges).await {
            Ok(parts) => parts,
            Err(error) => return Err(self.explain(object, error).await),
        };
        let lengths = ranges.iter().map(|range| range.end - range.start);
        if !parts.iter().map(|part| part.len() as u64).eq(lengths) {
            return Err(truncated(object));
        }
        Ok(parts)
    }

    /// A range beyond the end is refused by stores in ways of their own: what is
    /// missing or cut is damaged, all else is the store's trouble.
    async fn explain(&self, object: &ObjectRef, error: object_store::Error) -> Error {
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Error::corrupted(format_args!("an object is missing path={}", object.path))
                .with_source(error);
        }
        let size = match self.path(&object.path) {
            Ok(location) => self.store.head(&location).await.map(|found| found.size),
            Err(error) => return error,
        };
        match size {
            Ok(size) if size != object.size_bytes => truncated(object).with_source(error),
            _ => error.into(),
        }
    }
}

fn truncated(object: &ObjectRef) -> Error {
    Error::corrupted(format_args!(
        "an object has another length path={} expected={} bytes",
        object.path, object.size_bytes
    ))
}

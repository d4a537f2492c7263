//! A store that counts requests.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

use crate::upload::CountedUpload;

/// What was asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Store an object, or a part of one.
    Put,
    /// Read an object whole.
    Get,
    /// Read a range of an object.
    GetRange,
    /// Ask for size and time only.
    Head,
    /// List a folder.
    List,
    /// Delete one object.
    Delete,
    /// Copy or rename inside the store.
    Copy,
}

/// One request, answered or failed.
///
/// ```
/// use icecore_testkit::{Request, Verb};
/// let request = Request { verb: Verb::Put, path: "a/b".into(), bytes: 4 };
/// assert_eq!(request.verb, Verb::Put);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked.
    pub verb: Verb,
    /// Of which object or folder.
    pub path: String,
    /// Bytes sent or received; 0 where the verb moves none.
    pub bytes: u64,
}

/// The requests of some span of time, in order, to be narrowed and counted.
///
/// ```
/// use icecore_testkit::{Counts, Verb};
/// let counts = Counts::default();
/// assert_eq!(counts.of(Verb::Get).under("account").requests(), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    requests: Vec<Request>,
}

impl Counts {
    /// Only this verb's.
    #[must_use]
    pub fn of(&self, verb: Verb) -> Self {
        self.filtered(|request| request.verb == verb)
    }

    /// Only those whose path contains this text.
    #[must_use]
    pub fn under(&self, part: &str) -> Self {
        self.filtered(|request| request.path.contains(part))
    }

    /// How many.
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Bytes sent and received.
    pub fn bytes(&self) -> u64 {
        self.requests.iter().map(|request| request.bytes).sum()
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    fn filtered(&self, keep: impl Fn(&Request) -> bool) -> Self {
        Self { requests: self.requests.iter().filter(|r| keep(r)).cloned().collect() }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<Request>>);

impl Log {
    pub(crate) fn add(&self, verb: Verb, path: &Path, bytes: u64) {
        self.0.lock().push(Request { verb, path: path.to_string(), bytes });
    }
}

/// A store that hands everything on and remembers it. Clones count together.
///
/// Several ranges of one object are counted as the requests that they are
/// coalesced into, whatever the store inside would do with them.
///
/// ```
/// use std::sync::Arc;
/// use icecore_testkit::{CountingStore, Verb};
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = CountingStore::new(Arc::new(InMemory::new()));
/// store.put(&Path::from("a"), "four".into()).await.unwrap();
/// store.reset();
/// store.get_range(&Path::from("a"), 0..2).await.unwrap();
/// assert_eq!(store.counts().of(Verb::GetRange).bytes(), 2);
/// assert_eq!(store.counts().requests(), 1);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct CountingStore {
    inner: Arc<dyn ObjectStore>,
    log: Arc<Log>,
}

impl CountingStore {
    /// Counts what is asked of `inner`.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, log: Arc::default() }
    }

    /// What was asked since the last reset.
    pub fn counts(&self) -> Counts {
        Counts { requests: self.log.0.lock().clone() }
    }

    /// Forgets what was asked.
    pub fn reset(&self) {
        self.log.0.lock().clear();
    }
}

impl fmt::Display for CountingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountingStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.log.add(Verb::Put, location, payload.content_length() as u64);
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(CountedUpload::new(upload, location.clone(), Arc::clone(&self.log))))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let verb = match (&options.range, options.head) {
            (_, true) => Verb::Head,
            (Some(_), false) => Verb::GetRange,
            (None, false) => Verb::Get,
        };
        let result = self.inner.get_opts(location, options).await;
        let bytes = match (&result, verb) {
            (Ok(found), Verb::Get | Verb::GetRange) => found.range.end - found.range.start,
            _ => 0,
        };
        self.log.add(verb, location, bytes);
        result
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (inner, log) = (Arc::clone(&self.inner), Arc::clone(&self.log));
        locations
            .and_then(move |location| {
                let inner = Arc::clone(&inner);
                log.add(Verb::Delete, &location, 0);
                async move { inner.delete(&location).await.map(|()| location) }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.log.add(Verb::List, prefix.unwrap_or(&Path::default()), 0);
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.log.add(Verb::List, prefix.unwrap_or(&Path::default()), 0);
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.log.add(Verb::List, prefix.unwrap_or(&Path::default()), 0);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.log.add(Verb::Copy, to, 0);
        self.inner.copy_opts(from, to, options).await
    }
}

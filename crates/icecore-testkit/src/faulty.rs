//! A store that fails on purpose.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use parking_lot::Mutex;

use crate::plan::{Late, Plan};
use crate::{Chances, Fault, Rule, Verb};

/// A store that fails where it is told to, or by chance from a seed. Clones
/// share their faults; without any it hands everything on.
///
/// ```
/// use std::sync::Arc;
/// use icecore_testkit::{Fault, FaultyStore, Rule, Verb};
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = FaultyStore::new(Arc::new(InMemory::new()));
/// store.inject(Rule::nth(1, Fault::FailAfter).of(Verb::Put));
/// let path = Path::from("a");
/// assert!(store.put(&path, "x".into()).await.is_err());
/// assert!(store.get(&path).await.is_ok(), "only the answer was lost");
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<Mutex<Plan>>,
}

impl FaultyStore {
    /// Without faults until some are injected.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, plan: Arc::default() }
    }

    /// With faults by chance; the same seed and the same operations give the
    /// same faults. Print the seed where a test fails.
    pub fn seeded(inner: Arc<dyn ObjectStore>, chances: Chances, seed: u64) -> Self {
        Self { inner, plan: Arc::new(Mutex::new(Plan::seeded(chances, seed))) }
    }

    /// Adds a fault. Where two rules meet at one operation the first holds.
    pub fn inject(&self, rule: Rule) {
        self.plan.lock().add(rule);
    }

    /// Lets `n` more operations through and fails all after them.
    pub fn crash_after(&self, n: u64) {
        self.inject(Rule::nth(n + 1, Fault::Crash));
    }

    /// No faults from now on: rules and chances are forgotten, a crash is
    /// over. Late puts still land.
    pub fn heal(&self) {
        self.plan.lock().heal();
    }

    /// Operations that have begun.
    pub fn operations(&self) -> u64 {
        self.plan.lock().operations()
    }

    /// Puts that have yet to land.
    pub fn late_puts(&self) -> usize {
        self.plan.lock().late_puts()
    }

    /// Lands every late put now.
    pub async fn land_all(&self) {
        let late = self.plan.lock().landing_all();
        self.land(late).await;
    }

    async fn begin(&self, verb: Verb, path: &Path) -> Option<Fault> {
        let (fault, late) = {
            let mut plan = self.plan.lock();
            (plan.next(verb, path), plan.landing())
        };
        self.land(late).await;
        fault
    }

    async fn land(&self, late: Vec<Late>) {
        for put in late {
            // Nobody waits for its answer any more, whatever it is.
            let _ = self.inner.put_opts(&put.location, put.payload, put.options).await;
        }
    }
}

fn failed(what: &'static str) -> Error {
    Error::Generic { store: "FaultyStore", source: what.into() }
}

/// Turns the answer of an operation that does not move bytes into its fault's.
async fn answered<T>(
    fault: Option<Fault>,
    operation: impl Future<Output = Result<T>>,
) -> Result<T> {
    match fault {
        None => operation.await,
        Some(Fault::FailAfter) => {
            operation.await?;
            Err(failed("the answer was lost"))
        }
        Some(Fault::Hang) => {
            operation.await?;
            std::future::pending().await
        }
        Some(_) => Err(failed("failed before it was done")),
    }
}

fn damaged(bytes: Bytes, fault: Fault) -> Bytes {
    let mut bytes = bytes.to_vec();
    match fault {
        Fault::FlipByte { position } if !bytes.is_empty() => {
            let index = (position % bytes.len() as u64) as usize;
            bytes[index] = !bytes[index];
        }
        Fault::Truncate { to_bytes } => {
            bytes.truncate(usize::try_from(to_bytes).unwrap_or(usize::MAX));
        }
        _ => {}
    }
    bytes.into()
}

async fn damaged_read(result: GetResult, fault: Fault) -> Result<GetResult> {
    let (meta, attributes, start) =
        (result.meta.clone(), result.attributes.clone(), result.range.start);
    let bytes = damaged(result.bytes().await?, fault);
    let range = start..start + bytes.len() as u64;
    let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
    Ok(GetResult { payload, meta, range, attributes })
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match self.begin(Verb::Put, location).await {
            Some(Fault::SpuriousConflict) => Err(Error::AlreadyExists {
                path: location.to_string(),
                source: "a conflict that nothing caused".into(),
            }),
            Some(Fault::LandLater { after_operations }) => {
                let put = (location.clone(), payload, options);
                self.plan.lock().postpone(after_operations, put);
                Err(failed("timed out"))
            }
            Some(fault @ (Fault::FlipByte { .. } | Fault::Truncate { .. })) => {
                let bytes = damaged(payload.into_iter().flatten().collect(), fault);
                self.inner.put_opts(location, bytes.into(), options).await
            }
            fault => answered(fault, self.inner.put_opts(location, payload, options)).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let fault = self.begin(Verb::Put, location).await;
        answered(fault, self.inner.put_multipart_opts(location, options)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let verb = match (&options.range, options.head) {
            (_, true) => Verb::Head,
            (Some(_), false) => Verb::GetRange,
            (None, false) => Verb::Get,
        };
        match self.begin(verb, location).await {
            Some(fault @ (Fault::FlipByte { .. } | Fault::Truncate { .. }))
                if verb != Verb::Head =>
            {
                damaged_read(self.inner.get_opts(location, options).await?, fault).await
            }
            fault => answered(fault, self.inner.get_opts(location, options)).await,
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .and_then(move |location| {
                let store = store.clone();
                async move {
                    let fault = store.begin(Verb::Delete, &location).await;
                    answered(fault, store.inner.delete(&location)).await.map(|()| location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        stream::once(async move {
            let fault = store.begin(Verb::List, &prefix.clone().unwrap_or_default()).await;
            answered(fault, async { Ok(store.inner.list(prefix.as_ref())) }).await
        })
        .try_flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let fault = self.begin(Verb::List, prefix.unwrap_or(&Path::default())).await;
        answered(fault, self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let fault = self.begin(Verb::Copy, to).await;
        answered(fault, self.inner.copy_opts(from, to, options)).await
    }
}

#[cfg(test)]
mod tests;

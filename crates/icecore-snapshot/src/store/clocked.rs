//! A store whose objects were written when the engine's clock says.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use icecore_types::{Clock, Timestamp};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use parking_lot::Mutex;

/// The store with the times of `clock`: what this process writes through it
/// was last modified at the clock's moment of the write, and everything else
/// when the store says. For simulated clocks, under which a rule about the age
/// of files must not depend on the day of the test.
///
/// It remembers a time for each object that it wrote.
///
/// ```
/// # futures::executor::block_on(async {
/// use std::sync::Arc;
/// use icecore_snapshot::clocked_store;
/// use icecore_types::{SimulatedClock, Timestamp};
/// use object_store::{ObjectStore, ObjectStoreExt, memory::InMemory, path::Path};
///
/// let start = Timestamp::parse("2013-01-01T00:00:00Z")?;
/// let clock = Arc::new(SimulatedClock::starting_at(start));
/// let store = clocked_store(Arc::new(InMemory::new()), clock);
/// store.put(&Path::from("a"), "x".into()).await?;
/// assert_eq!(Some(store.head(&Path::from("a")).await?.last_modified), start.to_utc());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub fn clocked_store(store: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Arc<dyn ObjectStore> {
    Arc::new(ClockedStore {
        inner: store,
        times: Arc::new(Times { clock, written: Mutex::default() }),
    })
}

struct Times {
    clock: Arc<dyn Clock>,
    written: Mutex<HashMap<Path, Timestamp>>,
}

impl Times {
    fn note(&self, location: &Path) {
        self.written.lock().insert(location.clone(), self.clock.now());
    }

    fn stamp(&self, meta: &mut ObjectMeta) {
        let written = self.written.lock().get(&meta.location).copied();
        if let Some(time) = written.and_then(Timestamp::to_utc) {
            meta.last_modified = time;
        }
    }

    fn stamped(&self, mut meta: ObjectMeta) -> ObjectMeta {
        self.stamp(&mut meta);
        meta
    }
}

struct ClockedStore {
    inner: Arc<dyn ObjectStore>,
    times: Arc<Times>,
}

impl fmt::Debug for ClockedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockedStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Display for ClockedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

#[async_trait]
impl ObjectStore for ClockedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let result = self.inner.put_opts(location, payload, options).await?;
        self.times.note(location);
        Ok(result)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await?;
        let times = Arc::clone(&self.times);
        Ok(Box::new(ClockedUpload { inner, location: location.clone(), times }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut found = self.inner.get_opts(location, options).await?;
        self.times.stamp(&mut found.meta);
        Ok(found)
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let times = Arc::clone(&self.times);
        let deleted = self.inner.delete_stream(locations);
        let forget = move |location: &Path| {
            times.written.lock().remove(location);
        };
        deleted.inspect_ok(forget).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let times = Arc::clone(&self.times);
        self.inner.list(prefix).map_ok(move |meta| times.stamped(meta)).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let times = Arc::clone(&self.times);
        let found = self.inner.list_with_offset(prefix, offset);
        found.map_ok(move |meta| times.stamped(meta)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut found = self.inner.list_with_delimiter(prefix).await?;
        found.objects.iter_mut().for_each(|meta| self.times.stamp(meta));
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.times.note(to);
        Ok(())
    }
}

#[derive(Debug)]
struct ClockedUpload {
    inner: Box<dyn MultipartUpload>,
    location: Path,
    times: Arc<Times>,
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Times")
    }
}

#[async_trait]
impl MultipartUpload for ClockedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.inner.complete().await?;
        self.times.note(&self.location);
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use icecore_types::SimulatedClock;
    use object_store::{ObjectStoreExt, PutMode};

    use super::*;
    use crate::{Durability, open_store};

    const START: Timestamp = Timestamp::from_micros(1_400_000_000_000_000);

    async fn time_of(store: &Arc<dyn ObjectStore>, path: &str) -> Timestamp {
        let path = Path::from(path);
        let times = [
            store.head(&path).await.unwrap().last_modified,
            store.get(&path).await.unwrap().meta.last_modified,
            store
                .list(Some(&Path::from("f")))
                .try_collect::<Vec<_>>()
                .await
                .unwrap()
                .into_iter()
                .find(|meta| meta.location == path)
                .unwrap()
                .last_modified,
            store
                .list_with_delimiter(Some(&Path::from("f")))
                .await
                .unwrap()
                .objects
                .into_iter()
                .find(|meta| meta.location == path)
                .unwrap()
                .last_modified,
        ];
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
        Timestamp::from_micros(times[0].timestamp_micros())
    }

    #[tokio::test]
    async fn what_is_written_has_the_time_of_the_clock_and_the_rest_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let local = open_store(folder.path().to_str().unwrap(), Durability::Os).unwrap();
        for inner in
            [Arc::new(object_store::memory::InMemory::new()) as Arc<dyn ObjectStore>, local]
        {
            inner.put(&Path::from("f/before"), "x".into()).await.unwrap();
            let clock = Arc::new(SimulatedClock::starting_at(START));
            let store = clocked_store(Arc::clone(&inner), clock.clone());
            let real = time_of(&store, "f/before").await;
            assert!(real > START.plus(Duration::from_secs(86_400 * 365)), "{real}");

            store.put(&Path::from("f/a"), "x".into()).await.unwrap();
            clock.advance(Duration::from_secs(60));
            store.copy(&Path::from("f/before"), &Path::from("f/b")).await.unwrap();
            clock.advance(Duration::from_secs(60));
            let mut upload = store.put_multipart(&Path::from("f/c")).await.unwrap();
            upload.put_part("x".into()).await.unwrap();
            upload.complete().await.unwrap();
            for (path, minutes) in [("f/a", 0), ("f/b", 1), ("f/c", 2)] {
                assert_eq!(
                    time_of(&store, path).await,
                    START.plus(Duration::from_secs(60 * minutes))
                );
            }
            // A write that was refused changed nothing; one that was made, did.
            let create = PutMode::Create.into();
            assert!(store.put_opts(&Path::from("f/a"), "y".into(), create).await.is_err());
            assert_eq!(time_of(&store, "f/a").await, START);
            store.put(&Path::from("f/before"), "y".into()).await.unwrap();
            assert_eq!(time_of(&store, "f/before").await, clock.now());
            // What somebody else puts in the place of a deleted one is theirs.
            store.delete(&Path::from("f/a")).await.unwrap();
            inner.put(&Path::from("f/a"), "z".into()).await.unwrap();
            assert!(time_of(&store, "f/a").await >= real.minus(Duration::from_secs(1)));
        }
    }
}

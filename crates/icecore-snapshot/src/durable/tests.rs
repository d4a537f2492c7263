use object_store::{ObjectStoreExt, PutMode};

use super::*;

/// Answers every put with the error that a test chose, after doing it.
#[derive(Debug)]
struct Failing {
    inner: newer::memory::InMemory,
    error: &'static str,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

#[async_trait]
impl newer::ObjectStore for Failing {
    async fn put_opts(
        &self,
        location: &newer::path::Path,
        payload: newer::PutPayload,
        options: newer::PutOptions,
    ) -> newer::Result<newer::PutResult> {
        self.inner.put_opts(location, payload, options).await?;
        Err(newer::Error::Generic { store: "Failing", source: self.error.into() })
    }

    async fn put_multipart_opts(
        &self,
        location: &newer::path::Path,
        options: newer::PutMultipartOptions,
    ) -> newer::Result<Box<dyn newer::MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &newer::path::Path,
        options: newer::GetOptions,
    ) -> newer::Result<newer::GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, newer::Result<newer::path::Path>>,
    ) -> BoxStream<'static, newer::Result<newer::path::Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&newer::path::Path>,
    ) -> BoxStream<'static, newer::Result<newer::ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&newer::path::Path>,
    ) -> newer::Result<newer::ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &newer::path::Path,
        to: &newer::path::Path,
        options: newer::CopyOptions,
    ) -> newer::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn failing(error: &'static str, synced: bool) -> LocalStore {
    let inner = Arc::new(Failing { inner: newer::memory::InMemory::new(), error });
    LocalStore::over(inner, synced.then(LocalFileSystem::new), None)
}

async fn put(store: &LocalStore, path: &str) -> Result<PutResult> {
    store.put_opts(&Path::from(path), "x".into(), PutMode::Create.into()).await
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written() {
    let store = failing("Unable to sync data to disk for a: no", true);
    assert!(is_poisoned(&put(&store, "a").await.unwrap_err()));
    assert!(is_poisoned(&put(&store, "b").await.unwrap_err()));
    assert!(is_poisoned(&store.delete(&Path::from("a")).await.unwrap_err()));
    assert!(is_poisoned(&store.copy(&Path::from("a"), &Path::from("b")).await.unwrap_err()));
    assert!(store.put_multipart(&Path::from("c")).await.is_err());
    assert!(store.get(&Path::from("b")).await.is_err(), "the second put was not made");
    assert!(store.get(&Path::from("a")).await.is_ok(), "what stands can be read");
}

#[tokio::test]
async fn a_failed_sync_is_noticed_when_nobody_waits() {
    let store = failing("something that nobody has foreseen", true);
    {
        let mut forgotten = Box::pin(put(&store, "a"));
        assert!(futures::poll!(forgotten.as_mut()).is_pending());
    }
    while store.shared.poisoned.get().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(is_poisoned(&put(&store, "b").await.unwrap_err()));
}

#[tokio::test]
async fn a_full_disk_and_a_store_without_syncs_go_on() {
    for (error, synced) in [("Unable to copy data to file: full", true), ("anything", false)] {
        let store = failing(error, synced);
        assert!(!is_poisoned(&put(&store, "a").await.unwrap_err()));
        assert!(!is_poisoned(&put(&store, "b").await.unwrap_err()));
        assert!(store.get(&Path::from("b")).await.is_ok());
    }
}

#[tokio::test]
async fn the_errors_of_the_real_file_system_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path(), Durability::Full).unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let error = put(&store, "file/below").await.unwrap_err();
    assert!(!is_poisoned(&error), "{error}");
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let error = store.put(&Path::from("folder"), "x".into()).await.unwrap_err();
    assert!(is_poisoned(&error), "the name could not be given: {error}");
    let again = LocalStore::open(folder.path(), Durability::Full).unwrap();
    put(&again, "ok").await.unwrap();
}

#[test]
fn only_full_durability_syncs() {
    let folder = tempfile::tempdir().unwrap();
    for (durability, says) in [(Durability::Full, "fsync: true"), (Durability::Os, "fsync: false")]
    {
        let store = LocalStore::open(folder.path(), durability).unwrap();
        let debug = format!("{:?}", store.shared.inner);
        assert!(debug.contains(says), "{debug}");
    }
}

#[tokio::test]
async fn what_a_file_cannot_keep_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path(), Durability::Full).unwrap();
    let mut tagged = PutOptions::default();
    tagged.tags.push("team", "a");
    let error = store.put_opts(&Path::from("a"), "x".into(), tagged).await.unwrap_err();
    assert!(matches!(error, Error::NotImplemented { .. }), "{error}");
    let version = object_store::UpdateVersion { e_tag: None, version: None };
    let update = PutMode::Update(version).into();
    assert!(store.put_opts(&Path::from("a"), "x".into(), update).await.is_err());
}

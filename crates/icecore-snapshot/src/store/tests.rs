use std::collections::BTreeSet;

use futures::TryStreamExt;
use futures::future::join_all;
use icecore_types::ErrorKind;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStoreExt, PutMode, PutOptions};

use super::*;

struct Case {
    store: Arc<dyn ObjectStore>,
    _folder: Option<tempfile::TempDir>,
}

fn cases() -> Vec<Case> {
    let mut cases =
        vec![Case { store: open_store("memory://", Durability::Full).unwrap(), _folder: None }];
    for durability in [Durability::Full, Durability::Os] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}/new/store", folder.path().display());
        cases.push(Case { store: open_store(&url, durability).unwrap(), _folder: Some(folder) });
    }
    cases.extend(bucket().map(|store| Case { store, _folder: None }));
    cases
}

/// A new prefix of the bucket `icecore` at the endpoint that the variable
/// `ICECORE_TEST_S3` names, so that a real service can be put to the test.
#[cfg(feature = "s3")]
fn bucket() -> Option<Arc<dyn ObjectStore>> {
    use icecore_types::IdSource;

    let endpoint = std::env::var("ICECORE_TEST_S3").ok()?;
    let options = StoreOptions::new(Durability::Full)
        .s3_setting("endpoint", &endpoint)
        .s3_setting("allow_http", "true")
        .s3_setting("region", "us-east-1")
        .s3_setting("access_key_id", "test")
        .s3_setting("secret_access_key", "test");
    let url = format!("s3://icecore/test/{:032x}", icecore_types::RandomIds.next());
    Some(open_store_with(&url, &options).unwrap())
}

#[cfg(not(feature = "s3"))]
fn bucket() -> Option<Arc<dyn ObjectStore>> {
    None
}

fn create() -> PutOptions {
    PutMode::Create.into()
}

async fn text(store: &dyn ObjectStore, path: &str) -> String {
    let bytes = store.get(&ObjectPath::from(path)).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn an_object_is_created_once_and_read_in_every_way() {
    for case in cases() {
        let (store, path) = (&case.store, ObjectPath::from("a/b c/1"));
        store.put_opts(&path, "hello".into(), create()).await.unwrap();
        let error = store.put_opts(&path, "other".into(), create()).await.unwrap_err();
        assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
        assert_eq!(text(store, "a/b c/1").await, "hello");
        assert_eq!(store.get_range(&path, 1..3).await.unwrap(), "el");
        let ranges = store.get_ranges(&path, &[0..1, 4..5]).await.unwrap();
        assert_eq!(ranges, ["h", "o"]);
        let meta = store.head(&path).await.unwrap();
        // A prefix of a bucket leaves itself in the answer.
        assert!(meta.size == 5 && meta.location.as_ref().ends_with(path.as_ref()), "{meta:?}");
        store.put(&path, "over".into()).await.unwrap();
        assert_eq!(text(store, "a/b c/1").await, "over");
        store.delete(&path).await.unwrap();
        let error = store.get(&path).await.unwrap_err();
        assert!(matches!(error, object_store::Error::NotFound { .. }), "{error}");
        assert!(store.get_range(&ObjectPath::from("none"), 0..1).await.is_err());
    }
}

#[tokio::test]
async fn a_listing_shows_what_is_there() {
    for case in cases() {
        let store = &case.store;
        for path in ["log/0/1", "log/0/2", "log/1/3", "data/x"] {
            store.put(&ObjectPath::from(path), path.into()).await.unwrap();
        }
        let prefix = ObjectPath::from("log");
        let found: Vec<_> = store.list(Some(&prefix)).try_collect().await.unwrap();
        let found: BTreeSet<_> = found.iter().map(|meta| meta.location.as_ref()).collect();
        assert_eq!(found, BTreeSet::from(["log/0/1", "log/0/2", "log/1/3"]));
        let after = ObjectPath::from("log/0/1");
        let after: Vec<_> =
            store.list_with_offset(Some(&prefix), &after).try_collect().await.unwrap();
        assert_eq!(after.len(), 2);
        let level = store.list_with_delimiter(Some(&prefix)).await.unwrap();
        assert_eq!(level.common_prefixes, [ObjectPath::from("log/0"), ObjectPath::from("log/1")]);
        let root = store.list_with_delimiter(None).await.unwrap();
        assert!(root.objects.is_empty(), "{:?}", root.objects);
        assert_eq!(store.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn one_of_many_creates_wins() {
    for case in cases() {
        for number in 0..20 {
            let path = ObjectPath::from(format!("log/{number}"));
            let puts = (0..8).map(|writer| {
                let (store, path) = (Arc::clone(&case.store), path.clone());
                tokio::spawn(async move {
                    store.put_opts(&path, writer.to_string().into(), create()).await.map(|_| writer)
                })
            });
            let results = join_all(puts).await.into_iter().map(Result::unwrap);
            let winners: Vec<_> = results.filter_map(Result::ok).collect();
            assert_eq!(winners.len(), 1);
            assert_eq!(text(&case.store, path.as_ref()).await, winners[0].to_string());
        }
    }
}

#[tokio::test]
async fn parts_become_one_object_at_the_end() {
    for case in cases() {
        let path = ObjectPath::from("big");
        let mut upload = case.store.put_multipart(&path).await.unwrap();
        // The least that S3 takes, but for the last part.
        let part = "a".repeat(5 * 1024 * 1024);
        upload.put_part(part.clone().into()).await.unwrap();
        upload.put_part("bc".into()).await.unwrap();
        assert!(case.store.head(&path).await.is_err());
        upload.complete().await.unwrap();
        assert!(text(&case.store, "big").await == part + "bc");
        let mut upload = case.store.put_multipart(&ObjectPath::from("no")).await.unwrap();
        upload.put_part("ab".into()).await.unwrap();
        upload.abort().await.unwrap();
        assert_eq!(case.store.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn objects_are_copied_and_renamed() {
    for case in cases() {
        let [a, b, c] = ["a", "x/b", "y/c"].map(ObjectPath::from);
        case.store.put(&a, "text".into()).await.unwrap();
        case.store.copy(&a, &b).await.unwrap();
        assert!(case.store.copy_if_not_exists(&a, &b).await.is_err());
        case.store.rename(&b, &c).await.unwrap();
        assert!(case.store.head(&b).await.is_err());
        assert_eq!(text(&case.store, "y/c").await, "text");
    }
}

#[tokio::test]
async fn a_store_is_what_it_was_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("lake").display().to_string();
    let store = open_store(&url, Durability::Full).unwrap();
    store.put(&ObjectPath::from("account/a"), "x".into()).await.unwrap();
    let beside = open_store(&url, Durability::Os).unwrap();
    assert_eq!(text(&beside, "account/a").await, "x");
    drop((store, beside));
    assert_eq!(text(&open_store(&url, Durability::Full).unwrap(), "account/a").await, "x");
}

#[test]
fn what_is_no_store_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let inside = file.join("store");
    for (url, kind, says) in [
        ("", ErrorKind::InvalidInput, "no place is named"),
        ("memory://lake", ErrorKind::InvalidInput, "has no name"),
        ("file://lake", ErrorKind::InvalidInput, "three slashes"),
        ("file:///a/../b", ErrorKind::InvalidInput, "not a path"),
        ("s3://", ErrorKind::InvalidInput, "no bucket"),
        ("ftp://host/lake", ErrorKind::Unsupported, "ftp://"),
        ("http://host/lake", ErrorKind::Unsupported, "http://"),
        (file.to_str().unwrap(), ErrorKind::InvalidInput, "it is a file"),
        (inside.to_str().unwrap(), ErrorKind::Unavailable, "cannot be opened"),
    ] {
        let error = open_store(url, Durability::Full).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{url}: {error}");
        assert!(error.message().contains(says), "{url}: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_cannot_be_written_is_refused() {
    for url in ["/proc/icecore", "/proc/self"] {
        let error = open_store(url, Durability::Full).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{url}: {error}");
    }
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_bucket_says_what_it_needs() {
    let error = open_store("s3://bucket/lake", Durability::Full).map(|_| ()).unwrap_err();
    assert_eq!(
        (error.kind(), error.help()),
        (ErrorKind::Unsupported, Some("build with the feature s3"))
    );
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_is_opened_with_its_settings() {
    let options = StoreOptions::new(Durability::Full)
        .s3_setting("region", "eu-central-1")
        .s3_setting("access_key_id", "key")
        .s3_setting("secret_access_key", "secret");
    let store = open_store_with("s3://bucket/some/lake", &options).unwrap();
    let text = format!("{store:?}");
    assert!(text.contains("\"bucket\"") && text.contains("some/lake"), "{text}");
    assert!(!text.contains("secret\""), "{text}");
    let options = options.s3_setting("no such setting", "x");
    assert!(open_store_with("s3://bucket", &options).is_err());
}

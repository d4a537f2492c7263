use std::io::Read;

use object_store::memory::InMemory;

use super::*;

fn stage(store: Arc<InMemory>) -> StageFiles {
    StageFiles::new(store, Path::from("account/1/stage/2"), "landing".to_owned())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn paths(files: &[StageFile]) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn listing_goes_by_prefix_and_pattern() {
    block_on(async {
        let stage = stage(Arc::default());
        for path in ["a.csv", "2013/a_1.csv", "2013/a_2.csv.gz", "2014/a.csv", "odd #%/ü x"] {
            stage.put_bytes(path, b"1\n".to_vec()).await.unwrap();
        }
        let listed = stage.list("", None).await.unwrap();
        assert_eq!(
            paths(&listed),
            ["2013/a_1.csv", "2013/a_2.csv.gz", "2014/a.csv", "a.csv", "odd #%/ü x"]
        );
        assert_eq!(paths(&stage.list("/201", None).await.unwrap()).len(), 3);
        assert_eq!(paths(&stage.list("2013/a_2", None).await.unwrap()), ["2013/a_2.csv.gz"]);
        let pattern = StageFiles::pattern(".*/a.*[.]csv").unwrap();
        assert_eq!(
            paths(&stage.list("", Some(&pattern)).await.unwrap()),
            ["2013/a_1.csv", "2014/a.csv"]
        );
        assert!(StageFiles::pattern("(?<=x)y").is_err());
        let odd = stage.named("odd #%", &["ü x".to_owned()]).await.unwrap();
        assert_eq!(paths(&odd), ["odd #%/ü x"]);
        let error = stage.named("2013", &["a_9.csv".to_owned()]).await.unwrap_err();
        assert_eq!(error.code(), Code::FILE_NOT_FOUND);
        assert!(error.message().contains("2013/a_9.csv"));
        assert_eq!(stage.remove("2013/", None).await.unwrap().len(), 2);
        assert_eq!(stage.list("", None).await.unwrap().len(), 3);
    });
}

#[test]
fn no_path_leaves_its_stage() {
    block_on(async {
        let store = Arc::new(InMemory::new());
        let stage = stage(store.clone());
        for path in ["../x", "a/../../x", "./x", "a/./b", "..", "a\\..\\b", "a/\0"] {
            assert!(stage.put_bytes(path, Vec::new()).await.is_err(), "{path:?}");
            assert!(stage.list(path, None).await.is_err(), "{path:?}");
            assert!(stage.named("", &[path.to_owned()]).await.is_err(), "{path:?}");
            assert!(stage.remove(path, None).await.is_err(), "{path:?}");
        }
        for path in ["%2e%2e/x", "%2E%2E%2Fx", "...", "a..b", "~/x"] {
            stage.put_bytes(path, Vec::new()).await.unwrap();
            let listed = stage.list("", None).await.unwrap();
            assert_eq!(paths(&listed), [path]);
            stage.remove("", None).await.unwrap();
        }
    });
}

/// The MD5 of bytes, as `md5sum` prints it.
const MD5S: [(&[u8], &str); 2] =
    [(b"ab\n", "daa8075d6ac5ff8d0c6d4650adb4ef29"), (b"", "d41d8cd98f00b204e9800998ecf8427e")];

#[test]
fn the_checksum_of_a_file_is_that_of_its_bytes() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(icecore_testkit::CountingStore::new(Arc::new(InMemory::new())));
        let stage =
            || StageFiles::new(store.clone(), Path::from("account/1/stage/2"), "s".to_owned());
        let putting = stage();
        for (index, (bytes, md5)) in MD5S.into_iter().enumerate() {
            let local = folder.path().join(format!("{index}.csv"));
            std::fs::write(&local, bytes).unwrap();
            putting.put(&local, "", false, true).await.unwrap();
            let file = putting.list(&format!("{index}"), None).await.unwrap().remove(0);
            let reads = || store.counts().of(icecore_testkit::Verb::GetRange).requests();
            let before = reads();
            let shown = putting.shown_checksum(&file).await.unwrap();
            assert_eq!(shown.as_deref(), Some(md5));
            assert_eq!(reads(), before, "whoever put it knows");
            let elsewhere = stage();
            for _ in 0..2 {
                assert_eq!(elsewhere.shown_checksum(&file).await.unwrap().as_deref(), Some(md5));
            }
            let once = usize::from(!bytes.is_empty());
            assert_eq!(reads() - before, once, "read once");
        }
        let other = stage().list("0", None).await.unwrap().remove(0);
        putting.put_bytes("0.csv", b"other".to_vec()).await.unwrap();
        assert_eq!(stage().shown_checksum(&other).await.unwrap(), None, "no longer there");
        let external = stage().at_url("s3://bucket/");
        let of = |etag: Option<&str>| StageFile { etag: etag.map(str::to_owned), ..other.clone() };
        for (etag, shown) in [(Some("\"9b2c-12\""), Some("9b2c-12")), (None, None)] {
            let found = external.shown_checksum(&of(etag)).await.unwrap();
            assert_eq!(found.as_deref(), shown);
        }
    });
}

#[test]
fn put_compresses_skips_and_overwrites() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().join("a.csv");
        std::fs::write(&local, "1,2\n".repeat(1000)).unwrap();
        let stage = stage(Arc::default());
        let put = stage.put(&local, "in/", true, false).await.unwrap();
        assert_eq!((put.source.as_str(), put.target.as_str()), ("a.csv", "in/a.csv.gz"));
        assert_eq!((put.source_size, put.status), (4000, PutStatus::Uploaded));
        assert!(put.target_size < 200);
        assert_eq!(put.source_compression, FileCompression::None);
        assert_eq!(put.target_compression, FileCompression::Gzip);

        let file = stage.list("", None).await.unwrap().remove(0);
        let key = stage.content_key(&file).await.unwrap();
        std::fs::write(&local, "changed\n").unwrap();
        let again = stage.put(&local, "in", true, false).await.unwrap();
        assert_eq!((again.status, again.target_size), (PutStatus::Skipped, put.target_size));

        let plain = stage.put(&local, "", false, false).await.unwrap();
        assert_eq!((plain.target.as_str(), plain.target_size), ("a.csv", 8));
        std::fs::write(&local, "1,2\n".repeat(1000)).unwrap();
        stage.put(&local, "in", true, true).await.unwrap();
        let file = stage.list("in", None).await.unwrap().remove(0);
        // Another upload, and the same content.
        assert_eq!(stage.content_key(&file).await.unwrap(), key);
        std::fs::write(&local, "1,2\n".repeat(1001)).unwrap();
        stage.put(&local, "in", true, true).await.unwrap();
        let file = stage.list("in", None).await.unwrap().remove(0);
        assert_ne!(stage.content_key(&file).await.unwrap(), key);
    });
}

#[test]
fn gzip_is_not_gzipped_again() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().join("a.csv.gz");
        let mut gzip = flate2::bufread::GzEncoder::new(&b"1\n"[..], flate2::Compression::fast());
        let mut bytes = Vec::new();
        gzip.read_to_end(&mut bytes).unwrap();
        std::fs::write(&local, &bytes).unwrap();
        let put = stage(Arc::default()).put(&local, "", true, false).await.unwrap();
        assert_eq!((put.target.as_str(), put.target_size), ("a.csv.gz", bytes.len() as u64));
        assert_eq!(put.source_compression, FileCompression::Gzip);
    });
}

#[test]
fn large_files_are_put_in_parts() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().join("large");
        let bytes: Vec<u8> = (0..40_u32 << 20).map(|i| (i ^ (i >> 9)) as u8).collect();
        std::fs::write(&local, &bytes).unwrap();
        let store = Arc::new(InMemory::new());
        let put = stage(store.clone()).put(&local, "", false, false).await.unwrap();
        assert_eq!(put.target_size, bytes.len() as u64);
        let stored = store.get(&Path::from("account/1/stage/2/large")).await.unwrap();
        assert!(stored.bytes().await.unwrap() == bytes);
    });
}

#[test]
fn put_takes_regular_files_by_name_or_wildcard() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    std::fs::create_dir(folder.path().join("a9.csv")).unwrap();
    for name in ["a1.csv", "a2.csv", "[x].csv"] {
        std::fs::write(folder.path().join(name), "1\n").unwrap();
    }
    assert_eq!(local_files(&format!("file://{root}/a*.csv")).unwrap().len(), 2);
    assert_eq!(local_files(&format!("{root}/[x].csv")).unwrap().len(), 1);
    assert_eq!(local_files(&format!("{root}/[?].csv")).unwrap().len(), 1);
    for (source, code) in [
        (format!("{root}/none*"), Code::FILE_NOT_FOUND),
        (format!("{root}/none.csv"), Code::FILE_NOT_FOUND),
        (format!("{root}"), Code::INVALID_ARGUMENT),
        (format!("{root}/*/x"), Code::INVALID_ARGUMENT),
        ("s3://bucket/x".to_owned(), Code::INVALID_ARGUMENT),
        ("file:///dev/null".to_owned(), Code::INVALID_ARGUMENT),
        ("".to_owned(), Code::INVALID_ARGUMENT),
    ] {
        assert_eq!(local_files(&source).unwrap_err().code(), code, "{source}");
    }
}

#[test]
fn a_content_key_is_taken_once() {
    block_on(async {
        let counting = icecore_testkit::CountingStore::new(Arc::new(InMemory::new()));
        let stage = StageFiles::new(Arc::new(counting.clone()), Path::from("s"), "s".to_owned());
        stage.put_bytes("a", b"1\n".to_vec()).await.unwrap();
        let file = stage.list("", None).await.unwrap().remove(0);
        assert_eq!(stage.known_key(&file), None);
        let key = stage.content_key(&file).await.unwrap();
        let before = counting.counts().requests();
        assert_eq!(stage.content_key(&file).await.unwrap(), key);
        assert_eq!(counting.counts().requests(), before);
        assert!(key.starts_with("blake3:"));
    });
}

#[test]
fn a_stage_on_a_local_disk_is_a_stage() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let stage = StageFiles::new(Arc::new(store), Path::from("stage/2"), "s".to_owned());
        assert!(stage.list("", None).await.unwrap().is_empty());
        assert!(stage.list("none/at", None).await.unwrap().is_empty());
        let mut keys = std::collections::HashSet::new();
        for content in ["1,2\n", "3,4\n", "1,2\n"] {
            stage.put_bytes("in/ä #1.csv", content.as_bytes().to_vec()).await.unwrap();
            let file = stage.list("in/", None).await.unwrap().remove(0);
            assert_eq!(file.path, "in/ä #1.csv");
            keys.insert(stage.content_key(&file).await.unwrap());
        }
        assert_eq!(keys.len(), 2);
        assert_eq!(stage.remove("", None).await.unwrap(), ["in/ä #1.csv"]);
        assert!(stage.list("", None).await.unwrap().is_empty());
    });
}

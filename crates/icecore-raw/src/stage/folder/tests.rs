use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use super::*;
use crate::{LocalFolder, StageFiles};

/// A folder with a secret beside the one that is a stage.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder };
        for (path, text) in [
            ("secret/key", "SECRET"),
            ("stage/a.csv", "1\n"),
            ("stage/deep/b.csv", "2\n"),
            ("stage/swapped/key", "plain"),
        ] {
            let path = world.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn store(&self) -> Arc<dyn ObjectStore> {
        open_folder(&self.path("stage"), "").unwrap()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(future)
}

async fn listed(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    let mut found: Vec<String> =
        store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    found.sort();
    found
}

#[test]
fn files_are_put_read_listed_and_removed() {
    let world = World::new();
    block_on(async {
        let store = world.store();
        store.put(&Path::from("new/c.csv"), "3,4\n".into()).await.unwrap();
        assert_eq!(listed(&store).await, ["a.csv", "deep/b.csv", "new/c.csv", "swapped/key"]);
        let path = Path::from("new/c.csv");
        assert_eq!(store.get_range(&path, 2..4).await.unwrap(), "4\n");
        let create = PutOptions::from(PutMode::Create);
        let again = store.put_opts(&path, "5\n".into(), create.clone()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })));
        store.put_opts(&Path::from("d.csv"), "6\n".into(), create).await.unwrap();
        let mut upload = store.put_multipart(&Path::from("e.csv")).await.unwrap();
        upload.put_part("7\n".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(std::fs::read_to_string(world.path("stage/e.csv")).unwrap(), "7\n");
        store.delete(&path).await.unwrap();
        assert!(matches!(store.head(&path).await, Err(Error::NotFound { .. })));
        // Nothing is left of what was being written.
        let left = std::fs::read_dir(world.path("stage")).unwrap();
        assert!(left.flatten().all(|e| !e.file_name().to_string_lossy().starts_with(PARTIAL)));
        let below = store.list(Some(&Path::from("deep"))).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(below.len(), 1);
        assert_eq!(store.list(Some(&Path::from("none"))).count().await, 0);
    });
}

#[test]
fn links_pipes_and_devices_are_not_there() {
    let world = World::new();
    let stage = |path: &str| world.path("stage").join(path);
    symlink(world.path("secret/key"), stage("link")).unwrap();
    symlink(world.path("secret"), stage("linked")).unwrap();
    symlink("/", stage("root")).unwrap();
    symlink("/dev/zero", stage("zero")).unwrap();
    let stage_fd = std::fs::File::open(world.path("stage")).unwrap();
    rustix::fs::mknodat(&stage_fd, "pipe", FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    block_on(async {
        let store = world.store();
        assert_eq!(listed(&store).await, ["a.csv", "deep/b.csv", "swapped/key"]);
        for path in ["link", "linked/key", "root/etc/passwd", "zero", "pipe", "deep"] {
            let got = store.get(&Path::from(path)).await;
            assert!(matches!(got, Err(Error::NotFound { .. })), "{path}: {got:?}");
        }
        // What is written does not go through a link either.
        assert!(store.put(&Path::from("linked/new"), "x".into()).await.is_err());
        assert!(!world.path("secret/new").exists());
        store.put(&Path::from("link"), "x".into()).await.unwrap();
        assert_eq!(std::fs::read_to_string(world.path("secret/key")).unwrap(), "SECRET");
        for path in ["linked", "root"] {
            assert!(open_folder(&world.path("stage"), path).is_err(), "{path}");
        }
        assert!(open_folder(&world.path("stage"), "a.csv").is_err());
        assert!(open_folder(&world.path("none"), "").is_err());
    });
}

#[test]
fn paths_of_a_stage_stay_in_its_folder() {
    let world = World::new();
    block_on(async {
        let stage = StageFiles::new(world.store(), Path::default(), "s".to_owned())
            .at_url("file:///stage/");
        let mut asked = 0;
        for part in ["..", ".", "%2e%2e", "..%2f", "%2e%2e%2f", "...", "..\\", "\0", "//", "~"] {
            for rest in ["secret/key", "/secret/key", "../secret/key", "key", ""] {
                for before in ["", "deep/", "/", "deep/../", "a.csv/"] {
                    let path = format!("{before}{part}/{rest}");
                    asked += 1;
                    if let Ok(files) = stage.list(&path, None).await {
                        let own = ["a.csv", "deep/b.csv", "swapped/key"];
                        let known = files.iter().all(|file| own.contains(&file.path.as_str()));
                        assert!(known, "{path:?}");
                    }
                    let named = stage.named("", std::slice::from_ref(&path)).await;
                    // Slashes at an end are nothing.
                    assert!(named.is_err() || path.trim_matches('/') == "a.csv", "{path:?}");
                }
            }
        }
        assert!(asked >= 250);
        assert_eq!(std::fs::read_to_string(world.path("secret/key")).unwrap(), "SECRET");
    });
}

/// While one thread swaps a folder for a link to the secret, another reads.
#[test]
fn a_folder_that_is_swapped_while_it_is_opened_gives_nothing_away() {
    let world = World::new();
    let stop = Arc::new(AtomicBool::new(false));
    let (folder, link) = (world.path("stage/swapped"), world.path("stage/other"));
    symlink(world.path("secret"), &link).unwrap();
    let aside = world.path("aside");
    let swapping = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                std::fs::rename(&folder, &aside).unwrap();
                std::fs::rename(&link, &folder).unwrap();
                std::fs::rename(&folder, &link).unwrap();
                std::fs::rename(&aside, &folder).unwrap();
            }
        }
    });
    block_on(async {
        let store = world.store();
        let mut read = 0;
        for _ in 0..2_000 {
            match store.get(&Path::from("swapped/key")).await {
                Ok(found) => {
                    assert_eq!(found.bytes().await.unwrap(), "plain");
                    read += 1;
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(!listed(&store).await.iter().any(|path| path.starts_with("other")));
        }
        assert!(read > 0);
    });
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
}

#[test]
fn what_is_fetched_stays_in_its_folder() {
    use icecore_types::ErrorKind;
    use object_store::memory::InMemory;
    let world = World::new();
    let target = LocalFolder::open(world.path("stage").to_str().unwrap()).unwrap();
    let stage = |path: &str| world.path("stage").join(path);
    symlink(world.path("secret"), stage("linked")).unwrap();
    symlink(world.path("secret/key"), stage("link")).unwrap();
    block_on(async {
        let bucket = Arc::new(InMemory::new());
        let files = StageFiles::new(bucket.clone(), Path::from("s"), "s".to_owned());
        for path in ["in/a.csv", "in/new/b.csv", "in/link", "in/linked/key", "in/deep"] {
            files.put_bytes(path, format!("{path}\n").into_bytes()).await.unwrap();
        }
        // What a writer of the bucket may call its objects.
        for name in ["s/hostile/%2E%2E", "s/hostile2/%2E%2E/secret/key", "s/hostile3/a%5Cb"] {
            bucket.put(&Path::parse(name).unwrap(), "x".into()).await.unwrap();
        }
        let got = async |below: &str| {
            let found = files.list(below, None).await.unwrap();
            assert!(!found.is_empty(), "{below}");
            files.get(&found, below, &target, 2).await
        };
        let named = |got: Vec<crate::GotFile>| got.into_iter().map(|got| got.file).next();
        assert_eq!(named(got("in/a").await.unwrap()).as_deref(), Some("a.csv"));
        assert_eq!(std::fs::read_to_string(stage("a.csv")).unwrap(), "in/a.csv\n", "replaced");
        assert_eq!(named(got("in/new").await.unwrap()).as_deref(), Some("new/b.csv"));
        assert_eq!(std::fs::read_to_string(stage("new/b.csv")).unwrap(), "in/new/b.csv\n");
        // The link goes, and what it led to stays.
        got("in/link").await.unwrap_err();
        got("in/linked").await.unwrap_err();
        let link = files.list("in/link", None).await.unwrap().swap_remove(0);
        files.get(&[link], "in/", &target, 1).await.unwrap();
        assert!(std::fs::symlink_metadata(stage("link")).unwrap().is_file());
        assert_eq!(std::fs::read_to_string(world.path("secret/key")).unwrap(), "SECRET");
        assert_eq!(got("in/deep").await.unwrap_err().kind(), ErrorKind::NotFound, "a folder");
        for below in ["hostile/", "hostile2/", "hostile3/"] {
            let error = got(below).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{below} {error}");
        }
        assert!(!world.path("secret/new").exists());
        let left = std::fs::read_dir(world.path("stage")).unwrap();
        assert!(left.flatten().all(|e| !e.file_name().to_string_lossy().starts_with(PARTIAL)));
    });
    for missing in ["/no/such/folder", world.path("secret/key").to_str().unwrap()] {
        assert_eq!(LocalFolder::open(missing).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(LocalFolder::open("s3://b/").unwrap_err().kind(), ErrorKind::InvalidInput);
}

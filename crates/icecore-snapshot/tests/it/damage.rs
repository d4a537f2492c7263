//! Damaged, missing and exchanged objects: an error, or provably no effect.

use std::sync::Arc;

use futures::TryStreamExt;
use icecore_snapshot::{OpenOptions, Update};
use icecore_testkit::TestEnv;
use icecore_types::{Code, ErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::lab::{Lab, TABLE, deletes, image};

/// A tiny account with records, checkpoints and a hint, and what it reads as.
async fn tiny() -> (Arc<InMemory>, String) {
    let memory = Arc::new(InMemory::new());
    let options = OpenOptions { checkpoint_every_records: 2, ..OpenOptions::default() };
    let lab = Lab::with(TestEnv::new(memory.clone(), 1).env, options).await.unwrap();
    lab.furnish().await;
    lab.append(TABLE, 3).await;
    let segment = lab.head().content(TABLE).unwrap().unfolded().next().unwrap().id;
    lab.run(Update::SetDeletes { table: TABLE, deletes: vec![deletes(segment, 1)] }).await;
    let image = image(&lab.head());
    (memory, image)
}

async fn paths(store: &InMemory) -> Vec<Path> {
    let mut paths: Vec<Path> =
        store.list(None).map_ok(|meta| meta.location).try_collect().await.unwrap();
    paths.sort();
    paths
}

pub async fn remove_under(store: &InMemory, part: &str) {
    for path in paths(store).await {
        if path.as_ref().contains(part) {
            store.delete(&path).await.unwrap();
        }
    }
}

async fn opened(store: &Arc<InMemory>) -> icecore_types::Result<String> {
    let world = TestEnv::new(store.clone(), 2);
    Lab::with(world.env, OpenOptions::default()).await.map(|lab| image(&lab.head()))
}

async fn read(store: &InMemory, path: &Path) -> Vec<u8> {
    store.get(path).await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn every_flipped_byte_is_an_error_or_has_no_effect() {
    let (store, whole) = tiny().await;
    assert_eq!(opened(&store).await.unwrap(), whole);
    // Once with the checkpoints, once with the log alone.
    for log_alone in [false, true] {
        if log_alone {
            remove_under(&store, "checkpoint/").await;
            remove_under(&store, "hint").await;
        }
        for path in paths(&store).await {
            let bytes = read(&store, &path).await;
            for at in 0..bytes.len() {
                for mask in if log_alone { [0xFF, 0x01] } else { [0x20, 0x20] } {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= mask;
                    store.put(&path, damaged.into()).await.unwrap();
                    if let Ok(image) = opened(&store).await {
                        assert_eq!(image, whole, "{path} {at} {mask}");
                    }
                }
            }
            store.put(&path, bytes.into()).await.unwrap();
        }
    }
    assert_eq!(opened(&store).await.unwrap(), whole);
}

#[tokio::test]
async fn a_damaged_record_is_an_error_that_names_it() {
    let (store, _) = tiny().await;
    remove_under(&store, "checkpoint/").await;
    let record = paths(&store).await.into_iter().find(|it| it.as_ref().ends_with("3.rec"));
    let record = record.unwrap();
    let bytes = read(&store, &record).await;
    for damaged in [bytes[..bytes.len() - 1].to_vec(), [&bytes[..], b"x"].concat(), Vec::new()] {
        store.put(&record, damaged.into()).await.unwrap();
        let error = opened(&store).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
        assert!(error.message().contains("record 3"), "{error}");
    }
}

#[tokio::test]
async fn exchanged_and_repeated_records_are_noticed() {
    let (store, whole) = tiny().await;
    remove_under(&store, "checkpoint/").await;
    remove_under(&store, "hint").await;
    let records: Vec<Path> =
        paths(&store).await.into_iter().filter(|it| it.as_ref().ends_with(".rec")).collect();
    for (a, b) in [(0, 1), (2, 3), (3, 4)] {
        let (first, second) = (read(&store, &records[a]).await, read(&store, &records[b]).await);
        store.put(&records[a], second.clone().into()).await.unwrap();
        assert!(opened(&store).await.is_err(), "the same twice");
        store.put(&records[b], first.clone().into()).await.unwrap();
        assert!(opened(&store).await.is_err(), "exchanged");
        store.put(&records[a], first.into()).await.unwrap();
        store.put(&records[b], second.into()).await.unwrap();
    }
    assert_eq!(opened(&store).await.unwrap(), whole);
}

#[tokio::test]
async fn a_record_of_another_history_is_noticed() {
    let (store, _) = tiny().await;
    let (other, _) = tiny().await;
    let lab = Lab::open(other.clone(), 9).await;
    lab.append(TABLE, 1).await;
    let path = paths(&other).await.into_iter().find(|it| it.as_ref().ends_with("6.rec")).unwrap();
    let bytes = read(&other, &path).await;
    // The two stores came from one seed and are equal up to there.
    store.put(&path, bytes.clone().into()).await.unwrap();
    assert!(opened(&store).await.is_ok());
    store.delete(&path).await.unwrap();
    Lab::open(store.clone(), 3).await.append(TABLE, 1).await;
    let next = Path::from(path.as_ref().replace("6.rec", "7.rec"));
    Lab::open(other.clone(), 4).await.append(TABLE, 1).await;
    store.put(&next, read(&other, &next).await.into()).await.unwrap();
    assert_eq!(opened(&store).await.unwrap_err().kind(), ErrorKind::Corrupted);
}

#[tokio::test]
async fn a_hint_or_checkpoint_that_is_garbage_is_passed_over() {
    let (store, whole) = tiny().await;
    let hint = paths(&store).await.into_iter().find(|it| it.as_ref().ends_with("hint")).unwrap();
    for garbage in [
        &b""[..],
        b"garbage",
        b"ICECORE hint 0 00000000 0\n",
        b"ICECORE hint 0 d35a1c33 34\n{\"checkpoint\":\"checkpoint/../../x\"}",
    ] {
        store.put(&hint, garbage.to_vec().into()).await.unwrap();
        assert_eq!(opened(&store).await.unwrap(), whole);
    }
    for path in paths(&store).await {
        if path.as_ref().contains("checkpoint/") {
            store.put(&path, "garbage".into()).await.unwrap();
            assert_eq!(opened(&store).await.unwrap(), whole);
        }
    }
    remove_under(&store, "hint").await;
    assert_eq!(opened(&store).await.unwrap(), whole);
}

#[tokio::test]
async fn another_format_is_refused() {
    let (store, _) = tiny().await;
    let path = Path::from("format.json");
    let text = String::from_utf8(read(&store, &path).await).unwrap();
    let body = text.split_once('\n').unwrap().1;
    for (old, new) in [("\"version\":0", "\"version\":1"), ("[]", "[\"sealed\"]")] {
        let body = body.replace(old, new);
        let crc = crc32fast::hash(body.as_bytes());
        let text = format!("ICECORE format 0 {crc:08x} {}\n{body}", body.len());
        store.put(&path, text.into()).await.unwrap();
        assert_eq!(opened(&store).await.unwrap_err().code(), Code::UNKNOWN_FORMAT);
    }
    store.put(&path, text.replace("format 0", "format 1").into()).await.unwrap();
    assert_eq!(opened(&store).await.unwrap_err().code(), Code::UNKNOWN_FORMAT);
}

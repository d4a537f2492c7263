use std::sync::Arc;
use std::time::Duration;

use icecore_testkit::test_env;
use icecore_types::{Clock, Env, SimulatedClock};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;

use super::super::batch::{self, Place, Waiting};
use super::*;

type Store = Arc<dyn ObjectStore>;

fn secret() -> Option<AuditKey> {
    Some(AuditKey::new([7; 32]))
}

async fn open(store: &Store, key: Option<AuditKey>) -> Journal {
    Journal::open_sealed(test_env(Arc::clone(store)), "a".into(), "access", key).await.unwrap()
}

/// A journal of four batches.
async fn four(key: Option<AuditKey>) -> (Store, Journal) {
    let store: Store = Arc::new(InMemory::new());
    let journal = open(&store, key).await;
    for n in 1..=4 {
        journal.append(json!({ "n": n, "user": "ANA" }));
        journal.flush().await.unwrap();
    }
    assert_eq!(journal.verify_sealed().await.unwrap().journal.batches, 4);
    (store, journal)
}

/// What a manipulation is called by: by the process that wrote the journal, and
/// by one that opens it afterwards and goes on writing.
async fn is_found(store: &Store, journal: &Journal, key: Option<AuditKey>) -> [String; 2] {
    let by_writer = journal.verify_sealed().await.unwrap_err();
    assert_eq!(by_writer.kind(), ErrorKind::Corrupted, "{by_writer}");
    let by_later = found_later(store, key).await.unwrap();
    [by_writer.to_string(), by_later]
}

async fn found_later(store: &Store, key: Option<AuditKey>) -> Option<String> {
    let env = test_env(Arc::clone(store));
    let later = match Journal::open_sealed(env, "a".into(), "access", key).await {
        Ok(later) => later,
        Err(error) => return Some(error.to_string()),
    };
    let before = later.verify_sealed().await.err();
    later.append(json!({ "n": 100 }));
    later.flush().await.unwrap();
    let after = later.verify_sealed().await.err();
    assert_eq!(before.is_some(), after.is_some(), "writing on hides nothing: {before:?}");
    before.map(|error| error.to_string())
}

async fn bytes(store: &Store, path: &Path) -> bytes::Bytes {
    store.get(path).await.unwrap().bytes().await.unwrap()
}

/// A batch as somebody who knows the format but no key can write it.
async fn forge(journal: &Journal, number: u64, previous: Option<Hash>, n: u64) -> Hash {
    let time = Timestamp::from_micros(i64::MAX);
    let place = Place { kind: "access", number, previous, time };
    let row = Waiting::new(time, &json!({ "n": n, "user": "BOB" })).unwrap();
    let forged = batch::encode(place, &[row], None).unwrap();
    let hash = Hash::of(&forged);
    journal.env.store.put(&journal.path(number), forged.into()).await.unwrap();
    hash
}

async fn hash_of(journal: &Journal, number: u64) -> Option<Hash> {
    Some(journal.read(number).await.unwrap().hash)
}

#[tokio::test]
async fn a_deleted_batch_is_found() {
    for key in [None, secret()] {
        for number in 1..=4 {
            let (store, journal) = four(key.clone()).await;
            store.delete(&journal.path(number)).await.unwrap();
            is_found(&store, &journal, key.clone()).await;
        }
    }
}

#[tokio::test]
async fn exchanged_batches_are_found() {
    for key in [None, secret()] {
        for (a, b) in [(1, 2), (2, 3), (3, 4), (1, 4)] {
            let (store, journal) = four(key.clone()).await;
            let (first, second) = (journal.path(a), journal.path(b));
            let (one, other) = (bytes(&store, &first).await, bytes(&store, &second).await);
            store.put(&first, other.into()).await.unwrap();
            store.put(&second, one.into()).await.unwrap();
            is_found(&store, &journal, key.clone()).await;
        }
    }
}

#[tokio::test]
async fn an_edited_batch_is_found() {
    for key in [None, secret()] {
        for number in 1..=4 {
            let (store, journal) = four(key.clone()).await;
            let previous = journal.read(number).await.unwrap().previous;
            forge(&journal, number, previous, 9).await;
            is_found(&store, &journal, key.clone()).await;
        }
    }
}

#[tokio::test]
async fn a_cut_off_end_is_found() {
    for key in [None, secret()] {
        for left in 0..4 {
            let (store, journal) = four(key.clone()).await;
            for number in left + 1..=4 {
                store.delete(&journal.path(number)).await.unwrap();
            }
            is_found(&store, &journal, key.clone()).await;
        }
    }
}

#[tokio::test]
async fn a_cut_off_end_without_its_checkpoints_is_found_while_two_batches_are_left() {
    for key in [None, secret()] {
        let (store, journal) = four(key.clone()).await;
        for number in 3..=4 {
            store.delete(&journal.path(number)).await.unwrap();
        }
        for (path, _) in journal.checkpoints().await.unwrap() {
            store.delete(&path).await.unwrap();
        }
        is_found(&store, &journal, key).await;
    }
}

#[tokio::test]
async fn a_cut_off_beginning_is_found_though_a_floor_says_otherwise() {
    for key in [None, secret()] {
        let (store, journal) = four(key.clone()).await;
        for number in 1..=2 {
            store.delete(&journal.path(number)).await.unwrap();
        }
        let floor = Path::from("a/journal/access/floor/00000000000000000003");
        store.put(&floor, bytes::Bytes::new().into()).await.unwrap();
        let [writer, later] = is_found(&store, &journal, key).await;
        assert!(writer.contains("removed from the beginning"), "{writer}");
        assert_eq!(writer, later);
    }
}

/// Two histories with the same beginning, and the other one is put in place.
#[tokio::test]
async fn another_history_is_found() {
    for key in [None, secret()] {
        for from in 2..=4 {
            let (store, journal) = four(key.clone()).await;
            let mut previous = hash_of(&journal, from - 1).await;
            for number in from..=5 {
                previous = Some(forge(&journal, number, previous, number).await);
            }
            is_found(&store, &journal, key.clone()).await;
        }
    }
}

#[tokio::test]
async fn an_old_batch_at_the_end_is_found() {
    for key in [None, secret()] {
        for old in 1..=4 {
            let (store, journal) = four(key.clone()).await;
            store.copy(&journal.path(old), &journal.path(5)).await.unwrap();
            is_found(&store, &journal, key.clone()).await;
        }
        // Written anew for its new place.
        let (store, journal) = four(key.clone()).await;
        let last = hash_of(&journal, 4).await;
        forge(&journal, 5, last, 1).await;
        let error = journal.verify_sealed().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
        // Whoever goes on from there cannot tell it from a batch whose writer
        // stopped before its checkpoint, unless there is a key.
        assert!(key.is_none() || found_later(&store, key).await.is_some());
    }
}

/// Written down in docs/format.md: what no check can find without a key, and
/// what a key finds.
#[tokio::test]
async fn a_history_that_is_forged_to_its_checkpoint_is_found_with_a_key_alone() {
    for key in [None, secret()] {
        let (store, journal) = four(key.clone()).await;
        let mut previous = hash_of(&journal, 1).await;
        for number in 2..=4 {
            previous = Some(forge(&journal, number, previous, number).await);
        }
        for (path, _) in journal.checkpoints().await.unwrap() {
            store.delete(&path).await.unwrap();
        }
        let (hash, time) = (previous.unwrap(), Timestamp::default());
        let forged = Checkpoint { number: 4, hash, first: 0, time, seal: None };
        journal.put_checkpoint(forged, None).await.unwrap();
        assert!(journal.verify_sealed().await.is_err(), "its writer remembers the end");
        assert_eq!(found_later(&store, key.clone()).await.is_some(), key.is_some());
    }
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_rest_is_whole() {
    let clock = SimulatedClock::starting_at(Timestamp::from_micros(4_000_000_000_000_000));
    let store: Store = Arc::new(InMemory::new());
    let env = Env { clock: Arc::new(clock.clone()), ..test_env(Arc::clone(&store)) };
    let journal = Journal::open_sealed(env, "a".into(), "access", secret()).await.unwrap();
    for n in 0..10 {
        journal.append(json!({ "n": n }));
        journal.flush().await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    let begin = clock.now();
    let removed = journal.remove_before(begin.minus(Duration::from_secs(240))).await.unwrap();
    assert_eq!(removed, 6);
    assert_eq!(journal.verify_sealed().await.unwrap().journal.first, 7);
    for n in 10..12 {
        let later = open(&store, secret()).await;
        later.append(json!({ "n": n }));
        later.flush().await.unwrap();
        assert_eq!(later.verify_sealed().await.unwrap().journal.first, 7);
        assert_eq!(later.checkpoints().await.unwrap().len(), 1, "the earlier ones are needless");
    }
    assert_eq!(journal.verify_sealed().await.unwrap().journal.rows, 6);
}

#[tokio::test]
async fn two_writers_and_another_key() {
    let store: Store = Arc::new(InMemory::new());
    let (a, b) = (open(&store, secret()).await, open(&store, secret()).await);
    for n in 0..10 {
        let writer = if n % 3 == 0 { &a } else { &b };
        writer.append(json!({ "n": n, "half": 0.5, "nested": { "b": [1, null], "a": "\u{e9}" } }));
        writer.flush().await.unwrap();
    }
    let (by_a, by_b) = (a.verify_sealed().await.unwrap(), b.verify_sealed().await.unwrap());
    assert_eq!((by_a, by_a.journal.batches, by_a.keyed), (by_b, 10, true));
    let wrong = open(&store, Some(AuditKey::new([8; 32]))).await;
    assert!(wrong.verify_sealed().await.unwrap_err().to_string().contains("sealed with the key"));
}

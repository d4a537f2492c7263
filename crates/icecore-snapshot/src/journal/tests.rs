use std::sync::Arc;

use icecore_testkit::{CountingStore, Fault, FaultyStore, Rule, Verb, test_env};
use icecore_types::ErrorKind;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use serde_json::json;

use super::*;

async fn open(store: Arc<dyn ObjectStore>) -> Journal {
    Journal::open(test_env(store), "account/a".into(), "query").await.unwrap()
}

fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn rows_are_stored_together_and_read_in_order() {
    let store = CountingStore::new(Arc::new(InMemory::new()));
    let journal = open(Arc::new(store.clone())).await;
    store.reset();
    journal.flush().await.unwrap();
    assert_eq!(store.counts().requests(), 0, "there was nothing to store");
    for n in 1..=3 {
        journal.append(json!({ "n": n }));
    }
    assert_eq!(numbers(&journal.rows().await.unwrap()), [1, 2, 3]);
    store.reset();
    journal.flush().await.unwrap();
    assert_eq!((store.counts().requests(), store.counts().of(Verb::Put).requests()), (1, 1));
    journal.append(json!({ "n": 4 }));
    assert_eq!(numbers(&journal.rows().await.unwrap()), [1, 2, 3, 4]);
    journal.flush().await.unwrap();
    let again = open(Arc::new(store)).await;
    assert_eq!(numbers(&again.rows().await.unwrap()), [1, 2, 3, 4]);
    let whole = JournalCheck { first: 1, batches: 2, rows: 4 };
    assert_eq!(again.verify().await.unwrap(), whole);
}

#[tokio::test]
async fn a_folder_holds_a_bounded_number_of_batches() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let journal = open(Arc::clone(&store)).await;
    for n in 0..PER_FOLDER + 2 {
        journal.append(json!({ "n": n }));
        journal.flush().await.unwrap();
    }
    let journal = open(store).await;
    assert_eq!(journal.verify().await.unwrap().batches, PER_FOLDER + 2);
    assert_eq!(journal.tail.lock().await.number, PER_FOLDER + 2);
}

#[tokio::test]
async fn two_writers_make_one_chain() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (a, b) = (open(Arc::clone(&store)).await, open(Arc::clone(&store)).await);
    for n in 0..10 {
        let writer = if n % 3 == 0 { &a } else { &b };
        writer.append(json!({ "n": n }));
        writer.flush().await.unwrap();
    }
    assert_eq!(numbers(&a.rows().await.unwrap()), (0..10).collect::<Vec<_>>());
    assert_eq!(b.verify().await.unwrap().batches, 10);
}

#[tokio::test]
async fn no_row_is_lost_or_doubled_whatever_a_put_answers() {
    for fault in [
        Fault::FailBefore,
        Fault::FailAfter,
        Fault::SpuriousConflict,
        Fault::LandLater { after_operations: 1 },
        Fault::LandLater { after_operations: 2 },
        Fault::LandLater { after_operations: 7 },
    ] {
        for at in 1..=4 {
            for times in 1..=4 {
                one_schedule(fault, at, times).await;
            }
        }
    }
}

async fn one_schedule(fault: Fault, at: u64, times: u64) {
    let store = FaultyStore::new(Arc::new(InMemory::new()));
    let (ours, theirs) = (open(Arc::new(store.clone())).await, open(Arc::new(store.clone())).await);
    for time in 0..times {
        store.inject(Rule::nth(at + time, fault).of(Verb::Put));
    }
    for n in 0..4 {
        let (even, odd) = (2 * n, 2 * n + 1);
        ours.append(json!({ "n": even }));
        // A failed flush keeps its rows for the next one.
        let _ = ours.flush().await;
        theirs.append(json!({ "n": odd }));
        let _ = theirs.flush().await;
        let seen = numbers(&ours.rows().await.unwrap());
        assert!(seen.contains(&even), "{fault:?} {at} {times}: {seen:?}");
    }
    store.heal();
    ours.flush().await.unwrap();
    theirs.flush().await.unwrap();
    store.land_all().await;
    let mut seen = numbers(&ours.rows().await.unwrap());
    seen.sort_unstable();
    assert_eq!(seen, (0..8).collect::<Vec<_>>(), "{fault:?} {at} {times}");
    ours.verify().await.unwrap();
}

#[tokio::test]
async fn a_flush_that_is_dropped_stores_its_rows_once() {
    let store = FaultyStore::new(Arc::new(InMemory::new()));
    let journal = open(Arc::new(store.clone())).await;
    journal.append(json!({ "n": 1 }));
    store.inject(Rule::nth(1, Fault::Hang).of(Verb::Put));
    {
        let mut flush = Box::pin(journal.flush());
        assert!(futures::poll!(flush.as_mut()).is_pending());
    }
    assert_eq!(numbers(&journal.rows().await.unwrap()), [1], "it is stored and still pending");
    journal.append(json!({ "n": 2 }));
    journal.flush().await.unwrap();
    assert_eq!(numbers(&journal.rows().await.unwrap()), [1, 2]);
}

#[tokio::test]
async fn damage_is_found() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let journal = open(Arc::clone(&store)).await;
    for n in 0..4 {
        journal.append(json!({ "n": n }));
        journal.flush().await.unwrap();
    }
    let [first, second, third] = [1, 2, 3].map(|number| journal.path(number));
    let kept = store.get(&second).await.unwrap().bytes().await.unwrap();
    for position in 0..kept.len() {
        let mut bytes = kept.to_vec();
        bytes[position] ^= 0x40;
        store.put(&second, bytes.into()).await.unwrap();
        let error = journal.verify().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupted | ErrorKind::Unsupported), "{error}");
    }
    store.copy(&third, &second).await.unwrap();
    assert_eq!(journal.rows().await.unwrap_err().kind(), ErrorKind::Corrupted);
    let forged = batch::encode("query", 2, Some(Hash::of(b"")), &[json!({ "n": 9 })]).unwrap();
    store.put(&second, forged.into()).await.unwrap();
    assert_eq!(journal.verify().await.unwrap_err().kind(), ErrorKind::Corrupted);
    store.delete(&second).await.unwrap();
    assert_eq!(journal.rows().await.unwrap_err().kind(), ErrorKind::Corrupted);
    store.put(&second, kept.into()).await.unwrap();
    store.delete(&first).await.unwrap();
    let rest = JournalCheck { first: 2, batches: 3, rows: 3 };
    assert_eq!(journal.verify().await.unwrap(), rest, "the oldest may go");
}

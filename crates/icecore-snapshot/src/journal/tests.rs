use std::sync::Arc;
use std::time::Duration;

use icecore_testkit::{CountingStore, Fault, FaultyStore, Rule, Verb, test_env};
use icecore_types::{ErrorKind, SimulatedClock};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
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
    let counts = store.counts();
    assert_eq!((counts.requests(), counts.of(Verb::Put).requests()), (2, 1), "and its floor");
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
    let (kind, time) = ("query", Timestamp::default());
    let place = Place { kind, number: 2, previous: Some(Hash::of(b"")), time };
    let row = Waiting::new(time, &json!({ "n": 9 })).unwrap();
    let forged = batch::encode(place, &[row], None).unwrap();
    store.put(&second, forged.into()).await.unwrap();
    assert_eq!(journal.verify().await.unwrap_err().kind(), ErrorKind::Corrupted);
    store.delete(&second).await.unwrap();
    assert_eq!(journal.rows().await.unwrap_err().kind(), ErrorKind::Corrupted);
    store.put(&second, kept.into()).await.unwrap();
    store.delete(&first).await.unwrap();
    let rest = JournalCheck { first: 2, batches: 3, rows: 3 };
    assert_eq!(journal.verify().await.unwrap(), rest, "the oldest may go");
}

const BEGIN: Timestamp = Timestamp::from_micros(4_000_000_000_000_000);

/// A journal of one row per batch, a minute apart, on a clock of its own.
async fn minutes(store: Arc<dyn ObjectStore>, count: u64) -> (Journal, SimulatedClock, Timestamp) {
    let clock = SimulatedClock::starting_at(BEGIN);
    let begin = BEGIN;
    let env = Env { clock: Arc::new(clock.clone()), ..test_env(store) };
    let journal = Journal::open(env, "account/a".into(), "query").await.unwrap();
    for n in 0..count {
        journal.append(json!({ "n": n }));
        journal.flush().await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    (journal, clock, begin)
}

fn minute(begin: Timestamp, n: u64) -> Timestamp {
    begin.plus(Duration::from_secs(60 * n))
}

#[tokio::test]
async fn a_range_of_time_is_read_without_what_was_before_it() {
    let store = CountingStore::new(Arc::new(InMemory::new()));
    let (_, _, begin) = minutes(Arc::new(store.clone()), 1_000).await;
    let journal = open(Arc::new(store.clone())).await;
    for (from, to) in [(0, 1_000), (0, 0), (990, 1_000), (500, 510), (999, 2_000), (1_000, 1_001)] {
        let range = minute(begin, from)..minute(begin, to);
        let expected: Vec<_> = (from..to.min(1_000)).collect();
        assert_eq!(numbers(&journal.rows_between(range).await.unwrap()), expected);
    }
    let journal = open(Arc::new(store.clone())).await;
    store.reset();
    let last = journal.rows_since(minute(begin, 990)).await.unwrap();
    assert_eq!(numbers(&last), (990..1_000).collect::<Vec<_>>());
    let read = store.counts().of(Verb::Get).requests();
    assert!(read <= 10 + 11, "ten batches, and some to find them: {read}");
}

#[tokio::test]
async fn a_row_has_the_time_that_it_was_given_whenever_it_is_stored() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (journal, clock, begin) = minutes(Arc::clone(&store), 3).await;
    // Late news, and a moment to come: both are found by their own time.
    journal.append_all(minute(begin, 1), [json!({ "n": 100 }), json!({ "n": 101 })]);
    journal.append_all(minute(begin, 50), [json!({ "n": 150 })]);
    let expected = [1, 100, 101];
    let around = minute(begin, 1)..minute(begin, 2);
    assert_eq!(numbers(&journal.rows_between(around.clone()).await.unwrap()), expected);
    journal.flush().await.unwrap();
    journal.append(json!({ "n": 3 }));
    journal.flush().await.unwrap();
    assert_eq!(numbers(&journal.rows_between(around.clone()).await.unwrap()), expected);
    assert_eq!(numbers(&journal.rows_since(minute(begin, 3)).await.unwrap()), [150, 3]);
    let again = open(store).await;
    assert_eq!(numbers(&again.rows_between(around).await.unwrap()), expected);
    assert_eq!(again.verify().await.unwrap().rows, 7);
    clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn a_batch_is_never_older_than_the_one_before_it_though_clocks_differ() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (ahead, ..) = minutes(Arc::clone(&store), 5).await;
    let behind = open(Arc::clone(&store)).await;
    let early = behind.env.clock.now();
    assert!(early < ahead.env.clock.now());
    behind.append(json!({ "n": 5 }));
    behind.flush().await.unwrap();
    assert_eq!(ahead.verify().await.unwrap().batches, 6);
    let soon = early..early.plus(Duration::from_secs(1));
    assert_eq!(numbers(&ahead.rows_between(soon).await.unwrap()), [5], "its own time is kept");
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_chain_goes_on() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (journal, _, begin) = minutes(Arc::clone(&store), 10).await;
    let reader = open(Arc::clone(&store)).await;
    assert_eq!(journal.remove_before(begin).await.unwrap(), 0);
    assert_eq!(journal.remove_before(minute(begin, 4)).await.unwrap(), 4);
    assert_eq!(numbers(&reader.rows().await.unwrap()), (4..10).collect::<Vec<_>>());
    assert_eq!(reader.verify().await.unwrap(), JournalCheck { first: 5, batches: 6, rows: 6 });
    assert_eq!(journal.remove_before(minute(begin, 1_000)).await.unwrap(), 5);
    let left = JournalCheck { first: 10, batches: 1, rows: 1 };
    assert_eq!(open(Arc::clone(&store)).await.verify().await.unwrap(), left);
    let again = open(store).await;
    again.append(json!({ "n": 10 }));
    again.flush().await.unwrap();
    assert_eq!(numbers(&reader.rows().await.unwrap()), [9, 10]);
}

#[tokio::test]
async fn upkeep_stores_always_and_removes_once_a_day() {
    let (journal, clock, _) = minutes(Arc::new(InMemory::new()), 10).await;
    let kept = Duration::from_secs(14 * 24 * 3600);
    journal.append(json!({ "n": 10 }));
    journal.upkeep(kept).await.unwrap();
    assert_eq!((journal.unflushed(), journal.verify().await.unwrap().first), (0, 1));
    clock.advance(Duration::from_secs(13 * 24 * 3600));
    journal.upkeep(kept).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().first, 1);
    // Over the limit, but looked at an hour ago.
    clock.advance(Duration::from_secs(23 * 3600));
    journal.upkeep(kept).await.unwrap();
    clock.advance(Duration::from_secs(3600));
    journal.append(json!({ "n": 11 }));
    journal.upkeep(kept).await.unwrap();
    assert_eq!(numbers(&journal.rows().await.unwrap()), [10, 11]);
}

#[tokio::test]
async fn removal_that_stops_anywhere_leaves_a_whole_journal_and_a_hole_is_still_damage() {
    for at in 1..=5 {
        let store = FaultyStore::new(Arc::new(InMemory::new()));
        let (journal, _, begin) = minutes(Arc::new(store.clone()), 10).await;
        store.inject(Rule::nth(at, Fault::FailBefore).of(Verb::Delete));
        assert!(journal.remove_before(minute(begin, 5)).await.is_err(), "{at}");
        assert_eq!(journal.verify().await.unwrap().first, 6);
        assert_eq!(journal.remove_before(minute(begin, 5)).await.unwrap(), 6 - at);
        assert_eq!(journal.remove_before(minute(begin, 5)).await.unwrap(), 0);
        store.delete(&journal.path(8)).await.unwrap();
        assert_eq!(journal.rows().await.unwrap_err().kind(), ErrorKind::Corrupted);
    }
}

/// Between the listing and the reading of it, somebody removes the oldest.
#[tokio::test]
async fn a_reader_follows_a_removal_that_overtakes_it() {
    let store = FaultyStore::new(Arc::new(InMemory::new()));
    let (journal, _, begin) = minutes(Arc::new(store.clone()), 10).await;
    let reader = open(Arc::new(store.clone())).await;
    let listed = reader.stored().await.unwrap();
    assert_eq!(journal.remove_before(minute(begin, 7)).await.unwrap(), 7);
    let left = reader.batches(listed).await.unwrap();
    assert_eq!(left.iter().map(|batch| batch.number).collect::<Vec<_>>(), [8, 9, 10]);
}

/// It slept while others wrote on and removed what it knew as the end.
#[tokio::test]
async fn a_writer_that_missed_a_removal_writes_at_the_end() {
    for fault in [None, Some(Fault::FailAfter), Some(Fault::LandLater { after_operations: 1 })] {
        let store = FaultyStore::new(Arc::new(InMemory::new()));
        let (_, _, begin) = minutes(Arc::new(store.clone()), 2).await;
        let late = open(Arc::new(store.clone())).await;
        let (journal, ..) = minutes(Arc::new(store.clone()), 7).await;
        assert!(journal.remove_before(minute(begin, 5)).await.unwrap() > 3);
        let first = journal.verify().await.unwrap().first;
        if let Some(fault) = fault {
            store.inject(Rule::nth(1, fault).of(Verb::Put));
        }
        late.append(json!({ "n": 100 }));
        late.flush().await.unwrap();
        store.land_all().await;
        assert!(journal.read_if_there(3).await.unwrap().is_some(), "it landed where nobody looks");
        let rows = numbers(&journal.rows().await.unwrap());
        assert_eq!(rows.iter().filter(|row| **row == 100).count(), 1, "{rows:?}");
        assert_eq!(rows.last(), Some(&100));
        assert_eq!(open(Arc::new(store)).await.verify().await.unwrap().first, first);
    }
}

#[tokio::test]
async fn rows_that_wait_are_counted_and_read_as_they_will_be_stored() {
    let env = test_env(Arc::new(InMemory::new()));
    let journal = Journal::open(env.clone(), "account/a".into(), "query").await.unwrap();
    #[derive(serde::Serialize)]
    struct Named {
        n: u64,
        name: &'static str,
    }
    let rows = [Named { n: 1, name: "a\"\u{7}" }, Named { n: 2, name: "" }];
    let wanted = [json!({ "n": 1, "name": "a\"\u{7}" }), json!({ "n": 2, "name": "" })];
    let bytes = wanted.iter().map(|row| row.to_string().len() as u64).sum::<u64>();
    journal.append_rows(env.clock.now(), rows).unwrap();
    assert_eq!((journal.unflushed(), journal.unflushed_size().get()), (2, bytes));
    assert_eq!(journal.rows().await.unwrap(), wanted);
    let mapped = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(journal.append_rows(env.clock.now(), [mapped]).is_err(), "no form in JSON");
    journal.flush().await.unwrap();
    assert_eq!((journal.unflushed(), journal.unflushed_size().get()), (0, 0));
    let again = Journal::open(env, "account/a".into(), "query").await.unwrap();
    assert_eq!(again.rows().await.unwrap(), wanted);
}

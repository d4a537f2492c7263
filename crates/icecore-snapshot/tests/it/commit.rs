//! Sharing records, and commits that are cancelled, hang or are lost.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use icecore_snapshot::{OpenOptions, Update};
use icecore_testkit::{CountingStore, Fault, FaultyStore, Rule, TestEnv, Verb};
use icecore_types::{Code, Env, ErrorKind, ObjectId, RecordNumber, SimulatedTimer};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::lab::{Lab, TABLE, image};

fn append(lab: &Lab, rows: u64) -> Update {
    Update::Append { table: TABLE, segments: vec![lab.segment(TABLE, rows)] }
}

/// A furnished lab whose next PUT lands and never answers.
async fn hanging() -> (Lab, SimulatedTimer, Arc<InMemory>, CountingStore) {
    let memory = Arc::new(InMemory::new());
    let faulty = FaultyStore::new(memory.clone());
    let counting = CountingStore::new(Arc::new(faulty.clone()));
    let timer = SimulatedTimer::default();
    let world = TestEnv::new(Arc::new(counting.clone()), 1);
    let env = Env { timer: Arc::new(timer.clone()), ..world.env };
    let lab = Lab::with(env, OpenOptions::default()).await.unwrap();
    lab.furnish().await;
    faulty.inject(Rule::nth(1, Fault::Hang).of(Verb::Put));
    counting.reset();
    (lab, timer, memory, counting)
}

#[tokio::test]
async fn what_queues_during_a_put_shares_the_next_record() {
    let (lab, _, memory, counting) = hanging().await;
    let first = lab.transaction().update(append(&lab, 1));
    let first_id = first.id;
    let mut first = lab.account.commit(first).boxed();
    assert!((&mut first).now_or_never().is_none());

    let mut rest: Vec<_> = [2, 3, 4]
        .into_iter()
        .map(|rows| lab.account.commit(lab.transaction().update(append(&lab, rows))).boxed())
        .collect();
    let bad = Update::DropObject { id: ObjectId::from_bits(99) };
    rest.insert(1, lab.account.commit(lab.transaction().update(bad)).boxed());
    for commit in &mut rest {
        assert!(commit.now_or_never().is_none());
    }

    // The one that drives goes away in the middle: the others go on.
    drop(first);
    let mut answers = join_all(rest).await;
    let bad = answers.remove(1).unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::NotFound, "the bad one fails alone");
    let commits: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let records: Vec<_> = commits.iter().map(|commit| commit.record()).collect();
    assert_eq!(records, [RecordNumber::new(5); 3], "one record for all that waited");
    assert!(commits.windows(2).all(|pair| pair[0].version().next() == pair[1].version()));
    assert!(commits.windows(2).all(|pair| pair[0].time() < pair[1].time()));
    assert_eq!(lab.rows(TABLE), 10);
    assert!(lab.head().transaction_version(first_id).is_some(), "it had landed");
    // The hanging PUT, the same again, and the one of the other three.
    assert_eq!(counting.counts().of(Verb::Put).requests(), 3);
    assert_eq!(image(&Lab::open(memory, 2).await.head()), image(&lab.head()));
}

#[tokio::test]
async fn an_unknown_outcome_is_told_and_resolved_later() {
    let (lab, timer, memory, _) = hanging().await;
    let lost = lab.transaction().update(append(&lab, 1));
    let mut commit = lab.account.commit(lost.clone()).boxed();
    assert!((&mut commit).now_or_never().is_none());
    timer.advance(Duration::from_secs(59));
    assert!((&mut commit).now_or_never().is_none());
    timer.advance(Duration::from_secs(1));
    let error = commit.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitOutcomeUnknown);
    assert!(error.message().contains(&lost.id.to_string()));
    assert!(!error.is_retryable());

    // The next commit finds out first; and asking again tells the outcome.
    lab.append(TABLE, 2).await;
    let landed = lab.account.commit(lost.clone()).await.unwrap();
    assert_eq!(lab.rows(TABLE), 3, "once");
    let again = Lab::open(memory, 2).await;
    assert_eq!(again.head().transaction_version(lost.id), Some(landed.version()));
    assert_eq!(again.account.commit(lost).await.unwrap(), landed);
}

#[tokio::test]
async fn a_store_that_does_not_answer_hangs_nobody() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let faulty = FaultyStore::new(memory);
    let lab = Lab::open(Arc::new(faulty.clone()), 1).await;
    lab.furnish().await;
    faulty.crash_after(0);
    let (one, two) = (lab.transaction(), lab.transaction());
    let error = lab.account.commit(one.update(append(&lab, 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitOutcomeUnknown);
    let error = lab.account.commit(two.update(append(&lab, 2))).await.unwrap_err();
    assert_eq!(error.code(), Code::STORE_UNAVAILABLE, "nothing of it was sent");
    assert!(error.is_retryable());
    faulty.heal();
    lab.append(TABLE, 4).await;
    assert_eq!(lab.rows(TABLE), 5, "the first and the last");
}

#[tokio::test]
async fn every_commit_that_is_dropped_at_its_put_is_whole_or_absent() {
    for fault in [Fault::Hang, Fault::FailBefore, Fault::LandLater { after_operations: 1 }] {
        let memory = Arc::new(InMemory::new());
        let faulty = FaultyStore::new(memory.clone());
        let world = TestEnv::new(Arc::new(faulty.clone()), 1);
        let env = Env { timer: Arc::new(SimulatedTimer::default()), ..world.env };
        let lab = Lab::with(env, OpenOptions::default()).await.unwrap();
        lab.furnish().await;
        for _ in 0..3 {
            faulty.inject(Rule::nth(1, fault).of(Verb::Put));
        }
        let _ = lab.account.commit(lab.transaction().update(append(&lab, 1))).now_or_never();
        faulty.heal();
        lab.append(TABLE, 10).await;
        assert!([10, 11].contains(&lab.rows(TABLE)), "{fault:?}");
        assert_eq!(image(&Lab::open(memory, 2).await.head()), image(&lab.head()));
    }
}

#[tokio::test]
async fn two_writers_see_each_other() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let one = Lab::open(memory.clone(), 1).await;
    one.furnish().await;
    let two = Lab::open(memory.clone(), 2).await;
    for round in 0..20 {
        let (a, b) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        a.append(TABLE, 1).await;
        // Planned before it knew of the other's: rows are only added.
        b.append(TABLE, 1).await;
    }
    one.account.refresh().await.unwrap();
    two.account.refresh().await.unwrap();
    assert_eq!(one.rows(TABLE), 40);
    assert_eq!(image(&one.head()), image(&two.head()));
    assert_eq!(one.head().version().get(), 43);
}

#[tokio::test]
async fn large_transactions_do_not_share_a_record() {
    let (lab, _, _, _) = hanging().await;
    let mut first = lab.account.commit(lab.transaction().update(append(&lab, 1))).boxed();
    assert!((&mut first).now_or_never().is_none());
    let large = |rows| {
        let mut segment = lab.segment(TABLE, rows);
        segment.statistics = vec![0; 150 * 1024].into();
        let update = Update::Append { table: TABLE, segments: vec![segment] };
        lab.account.commit(lab.transaction().update(update)).boxed()
    };
    let mut rest = vec![large(2), large(3)];
    for commit in &mut rest {
        assert!(commit.now_or_never().is_none());
    }
    drop(first);
    let records: Vec<_> =
        join_all(rest).await.into_iter().map(|commit| commit.unwrap().record()).collect();
    assert_eq!(records, [RecordNumber::new(5), RecordNumber::new(6)]);
}

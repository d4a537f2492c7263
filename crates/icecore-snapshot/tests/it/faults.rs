//! Faults at every request, and by chance, with one writer and with two.

use std::collections::BTreeSet;
use std::sync::Arc;

use icecore_snapshot::{OpenOptions, Transaction, Update};
use icecore_testkit::{Chances, Fault, FaultyStore, Rule, TestEnv};
use icecore_types::{ErrorKind, TransactionId, Version};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::lab::{Lab, TABLE, image};

const SCRIPT: u64 = 50;

fn often() -> OpenOptions {
    OpenOptions { checkpoint_every_records: 7, ..OpenOptions::default() }
}

/// Commits the script; returns the transactions that were acknowledged.
async fn script(lab: &Lab) -> Vec<TransactionId> {
    let mut acknowledged = Vec::new();
    for step in 0..SCRIPT {
        let segments = vec![lab.segment(TABLE, 1 << (step % 10))];
        let transaction = lab.transaction().update(Update::Append { table: TABLE, segments });
        let id = transaction.id;
        match lab.account.commit(transaction).await {
            Ok(commit) => {
                assert_eq!(commit.transaction(), id);
                acknowledged.push(id);
            }
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::CommitOutcomeUnknown | ErrorKind::Unavailable),
                "{error}"
            ),
        }
    }
    acknowledged
}

/// What was acknowledged is there, once, and a fresh opening reads the same.
async fn check(store: Arc<dyn ObjectStore>, acknowledged: &[TransactionId], note: &str) {
    let lab = Lab::open(store, 99).await;
    let head = lab.head();
    let versions: BTreeSet<_> =
        acknowledged.iter().map(|id| head.transaction_version(*id)).collect();
    assert_eq!(versions.len(), acknowledged.len(), "each at a version of its own {note}");
    assert!(!versions.contains(&None), "acknowledged and missing {note}");
    assert!(head.version() >= Version::new(3 + acknowledged.len() as u64), "{note}");
}

/// Runs the script with one fault at its n-th request, for all n.
async fn at_every_request(fault: Fault, all_succeed: bool) {
    let mut n = 0;
    loop {
        n += 1;
        let memory = Arc::new(InMemory::new());
        let faulty = FaultyStore::new(memory.clone());
        let world = TestEnv::new(Arc::new(faulty.clone()), 1);
        let lab = Lab::with(world.env, often()).await.unwrap();
        lab.furnish().await;
        let begun = faulty.operations();
        faulty.inject(Rule::nth(n, fault));
        let acknowledged = script(&lab).await;
        faulty.land_all().await;
        let note = format!("{fault:?} n={n}");
        if all_succeed {
            assert_eq!(acknowledged.len() as u64, SCRIPT, "{note}");
            assert_eq!(lab.head().version().get(), SCRIPT + 3, "exactly once {note}");
        }
        check(memory, &acknowledged, &note).await;
        if faulty.operations() - begun < n {
            return;
        }
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_anywhere_is_found_out() {
    at_every_request(Fault::FailAfter, true).await;
}

#[tokio::test]
async fn a_failure_anywhere_is_tried_again() {
    at_every_request(Fault::FailBefore, true).await;
}

#[tokio::test]
async fn a_conflict_that_nothing_caused_reaches_no_user() {
    at_every_request(Fault::SpuriousConflict, true).await;
}

#[tokio::test]
async fn a_put_that_lands_late_lands_once() {
    for after_operations in [1, 2, 3] {
        at_every_request(Fault::LandLater { after_operations }, true).await;
    }
}

#[tokio::test]
async fn a_crash_anywhere_loses_nothing_that_was_acknowledged() {
    at_every_request(Fault::Crash, false).await;
}

/// Two writers with their own clocks, and a store that fails by chance.
async fn race(seed: u64) {
    let memory = Arc::new(InMemory::new());
    Lab::open(memory.clone(), 0).await.furnish().await;
    let chances =
        Chances { fail_before: 0.1, fail_after: 0.1, spurious_conflict: 0.1, land_later: 0.2 };
    let faulty = FaultyStore::seeded(memory.clone(), chances, seed);
    let mut labs = Vec::new();
    for writer in 1..=2 {
        // Opening fails by chance too.
        loop {
            let world = TestEnv::new(Arc::new(faulty.clone()), seed * 10 + writer);
            // Every other race gives up soon, and leaves outcomes unknown.
            let patience = if seed.is_multiple_of(2) { 60_000 } else { 15 };
            let commit_deadline = std::time::Duration::from_millis(patience);
            let options = OpenOptions { commit_deadline, ..often() };
            if let Ok(lab) = Lab::with(world.env, options).await {
                labs.push(lab);
                break;
            }
        }
    }
    let mut sent: Vec<(usize, Transaction)> = Vec::new();
    let mut acknowledged = Vec::new();
    for step in 0..30_usize {
        let which = (seed as usize >> (step % 16)) % 2;
        let lab = &labs[which];
        let segments = vec![lab.segment(TABLE, 1)];
        let transaction = lab.transaction().update(Update::Append { table: TABLE, segments });
        sent.push((which, transaction.clone()));
        match lab.account.commit(transaction.clone()).await {
            Ok(_) => acknowledged.push(transaction.id),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::CommitOutcomeUnknown | ErrorKind::Unavailable),
                "seed={seed} {error}"
            ),
        }
    }
    faulty.heal();
    faulty.land_all().await;
    let lab = Lab::open(memory.clone(), 98).await;
    let head = lab.head();
    let once = sent.iter().filter(|(_, it)| head.transaction_version(it.id).is_some()).count();
    assert_eq!(head.version().get(), 3 + once as u64, "seed={seed}: one version each");
    assert_eq!(lab.rows(TABLE), once as u64, "seed={seed}");
    check(memory, &acknowledged, &format!("seed={seed}")).await;
    for other in labs {
        other.account.refresh().await.unwrap();
        assert_eq!(image(&other.head()), image(&head), "seed={seed}");
    }
}

#[tokio::test]
async fn two_writers_on_a_bad_store_commit_everything_once() {
    let seeds = std::env::var("ICECORE_RACES").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(100) {
        race(seed).await;
    }
}

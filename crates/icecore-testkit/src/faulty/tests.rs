use object_store::PutMode;
use object_store::memory::InMemory;

use super::*;

fn store() -> (FaultyStore, Arc<InMemory>) {
    let inner = Arc::new(InMemory::new());
    (FaultyStore::new(Arc::clone(&inner) as _), inner)
}

async fn create(store: &FaultyStore, path: &str, text: &'static str) -> Result<PutResult> {
    store.put_opts(&Path::from(path), text.into(), PutMode::Create.into()).await
}

async fn text(store: &dyn ObjectStore, path: &str) -> Option<Bytes> {
    store.get(&Path::from(path)).await.ok()?.bytes().await.ok()
}

#[tokio::test]
async fn the_nth_of_a_kind_fails_once() {
    let (store, inner) = store();
    store.inject(Rule::nth(2, Fault::FailBefore).of(Verb::Put).under("log"));
    create(&store, "log/1", "a").await.unwrap();
    create(&store, "data/1", "a").await.unwrap();
    assert!(text(&store, "log/1").await.is_some());
    create(&store, "log/2", "a").await.unwrap_err();
    assert_eq!(text(&*inner, "log/2").await, None);
    create(&store, "log/2", "a").await.unwrap();
    assert_eq!(store.operations(), 5);
}

#[tokio::test]
async fn a_conflict_without_a_cause_stores_nothing() {
    let (store, inner) = store();
    store.inject(Rule::nth(1, Fault::SpuriousConflict));
    let error = create(&store, "a", "x").await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }));
    assert_eq!(text(&*inner, "a").await, None);
}

#[tokio::test]
async fn a_late_put_lands_later_and_does_not_overwrite() {
    let (store, inner) = store();
    store.inject(Rule::nth(1, Fault::LandLater { after_operations: 2 }));
    store.inject(Rule::nth(2, Fault::LandLater { after_operations: 9 }));
    create(&store, "a", "mine").await.unwrap_err();
    create(&store, "b", "mine").await.unwrap_err();
    assert_eq!(text(&*inner, "a").await, None);
    assert_eq!(text(&store, "a").await, Some("mine".into()), "the third operation sees it");
    create(&store, "b", "theirs").await.unwrap();
    assert_eq!(store.late_puts(), 1);
    store.land_all().await;
    assert_eq!(text(&*inner, "b").await, Some("theirs".into()));
    assert_eq!(store.late_puts(), 0);
}

#[tokio::test]
async fn bytes_are_damaged_where_it_was_said() {
    let (store, inner) = store();
    store.inject(Rule::nth(1, Fault::FlipByte { position: 4 }));
    create(&store, "a", "abc").await.unwrap();
    assert_eq!(text(&*inner, "a").await, Some(Bytes::from_static(&[b'a', !b'b', b'c'])));
    create(&store, "b", "abc").await.unwrap();
    store.inject(Rule::nth(1, Fault::Truncate { to_bytes: 2 }));
    assert_eq!(text(&store, "b").await, Some("ab".into()));
    assert_eq!(text(&store, "b").await, Some("abc".into()));
}

#[tokio::test]
async fn after_a_crash_nothing_works_until_it_is_over() {
    let (store, _) = store();
    store.crash_after(1);
    create(&store, "a", "x").await.unwrap();
    create(&store, "b", "x").await.unwrap_err();
    assert!(store.list(None).try_collect::<Vec<_>>().await.is_err());
    assert!(store.delete(&Path::from("a")).await.is_err());
    store.heal();
    assert_eq!(store.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_put_that_hangs_is_done() {
    let (store, inner) = store();
    store.inject(Rule::nth(1, Fault::Hang));
    {
        let mut waiting = Box::pin(create(&store, "a", "x"));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
    }
    assert_eq!(text(&*inner, "a").await, Some("x".into()));
}

#[tokio::test]
async fn a_seed_is_a_sequence_of_faults() {
    let chances =
        Chances { fail_before: 0.2, fail_after: 0.2, spurious_conflict: 0.2, land_later: 0.2 };
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let store = FaultyStore::seeded(Arc::new(InMemory::new()), chances, seed);
        let mut outcomes = Vec::new();
        for number in 0..50 {
            outcomes
                .push(create(&store, &number.to_string(), "x").await.map_err(|e| e.to_string()));
        }
        assert!(outcomes.iter().any(Result::is_ok));
        runs.push(outcomes.into_iter().map(|o| o.err()).collect::<Vec<_>>());
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

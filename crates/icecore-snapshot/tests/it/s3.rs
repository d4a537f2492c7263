//! An account in a bucket: the store's promises that a log rests on, and the
//! log itself, over HTTP.

use std::sync::Arc;

use futures::TryStreamExt;
use futures::future::join_all;
use icecore_snapshot::{Durability, StoreOptions, Update, open_store_with};
use icecore_testkit::{Fault, FaultyStore, Moto, Rule, Verb};
use icecore_types::{ObjectId, Version};
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode};

use crate::lab::{Lab, SCHEMA, TABLE, clone, image, positions};

fn bucket(server: &Moto, name: &str) -> Arc<dyn ObjectStore> {
    server.create_bucket(name).unwrap();
    let options = StoreOptions::new(Durability::Full);
    let options = server
        .settings()
        .iter()
        .fold(options, |options, (key, value)| options.s3_setting(key, value));
    open_store_with(&format!("s3://{name}/some/lake"), &options).unwrap()
}

async fn create(store: &Arc<dyn ObjectStore>, path: &str, text: &str) -> Result<(), Error> {
    let create = PutMode::Create.into();
    store.put_opts(&Path::from(path), text.to_owned().into(), create).await.map(drop)
}

/// One server for all: it takes longer to start than what follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_what_a_log_relies_on() {
    let server = Moto::start().unwrap();
    an_object_is_created_once(&bucket(&server, "once")).await;
    one_of_many_creates_wins(&bucket(&server, "race")).await;
    an_account_lives_in_it(bucket(&server, "account")).await;
    two_writers_lose_nothing(bucket(&server, "writers")).await;
    a_lost_answer_is_no_second_commit(bucket(&server, "lost")).await;
}

async fn an_object_is_created_once(store: &Arc<dyn ObjectStore>) {
    create(store, "log/1", "first").await.unwrap();
    // The server says 412.
    let again = create(store, "log/1", "second").await.unwrap_err();
    assert!(matches!(again, Error::AlreadyExists { .. }), "{again}");
    let path = Path::from("log/1");
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "first");
    let range = GetOptions { range: Some((1..3).into()), ..GetOptions::default() };
    let part = store.get_opts(&path, range).await.unwrap().bytes().await.unwrap();
    assert_eq!(part, "ir");
    let missing = store.get(&Path::from("log/2")).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    create(store, "log/a/2", "x").await.unwrap();
    let listed = store.list_with_delimiter(Some(&Path::from("log"))).await.unwrap();
    assert_eq!((listed.objects.len(), listed.common_prefixes.len()), (1, 1));
    store.delete(&path).await.unwrap();
    let left: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(left.iter().map(|meta| meta.location.as_ref()).collect::<Vec<_>>(), ["log/a/2"]);
}

async fn one_of_many_creates_wins(store: &Arc<dyn ObjectStore>) {
    for round in 0..10 {
        let path = format!("log/{round}");
        let texts: Vec<String> = (0..8).map(|writer| writer.to_string()).collect();
        let answers = join_all(texts.iter().map(|text| create(store, &path, text))).await;
        let winners: Vec<_> = answers.iter().zip(&texts).filter(|(it, _)| it.is_ok()).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let stored = store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap();
        assert_eq!(stored, winners[0].1.as_bytes());
    }
}

async fn an_account_lives_in_it(store: Arc<dyn ObjectStore>) {
    let lab = Lab::open_slow(store.clone(), 1).await;
    lab.furnish().await;
    let segment = lab.segment(TABLE, 10);
    let then = lab.run(Update::Append { table: TABLE, segments: vec![segment.clone()] }).await;
    lab.append(TABLE, 5).await;
    let deletes = vec![positions(segment.id, [1, 2])];
    lab.run(Update::SetDeletes { table: TABLE, deletes }).await;
    let copy = ObjectId::from_bits(0xC1);
    lab.run(clone(TABLE, then, copy, Some(SCHEMA), "COPY")).await;
    lab.account.checkpoint().await.unwrap();
    lab.append(copy, 1).await;
    let again = Lab::open_slow(store, 2).await;
    assert_eq!(image(&again.head()), image(&lab.head()));
    assert_eq!((again.rows(TABLE), again.rows(copy)), (13, 11));
    assert_eq!(again.head().content_at(TABLE, then).unwrap().rows(), 10);
}

async fn two_writers_lose_nothing(store: Arc<dyn ObjectStore>) {
    let one = Lab::open_slow(store.clone(), 1).await;
    one.furnish().await;
    let two = Lab::open_slow(store.clone(), 2).await;
    let write = |lab: Arc<Lab>| async move {
        for _ in 0..15 {
            lab.append(TABLE, 1).await;
        }
    };
    let (one, two) = (Arc::new(one), Arc::new(two));
    let (first, second) =
        tokio::join!(tokio::spawn(write(Arc::clone(&one))), tokio::spawn(write(Arc::clone(&two))));
    first.unwrap();
    second.unwrap();
    one.account.refresh().await.unwrap();
    two.account.refresh().await.unwrap();
    assert_eq!((one.rows(TABLE), one.head().version()), (30, Version::new(33)));
    assert_eq!(image(&one.head()), image(&two.head()));
}

async fn a_lost_answer_is_no_second_commit(store: Arc<dyn ObjectStore>) {
    let faulty = FaultyStore::new(store.clone());
    let lab = Lab::open_slow(Arc::new(faulty.clone()), 1).await;
    lab.furnish().await;
    for fault in [Fault::FailAfter, Fault::FailBefore, Fault::SpuriousConflict] {
        faulty.inject(Rule::nth(1, fault).of(Verb::Put));
        let version = lab.head().version();
        assert_eq!(lab.append(TABLE, 1).await, version.next(), "{fault:?}");
    }
    assert_eq!(lab.rows(TABLE), 3);
    assert_eq!(image(&Lab::open_slow(store, 2).await.head()), image(&lab.head()));
}

//! What statements ask of the store, counted.

use std::sync::Arc;

use icecore::Icecore;
use icecore_testkit::{CountingStore, Verb, test_env};
use object_store::memory::InMemory;

use crate::rows;

async fn counted() -> (Arc<CountingStore>, Icecore) {
    let store = Arc::new(CountingStore::new(Arc::new(InMemory::new())));
    let env = test_env(Arc::clone(&store) as _);
    let settings = icecore::Settings { alone: true, ..icecore::Settings::default() };
    let lake = Icecore::builder("memory://").env(env).settings(settings).await.unwrap();
    (store, lake)
}

#[tokio::test]
async fn a_one_row_insert_is_one_put() {
    let (store, lake) = counted().await;
    let session = lake.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (0)").await.unwrap();
    store.reset();
    session.execute("INSERT INTO t VALUES (1)").await.unwrap();
    assert_eq!(store.counts().requests(), 1);
    assert_eq!(store.counts().of(Verb::Put).requests(), 1);
}

#[tokio::test]
async fn a_clone_is_one_put_and_no_read() {
    let (store, lake) = counted().await;
    let session = lake.session().await.unwrap();
    session
        .execute(
            "CREATE TABLE t AS SELECT SEQ4() + 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 100000))",
        )
        .await
        .unwrap();
    for clone in ["TABLE u CLONE t", "SCHEMA s CLONE public", "DATABASE d CLONE icecore"] {
        store.reset();
        session.execute(&format!("CREATE {clone}")).await.unwrap();
        assert_eq!(store.counts().requests(), 1, "{clone}");
        assert_eq!(store.counts().of(Verb::Put).requests(), 1, "{clone}");
        session.execute("USE SCHEMA icecore.public").await.unwrap();
    }
    let both = "SELECT (SELECT SUM(n) FROM d.public.t), (SELECT SUM(n) FROM icecore.s.t)";
    assert_eq!(rows(&session, both).await, ["5000050000|5000050000"]);
}

#[tokio::test]
async fn a_second_run_reads_nothing() {
    let (store, lake) = counted().await;
    let session = lake.session().await.unwrap();
    session
        .execute(
            "CREATE TABLE t AS SELECT SEQ4() + 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 100000))",
        )
        .await
        .unwrap();
    let sum = "SELECT SUM(n) FROM t";
    assert_eq!(rows(&session, sum).await, ["5000050000"]);
    session.execute("CREATE TABLE u CLONE t").await.unwrap();
    store.reset();
    assert_eq!(rows(&session, sum).await, ["5000050000"]);
    assert_eq!(rows(&session, "SELECT SUM(n) FROM u").await, ["5000050000"]);
    assert_eq!(store.counts().requests(), 0);
}

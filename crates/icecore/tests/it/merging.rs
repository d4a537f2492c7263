//! Two engines on one store change rows of one segment.

use std::sync::Arc;
use std::time::Duration;

use icecore::{Icecore, Session, Settings};
use icecore_testkit::{ImpatientTimer, TestEnv};
use icecore_types::{Env, Timer};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::rows;

/// An engine that does not look for others before it plans, so that what it
/// commits meets what they did; its timer tells whether a statement waited to
/// be run again.
async fn open(store: &Arc<dyn ObjectStore>, seed: u64) -> (Session, ImpatientTimer) {
    let timer = ImpatientTimer::default();
    let world = TestEnv::new(Arc::clone(store), seed).env;
    let env = Env { timer: Arc::new(timer.clone()), ..world };
    let settings = Settings { threads: 1, alone: true, ..Settings::default() };
    let lake = Icecore::builder("memory://").env(env).settings(settings).await.unwrap();
    (lake.session().await.unwrap(), timer)
}

async fn run(session: &Session, sql: &str) {
    session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn other_rows_merge_and_the_same_row_is_changed_by_one_after_the_other() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (one, _) = open(&store, 1).await;
    run(&one, "CREATE TABLE t (k INT, n INT)").await;
    run(&one, "INSERT INTO t SELECT SEQ4(), 0 FROM TABLE(GENERATOR(ROWCOUNT => 100))").await;
    let (two, waited) = open(&store, 2).await;
    run(&one, "DELETE FROM t WHERE k < 10").await;
    run(&one, "UPDATE t SET n = n + 1 WHERE k = 50").await;
    run(&two, "DELETE FROM t WHERE k BETWEEN 20 AND 29").await;
    assert_eq!(waited.elapsed(), Duration::ZERO, "it was not run again");
    let sums = "SELECT COUNT(*), SUM(k), SUM(n) FROM t";
    assert_eq!(rows(&two, sums).await, ["80|4660|1"]);

    // The one does not know of the other's deletes: of a row of its own, and
    // of one that both change.
    run(&one, "UPDATE t SET n = n + 10 WHERE k = 60").await;
    run(&two, "UPDATE t SET n = n + 100 WHERE k = 61").await;
    assert_eq!(waited.elapsed(), Duration::ZERO);
    run(&one, "DELETE FROM t WHERE k = 70").await;
    run(&two, "UPDATE t SET n = n + 1000 WHERE k IN (70, 71)").await;
    assert!(waited.elapsed() > Duration::ZERO, "the same row: it was run again");
    assert_eq!(rows(&two, sums).await, ["79|4590|1111"]);
}

/// As above with vectors that are too long to stand in a record.
#[tokio::test]
async fn other_rows_merge_however_many_they_are() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (one, _) = open(&store, 1).await;
    run(&one, "CREATE TABLE t (k INT, n INT)").await;
    run(&one, "INSERT INTO t SELECT SEQ4(), 0 FROM TABLE(GENERATOR(ROWCOUNT => 60000))").await;
    let (two, waited) = open(&store, 2).await;
    // Every third row: neither vector is shorter than its rows' bits.
    run(&one, "DELETE FROM t WHERE k % 3 = 0").await;
    run(&two, "UPDATE t SET n = 1 WHERE k % 3 = 1").await;
    assert_eq!(waited.elapsed(), Duration::ZERO, "it was not run again");
    run(&one, "DELETE FROM t WHERE k = 2").await;
    run(&two, "DELETE FROM t WHERE k = 5").await;
    assert_eq!(waited.elapsed(), Duration::ZERO, "a vector of each kind");
    let sums = "SELECT COUNT(*), SUM(k), SUM(n) FROM t";
    let all: u64 = (0..60_000).filter(|k| k % 3 != 0 && *k != 2 && *k != 5).sum();
    assert_eq!(rows(&two, sums).await, [format!("39998|{all}|20000")]);
    let (again, _) = open(&store, 3).await;
    assert_eq!(rows(&again, sums).await, [format!("39998|{all}|20000")]);
    run(&one, "DELETE FROM t WHERE k = 8").await;
    run(&two, "DELETE FROM t WHERE k IN (8, 11)").await;
    assert!(waited.elapsed() > Duration::ZERO, "the same row: it was run again");
    assert_eq!(rows(&two, "SELECT COUNT(*) FROM t").await, ["39996"]);
}

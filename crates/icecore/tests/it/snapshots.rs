//! Clones and versions share memory, and differ from plain recomputation in
//! nothing.

use icecore::At;
use icecore::arrow::array::{Array, AsArray};
use icecore::arrow::datatypes::Int64Type;

use crate::{engine, rows};

async fn first_values(table: &icecore::Table) -> *const i64 {
    let batches = table.to_df().await.unwrap().collect().await.unwrap();
    let first = batches.iter().find(|batch| batch.num_rows() > 0).unwrap();
    first.column(0).as_primitive::<Int64Type>().values().as_ptr()
}

#[tokio::test]
async fn a_clones_columns_are_the_same_allocation() {
    let session = engine().await.session().await.unwrap();
    session
        .execute(
            "CREATE TABLE t AS SELECT SEQ4() + 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 100000))",
        )
        .await
        .unwrap();
    let table = session.table("t").await.unwrap();
    table.clone_as("u").await.unwrap();
    let clone = session.table("u").await.unwrap();
    let version = session.lake().version();
    session.execute("INSERT INTO t VALUES (0)").await.unwrap();
    let then = table.at(At::Version(version));
    let (a, b, c) =
        (first_values(&table).await, first_values(&clone).await, first_values(&then).await);
    assert_eq!(a, b);
    assert_eq!(a, c);
}

#[tokio::test]
async fn a_clone_and_its_source_go_their_own_ways() {
    let session = engine().await.session().await.unwrap();
    session
        .execute("CREATE TABLE t (k INT, n INT); INSERT INTO t VALUES (1, 10), (2, 20)")
        .await
        .unwrap();
    session.execute("CREATE TABLE u CLONE t").await.unwrap();
    session.execute("UPDATE u SET n = n + 1 WHERE k = 1").await.unwrap();
    session.execute("DELETE FROM t WHERE k = 2").await.unwrap();
    assert_eq!(rows(&session, "SELECT * FROM t ORDER BY k").await, ["1|10"]);
    assert_eq!(rows(&session, "SELECT * FROM u ORDER BY k").await, ["1|11", "2|20"]);
}

#[tokio::test]
async fn a_store_is_found_again_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().to_str().unwrap().to_owned();
    let select = {
        let lake = icecore::Icecore::open(&url).await.unwrap();
        let session = lake.session().await.unwrap();
        session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2)").await.unwrap();
        let select = session.execute("SELECT COUNT(*) FROM t").await.unwrap();
        let id = select.query_id();
        select.collect().await.unwrap();
        session.execute("DELETE FROM t WHERE n = 1").await.unwrap();
        drop(session);
        lake.close().await.unwrap();
        id
    };
    let lake = icecore::Icecore::open(&url).await.unwrap();
    let session = lake.session().await.unwrap();
    assert_eq!(rows(&session, "SELECT n FROM t").await, ["2"]);
    let then = format!("SELECT COUNT(*) FROM t AT(STATEMENT => '{select}')");
    assert_eq!(rows(&session, &then).await, ["2"]);
    assert_eq!(first_array_is_valid(&session).await, 1);
}

async fn first_array_is_valid(session: &icecore::Session) -> usize {
    let batches = session.execute("SELECT n FROM t").await.unwrap().collect().await.unwrap();
    batches.iter().map(|batch| batch.column(0).len() - batch.column(0).null_count()).sum()
}

#[tokio::test]
async fn folding_changes_nothing_that_can_be_seen() {
    let session = engine().await.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT)").await.unwrap();
    for n in 0..300 {
        session.execute(&format!("INSERT INTO t VALUES ({n})")).await.unwrap();
    }
    let then = session.lake().version().get();
    session.execute("DELETE FROM t WHERE n < 100").await.unwrap();
    let before_folding = session.lake().version();
    session.lake().run_due().await.unwrap();
    assert!(session.lake().version() > before_folding, "nothing was folded");
    session.execute("UPDATE t SET n = n + 1000 WHERE n = 299").await.unwrap();
    let now = "SELECT COUNT(*), MIN(n), MAX(n) FROM t";
    assert_eq!(rows(&session, now).await, ["200|100|1299"]);
    let old = format!("SELECT COUNT(*), MIN(n), MAX(n) FROM t AT(VERSION => {then})");
    assert_eq!(rows(&session, &old).await, ["300|0|299"]);
    session.execute("CREATE TABLE u CLONE t").await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM u WHERE n >= 250").await, ["50"]);
}

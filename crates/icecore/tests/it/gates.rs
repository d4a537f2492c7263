//! There is one way to run something.

use futures::StreamExt;
use icecore::datafusion::dataframe::DataFrameWriteOptions;
use icecore::datafusion::physical_plan::collect;
use icecore::datafusion::prelude::SessionContext;
use icecore::prelude::*;

use crate::{engine, rows};

async fn prepared() -> Session {
    let session = engine().await.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2), (3)").await.unwrap();
    session
}

#[tokio::test]
async fn a_query_is_lazy_and_keeps_its_version() {
    let session = prepared().await;
    let query = session.sql("SELECT SUM(n) AS total FROM t").await.unwrap();
    session.execute("DELETE FROM t").await.unwrap();
    let total = query.clone().collect().await.unwrap();
    let shown = icecore::arrow::util::pretty::pretty_format_batches(&total).unwrap().to_string();
    assert!(shown.contains("| 6 "), "{shown}");
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["0"]);
}

#[tokio::test]
async fn each_execution_is_a_statement() {
    let session = prepared().await;
    let query = session.sql("SELECT n FROM t WHERE n > 1").await.unwrap();
    let history = "SELECT COUNT(*) FROM snowflake.account_usage.query_history \
                   WHERE query_text LIKE 'SELECT n FROM t WHERE%' AND execution_status = 'SUCCESS'";
    assert_eq!(rows(&session, history).await, ["0"]);
    query.clone().collect().await.unwrap();
    query.clone().collect().await.unwrap();
    assert_eq!(rows(&session, history).await, ["2"]);
}

#[tokio::test]
async fn names_in_rust_are_sql_identifiers() {
    let session = prepared().await;
    let table = session.table("t").await.unwrap();
    let big = table.to_df().await.unwrap().filter(col("n").gt(lit(1))).unwrap();
    assert_eq!(big.count().await.unwrap(), 2);
}

#[tokio::test]
async fn sql_takes_queries_only() {
    let session = prepared().await;
    for sql in ["DELETE FROM t", "CREATE TABLE x (n INT)", "SELECT 1; SELECT 2", "SHOW TABLES"] {
        let error = session.sql(sql).await.unwrap_err();
        assert_eq!(error.help(), Some("use execute"), "{sql}: {error}");
    }
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["3"]);
}

#[tokio::test]
async fn a_frame_registered_elsewhere_does_not_run() {
    let session = prepared().await;
    let view = session.sql("SELECT n FROM t").await.unwrap().into_view();
    let elsewhere = SessionContext::new();
    elsewhere.register_table("stolen", view).unwrap();
    let error = elsewhere.sql("SELECT * FROM stolen").await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("only in the session"), "{error}");
}

#[tokio::test]
async fn a_plan_taken_apart_does_not_run() {
    let session = prepared().await;
    let (_, plan) = session.sql("SELECT n FROM t").await.unwrap().into_parts();
    let elsewhere = SessionContext::new();
    let error = elsewhere.execute_logical_plan(plan).await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("only in the session"), "{error}");
}

#[tokio::test]
async fn an_operator_taken_out_of_a_plan_does_not_run() {
    let session = prepared().await;
    let plan = session.sql("SELECT n FROM t").await.unwrap().create_physical_plan().await.unwrap();
    let below: Vec<_> = plan.children().into_iter().cloned().collect();
    assert_eq!(below.len(), 1);
    let elsewhere = SessionContext::new();
    for part in below {
        let error = collect(part, elsewhere.task_ctx()).await.unwrap_err();
        assert!(error.to_string().contains("inside its statement"), "{error}");
    }
    let whole = collect(plan, elsewhere.task_ctx()).await.unwrap();
    assert_eq!(whole.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
}

#[tokio::test]
async fn a_frame_does_not_write() {
    let session = prepared().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let query = session.sql("SELECT n FROM t").await.unwrap();
    let error = query
        .write_csv(path.to_str().unwrap(), DataFrameWriteOptions::new(), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("COPY INTO"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn one_query_reads_for_one_session() {
    let session = prepared().await;
    let other = session.lake().session().await.unwrap();
    let left = session.sql("SELECT n FROM t").await.unwrap();
    let right = other.sql("SELECT n FROM t").await.unwrap();
    let error = left.union(right).unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("two sessions"), "{error}");
}

#[tokio::test]
async fn a_result_that_is_dropped_was_cancelled() {
    let session = prepared().await;
    drop(session.execute("SELECT a.n FROM t a, t b, t c").await.unwrap());
    let status = "SELECT error_message FROM snowflake.account_usage.query_history \
                  WHERE query_text = 'SELECT a.n FROM t a, t b, t c'";
    assert_eq!(rows(&session, status).await, ["SQL execution canceled"]);
}

#[tokio::test]
async fn a_statement_is_stopped_from_beside_its_reader() {
    let session = prepared().await;
    let query = "SELECT a.n FROM t a, TABLE(GENERATOR(ROWCOUNT => 1000000)) b";
    let result = session.execute(query).await.unwrap();
    let handle = result.handle();
    let mut batches = Box::pin(result.stream());
    batches.next().await.unwrap().unwrap();
    let seen = handle.statistics().rows_produced;
    handle.cancel();
    let error = batches.next().await.unwrap().unwrap_err();
    assert_eq!((error.code().number(), error.query_id()), ("000604", Some(handle.query_id())));
    assert!(batches.next().await.is_none());
    assert!(seen > 0 && handle.statistics().rows_produced == seen);
    let status = format!(
        "SELECT error_message FROM snowflake.account_usage.query_history \
         WHERE query_id = '{}'",
        handle.query_id()
    );
    assert_eq!(rows(&session, &status).await, ["SQL execution canceled"]);
}

#[tokio::test]
async fn a_statement_says_what_it_read() {
    let session = engine().await.session().await.unwrap();
    let setup = "CREATE TABLE big (n INT); \
                 INSERT INTO big SELECT seq4() FROM TABLE(GENERATOR(ROWCOUNT => 1000)); \
                 INSERT INTO big SELECT 5000 + seq4() FROM TABLE(GENERATOR(ROWCOUNT => 1000))";
    session.execute(setup).await.unwrap();
    let result = session.execute("SELECT n FROM big WHERE n >= 5990").await.unwrap();
    let (handle, id) = (result.handle(), result.query_id());
    assert_eq!(result.texts().await.unwrap().len(), 10);
    let statistics = handle.statistics();
    assert_eq!((statistics.rows_produced, statistics.segments_total), (10, 2));
    assert_eq!((statistics.segments_scanned, statistics.bytes_scanned), (1, 8_000));
    let history = format!(
        "SELECT rows_produced, partitions_scanned, partitions_total, bytes_scanned \
         FROM snowflake.account_usage.query_history WHERE query_id = '{id}'"
    );
    assert_eq!(rows(&session, &history).await, ["10|1|2|8000"]);

    let deleted = session.execute("DELETE FROM big WHERE n < 3").await.unwrap();
    assert_eq!(deleted.statistics().segments_scanned, 1);
}

//! Side doors: each shows what the policies leave, or nothing.

use std::sync::Arc;

use futures::StreamExt;
use icecore::ErrorKind;
use icecore::datafusion::physical_plan::{collect, displayable};
use icecore::datafusion::prelude::SessionContext;
use icecore::prelude::*;

use super::session;
use crate::{rows, try_rows};

const SECRET: &str = "canary";

async fn governed() -> Session {
    session(
        "CREATE TABLE t (id INT, seen BOOLEAN, s VARCHAR); \
         INSERT INTO t VALUES (1, TRUE, 'canary-1'), (2, FALSE, 'canary-2'), (3, TRUE, 'canary-3'); \
         CREATE ROW ACCESS POLICY r AS (seen BOOLEAN) RETURNS BOOLEAN -> seen; \
         CREATE MASKING POLICY m AS (s VARCHAR) RETURNS VARCHAR -> LEFT(s, 1) || '*'; \
         ALTER TABLE t ADD ROW ACCESS POLICY r ON (seen); \
         ALTER TABLE t MODIFY COLUMN s SET MASKING POLICY m",
    )
    .await
}

#[tokio::test]
async fn explanations_say_nothing_of_what_is_hidden() {
    let session = governed().await;
    for query in [
        "SELECT * FROM t",
        "SELECT COUNT(*), MIN(id), MAX(s) FROM t",
        "SELECT id FROM t WHERE s = 'x' AND id > 1 AND 1 / id > 0 ORDER BY id LIMIT 2",
        "SELECT * FROM t JOIN t u ON t.id = u.id",
        "DELETE FROM t WHERE id = 1",
        "UPDATE t SET id = 3",
    ] {
        for form in ["EXPLAIN", "EXPLAIN USING TEXT"] {
            let text = rows(&session, &format!("{form} {query}")).await.join("\n");
            let told = [SECRET, "LEFT", "DataSourceExec", "SegmentSource", "rows=", "ROW_COUNT"];
            for word in told {
                assert!(!text.contains(word), "{word}: {text}");
            }
            assert!(
                form != "EXPLAIN" || text.contains("DynamicSecureView \"T (+ RowAccessPolicy)\"")
            );
        }
    }
}

#[tokio::test]
async fn the_leaf_has_no_children_statistics_or_metrics() {
    let session = governed().await;
    let frame = session.sql("SELECT id, s FROM t WHERE id >= 1").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let mut open = vec![Arc::clone(&plan)];
    let mut leaves = 0;
    while let Some(node) = open.pop() {
        open.extend(node.children().into_iter().cloned());
        if node.name() == "DynamicSecureView" {
            leaves += 1;
            assert!(node.children().is_empty() && node.metrics().is_none());
            let context = Arc::new(icecore::datafusion::execution::TaskContext::default());
            let error = collect(Arc::clone(&node), context).await.unwrap_err();
            assert!(error.to_string().contains("only inside its statement"), "{error}");
        }
    }
    assert_eq!(leaves, 1);
    let shown = displayable(plan.as_ref()).indent(true).to_string();
    assert!(!shown.contains("Segment") && !shown.contains(SECRET), "{shown}");
}

#[tokio::test]
async fn a_frame_taken_elsewhere_does_not_run() {
    let session = governed().await;
    let elsewhere = SessionContext::new();
    let view = session.sql("SELECT s FROM t").await.unwrap().into_view();
    elsewhere.register_table("stolen", view).unwrap();
    let error = elsewhere.sql("SELECT * FROM stolen").await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("only in the session"), "{error}");
    let (_, plan) = session.sql("SELECT s FROM t").await.unwrap().into_parts();
    let error = elsewhere.execute_logical_plan(plan).await.unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("only in the session"), "{error}");
}

#[tokio::test]
async fn a_frame_under_other_policies_than_it_was_planned_with_does_not_run() {
    let session = governed().await;
    let before = session.sql("SELECT s FROM t").await.unwrap();
    assert_eq!(before.clone().count().await.unwrap(), 2);
    session.execute("INSERT INTO t VALUES (9, TRUE, 'z')").await.unwrap();
    assert_eq!(before.clone().count().await.unwrap(), 2);
    for change in [
        "ALTER MASKING POLICY m SET BODY -> NULL",
        "ALTER ROW ACCESS POLICY r SET BODY -> FALSE",
        "ALTER TABLE t MODIFY COLUMN s UNSET MASKING POLICY",
        "ALTER TABLE t DROP ALL ROW ACCESS POLICIES",
        "ALTER TABLE t ADD ROW ACCESS POLICY r ON (seen)",
    ] {
        let planned = session.sql("SELECT s FROM t").await.unwrap();
        session.execute(change).await.unwrap();
        let error = planned.collect().await.unwrap_err();
        assert!(error.to_string().contains("a policy changed"), "{change}: {error}");
    }
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["0"]);
}

#[tokio::test]
async fn an_error_of_a_policy_repeats_no_value() {
    let session = governed().await;
    session.execute("ALTER MASKING POLICY m SET BODY -> (s::INT)::VARCHAR").await.unwrap();
    for query in ["SELECT s FROM t", "SELECT COUNT(*) FROM t WHERE s = '1'", "SELECT MIN(s) FROM t"]
    {
        let error = try_rows(&session, query).await.unwrap_err();
        assert_eq!(error.code().number(), "100038");
        let history = "SELECT error_message FROM snowflake.account_usage.query_history \
                       WHERE error_message IS NOT NULL";
        let told =
            format!("{error:?} {} {:?}", error.help().unwrap_or(""), rows(&session, history).await);
        assert!(!told.contains(SECRET), "{told}");
    }
    assert_eq!(rows(&session, "SELECT id FROM t ORDER BY id").await, ["1", "3"]);
}

#[tokio::test]
async fn copies_and_old_versions_stay_governed() {
    let session = session(
        "CREATE SCHEMA a; CREATE TABLE a.t (id INT, s VARCHAR); \
         INSERT INTO a.t VALUES (1, 'x'), (2, 'y'); \
         CREATE TABLE a.marker (n INT); \
         CREATE ROW ACCESS POLICY a.r AS (id INT) RETURNS BOOLEAN -> id > 1; \
         CREATE MASKING POLICY a.m AS (s VARCHAR) RETURNS VARCHAR -> '*'",
    )
    .await;
    let version = rows(&session, "SELECT SYSTEM$LAST_VERSION()").await.remove(0);
    session
        .execute(
            "ALTER TABLE a.t ADD ROW ACCESS POLICY a.r ON (id); \
             ALTER TABLE a.t MODIFY COLUMN s SET MASKING POLICY a.m",
        )
        .await
        .unwrap();
    let then = format!("AT (VERSION => {version})");
    session.execute(&format!("CREATE TABLE a.c1 CLONE a.t {then}")).await.unwrap();
    session.execute(&format!("CREATE SCHEMA b CLONE a {then}")).await.unwrap();
    session.execute("CREATE TABLE a.c2 CLONE a.t; CREATE SCHEMA c CLONE a").await.unwrap();
    session
        .execute("CREATE TABLE a.other (id INT, s VARCHAR); ALTER TABLE a.other SWAP WITH a.t")
        .await
        .unwrap();
    session.execute("DROP TABLE a.other; UNDROP TABLE a.other").await.unwrap();
    for from in ["a.c1", "b.t", "a.c2", "c.t", "a.other", &format!("b.t {then}")] {
        let Ok(found) = try_rows(&session, &format!("SELECT * FROM {from}")).await else {
            assert!(from.contains("AT ("), "{from}");
            continue;
        };
        assert_eq!(found, ["2|*"], "{from}");
    }
    let old = format!("SELECT * FROM a.other {then}");
    assert_eq!(rows(&session, &old).await, ["2|*"]);
}

#[tokio::test]
async fn a_query_that_is_given_up_gives_up_the_leaf() {
    let session = governed().await;
    let frame = session.sql("SELECT s FROM t").await.unwrap();
    let mut stream = frame.execute_stream().await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["2"]);
}

#[tokio::test]
async fn policies_and_expectations_exclude_each_other() {
    let session = governed().await;
    let add = "ALTER TABLE t ADD EXPECTATION e CHECK NOT NULL (s) ON VIOLATION FAIL";
    assert_eq!(try_rows(&session, add).await.unwrap_err().kind(), ErrorKind::Unsupported);
    session.execute("CREATE TABLE u (s VARCHAR)").await.unwrap();
    session.execute(&add.replace("TABLE t", "TABLE u")).await.unwrap();
    let attach = "ALTER TABLE u MODIFY COLUMN s SET MASKING POLICY m";
    assert_eq!(try_rows(&session, attach).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

//! Data metric functions: as which role they measure, what is remembered of
//! it, and their numbers beside a model.

use std::collections::BTreeMap;
use std::time::Duration;

use icecore::{Icecore, Session, Timestamp};

use crate::pipes::Dice;
use crate::{engine, rows};

const RESULTS: &str = "SELECT metric_name, value, error_code \
                       FROM snowflake.local.data_quality_monitoring_results \
                       ORDER BY measurement_time, metric_name";

async fn run(session: &Session, sql: &str) {
    let done = session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    done.collect().await.unwrap();
}

#[tokio::test]
async fn what_was_measured_is_known_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let open = async |at: &str| {
        let start = Timestamp::parse(at).unwrap();
        let url = folder.path().to_str().unwrap();
        Icecore::builder(url).simulated_clock(start).await.unwrap()
    };
    let lake = open("2024-01-01T00:00:00Z").await;
    let session = lake.session().await.unwrap();
    run(
        &session,
        "CREATE TABLE t (a INT); \
         ALTER TABLE t ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (a); \
         ALTER TABLE t SET DATA_METRIC_SCHEDULE = 'TRIGGER_ON_CHANGES'; \
         INSERT INTO t VALUES (NULL)",
    )
    .await;
    lake.run_due().await.unwrap();
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, RESULTS).await, ["NULL_COUNT|1|NULL"]);
    drop(session);
    lake.close().await.unwrap();

    let lake = open("2024-01-02T00:00:00Z").await;
    let session = lake.session().await.unwrap();
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, RESULTS).await, ["NULL_COUNT|1|NULL"]);
    run(&session, "INSERT INTO t VALUES (NULL), (2)").await;
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, RESULTS).await, ["NULL_COUNT|1|NULL", "NULL_COUNT|2|NULL"]);
}

/// A table is measured with the rights of its owner, and under its policies.
#[tokio::test]
async fn the_owner_of_the_table_measures() {
    let lake = engine().await;
    let admin = lake.session().role("accountadmin").await.unwrap();
    run(
        &admin,
        "CREATE ROLE r; GRANT ROLE r TO USER icecore; CREATE DATABASE d; CREATE SCHEMA d.s; \
         GRANT USAGE ON DATABASE d TO ROLE r; GRANT USAGE, CREATE TABLE ON SCHEMA d.s TO ROLE r; \
         CREATE DATA METRIC FUNCTION d.s.f (x TABLE (v INT)) RETURNS NUMBER \
             AS 'SELECT SUM(v) FROM x'; \
         GRANT USAGE ON FUNCTION d.s.f(TABLE(NUMBER)) TO ROLE r; \
         CREATE ROW ACCESS POLICY d.s.p AS (v INT) RETURNS BOOLEAN \
             -> v < 10 OR CURRENT_ROLE() <> 'R'",
    )
    .await;
    let owner = lake.session().role("r").await.unwrap();
    run(
        &owner,
        "USE SECONDARY ROLES NONE; CREATE TABLE d.s.t (a INT); \
         ALTER TABLE d.s.t ADD DATA METRIC FUNCTION d.s.f ON (a), \
             DATA METRIC FUNCTION SNOWFLAKE.CORE.ROW_COUNT ON (); \
         INSERT INTO d.s.t VALUES (1), (2), (40)",
    )
    .await;
    run(&admin, "ALTER TABLE d.s.t ADD ROW ACCESS POLICY d.s.p ON (a)").await;
    lake.advance(Duration::from_secs(3_601)).await.unwrap();
    let first = ["F|3|NULL", "ROW_COUNT|2|NULL"];
    assert_eq!(rows(&owner, RESULTS).await, first);
    assert_eq!(rows(&admin, "SELECT d.s.f(SELECT a FROM d.s.t)").await, ["43"]);
    run(&admin, "REVOKE USAGE ON FUNCTION d.s.f FROM ROLE r").await;
    lake.advance(Duration::from_secs(3_601)).await.unwrap();
    let second = [first.as_slice(), &["F|NULL|002003", "ROW_COUNT|2|NULL"]].concat();
    let found = rows(&owner, RESULTS).await;
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[2].starts_with("F|NULL|0"), "{found:?}");
    assert_eq!(found[3], second[3]);
    // What it may not use any more it takes off.
    run(&owner, "ALTER TABLE d.s.t DROP DATA METRIC FUNCTION d.s.f ON (a)").await;
    let bind = "ALTER TABLE d.s.t ADD DATA METRIC FUNCTION d.s.f ON (a)";
    assert!(owner.execute(bind).await.is_err());
    let asked = "SELECT user_name, role_name FROM TABLE(information_schema.query_history()) \
                 WHERE query_text LIKE '%ROW_COUNT(SELECT%' LIMIT 1";
    assert_eq!(rows(&admin, asked).await, ["SYSTEM|R"]);
}

/// Dropping what it needs, and its being there at the same time.
#[tokio::test]
async fn a_function_that_measures_is_not_dropped_meanwhile() {
    let lake = engine().await;
    let session = lake.session().await.unwrap();
    run(
        &session,
        "CREATE TABLE t (a INT); CREATE DATA METRIC FUNCTION f (x TABLE (v INT)) \
         RETURNS NUMBER AS 'SELECT MAX(v) FROM x'",
    )
    .await;
    let bind = "ALTER TABLE t ADD DATA METRIC FUNCTION f ON (a)";
    let (bound, dropped) = tokio::join!(async { session.execute(bind).await.map(drop) }, async {
        session.execute("DROP FUNCTION f(TABLE(NUMBER))").await.map(drop)
    },);
    assert!(bound.is_ok() != dropped.is_ok(), "{bound:?} {dropped:?}");
    run(&session, "DROP TABLE t; CREATE TABLE t2 (a INT)").await;
    if bound.is_ok() {
        // A dropped table that can come back needs it still.
        let refused = session.execute("DROP FUNCTION f").await.unwrap_err();
        assert!(refused.message().contains("cannot be dropped"), "{refused}");
        run(&session, "UNDROP TABLE t").await;
        run(&session, "ALTER TABLE t DROP DATA METRIC FUNCTION f ON (a); DROP FUNCTION f").await;
    }
}

/// The numbers of random rows beside what a few lines of Rust say of them.
#[tokio::test]
async fn numbers_are_those_of_a_model() {
    let session = engine().await.session().await.unwrap();
    run(&session, "CREATE TABLE t (n INT, s TEXT)").await;
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let numbers: Vec<Option<i64>> =
            (0..dice.below(12)).map(|_| Some(dice.below(6) as i64).filter(|n| *n > 0)).collect();
        let texts: Vec<Option<&str>> = numbers
            .iter()
            .map(|_| [None, Some(""), Some("  "), Some("x"), Some(" y")][dice.below(5) as usize])
            .collect();
        run(&session, "TRUNCATE TABLE t").await;
        for (number, text) in numbers.iter().zip(&texts) {
            let number = number.map_or("NULL".to_owned(), |number| number.to_string());
            let text = text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
            run(&session, &format!("INSERT INTO t VALUES ({number}, {text})")).await;
        }
        let all = numbers.len();
        let nulls = numbers.iter().filter(|n| n.is_none()).count();
        let blanks = texts.iter().flatten().filter(|text| text.trim().is_empty()).count();
        let mut times: BTreeMap<Option<i64>, usize> = BTreeMap::new();
        for number in &numbers {
            *times.entry(*number).or_default() += 1;
        }
        let twice = times.values().filter(|times| **times > 1).count();
        let unique = times.keys().flatten().count();
        let percent = |count: usize| match all {
            0 => "NULL".to_owned(),
            _ => format!("{:.6}", 100.0 * count as f64 / all as f64),
        };
        let least = numbers.iter().flatten().min().map_or("NULL".to_owned(), i64::to_string);
        let expected = format!(
            "{nulls}|{}|{blanks}|{}|{twice}|{unique}|{all}|{least}",
            percent(nulls),
            percent(blanks)
        );
        let sql = "SELECT snowflake.core.null_count(SELECT n FROM t), \
                          snowflake.core.null_percent(SELECT n FROM t), \
                          snowflake.core.blank_count(SELECT s FROM t), \
                          snowflake.core.blank_percent(SELECT s FROM t), \
                          snowflake.core.duplicate_count(SELECT n FROM t), \
                          snowflake.core.unique_count(SELECT n FROM t), \
                          snowflake.core.row_count(SELECT * FROM t), \
                          snowflake.core.min(SELECT n FROM t)";
        assert_eq!(rows(&session, sql).await, [expected], "seed={seed} {numbers:?} {texts:?}");
    }
}

//! Functions that fail, taken from the registry: what a query answers is the
//! same whether or not a hidden row, or another value behind a mask, exists; so
//! it is for the rows that a secure view leaves out.

use std::collections::BTreeSet;

use icecore::Session;

use super::session;
use crate::try_rows;

/// N and S of hidden rows make everything fail that can; so does what is
/// stored of the masked M and Z.
const POISON: [(&str, &str); 4] = [
    ("0", "'x(['"),
    ("9223372036854775807", "'%q\\\\'"),
    ("-9223372036854775807", "''"),
    ("NULL", "'12:99 2020-13-45'"),
];

/// The arguments that a function is tried with.
const SHAPES: [&str; 13] = [
    "(n)",
    "(s)",
    "(z)",
    "(m)",
    "(s, n)",
    "(n, s)",
    "(1, n)",
    "(s, s)",
    "('1', s)",
    "(s, 2, n)",
    "(n, 1, n)",
    "(s, s, s)",
    "('day', n, '2020-01-01'::DATE)",
];

/// Where a call stands.
const PLACES: [&str; 12] = [
    "SELECT id FROM t WHERE {} IS NOT NULL",
    "SELECT COUNT(*) FROM t WHERE n > 0 AND {} IS NULL OR id = 7",
    "SELECT {}::VARCHAR FROM t",
    "SELECT COUNT(*) FROM t JOIN one o ON o.k = t.id AND {} IS NOT NULL",
    "SELECT COUNT(*) FROM t LEFT JOIN one o ON o.k = t.id WHERE {} IS NOT NULL",
    "SELECT COUNT(*) FROM t GROUP BY id HAVING COUNT({}) >= 0",
    "SELECT CASE WHEN id > 0 THEN {} END::VARCHAR FROM t",
    "SELECT id FROM t ORDER BY {}, id LIMIT 1",
    "SELECT COUNT({}) OVER (PARTITION BY id) FROM t",
    "SELECT COUNT_IF({} IS NULL), COUNT(DISTINCT {}) FROM t",
    "SELECT (SELECT COUNT({}) FROM t) FROM one",
    "SELECT k FROM one WHERE k IN (SELECT id FROM t WHERE {} IS NOT NULL) LIMIT 1",
];

/// A table whose hidden rows are there or not; masked columns hold what makes
/// functions fail, or what does not.
async fn world(poisoned: bool, governed: bool) -> Session {
    let session = session(
        "CREATE TABLE t (id INT, seen BOOLEAN, n INT, s VARCHAR, m INT, z VARCHAR); \
         CREATE TABLE one (k INT); INSERT INTO one VALUES (1); \
         CREATE ROW ACCESS POLICY r AS (seen BOOLEAN) RETURNS BOOLEAN -> seen; \
         CREATE MASKING POLICY mm AS (m INT) RETURNS INT -> 1; \
         CREATE MASKING POLICY mz AS (z VARCHAR) RETURNS VARCHAR -> '1'; \
         INSERT INTO t VALUES (1, TRUE, 1, '1', 1, '1')",
    )
    .await;
    if poisoned {
        session.execute("UPDATE t SET m = 0, z = 'x(['").await.unwrap();
        for (n, s) in POISON {
            let row = format!("INSERT INTO t VALUES (2, FALSE, {n}, {s}, {n}, {s})");
            session.execute(&row).await.unwrap();
        }
    }
    if governed {
        session
            .execute(
                "ALTER TABLE t ADD ROW ACCESS POLICY r ON (seen); \
                 ALTER TABLE t MODIFY COLUMN m SET MASKING POLICY mm; \
                 ALTER TABLE t MODIFY COLUMN z SET MASKING POLICY mz",
            )
            .await
            .unwrap();
    }
    session
}

/// Calls of every scalar function of the registry, with what else can fail.
fn calls() -> Vec<String> {
    // Values of the moment, of chance, and of the plan are nobody's secret.
    const LEFT_OUT: &[&str] = &["random", "uuid", "now", "randstr", "uniform", "version"];
    let names: BTreeSet<String> = icecore_functions::scalar_functions()
        .iter()
        .map(|function| function.name().to_owned())
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .filter(|name| !LEFT_OUT.contains(&name.as_str()))
        .collect();
    let mut calls: Vec<String> = [
        "1 / n",
        "1 / m",
        "n * 2",
        "-n",
        "n + 1",
        "s::INT",
        "z::INT",
        "s::DATE",
        "z::TIMESTAMP",
        "s::BOOLEAN",
        "s REGEXP s",
        "1 % n",
        "CAST(s AS NUMBER(3,1))",
        "n::NUMBER(2,0)",
        "(SELECT MAX(1 / n) FROM t)",
        "1 / (n - 0)",
        "1 / LENGTH(s)",
        "10 / (m - 0)",
    ]
    .map(str::to_owned)
    .to_vec();
    for name in names {
        calls.extend(SHAPES.iter().map(|shape| format!("{name}{shape}")));
    }
    calls
}

/// The rows of a table that a secure view, which has the table's name in
/// another schema, leaves out are there or not.
async fn viewed(poisoned: bool) -> Session {
    let session = world(poisoned, false).await;
    session
        .execute(
            "CREATE SCHEMA seen; CREATE SECURE VIEW seen.t AS \
             SELECT id, seen, n, s, 1 AS m, '1' AS z FROM public.t WHERE seen; \
             CREATE VIEW seen.one AS SELECT k FROM public.one; USE SCHEMA seen",
        )
        .await
        .unwrap();
    session
}

async fn outcome(session: &Session, query: &str) -> Result<Vec<String>, String> {
    let found = try_rows(session, query).await;
    found.map_err(|error| format!("{} {}", error.code().number(), error.message()))
}

/// Asks both worlds the same, and how often it is an error in the open one and
/// not in them.
async fn compare((with, without): (&Session, &Session), open: &Session) -> (usize, usize) {
    let (mut tried, mut would_fail) = (0, 0);
    for (number, call) in calls().into_iter().enumerate() {
        // Of the registry some in each run, all if they are asked for.
        if number >= 18 && number % 5 != 0 && std::env::var("ICECORE_ROUNDS").is_err() {
            continue;
        }
        // Most shapes are none of the function's.
        if with.sql(&format!("SELECT {call} FROM t")).await.is_err() {
            continue;
        }
        let special = number < 18;
        for (at, place) in PLACES.iter().enumerate() {
            // Of each call some places, so that all are met often.
            if !special && (at + number) % PLACES.len() > 1 {
                continue;
            }
            let query = place.replace("{}", &call);
            tried += 1;
            let seen = outcome(with, &query).await;
            assert_eq!(seen, outcome(without, &query).await, "{query}");
            if special && seen.is_ok() && outcome(open, &query).await.is_err() {
                would_fail += 1;
            }
        }
    }
    (tried, would_fail)
}

#[tokio::test]
async fn no_function_tells_of_a_hidden_row_or_value() {
    let (with, without) = (world(true, true).await, world(false, true).await);
    let open = world(true, false).await;
    let (tried, would_fail) = compare((&with, &without), &open).await;
    // Without policies the poison is noticed.
    assert!(would_fail > 50 && tried > 300, "{would_fail} of {tried}");
}

#[tokio::test]
async fn no_function_tells_of_a_row_that_a_secure_view_leaves_out() {
    let (with, without) = (viewed(true).await, viewed(false).await);
    let open = world(true, false).await;
    let (tried, would_fail) = compare((&with, &without), &open).await;
    assert!(would_fail > 50 && tried > 300, "{would_fail} of {tried}");
}

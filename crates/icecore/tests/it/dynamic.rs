//! Dynamic tables: equal to their queries whatever happened to what they read.

mod faults;
mod random;

use std::time::Duration;

use icecore::Icecore;

use crate::{engine, rows};

/// Twelve loads of a day, and refreshes every five minutes, each at its own
/// moment.
#[tokio::test]
async fn a_simulated_day_refreshes_at_its_moments() {
    let lake: Icecore = engine().await;
    let session = lake.session().await.unwrap();
    session
        .execute(
            "CREATE TABLE sales (day INT, amount NUMBER(10,2));
             CREATE DYNAMIC TABLE totals TARGET_LAG = '5 minutes' WAREHOUSE = compute_wh
               AS SELECT day, SUM(amount) AS total, COUNT(*) AS n FROM sales GROUP BY day",
        )
        .await
        .unwrap();
    for load in 0..12 {
        let insert = format!(
            "INSERT INTO sales SELECT {load}, SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 100))"
        );
        session.execute(&insert).await.unwrap();
        lake.advance(Duration::from_secs(2 * 3600)).await.unwrap();
        let fresh = "SELECT COUNT(*), SUM(n) FROM totals";
        assert_eq!(rows(&session, fresh).await, [format!("{}|{}", load + 1, (load + 1) * 100)]);
    }
    let history = "SELECT REFRESH_ACTION, COUNT(*), MIN(DATEDIFF(second, '2013-01-01'::TIMESTAMP_LTZ, DATA_TIMESTAMP) % 300),
                     MAX(DATEDIFF(second, '2013-01-01'::TIMESTAMP_LTZ, DATA_TIMESTAMP) % 300)
                   FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY(NAME => 'totals', RESULT_LIMIT => 1000))
                   GROUP BY 1 ORDER BY 1";
    let expected = ["INCREMENTAL|12|0|0", "NO_DATA|276|0|0", "REINITIALIZE|1|0|0"];
    assert_eq!(rows(&session, history).await, expected);
}

#[tokio::test]
async fn of_two_refreshes_at_once_each_row_comes_once() {
    let lake = engine().await;
    let (a, b) = (lake.session().await.unwrap(), lake.session().await.unwrap());
    a.execute(
        "CREATE TABLE t (k INT);
         CREATE DYNAMIC TABLE d TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh AS SELECT k FROM t",
    )
    .await
    .unwrap();
    for round in 0..10 {
        a.execute(&format!("INSERT INTO t VALUES ({round})")).await.unwrap();
        let refresh = "ALTER DYNAMIC TABLE d REFRESH";
        let (one, other) = tokio::join!(a.execute(refresh), b.execute(refresh));
        one.unwrap();
        other.unwrap();
        assert_eq!(
            rows(&a, "SELECT COUNT(*), COUNT(DISTINCT k) FROM d").await,
            [format!("{0}|{0}", round + 1)]
        );
    }
}

/// Amounts move between accounts while it is refreshed: every version that it
/// ever has is one cut through the account.
#[tokio::test]
async fn refreshes_beside_writers_see_one_version_of_everything() {
    let lake = engine().await;
    let writer = lake.session().await.unwrap();
    writer
        .execute(
            "CREATE TABLE a (k INT, v INT); CREATE TABLE b (k INT, v INT);
             INSERT INTO a SELECT SEQ4(), 100 FROM TABLE(GENERATOR(ROWCOUNT => 20));
             INSERT INTO b SELECT SEQ4(), 100 FROM TABLE(GENERATOR(ROWCOUNT => 20));
             CREATE DYNAMIC TABLE pairs TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh
               AS SELECT a.k, a.v AS av, b.v AS bv FROM a JOIN b ON a.k = b.k;
             CREATE DYNAMIC TABLE total TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh
               AS SELECT SUM(av) AS s, COUNT(*) AS n FROM pairs",
        )
        .await
        .unwrap();
    let reader = lake.session().await.unwrap();
    let writes = async {
        for round in 0..30 {
            let (from, to) = (round % 20, (round * 7 + 3) % 20);
            let update = format!(
                "UPDATE a SET v = v + CASE WHEN k = {to} THEN 1 WHEN k = {from} THEN -1 ELSE 0 END WHERE k IN ({from}, {to})"
            );
            writer.execute(&update).await.unwrap();
        }
    };
    let refreshes = async {
        for _ in 0..12 {
            // A refresh that lost to others four times says so.
            let _ = reader.execute("ALTER DYNAMIC TABLE total REFRESH").await;
            assert_eq!(rows(&reader, "SELECT n FROM total").await, ["20"]);
        }
    };
    tokio::join!(writes, refreshes);
    reader.execute("ALTER DYNAMIC TABLE total REFRESH").await.unwrap();
    assert_eq!(
        rows(&reader, "SELECT s, n FROM total").await,
        rows(&reader, "SELECT SUM(a.v), COUNT(*) FROM a JOIN b ON a.k = b.k").await
    );
}

#[tokio::test]
async fn rust_makes_what_sql_makes() {
    let session = engine().await.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)").await.unwrap();
    let lag = Duration::from_secs(7200);
    let made = session.create_dynamic_table("d", "SELECT n FROM t").target_lag(lag).comment("a'b");
    let made = made.refresh_mode(icecore::RefreshMode::Full).await.unwrap();
    session.create_dynamic_table("e", "SELECT n FROM d").initialize_on_schedule().await.unwrap();
    session.create_dynamic_table("f", "SELECT n FROM d").unscheduled().await.unwrap();
    made.suspend().await.unwrap();
    let shown = "SELECT \"name\", \"target_lag\", \"refresh_mode\", \"scheduling_state\", \"rows\", \
                 \"comment\" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) ORDER BY 1";
    rows(&session, "SHOW DYNAMIC TABLES").await;
    let expected = [
        "D|2 hours|FULL|SUSPENDED|1|a'b",
        "E|DOWNSTREAM|INCREMENTAL|SUSPENDED|0|",
        "F|NULL|INCREMENTAL|SUSPENDED|1|",
    ];
    assert_eq!(rows(&session, shown).await, expected);
    made.resume().await.unwrap();
    session.execute("INSERT INTO t VALUES (2)").await.unwrap();
    session.dynamic_table("e").await.unwrap().refresh().await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM e").await, ["2"]);
    session.create_dynamic_table("d", "SELECT 1 AS one FROM t").or_replace().await.unwrap();
    assert_eq!(rows(&session, "SELECT one FROM d").await, ["1", "1"]);
    for made in [
        session.create_dynamic_table("x", "SELECT n FROM t; DROP TABLE t"),
        session.create_dynamic_table("x; DROP TABLE t", "SELECT n FROM t"),
        session.create_dynamic_table("x", "SELECT n FROM t").target_lag(Duration::from_secs(59)),
        session
            .create_dynamic_table("x", "SELECT n FROM t")
            .target_lag(Duration::from_millis(90500)),
        session.create_roll_up("x", "v METRICS m; DROP TABLE t", ["m"], [] as [&str; 0]),
        session.create_roll_up("x", "v", ["m) JOIN (SELECT 1"], [] as [&str; 0]),
    ] {
        assert!(made.await.is_err());
    }
    assert!(session.dynamic_table("t").await.is_err(), "that is a table");
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["2"]);
}

//! Roll-ups one by one: what they answer, what they need, and what is said of
//! them.

use icecore::Session;
use icecore::datafusion::dataframe::DataFrame;

use crate::{engine, rows, try_rows};

async fn kept() -> Session {
    let session = engine().await.session().await.unwrap();
    for text in [
        "CREATE TABLE orders (id INT, region VARCHAR, amount INT, weight FLOAT)",
        "INSERT INTO orders VALUES (1, 'EU', 10, 0.5), (2, 'US', 20, 1.5), (3, 'EU', 5, 1)",
        "CREATE SEMANTIC VIEW sales TABLES (orders PRIMARY KEY (id)) \
         DIMENSIONS (orders.region AS region) \
         METRICS (orders.total AS SUM(amount), orders.n AS COUNT(*), orders.w AS SUM(weight), \
                  orders.heaviest AS MAX(weight))",
        "CREATE DYNAMIC TABLE kept TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh \
         ROLLUP OF SEMANTIC VIEW sales METRICS total, n, heaviest DIMENSIONS region",
    ] {
        rows(&session, text).await;
    }
    session
}

const ASK: &str = "SELECT * FROM SEMANTIC_VIEW(sales METRICS total, n)";

/// What EXPLAIN METRIC says of the roll-up `kept`.
async fn said(session: &Session, ask: &str) -> String {
    let found = rows(session, &format!("EXPLAIN METRIC {ask}")).await;
    found.into_iter().find(|line| line.contains("ROLL-UP|")).unwrap_or_default()
}

#[tokio::test]
async fn a_roll_up_of_other_tables_than_the_views_does_not_answer() {
    let session = kept().await;
    assert!(said(&session, ASK).await.starts_with("ROLL-UP|"));
    // The table that it was made of is as it was, under another name.
    rows(&session, "ALTER TABLE orders RENAME TO former").await;
    rows(&session, "CREATE TABLE orders (id INT, region VARCHAR, amount INT, weight FLOAT)").await;
    rows(&session, "INSERT INTO orders VALUES (1, 'EU', 7, 1)").await;
    assert_eq!(rows(&session, ASK).await, ["7|1"]);
    let why = said(&session, ASK).await;
    assert!(why.starts_with("UNUSED ROLL-UP|") && why.contains("something else"), "{why}");
    rows(&session, "ALTER DYNAMIC TABLE kept REFRESH").await;
    assert!(said(&session, ASK).await.starts_with("ROLL-UP|"));
    assert_eq!(rows(&session, ASK).await, ["7|1"]);
    // A view of the same name is another view.
    rows(
        &session,
        "CREATE OR REPLACE SEMANTIC VIEW sales TABLES (orders) \
         METRICS (orders.total AS SUM(amount + 1), orders.n AS COUNT(*))",
    )
    .await;
    assert_eq!(said(&session, ASK).await, "");
    assert_eq!(rows(&session, ASK).await, ["8|1"]);
}

#[tokio::test]
async fn a_roll_up_needs_what_its_tables_need() {
    let session = kept().await;
    // What cannot be read cannot be read from a roll-up either.
    rows(&session, "DROP TABLE orders").await;
    assert_eq!(try_rows(&session, ASK).await.unwrap_err().code().number(), "002003");
    rows(&session, "UNDROP TABLE orders").await;
    assert_eq!(rows(&session, ASK).await, ["35|3"]);
}

#[tokio::test]
async fn results_have_the_types_of_the_tables() {
    let session = kept().await;
    let schema = |frame: DataFrame| {
        let fields = frame.schema().fields().iter();
        fields.map(|field| field.data_type().clone()).collect::<Vec<_>>()
    };
    let ask = "SELECT * FROM SEMANTIC_VIEW(sales METRICS total, n, heaviest, total / n AS mean DIMENSIONS region)";
    assert!(said(&session, ask).await.starts_with("ROLL-UP|"));
    let with = schema(session.sql(ask).await.unwrap());
    let mut answers = rows(&session, ask).await;
    rows(&session, "DROP DYNAMIC TABLE kept").await;
    assert_eq!(said(&session, ask).await, "");
    assert_eq!(with, schema(session.sql(ask).await.unwrap()));
    let mut expected = rows(&session, ask).await;
    answers.sort();
    expected.sort();
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn explain_names_roll_ups_and_why_not() {
    let session = kept().await;
    for explain in ["EXPLAIN", "EXPLAIN USING TEXT"] {
        let found = rows(&session, &format!("{explain} {ASK}")).await.join("\n");
        let expected = "ROLL-UP ICECORE.PUBLIC.KEPT of ICECORE.PUBLIC.SALES: answers, with 2 rows";
        assert!(found.contains(expected), "{found}");
        let ask = "SELECT * FROM SEMANTIC_VIEW(sales METRICS w)";
        let found = rows(&session, &format!("{explain} {ask}")).await.join("\n");
        let expected = "UNUSED ROLL-UP ICECORE.PUBLIC.KEPT of ICECORE.PUBLIC.SALES: \
                        it does not keep ORDERS.W";
        assert!(found.contains(expected), "{found}");
        let found = rows(&session, &format!("{explain} SELECT * FROM orders")).await.join("\n");
        assert!(!found.contains("ROLL-UP"), "{found}");
    }
    let found = rows(&session, &format!("EXPLAIN METRIC {ASK}")).await;
    let kinds: Vec<&str> = found.iter().map(|line| line.split('|').next().unwrap()).collect();
    assert_eq!(kinds, ["SEMANTIC VIEW", "ROLL-UP", "DYNAMIC TABLE", "TABLE"], "{found:?}");
    assert!(found[3].starts_with("TABLE|ICECORE.PUBLIC.ORDERS|ICECORE.PUBLIC.KEPT|"), "{found:?}");
    let refused = "CREATE DYNAMIC TABLE x TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh \
                   ROLLUP OF SEMANTIC VIEW sales METRICS w";
    let error = try_rows(&session, refused).await.unwrap_err();
    assert!(error.to_string().contains("FLOAT"), "{error}");
}

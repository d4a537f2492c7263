//! Queries of a semantic view with roll-ups against the same view without.

use std::collections::BTreeSet;

use icecore::Session;
use icecore::datafusion::dataframe::DataFrame;

use super::{Asked, DIMENSIONS, METRICS, Random, Star, VIEW};
use crate::{engine, rows, try_rows};

/// Averages, sketches, and what does not add up.
const MORE: [&str; 4] = ["orders.mean", "items.kinds", "orders.latest", "orders.states"];

const MORE_METRICS: &str = ", orders.mean AS AVG(amount),
    items.kinds AS APPROX_COUNT_DISTINCT(qty),
    orders.latest NON ADDITIVE BY (status) AS SUM(amount),
    orders.states AS COUNT(DISTINCT status))";

/// The star's view under a name.
fn view(name: &str) -> String {
    let text = VIEW.replace("VIEW star", &format!("VIEW {name}"));
    format!("{}{MORE_METRICS}", text.strip_suffix(')').unwrap())
}

fn metrics(random: &mut Random) -> Vec<&'static str> {
    let all: Vec<&str> = METRICS.iter().chain(&MORE).copied().collect();
    let some: BTreeSet<&str> = (0..=random.below(3)).map(|_| random.of(&all)).collect();
    some.into_iter().collect()
}

/// A roll-up of random metrics; not of what cannot be one.
async fn roll_up(session: &Session, random: &mut Random, name: &str) {
    let metrics = metrics(random);
    let by = random.of(&[&[] as &[usize], &[0], &[1], &[0, 1]]);
    let by: Vec<&str> = by.iter().map(|at| DIMENSIONS[*at]).collect();
    let dimensions =
        if by.is_empty() { String::new() } else { format!("DIMENSIONS {}", by.join(", ")) };
    let text = format!(
        "CREATE OR REPLACE DYNAMIC TABLE {name} TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh \
         ROLLUP OF SEMANTIC VIEW star METRICS {} {dimensions}",
        metrics.join(", ")
    );
    let Err(error) = try_rows(session, &text).await else { return };
    let adds_up = !metrics.iter().any(|m| ["orders.latest", "orders.states"].contains(m));
    let of_customers = metrics.iter().any(|m| m.starts_with("customer.") || *m == "gap");
    let of_grain = !(of_customers && by.contains(&"orders.status"));
    assert!(!(adds_up && of_grain), "{text}: {error}");
    assert!(["000002", "010234"].contains(&error.code().number()), "{text}: {error}");
}

async fn change(session: &Session, random: &mut Random) {
    let (a, b) = (random.below(5), random.below(40));
    let text = match random.below(6) {
        0 => format!("INSERT INTO orders VALUES (1{b}, {a}, 1, {b})"),
        1 => format!("DELETE FROM items WHERE qty = {a}"),
        2 => format!("UPDATE orders SET amount = {b} WHERE status = {}", a % 2),
        3 => format!("INSERT INTO items VALUES (2{b}, {a}, 7), (3{b}, NULL, 8)"),
        4 => format!("UPDATE customers SET region = {} WHERE id = {a}", b % 3),
        _ => "CREATE TABLE IF NOT EXISTS unrelated (k INT)".to_owned(),
    };
    rows(session, &text).await;
}

/// What was seen of roll-ups, so that the test shows that it tests something.
#[derive(Debug, Default)]
struct Seen {
    answered: usize,
    /// As of an earlier version.
    travelled: usize,
    lacking: usize,
}

impl Seen {
    fn add(&mut self, explained: &[String], travels: bool) {
        for line in explained {
            if line.starts_with("ROLL-UP|") {
                self.answered += 1;
                self.travelled += usize::from(travels);
            } else if line.starts_with("UNUSED ROLL-UP|") {
                self.lacking += usize::from(line.contains("does not keep"));
                self.lacking += usize::from(line.contains("is not kept by dimension"));
            }
        }
    }
}

async fn compare(session: &Session, random: &mut Random, since: u64, seen: &mut Seen) {
    let mut asked = Asked::random(random);
    asked.metrics = metrics(random);
    let sql = asked.sql();
    let now = session.lake().version().get();
    let travels = random.below(3) == 0;
    let at = if travels { since + random.below(now - since + 1) } else { now };
    let at = if travels { format!("AT (VERSION => {at})") } else { String::new() };
    let of = |name: &str| sql.replace("(star ", &format!("({name} {at} "));
    let (with, without) = (of("star"), of("plain"));
    match (try_rows(session, &with).await, try_rows(session, &without).await) {
        (Ok(mut found), Ok(mut expected)) => {
            found.sort();
            expected.sort();
            let explained = rows(session, &format!("EXPLAIN METRIC {with}")).await;
            assert_eq!(found, expected, "{with} {explained:#?}");
            seen.add(&explained, travels);
        }
        (Err(found), Err(expected)) => {
            assert_eq!(found.message(), expected.message().replace("PLAIN", "STAR"), "{with}");
        }
        (found, expected) => panic!("{with}: {found:?} {expected:?}"),
    }
}

#[tokio::test]
async fn with_roll_ups_and_without_are_the_same() {
    let session = engine().await.session().await.unwrap();
    let mut seen = Seen::default();
    for seed in 1..=10_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Star::random(&mut random).store(&session).await;
        rows(&session, &view("star")).await;
        rows(&session, &view("plain")).await;
        let since = session.lake().version().get();
        for name in ["one", "two", "three"] {
            roll_up(&session, &mut random, name).await;
        }
        for _ in 0..4 {
            for _ in 0..4 {
                compare(&session, &mut random, since, &mut seen).await;
            }
            change(&session, &mut random).await;
            compare(&session, &mut random, since, &mut seen).await;
            for name in ["one", "two", "three"] {
                // One that could not be made is not there.
                let refreshed =
                    try_rows(&session, &format!("ALTER DYNAMIC TABLE {name} REFRESH")).await;
                if let Err(error) = refreshed {
                    assert_eq!(error.code().number(), "002003", "{error}");
                }
            }
        }
    }
    assert!(seen.answered > 5 && seen.travelled > 0, "{seen:?}");
    assert!(seen.lacking > 20, "{seen:?}");
}

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

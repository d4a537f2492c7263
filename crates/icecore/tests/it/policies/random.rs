//! Random queries under random policies against the same queries over a table
//! that was filtered and masked beforehand.

use icecore::Session;

use super::session;
use crate::pipes::Dice;
use crate::{rows, try_rows};

/// Which rows are seen, over the columns of the same names.
const FILTERS: [&str; 8] = [
    "n > 2",
    "n IS NULL OR s = 'b'",
    "n = NULL",
    "TRUE",
    "LENGTH(s) + n > 3",
    "EXISTS (SELECT 1 FROM allowed a WHERE a.s = d.s)",
    "CASE WHEN s = 'a' THEN n < 3 ELSE n > 1 END",
    "CURRENT_ROLE() <> 'SYSADMIN' OR n < 4",
];

/// What is seen of V, of S2 and of D.
const MASKS_OF_V: [&str; 5] =
    ["NULL", "0", "v * 10", "CASE WHEN id > 3 THEN v ELSE -1 END", "v % 2"];
const MASKS_OF_T: [&str; 5] = ["'***'", "UPPER(t)", "NULL", "LEFT(t, 1) || '-'", "t"];

const CONDITIONS: [&str; 14] = [
    "v > 1",
    "t = 'a'",
    "t LIKE '%a%'",
    "n >= 2",
    "n IN (1, 2, 3)",
    "s IS NULL",
    "s = 'b' OR v = 0",
    "v IS NOT NULL AND n < 5",
    "id % 2 = 0",
    "NOT (n = 3)",
    "v + n > 2",
    "id IN (SELECT id FROM d WHERE v > 0)",
    "EXISTS (SELECT 1 FROM d e WHERE e.id = d.id + 1)",
    "n > (SELECT AVG(v) FROM d)",
];

const VALUES: [&str; 9] =
    ["id", "n", "s", "v", "t", "v + n", "UPPER(t)", "COALESCE(v, -5)", "t || s"];

const AGGREGATES: [&str; 9] = [
    "COUNT(*)",
    "COUNT(v)",
    "SUM(v)",
    "MIN(t)",
    "MAX(v)",
    "COUNT(DISTINCT t)",
    "MIN(n)",
    "MAX(id)",
    "APPROX_COUNT_DISTINCT(v)",
];

fn of<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    from[dice.below(from.len() as u64) as usize]
}

fn condition(dice: &mut Dice) -> String {
    let mut text = of(dice, &CONDITIONS).to_owned();
    for _ in 0..dice.below(3) {
        let word = of(dice, &["AND", "OR"]);
        text = format!("({text}) {word} ({})", of(dice, &CONDITIONS));
    }
    text
}

/// A query over D, or over D joined with itself.
fn query(dice: &mut Dice) -> String {
    let condition = condition(dice);
    let (a, b) = (of(dice, &VALUES), of(dice, &VALUES));
    let (x, y) = (of(dice, &AGGREGATES), of(dice, &AGGREGATES));
    match dice.below(8) {
        0 => format!("SELECT {a}, {b} FROM d WHERE {condition}"),
        1 => format!("SELECT {x}, {y} FROM d WHERE {condition}"),
        2 => format!("SELECT {a}, {x} FROM d WHERE {condition} GROUP BY {a}"),
        3 => format!("SELECT {a}, {x} FROM d GROUP BY {a} HAVING {y} IS NOT NULL"),
        4 => format!("SELECT id, {a} FROM d WHERE {condition} ORDER BY id LIMIT 3"),
        5 => format!(
            "SELECT d.id, f.{} FROM d JOIN d f ON d.v = f.v AND d.t = f.t WHERE d.n > 1",
            of(dice, &["id", "n", "s", "v", "t"])
        ),
        6 => {
            format!("SELECT id, SUM(v) OVER (PARTITION BY t ORDER BY id) FROM d WHERE {condition}")
        }
        _ => format!("SELECT {a} FROM d UNION ALL SELECT {a} FROM d WHERE {condition}"),
    }
}

fn table(dice: &mut Dice) -> String {
    let number = |dice: &mut Dice| match dice.below(7) {
        0 => "NULL".to_owned(),
        some => (some - 1).to_string(),
    };
    let text = |dice: &mut Dice| match dice.below(5) {
        0 => "NULL".to_owned(),
        some => format!("'{}'", ["a", "b", "ab", "cab"][some as usize - 1]),
    };
    let rows: Vec<String> = (0..=dice.below(12))
        .map(|id| {
            let (n, s) = (number(dice), text(dice));
            format!(
                "({id}::INT, {n}::INT, {s}::VARCHAR, {}::INT, {}::VARCHAR)",
                number(dice),
                text(dice)
            )
        })
        .collect();
    format!("INSERT INTO {{}} SELECT * FROM (VALUES {}) x", rows.join(", "))
}

/// The masks of V and of T: attached to the columns, or brought by tags that
/// have them before or after they are given.
fn attached(dice: &mut Dice) -> String {
    let of_v = match dice.below(3) {
        0 => "ALTER TABLE d MODIFY COLUMN v SET MASKING POLICY mv USING (v, id)",
        1 => {
            "CREATE TAG of_v; ALTER TAG of_v SET MASKING POLICY mv; \
             ALTER TABLE d MODIFY COLUMN v SET TAG of_v = 'x'"
        }
        _ => {
            "CREATE TAG of_v; ALTER TABLE d MODIFY COLUMN v SET TAG of_v = 'x'; \
             ALTER TAG of_v SET MASKING POLICY mv, MASKING POLICY mt"
        }
    };
    let of_t = match dice.below(2) {
        0 => "ALTER TABLE d MODIFY COLUMN t SET MASKING POLICY mt",
        _ => {
            "CREATE TAG of_t; ALTER TABLE d MODIFY COLUMN t SET TAG of_t = 'x'; \
             ALTER TAG of_t SET MASKING POLICY mt, MASKING POLICY mv"
        }
    };
    format!("{of_v}; {of_t}")
}

/// Schema OPEN has what is seen, schema GOVERNED what is stored, each as D.
async fn furnish(dice: &mut Dice) -> Session {
    let session = session(
        "CREATE SCHEMA open; CREATE SCHEMA governed; \
         CREATE TABLE governed.d (id INT, n INT, s VARCHAR, v INT, t VARCHAR); \
         CREATE TABLE open.allowed (s VARCHAR); CREATE TABLE governed.allowed (s VARCHAR); \
         INSERT INTO open.allowed VALUES ('a'), ('ab'); \
         INSERT INTO governed.allowed VALUES ('a'), ('ab')",
    )
    .await;
    session.execute(&table(dice).replace("{}", "governed.d")).await.unwrap();
    session.execute("USE SCHEMA governed").await.unwrap();
    let filter = of(dice, &FILTERS);
    let (v, t) = (of(dice, &MASKS_OF_V), of(dice, &MASKS_OF_T));
    session
        .execute(&format!(
            "CREATE TABLE open.d AS SELECT id, n, s, ({v})::INT AS v, ({t})::VARCHAR AS t \
             FROM d WHERE {filter}"
        ))
        .await
        .unwrap();
    let filter = filter.replace("d.s", "s_of_row").replace("s =", "s_of_row =");
    let filter = filter.replace("a.s_of_row", "a.s").replace("LENGTH(s)", "LENGTH(s_of_row)");
    session
        .execute(&format!(
            "CREATE ROW ACCESS POLICY r AS (n INT, s_of_row VARCHAR) RETURNS BOOLEAN -> {filter}; \
             CREATE MASKING POLICY mv AS (v INT, id INT) RETURNS INT -> {v}; \
             CREATE MASKING POLICY mt AS (t VARCHAR) RETURNS VARCHAR -> {t}; \
             ALTER TABLE d ADD ROW ACCESS POLICY r ON (n, s); {}",
            attached(dice)
        ))
        .await
        .unwrap_or_else(|error| panic!("{filter} {v} {t}: {error}"));
    session
}

async fn answer(session: &Session, schema: &str, query: &str) -> Result<Vec<String>, String> {
    session.execute(&format!("USE SCHEMA {schema}")).await.unwrap();
    let mut found =
        try_rows(session, query).await.map_err(|error| error.code().number().to_owned())?;
    found.sort();
    Ok(found)
}

async fn agrees(seed: u64) {
    let mut dice = Dice(seed);
    let session = furnish(&mut dice).await;
    for _ in 0..24 {
        let query = query(&mut dice);
        let seen = answer(&session, "governed", &query).await;
        let expected = answer(&session, "open", &query).await;
        assert_eq!(seen, expected, "seed={seed}: {query}");
    }
    // What is changed is what is seen, and nothing else.
    let condition = condition(&mut dice);
    let stored = "SELECT COUNT(*) FROM d";
    let visible = rows(&session, &format!("SELECT COUNT(*) FROM open.d d WHERE {condition}")).await;
    session.execute("USE SCHEMA governed").await.unwrap();
    let deleted = rows(&session, &format!("DELETE FROM d WHERE {condition}")).await;
    if !condition.contains("SELECT") {
        assert_eq!(deleted, visible, "seed={seed}: {condition}");
    }
    let left = rows(&session, stored).await;
    session.execute("ALTER TABLE d DROP ALL ROW ACCESS POLICIES").await.unwrap();
    let all: usize = rows(&session, stored).await[0].parse().unwrap();
    assert!(all >= left[0].parse().unwrap());
}

/// The same of what a secure view shows, made of the filter and the masks, also
/// if the view stands in another one.
async fn secure_agrees(seed: u64) {
    let mut dice = Dice(seed);
    let session = session(
        "CREATE SCHEMA open; CREATE SCHEMA stored; CREATE SCHEMA secure; \
         CREATE TABLE stored.d (id INT, n INT, s VARCHAR, v INT, t VARCHAR); \
         CREATE TABLE stored.allowed (s VARCHAR); INSERT INTO stored.allowed VALUES ('a'), ('ab')",
    )
    .await;
    session.execute(&table(&mut dice).replace("{}", "stored.d")).await.unwrap();
    let filter = of(&mut dice, &FILTERS);
    let (v, t) = (of(&mut dice, &MASKS_OF_V), of(&mut dice, &MASKS_OF_T));
    let query =
        format!("SELECT id, n, s, ({v})::INT AS v, ({t})::VARCHAR AS t FROM d WHERE {filter}");
    let made = match dice.below(3) {
        0 => format!("CREATE SECURE VIEW secure.d AS {query}"),
        1 => format!("CREATE VIEW secure.d AS {query}; ALTER VIEW secure.d SET SECURE"),
        _ => format!(
            "CREATE SECURE VIEW inner_d AS {query}; CREATE SECURE VIEW secure.d AS \
             SELECT * FROM inner_d"
        ),
    };
    let all = format!("USE SCHEMA stored; CREATE TABLE open.d AS {query}; {made}");
    session.execute(&all).await.unwrap_or_else(|error| panic!("{all}: {error}"));
    for _ in 0..24 {
        let query = self::query(&mut dice);
        let seen = answer(&session, "secure", &query).await;
        let expected = answer(&session, "open", &query).await;
        assert_eq!(seen, expected, "seed={seed}: {query}");
    }
}

#[tokio::test]
async fn a_secure_view_answers_as_a_table_of_what_it_shows() {
    let rounds = std::env::var("ICECORE_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(8);
    for seed in 0..rounds {
        secure_agrees(seed).await;
    }
}

#[tokio::test]
async fn a_governed_answer_is_that_of_a_table_filtered_and_masked_beforehand() {
    let rounds = std::env::var("ICECORE_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(8);
    for seed in 0..rounds {
        agrees(seed).await;
    }
}

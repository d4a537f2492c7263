//! Projection and aggregation policies: plans taken apart, and groups beside a
//! model of them.

use std::collections::{BTreeMap, BTreeSet};

use icecore::Session;
use icecore::datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use icecore::datafusion::dataframe::DataFrame;
use icecore::datafusion::logical_expr::LogicalPlan;
use icecore::prelude::*;

use super::session;
use crate::pipes::Dice;
use crate::{rows, try_rows};

const PEOPLE: &str = "
    CREATE TABLE people (id INT, c INT, town VARCHAR);
    INSERT INTO people VALUES (1, 5, 'a'), (2, 5, 'b'), (3, 7, 'c');
    CREATE PROJECTION POLICY p AS () RETURNS PROJECTION_CONSTRAINT
        -> PROJECTION_CONSTRAINT(ALLOW => false);
    CREATE AGGREGATION POLICY g AS () RETURNS AGGREGATION_CONSTRAINT
        -> AGGREGATION_CONSTRAINT(MIN_GROUP_SIZE => 2)";

async fn projected() -> Session {
    let attach = "ALTER TABLE people MODIFY COLUMN c SET PROJECTION POLICY p";
    session(&format!("{PEOPLE}; {attach}")).await
}

async fn grouped() -> Session {
    session(&format!("{PEOPLE}; ALTER TABLE people SET AGGREGATION POLICY g")).await
}

async fn shown(frame: DataFrame) -> Result<String, String> {
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    Ok(icecore::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string())
}

fn leaves(plan: &LogicalPlan) -> Vec<LogicalPlan> {
    let mut found = Vec::new();
    plan.apply(|node| {
        if node.inputs().is_empty() {
            found.push(node.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    found
}

#[tokio::test]
async fn a_frame_is_judged_when_it_runs() {
    let session = projected().await;
    let all = session.sql("SELECT * FROM people").await.unwrap();
    let refused = shown(all.clone()).await.unwrap_err();
    assert!(refused.contains("'C' of the result is projection constrained"), "{refused}");
    let some = all.filter(col("C").eq(lit(7))).unwrap().select(vec![col("ID")]).unwrap();
    assert!(shown(some).await.unwrap().contains("| 3 "));

    let session = grouped().await;
    let all = session.sql("SELECT * FROM people").await.unwrap();
    assert!(shown(all.clone()).await.unwrap_err().contains("its rows themselves"));
    assert_eq!(all.count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_part_of_a_judged_plan_is_judged_again() {
    let allowed = [
        (projected().await, "SELECT id FROM people WHERE c = 5", "projection constrained"),
        (grouped().await, "SELECT COUNT(*) FROM people", "its rows themselves"),
    ];
    for (session, query, refused) in allowed {
        let (state, plan) = session.sql(query).await.unwrap().into_parts();
        let [leaf] = leaves(&plan).try_into().unwrap();
        let taken = DataFrame::new(state.clone(), leaf);
        let error = shown(taken).await.unwrap_err();
        assert!(error.contains(refused), "{query}: {error}");

        // Once optimised there is nothing in it but its result.
        let optimized = state.optimize(&plan).unwrap();
        let [leaf] = leaves(&optimized).try_into().unwrap();
        let result = shown(DataFrame::new(state.clone(), optimized)).await.unwrap();
        let taken = shown(DataFrame::new(state.clone(), leaf)).await.unwrap();
        assert_eq!(taken.lines().count(), result.lines().count(), "{taken}");
        assert!(!taken.contains(" 7 "), "{taken}");

        // What nobody judged does not run.
        let planner = std::sync::Arc::clone(state.query_planner());
        let error = planner.create_physical_plan(&plan, &state).await.unwrap_err().to_string();
        assert!(error.contains("nobody judged"), "{query}: {error}");
    }
}

/// A row on its way to a group: who each of the tables under the policy says it
/// is about, and its columns.
#[derive(Clone)]
struct Row {
    about: Vec<Option<String>>,
    columns: BTreeMap<&'static str, Option<i64>>,
}

const AGGREGATES: [&str; 4] = ["COUNT(*)", "SUM(v)", "COUNT(j)", "COUNT(DISTINCT v)"];

fn aggregate(rows: &[&Row], which: &str) -> Option<i64> {
    let of = |name: &str| rows.iter().filter_map(|row| row.columns[name]).collect::<Vec<_>>();
    match which {
        "COUNT(*)" => Some(rows.len() as i64),
        "COUNT(j)" => Some(of("j").len() as i64),
        "COUNT(DISTINCT v)" => Some(of("v").into_iter().collect::<BTreeSet<_>>().len() as i64),
        _ => Some(of("v").iter().sum()).filter(|_| !of("v").is_empty()),
    }
}

fn is_large(rows: &[&Row], sources: usize, least: usize) -> bool {
    (0..sources).all(|source| {
        let about = rows.iter().filter_map(|row| row.about[source].as_ref());
        about.collect::<BTreeSet<_>>().len() >= least
    })
}

/// What the policy shows: large groups, and one of all others.
fn model(all: &[Row], keys: &[&str], sources: usize, least: usize) -> Vec<String> {
    let mut groups: BTreeMap<Vec<Option<i64>>, Vec<&Row>> = BTreeMap::new();
    if keys.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for row in all {
        let key = keys.iter().map(|key| row.columns[key]).collect();
        groups.entry(key).or_default().push(row);
    }
    let line = |key: &[Option<i64>], rows: Option<&[&Row]>| {
        let values = AGGREGATES.iter().map(|which| rows.and_then(|rows| aggregate(rows, which)));
        let cells = key.iter().copied().chain(values);
        let text = |cell: Option<i64>| cell.map_or("NULL".to_owned(), |cell| cell.to_string());
        cells.map(text).collect::<Vec<_>>().join("|")
    };
    let mut lines = Vec::new();
    let mut rest: Option<Vec<&Row>> = None;
    for (key, rows) in &groups {
        match is_large(rows, sources, least) {
            true => lines.push(line(key, Some(rows))),
            false => rest.get_or_insert_default().extend(rows),
        }
    }
    if let Some(rest) = rest {
        let large = is_large(&rest, sources, least);
        lines.push(line(&vec![None; keys.len()], large.then_some(rest.as_slice())));
    }
    lines.sort();
    lines
}

struct World {
    session: Session,
    t: Vec<BTreeMap<&'static str, Option<i64>>>,
    u: Vec<(Option<i64>, Option<i64>)>,
    entity: &'static [&'static str],
    least: usize,
}

async fn world(dice: &mut Dice) -> World {
    let value = |dice: &mut Dice, most: u64| Some(dice.below(most) as i64).filter(|it| *it > 0);
    let t: Vec<BTreeMap<_, _>> = (0..dice.below(14) as i64)
        .map(|id| {
            let columns = ["k", "j", "p"].map(|name| (name, value(dice, 4)));
            let v = ("v", value(dice, 9));
            columns.into_iter().chain([("id", Some(id)), v]).collect()
        })
        .collect();
    let u: Vec<_> = (0..dice.below(5)).map(|_| (value(dice, 4), value(dice, 3))).collect();
    let entity: &[&str] = [[].as_slice(), &["p"], &["p", "j"]][dice.below(3) as usize];
    let least = 1 + dice.below(4) as usize;
    let text = |value: &Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
    let session = session(&format!(
        "CREATE TABLE t (id INT, k INT, j INT, p INT, v INT); CREATE TABLE u (uk INT, w INT); \
         CREATE AGGREGATION POLICY g AS () RETURNS AGGREGATION_CONSTRAINT \
             -> AGGREGATION_CONSTRAINT(MIN_GROUP_SIZE => {least}); \
         ALTER TABLE t SET AGGREGATION POLICY g {}",
        match entity.is_empty() {
            true => String::new(),
            false => format!("ENTITY KEY ({})", entity.join(", ")),
        }
    ))
    .await;
    for row in &t {
        let cells = ["id", "k", "j", "p", "v"].map(|name| text(&row[name]));
        session.execute(&format!("INSERT INTO t VALUES ({})", cells.join(", "))).await.unwrap();
    }
    for (k, w) in &u {
        let insert = format!("INSERT INTO u VALUES ({}, {})", text(k), text(w));
        session.execute(&insert).await.unwrap();
    }
    World { session, t, u, entity, least }
}

impl World {
    fn row(&self, row: &BTreeMap<&'static str, Option<i64>>, source: usize, of: usize) -> Row {
        let about = match self.entity {
            [] => row["id"].map(|id| id.to_string()),
            [only] => row[only].map(|value| value.to_string()),
            several => Some(format!("{:?}", several.iter().map(|it| row[it]).collect::<Vec<_>>())),
        };
        let mut all = vec![None; of];
        all[source] = about;
        let columns = row.iter().map(|(name, value)| (*name, *value)).chain([("w", None)]);
        Row { about: all, columns: columns.collect() }
    }

    /// Rows of one kind, the text that gives them, and from how many tables
    /// under the policy they are.
    fn from(&self, dice: &mut Dice) -> (Vec<Row>, &'static str, usize) {
        let rows = || self.t.iter().map(|row| self.row(row, 0, 1));
        let joined = |row: Row, outer: bool| {
            let on = |uk: &Option<i64>| uk.is_some() && *uk == row.columns["k"];
            let mut found: Vec<Row> = Vec::new();
            for (_, w) in self.u.iter().filter(|(uk, _)| on(uk)) {
                let mut row = row.clone();
                row.columns.insert("w", *w);
                found.push(row);
            }
            if outer && found.is_empty() {
                found.push(row);
            }
            found
        };
        match dice.below(4) {
            0 => (rows().collect(), "(SELECT *, NULL::INT AS w FROM t)", 1),
            1 => {
                let rows = rows().flat_map(|row| joined(row, false));
                (rows.collect(), "(SELECT t.*, w FROM t JOIN u ON t.k = u.uk)", 1)
            }
            2 => {
                let rows = rows().flat_map(|row| joined(row, true));
                (rows.collect(), "(SELECT t.*, w FROM t LEFT JOIN u ON t.k = u.uk)", 1)
            }
            _ => {
                let both = self.t.iter().flat_map(|row| [self.row(row, 0, 2), self.row(row, 1, 2)]);
                let text = "(SELECT *, NULL::INT AS w FROM t UNION ALL \
                            SELECT *, NULL::INT AS w FROM t)";
                (both.collect(), text, 2)
            }
        }
    }
}

async fn agrees(seed: u64) {
    let mut dice = Dice(seed);
    let world = world(&mut dice).await;
    for _ in 0..16 {
        let (mut all, from, sources) = world.from(&mut dice);
        let keys: &[&str] = [[].as_slice(), &["k"], &["k", "j"], &["w"]][dice.below(4) as usize];
        let condition = ["TRUE", "v > 3", "j IS NOT NULL"][dice.below(3) as usize];
        all.retain(|row| match condition {
            "v > 3" => row.columns["v"] > Some(3),
            "j IS NOT NULL" => row.columns["j"].is_some(),
            _ => true,
        });
        let expected = model(&all, keys, sources, world.least);
        let selected = [keys, &AGGREGATES].concat().join(", ");
        let by =
            if keys.is_empty() { String::new() } else { format!("GROUP BY {}", keys.join(", ")) };
        let query = format!("SELECT {selected} FROM {from} q WHERE {condition} {by}");
        let mut found = rows(&world.session, &query).await;
        found.sort();
        assert_eq!(found, expected, "seed={seed} least={}: {query}", world.least);
    }
    assert!(try_rows(&world.session, "SELECT id FROM t").await.is_err());
}

#[tokio::test]
async fn groups_are_those_of_the_model() {
    let rounds = std::env::var("ICECORE_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(8);
    for seed in 0..rounds {
        agrees(seed).await;
    }
}

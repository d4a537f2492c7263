//! Queries of a semantic view with roll-ups against the same view without, and
//! which roll-up answers against the rule as it is stated here.

use std::collections::{BTreeMap, BTreeSet};

use icecore::Session;

use super::{Asked, DIMENSIONS, METRICS, Random, Star, VIEW};
use crate::{engine, rows, try_rows};

/// Averages, sketches, and what does not add up.
const MORE: [&str; 4] = ["orders.mean", "items.kinds", "orders.latest", "orders.states"];

/// Of these no states are kept.
const NOT_ADDITIVE: [&str; 2] = ["orders.latest", "orders.states"];

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

/// The metrics that a metric is computed from.
fn parts(metric: &'static str) -> Vec<&'static str> {
    if metric == "gap" { vec!["orders.total", "customer.cnt"] } else { vec![metric] }
}

fn all_parts(metrics: &[&'static str]) -> BTreeSet<&'static str> {
    metrics.iter().flat_map(|metric| parts(metric)).collect()
}

/// The tables whose rows decide the value of a metric by some dimensions.
fn tables(metric: &str, by: &BTreeSet<usize>) -> BTreeSet<&'static str> {
    let mut tables = match metric {
        "customer.cnt" => vec!["customers"],
        "customer.best" | "customer.placed" => vec!["customers", "orders"],
        _ if metric.starts_with("orders.") => vec!["orders"],
        _ => vec!["items"],
    };
    if metric.starts_with("items.") && !by.is_empty() {
        tables.push("orders");
    }
    if by.contains(&0) {
        tables.push("customers");
    }
    tables.into_iter().collect()
}

/// A roll-up that was made, and the version that its rows are of.
struct RollUp {
    parts: BTreeSet<&'static str>,
    by: BTreeSet<usize>,
    tables: BTreeSet<&'static str>,
    of: u64,
}

/// The tables, and when they were changed.
struct World {
    session: Session,
    changed: BTreeMap<&'static str, Vec<u64>>,
    roll_ups: BTreeMap<String, RollUp>,
    since: u64,
    seen: BTreeMap<&'static str, usize>,
}

/// What the rule says of a roll-up and a query.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Answers,
    Lacks,
    Stale,
    NotNeeded,
}

impl World {
    fn version(&self) -> u64 {
        self.session.lake().version().get()
    }

    /// A roll-up of random metrics; not of what cannot be one.
    async fn make(&mut self, random: &mut Random, name: &str) {
        let metrics = metrics(random);
        let by = random.of(&[&[] as &[usize], &[0], &[1], &[0, 1]]);
        let names: Vec<&str> = by.iter().map(|at| DIMENSIONS[*at]).collect();
        let dimensions =
            if by.is_empty() { String::new() } else { format!("DIMENSIONS {}", names.join(", ")) };
        let text = format!(
            "CREATE OR REPLACE DYNAMIC TABLE {name} TARGET_LAG = DOWNSTREAM \
             WAREHOUSE = compute_wh ROLLUP OF SEMANTIC VIEW star METRICS {} {dimensions}",
            metrics.join(", ")
        );
        let of = self.version();
        let parts = all_parts(&metrics);
        let adds_up = !parts.iter().any(|part| NOT_ADDITIVE.contains(part));
        let of_customers = parts.iter().any(|part| part.starts_with("customer."));
        let made = try_rows(&self.session, &text).await;
        if adds_up && !(of_customers && by.contains(&1)) {
            made.unwrap_or_else(|error| panic!("{text}: {error}"));
            let by: BTreeSet<usize> = by.iter().copied().collect();
            let tables = parts.iter().flat_map(|part| tables(part, &by)).collect();
            self.roll_ups.insert(name.to_uppercase(), RollUp { parts, by, tables, of });
        } else {
            let error = made.expect_err(&text);
            assert!(["000002", "010234"].contains(&error.code().number()), "{text}: {error}");
        }
    }

    async fn change(&mut self, random: &mut Random) {
        let (a, b) = (random.below(5), random.below(40));
        let (table, text) = match random.below(6) {
            0 => ("orders", format!("INSERT INTO orders VALUES (1{b}, {a}, 1, {b})")),
            1 => ("items", format!("DELETE FROM items WHERE qty = {a}")),
            2 => ("orders", format!("UPDATE orders SET amount = {b} WHERE status = {}", a % 2)),
            3 => ("items", format!("INSERT INTO items VALUES (2{b}, {a}, 7), (3{b}, NULL, 8)")),
            4 => ("customers", format!("UPDATE customers SET region = {} WHERE id = {a}", b % 3)),
            _ => ("unrelated", format!("CREATE OR REPLACE TABLE unrelated AS SELECT {b} AS k")),
        };
        let affected = rows(&self.session, &text).await;
        if table == "unrelated" || !affected[0].starts_with("0") {
            let version = self.version();
            self.changed.entry(table).or_default().push(version);
        }
    }

    async fn refresh(&mut self, name: &str) {
        let version = self.version();
        let Some(roll_up) = self.roll_ups.get_mut(name) else { return };
        roll_up.of = version;
        rows(&self.session, &format!("ALTER DYNAMIC TABLE {name} REFRESH")).await;
    }

    /// The rule: a roll-up has what is asked for, and between the version of
    /// its rows and the one that is asked for none of its tables was changed.
    fn verdict(&self, roll_up: &RollUp, asked: &Asked, at: u64) -> Verdict {
        let mut by: BTreeSet<usize> = asked.by.iter().copied().collect();
        by.extend(asked.filter.map(|(dimension, _)| dimension));
        if !all_parts(&asked.metrics).is_subset(&roll_up.parts) || !by.is_subset(&roll_up.by) {
            return Verdict::Lacks;
        }
        let (from, to) = (roll_up.of.min(at), roll_up.of.max(at));
        let changes = roll_up.tables.iter().filter_map(|table| self.changed.get(table)).flatten();
        let fresh = changes.into_iter().all(|change| !(from < *change && *change <= to));
        if fresh { Verdict::Answers } else { Verdict::Stale }
    }

    /// Compares what EXPLAIN METRIC says of each roll-up with the rule.
    fn check(&mut self, explained: &[String], (asked, at): (&Asked, u64)) {
        let lines = explained.iter().filter(|line| line.contains("ROLL-UP|"));
        let lines: Vec<Vec<&str>> = lines.map(|line| line.split('|').collect()).collect();
        assert_eq!(lines.len(), self.roll_ups.len(), "{explained:#?}");
        let sizes: Vec<u64> = lines.iter().map(|line| line[5].parse().unwrap()).collect();
        assert!(sizes.is_sorted(), "the smallest comes first: {explained:#?}");
        let mut answered = false;
        for line in &lines {
            let roll_up = &self.roll_ups[line[1].rsplit('.').next().unwrap()];
            let verdict = match answered {
                true => Verdict::NotNeeded,
                false => self.verdict(roll_up, asked, at),
            };
            let place = format!("{asked:?} AT {at}: {verdict:?} {line:?}");
            assert_eq!(line[0] == "ROLL-UP", verdict == Verdict::Answers, "{place}");
            let (reason, travelled) = (line[7], at != self.version());
            let seen = match verdict {
                Verdict::Answers if travelled => "answers as of then",
                Verdict::Answers => "answers",
                Verdict::Lacks => {
                    assert!(lacks(reason, roll_up, asked), "{place}");
                    "lacks"
                }
                Verdict::Stale => {
                    assert!(reason.starts_with("it is stale: "), "{place}");
                    if travelled { "stale as of then" } else { "stale" }
                }
                Verdict::NotNeeded => {
                    assert_eq!(reason, "a smaller one answers", "{place}");
                    "not needed"
                }
            };
            *self.seen.entry(seen).or_default() += 1;
            answered |= verdict == Verdict::Answers;
        }
    }

    async fn compare(&mut self, random: &mut Random) {
        let mut asked = Asked::random(random);
        asked.metrics = metrics(random);
        let (sql, now) = (asked.sql(), self.version());
        let travels = random.below(3) == 0;
        let at = if travels { self.since + random.below(now - self.since + 1) } else { now };
        let point = if travels { format!("AT (VERSION => {at})") } else { String::new() };
        let of = |name: &str| sql.replace("(star ", &format!("({name} {point} "));
        let (with, without) = (of("star"), of("plain"));
        let found = try_rows(&self.session, &with).await;
        match (found, try_rows(&self.session, &without).await) {
            (Ok(mut found), Ok(mut expected)) => {
                found.sort();
                expected.sort();
                let explained = rows(&self.session, &format!("EXPLAIN METRIC {with}")).await;
                assert_eq!(found, expected, "{with} {explained:#?}");
                self.check(&explained, (&asked, at));
            }
            (Err(found), Err(expected)) => {
                assert_eq!(found.message(), expected.message().replace("PLAIN", "STAR"), "{with}");
            }
            (found, expected) => panic!("{with}: {found:?} {expected:?}"),
        }
    }
}

/// Whether a reason names something that is asked for and is not kept.
fn lacks(reason: &str, roll_up: &RollUp, asked: &Asked) -> bool {
    let wanted = all_parts(&asked.metrics);
    let named = |name: &str| wanted.iter().find(|part| part.to_uppercase() == name).copied();
    if let Some(name) = reason.strip_prefix("it is not kept by dimension ") {
        let at = DIMENSIONS.iter().position(|dimension| dimension.to_uppercase() == name).unwrap();
        let is_asked = asked.by.contains(&at) || asked.filter.is_some_and(|(by, _)| by == at);
        return is_asked && !roll_up.by.contains(&at);
    }
    if let Some(name) = reason.strip_suffix(" does not add up") {
        return named(name).is_some_and(|part| NOT_ADDITIVE.contains(&part));
    }
    let name = reason.strip_prefix("it does not keep ").unwrap_or(reason);
    named(name).is_some_and(|part| !roll_up.parts.contains(part))
}

#[tokio::test]
async fn with_roll_ups_and_without_are_the_same() {
    let session = engine().await.session().await.unwrap();
    let (changed, roll_ups, seen) = Default::default();
    let mut world = World { session, changed, roll_ups, since: 0, seen };
    for seed in 1..=12_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Star::random(&mut random).store(&world.session).await;
        rows(&world.session, &view("star")).await;
        rows(&world.session, &view("plain")).await;
        (world.since, world.changed, world.roll_ups) =
            (world.version(), BTreeMap::new(), BTreeMap::new());
        for name in ["one", "two", "three"] {
            world.make(&mut random, name).await;
        }
        for _ in 0..5 {
            for _ in 0..4 {
                world.compare(&mut random).await;
            }
            world.change(&mut random).await;
            // Some stay stale for longer.
            for name in ["ONE", "TWO", "THREE"] {
                if random.below(3) == 0 {
                    world.refresh(name).await;
                }
            }
        }
    }
    for kind in
        ["answers", "answers as of then", "lacks", "stale", "stale as of then", "not needed"]
    {
        assert!(world.seen.contains_key(kind), "never seen: {kind}, of {:?}", world.seen);
    }
}

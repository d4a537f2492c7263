//! A dynamic table equals full recomputation, whatever statements came before.

use icecore::Session;

use crate::{engine, rows};

/// Of a seed: the same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The queries, and whether they are refreshed from changes.
const TABLES: &[(&str, &str, &str)] = &[
    ("filtered", "INCREMENTAL", "SELECT k, v * 2 AS v2, s FROM t WHERE g < 3 OR g IS NULL"),
    (
        "joined",
        "INCREMENTAL",
        "SELECT x.k, x.g, w, y.k + 1 AS y FROM t AS x JOIN u AS y ON x.k = y.k WHERE v > 1",
    ),
    (
        "grouped",
        "INCREMENTAL",
        "SELECT g, SUM(v) AS sv, COUNT(*) AS n, COUNT(v) AS c, AVG(v) AS a, MIN(s) AS least, MAX(k) + 1 AS most FROM t GROUP BY g",
    ),
    (
        "total",
        "INCREMENTAL",
        "SELECT COUNT(*) AS n, SUM(k) AS s, AVG(k) AS a, COUNT_IF(g = 1) AS ones FROM t",
    ),
    (
        "floats",
        "INCREMENTAL",
        "SELECT g + 1 AS g1, SUM(f) AS sf, COUNT(DISTINCT s) AS ds FROM t WHERE k > 5 GROUP BY g + 1",
    ),
    (
        "chained",
        "INCREMENTAL",
        "SELECT g % 2 AS odd, SUM(n) AS n, SUM(sv) AS sv FROM grouped GROUP BY 1",
    ),
    ("both", "INCREMENTAL", "SELECT k, g FROM t WHERE g = 1 UNION ALL SELECT k, 9 FROM u"),
    ("many", "INCREMENTAL", "SELECT g, COUNT(*) AS n FROM t GROUP BY g HAVING COUNT(*) > 3"),
    ("sketched", "INCREMENTAL", "SELECT g, APPROX_COUNT_DISTINCT(k) AS h FROM t GROUP BY g"),
    ("copied", "INCREMENTAL", "SELECT * FROM t"),
    ("whole", "FULL", "SELECT DISTINCT g, w FROM t LEFT JOIN u ON t.k = u.k"),
];

fn value(numbers: &mut Numbers, end: u64) -> String {
    match numbers.below(8) {
        0 => "NULL".to_owned(),
        _ => numbers.below(end).to_string(),
    }
}

/// A number with two digits that a FLOAT holds exactly, or NULL.
fn quarters(numbers: &mut Numbers, end: u64) -> String {
    match numbers.below(8) {
        0 => "NULL".to_owned(),
        _ => format!("{}.{:02}", numbers.below(end), numbers.below(4) * 25),
    }
}

fn statement(numbers: &mut Numbers, columns: &mut u32) -> String {
    match numbers.below(100) {
        0..=39 => {
            let rows: Vec<String> = (0..1 + numbers.below(6))
                .map(|_| {
                    let (k, g) = (value(numbers, 60), value(numbers, 5));
                    let (v, f) = (quarters(numbers, 400), quarters(numbers, 100));
                    format!("({k}, {g}, {v}, {f}, 's{}')", numbers.below(9))
                })
                .collect();
            format!("INSERT INTO t (k, g, v, f, s) VALUES {}", rows.join(", "))
        }
        40..=49 => {
            format!("INSERT INTO u VALUES ({}, 'w{}')", value(numbers, 60), numbers.below(4))
        }
        50..=62 => format!("DELETE FROM t WHERE k = {}", numbers.below(60)),
        63..=66 => {
            format!("DELETE FROM t WHERE g = {} AND v < {}", numbers.below(5), numbers.below(100))
        }
        67..=71 => format!("DELETE FROM u WHERE k = {}", numbers.below(60)),
        72..=84 => format!(
            "UPDATE t SET v = v + 0.5, g = {} WHERE k % 10 = {}",
            value(numbers, 5),
            numbers.below(10)
        ),
        85..=89 => {
            format!("UPDATE u SET w = 'x{}' WHERE k < {}", numbers.below(4), numbers.below(60))
        }
        90..=95 => format!(
            "INSERT INTO t (k, g, v, f, s) SELECT k + 1, g, v, f, s FROM t WHERE k = {}",
            numbers.below(60)
        ),
        96 => "TRUNCATE TABLE t".to_owned(),
        97 => format!("INSERT OVERWRITE INTO u VALUES ({}, 'o')", numbers.below(60)),
        98 => "DELETE FROM t".to_owned(),
        _ if *columns < 6 => {
            *columns += 1;
            format!("ALTER TABLE t ADD COLUMN more{columns} INT DEFAULT {columns}")
        }
        _ => "SELECT 1".to_owned(),
    }
}

async fn sorted(session: &Session, query: &str) -> Vec<String> {
    let mut found = rows(session, query).await;
    found.sort();
    found
}

/// ICECORE_DYNAMIC_STATEMENTS and ICECORE_DYNAMIC_SEED ask for more, or for the
/// same again.
#[tokio::test]
async fn a_dynamic_table_equals_full_recomputation() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (statements, seed) =
        (setting("ICECORE_DYNAMIC_STATEMENTS", 1_000), setting("ICECORE_DYNAMIC_SEED", 7));
    println!("ICECORE_DYNAMIC_SEED={seed} ICECORE_DYNAMIC_STATEMENTS={statements}");
    let session = engine().await.session().await.unwrap();
    session
        .execute(
            "CREATE TABLE t (k INT, g INT, v NUMBER(10,2), f FLOAT, s VARCHAR);
             CREATE TABLE u (k INT, w VARCHAR)",
        )
        .await
        .unwrap();
    for (name, mode, query) in TABLES {
        let create = format!(
            "CREATE DYNAMIC TABLE {name} TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh AS {query}"
        );
        session.execute(&create).await.unwrap();
        session.execute(&format!("SHOW DYNAMIC TABLES LIKE '{name}'")).await.unwrap();
        let shown = "SELECT \"refresh_mode\" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))";
        assert_eq!(rows(&session, shown).await, [*mode], "{name}");
    }
    let (mut numbers, mut columns, mut done) = (Numbers(seed), 0, 0);
    while done < statements {
        let size = [1, 10, 40, 100][numbers.below(4) as usize].min(statements - done);
        let batch: Vec<String> = (0..size).map(|_| statement(&mut numbers, &mut columns)).collect();
        session.execute(&batch.join("; ")).await.unwrap();
        done += size;
        for (name, _, query) in TABLES {
            session.execute(&format!("ALTER DYNAMIC TABLE {name} REFRESH")).await.unwrap();
            let kept = sorted(&session, &format!("SELECT * FROM {name}")).await;
            let expected = sorted(&session, query).await;
            assert_eq!(
                kept,
                expected,
                "{name} after {done} statements of seed {seed}: {query}\n{}",
                batch.join(";\n")
            );
        }
    }
    let actions = "SELECT DISTINCT REFRESH_ACTION FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY(RESULT_LIMIT => 100000)) ORDER BY 1";
    assert_eq!(rows(&session, actions).await, ["FULL", "INCREMENTAL", "NO_DATA", "REINITIALIZE"]);
}

//! Queries of semantic views against a model that goes row by row, and what is
//! wrong with views and queries.

mod random_roll_ups;
mod roll_ups;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use icecore::{At, Session};

use crate::{engine, rows, try_rows};

type Value = Option<i64>;

/// Numbers that are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn value(&mut self, limit: u64) -> Value {
        let found = self.below(limit + 1);
        (found < limit).then_some(found as i64)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Customers have orders, orders have items; keys may be NULL or of nobody.
#[derive(Debug)]
struct Star {
    /// Region; the key is the position.
    customers: Vec<Value>,
    /// Customer, status, amount.
    orders: Vec<[Value; 3]>,
    /// Order, quantity.
    items: Vec<[Value; 2]>,
}

impl Star {
    fn random(random: &mut Random) -> Self {
        let customers = random.of(&[0, 1, 3, 6]);
        let orders = random.of(&[0, 1, 5, 12]);
        let items = random.of(&[0, 2, 9, 20]);
        Self {
            customers: (0..customers).map(|_| random.value(2)).collect(),
            // One more than there are: an orphan.
            orders: (0..orders)
                .map(|_| [random.value(customers + 1), random.value(2), random.value(50)])
                .collect(),
            items: (0..items).map(|_| [random.value(orders + 1), random.value(9)]).collect(),
        }
    }

    async fn store(&self, session: &Session) {
        let numbered = |rows: Vec<Vec<Value>>| {
            let mut text = String::new();
            for (id, row) in rows.iter().enumerate() {
                let cells = row.iter().map(|v| v.map_or("NULL".to_owned(), |v| v.to_string()));
                let cells: Vec<String> = cells.collect();
                let separator = if id == 0 { "" } else { ", " };
                write!(text, "{separator}({id}, {})", cells.join(", ")).unwrap();
            }
            text
        };
        let customers = numbered(self.customers.iter().map(|region| vec![*region]).collect());
        let orders = numbered(self.orders.iter().map(|row| row.to_vec()).collect());
        let items = numbered(self.items.iter().map(|row| row.to_vec()).collect());
        for (table, columns, values) in [
            ("customers", "id INT, region INT", customers),
            ("orders", "id INT, cust INT, status INT, amount INT", orders),
            ("items", "id INT, ord INT, qty INT", items),
        ] {
            rows(session, &format!("CREATE OR REPLACE TABLE {table} ({columns})")).await;
            if !values.is_empty() {
                rows(session, &format!("INSERT INTO {table} VALUES {values}")).await;
            }
        }
    }

    fn customer(&self, key: Value) -> Option<usize> {
        let found = usize::try_from(key?).ok()?;
        (found < self.customers.len()).then_some(found)
    }

    fn order(&self, key: Value) -> Option<usize> {
        let found = usize::try_from(key?).ok()?;
        (found < self.orders.len()).then_some(found)
    }

    /// Region and status of each row of a table.
    fn dimensions(&self, table: &str) -> Vec<[Value; 2]> {
        let region = |customer: Value| self.customer(customer).and_then(|c| self.customers[c]);
        let of_order = |order: &[Value; 3]| [region(order[0]), order[1]];
        match table {
            "customer" => self.customers.iter().map(|region| [*region, None]).collect(),
            "orders" => self.orders.iter().map(of_order).collect(),
            _ => {
                let found = self.items.iter().map(|item| self.order(item[0]));
                found.map(|o| o.map_or([None, None], |o| of_order(&self.orders[o]))).collect()
            }
        }
    }

    /// What a metric adds up of each row: its own value, and whether it counts.
    fn values(&self, metric: &str) -> Vec<Value> {
        let spent = |customer: usize| {
            let own = self.orders.iter().filter(|o| self.customer(o[0]) == Some(customer));
            own.filter_map(|o| o[2]).reduce(|a, b| a + b)
        };
        let orders_of = |customer: usize| {
            self.orders.iter().filter(|o| self.customer(o[0]) == Some(customer)).count() as i64
        };
        let customers = 0..self.customers.len();
        match metric {
            "customer.cnt" => customers.map(|_| Some(1)).collect(),
            "customer.best" => customers.map(spent).collect(),
            "customer.placed" => customers.map(|c| Some(orders_of(c))).collect(),
            "orders.total" => self.orders.iter().map(|o| o[2]).collect(),
            "orders.n" => self.orders.iter().map(|o| o[2].map(|_| 1)).collect(),
            "items.q" => self.items.iter().map(|i| i[1]).collect(),
            _ => self.items.iter().map(|_| Some(1)).collect(),
        }
    }
}

const METRICS: [&str; 8] = [
    "customer.cnt",
    "customer.best",
    "customer.placed",
    "orders.total",
    "orders.n",
    "items.q",
    "items.pieces",
    "gap",
];

const VIEW: &str = "CREATE OR REPLACE SEMANTIC VIEW star
    TABLES (customer AS customers PRIMARY KEY (id), orders PRIMARY KEY (id), items)
    RELATIONSHIPS (orders (cust) REFERENCES customer, items (ord) REFERENCES orders)
    FACTS (customer.order_count AS COUNT(orders.id))
    DIMENSIONS (customer.region AS region, orders.status AS status)
    METRICS (customer.cnt AS COUNT(*), customer.best AS MAX(SUM(orders.amount)),
             customer.placed AS SUM(order_count), orders.total AS SUM(amount),
             orders.n AS COUNT(amount), items.q AS SUM(qty), items.pieces AS COUNT(*),
             gap AS orders.total - customer.cnt)";

/// A query: which metrics, by which of region and status, and a condition.
#[derive(Debug)]
struct Asked {
    metrics: Vec<&'static str>,
    by: Vec<usize>,
    filter: Option<(usize, Value)>,
}

const DIMENSIONS: [&str; 2] = ["customer.region", "orders.status"];

impl Asked {
    fn random(random: &mut Random) -> Self {
        let metrics: BTreeSet<&str> = (0..=random.below(3)).map(|_| random.of(&METRICS)).collect();
        let by = random.of(&[&[] as &[usize], &[0], &[1], &[0, 1]]).to_vec();
        let filter = (random.below(2) == 0).then(|| (random.below(2) as usize, random.value(2)));
        Self { metrics: metrics.into_iter().collect(), by, filter }
    }

    fn sql(&self) -> String {
        let mut text = format!("SEMANTIC_VIEW(star METRICS {}", self.metrics.join(", "));
        if !self.by.is_empty() {
            let names: Vec<&str> = self.by.iter().map(|at| DIMENSIONS[*at]).collect();
            write!(text, " DIMENSIONS {}", names.join(", ")).unwrap();
        }
        match self.filter {
            Some((at, Some(value))) => write!(text, " WHERE {} = {value}", DIMENSIONS[at]).unwrap(),
            Some((at, None)) => write!(text, " WHERE {} IS NULL", DIMENSIONS[at]).unwrap(),
            None => {}
        }
        format!("SELECT * FROM {text})")
    }

    /// Whether a metric of customers is asked for by the status of orders.
    fn has_wrong_grain(&self) -> bool {
        let status = self.by.contains(&1) || self.filter.is_some_and(|(at, _)| at == 1);
        let of_customers = |name: &&&str| name.starts_with("customer.") || **name == "gap";
        status && self.metrics.iter().any(|name| of_customers(&name))
    }

    /// The groups of a metric, each with the value of its rows.
    fn groups(&self, star: &Star, metric: &str) -> BTreeMap<Vec<Value>, Value> {
        let table = metric.split('.').next().unwrap();
        let mut groups: BTreeMap<Vec<Value>, Value> = BTreeMap::new();
        if self.by.is_empty() {
            groups.insert(Vec::new(), None);
        }
        for (dimensions, value) in star.dimensions(table).iter().zip(star.values(metric)) {
            if self.filter.is_some_and(|(at, wanted)| dimensions[at] != wanted) {
                continue;
            }
            let key = self.by.iter().map(|at| dimensions[*at]).collect();
            let group = groups.entry(key).or_insert(None);
            *group = match (*group, value) {
                (Some(a), Some(b)) if metric == "customer.best" => Some(a.max(b)),
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            };
        }
        groups
    }

    fn expected(&self, star: &Star) -> Vec<String> {
        let parts = |metric: &'static str| match metric {
            "gap" => vec!["orders.total", "customer.cnt"],
            other => vec![other],
        };
        let all: BTreeSet<&str> = self.metrics.iter().flat_map(|m| parts(m)).collect();
        let groups: BTreeMap<&str, _> =
            all.iter().map(|metric| (*metric, self.groups(star, metric))).collect();
        let keys: BTreeSet<&Vec<Value>> = groups.values().flat_map(BTreeMap::keys).collect();
        let value = |metric: &str, key: &Vec<Value>| {
            let found = groups[metric].get(key).copied().flatten();
            let counts = ["customer.cnt", "orders.n", "items.pieces"].contains(&metric);
            if counts { Some(found.unwrap_or(0)) } else { found }
        };
        let shown = |value: Value| value.map_or("NULL".to_owned(), |v| v.to_string());
        let mut lines: Vec<String> = keys
            .into_iter()
            .map(|key| {
                let metrics = self.metrics.iter().map(|metric| match *metric {
                    "gap" => value("orders.total", key)
                        .map(|total| total - value("customer.cnt", key).unwrap()),
                    other => value(other, key),
                });
                metrics.chain(key.iter().copied()).map(shown).collect::<Vec<_>>().join("|")
            })
            .collect();
        lines.sort();
        lines
    }
}

#[tokio::test]
async fn metrics_equal_a_model_that_goes_row_by_row() {
    let session = engine().await.session().await.unwrap();
    for seed in 1..=40_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let star = Star::random(&mut random);
        star.store(&session).await;
        rows(&session, VIEW).await;
        for _ in 0..6 {
            let asked = Asked::random(&mut random);
            let found = try_rows(&session, &asked.sql()).await;
            if asked.has_wrong_grain() {
                let error = found.expect_err(&asked.sql());
                assert_eq!(error.code().number(), "010234", "seed={seed} {}", asked.sql());
                continue;
            }
            let mut found = found.unwrap_or_else(|e| panic!("seed={seed} {}: {e}", asked.sql()));
            found.sort();
            assert_eq!(found, asked.expected(&star), "seed={seed} {} {star:?}", asked.sql());
        }
    }
}

async fn shop() -> Session {
    let session = engine().await.session().await.unwrap();
    rows(&session, "CREATE TABLE orders (id INT, region VARCHAR, amount INT)").await;
    rows(&session, "INSERT INTO orders VALUES (1, 'EU', 10), (2, 'US', 20)").await;
    rows(
        &session,
        "CREATE SEMANTIC VIEW sales TABLES (orders PRIMARY KEY (id)) \
         DIMENSIONS (orders.region AS region) METRICS (orders.total AS SUM(amount))",
    )
    .await;
    session
}

#[tokio::test]
async fn a_view_is_read_as_its_tables_were() {
    let session = shop().await;
    let before = session.lake().version();
    rows(&session, "INSERT INTO orders VALUES (3, 'EU', 5)").await;
    let version = before.get();
    for (text, expected) in [
        ("SEMANTIC_VIEW(sales METRICS total)".to_owned(), "35"),
        (format!("SEMANTIC_VIEW(sales AT (VERSION => {version}) METRICS total)"), "30"),
    ] {
        assert_eq!(rows(&session, &format!("SELECT * FROM {text}")).await, [expected]);
    }
    let then = format!("SELECT AGG(total) FROM sales AT (VERSION => {version})");
    assert_eq!(rows(&session, &then).await, ["30"]);
    rows(&session, "CREATE VIEW over AS SELECT * FROM SEMANTIC_VIEW(sales METRICS total)").await;
    let then = format!("SELECT * FROM over AT (VERSION => {version})");
    assert_eq!(rows(&session, &then).await, ["30"]);
    let frame = session.table("orders").await.unwrap().at(At::Version(before));
    assert_eq!(frame.to_df().await.unwrap().count().await.unwrap(), 2);
}

#[tokio::test]
async fn what_the_tables_lose_the_view_misses() {
    let session = shop().await;
    let ask = "SELECT * FROM SEMANTIC_VIEW(sales METRICS total)";
    rows(&session, "ALTER TABLE orders RENAME COLUMN amount TO price").await;
    let error = try_rows(&session, ask).await.unwrap_err();
    assert_eq!(error.code().number(), "000904", "{error}");
    assert!(error.to_string().contains("SALES"), "{error}");
    // What is listed is listed, without a type.
    let listed = rows(&session, "SHOW SEMANTIC METRICS IN sales").await;
    assert!(listed[0].contains("|TOTAL|NULL|"), "{listed:?}");
    rows(&session, "ALTER TABLE orders RENAME COLUMN price TO amount").await;
    assert_eq!(rows(&session, ask).await, ["30"]);
    rows(&session, "DROP TABLE orders").await;
    assert_eq!(try_rows(&session, ask).await.unwrap_err().code().number(), "002003");
    rows(&session, "UNDROP TABLE orders").await;
    assert_eq!(rows(&session, ask).await, ["30"]);
}

#[tokio::test]
async fn a_view_of_itself_is_an_error_and_ends_soon() {
    let session = shop().await;
    rows(&session, "CREATE VIEW base AS SELECT id, region, amount FROM orders").await;
    rows(
        &session,
        "CREATE OR REPLACE SEMANTIC VIEW sales TABLES (base) METRICS (base.total AS SUM(amount))",
    )
    .await;
    let circle = "CREATE OR REPLACE VIEW base AS SELECT total AS amount, 1 AS id, 'x' AS region \
                  FROM SEMANTIC_VIEW(sales METRICS total)";
    rows(&session, circle).await;
    let error = try_rows(&session, "SELECT * FROM base").await.unwrap_err();
    assert_eq!(error.code().number(), "002028", "{error}");
    let nested = "CREATE SEMANTIC VIEW n TABLES (sales) METRICS (sales.n AS COUNT(*))";
    assert_eq!(try_rows(&session, nested).await.unwrap_err().code().number(), "000002");
}

#[tokio::test]
async fn a_thousand_metrics_are_planned_and_computed() {
    let session = shop().await;
    let metrics: Vec<String> =
        (0..1000).map(|number| format!("orders.m{number} AS SUM(amount + {number})")).collect();
    rows(
        &session,
        &format!("CREATE SEMANTIC VIEW wide TABLES (orders) METRICS ({})", metrics.join(", ")),
    )
    .await;
    let found = rows(&session, "SELECT m0, m999 FROM SEMANTIC_VIEW(wide METRICS orders.*)").await;
    assert_eq!(found, ["30|2028"]);
}

#[tokio::test]
async fn explain_metric_says_where_a_value_comes_from() {
    let session = shop().await;
    let found = rows(
        &session,
        "EXPLAIN METRIC SELECT * FROM SEMANTIC_VIEW(sales METRICS total DIMENSIONS region)",
    )
    .await;
    assert!(found[0].starts_with("SEMANTIC VIEW|ICECORE.PUBLIC.SALES|"), "{found:?}");
    assert!(found[0].contains("SUM(ORDERS.AMOUNT)"), "{found:?}");
    let version = session.lake().version();
    assert!(
        found[1].starts_with(&format!("TABLE|ICECORE.PUBLIC.ORDERS|NULL|{version}|")),
        "{found:?}"
    );
    assert_eq!(found.len(), 2);
    let error = try_rows(&session, "EXPLAIN METRIC SELECT 1").await.unwrap_err();
    assert!(error.to_string().contains("takes a query of a semantic view"), "{error}");
}

/// The files that EXPLAIN METRIC names, and how many rows each was loaded with.
async fn files(session: &Session, view: &str) -> Vec<String> {
    let ask = format!("EXPLAIN METRIC SELECT * FROM SEMANTIC_VIEW({view} METRICS total)");
    let found = rows(session, &ask).await;
    let files = found.iter().filter(|line| line.starts_with("FILE|"));
    let cells = files.map(|line| line.split('|').collect::<Vec<_>>());
    cells.map(|cells| format!("{} {}", cells[1].rsplit('/').next().unwrap(), cells[5])).collect()
}

#[tokio::test]
async fn explain_metric_names_the_files_whose_rows_are_there() {
    let session = engine().await.session().await.unwrap();
    for text in [
        "CREATE STAGE s",
        "CREATE STAGE told",
        "CREATE TABLE numbers (k INT)",
        "CREATE SEMANTIC VIEW v TABLES (numbers) METRICS (numbers.total AS SUM(k))",
        "COPY INTO @s/a FROM (SELECT 1 AS k UNION ALL SELECT 2) SINGLE = TRUE",
        "COPY INTO @s/b FROM (SELECT 10 AS k UNION ALL SELECT 20) SINGLE = TRUE",
        "COPY INTO @s/c FROM (SELECT 'bad' AS k) SINGLE = TRUE",
        "COPY INTO @s/d FROM (SELECT 100 AS k UNION ALL SELECT 200) SINGLE = TRUE",
        "COPY INTO @told/e FROM (SELECT 1000 AS k UNION ALL SELECT 2000) SINGLE = TRUE",
        "COPY INTO @told/f FROM (SELECT 5000 AS k) SINGLE = TRUE",
        "INSERT INTO numbers VALUES (-1)",
        // Not in the order of their names, and one of them cannot be loaded.
        "COPY INTO numbers FROM @s FILES = ('d', 'c', 'a', 'b') ON_ERROR = SKIP_FILE",
        "CREATE PIPE p AS COPY INTO numbers FROM @told",
        "ALTER PIPE p REFRESH",
    ] {
        rows(&session, text).await;
    }
    session.lake().run_due().await.unwrap();
    let after_loads = session.lake().version();
    assert_eq!(files(&session, "v").await, ["d 2", "a 2", "b 2", "e 2", "f 1"]);
    // Some rows of a file are gone, all of another, and all of one of a pipe.
    rows(&session, "DELETE FROM numbers WHERE k IN (1, 10, 20, 5000)").await;
    assert_eq!(files(&session, "v").await, ["d 2", "a 2", "e 2"]);
    // A row that is changed is still one of its file.
    rows(&session, "UPDATE numbers SET k = k + 1 WHERE k >= 100").await;
    assert_eq!(files(&session, "v").await, ["d 2", "a 2", "e 2"]);
    rows(&session, "DELETE FROM numbers WHERE k IN (101, 201)").await;
    assert_eq!(files(&session, "v").await, ["a 2", "e 2"]);
    let then = format!("v AT (VERSION => {})", after_loads.get());
    assert_eq!(files(&session, &then).await, ["d 2", "a 2", "b 2", "e 2", "f 1"]);
    rows(&session, "DELETE FROM numbers WHERE k > 0").await;
    assert_eq!(rows(&session, "SELECT k FROM numbers").await, ["-1"]);
    assert_eq!(files(&session, "v").await, [""; 0]);
    // What is loaded again is of the second load.
    rows(&session, "COPY INTO numbers FROM @s FILES = ('a') FORCE = TRUE").await;
    assert_eq!(files(&session, "v").await, ["a 2"]);
    rows(&session, "DROP PIPE p").await;
    assert_eq!(files(&session, &then).await, ["d 2", "a 2", "b 2", "e 2", "f 1"]);
}

#[tokio::test]
async fn rust_asks_as_sql_does() {
    let session = shop().await;
    let asked = session
        .semantic_view("sales")
        .dimensions(["region -- where"])
        .metrics(["total", "total * 2 AS twice"])
        .filter("region <> 'US'");
    let frame = asked.await.unwrap();
    let names: Vec<String> = frame.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["REGION", "TOTAL", "TWICE"]);
    let batches =
        frame.filter(icecore::prelude::col("twice").eq(icecore::prelude::lit(20))).unwrap();
    assert_eq!(batches.count().await.unwrap(), 1);
    for asked in [
        session.semantic_view("sales"),
        session.semantic_view("sales").metrics(["total) JOIN (SELECT 1"]),
        session.semantic_view("sales").metrics(["total DIMENSIONS region"]),
        session.semantic_view("sales; DROP TABLE orders").metrics(["total"]),
    ] {
        assert!(asked.await.is_err());
    }
}

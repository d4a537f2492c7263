//! Rows that leave the quarantine arrive once: whatever fails on the way, and
//! whoever else replays.

use std::sync::Arc;

use icecore::{ErrorKind, Icecore, Session, Settings};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv};
use object_store::memory::InMemory;

use crate::{engine, rows, try_rows};

const SETUP: &str = "
    CREATE TABLE parent (k INT);
    INSERT INTO parent VALUES (1);
    CREATE TABLE t (k INT, v INT,
        EXPECTATION known CHECK REFERENCES (k) parent (k) ON VIOLATION QUARANTINE,
        EXPECTATION once CHECK UNIQUE (v) ON VIOLATION QUARANTINE);
    CREATE STAGE s;
    COPY INTO @s/f FROM (SELECT SEQ4() % 3, SEQ4() + 80 FROM TABLE(GENERATOR(ROWCOUNT => 30)));
";

/// After each, what [`visible`] says is known.
const SCRIPT: &[&str] = &[
    "INSERT INTO t SELECT SEQ4() % 3, SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 90))",
    "ALTER TABLE t REPLAY QUARANTINE",
    "INSERT INTO parent VALUES (2)",
    "ALTER TABLE t REPLAY QUARANTINE",
    "ALTER TABLE t REPLAY QUARANTINE",
    "COPY INTO t FROM @s",
    "INSERT INTO t SELECT SEQ4() % 3, SEQ4() + 60 FROM TABLE(GENERATOR(ROWCOUNT => 90))",
    "INSERT INTO parent VALUES (0)",
    "ALTER TABLE t REPLAY QUARANTINE WHERE k = '0'",
    "ALTER TABLE t PURGE QUARANTINE WHERE METADATA$STATE = 'KEPT'",
    "ALTER TABLE t REPLAY QUARANTINE",
];

/// The table, and what is kept from it.
async fn visible(session: &Session) -> String {
    let table = "SELECT k, COUNT(*), COUNT(DISTINCT v), SUM(v) FROM t GROUP BY k ORDER BY k";
    let kept = "SELECT k, METADATA$EXPECTATION, METADATA$STATE, METADATA$FILENAME IS NULL, \
                COUNT(*), SUM(CAST(v AS INT)) \
                FROM TABLE(QUARANTINE('t')) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    let parent = "SELECT SUM(k) FROM parent";
    let mut seen = rows(session, table).await.join("\n");
    for query in [kept, parent] {
        seen += &format!("\n--\n{}", rows(session, query).await.join("\n"));
    }
    seen
}

async fn open(store: &Arc<FaultyStore>, seed: u64) -> icecore::Result<Icecore> {
    let env = TestEnv::new(Arc::clone(store) as _, seed).env;
    let settings = Settings { threads: 1, ..Settings::default() };
    Icecore::builder("memory://").env(env).settings(settings).await
}

/// The store before a statement of the script, and what is visible before and
/// after it.
struct Scene {
    store: InMemory,
    sql: &'static str,
    before: String,
    after: String,
}

impl Scene {
    fn store(&self) -> Arc<FaultyStore> {
        Arc::new(FaultyStore::new(Arc::new(self.store.fork())))
    }

    /// How many operations the statement takes in a process that just opened.
    async fn operations(&self) -> u64 {
        let store = self.store();
        let session = open(&store, 7).await.unwrap().session().await.unwrap();
        let opening = store.operations();
        session.execute(self.sql).await.unwrap();
        store.operations() - opening
    }

    /// The operation fails, and what was not acknowledged is asked for again,
    /// as a user would.
    async fn survives(&self, n: u64, fault: Fault) {
        let store = self.store();
        let lake = open(&store, 7).await.unwrap();
        let session = lake.session().await.unwrap();
        store.inject(Rule::nth(n, fault));
        let outcome = session.execute(self.sql).await;
        store.heal();
        let session = open(&store, 1_000 + n).await.unwrap().session().await.unwrap();
        let found = visible(&session).await;
        let place = format!("operation {n} of {}: {:?}", self.sql, outcome.as_ref().err());
        match outcome {
            Ok(_) => assert_eq!(found, self.after, "{place}"),
            Err(error) if error.kind() == ErrorKind::CommitOutcomeUnknown => {
                assert!(found == self.before || found == self.after, "{place}\n{found}");
            }
            // A load stores what became of its files behind its commit.
            Err(_) if self.sql.starts_with("COPY") => {
                assert!(found == self.before || found == self.after, "{place}\n{found}");
            }
            Err(_) => assert_eq!(found, self.before, "{place}"),
        }
        if found != self.after {
            session.execute(self.sql).await.unwrap();
            assert_eq!(visible(&session).await, self.after, "{place}, repeated");
        }
    }
}

/// The script without faults.
async fn scenes() -> Vec<Scene> {
    let memory = Arc::new(InMemory::new());
    let store = Arc::new(FaultyStore::new(memory.clone()));
    let session = open(&store, 1).await.unwrap().session().await.unwrap();
    session.execute(SETUP).await.unwrap();
    let (mut scenes, mut before) = (Vec::new(), visible(&session).await);
    for sql in SCRIPT {
        let store = memory.fork();
        session.execute(sql).await.unwrap();
        let after = visible(&session).await;
        scenes.push(Scene { store, sql, before, after: after.clone() });
        before = after;
    }
    scenes
}

async fn survives(fault: Fault) {
    let scenes = scenes().await;
    assert_ne!(scenes[3].before, scenes[3].after, "the second replay moves rows");
    assert_eq!(scenes[4].before, scenes[4].after, "the third finds nothing to move");
    assert_ne!(scenes[5].before, scenes[5].after, "the file brings rows");
    let mut injected = 0;
    for scene in &scenes {
        let operations = scene.operations().await;
        injected += operations;
        for n in 1..=operations {
            scene.survives(n, fault).await;
        }
    }
    assert!(injected >= SCRIPT.len() as u64, "{injected} operations");
}

#[tokio::test]
async fn rows_are_in_one_place_when_an_operation_fails() {
    survives(Fault::FailBefore).await;
}

#[tokio::test]
async fn rows_are_in_one_place_when_an_acknowledgement_is_lost() {
    survives(Fault::FailAfter).await;
}

#[tokio::test]
async fn rows_are_in_one_place_when_the_process_dies() {
    survives(Fault::Crash).await;
}

#[tokio::test]
async fn two_replays_at_once_load_each_row_once() {
    for _ in 0..10 {
        let lake = engine().await;
        let session = lake.session().await.unwrap();
        session.execute(SETUP).await.unwrap();
        session.execute(SCRIPT[0]).await.unwrap();
        session.execute("INSERT INTO parent VALUES (2), (0)").await.unwrap();
        let other = lake.session().await.unwrap();
        let replay = "ALTER TABLE t REPLAY QUARANTINE";
        let (a, b) = tokio::join!(rows(&session, replay), rows(&other, replay));
        let moved: Vec<u64> = [a, b]
            .iter()
            .map(|counts| counts[0].split('|').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(moved.iter().sum::<u64>(), 60, "{moved:?}");
        let counts = "SELECT COUNT(*), COUNT(DISTINCT v) FROM t";
        assert_eq!(rows(&session, counts).await, ["90|90"]);
    }
}

#[tokio::test]
async fn equal_keys_that_arrive_at_once_are_taken_once() {
    for _ in 0..10 {
        let lake = engine().await;
        let session = lake.session().await.unwrap();
        session.execute(SETUP).await.unwrap();
        let insert = "INSERT INTO t SELECT 1, SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 50))";
        let other = lake.session().await.unwrap();
        let (a, b) = tokio::join!(try_rows(&session, insert), try_rows(&other, insert));
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
        assert_eq!(rows(&session, "SELECT COUNT(*), COUNT(DISTINCT v) FROM t").await, ["50|50"]);
        let kept = "SELECT COUNT(*) FROM TABLE(QUARANTINE('t'))";
        assert_eq!(rows(&session, kept).await, ["50"]);
    }
}

#[tokio::test]
async fn equal_keys_of_files_that_arrive_at_once_are_taken_once() {
    for _ in 0..5 {
        let lake = engine().await;
        let session = lake.session().await.unwrap();
        session.execute(SETUP).await.unwrap();
        let other = lake.session().await.unwrap();
        for folder in ["a", "b"] {
            let unload = format!(
                "COPY INTO @s/{folder}/ FROM \
                 (SELECT 1, SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 50)))"
            );
            session.execute(&unload).await.unwrap();
        }
        let (a, b) = tokio::join!(
            try_rows(&session, "COPY INTO t FROM @s/a/"),
            try_rows(&other, "COPY INTO t FROM @s/b/")
        );
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
        assert_eq!(rows(&session, "SELECT COUNT(*), COUNT(DISTINCT v) FROM t").await, ["50|50"]);
        let kept = "SELECT COUNT(*), COUNT(DISTINCT METADATA$FILENAME), MAX(METADATA$EXPECTATION) \
                    FROM TABLE(QUARANTINE('t'))";
        assert_eq!(rows(&session, kept).await, ["50|1|ONCE"]);
    }
}

#[tokio::test]
async fn rows_of_rust_are_judged_as_rows_of_a_query_are() {
    use icecore::arrow::array::{Int64Array, RecordBatch};
    let lake = engine().await;
    let session = lake.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT, name VARCHAR)").await.unwrap();
    session.execute("CREATE TABLE p (n INT); INSERT INTO p VALUES (1), (2), (3)").await.unwrap();
    let table = session.table("t").await.unwrap();
    table.expect("small").range("n", "0", "3").quarantine().await.unwrap();
    table.expect("known").references(["n"], "p", ["n"]).reject_row().await.unwrap();
    table.expect("once").unique(["n"]).warn().await.unwrap();
    table.expect("few").accepted_values("name", ["a"]).warn().await.unwrap();
    table.expect("short").matches("name", ".{1,3}").fail().await.unwrap();
    table.expect("odd").that("n % 2 = 1").warn().await.unwrap();
    table.expect("named").not_null("name").warn().await.unwrap();
    let day = std::time::Duration::from_secs(86_400);
    assert!(table.expect("fresh").fresh("n", day).warn().await.is_err(), "N is no time");
    assert!(table.expect("once").unique(["n"]).warn().await.is_err(), "the name is taken");
    assert!(table.expect("e").references(["n"], "p", []).warn().await.is_err());
    assert!(table.expect("e").that("n >").warn().await.is_err());

    let column = Arc::new(Int64Array::from(vec![1, 1, 0, 7, 2])) as _;
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    table.append([batch]).await.unwrap();
    assert_eq!(rows(&session, "SELECT n FROM t ORDER BY n").await, ["1", "1", "2"]);
    let kept = "SELECT n, METADATA$ROW_NUMBER FROM TABLE(QUARANTINE('t'))";
    assert!(rows(&session, kept).await.is_empty(), "REJECT ROW is stricter for 7");
    let results = "SELECT expectation, rows_judged, rows_violating, action_taken \
                   FROM TABLE(EXPECTATION_RESULTS('t')) ORDER BY 1";
    assert_eq!(
        rows(&session, results).await,
        [
            "FEW|5|0|NULL",
            "KNOWN|5|2|REJECT ROW",
            "NAMED|5|5|WARN",
            "ODD|5|2|WARN",
            "ONCE|3|1|WARN",
            "SHORT|5|0|NULL",
            "SMALL|5|1|QUARANTINE",
        ]
    );
    // Results outlive the process once the journal is written.
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, results).await.len(), 7);
}

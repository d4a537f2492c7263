//! Loads: exactly once whatever fails, and what they leave behind.

use std::sync::Arc;

use icecore::{Icecore, OnError, Session, Settings};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv, Verb};
use object_store::memory::InMemory;

use crate::{engine, rows, try_rows};

async fn open(store: Arc<FaultyStore>, seed: u64) -> icecore::Result<Session> {
    let env = TestEnv::new(store, seed).env;
    let settings = Settings { threads: 1, ..Settings::default() };
    Icecore::builder("memory://").env(env).settings(settings).await?.session().await
}

/// Three files: two good, and one of which every third row is bad.
async fn make_files(session: &Session) {
    session.execute("CREATE STAGE s; CREATE TABLE t (k INT, name VARCHAR)").await.unwrap();
    for (file, query) in [
        ("a", "SELECT SEQ4() AS k, 'a' AS n FROM TABLE(GENERATOR(ROWCOUNT => 30))"),
        ("b", "SELECT 100 + SEQ4() AS k, 'b' AS n FROM TABLE(GENERATOR(ROWCOUNT => 30))"),
        (
            "c",
            "SELECT CASE WHEN k % 3 = 0 THEN 'bad' ELSE k::VARCHAR END AS k, 'c' AS n FROM \
             (SELECT 200 + SEQ4() AS k FROM TABLE(GENERATOR(ROWCOUNT => 30)))",
        ),
    ] {
        let sql = format!("COPY INTO @s/{file} FROM ({query}) SINGLE = TRUE");
        session.execute(&sql).await.unwrap();
    }
}

const COPY: &str = "COPY INTO t FROM @s ON_ERROR = CONTINUE PURGE = TRUE";

/// How many rows each file has in the table, and which files are there.
async fn state(session: &Session) -> (Vec<String>, Vec<String>) {
    let loaded = rows(session, "SELECT name, COUNT(*) FROM t GROUP BY name ORDER BY name").await;
    let staged = rows(session, "LIST @s").await;
    let names = staged.iter().map(|row| row.split('|').next().unwrap().to_owned());
    (loaded, names.collect())
}

#[tokio::test]
async fn a_load_that_dies_anywhere_is_whole_or_not_there() {
    let all = ["a|30", "b|30", "c|20"];
    let memory = Arc::new(InMemory::new());
    let store = Arc::new(FaultyStore::new(memory.clone()));
    make_files(&open(store, 1).await.unwrap()).await;

    let fork = || Arc::new(FaultyStore::new(Arc::new(memory.fork())));
    let counted = fork();
    let session = open(Arc::clone(&counted), 2).await.unwrap();
    let before = counted.operations();
    session.execute(COPY).await.unwrap();
    let operations = counted.operations() - before;
    assert_eq!(state(&session).await, (all.map(str::to_owned).to_vec(), Vec::new()));
    assert!(operations > 10, "{operations}");

    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::Crash] {
        for n in 1..=operations {
            let place = format!("operation {n} of {operations}, {fault:?}");
            let store = fork();
            let session = open(Arc::clone(&store), 3).await.unwrap();
            store.inject(Rule::nth(n, fault));
            let acknowledged = session.execute(COPY).await.is_ok();
            store.heal();
            let session = open(Arc::clone(&store), 1_000 + n).await.unwrap();
            let (loaded, staged) = state(&session).await;
            assert!(loaded.is_empty() || loaded == all, "{place}: {loaded:?}");
            assert!(!acknowledged || loaded == all, "{place}: acknowledged and not there");
            // What is gone from the stage is in the table.
            assert!(staged.len() == 3 || loaded == all, "{place}: {staged:?}");
            // Whoever died first: each file that is in the table is in the history, once.
            let listed = "SELECT file_name, row_count, row_parsed, error_count, status FROM \
                          TABLE(INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 't', START_TIME => \
                          '2000-01-01'::TIMESTAMP)) ORDER BY 1";
            let history = ["a|30|30|0|Loaded", "b|30|30|0|Loaded", "c|20|30|10|Partially loaded"];
            let expected = if loaded.is_empty() { &history[..0] } else { &history };
            assert_eq!(rows(&session, listed).await, expected, "{place}");
            // Tried again, each file is there once.
            session.execute(COPY).await.unwrap();
            assert_eq!(state(&session).await.0, all, "{place}");
            assert_eq!(rows(&session, listed).await, history, "{place}");
            let session = open(store, 2_000 + n).await.unwrap();
            assert_eq!(rows(&session, listed).await, history, "{place}: opened again");
        }
    }
}

#[tokio::test]
async fn loads_of_the_same_files_at_the_same_time_load_them_once() {
    let lake = engine().await;
    let session = lake.session().await.unwrap();
    make_files(&session).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let session = lake.session().await.unwrap();
        tasks.push(tokio::spawn(async move {
            session.copy_into("t").from("@s").on_error(OnError::Continue).await
        }));
    }
    let mut loaded = 0;
    for task in tasks {
        loaded += task.await.unwrap().unwrap().rows_loaded();
    }
    assert_eq!(loaded, 80);
    assert_eq!(rows(&session, "SELECT COUNT(*), COUNT(DISTINCT k) FROM t").await, ["80|80"]);
}

#[tokio::test]
async fn what_was_refused_can_be_seen_after_opening_again() {
    let store = Arc::new(FaultyStore::new(Arc::new(InMemory::new())));
    let session = open(Arc::clone(&store), 1).await.unwrap();
    make_files(&session).await;
    let report = session.copy_into("t").from("@s").on_error(OnError::Continue).await.unwrap();
    assert_eq!((report.rows_loaded(), report.errors()), (80, 10));
    assert!(report.to_string().ends_with("3 files, 80 rows loaded, 10 errors"), "{report}");
    drop(session);
    let session = open(store, 2).await.unwrap();
    let validate = format!(
        "SELECT COUNT(*), MIN(line), MAX(row_number), MIN(rejected_record) FROM \
         TABLE(VALIDATE(t, JOB_ID => '{}'))",
        report.query_id()
    );
    assert_eq!(rows(&session, &validate).await, ["10|2|29|bad,c"]);
    rows(&session, "REMOVE @s/b").await;
    let missing = format!(
        "SELECT file, line FROM TABLE(VALIDATE(t, JOB_ID => '{}')) WHERE line IS NULL",
        report.query_id()
    );
    assert_eq!(rows(&session, &missing).await, ["b|NULL"]);
    let history = "SELECT file_name, status, row_count, error_count FROM TABLE(\
                   INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => 't', START_TIME => \
                   '2000-01-01'::TIMESTAMP)) ORDER BY 1";
    let expected = ["a|Loaded|30|0", "b|Loaded|30|0", "c|Partially loaded|20|10"];
    assert_eq!(rows(&session, history).await, expected);
}

#[tokio::test]
async fn unloading_that_fails_leaves_no_file() {
    let store = Arc::new(FaultyStore::new(Arc::new(InMemory::new())));
    let session = open(Arc::clone(&store), 1).await.unwrap();
    session.execute("CREATE STAGE s").await.unwrap();
    let unload = "COPY INTO @s/x/ FROM (SELECT SEQ4() AS n FROM TABLE(GENERATOR(ROWCOUNT => \
                  9000))) FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE) MAX_FILE_SIZE = 1";
    let before = store.operations();
    session.execute(unload).await.unwrap();
    let operations = store.operations() - before;
    assert!(operations >= 5, "{operations}");
    session.execute("REMOVE @s").await.unwrap();
    for n in 1..=operations {
        store.inject(Rule::nth(n, Fault::FailBefore));
        let failed = session.execute(unload).await.is_err();
        store.heal();
        let left = try_rows(&session, "LIST @s").await.unwrap().len();
        assert!(if failed { left == 0 } else { left == 5 }, "operation {n}: {left} files");
        session.execute("REMOVE @s").await.unwrap();
    }
}

/// Every put of the journal of loads fails, as often as it is tried.
fn lose_journal(store: &FaultyStore) {
    for n in 1..=3 {
        store.inject(Rule::nth(n, Fault::FailBefore).of(Verb::Put).under("journal/loads"));
    }
}

const HISTORY: &str = "SELECT file_name, row_count FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(\
                       TABLE_NAME => 't', START_TIME => '2000-01-01'::TIMESTAMP_LTZ)) ORDER BY 1";

#[tokio::test]
async fn a_load_is_done_when_it_is_committed_whatever_becomes_of_its_journal() {
    let memory = Arc::new(InMemory::new());
    let store = Arc::new(FaultyStore::new(memory.clone()));
    let session = open(Arc::clone(&store), 1).await.unwrap();
    make_files(&session).await;
    lose_journal(&store);
    let answer = rows(&session, "COPY INTO t FROM @s FILES = ('a')").await;
    assert!(answer[0].starts_with("s/a|LOADED|30|30|"), "{answer:?}");
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["30"]);
    assert_eq!(rows(&session, HISTORY).await, ["a|30"]);
    // It is not stored: whoever opens the store now finds it in the commit, and
    // stores it.
    let other = open(Arc::new(FaultyStore::new(memory.clone())), 2).await.unwrap();
    assert_eq!(rows(&other, "SELECT COUNT(*) FROM t").await, ["30"]);
    assert_eq!(rows(&other, HISTORY).await, ["a|30"]);
    other.lake().run_due().await.unwrap();
    // The same of a pipe.
    rows(&session, "CREATE PIPE p AS COPY INTO t FROM @s PATTERN = 'b'").await;
    rows(&session, "ALTER PIPE p REFRESH").await;
    lose_journal(&store);
    let _told = session.lake().run_due().await;
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["60"]);
    // What is due stores it, and it is there once.
    store.heal();
    session.lake().run_due().await.unwrap();
    session.lake().run_due().await.unwrap();
    let other = open(store, 3).await.unwrap();
    assert_eq!(rows(&other, "SELECT COUNT(*) FROM t").await, ["60"]);
    assert_eq!(rows(&other, HISTORY).await, ["a|30", "b|30"]);
}

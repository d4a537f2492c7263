//! Pipes: whatever comes twice, out of order or in the middle of a crash, every
//! row is loaded once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::TryStreamExt;
use icecore::{Code, FileEvent, Icecore, Session, Settings};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::{engine, rows};

const FILES: usize = 6;
const TABLES: [&str; 3] = ["t1", "t2", JUDGED];

/// It quarantines every third row, and any that comes twice.
const JUDGED: &str = "t3";

async fn open(store: Arc<dyn ObjectStore>, seed: u64) -> icecore::Result<Icecore> {
    let env = TestEnv::new(store, seed).env;
    let mut settings = Settings { threads: 1, ..Settings::default() };
    // Several runs for what is told at once.
    settings.pipes.files_per_run = 2;
    Icecore::builder("memory://").env(env).settings(settings).await
}

/// Three pipes on one stage, and files in it that nobody was told of.
async fn furnish(lake: &Icecore) -> Vec<FileEvent> {
    let session = lake.session().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for file in 0..FILES {
        let text: String = (0..10).map(|row| format!("{}\n", file * 10 + row)).collect();
        std::fs::write(folder.path().join(format!("f{file}.csv")), text).unwrap();
    }
    let path = folder.path().display();
    session.execute("CREATE STAGE s").await.unwrap();
    let put = format!("PUT 'file://{path}/*.csv' @s/d AUTO_COMPRESS = FALSE");
    session.execute(&put).await.unwrap();
    for table in TABLES {
        let expects = match table {
            JUDGED => {
                ", EXPECTATION third CHECK (k % 3 <> 0) ON VIOLATION QUARANTINE, \
                 EXPECTATION once CHECK UNIQUE (k) ON VIOLATION QUARANTINE"
            }
            _ => "",
        };
        session.execute(&format!("CREATE TABLE {table} (k INT{expects})")).await.unwrap();
        let pipe =
            format!("CREATE PIPE pipe_{table} AUTO_INGEST = TRUE AS COPY INTO {table} FROM @s");
        session.execute(&pipe).await.unwrap();
    }
    let status = session.pipe("pipe_t1").await.unwrap().status().await.unwrap();
    let location = status.notification_channel_name.unwrap();
    (0..FILES).map(|file| FileEvent::new(format!("{location}d/f{file}.csv"))).collect()
}

/// What came for a table, into it or into its quarantine.
fn arrived(table: &str) -> String {
    let kept = format!("SELECT CAST(k AS INT) FROM TABLE(QUARANTINE('{table}'))");
    format!("(SELECT k FROM {table} UNION ALL {kept})")
}

async fn check(session: &Session, note: &str) {
    let kept = "SELECT METADATA$FILENAME, METADATA$ROW_NUMBER, METADATA$EXPECTATION \
                FROM TABLE(QUARANTINE('t3')) ORDER BY 1, 2";
    let place = |k: usize| format!("d/f{}.csv|{}|THIRD", k / 10, k % 10 + 1);
    let expected: Vec<String> = (0..FILES * 10).step_by(3).map(place).collect();
    assert_eq!(rows(session, kept).await, expected, "{note}");
    for table in TABLES {
        let found = rows(session, &format!("SELECT k FROM {} ORDER BY k", arrived(table))).await;
        let expected: Vec<String> = (0..FILES * 10).map(|k| k.to_string()).collect();
        assert_eq!(found, expected, "{table} {note}");
    }
}

/// Numbers that look like chance.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }

    /// Some of the events, in any order, some of them twice.
    fn some(&mut self, events: &[FileEvent]) -> Vec<FileEvent> {
        let count = 1 + self.below(events.len() as u64 * 2);
        (0..count)
            .filter_map(|_| events.get(self.below(events.len() as u64) as usize).cloned())
            .collect()
    }
}

/// Two processes are told of files in any order and more than once, load, and
/// crash in between.
async fn survives(seed: u64) {
    let note = format!("seed={seed}");
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let events = furnish(&open(Arc::clone(&memory), 1).await.unwrap()).await;
    let mut dice = Dice(seed);
    let mut told = BTreeSet::new();
    let stores = [0, 1].map(|_| FaultyStore::new(Arc::clone(&memory)));
    let mut lakes: [Option<Icecore>; 2] = [None, None];
    for step in 0..24 {
        let process = dice.below(2) as usize;
        let (store, lake) = (&stores[process], &mut lakes[process]);
        if lake.is_none() {
            store.heal();
            *lake = open(Arc::new(store.clone()), 100 + seed * 100 + step).await.ok();
        }
        let Some(open) = lake else { continue };
        match dice.below(5) {
            0 | 1 => {
                let some = dice.some(&events);
                if open.notify(some.clone()).await.is_ok() {
                    told.extend(some.into_iter().map(|event| event.location));
                }
            }
            2 | 3 => {
                let _ = open.run_due().await;
            }
            _ => {
                store.crash_after(dice.below(40));
                let _ = open.notify(dice.some(&events)).await;
                let _ = open.run_due().await;
                *lake = None;
            }
        }
    }
    drop(lakes);
    let last = open(Arc::clone(&memory), 7).await.unwrap();
    last.run_due().await.unwrap();
    let session = last.session().await.unwrap();
    for table in TABLES {
        let found =
            rows(&session, &format!("SELECT COUNT(DISTINCT k), COUNT(*) FROM {}", arrived(table)))
                .await;
        let (distinct, all) = found[0].split_once('|').unwrap();
        assert_eq!(distinct, all, "twice in {table} {note}");
        let all: usize = all.parse().unwrap();
        assert!(all >= told.len() * 10, "{table} lacks what it was told of {note}");
    }
    // Everything is told once more.
    last.notify(events).await.unwrap();
    last.run_due().await.unwrap();
    check(&session, &note).await;
}

#[tokio::test]
async fn every_row_once_whatever_is_told_and_whoever_crashes() {
    let seeds: u64 =
        std::env::var("ICECORE_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        survives(seed).await;
    }
}

/// One fault at each operation of a run in turn, and what was told is loaded
/// by the next process.
async fn at_every_operation(fault: Fault) {
    let mut n = 0;
    loop {
        n += 1;
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let events = furnish(&open(Arc::clone(&memory), 1).await.unwrap()).await;
        let store = FaultyStore::new(Arc::clone(&memory));
        let lake = open(Arc::new(store.clone()), 2).await.unwrap();
        let before = store.operations();
        store.inject(Rule::nth(n, fault));
        let told = lake.notify(events.clone()).await.is_ok();
        let _ = lake.run_due().await;
        let operations = store.operations() - before;
        drop(lake);
        let next = open(Arc::clone(&memory), 3).await.unwrap();
        if !told {
            next.notify(events).await.unwrap();
        }
        next.run_due().await.unwrap();
        let (session, note) = (next.session().await.unwrap(), format!("{fault:?} n={n}"));
        check(&session, &note).await;
        for table in TABLES {
            let listed = format!(
                "SELECT COUNT(*), COUNT(DISTINCT file_name), COUNT(pipe_name) FROM TABLE(\
                 INFORMATION_SCHEMA.COPY_HISTORY(TABLE_NAME => '{table}', START_TIME => \
                 '2000-01-01'::TIMESTAMP))"
            );
            assert_eq!(rows(&session, &listed).await, ["6|6|6"], "{table} {note}");
        }
        if operations < n {
            return;
        }
    }
}

#[tokio::test]
async fn an_operation_that_fails_loses_no_file_and_loads_none_twice() {
    at_every_operation(Fault::FailBefore).await;
    at_every_operation(Fault::FailAfter).await;
}

#[tokio::test]
async fn a_crash_at_any_operation_loses_no_file_and_loads_none_twice() {
    at_every_operation(Fault::Crash).await;
}

/// The numbers of the batches that the journal of events has.
async fn batches(store: &InMemory) -> Vec<u64> {
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    let paths = listed.iter().map(|meta| meta.location.as_ref());
    let batches = paths.filter(|path| path.contains("journal/events/") && !path.contains("floor"));
    batches.map(|path| path.rsplit('/').next().unwrap().parse().unwrap()).collect()
}

/// What is too old to be loaded for is forgotten, and no file of a watched
/// location becomes news by that: neither what was there before the pipe, nor
/// what was loaded.
#[tokio::test]
async fn old_events_are_forgotten_and_old_files_stay_known() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/", folder.path().canonicalize().unwrap().display());
    let store = Arc::new(InMemory::new());
    let world = TestEnv::new(store.clone(), 1);
    let open = || {
        let settings = Settings { threads: 1, ..Settings::default() };
        let builder = Icecore::builder("memory://").env(world.env.clone()).settings(settings);
        builder.allow_stage_location(&url)
    };
    let write = |name: &str| std::fs::write(folder.path().join(name), "1\n").unwrap();
    let lake = open().await.unwrap();
    let session = lake.session().await.unwrap();
    write("before.csv");
    session
        .execute(&format!("CREATE STAGE s URL = '{url}'; CREATE TABLE t (k INT)"))
        .await
        .unwrap();
    session.execute("CREATE PIPE p AUTO_INGEST = TRUE AS COPY INTO t FROM @s").await.unwrap();
    write("then.csv");
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["1"]);
    let then = batches(&store).await;
    assert!(!then.is_empty());

    // Far enough for load keys to be no help.
    world.clock.advance(std::time::Duration::from_secs(100 * 24 * 60 * 60));
    write("now.csv");
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["2"]);
    let now = batches(&store).await;
    assert!(then.iter().all(|batch| !now.contains(batch)), "{then:?} {now:?}");
    lake.close().await.unwrap();

    let again = open().await.unwrap();
    again.run_due().await.unwrap();
    let session = again.session().await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["2"]);
}

#[tokio::test]
async fn files_by_name_are_reported() {
    let lake = engine().await;
    let session = lake.session().await.unwrap();
    session.execute("CREATE TABLE t (k INT); CREATE STAGE s").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.csv"), "1\n2\n").unwrap();
    std::fs::write(folder.path().join("bad.csv"), "1\nx\n").unwrap();
    let path = folder.path().display();
    session
        .execute(&format!("PUT 'file://{path}/*.csv' @s/d AUTO_COMPRESS = FALSE"))
        .await
        .unwrap();
    let two = session.create_pipe("p", "COPY INTO t FROM @s/d; DROP TABLE t").await.unwrap_err();
    assert_eq!(two.code(), Code::SYNTAX, "{two}");
    let pipe = session.create_pipe("p", "COPY INTO t FROM @s/d").comment("it's").await.unwrap();
    pipe.insert_files(["good.csv", "bad.csv", "missing.csv", "good.csv", "../x"]).await.unwrap();
    assert_eq!(pipe.status().await.unwrap().pending_file_count, 4);
    lake.run_due().await.unwrap();
    let report = pipe.insert_report().await.unwrap();
    let told: Vec<_> =
        report.iter().map(|file| (file.path.as_str(), file.loaded, file.rows)).collect();
    assert_eq!(
        told,
        [
            ("d/../x", false, 0),
            ("d/bad.csv", false, 0),
            ("d/good.csv", true, 2),
            ("d/missing.csv", false, 0)
        ]
    );
    assert!(report[1].first_error.as_deref().is_some_and(|error| error.contains('x')));
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["2"]);
    assert_eq!(pipe.status().await.unwrap().execution_state, "RUNNING");
    pipe.pause().await.unwrap();
    assert_eq!(pipe.status().await.unwrap().execution_state, "PAUSED");
    pipe.resume().await.unwrap();
    assert!(session.pipe("q").await.is_err());
}

/// The server looks only at whose key it is.
#[cfg(feature = "s3")]
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20130101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";

#[cfg(feature = "s3")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_a_bucket_arrives_through_its_queue() {
    let server = icecore_testkit::Moto::start().unwrap();
    server.create_bucket("landing").unwrap();
    let queue = server.create_queue("arrivals", "landing").unwrap();
    let endpoint = server.endpoint();
    let builder = Icecore::builder("memory://").allow_stage_location(&endpoint);
    let lake = builder.await.unwrap();
    let session = lake.session().await.unwrap();
    let stage = format!(
        "CREATE STAGE s URL = 's3compat://landing/in/' ENDPOINT = '{endpoint}' \
         CREDENTIALS = (AWS_KEY_ID = 'test' AWS_SECRET_KEY = 'test') FILE_FORMAT = (TYPE = CSV)"
    );
    session.execute(&stage).await.unwrap();
    session.execute("CREATE TABLE t (n INT)").await.unwrap();
    let pipe = session
        .create_pipe("p", "COPY INTO t FROM @s PATTERN = '.*[.]csv'")
        .auto_ingest()
        .notification_channel(&queue)
        .await
        .unwrap();
    let put = |name: &str, body: &str| {
        let signed = [("Authorization", SIGNED)];
        let answer = server.send("PUT", &format!("/landing/{name}"), &signed, body).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    };
    put("in/a%20file.csv", "1\n2\n");
    put("in/b.txt", "100\n");
    put("elsewhere/c.csv", "200\n");
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*), SUM(n) FROM t").await, ["2|3"]);
    // The same name again is told of again, and not loaded again.
    put("in/a%20file.csv", "3\n4\n");
    put("in/d.csv", "10\n");
    lake.run_due().await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*), SUM(n) FROM t").await, ["3|13"]);
    let status = pipe.status().await.unwrap();
    assert_eq!((status.execution_state.as_str(), status.pending_file_count), ("RUNNING", 0));
    assert_eq!(status.last_ingested_file_path.as_deref(), Some("d.csv"));
    assert_eq!(status.notification_channel_name.as_deref(), Some(queue.as_str()));
    assert!(status.last_pulled_from_channel_timestamp.is_some());
}

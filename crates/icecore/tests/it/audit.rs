//! The audit log: what DataFrames read, the strict mode, and manipulations that
//! VERIFY AUDIT finds.

use std::sync::Arc;

use icecore::prelude::{col, lit};
use icecore::{AuditKey, Code, ErrorKind, Icecore, Login, Session};
use icecore_testkit::{Fault, FaultyStore, Rule, Verb, test_env};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{engine, rows, try_rows};

const READ: &str = "SELECT REGEXP_REPLACE(base_objects_accessed, '\"objectId\":\"[0-9a-f-]{36}\",', '') \
                    FROM snowflake.account_usage.access_history \
                    WHERE objects_modified = '[]' AND base_objects_accessed <> '[]'";

fn reads(columns: &[(u32, &str)]) -> String {
    let column = |(id, name): &(u32, &str)| format!(r#"{{"columnId":{id},"columnName":"{name}"}}"#);
    let columns = columns.iter().map(column).collect::<Vec<_>>().join(",");
    format!(r#"[{{"objectDomain":"Table","objectName":"ICECORE.PUBLIC.T","columns":[{columns}]}}]"#)
}

#[tokio::test]
async fn each_plan_of_a_data_frame_is_recorded_with_what_it_reads() {
    let session = engine().await.session().await.unwrap();
    session.execute("CREATE TABLE t (a INT, b INT, c INT)").await.unwrap();
    let all = session.sql("SELECT * FROM t").await.unwrap();
    let filtered = all.clone().filter(col("c").gt(lit(1_i64))).unwrap();
    let some = filtered.clone().select(vec![col("a")]).unwrap();
    assert!(rows(&session, READ).await.is_empty(), "nothing was read yet");
    some.collect().await.unwrap();
    all.collect().await.unwrap();
    let expected = [reads(&[(1, "A"), (2, "B"), (3, "C")]), reads(&[(1, "A"), (3, "C")])];
    assert_eq!(rows(&session, READ).await, expected, "the newest first");
}

/// Plans of one DataFrame's state, made at the same time by several threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn plans_that_are_made_together_are_not_taken_for_each_other() {
    let session = engine().await.session().await.unwrap();
    session.execute("CREATE TABLE t (a INT, b INT, c INT)").await.unwrap();
    let all = session.sql("SELECT * FROM t").await.unwrap();
    let mut running = Vec::new();
    for n in 0..60 {
        let frame = all.clone().select(vec![col(["a", "b", "c"][n % 3])]).unwrap();
        running.push(tokio::spawn(frame.collect()));
    }
    for one in running {
        one.await.unwrap().unwrap();
    }
    let seen = rows(&session, READ).await;
    for (id, name) in [(1, "A"), (2, "B"), (3, "C")] {
        let expected = reads(&[(id, name)]);
        assert_eq!(seen.iter().filter(|read| **read == expected).count(), 20, "{name}");
    }
}

async fn strict(store: Arc<dyn ObjectStore>) -> Icecore {
    Icecore::builder("memory://").env(test_env(store)).strict_audit(true).await.unwrap()
}

#[tokio::test]
async fn a_statement_whose_record_is_refused_reads_and_changes_nothing() {
    let memory = Arc::new(InMemory::new());
    let store = Arc::new(FaultyStore::new(Arc::clone(&memory) as Arc<dyn ObjectStore>));
    let session = strict(store.clone()).await.session().await.unwrap();
    session.execute("CREATE TABLE t (a INT)").await.unwrap();
    session.execute("INSERT INTO t VALUES (1)").await.unwrap();
    for journal in ["journal/queries", "journal/access"] {
        for sql in ["INSERT INTO t VALUES (2)", "SELECT a FROM t", "DROP TABLE t"] {
            if (journal, sql) == ("journal/access", "DROP TABLE t") {
                continue;
            }
            // As often as a journal tries.
            for n in 1..=3 {
                store.inject(Rule::nth(n, Fault::FailBefore).of(Verb::Put).under(journal));
            }
            let error = try_rows(&session, sql).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{journal} {sql}: {error}");
            store.heal();
        }
    }
    assert_eq!(rows(&session, "SELECT a FROM t").await, ["1"]);
    // Another process finds the records though this one never closed.
    let other = strict(memory).await.session().await.unwrap();
    let inserted = "SELECT COUNT(*) FROM snowflake.account_usage.access_history \
                    WHERE objects_modified LIKE '%PUBLIC.T%'";
    assert!(rows(&other, inserted).await[0].parse::<u32>().unwrap() >= 1);
    let selected = "SELECT execution_status FROM snowflake.account_usage.query_history \
                    WHERE query_text = 'SELECT a FROM t' AND execution_status <> 'FAIL'";
    assert_eq!(rows(&other, selected).await, ["RUNNING"], "its end was not stored yet");
}

/// With the strict audit nobody comes in unrecorded.
#[tokio::test]
async fn a_login_whose_record_is_refused_opens_nothing() {
    let store = Arc::new(FaultyStore::new(Arc::new(InMemory::new()) as Arc<dyn ObjectStore>));
    let lake = strict(store.clone()).await;
    let admin = lake.session().role("accountadmin").await.unwrap();
    admin.execute("CREATE USER ana PASSWORD = 'Hidden-77'").await.unwrap();
    for n in 1..=3 {
        store.inject(Rule::nth(n, Fault::FailBefore).of(Verb::Put).under("journal/logins"));
    }
    let login = Login::new("ana").password("Hidden-77");
    assert_eq!(lake.login(login.clone()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    store.heal();
    lake.login(login).await.unwrap();
}

async fn prepared(store: &Arc<dyn ObjectStore>, key: Option<AuditKey>) -> Session {
    let mut builder = Icecore::builder("memory://").env(test_env(Arc::clone(store)));
    if let Some(key) = key {
        builder = builder.audit_key(key);
    }
    let lake = builder.await.unwrap();
    let session = lake.session().await.unwrap();
    session.execute("CREATE TABLE t (a INT)").await.unwrap();
    for n in 0..4 {
        rows(&session, &format!("INSERT INTO t VALUES ({n})")).await;
        assert!(lake.login(Login::new("icecore").token("none")).await.is_err());
        lake.run_due().await.unwrap();
    }
    session
}

#[derive(Clone, Copy, Debug)]
enum Manipulation {
    Delete,
    Reorder,
    Edit,
    Truncate,
    Fork,
    Replay,
}

impl Manipulation {
    async fn make(self, store: &Arc<dyn ObjectStore>, kind: &str) {
        let path = |n: u64| {
            Path::from(format!(
                "account/00000000-0000-0000-0000-000000000001/journal/{kind}/0/{n:020}"
            ))
        };
        let bytes = async |n: u64| store.get(&path(n)).await.unwrap().bytes().await.unwrap();
        match self {
            Self::Delete => store.delete(&path(2)).await.unwrap(),
            Self::Reorder => {
                let (two, three) = (bytes(2).await, bytes(3).await);
                store.put(&path(2), three.into()).await.unwrap();
                store.put(&path(3), two.into()).await.unwrap();
            }
            Self::Edit | Self::Fork => {
                let at = if matches!(self, Self::Edit) { 2 } else { 4 };
                let text = String::from_utf8(bytes(at).await.to_vec()).unwrap();
                let (_, body) = text.split_once('\n').unwrap();
                let body = body.replace("ICECORE", "ICEC0RE");
                assert!(!text.contains(&body));
                let crc = crc32(body.as_bytes());
                let edited = format!("ICECORE journal 0 {crc:08x} {}\n{body}", body.len());
                store.put(&path(at), edited.into()).await.unwrap();
            }
            Self::Truncate => store.delete(&path(4)).await.unwrap(),
            Self::Replay => store.copy(&path(2), &path(5)).await.unwrap(),
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[tokio::test]
async fn every_manipulation_of_the_audit_log_is_found() {
    use Manipulation::{Delete, Edit, Fork, Reorder, Replay, Truncate};
    for key in [None, Some(AuditKey::new([7; 32]))] {
        for kind in ["queries", "access", "logins"] {
            for manipulation in [Delete, Reorder, Edit, Truncate, Fork, Replay] {
                let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
                let session = prepared(&store, key.clone()).await;
                let verified = rows(&session, "VERIFY AUDIT").await;
                assert_eq!(verified.len(), 3);
                assert_eq!(verified[0].contains("without a key"), key.is_none(), "{verified:?}");
                manipulation.make(&store, kind).await;
                let error = try_rows(&session, "VERIFY AUDIT").await.unwrap_err();
                assert_eq!(error.code(), Code::CORRUPTED, "{manipulation:?} {kind}: {error}");
                let place = format!("journal/{kind}/");
                assert!(error.to_string().contains(&place), "{manipulation:?}: {error}");
            }
        }
    }
}

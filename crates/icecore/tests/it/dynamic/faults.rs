//! The store fails at every operation of a refresh.

use std::sync::Arc;

use icecore::{Icecore, Session, Settings};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv};
use object_store::memory::InMemory;

use crate::rows;

const SETUP: &str = "
    CREATE TABLE t (k INT, v INT);
    INSERT INTO t SELECT SEQ4() AS k, SEQ4() AS v FROM TABLE(GENERATOR(ROWCOUNT => 5000));
    CREATE DYNAMIC TABLE sums TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh
      AS SELECT k % 3000 AS g, SUM(v) AS s, MIN(v) AS m FROM t GROUP BY 1;
    CREATE DYNAMIC TABLE top TARGET_LAG = DOWNSTREAM WAREHOUSE = compute_wh
      AS SELECT COUNT(*) AS n, SUM(s) AS s FROM sums;
    INSERT INTO t SELECT SEQ4() + 5000, 1 FROM TABLE(GENERATOR(ROWCOUNT => 3000));
    DELETE FROM t WHERE k % 7 = 3";

const REFRESH: &str = "ALTER DYNAMIC TABLE top REFRESH";

async fn open(store: Arc<FaultyStore>, seed: u64) -> Icecore {
    let env = TestEnv::new(store, seed).env;
    let settings = Settings { threads: 1, ..Settings::default() };
    Icecore::builder("memory://").env(env).settings(settings).await.unwrap()
}

/// What both dynamic tables say.
async fn seen(session: &Session) -> [String; 2] {
    let sums = rows(session, "SELECT COUNT(*), SUM(s), SUM(m), SUM(g) FROM sums").await;
    let top = rows(session, "SELECT n, s FROM top").await;
    [sums.join(";"), top.join(";")]
}

async fn survives(fault: Fault) {
    let memory = Arc::new(InMemory::new());
    let before = {
        let store = Arc::new(FaultyStore::new(memory.clone()));
        let session = open(store, 1).await.session().await.unwrap();
        session.execute(SETUP).await.unwrap();
        seen(&session).await
    };
    let fork = || Arc::new(FaultyStore::new(Arc::new(memory.fork())));
    let (operations, after) = {
        let store = fork();
        let session = open(Arc::clone(&store), 2).await.session().await.unwrap();
        let opened = store.operations();
        session.execute(REFRESH).await.unwrap();
        (store.operations() - opened, seen(&session).await)
    };
    assert!(operations >= 3 && before != after, "{operations} operations");
    for n in 1..=operations {
        let store = fork();
        let session = open(Arc::clone(&store), 3).await.session().await.unwrap();
        store.inject(Rule::nth(n, fault));
        let acknowledged = session.execute(REFRESH).await.is_ok();
        store.heal();
        let session = open(store, 100 + n).await.session().await.unwrap();
        let found = seen(&session).await;
        for at in 0..2 {
            let whole = found[at] == before[at] || found[at] == after[at];
            assert!(whole, "operation {n}: {found:?} is neither {before:?} nor {after:?}");
        }
        assert!(!acknowledged || found == after, "operation {n} was acknowledged: {found:?}");
        session.execute(REFRESH).await.unwrap();
        assert_eq!(seen(&session).await, after, "operation {n}, refreshed again");
    }
}

#[tokio::test]
async fn a_refresh_is_whole_or_not_at_all_when_an_operation_fails() {
    survives(Fault::FailBefore).await;
}

#[tokio::test]
async fn a_refresh_happens_once_when_an_acknowledgement_is_lost() {
    survives(Fault::FailAfter).await;
}

#[tokio::test]
async fn a_refresh_is_whole_or_not_at_all_when_the_process_dies() {
    survives(Fault::Crash).await;
}

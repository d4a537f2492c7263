//! The store fails at every operation of a script, in turn: what was
//! acknowledged is there afterwards, and nothing is half visible.

use std::sync::Arc;

use icecore::{ErrorKind, Icecore, Session, Settings};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv};
use object_store::memory::InMemory;

use crate::rows;

/// Fifty statements; after each, `SELECT` over these tables says what there is.
fn script() -> Vec<String> {
    let mut script =
        vec!["CREATE TABLE t (k INT, n INT)".to_owned(), "CREATE TABLE log (k INT)".to_owned()];
    for k in 0..12 {
        script.push(format!(
            "INSERT INTO t SELECT SEQ4() + {}, {k} FROM TABLE(GENERATOR(ROWCOUNT => 100))",
            k * 100
        ));
        script.push(format!("INSERT INTO log VALUES ({k})"));
        script.push(format!("UPDATE t SET n = n + 100 WHERE k = {}", k * 100 + 7));
        script.push(match k % 4 {
            0 => format!("CREATE TABLE c{k} CLONE t"),
            1 => format!("DELETE FROM t WHERE k IN (SELECT k * 100 FROM log WHERE k <= {k})"),
            2 => format!(
                "CREATE OR REPLACE TABLE r AS SELECT n, COUNT(*) AS c FROM t GROUP BY n -- {k}"
            ),
            _ => "DROP TABLE IF EXISTS r".to_owned(),
        });
    }
    script
}

/// Everything that can be seen, as one text.
async fn visible(session: &Session) -> String {
    let tables =
        rows(session, "SELECT table_name, row_count FROM information_schema.tables ORDER BY 1")
            .await;
    let mut seen = tables.join("\n");
    for table in &tables {
        let name = table.split('|').next().unwrap();
        let sums = match name {
            "R" => "SUM(n), SUM(c)",
            "LOG" => "SUM(k), COUNT(*)",
            _ => "SUM(k), SUM(n)",
        };
        seen += &format!(
            "\n{name}: {}",
            rows(session, &format!("SELECT {sums} FROM {name}")).await.join(",")
        );
    }
    seen
}

async fn open(store: Arc<FaultyStore>, seed: u64) -> icecore::Result<Icecore> {
    let env = TestEnv::new(store, seed).env;
    let settings = Settings { threads: 1, ..Settings::default() };
    Icecore::builder("memory://").env(env).settings(settings).await
}

/// What is visible after each statement of the script without faults, and how
/// many operations the script takes.
async fn expected() -> (Vec<String>, u64) {
    let store = Arc::new(FaultyStore::new(Arc::new(InMemory::new())));
    let (acknowledged, _) = run_until_failure(&store).await;
    assert_eq!(acknowledged, script().len());
    let operations = store.operations();

    let store = Arc::new(FaultyStore::new(Arc::new(InMemory::new())));
    let session = open(store, 1).await.unwrap().session().await.unwrap();
    let mut states = vec![visible(&session).await];
    for sql in script() {
        session.execute(&sql).await.unwrap();
        states.push(visible(&session).await);
    }
    (states, operations)
}

/// Runs the script until a statement fails; how many were acknowledged, and
/// whether the outcome of the failed one is unknown.
async fn run_until_failure(store: &Arc<FaultyStore>) -> (usize, bool) {
    let Ok(lake) = open(Arc::clone(store), 1).await else { return (0, false) };
    let session = match lake.session().await {
        Ok(session) => session,
        Err(_) => return (0, false),
    };
    for (done, sql) in script().iter().enumerate() {
        if let Err(error) = session.execute(sql).await {
            return (done, error.kind() == ErrorKind::CommitOutcomeUnknown);
        }
    }
    (script().len(), false)
}

async fn survives(fault: Fault) {
    let (expected, operations) = expected().await;
    assert!(operations > 100, "{operations} operations");
    for n in 1..=operations {
        let store = Arc::new(FaultyStore::new(Arc::new(InMemory::new())));
        store.inject(Rule::nth(n, fault));
        let (acknowledged, unknown) = run_until_failure(&store).await;
        store.heal();
        let session = open(Arc::clone(&store), 1_000 + n).await.unwrap().session().await.unwrap();
        let found = visible(&session).await;
        let one_more = unknown && expected.get(acknowledged + 1) == Some(&found);
        assert!(
            found == expected[acknowledged] || one_more,
            "operation {n}: {acknowledged} statements were acknowledged, unknown={unknown}, \
             found\n{found}\nexpected\n{}",
            expected[acknowledged]
        );
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_an_operation_fails() {
    survives(Fault::FailBefore).await;
}

#[tokio::test]
async fn nothing_is_half_visible_when_an_acknowledgement_is_lost() {
    survives(Fault::FailAfter).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_dies() {
    survives(Fault::Crash).await;
}

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

/// The store before a statement of the script, and what is visible before and
/// after it.
struct Scene {
    store: InMemory,
    states: Vec<String>,
}

impl Scene {
    fn store(&self) -> Arc<FaultyStore> {
        Arc::new(FaultyStore::new(Arc::new(self.store.fork())))
    }
}

/// The script without faults: a scene for each statement, and how many
/// operations all of them took, opening not counted.
async fn scenes() -> (Vec<Scene>, u64) {
    let memory = Arc::new(InMemory::new());
    let store = Arc::new(FaultyStore::new(memory.clone()));
    let session = open(Arc::clone(&store), 1).await.unwrap().session().await.unwrap();
    let (mut states, mut stores, mut operations) = (vec![visible(&session).await], Vec::new(), 0);
    for sql in script() {
        stores.push(memory.fork());
        let before = store.operations();
        session.execute(&sql).await.unwrap();
        operations += store.operations() - before;
        states.push(visible(&session).await);
    }
    let scenes = stores.into_iter().enumerate().map(|(at, store)| {
        let later = states.iter().skip(at).take(2 + MORE).cloned().collect();
        Scene { store, states: later }
    });
    (scenes.collect(), operations)
}

/// Statements that are run after the one with the fault, if it succeeds.
const MORE: usize = 1;

/// Opens the store and runs some statements until one fails; how many were
/// acknowledged, and whether the outcome of the failed one is unknown. The
/// rule counts from the beginning of the opening, or from its end.
async fn run_until_failure(
    store: &Arc<FaultyStore>,
    (from, rule): (From, Rule),
    statements: &[String],
) -> (usize, bool) {
    if from == From::Opening {
        store.inject(rule);
        let _ = open(Arc::clone(store), 7).await;
        return (0, false);
    }
    let lake = open(Arc::clone(store), 7).await.unwrap();
    let session = lake.session().await.unwrap();
    store.inject(rule);
    for (done, sql) in statements.iter().enumerate() {
        if let Err(error) = session.execute(sql).await {
            return (done, error.kind() == ErrorKind::CommitOutcomeUnknown);
        }
    }
    (statements.len(), false)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Opening,
    Statement,
}

/// Operations of opening a scene's store, and of its statement after that: a
/// process that has just opened reads at least what one reads that ran on.
async fn operations(scene: &Scene, sql: &str) -> (u64, u64) {
    let store = scene.store();
    let session = open(Arc::clone(&store), 7).await.unwrap().session().await.unwrap();
    let opening = store.operations();
    session.execute(sql).await.unwrap();
    (opening, store.operations() - opening)
}

async fn survives(fault: Fault) {
    let (scenes, at_least) = scenes().await;
    let (script, mut injected) = (script(), 0);
    for (at, scene) in scenes.iter().enumerate() {
        let statements: Vec<String> = script.iter().skip(at).take(1 + MORE).cloned().collect();
        let (opening, operations) = operations(scene, &statements[0]).await;
        injected += operations;
        for n in 1..=operations {
            survives_one(scene, &statements, (From::Statement, n), fault).await;
        }
        // What opening does depends on what there is, not on each statement.
        if at == 0 || at + 1 == scenes.len() {
            for n in 1..=opening {
                survives_one(scene, &statements, (From::Opening, n), fault).await;
            }
        }
    }
    assert!(at_least > 50 && injected >= at_least, "{injected} of {at_least} operations");
}

async fn survives_one(scene: &Scene, statements: &[String], (from, n): (From, u64), fault: Fault) {
    let store = scene.store();
    let rule = Rule::nth(n, fault);
    let (acknowledged, unknown) = run_until_failure(&store, (from, rule), statements).await;
    store.heal();
    let session = open(Arc::clone(&store), 1_000 + n).await.unwrap().session().await.unwrap();
    let found = visible(&session).await;
    let one_more = unknown && scene.states.get(acknowledged + 1) == Some(&found);
    assert!(
        found == scene.states[acknowledged] || one_more,
        "{from:?} {n} of {statements:?}: {acknowledged} were acknowledged, unknown={unknown}, \
         found\n{found}\nexpected\n{}",
        scene.states[acknowledged]
    );
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

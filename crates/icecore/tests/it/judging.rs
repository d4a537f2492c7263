//! Random rows, expectations and actions: whichever way rows arrive, the table
//! and its quarantine are what a model makes of them, row by row.

mod model;

use std::fmt::Write;
use std::sync::Arc;

use icecore::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use icecore::{Code, Icecore, Session, Settings};

use model::{CHECKS, Expected, Kept, Model, Row};

use crate::pipes::Dice;
use crate::{engine, rows, try_rows};

const ACTIONS: [&str; 4] = ["REJECT ROW", "QUARANTINE", "WARN", "FAIL"];
const ON_ERROR: [&str; 5] =
    ["ABORT_STATEMENT", "CONTINUE", "SKIP_FILE", "SKIP_FILE_2", "'SKIP_FILE_40%'"];
const PATHS: [Path; 3] = [Path::Insert, Path::Append, Path::Copy];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    Insert,
    Append,
    Copy,
}

/// Compares the table and its quarantine with the model.
async fn check(model: &Model, session: &Session, table: &str, note: &str) {
    let mut found = rows(session, &format!("SELECT * FROM {table}")).await;
    let mut expected: Vec<String> = model.table.iter().map(Row::shown).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{table} {note}");
    let query = format!(
        "SELECT k, v, s, METADATA$EXPECTATION, METADATA$REASON, METADATA$FILENAME, \
         METADATA$ROW_NUMBER, METADATA$FILE_LINE, METADATA$RECORD \
         FROM TABLE(QUARANTINE('{table}'))"
    );
    let mut found = rows(session, &query).await;
    let shown = |kept: &Kept| {
        format!("{}|{}|{}|{}", kept.row.shown(), kept.expectation, kept.reason, kept.place)
    };
    let mut expected: Vec<String> = model.quarantine.iter().map(shown).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "quarantine of {table} {note}");
}

/// Compares the results of the last statement with the model, unless it failed.
async fn check_results(model: &Model, session: &Session, table: &str, note: &str) {
    let query = format!(
        "SELECT expectation, rows_judged, rows_violating, action_taken \
         FROM TABLE(EXPECTATION_RESULTS('{table}'))"
    );
    let found = rows(session, &query).await;
    let last = found.len().saturating_sub(model.tallies.len());
    let expected = model.expectations.iter().zip(&model.tallies).map(|(expected, tally)| {
        let action = if tally[1] > 0 { expected.action } else { "NULL" };
        format!("{}|{}|{}|{action}", expected.name, tally[0], tally[1])
    });
    assert_eq!(found[last..], expected.collect::<Vec<_>>(), "results of {table} {note}");
}

/// A table for each way in which rows arrive.
struct World {
    lake: Icecore,
    session: Session,
    models: Vec<(Path, Model)>,
    dice: Dice,
    statements: usize,
}

impl World {
    async fn new(seed: u64) -> Self {
        let lake = engine().await;
        let session = lake.session().await.unwrap();
        let script = "CREATE STAGE s; CREATE TABLE parent (k INT);
            INSERT INTO parent VALUES (0), (2), (4), (6), (8)";
        session.execute(script).await.unwrap();
        let mut dice = Dice(seed * 7_919 + 1);
        let mut expectations = Vec::new();
        for (at, (check, _)) in CHECKS.iter().enumerate() {
            if dice.below(5) < 2 {
                // A load that always fails shows little.
                let actions = if dice.below(4) == 0 { 4 } else { 3 };
                let action = ACTIONS[dice.below(actions) as usize];
                expectations.push(Expected { name: format!("E{at}"), check: *check, action });
            }
        }
        let model = Model { expectations, ..Model::default() };
        let models = PATHS.iter().map(|path| (*path, model.clone())).collect();
        let world = Self { lake, session, models, dice, statements: 0 };
        world.declare(&model).await;
        world
    }

    async fn declare(&self, model: &Model) {
        for path in PATHS {
            let mut sql = format!("CREATE TABLE t_{path:?} (k INT, v INT, s VARCHAR");
            for Expected { name, check, action } in &model.expectations {
                let (_, text) = CHECKS.iter().find(|(known, _)| known == check).unwrap();
                write!(sql, ", EXPECTATION {name} CHECK {text} ON VIOLATION {action}").unwrap();
            }
            self.session.execute(&format!("{sql})")).await.unwrap();
        }
    }

    /// The same rows in each way.
    async fn step(&mut self, note: &str) {
        self.statements += 1;
        let count = 1 + self.dice.below(24);
        let arriving: Vec<Row> = (0..count).map(|_| Row::random(&mut self.dice)).collect();
        let on_error = ON_ERROR[self.dice.below(5) as usize];
        let at = 1 + self.dice.below(count) as usize;
        let parts: Vec<&[Row]> =
            [&arriving[..at], &arriving[at..]].into_iter().filter(|it| !it.is_empty()).collect();
        let note = format!("{note} statement={} {on_error} {arriving:?}", self.statements);
        for (path, mut model) in std::mem::take(&mut self.models) {
            let table = format!("t_{path:?}");
            let note = format!("{note} {:?}", model.expectations);
            match path {
                Path::Insert => self.insert(&mut model, &table, &arriving, &note).await,
                Path::Append => self.append(&mut model, &table, &parts, &note).await,
                Path::Copy => self.copy(&mut model, &table, (&parts, on_error), &note).await,
            }
            check(&model, &self.session, &table, &note).await;
            check_results(&model, &self.session, &table, &note).await;
            self.models.push((path, model));
        }
    }

    async fn insert(&self, model: &mut Model, table: &str, arriving: &[Row], note: &str) {
        let values: Vec<String> = arriving.iter().map(Row::sql).collect();
        let sql = format!("INSERT INTO {table} SELECT * FROM VALUES {}", values.join(", "));
        let found = try_rows(&self.session, &sql).await;
        let leaves_out =
            |expected: &Expected| matches!(expected.action, "REJECT ROW" | "QUARANTINE");
        match model.arrive(arriving) {
            None => expectation_fails(found, note),
            Some([inserted, rejected, kept]) if model.expectations.iter().any(leaves_out) => {
                assert_eq!(found.unwrap(), [format!("{inserted}|{rejected}|{kept}")], "{note}");
            }
            Some([inserted, ..]) => {
                assert_eq!(found.unwrap(), [inserted.to_string()], "{note}");
            }
        }
    }

    async fn append(&self, model: &mut Model, table: &str, parts: &[&[Row]], note: &str) {
        let batches = parts.iter().map(|rows| {
            let columns: [(&str, ArrayRef); 3] = [
                ("k", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.k)))),
                ("v", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.v)))),
                ("s", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.s)))),
            ];
            let nullable = columns.map(|(name, column)| (name, column, true));
            RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
        });
        let appended = self.session.table(table).await.unwrap().append(batches).await;
        match model.arrive(&parts.concat()) {
            None => expectation_fails(appended, note),
            Some(_) => drop(appended.unwrap()),
        }
    }

    async fn copy(
        &self,
        model: &mut Model,
        table: &str,
        (parts, on_error): (&[&[Row]], &str),
        note: &str,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for (number, part) in parts.iter().enumerate() {
            let text: String = part.iter().map(|row| row.csv() + "\n").collect();
            std::fs::write(folder.path().join(format!("f{number}.csv")), text).unwrap();
        }
        let (path, below) = (folder.path().display(), self.statements);
        let put = format!("PUT 'file://{path}/*.csv' @s/{below} AUTO_COMPRESS = FALSE");
        self.session.execute(&put).await.unwrap();
        let sql = format!("COPY INTO {table} FROM @s/{below}/ ON_ERROR = {on_error}");
        let found = try_rows(&self.session, &sql).await;
        match model.copy(below, parts, on_error) {
            None => expectation_fails(found, note),
            Some(results) => {
                let files = found.unwrap().into_iter().map(|row| {
                    let cells: Vec<&str> = row.split('|').collect();
                    let name = cells[0].rsplit('/').next().unwrap();
                    [name, cells[1], cells[2], cells[3], cells[5]].join("|")
                });
                assert_eq!(files.collect::<Vec<_>>(), results, "{note}");
            }
        }
    }

    /// One expectation goes, and what was rejected is quarantined from now on.
    async fn replay(&mut self, note: &str) {
        let gone = self.dice.below(8) as usize;
        for (path, mut model) in std::mem::take(&mut self.models) {
            let table = format!("t_{path:?}");
            for (at, expected) in std::mem::take(&mut model.expectations).into_iter().enumerate() {
                let Expected { name, check, action } = expected;
                let drop = format!("ALTER TABLE {table} DROP EXPECTATION {name}");
                self.session.execute(&drop).await.unwrap();
                if at == gone {
                    continue;
                }
                let action = if action == "REJECT ROW" { "QUARANTINE" } else { action };
                let (_, text) = CHECKS.iter().find(|(known, _)| *known == check).unwrap();
                let add = format!(
                    "ALTER TABLE {table} ADD EXPECTATION {name} CHECK {text} ON VIOLATION {action}"
                );
                self.session.execute(&add).await.unwrap();
                model.expectations.push(Expected { name, check, action });
            }
            for time in ["first", "second"] {
                let note = format!("{note} {time} replay {path:?} {:?}", model.expectations);
                let handle = self.session.table(&table).await.unwrap();
                let replayed = handle.quarantine().replay().await;
                match model.replay() {
                    None => expectation_fails(replayed, &note),
                    Some([moved, kept]) => {
                        let replayed = replayed.unwrap();
                        let counts = [replayed.rows(), replayed.rows_kept()];
                        assert_eq!(counts, [moved as u64, kept as u64], "{note}");
                        assert!(time == "first" || moved == 0, "{note}");
                    }
                }
                check(&model, &self.session, &table, &note).await;
            }
            self.models.push((path, model));
        }
    }
}

fn expectation_fails<T>(outcome: icecore::Result<T>, note: &str) {
    match outcome {
        Ok(_) => panic!("nothing failed {note}"),
        Err(error) => assert_eq!(error.code(), Code::EXPECTATION_VIOLATED, "{error} {note}"),
    }
}

#[tokio::test]
async fn rows_are_judged_as_a_model_does_however_they_arrive() {
    let seeds: u64 =
        std::env::var("ICECORE_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(20);
    let (mut taken, mut kept) = (0, 0);
    for seed in 0..seeds {
        let note = format!("seed={seed}");
        let mut world = World::new(seed).await;
        for _ in 0..3 {
            world.step(&note).await;
        }
        for (_, model) in &world.models {
            taken += model.table.len();
            kept += model.quarantine.len();
        }
        world.replay(&note).await;
        world.lake.close().await.unwrap();
    }
    assert!(taken > 0 && kept > 0, "{taken} rows were taken, {kept} quarantined");
}

#[tokio::test]
async fn keys_that_do_not_fit_in_memory_end_the_statement() {
    let memory = icecore::ByteSize::mib(4);
    let settings = Settings { memory, ..Settings::default() };
    let lake = Icecore::builder("memory://").settings(settings).await.unwrap();
    let session = lake.session().await.unwrap();
    let script = "CREATE STAGE s;
        CREATE TABLE t (k INT, EXPECTATION once CHECK UNIQUE (k) ON VIOLATION QUARANTINE)";
    session.execute(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, numbers) in [("a", 0..20_000), ("b", 10_000..400_000)] {
        let text: String = numbers.map(|k| format!("{k}\n")).collect();
        std::fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
    let path = folder.path().display();
    session.execute(&format!("PUT 'file://{path}/*.csv' @s")).await.unwrap();
    session.execute("COPY INTO t FROM @s PATTERN = '.*a[.]csv.*'").await.unwrap();
    let copy = "COPY INTO t FROM @s ON_ERROR = CONTINUE";
    let insert = "INSERT INTO t SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 400000))";
    for statement in [copy, insert] {
        let error = try_rows(&session, statement).await.unwrap_err();
        assert_eq!(error.code(), Code::OUT_OF_MEMORY, "{error}");
        assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["20000"]);
        let kept = "SELECT COUNT(*) FROM TABLE(QUARANTINE('t'))";
        assert_eq!(rows(&session, kept).await, ["0"], "{statement}");
    }
    // A pipe does not take that for a fault of the file: it waits.
    let pipe = session.create_pipe("p", "COPY INTO t FROM @s PATTERN = '.*b[.]csv.*'").await;
    let pipe = pipe.unwrap();
    session.execute("ALTER PIPE p REFRESH").await.unwrap();
    lake.run_due().await.unwrap();
    assert_eq!(pipe.status().await.unwrap().pending_file_count, 1);
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["20000"]);
    pipe.pause().await.unwrap();
    // The memory is free again.
    let few = "INSERT INTO t SELECT SEQ4() + 19990 FROM TABLE(GENERATOR(ROWCOUNT => 20))";
    assert_eq!(rows(&session, few).await, ["10|0|10"]);
}

//! Statements that need more memory than their warehouse has.

use std::path::{Path, PathBuf};

use icecore::arrow::array::AsArray;
use icecore::{ByteSize, Code, Icecore, Session, Settings};

use crate::{rows, try_rows};

const ROWS: u32 = 1_000_000;

/// A warehouse of 32 MiB that spills to `folder`, and a table whose values take
/// more than that.
async fn small(folder: &Path, threads: usize) -> Session {
    let memory = ByteSize::mib(32);
    let settings = Settings { memory, threads, spill: folder.to_path_buf(), ..Settings::default() };
    let lake = Icecore::builder("memory://").settings(settings).await.unwrap();
    let session = lake.session().await.unwrap();
    let script = format!(
        "CREATE TABLE big AS SELECT SEQ4() AS k, MD5(SEQ4()::VARCHAR) AS v
             FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}));
         CREATE TABLE target (k INT, v VARCHAR);
         INSERT INTO target VALUES (-1, 'kept')"
    );
    session.execute(&script).await.unwrap();
    session
}

/// The files that statements have left in the warehouse's folder, which holds
/// nothing but its lock beside it.
fn left(folder: &Path) -> Vec<PathBuf> {
    let inside = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let folders = inside(folder).filter(|path| path.is_dir());
    let mut open: Vec<PathBuf> =
        folders.flat_map(|path| inside(&path).collect::<Vec<_>>()).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        match path.is_dir() {
            true => open.extend(inside(&path)),
            false => files.push(path),
        }
    }
    files
}

#[tokio::test]
async fn what_does_not_fit_in_memory_fails_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let session = small(folder.path(), 2).await;
    // The smaller side of a hash join has to fit.
    let joined = "SELECT a.k, b.v FROM big a JOIN big b ON a.v = b.v";
    for statement in [
        format!("SELECT COUNT(*), MAX(k) FROM ({joined})"),
        format!("INSERT INTO target {joined}"),
        format!("INSERT OVERWRITE INTO target {joined}"),
        format!("CREATE TABLE made AS {joined}"),
        format!("CREATE OR REPLACE TABLE target AS {joined}"),
        "DELETE FROM big WHERE v IN (SELECT v FROM big)".to_owned(),
        "UPDATE big SET k = 0 WHERE v IN (SELECT v FROM big)".to_owned(),
    ] {
        let error = try_rows(&session, &statement).await.expect_err(&statement);
        assert_eq!(error.code(), Code::RESOURCES_EXHAUSTED, "{statement}: {error}");
        assert!(error.help().is_some_and(|help| help.contains("warehouse")), "{statement}");
        assert_eq!(rows(&session, "SELECT k, v FROM target").await, ["-1|kept"], "{statement}");
        assert_eq!(rows(&session, "SHOW TABLES LIKE 'made'").await.len(), 0);
        let sum = format!("{ROWS}|{}", u64::from(ROWS) * u64::from(ROWS - 1) / 2);
        assert_eq!(rows(&session, "SELECT COUNT(*), SUM(k) FROM big").await, [sum]);
    }
    assert_eq!(left(folder.path()), Vec::<PathBuf>::new());
}

/// Two inputs of a repartition that spill at the same time, again and again.
#[tokio::test]
async fn what_spills_from_two_inputs_at_once_ends() {
    let folder = tempfile::tempdir().unwrap();
    let session = small(folder.path(), 2).await;
    for _ in 0..12 {
        let grouped = "SELECT k % 13, COUNT(DISTINCT v) FROM big GROUP BY 1 ORDER BY 1";
        let joined =
            "INSERT OVERWRITE INTO target SELECT a.k, b.v FROM big a JOIN big b ON a.v = b.v";
        for statement in [grouped, joined] {
            match try_rows(&session, statement).await {
                Ok(rows) => assert_eq!(rows.len(), 13),
                Err(error) => assert_eq!(error.code(), Code::RESOURCES_EXHAUSTED, "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn what_can_be_spilled_is_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let session = small(folder.path(), 1).await;
    let sorted = session.execute("SELECT v FROM big ORDER BY v").await.unwrap();
    let batches = sorted.collect().await.unwrap();
    let values = || batches.iter().flat_map(|batch| batch.column(0).as_string_view().iter());
    assert_eq!(values().count(), ROWS as usize);
    assert!(values().is_sorted());
    drop(batches);
    session.execute("INSERT OVERWRITE INTO target SELECT * FROM big ORDER BY v").await.unwrap();
    let written = "SELECT COUNT(*), COUNT_IF(v = MD5(k::VARCHAR)), SUM(k) FROM target";
    let sum = u64::from(ROWS) * u64::from(ROWS - 1) / 2;
    assert_eq!(rows(&session, written).await, [format!("{ROWS}|{ROWS}|{sum}")]);
    assert_eq!(left(folder.path()), Vec::<PathBuf>::new());
}

//! The shell's contract, on the real binary.
#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(target_os = "linux")]
mod calls;
mod graph;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn icecore(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_icecore"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const CLOCK: [&str; 2] = ["--simulated-clock", "2013-01-01T00:00:00Z"];

#[test]
fn commands_and_files_run_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("insert.sql");
    std::fs::write(&file, "INSERT INTO t VALUES (1), (2);\nSELECT SUM(n) FROM t").unwrap();
    let output = icecore(&[
        "--format",
        "json",
        "-c",
        "CREATE TABLE t (n INT)",
        "-f",
        file.to_str().unwrap(),
        "-c",
        "DELETE FROM t WHERE n = 1; SELECT n, '' AS e, NULL AS x FROM t",
    ]);
    assert!(output.status.success(), "{}", err(&output));
    let lines: Vec<serde_json::Value> =
        out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let field = |key: &str| lines.iter().map(|line| line[key].clone()).collect::<Vec<_>>();
    assert_eq!(field("statement"), [1, 2, 3, 4, 5]);
    assert_eq!(field("rows_affected")[1], 2);
    assert_eq!(field("rows")[2], serde_json::json!([["3"]]));
    assert_eq!(field("rows_affected")[3], 1);
    assert_eq!(field("rows")[4], serde_json::json!([["2", "", null]]));
    assert_eq!(field("columns")[4], serde_json::json!(["N", "E", "X"]));
    assert_eq!(field("types")[4][0], "NUMBER(38,0)");
    assert_eq!(lines[4]["query_id"].as_str().unwrap().len(), 36);
}

#[test]
fn csv_tells_null_from_empty() {
    let sql =
        "SELECT 1.50 AS d, '' AS e, NULL AS n, 'a,b' AS c, true AS b, '2013-01-01'::DATE AS x";
    let output = icecore(&["--format", "csv", "-c", sql]);
    assert_eq!(
        out(&output),
        "D,E,N,C,B,X\n1.50,\"\",,\"a,b\",true,2013-01-01\n",
        "{}",
        err(&output)
    );
}

#[test]
fn the_first_failure_ends_the_script() {
    let script = "SELECT * FROM missing; SELECT 1 AS one";
    let output = icecore(&["--format", "json", "-c", script, "-c", "SELECT 2"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out(&output).lines().count(), 1);
    let line: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(line["statement"], 1);
    assert_eq!(line["error"]["code"], "002003");
    assert_eq!(line["error"]["sqlstate"], "42S02");
    assert_eq!(line["error"]["kind"], "NotFound");
    assert!(line["error"]["message"].as_str().unwrap().contains("MISSING"));

    let output = icecore(&["--format", "csv", "--continue-on-error", "-c", script]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out(&output), "ONE\n1\n");
    assert!(err(&output).contains("002003 (42S02)"), "{}", err(&output));
}

#[test]
fn sessions_have_their_own_schema_and_share_the_rows() {
    let script = "CREATE DATABASE d;\nCREATE TABLE t (n INT);\n\\session other\n\
                  SELECT CURRENT_DATABASE() AS db;\nINSERT INTO d.public.t VALUES (7);\n\
                  \\session default\nSELECT n FROM t;\nSELECT CURRENT_DATABASE() AS db;\n";
    let output = icecore(&["--format", "csv", "-c", script]);
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    let tail: Vec<&str> = text.lines().rev().take(4).collect();
    assert_eq!(tail, ["D", "DB", "7", "N"]);
    assert!(text.contains("DB\nICECORE\n"), "{text}");
}

#[test]
fn only_a_simulated_clock_is_moved() {
    let script = "SELECT CURRENT_DATE() AS d;\n\\clock +25h\nSELECT CURRENT_DATE() AS d;\n";
    let output = icecore(&[&CLOCK[..], &["--format", "csv", "-c", script]].concat());
    assert_eq!(out(&output), "D\n2013-01-01\nD\n2013-01-02\n", "{}", err(&output));

    let output = icecore(&["--format", "csv", "-c", script]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out(&output).lines().count(), 2);
    assert!(err(&output).contains("clock"), "{}", err(&output));
}

#[test]
fn a_seed_gives_the_same_bytes() {
    let run = |seed: &str| {
        let script = "CREATE TABLE t (n INT); INSERT INTO t VALUES (1); SELECT * FROM t; \
                      SELECT LAST_QUERY_ID() AS id; SHOW TABLES; SELECT 1/0";
        let options = ["--seed", seed, "--format", "json", "--continue-on-error", "-c", script];
        out(&icecore(&[&CLOCK[..], &options].concat()))
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    for (option, value) in
        [("--account", "other"), ("--user", "ana"), ("--role", "analyst"), ("--warehouse", "bi_s")]
    {
        let output = icecore(&[option, value, "-c", "SELECT 1"]);
        assert_eq!(output.status.code(), Some(1), "{option}");
        assert!(err(&output).to_lowercase().contains(value), "{option}: {}", err(&output));
        assert_eq!(out(&output), "");
    }
    let defaults = ["--account", "DEFAULT", "--user", "ICECORE", "--role", "SYSADMIN"];
    let output =
        icecore(&[&defaults[..], &["--warehouse", "COMPUTE_WH", "-c", "SELECT 1"]].concat());
    assert!(output.status.success(), "{}", err(&output));
}

#[test]
fn a_store_on_disk_is_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("lake");
    let run =
        |sql: &str| icecore(&["--store", store.to_str().unwrap(), "--format", "csv", "-c", sql]);
    assert!(run("CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2)").status.success());
    assert_eq!(out(&run("SELECT SUM(n) AS s FROM t")), "S\n3\n");
    let schema = ["--store", store.to_str().unwrap(), "--schema", "nowhere", "-c", "SELECT 1"];
    assert_eq!(icecore(&schema).status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_or_opened_is_a_failure() {
    let output = icecore(&["-f", "no/such/file.sql"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("no/such/file.sql"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = icecore(&["--store", file.to_str().unwrap(), "-c", "SELECT 1"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out(&output), "");
}

#[test]
fn without_arguments_the_standard_input_is_the_script() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_icecore"))
        .args(["--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT 7 / 2 AS half;").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(out(&output), "HALF\n3.500000\n");
}

#[test]
fn a_store_can_be_listed_from_its_format_document_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().to_str().unwrap();
    let script = "CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2), (3);
        DELETE FROM t WHERE n = 2; CREATE TABLE u CLONE t; INSERT INTO u VALUES (4)";
    assert!(icecore(&["--store", store, "-c", script]).status.success());
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/format/list_store.py");
    let listed = Command::new("python3").args([list, store]).output().unwrap();
    assert!(listed.status.success(), "{}", err(&listed));
    let text = out(&listed);
    let tables: Vec<&str> = text.lines().filter(|line| !line.starts_with("  ")).collect();
    let shown: Vec<&str> =
        tables.iter().filter_map(|line| line.split_once(' ')).map(|t| t.1).collect();
    assert_eq!(shown, ["ICECORE.PUBLIC.T 2 rows", "ICECORE.PUBLIC.U 3 rows"], "{text}");
    let rows = |of: &str| {
        let versions = text.lines().filter(|line| line.starts_with("  version"));
        versions.filter(|line| line.ends_with(of)).count()
    };
    assert!(rows(" 3 rows") >= 2 && rows(" 0 rows") >= 1, "{text}");
}

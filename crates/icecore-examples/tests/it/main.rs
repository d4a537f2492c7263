//! Every example runs to its end, on the real binary, and leaves its page.
#![allow(clippy::unwrap_used, clippy::panic)]

mod markup;

use std::collections::BTreeMap;
use std::process::Command;

/// What an example printed, and its pages by their names.
struct Run {
    text: String,
    pages: BTreeMap<String, String>,
}

impl Run {
    /// Runs an example; each of its pages is whole, loads nothing from
    /// elsewhere and says what the terminal says.
    fn of(example: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_icecore-examples"))
            .args([example, "--out", folder.path().to_str().unwrap()])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        let mut pages = BTreeMap::new();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            pages.insert(name, std::fs::read_to_string(path).unwrap());
        }
        for (name, page) in &pages {
            markup::check(page).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            for target in markup::references(page) {
                assert!(pages.contains_key(target), "{name} refers to {target}");
            }
        }
        let run = Self { text, pages };
        let page = run.page(&format!("{example}.html"));
        for check in run.checks() {
            let shown = format!("<p class=\"check\">{}</p>", escaped(check));
            assert!(page.contains(&shown), "the page lacks: {check}");
        }
        run
    }

    fn page(&self, name: &str) -> &str {
        &self.pages[name]
    }

    fn checks(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.trim_start().strip_prefix("✓ ")).collect()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[test]
fn quickstart() {
    let run = Run::of("quickstart");
    assert_eq!(run.checks().len(), 11, "{}", run.text);
    let page = run.page("quickstart.html");
    assert!(page.contains("<svg") && page.contains("United Air Lines"));
}

#[test]
fn pipeline() {
    let run = Run::of("pipeline");
    let checks = run.checks();
    assert_eq!(checks.len(), 53, "{}", run.text);
    for check in [
        "flights loaded: 336776",
        "NULLs in dep_time: 8255",
        "rows replayed: 745",
        "on_time, rows equal to DuckDB's: 3869",
        "the semantic view, on_time_by_carrier, rows equal to DuckDB's: 16",
    ] {
        assert!(checks.contains(&check), "{check} in {}", run.text);
    }
    let page = run.page("pipeline.html");
    assert_eq!(page.matches("<svg").count(), 8);
    // The flow: what the pipe brought, what was kept back, and all of it.
    for count in ["336,031", ">336,776 rows<", ">756 in, 745 out<", "17 notifications"] {
        assert!(page.contains(count), "{count}");
    }
    has_every_row_of_the_pipe(run.page("pipeline-loads.html"));
}

fn has_every_row_of_the_pipe(report: &str) {
    let rows: Vec<Vec<&str>> = markup::table(report);
    assert_eq!(rows.len(), 14);
    let number = |text: &str| text.replace(',', "").parse::<u64>().unwrap();
    let (parsed, loaded, errors) =
        rows.iter().filter(|row| row[7] != "Load failed").fold((0, 0, 0), |sums, row| {
            (sums.0 + number(row[8]), sums.1 + number(row[9]), sums.2 + number(row[10]))
        });
    assert_eq!((parsed, loaded, errors), (336_776 + 11, 336_031, 756));
    let failed: Vec<&Vec<&str>> = rows.iter().filter(|row| row[7] == "Load failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0][0], failed[0][9]), ("flights_2013-09.csv.gz", "0"));
    assert!(failed[0][11].contains("gzip data ends too early"), "{failed:?}");
}

#[test]
fn metrics() {
    let run = Run::of("metrics");
    let checks = run.checks();
    assert_eq!(checks.len(), 24, "{}", run.text);
    for check in [
        "seats of Boeing by the join: 14,418,976",
        "seats of Boeing: 285,556",
        "the code of the refusal: 010234",
        "the most punctual: LGA",
        "the queue at the end of a month, rows equal to DuckDB's: 12",
    ] {
        assert!(checks.contains(&check), "{check} in {}", run.text);
    }
    let page = run.page("metrics.html");
    assert_eq!(page.matches("<svg").count(), 4);
    assert!(page.contains(">285,556 seats</text>") && page.contains(">14,418,976 seats</text>"));
}

#[test]
fn rescue() {
    let run = Run::of("rescue");
    assert_eq!(run.checks().len(), 13, "{}", run.text);
    assert!(run.text.contains("rows changed: 55503"));
    assert!(run.page("rescue.html").contains("<svg"));
}

#[test]
fn governance() {
    let run = Run::of("governance");
    let checks = run.checks();
    assert_eq!(checks.len(), 36, "{}", run.text);
    for check in [
        "sees addresses in clear: FINANCE_EUROPE",
        "rows that marketing counts: 4117",
        "Europe's total, as DuckDB adds it up: 12072998.98",
        "addresses in a file: 4117 masked, 0 in clear",
        "statements of others that Mia sees: 0",
        "never without the policy: true",
        "the log is what was written: true",
    ] {
        assert!(checks.contains(&check), "{check} in {}", run.text);
    }
    assert!(run.page("governance.html").contains("<svg"));
}

#[test]
fn a_missing_folder_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_icecore-examples"))
        .args(["quickstart", "--data", "no/such/folder"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/folder"));
}

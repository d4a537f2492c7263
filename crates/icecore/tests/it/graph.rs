//! The crates depend as DESIGN says they do, and on one version of what they
//! share.

use std::collections::BTreeSet;
use std::process::Command;

fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The crates of the workspace that a crate uses, directly or not.
fn uses(name: &str) -> BTreeSet<String> {
    let text = tree(&["-p", name, "-e", "normal", "--prefix", "none"]);
    let used = text.lines().filter_map(|line| line.split_whitespace().next());
    used.filter(|used| used.starts_with("icecore") && *used != name).map(str::to_owned).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| format!("icecore-{name}")).collect()
}

#[test]
fn arrows_point_down() {
    let segment = ["types", "segment"];
    for (name, allowed) in [
        ("types", &[][..]),
        ("testkit", &["types"]),
        ("snapshot", &["types"]),
        ("segment", &["types"]),
        ("values", &["types"]),
        ("sql", &["types"]),
        ("governance", &["types"]),
        ("warehouse", &["types"]),
        ("raw", &["types", "values"]),
        ("processed", &["types", "values", "raw", "segment", "snapshot"]),
        ("functions", &["types", "values"]),
        ("exec", &["types", "values", "raw", "segment", "snapshot", "processed", "warehouse"]),
    ] {
        let used = uses(&format!("icecore-{name}"));
        assert!(used.is_subset(&set(allowed)), "icecore-{name} uses {used:?}, may use {allowed:?}");
    }
    assert!(uses("icecore-exec").is_superset(&set(&segment)));
}

#[test]
fn only_the_upper_crates_name_datafusion() {
    for name in [
        "types",
        "testkit",
        "snapshot",
        "segment",
        "values",
        "sql",
        "governance",
        "warehouse",
        "raw",
        "processed",
    ] {
        let text = tree(&["-p", &format!("icecore-{name}"), "-e", "normal", "--prefix", "none"]);
        assert!(!text.contains("datafusion"), "icecore-{name}");
    }
    for name in ["functions", "exec"] {
        let text = tree(&["-p", &format!("icecore-{name}"), "-e", "normal", "--prefix", "none"]);
        assert!(!text.lines().any(|line| line.starts_with("datafusion v")), "icecore-{name}");
    }
}

#[test]
fn there_is_one_version_of_what_is_shared() {
    let text = tree(&["--workspace", "-e", "normal", "--prefix", "none"]);
    for name in ["arrow", "parquet", "datafusion", "sqlparser"] {
        let versions: BTreeSet<&str> = text
            .lines()
            .filter(|line| line.starts_with(&format!("{name} v")))
            .map(|line| line.trim_end_matches(" (*)"))
            .collect();
        assert_eq!(versions.len(), 1, "{versions:?}");
    }
    // The second one is linked only for its file system, which can sync.
    let stores: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with("object_store v"))
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    assert_eq!(stores.len(), 2, "{stores:?}");
}

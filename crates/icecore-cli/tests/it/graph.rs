//! The crate graph: arrows point down, and the libraries that must be one are.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What each package of the workspace names as a dependency of its code, not
/// of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let names = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|p| (p["name"].as_str().unwrap().to_owned(), names(p))).collect()
}

/// The crates of the workspace from the lowest: each may name those before it.
const LAYERS: [&[&str]; 8] = [
    &["icecore-types"],
    &[
        "icecore-testkit",
        "icecore-values",
        "icecore-sql",
        "icecore-governance",
        "icecore-warehouse",
    ],
    &["icecore-snapshot", "icecore-segment", "icecore-raw"],
    &["icecore-processed", "icecore-functions", "icecore-semantic"],
    &["icecore-exec"],
    &["icecore"],
    &["icecore-cli", "icecore-slt", "icecore-examples"],
    &["icecore-benches"],
];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[test]
fn arrows_point_down() {
    for (package, names) in dependencies() {
        let own = layer(&package).unwrap_or_else(|| panic!("{package} has no place in the graph"));
        for name in names {
            if let Some(below) = layer(&name) {
                assert!(below < own, "{package} names {name}");
            }
        }
    }
}

#[test]
fn only_the_upper_crates_name_datafusion() {
    for (package, names) in dependencies() {
        let single = names.iter().any(|name| name.starts_with("datafusion-"));
        let facade = names.contains("datafusion");
        let own = layer(&package).unwrap();
        let lower = own < layer("icecore").unwrap();
        let operators = ["icecore-exec", "icecore-functions"].contains(&package.as_str());
        assert!(!(facade && lower), "{package} names the facade of DataFusion");
        assert!(!(single && lower && !operators), "{package} names DataFusion");
    }
}

#[test]
fn what_runs_the_engine_names_nothing_below_it() {
    let allowed = ["icecore", "icecore-types"];
    let all = dependencies();
    for package in ["icecore-cli", "icecore-slt", "icecore-examples"] {
        let own = all[package].iter().filter(|name| name.starts_with("icecore"));
        let below: Vec<_> = own.filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(below.is_empty(), "{package} names {below:?}");
    }
}

/// A second version of one of these is a second Arrow, whose arrays the first
/// does not know. The local file system alone comes from a newer object_store.
#[test]
fn there_is_one_arrow() {
    let lock = include_str!("../../../../Cargo.lock");
    let versions = |name: &str| -> Vec<&str> {
        let line = format!("name = \"{name}\"");
        let after = lock.split("\n[[package]]\n").filter(|package| package.starts_with(&line));
        after.filter_map(|package| package.lines().nth(1)).collect()
    };
    for name in ["datafusion", "arrow", "parquet", "sqlparser"] {
        assert_eq!(versions(name).len(), 1, "{name}: {:?}", versions(name));
    }
    let stores = versions("object_store");
    assert_eq!(stores.len(), 2, "{stores:?}");
    assert!(stores[0].contains("\"0.13.") && stores[1].contains("\"0.14."), "{stores:?}");
}

//! Every `.slt` file of the repository, in memory and on a local path.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use icecore_slt::{Report, Store, find_files, run_file};

/// Files name what they stage relative to the root of the repository.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::set_current_dir(&root).unwrap();
    PathBuf::from("testdata/slt")
}

fn run_all(files: &[PathBuf], store: &Store) -> Report {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut total = Report::default();
    for file in files {
        total += runtime.block_on(run_file(file, store));
    }
    total
}

#[test]
fn every_file_passes_in_memory() {
    let files = find_files(&root()).unwrap();
    assert!(files.len() >= 20, "{files:?}");
    let report = run_all(&files, &Store::Memory);
    assert!(report.is_success(), "{}\n{report}", report.failures().join("\n"));
    assert!(report.passed() > 500, "{report}");
}

#[test]
fn a_file_passes_on_a_local_path() {
    let below = tempfile::tempdir().unwrap();
    let store = Store::Below(below.path().display().to_string());
    let files = [root().join("clone/clone.slt"), root().join("loading/copy.slt")];
    let report = run_all(&files, &store);
    assert!(report.is_success(), "{}\n{report}", report.failures().join("\n"));
    assert_eq!(below.path().read_dir().unwrap().count(), 2);

    let again = run_all(&files[..1], &store);
    assert!(again.failures()[0].contains("the store is not empty"), "{again}");
}

#[test]
fn a_wrong_expectation_fails() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for wrong in [
        "query I\nSELECT 1\n----\n2\n",
        "query T\nSELECT 1\n----\n1\n",
        "query II\nSELECT 1\n----\n1\n",
        "statement error\nSELECT 1\n",
        "statement error 002002\nSELECT * FROM missing\n",
        "statement error (42000)\nSELECT * FROM missing\n",
        "statement ok\nSELECT * FROM missing\n",
        "statement count 2\nSELECT 1\n",
    ] {
        let script = icecore_slt::Script::parse("wrong.slt", wrong).unwrap();
        let report = runtime.block_on(icecore_slt::run_script(script, &Store::Memory));
        assert_eq!(report.to_string(), "0 passed, 1 failed", "{wrong}");
    }
}

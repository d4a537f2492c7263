//! Every example runs to its end, on the real binary, and leaves its page.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

fn run(example: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_icecore-examples"))
        .args([example, "--out", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    (text, std::fs::read_to_string(folder.path().join(format!("{example}.html"))).unwrap())
}

fn checks(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with('✓')).count()
}

#[test]
fn quickstart() {
    let (text, page) = run("quickstart");
    assert_eq!(checks(&text), 11, "{text}");
    assert!(page.contains("<svg") && page.contains("United Air Lines"));
}

#[test]
fn pipeline() {
    let (text, page) = run("pipeline");
    assert_eq!(checks(&text), 25, "{text}");
    assert!(text.contains("flights loaded: 336776"));
    assert_eq!(page.matches("<svg").count(), 3);
    // Nothing is loaded from elsewhere.
    assert!(!page.contains("<link") && !page.contains("src="));
}

#[test]
fn rescue() {
    let (text, page) = run("rescue");
    assert_eq!(checks(&text), 13, "{text}");
    assert!(text.contains("rows changed: 55503"));
    assert!(page.contains("<svg"));
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

//! The Python package, installed where it is missing.

use std::env;
use std::fs;
use std::io::Result;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::missing;

const PACKAGE: &str = "moto[s3,sqs,server]";

/// A python3 that has the package.
pub(super) fn python() -> Result<Command> {
    static FOLDER: OnceLock<std::result::Result<Option<PathBuf>, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| find().map_err(|error| error.to_string()));
    let mut python = Command::new("python3");
    match folder {
        Ok(None) => {}
        Ok(Some(folder)) => {
            python.env("PYTHONPATH", folder);
        }
        Err(error) => return Err(missing(error)),
    }
    Ok(python)
}

/// Where the package is, or none if python3 has it by itself.
fn find() -> Result<Option<PathBuf>> {
    if has_package(Command::new("python3"))? {
        return Ok(None);
    }
    let binary = env::current_exe()?;
    let beside = binary.parent().ok_or_else(|| missing("the folder of the test"))?;
    let folder = beside.join("moto-server");
    if !folder.exists() {
        install(&folder)?;
    }
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", &folder);
    if has_package(python)? { Ok(Some(folder)) } else { Err(missing("moto does not start")) }
}

fn has_package(mut python: Command) -> Result<bool> {
    let probe = python.args(["-c", "import moto.server, flask"]);
    let probe = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.map(|status| status.success()).map_err(|source| missing(&format!("python3: {source}")))
}

/// Into a folder of its own first, so that whoever comes second finds all of
/// it or nothing.
fn install(folder: &PathBuf) -> Result<()> {
    let own = folder.with_extension(std::process::id().to_string());
    let done = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
        .arg(&own)
        .arg(PACKAGE)
        .output()?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(missing(&format!("pip install {PACKAGE}: {}", said.trim())));
    }
    match fs::rename(&own, folder) {
        // Somebody else was first.
        Err(_) if folder.exists() => fs::remove_dir_all(&own),
        other => other,
    }
}

//! `icecore-slt`: runs sqllogictest files against the engine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use icecore_slt::{Report, Store, find_files, run_file};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs sqllogictest files, each on a fresh engine whose clock starts at
/// 2013-01-01T00:00:00Z and stands still.
///
/// The syntax is the standard one, with `connection NAME` for another session
/// and `clock +25h` to move the clock. Every statement and query counts as one;
/// the last line says how many passed and failed.
#[derive(Parser)]
#[command(name = "icecore-slt", version)]
struct Options {
    /// Keeps each engine in a folder of its own below this path or URL, instead
    /// of in memory.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Files, or folders whose .slt files are meant.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let store = options.store.map_or(Store::Memory, Store::Below);
    match run(&options.files, &store).await {
        Ok(report) if report.is_success() && report.passed() > 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(paths: &[PathBuf], store: &Store) -> io::Result<Report> {
    let mut total = Report::default();
    let mut out = io::stdout();
    for path in paths {
        let files = find_files(path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        for file in files {
            total += run_one(&file, store, &mut out).await?;
        }
    }
    writeln!(out, "{total}")?;
    Ok(total)
}

async fn run_one(file: &Path, store: &Store, out: &mut impl Write) -> io::Result<Report> {
    let report = run_file(file, store).await;
    for failure in report.failures() {
        writeln!(out, "{}\n", failure.trim_end())?;
    }
    writeln!(out, "{}: {report}", file.display())?;
    Ok(report)
}

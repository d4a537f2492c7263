//! `numbers`: measures what the engine promises and prints it, counts
//! asserted. `docs/performance.md` says what each number means.

#[path = "numbers/cache.rs"]
mod cache;
#[path = "numbers/clone.rs"]
mod clone;
#[path = "numbers/commit.rs"]
mod commit;
#[path = "numbers/equal.rs"]
mod equal;
#[path = "numbers/files.rs"]
mod files;
#[path = "numbers/governance.rs"]
mod governance;
#[path = "numbers/load.rs"]
mod load;
#[path = "numbers/rate.rs"]
mod rate;
#[path = "numbers/refresh.rs"]
mod refresh;
#[path = "numbers/rollup.rs"]
mod rollup;
#[path = "numbers/tpch.rs"]
mod tpch;
#[path = "numbers/versions.rs"]
mod versions;

use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use icecore_benches::Outcome;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The numbers of the engine. Build it with --release.
#[derive(Parser)]
#[command(name = "numbers", version)]
struct Options {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// Clones of a table, a schema and a database of 1 to 100,000 segments.
    Clone(clone::Options),
    /// What a commit of one row costs, and how many there are in a second.
    Commit(commit::Options),
    /// Opening and planning with many versions behind.
    Versions(versions::Options),
    /// The second run of a query, and that of a clone.
    Cache(cache::Options),
    /// COPY INTO from CSV, beside DuckDB's COPY.
    Load(load::Options),
    /// Many small files, in one COPY and through a pipe.
    Files(files::Options),
    /// The refresh of an aggregate, beside computing it again.
    Refresh(refresh::Options),
    /// A metric from a roll-up, beside the same from the rows.
    Rollup(rollup::Options),
    /// Decisions, governed scans, planning among policies.
    Governance(governance::Options),
    /// The 22 queries of TPC-H, beside DuckDB.
    Tpch(tpch::Options),
    /// All of them, one after the other.
    All {
        /// The scale of TPC-H.
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse().subject).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(subject: Subject) -> Outcome {
    match subject {
        Subject::Clone(options) => clone::run(options).await,
        Subject::Commit(options) => commit::run(options).await,
        Subject::Versions(options) => versions::run(options).await,
        Subject::Cache(options) => cache::run(options).await,
        Subject::Load(options) => load::run(options).await,
        Subject::Files(options) => files::run(options).await,
        Subject::Refresh(options) => refresh::run(options).await,
        Subject::Rollup(options) => rollup::run(options).await,
        Subject::Governance(options) => governance::run(options).await,
        Subject::Tpch(options) => tpch::run(options).await,
        Subject::All { scale } => all(scale),
    }
}

/// Each in a process of its own, so that none is measured in the memory that
/// another left behind.
fn all(scale: f64) -> Outcome {
    let scale = scale.to_string();
    let subjects: [&[&str]; 11] = [
        &["clone"],
        &["commit"],
        &["versions"],
        &["cache"],
        &["load", "--scale", &scale],
        &["load", "--bad", "--scale", &scale],
        &["files"],
        &["refresh", "--scale", &scale],
        &["rollup", "--scale", &scale],
        &["governance"],
        &["tpch", "--scale", &scale],
    ];
    let mut failed: Vec<&str> = Vec::new();
    for subject in subjects {
        if !Command::new(std::env::current_exe()?).args(subject).status()?.success() {
            failed.extend(&subject[..1]);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

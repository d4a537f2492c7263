//! Opening and planning with many versions behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use icecore::{Icecore, Settings};
use icecore_benches::{
    Counted, Outcome, Report, Rounds, Stopwatch, bytes, millis, number, resident_bytes,
};
use icecore_snapshot::{Durability, open_store};
use serde::{Deserialize, Serialize};

/// So few that they cannot matter.
const FEW: u64 = 100;

const QUERIES: [(&str, &str); 2] = [
    ("SELECT COUNT(*)", "SELECT COUNT(*) FROM t"),
    ("point query", "SELECT n FROM t WHERE n = 42"),
];

#[derive(Args)]
pub struct Options {
    /// Versions of the account.
    #[arg(long, default_value_t = 10_000)]
    versions: u64,
    /// Plans of each kind.
    #[arg(long, default_value_t = 101)]
    rounds: usize,
    /// Measures a store that is there, and prints what was measured as JSON.
    #[arg(long, hide = true)]
    store: Option<PathBuf>,
}

/// What a process measured that began with an empty memory.
#[derive(Serialize, Deserialize)]
struct Measured {
    open: Duration,
    open_requests: usize,
    /// What was in memory more after opening.
    open_bytes: u64,
    /// For each query: at the head, at the version in the middle.
    plans: Vec<[Duration; 2]>,
}

pub async fn run(options: Options) -> Outcome {
    if let Some(store) = &options.store {
        let measured = measure(store, &options).await?;
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut columns = Vec::new();
    for versions in [FEW, options.versions] {
        let store = folder.path().join(versions.to_string());
        write(&store, versions).await?;
        columns.push((versions, in_another_process(&store, versions, options.rounds)?));
    }
    report(&columns, options.rounds);
    Ok(())
}

/// One row a version; what is due runs now and then, as it does in a program
/// that is open for long.
async fn write(store: &Path, versions: u64) -> Outcome {
    let url = store.to_str().ok_or("a folder whose name is no text")?;
    let settings = Settings { durability: Durability::Os, alone: true, ..Settings::default() };
    let lake = Icecore::builder(url).settings(settings).await?;
    let session = lake.session().await?;
    session.execute("CREATE TABLE t (n INT)").await?;
    while lake.version().get() < versions {
        let n = lake.version().get();
        session.execute(&format!("INSERT INTO t VALUES ({n})")).await?;
        if n.is_multiple_of(100) && n + 100 < versions {
            lake.run_due().await?;
        }
    }
    lake.close().await?;
    Ok(())
}

fn in_another_process(store: &Path, versions: u64, rounds: usize) -> Outcome<Measured> {
    let output = Command::new(std::env::current_exe()?)
        .args(["versions", "--versions", &versions.to_string()])
        .args(["--rounds", &rounds.to_string(), "--store"])
        .arg(store)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

async fn measure(store: &Path, options: &Options) -> Outcome<Measured> {
    let url = store.to_str().ok_or("a folder whose name is no text")?;
    let store = open_store(url, Durability::Os)?;
    let before = resident_bytes()?;
    let watch = Stopwatch::start();
    let world = Counted::open(store.clone()).await?;
    let mut opens: Rounds = [watch.elapsed()].into_iter().collect();
    let open_bytes = resident_bytes()?.saturating_sub(before);
    let open_requests = world.store.counts().requests();
    assert_eq!(world.lake.version().get(), options.versions);
    for _ in 0..4 {
        let watch = Stopwatch::start();
        Counted::open(store.clone()).await?;
        opens.add(watch.elapsed());
    }
    let middle = format!(" FROM t AT(VERSION => {})", options.versions / 2);
    let mut plans = Vec::new();
    for (_, sql) in QUERIES {
        let then = sql.replace(" FROM t", &middle);
        plans.push(plan(&world, [sql, &then], options.rounds).await?);
    }
    Ok(Measured { open: opens.median(), open_requests, open_bytes, plans })
}

/// Median times from text to physical plan, one beside the other.
async fn plan(world: &Counted, queries: [&str; 2], rounds: usize) -> Outcome<[Duration; 2]> {
    let mut times = [Rounds::default(), Rounds::default()];
    for _ in 0..rounds {
        for (sql, times) in queries.iter().zip(&mut times) {
            let watch = Stopwatch::start();
            world.session.sql(sql).await?.create_physical_plan().await?;
            times.add(watch.elapsed());
        }
    }
    Ok(times.map(|times| times.median()))
}

fn report(columns: &[(u64, Measured)], rounds: usize) {
    let header: Vec<_> =
        columns.iter().map(|(versions, _)| format!("{} versions", number(*versions))).collect();
    let mut names = vec!["of one table"];
    names.extend(header.iter().map(String::as_str));
    let mut report = Report::new("Versions: opening and planning", &names);
    let mut row = |name: &str, value: &dyn Fn(&Measured) -> String| {
        let mut cells = vec![name.to_owned()];
        cells.extend(columns.iter().map(|(_, measured)| value(measured)));
        let cells: Vec<&dyn std::fmt::Display> = cells.iter().map(|cell| cell as _).collect();
        report.row(&cells);
    };
    row("open", &|m| millis(m.open));
    row("requests of opening", &|m| m.open_requests.to_string());
    row("memory of opening", &|m| bytes(m.open_bytes));
    for (at, (name, _)) in QUERIES.iter().enumerate() {
        row(&format!("plan {name}, head"), &|m| millis(m.plans[at][0]));
        row(&format!("plan {name}, middle"), &|m| millis(m.plans[at][1]));
    }
    report.print();
    println!("medians of 5 openings and {rounds} plans, on a local folder\n");
}

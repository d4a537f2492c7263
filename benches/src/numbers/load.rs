//! Loading lineitem from CSV, beside DuckDB.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use icecore::{Icecore, Settings};
use icecore_benches::{
    DuckDb, Outcome, Report, Rounds, Stopwatch, TpchTable, bytes, forget_peak, number, peak_bytes,
    seconds,
};
use serde::{Deserialize, Serialize};

/// What both engines must agree on afterwards.
const CHECK: &str = "SELECT COUNT(*), SUM(l_orderkey), SUM(l_extendedprice), SUM(l_tax),
    MIN(l_shipdate), MAX(l_receiptdate), SUM(LENGTH(l_comment)) FROM lineitem";

#[derive(Args)]
pub struct Options {
    /// The scale of TPC-H: 1 is 6,001,215 rows.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Loads by each engine, in turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads of each engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Loads this file into a new store, and prints what was measured as JSON.
    #[arg(long, hide = true, requires = "store")]
    file: Option<PathBuf>,
    #[arg(long, hide = true)]
    store: Option<PathBuf>,
}

/// What a process measured that did nothing but load.
#[derive(Serialize, Deserialize)]
struct Measured {
    put: Duration,
    load: Duration,
    put_peak_bytes: u64,
    load_peak_bytes: u64,
    stored_bytes: u64,
    check: Vec<Option<String>>,
}

pub async fn run(options: Options) -> Outcome {
    if let (Some(file), Some(store)) = (&options.file, &options.store) {
        let measured = measure(file, store, options.threads).await?;
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("lineitem.csv");
    let rows = TpchTable::LineItem.write_csv(&file, options.scale)?;
    let size = std::fs::metadata(&file)?.len();
    println!("lineitem at scale {}: {} rows, {} of CSV", options.scale, number(rows), bytes(size));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let peer = by_duckdb(&file, &folder.path().join(format!("{round}.duckdb")), &options)?;
        let here = in_another_process(&file, &folder.path().join(round.to_string()), &options)?;
        assert_eq!(here.check, peer.check, "the engines loaded different rows");
        ours.push(here);
        theirs.push(peer);
    }
    report(rows, &ours, &theirs, &options);
    Ok(())
}

async fn measure(file: &Path, store: &Path, threads: usize) -> Outcome<Measured> {
    let url = store.to_str().ok_or("a folder whose name is no text")?;
    let settings = Settings { threads, ..Settings::default() };
    let lake = Icecore::builder(url).settings(settings).await?;
    let session = lake.session().await?;
    session.execute("CREATE STAGE landing").await?;
    session.execute(&TpchTable::LineItem.ddl()).await?;
    let put = format!("PUT file://{} @landing AUTO_COMPRESS = FALSE", file.display());
    let watch = Stopwatch::start();
    session.execute(&put).await?;
    let put = watch.elapsed();
    let put_peak_bytes = peak_bytes()?;
    forget_peak()?;
    let watch = Stopwatch::start();
    session
        .execute(
            "COPY INTO lineitem FROM @landing FILE_FORMAT =
             (TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"')",
        )
        .await?;
    let load = watch.elapsed();
    let load_peak_bytes = peak_bytes()?;
    let check = session.execute(CHECK).await?.texts().await?.swap_remove(0);
    lake.close().await?;
    let stored_bytes = folder_bytes(&store.join("account"))? - std::fs::metadata(file)?.len();
    Ok(Measured { put, load, put_peak_bytes, load_peak_bytes, stored_bytes, check })
}

fn folder_bytes(folder: &Path) -> Outcome<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        total += if kind.is_dir() { folder_bytes(&entry.path())? } else { kind.len() };
    }
    Ok(total)
}

fn in_another_process(file: &Path, store: &Path, options: &Options) -> Outcome<Measured> {
    let output = Command::new(std::env::current_exe()?)
        .args(["load", "--threads", &options.threads.to_string(), "--file"])
        .arg(file)
        .arg("--store")
        .arg(store)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let measured = serde_json::from_slice(&output.stdout)?;
    std::fs::remove_dir_all(store)?;
    Ok(measured)
}

fn by_duckdb(file: &Path, database: &Path, options: &Options) -> Outcome<Measured> {
    let mut duckdb = DuckDb::open(database, options.threads)?;
    duckdb.run(&TpchTable::LineItem.ddl())?;
    let copy = format!(
        "COPY lineitem FROM '{}' (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"')",
        file.display()
    );
    let answer = duckdb.run(&copy)?;
    let check = duckdb.query(CHECK)?.rows.swap_remove(0);
    duckdb.run("CHECKPOINT")?;
    drop(duckdb);
    let stored_bytes = std::fs::metadata(database)?.len();
    std::fs::remove_file(database)?;
    Ok(Measured {
        put: Duration::ZERO,
        load: answer.time(),
        put_peak_bytes: 0,
        load_peak_bytes: answer.peak_bytes,
        stored_bytes,
        check,
    })
}

fn report(rows: u64, ours: &[Measured], theirs: &[Measured], options: &Options) {
    let mut report = Report::new(
        format!("Load: COPY of lineitem, {} threads", options.threads),
        &["", "median", "best", "rows/s", "peak memory", "stored"],
    );
    let mut medians = Vec::new();
    for (name, measured) in [("Icecore COPY INTO", ours), ("DuckDB COPY", theirs)] {
        let times: Rounds = measured.iter().map(|it| it.load).collect();
        medians.push(times.median().as_secs_f64());
        let peak = measured.iter().map(|it| it.load_peak_bytes).max().unwrap_or_default();
        let stored = measured.first().map_or(0, |it| it.stored_bytes);
        let rate = rows as f64 / times.median().as_secs_f64();
        report.row(&[
            &name,
            &seconds(times.median()),
            &seconds(times.best()),
            &number(rate as u64),
            &bytes(peak),
            &bytes(stored),
        ]);
    }
    report.print();
    let puts: Rounds = ours.iter().map(|it| it.put).collect();
    let peak = ours.iter().map(|it| it.put_peak_bytes).max().unwrap_or_default();
    println!(
        "{} rounds each, in turn; ratio of medians {:.2} (below 1: Icecore is faster)",
        options.rounds,
        medians[0] / medians[1]
    );
    println!(
        "before it, PUT of the file into the stage: {}, peak memory {}\n",
        seconds(puts.median()),
        bytes(peak)
    );
}

//! Loading lineitem from CSV, beside DuckDB and Polars.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use icecore::{Icecore, Settings};
use icecore_benches::{
    DuckDb, Outcome, PolarsLoad, Report, Rounds, Stopwatch, TpchTable, bytes, forget_peak, number,
    peak_bytes, seconds,
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
    /// Every hundredth record has a quantity that is no number, and is left
    /// out and reported.
    #[arg(long)]
    bad: bool,
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
    /// Records that were left out, each with its place and its reason.
    reported: u64,
    check: Vec<Option<String>>,
}

pub async fn run(options: Options) -> Outcome {
    if let (Some(file), Some(store)) = (&options.file, &options.store) {
        let measured = measure(file, store, &options).await?;
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut file = folder.path().join("lineitem.csv");
    let rows = TpchTable::LineItem.write_csv(&file, options.scale)?;
    let mut bad = 0;
    if options.bad {
        let spoiled = folder.path().join("spoiled.csv");
        bad = spoil(&file, &spoiled)?;
        std::fs::remove_file(&file)?;
        file = spoiled;
    }
    let size = std::fs::metadata(&file)?.len();
    println!(
        "lineitem at scale {}: {} records, {} of them bad, {} of CSV",
        options.scale,
        number(rows),
        number(bad),
        bytes(size)
    );
    let (mut ours, mut theirs, mut polars) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let peer = by_duckdb(&file, &folder.path().join(format!("{round}.duckdb")), &options)?;
        let here = in_another_process(&file, &folder.path().join(round.to_string()), &options)?;
        assert_eq!(here.check, peer.check, "the engines loaded different rows");
        assert_eq!((here.reported, peer.reported), (bad, bad), "not all bad records are reported");
        ours.push(here);
        theirs.push(peer);
        // It reports no bad records.
        if !options.bad {
            let load = PolarsLoad::run(&file, TpchTable::LineItem, folder.path(), options.threads)?;
            assert_eq!(load.rows, rows, "Polars loaded other rows");
            polars.push(load);
        }
    }
    report(rows, (&ours, &theirs, &polars), &options);
    Ok(())
}

/// Copies the file with every hundredth record spoiled; says how many.
fn spoil(file: &Path, spoiled: &Path) -> Outcome<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(spoiled)?);
    let mut bad = 0;
    for (at, line) in BufReader::with_capacity(1 << 20, File::open(file)?).lines().enumerate() {
        let line = line?;
        // The fields before the comment have no commas.
        let fields: Vec<_> = line.splitn(6, ',').collect();
        match fields[..] {
            [order, part, supplier, number, _, rest] if at > 0 && at % 100 == 0 => {
                writeln!(out, "{order},{part},{supplier},{number},many,{rest}")?;
                bad += 1;
            }
            _ => writeln!(out, "{line}")?,
        }
    }
    out.flush()?;
    Ok(bad)
}

async fn measure(file: &Path, store: &Path, options: &Options) -> Outcome<Measured> {
    let url = store.to_str().ok_or("a folder whose name is no text")?;
    let settings = Settings { threads: options.threads, ..Settings::default() };
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
    let on_error = if options.bad { "CONTINUE" } else { "ABORT_STATEMENT" };
    let copy = format!(
        "COPY INTO lineitem FROM @landing ON_ERROR = {on_error} FILE_FORMAT =
         (TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"')"
    );
    let watch = Stopwatch::start();
    session.execute(&copy).await?;
    let load = watch.elapsed();
    let load_peak_bytes = peak_bytes()?;
    let reported = "SELECT COUNT(*) FROM TABLE(VALIDATE(lineitem, JOB_ID => '_last'))";
    let reported = one(session.execute(reported).await?.texts().await?)?;
    let check = session.execute(CHECK).await?.texts().await?.swap_remove(0);
    lake.close().await?;
    let stored_bytes = folder_bytes(&store.join("account"))? - std::fs::metadata(file)?.len();
    Ok(Measured { put, load, put_peak_bytes, load_peak_bytes, stored_bytes, reported, check })
}

/// The one number of a result.
fn one(rows: Vec<Vec<Option<String>>>) -> Outcome<u64> {
    let value = rows.into_iter().flatten().flatten().next().ok_or("a result without a row")?;
    Ok(value.parse()?)
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
    let mut process = Command::new(std::env::current_exe()?);
    process.args(["load", "--threads", &options.threads.to_string()]);
    process.args(options.bad.then_some("--bad"));
    let output = process.arg("--file").arg(file).arg("--store").arg(store).output()?;
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
    let rejects = if options.bad { ", STORE_REJECTS true, REJECTS_LIMIT 0" } else { "" };
    let copy = format!(
        "COPY lineitem FROM '{}' (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"'{rejects})",
        file.display()
    );
    let answer = duckdb.run(&copy)?;
    let check = duckdb.query(CHECK)?.rows.swap_remove(0);
    let reported = match options.bad {
        true => one(duckdb.query("SELECT COUNT(*) FROM reject_errors")?.rows)?,
        false => 0,
    };
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
        reported,
        check,
    })
}

fn report(
    rows: u64,
    (ours, theirs, polars): (&[Measured], &[Measured], &[PolarsLoad]),
    options: &Options,
) {
    let what = if options.bad { ", one record of a hundred bad and reported" } else { "" };
    let mut report = Report::new(
        format!("Load: COPY of lineitem, {} threads{what}", options.threads),
        &["", "median", "best", "records/s", "peak memory", "stored"],
    );
    let mut medians = Vec::new();
    let mut row = |name: &str, times: Rounds, peak: Option<u64>, stored: Option<u64>| {
        medians.push(times.median().as_secs_f64());
        let rate = rows as f64 / times.median().as_secs_f64();
        report.row(&[
            &name,
            &seconds(times.median()),
            &seconds(times.best()),
            &number(rate as u64),
            &bytes(peak.unwrap_or_default()),
            &stored.map_or_else(String::new, bytes),
        ]);
    };
    for (name, measured) in [("Icecore COPY INTO", ours), ("DuckDB COPY", theirs)] {
        let peak = measured.iter().map(|it| it.load_peak_bytes).max();
        let stored = measured.first().map(|it| it.stored_bytes);
        row(name, measured.iter().map(|it| it.load).collect(), peak, stored);
    }
    if let Some(first) = polars.first() {
        let peak = polars.iter().map(|it| it.peak_bytes).max();
        let name = format!("Polars {} to Parquet, nothing checked", first.version);
        row(&name, polars.iter().map(PolarsLoad::time).collect(), peak, None);
    }
    report.print();
    println!(
        "{} rounds each, in turn; ratio of medians to DuckDB {:.2} (below 1: Icecore is faster)",
        options.rounds,
        medians[0] / medians[1]
    );
    let puts: Rounds = ours.iter().map(|it| it.put).collect();
    let peak = ours.iter().map(|it| it.put_peak_bytes).max().unwrap_or_default();
    println!(
        "before it, PUT of the file into the stage: {}, peak memory {}\n",
        seconds(puts.median()),
        bytes(peak)
    );
}

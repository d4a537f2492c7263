//! The 22 queries of TPC-H, beside DuckDB.

use std::path::Path;

use clap::Args;
use icecore::{ByteSize, Icecore, Session, Settings};
use icecore_benches::{
    DuckDb, Outcome, Report, Rounds, Stopwatch, TpchTable, bytes, millis, number, queries,
    resident_bytes, seconds,
};

use crate::equal::same_rows;

/// Batches of one append, about: what is in memory at a time while loading.
const APPEND_ROWS: f64 = 1_000_000.0;

#[derive(Args)]
pub struct Options {
    /// The scale of TPC-H: 1 is 6,001,215 rows of lineitem.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Timed runs of each query by each engine, in turn, after one that is not
    /// timed.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Threads of each engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Memory for decoded columns, in MiB.
    #[arg(long, default_value_t = 4_096)]
    cache_mib: u64,
    /// Only these queries, for example q01,q06.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// What a query took here and there, and whether the rows were the same.
struct Measured {
    ours: Rounds,
    theirs: Rounds,
    rows: usize,
    equal: Result<(), String>,
}

pub async fn run(options: Options) -> Outcome {
    let folder = tempfile::tempdir()?;
    let url = folder.path().join("icecore");
    let settings = Settings {
        threads: options.threads,
        cache: ByteSize::mib(options.cache_mib),
        ..Settings::default()
    };
    let url = url.to_str().ok_or("a folder whose name is no text")?;
    let lake = Icecore::builder(url).settings(settings).await?;
    let session = lake.session().await?;
    append_all(&session, options.scale).await?;
    lake.run_due().await?;
    let mut duckdb = DuckDb::open(&folder.path().join("peer.duckdb"), options.threads)?;
    copy_all(&mut duckdb, folder.path(), options.scale)?;
    let mut measured = Vec::new();
    for (name, sql) in queries() {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            measured.push((name, measure(&session, &mut duckdb, sql, options.rounds).await));
        }
    }
    let failed = report(&measured, &options, duckdb.version());
    println!("in memory after all queries: {}\n", bytes(resident_bytes()?));
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

async fn append_all(session: &Session, scale: f64) -> Outcome {
    let watch = Stopwatch::start();
    let mut rows = 0;
    for table in TpchTable::ALL {
        session.execute(&table.ddl()).await?;
        let handle = session.table(table.name()).await?;
        let parts = parts(table, scale);
        for part in 1..=parts {
            let batches: Vec<_> = table.batches(scale, part, parts).collect();
            rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            handle.append(batches).await?;
        }
    }
    println!("appended {} rows, generation included: {}", number(rows), seconds(watch.elapsed()));
    Ok(())
}

/// In how many parts a table is appended.
fn parts(table: TpchTable, scale: f64) -> i32 {
    let rows = match table {
        TpchTable::Region | TpchTable::Nation => 0.0,
        TpchTable::Supplier => 10_000.0,
        TpchTable::Customer => 150_000.0,
        TpchTable::Part => 200_000.0,
        TpchTable::PartSupp => 800_000.0,
        TpchTable::Orders => 1_500_000.0,
        TpchTable::LineItem => 6_000_000.0,
    };
    (rows * scale / APPEND_ROWS).ceil().max(1.0) as i32
}

/// The same rows, on their way through CSV.
fn copy_all(duckdb: &mut DuckDb, folder: &Path, scale: f64) -> Outcome {
    let file = folder.join("table.csv");
    for table in TpchTable::ALL {
        table.write_csv(&file, scale)?;
        duckdb.run(&table.ddl())?;
        duckdb.run(&table.duckdb_copy(&file))?;
    }
    std::fs::remove_file(&file)?;
    duckdb.run("CHECKPOINT")?;
    duckdb.run("ANALYZE")?;
    Ok(())
}

async fn measure(
    session: &Session,
    duckdb: &mut DuckDb,
    sql: &str,
    rounds: usize,
) -> Outcome<Measured> {
    let expected = duckdb.query(sql)?;
    let result = session.execute(sql).await?;
    let columns = result.columns().to_vec();
    let rows = result.texts().await?;
    let equal = same_rows(&rows, &columns, &expected);
    let mut measured =
        Measured { ours: Rounds::default(), theirs: Rounds::default(), rows: rows.len(), equal };
    for _ in 0..rounds {
        measured.theirs.add(duckdb.run(sql)?.time());
        let watch = Stopwatch::start();
        session.execute(sql).await?.collect().await?;
        measured.ours.add(watch.elapsed());
    }
    Ok(measured)
}

/// Prints the table; returns what failed or differed.
fn report(queries: &[(&str, Outcome<Measured>)], options: &Options, version: &str) -> Vec<String> {
    let mut report = Report::new(
        format!("TPC-H scale {}, {} threads, hot", options.scale, options.threads),
        &["query", "rows", "Icecore", "DuckDB", "ratio", "ratio of best", "result"],
    );
    let mut failed = Vec::new();
    let (mut medians, mut bests) = (Vec::new(), Vec::new());
    for (name, outcome) in queries {
        let measured = match outcome {
            Ok(measured) => measured,
            Err(error) => {
                report.row(&[name, &"", &"", &"", &"", &"", &"error"]);
                failed.push(format!("{name}: {error}"));
                continue;
            }
        };
        let ratio = |ours: std::time::Duration, theirs: std::time::Duration| {
            ours.as_secs_f64() / theirs.as_secs_f64()
        };
        medians.push(ratio(measured.ours.median(), measured.theirs.median()));
        bests.push(ratio(measured.ours.best(), measured.theirs.best()));
        if let Err(difference) = &measured.equal {
            failed.push(format!("{name} differs: {difference}"));
        }
        report.row(&[
            name,
            &measured.rows,
            &millis(measured.ours.median()),
            &millis(measured.theirs.median()),
            &last(&medians),
            &last(&bests),
            &if measured.equal.is_ok() { "equal" } else { "DIFFERS" },
        ]);
    }
    let (median, best) = (geometric_mean(&medians), geometric_mean(&bests));
    report.row(&[&"geometric mean", &"", &"", &"", &median, &best, &""]);
    report.print();
    println!("medians of {} rounds each, in turn; DuckDB {version}", options.rounds);
    println!("ratios below 1: Icecore is faster");
    failed
}

fn last(ratios: &[f64]) -> String {
    ratios.last().map_or_else(String::new, |ratio| format!("{ratio:.2}"))
}

fn geometric_mean(ratios: &[f64]) -> String {
    let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    format!("{:.2}", (logarithms / ratios.len().max(1) as f64).exp())
}

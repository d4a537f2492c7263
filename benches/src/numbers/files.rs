//! Many small files: in one COPY, through a pipe, and as they arrive.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use icecore::{FileEvent, Session, Settings};
use icecore_benches::{Counted, DuckDb, Outcome, Report, Rounds, Stopwatch, number, seconds};
use icecore_snapshot::{Durability, open_store};
use icecore_types::{SystemTimer, Timer};

const DDL: &str = "CREATE TABLE readings (file BIGINT NOT NULL, sensor BIGINT NOT NULL,
    taken TIMESTAMP NOT NULL, celsius DECIMAL(6,2), note VARCHAR(40))";
const CHECK: &str = "SELECT COUNT(*), SUM(file), SUM(sensor), SUM(celsius), COUNT(DISTINCT taken),
    SUM(LENGTH(note)) FROM readings";
const FORMAT: &str = "FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1)";

#[derive(Args)]
pub struct Options {
    /// Files of the load.
    #[arg(long, default_value_t = 10_000)]
    files: u64,
    /// Records of a file.
    #[arg(long, default_value_t = 100)]
    records: u64,
    /// Files that arrive one after the other.
    #[arg(long, default_value_t = 500)]
    arrivals: u64,
    /// Milliseconds between two arrivals.
    #[arg(long, default_value_t = 20)]
    every_ms: u64,
    /// Threads of each engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

pub async fn run(options: Options) -> Outcome {
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("files");
    std::fs::create_dir(&files)?;
    for file in 0..options.files {
        std::fs::write(files.join(name(file)), text(file, options.records))?;
    }
    let store = folder.path().join("icecore");
    let url = store.to_str().ok_or("a folder whose name is no text")?;
    let settings = Settings { threads: options.threads, ..Settings::default() };
    let world = Counted::with(open_store(url, Durability::Full)?, settings).await?;
    let session = &world.session;
    session.execute("CREATE STAGE landing").await?;
    let put = format!("PUT 'file://{}/*' @landing AUTO_COMPRESS = FALSE", files.display());
    session.execute(&put).await?;
    let mut report = Report::new(
        format!("{} files of {} records", number(options.files), options.records),
        &["", "time", "files/s", "requests per file"],
    );
    let mut row = |name: &str, time: Duration, requests: Option<usize>| {
        let per_file = |requests| format!("{:.2}", requests as f64 / options.files as f64);
        let rate = options.files as f64 / time.as_secs_f64();
        let requests = requests.map_or_else(String::new, per_file);
        report.row(&[&name, &seconds(time), &number(rate as u64), &requests]);
    };
    let (time, requests) = by_copy(&world).await?;
    let copied = session.execute(CHECK).await?.texts().await?;
    row("Icecore COPY INTO", time, Some(requests));
    session.execute("ALTER TABLE readings RENAME TO copied").await?;
    let (time, requests) = by_pipe(&world, options.files).await?;
    let piped = session.execute(CHECK).await?.texts().await?;
    row("Icecore pipe, all notified at once", time, Some(requests));
    let (time, expected) = by_duckdb(&folder.path().join("peer.duckdb"), &files, &options)?;
    row("DuckDB COPY", time, None);
    assert_eq!((&copied, &piped), (&expected, &expected), "the engines loaded different rows");
    report.print();
    println!("one run, on a local folder that syncs file and folder before a commit is answered\n");
    arrive(&world, &options).await
}

fn name(file: u64) -> String {
    format!("readings-{file:06}.csv")
}

fn text(file: u64, records: u64) -> String {
    let mut text = "file,sensor,taken,celsius,note\n".to_owned();
    for record in 0..records {
        let celsius = (file * 31 + record * 7) % 6_000;
        let (minute, second) = (record / 60 % 60, record % 60);
        let (whole, part) = (celsius / 100, celsius % 100);
        // Text cannot fail to be written to a string.
        let _ = writeln!(
            text,
            "{file},{record},2026-01-01 {:02}:{minute:02}:{second:02},{whole}.{part:02},measured at post {}",
            file % 24,
            file % 97
        );
    }
    text
}

async fn by_copy(world: &Counted) -> Outcome<(Duration, usize)> {
    world.session.execute(DDL).await?;
    world.store.reset();
    let watch = Stopwatch::start();
    world.session.execute(&format!("COPY INTO readings FROM @landing {FORMAT}")).await?;
    Ok((watch.elapsed(), world.store.counts().requests()))
}

/// Makes the table and its pipe; returns where the pipe's stage is.
async fn furnish(session: &Session) -> Outcome<String> {
    session.execute(DDL).await?;
    let pipe = format!(
        "CREATE PIPE arriving AUTO_INGEST = TRUE AS COPY INTO readings FROM @landing {FORMAT}"
    );
    session.execute(&pipe).await?;
    let status = session.pipe("arriving").await?.status().await?;
    Ok(status.notification_channel_name.ok_or("a pipe without a channel")?)
}

async fn by_pipe(world: &Counted, files: u64) -> Outcome<(Duration, usize)> {
    let location = furnish(&world.session).await?;
    world.store.reset();
    let watch = Stopwatch::start();
    let events = (0..files).map(|file| FileEvent::new(format!("{location}{}", name(file))));
    world.lake.notify(events).await?;
    world.lake.run_due().await?;
    Ok((watch.elapsed(), world.store.counts().requests()))
}

fn by_duckdb(
    database: &Path,
    files: &Path,
    options: &Options,
) -> Outcome<(Duration, Vec<Vec<Option<String>>>)> {
    let mut duckdb = DuckDb::open(database, options.threads)?;
    duckdb.run(DDL)?;
    // Its guess of each file's dialect takes a hundred times as long.
    let copy = format!(
        "COPY readings FROM '{}/*.csv'
         (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', AUTO_DETECT false)",
        files.display()
    );
    let time = duckdb.run(&copy)?.time();
    Ok((time, duckdb.query(CHECK)?.rows))
}

/// Files that come one after the other while what is due runs by itself: from
/// the notification of each to the first query that sees its rows.
async fn arrive(world: &Counted, options: &Options) -> Outcome {
    let session = &world.session;
    session.execute("DROP PIPE arriving").await?;
    session.execute("ALTER TABLE readings RENAME TO piped").await?;
    let location = furnish(session).await?;
    let watch = Stopwatch::start();
    let arriving = async {
        let mut told = BTreeMap::new();
        for file in 0..options.arrivals {
            let due = Duration::from_millis(file * options.every_ms);
            SystemTimer::default().sleep(due.saturating_sub(watch.elapsed())).await;
            told.insert(file, watch.elapsed());
            world.lake.notify([FileEvent::new(format!("{location}{}", name(file)))]).await?;
        }
        Outcome::Ok(told)
    };
    let (told, seen) = tokio::select! {
        // It ends with an error only.
        ended = world.lake.run() => return Err(format!("what is due ended: {ended:?}").into()),
        both = async { tokio::try_join!(arriving, watching(world, options, watch)) } => both?,
    };
    let times: Rounds = told
        .iter()
        .filter_map(|(file, told)| Some(seen.get(file)?.saturating_sub(*told)))
        .collect();
    assert_eq!(times.count() as u64, options.arrivals, "not every file was seen");
    println!(
        "{} files, one every {} ms, {} records each: from notification to visible rows \
         p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms\n",
        options.arrivals,
        options.every_ms,
        options.records,
        times.part(0.50).as_secs_f64() * 1e3,
        times.part(0.99).as_secs_f64() * 1e3,
        times.part(1.0).as_secs_f64() * 1e3,
    );
    Ok(())
}

/// When the rows of each file were first seen; asks at each new version.
async fn watching(
    world: &Counted,
    options: &Options,
    watch: Stopwatch,
) -> Outcome<BTreeMap<u64, Duration>> {
    let mut seen = BTreeMap::new();
    let mut version = world.lake.version();
    while (seen.len() as u64) < options.arrivals {
        if watch.elapsed() > Duration::from_millis(options.arrivals * options.every_ms + 60_000) {
            return Err(format!("only {} files were loaded", seen.len()).into());
        }
        SystemTimer::default().sleep(Duration::from_micros(500)).await;
        if world.lake.version() == version {
            continue;
        }
        version = world.lake.version();
        let first = (0..).find(|file| !seen.contains_key(file)).unwrap_or_default();
        let query = format!("SELECT DISTINCT file FROM readings WHERE file >= {first}");
        let rows = world.session.execute(&query).await?.texts().await?;
        for file in rows.into_iter().flatten().flatten() {
            seen.entry(file.parse()?).or_insert_with(|| watch.elapsed());
        }
    }
    Ok(seen)
}

//! A metric answered from a roll-up, beside the same metric from the rows.

use clap::Args;
use icecore::{Icecore, Session, Settings};
use icecore_benches::{DuckDb, Outcome, Report, Rounds, Stopwatch, TpchTable, bytes, millis};

use crate::equal::same_rows;

/// The rows are appended in so many parts.
const PARTS: i32 = 6;

const VIEW: &str = "CREATE SEMANTIC VIEW sales TABLES (lineitem)
    DIMENSIONS (lineitem.shipdate AS l_shipdate, lineitem.shipmode AS l_shipmode,
        lineitem.flag AS l_returnflag)
    METRICS (lineitem.items AS COUNT(*), lineitem.quantity AS SUM(l_quantity),
        lineitem.revenue AS SUM(l_extendedprice), lineitem.least AS MIN(l_discount))";

const ROLLUP: &str = "CREATE DYNAMIC TABLE sales_by_day TARGET_LAG = '1 day' WAREHOUSE = compute_wh
    REFRESH_MODE = INCREMENTAL ROLLUP OF SEMANTIC VIEW sales
    METRICS lineitem.items, lineitem.quantity, lineitem.revenue, lineitem.least
    DIMENSIONS lineitem.shipdate, lineitem.shipmode, lineitem.flag";

/// The query, and what says the same to DuckDB.
const QUERY: &str = "SELECT shipmode, items, revenue, least FROM SEMANTIC_VIEW(sales
    METRICS lineitem.items, lineitem.revenue, lineitem.least DIMENSIONS lineitem.shipmode)
    ORDER BY shipmode";
const PLAIN: &str = "SELECT l_shipmode, COUNT(*), SUM(l_extendedprice), MIN(l_discount)
    FROM lineitem GROUP BY l_shipmode ORDER BY l_shipmode";

#[derive(Args)]
pub struct Options {
    /// The scale of TPC-H: 1 is 6,001,215 rows.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Runs of the query each way, in turn, after one that is not timed.
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    /// Threads of each engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

pub async fn run(options: Options) -> Outcome {
    let folder = tempfile::tempdir()?;
    let url = folder.path().join("icecore");
    let url = url.to_str().ok_or("a folder whose name is no text")?;
    let settings = Settings { threads: options.threads, ..Settings::default() };
    let session = Icecore::builder(url).settings(settings).await?.session().await?;
    session.execute(&TpchTable::LineItem.ddl()).await?;
    for part in 1..=PARTS {
        let batches: Vec<_> = TpchTable::LineItem.batches(options.scale, part, PARTS).collect();
        session.table("lineitem").await?.append(batches).await?;
    }
    let mut duckdb = DuckDb::open(&folder.path().join("peer.duckdb"), options.threads)?;
    let file = folder.path().join("lineitem.csv");
    TpchTable::LineItem.write_csv(&file, options.scale)?;
    duckdb.run(&TpchTable::LineItem.ddl())?;
    duckdb.run(&TpchTable::LineItem.duckdb_copy(&file))?;
    session.execute(VIEW).await?;
    let expected = duckdb.query(PLAIN)?;
    let mut times = [Rounds::default(), Rounds::default(), Rounds::default()];
    let mut bytes_read = [0, 0];
    bytes_read[0] = check(&session, &expected).await?;
    for _ in 0..options.rounds {
        times[0].add(time(&session).await?);
        times[2].add(duckdb.run(PLAIN)?.time());
    }
    session.execute(ROLLUP).await?;
    bytes_read[1] = check(&session, &expected).await?;
    assert!(bytes_read[1] * 10 < bytes_read[0], "not answered from the roll-up: {bytes_read:?}");
    for _ in 0..options.rounds {
        times[1].add(time(&session).await?);
    }
    report(&times, bytes_read, &options);
    Ok(())
}

/// Compares the rows; says how many bytes of columns were looked at.
async fn check(session: &Session, expected: &icecore_benches::Answer) -> Outcome<u64> {
    let result = session.execute(QUERY).await?;
    let columns = result.columns().to_vec();
    let handle = result.handle();
    same_rows(&result.texts().await?, &columns, expected)?;
    Ok(handle.statistics().bytes_scanned)
}

async fn time(session: &Session) -> Outcome<std::time::Duration> {
    let watch = Stopwatch::start();
    session.execute(QUERY).await?.collect().await?;
    Ok(watch.elapsed())
}

fn report(times: &[Rounds; 3], bytes_read: [u64; 2], options: &Options) {
    let mut report = Report::new(
        format!(
            "A metric by ship mode, TPC-H scale {}, {} threads",
            options.scale, options.threads
        ),
        &["", "columns looked at", "median", "best", "ratio to DuckDB"],
    );
    let read = bytes_read.map(bytes).into_iter().chain([String::new()]);
    let names = ["Icecore, from the rows", "Icecore, from the roll-up", "DuckDB, from the rows"];
    for ((name, rounds), read) in names.iter().zip(times).zip(read) {
        let ratio = rounds.median().as_secs_f64() / times[2].median().as_secs_f64();
        report.row(&[
            name,
            &read,
            &millis(rounds.median()),
            &millis(rounds.best()),
            &format!("{ratio:.3}"),
        ]);
    }
    report.print();
    println!("medians of {} rounds, hot; the same rows from all three\n", options.rounds);
}

//! An aggregate kept up to date, beside computing it again in DuckDB; and a
//! metric answered from it.

use clap::Args;
use icecore::{Icecore, Session, Settings};
use icecore_benches::{DuckDb, Outcome, Report, Rounds, Stopwatch, TpchTable, millis, number};

use crate::equal::same_rows;

/// The aggregate; both engines run it.
const SUMMARY: &str = "SELECT l_shipdate, l_returnflag, l_shipmode, COUNT(*) AS items,
    SUM(l_quantity) AS quantity, SUM(l_extendedprice) AS revenue, MIN(l_discount) AS least,
    MAX(l_tax) AS most FROM lineitem GROUP BY l_shipdate, l_returnflag, l_shipmode";

#[derive(Args)]
pub struct Options {
    /// The scale of TPC-H: 1 is 6,001,215 rows.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Appends, each of one per cent of the rows, and refreshes.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads of each engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

pub async fn run(options: Options) -> Outcome {
    let folder = tempfile::tempdir()?;
    let url = folder.path().join("icecore");
    let settings = Settings { threads: options.threads, ..Settings::default() };
    let lake =
        Icecore::builder(url.to_str().ok_or("a folder whose name is no text")?).settings(settings);
    let lake = lake.await?;
    let session = lake.session().await?;
    session.execute(&TpchTable::LineItem.ddl()).await?;
    let mut duckdb = DuckDb::open(&folder.path().join("peer.duckdb"), options.threads)?;
    duckdb.run(&TpchTable::LineItem.ddl())?;
    let whole = 100 - i32::try_from(options.rounds)?;
    for part in 1..=whole {
        append(&session, &mut duckdb, folder.path(), options.scale, part).await?;
    }
    let create = format!(
        "CREATE DYNAMIC TABLE summary TARGET_LAG = '1 day' REFRESH_MODE = INCREMENTAL AS {SUMMARY}"
    );
    session.execute(&create).await?;
    let mut times = [Rounds::default(), Rounds::default(), Rounds::default()];
    for part in whole + 1..=100 {
        append(&session, &mut duckdb, folder.path(), options.scale, part).await?;
        let watch = Stopwatch::start();
        session.execute("ALTER DYNAMIC TABLE summary REFRESH").await?;
        times[0].add(watch.elapsed());
        let again = format!("CREATE OR REPLACE TABLE summary AS {SUMMARY}");
        times[1].add(duckdb.run(&again)?.time());
        let watch = Stopwatch::start();
        session.execute(SUMMARY).await?.collect().await?;
        times[2].add(watch.elapsed());
        check(&session, &mut duckdb).await?;
    }
    let rows = session.execute("SELECT COUNT(*) FROM summary").await?.texts().await?;
    let rows = rows.into_iter().flatten().flatten().next().unwrap_or_default();
    report(&times, &rows, &options);
    Ok(())
}

/// A hundredth of the rows for both.
async fn append(
    session: &Session,
    duckdb: &mut DuckDb,
    folder: &std::path::Path,
    scale: f64,
    part: i32,
) -> Outcome {
    let batches: Vec<_> = TpchTable::LineItem.batches(scale, part, 100).collect();
    session.table("lineitem").await?.append(batches).await?;
    let file = folder.join("part.csv");
    TpchTable::LineItem.write_csv_part(&file, scale, part, 100)?;
    duckdb.run(&format!(
        "COPY lineitem FROM '{}' (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"')",
        file.display()
    ))?;
    Ok(())
}

async fn check(session: &Session, duckdb: &mut DuckDb) -> Outcome {
    let query = "SELECT * FROM summary ORDER BY 1, 2, 3";
    let result = session.execute(query).await?;
    let columns = result.columns().to_vec();
    same_rows(&result.texts().await?, &columns, &duckdb.query(query)?)?;
    Ok(())
}

fn report(times: &[Rounds; 3], rows: &str, options: &Options) {
    let [refresh, duckdb, again] = times;
    let groups: u64 = rows.parse().unwrap_or_default();
    let mut report = Report::new(
        format!(
            "Refresh after 1 % appended, TPC-H scale {}, {} threads",
            options.scale, options.threads
        ),
        &["", "median", "best", "ratio"],
    );
    let ratio = |rounds: &Rounds| {
        format!("{:.3}", rounds.median().as_secs_f64() / duckdb.median().as_secs_f64())
    };
    for (name, rounds) in [
        ("Icecore, incremental refresh and its commit", refresh),
        ("DuckDB, CREATE OR REPLACE TABLE .. AS", duckdb),
        ("Icecore, the query again", again),
    ] {
        report.row(&[&name, &millis(rounds.median()), &millis(rounds.best()), &ratio(rounds)]);
    }
    report.print();
    println!(
        "{} rounds, {} groups, equal in both engines after each; ratios of medians to DuckDB's\n",
        options.rounds,
        number(groups)
    );
}

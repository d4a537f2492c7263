//! Aggregates kept up to date, beside computing them anew in DuckDB.

use clap::Args;
use icecore::{Icecore, Session, Settings};
use icecore_benches::{DuckDb, Outcome, Report, Rounds, Stopwatch, TpchTable, millis, number};
use tempfile::TempDir;

use crate::equal::same_rows;

/// The rows arrive in so many parts.
const PARTS: i32 = 100;

/// Aggregates, from a few groups to many; both engines run them.
const SUMMARIES: [(&str, &str); 2] = [
    ("by_status", "l_returnflag, l_linestatus, l_shipmode"),
    ("by_day", "l_shipdate, l_returnflag, l_shipmode"),
];

const MEASURES: &str = "COUNT(*) AS items, SUM(l_quantity) AS quantity,
    SUM(l_extendedprice) AS revenue, MIN(l_discount) AS least, MAX(l_tax) AS most";

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

/// What an aggregate took, round by round.
#[derive(Default)]
struct Measured {
    groups: usize,
    refresh: Rounds,
    duckdb: Rounds,
    again: Rounds,
}

/// The two engines with the same rows.
struct Both {
    session: Session,
    duckdb: DuckDb,
    folder: TempDir,
    scale: f64,
}

pub async fn run(options: Options) -> Outcome {
    let mut both = Both::open(&options).await?;
    let whole = PARTS - i32::try_from(options.rounds)?;
    for part in 1..=whole {
        both.append(part).await?;
    }
    for (name, keys) in SUMMARIES {
        let create = format!(
            "CREATE DYNAMIC TABLE {name} TARGET_LAG = '1 day' WAREHOUSE = compute_wh
             REFRESH_MODE = INCREMENTAL AS {}",
            summary(keys)
        );
        both.session.execute(&create).await?;
    }
    let mut measured: [Measured; SUMMARIES.len()] = Default::default();
    for part in whole + 1..=PARTS {
        both.append(part).await?;
        for (name_and_keys, measured) in SUMMARIES.iter().zip(&mut measured) {
            both.round(*name_and_keys, measured).await?;
        }
    }
    report(&measured, &options);
    Ok(())
}

fn summary(keys: &str) -> String {
    format!("SELECT {keys}, {MEASURES} FROM lineitem GROUP BY {keys}")
}

impl Both {
    async fn open(options: &Options) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let url = folder.path().join("icecore");
        let url = url.to_str().ok_or("a folder whose name is no text")?;
        let settings = Settings { threads: options.threads, ..Settings::default() };
        let session = Icecore::builder(url).settings(settings).await?.session().await?;
        session.execute(&TpchTable::LineItem.ddl()).await?;
        let mut duckdb = DuckDb::open(&folder.path().join("peer.duckdb"), options.threads)?;
        duckdb.run(&TpchTable::LineItem.ddl())?;
        Ok(Self { session, duckdb, folder, scale: options.scale })
    }

    /// A hundredth of the rows.
    async fn append(&mut self, part: i32) -> Outcome {
        let batches: Vec<_> = TpchTable::LineItem.batches(self.scale, part, PARTS).collect();
        self.session.table("lineitem").await?.append(batches).await?;
        let file = self.folder.path().join("part.csv");
        TpchTable::LineItem.write_csv_part(&file, self.scale, part, PARTS)?;
        self.duckdb.run(&TpchTable::LineItem.duckdb_copy(&file))?;
        Ok(())
    }

    /// Refreshes an aggregate here, computes it anew there, and compares.
    async fn round(&mut self, (name, keys): (&str, &str), measured: &mut Measured) -> Outcome {
        let watch = Stopwatch::start();
        self.session.execute(&format!("ALTER DYNAMIC TABLE {name} REFRESH")).await?;
        measured.refresh.add(watch.elapsed());
        let anew = format!("CREATE OR REPLACE TABLE {name} AS {}", summary(keys));
        measured.duckdb.add(self.duckdb.run(&anew)?.time());
        let watch = Stopwatch::start();
        self.session.execute(&summary(keys)).await?.collect().await?;
        measured.again.add(watch.elapsed());
        let query = format!("SELECT * FROM {name} ORDER BY 1, 2, 3");
        let result = self.session.execute(&query).await?;
        let columns = result.columns().to_vec();
        let rows = result.texts().await?;
        measured.groups = rows.len();
        Ok(same_rows(&rows, &columns, &self.duckdb.query(&query)?)?)
    }
}

fn report(measured: &[Measured], options: &Options) {
    let mut report = Report::new(
        format!(
            "Refresh after 1 % appended, TPC-H scale {}, {} threads",
            options.scale, options.threads
        ),
        &["groups", "refresh", "best", "DuckDB anew", "best", "ratio", "query again here"],
    );
    for one in measured {
        let ratio = one.refresh.median().as_secs_f64() / one.duckdb.median().as_secs_f64();
        report.row(&[
            &number(one.groups as u64),
            &millis(one.refresh.median()),
            &millis(one.refresh.best()),
            &millis(one.duckdb.median()),
            &millis(one.duckdb.best()),
            &format!("{ratio:.3}"),
            &millis(one.again.median()),
        ]);
    }
    report.print();
    println!(
        "medians of {} rounds, equal rows in both engines after each; the refresh is committed \
         and synced, DuckDB's is CREATE OR REPLACE TABLE .. AS\n",
        options.rounds
    );
}

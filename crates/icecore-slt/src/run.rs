//! A file on an engine of its own.

use std::path::Path;

use futures::future::BoxFuture;
use icecore::{Error, Icecore, Timestamp, Version};
use sqllogictest::{AsyncDB, MakeConnection, QueryExpect, Record, Runner};

use crate::database::{Database, WantsRows};
use crate::script::SltRecord;
use crate::{Report, Script, Step};

/// Where the clock of every file starts: 2013-01-01 00:00:00 UTC.
pub const START: Timestamp = Timestamp::from_micros(1_356_998_400_000_000);

/// Where the engines keep what they store.
///
/// ```
/// use icecore_slt::Store;
/// let store = Store::Below("/tmp/slt".to_owned());
/// assert_eq!(store.url_for("testdata/slt/a.slt"), "/tmp/slt/testdata-slt-a");
/// assert_eq!(Store::Memory.url_for("a.slt"), "memory://");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// In memory, each on its own.
    Memory,
    /// Each in a folder of its own below this path or URL.
    Below(String),
}

impl Store {
    /// Where the engine for this file keeps what it stores.
    pub fn url_for(&self, file: &str) -> String {
        let Self::Below(url) = self else {
            return "memory://".to_owned();
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let stem = file.trim_start_matches(['.', '/']);
        let name: String = stem.strip_suffix(".slt").unwrap_or(stem).chars().map(plain).collect();
        format!("{}/{name}", url.trim_end_matches('/'))
    }
}

/// Runs a file on a fresh engine. Each statement, query and command counts as
/// one; a record that fails does not stop those after it.
pub async fn run_file(path: &Path, store: &Store) -> Report {
    match Script::read(path) {
        Ok(script) => run_script(script, store).await,
        Err(error) => {
            let mut report = Report::default();
            report.fail(error.to_string());
            report
        }
    }
}

/// Runs a script on a fresh engine, as [`run_file`] does.
pub async fn run_script(script: Script, store: &Store) -> Report {
    let mut report = Report::default();
    if let Err(error) = run_steps(&script, store, &mut report).await {
        report.fail(format!("{}: {error}", script.name()));
    }
    report
}

async fn run_steps(script: &Script, store: &Store, report: &mut Report) -> Result<(), Error> {
    let lake = open_fresh(&store.url_for(script.name())).await?;
    let wants_rows = WantsRows::default();
    let connect = Connect { lake: lake.clone(), wants_rows: wants_rows.clone() };
    let mut runner = Runner::new(connect);
    runner.with_column_validator(same_types);
    for step in script.steps() {
        match step {
            Step::Clock(by) => lake.advance(*by).await?,
            Step::Record(record) if matches!(**record, Record::Halt { .. }) => break,
            Step::Record(record) => {
                wants_rows.set(compares_rows(record));
                run_record(&mut runner, record, report).await;
            }
        }
    }
    runner.shutdown_async().await;
    drop(runner);
    lake.close().await
}

async fn run_record<D, M>(runner: &mut Runner<D, M>, record: &SltRecord, report: &mut Report)
where
    D: AsyncDB<ColumnType = sqllogictest::DefaultColumnType>,
    M: MakeConnection<Conn = D>,
{
    let counts = matches!(
        record,
        Record::Statement { .. }
            | Record::Query { .. }
            | Record::Let { .. }
            | Record::System { .. }
    );
    match runner.run_async(record.clone()).await {
        Ok(_) if counts => report.pass(),
        Ok(_) => {}
        Err(error) => report.fail(error.to_string()),
    }
}

/// An engine that holds nothing but what every new one holds.
async fn open_fresh(url: &str) -> Result<Icecore, Error> {
    let mut builder = Icecore::builder(url).simulated_clock(START);
    if url.starts_with("s3://") {
        builder = builder.s3_from_environment();
    }
    let lake = builder.await?;
    if lake.version() > Version::new(1) {
        return Err(Error::new(
            icecore::Code::ALREADY_EXISTS,
            format!("the store is not empty url={url} version={}", lake.version()),
        )
        .with_help("name a new folder: each file runs on an engine of its own"));
    }
    Ok(lake)
}

/// Opens a session for each connection that a file names.
struct Connect {
    lake: Icecore,
    wants_rows: WantsRows,
}

impl MakeConnection for Connect {
    type Conn = Database;
    type MakeFuture = BoxFuture<'static, Result<Database, Error>>;

    fn make(&mut self) -> Self::MakeFuture {
        let (lake, wants_rows) = (self.lake.clone(), self.wants_rows.clone());
        Box::pin(async move { Ok(Database::new(lake.session().await?, wants_rows)) })
    }
}

fn compares_rows(record: &SltRecord) -> bool {
    matches!(
        record,
        Record::Query { expected: QueryExpect::Results { .. }, .. } | Record::Let { .. }
    )
}

/// As many columns as the file says, of the types that it says; `?` is any.
#[allow(clippy::ptr_arg)]
fn same_types(
    actual: &Vec<sqllogictest::DefaultColumnType>,
    expected: &Vec<sqllogictest::DefaultColumnType>,
) -> bool {
    use sqllogictest::DefaultColumnType::Any;
    actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| *e == Any || a == e)
}

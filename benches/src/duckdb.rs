//! DuckDB in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::{Failure, Outcome};

/// What runs in Python: DuckDB comes from its wheel on PyPI.
const SCRIPT: &str = include_str!("../peers/serve_duckdb.py");

/// How to get it.
const HELP: &str = "python3 cannot import DuckDB 2: run `python3 -m pip install 'duckdb>=2'`";

/// A DuckDB database that answers SQL; the process ends with it.
///
/// ```no_run
/// use icecore_benches::DuckDb;
/// let mut duckdb = DuckDb::open("/tmp/peer.duckdb".as_ref(), 2)?;
/// let answer = duckdb.query("SELECT 40 + 2")?;
/// assert_eq!(answer.rows, [[Some("42".to_owned())]]);
/// # Ok::<(), icecore_benches::Failure>(())
/// ```
#[derive(Debug)]
pub struct DuckDb {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    version: String,
}

/// What DuckDB says to a statement.
///
/// ```
/// let answer = icecore_benches::Answer::default();
/// assert_eq!(answer.time(), std::time::Duration::ZERO);
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answer {
    /// Seconds from the text of the statement to the whole result.
    pub seconds: f64,
    /// The types of the columns, if rows were asked for.
    pub types: Vec<String>,
    /// The rows as text, if they were asked for.
    pub rows: Vec<Vec<Option<String>>>,
    /// The most memory that the process had so far.
    pub peak_bytes: u64,
}

impl Answer {
    /// [`Answer::seconds`] as a duration.
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Ready { version: String },
    Answer(Answer),
    Error { error: String },
}

impl DuckDb {
    /// Opens the database in this file, or makes it, with this many threads.
    ///
    /// # Errors
    /// If there is no Python with DuckDB; the message says how to get it.
    pub fn open(file: &Path, threads: usize) -> Outcome<Self> {
        let mut process = Command::new("python3")
            .args(["-c", SCRIPT])
            .arg(file)
            .arg(threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3 does not start ({error}). {HELP}"))?;
        let requests = process.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        let mut duckdb = Self { process, requests, answers, version: String::new() };
        match duckdb.line() {
            Ok(Line::Ready { version }) => duckdb.version = version,
            _ => return Err(HELP.into()),
        }
        Ok(duckdb)
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs a statement for its effect or its time.
    ///
    /// # Errors
    /// DuckDB's.
    pub fn run(&mut self, sql: &str) -> Outcome<Answer> {
        self.ask(sql, false)
    }

    /// Runs a query and reads its rows.
    ///
    /// # Errors
    /// DuckDB's.
    pub fn query(&mut self, sql: &str) -> Outcome<Answer> {
        self.ask(sql, true)
    }

    fn ask(&mut self, sql: &str, rows: bool) -> Outcome<Answer> {
        writeln!(self.requests, "{}", json!({ "sql": sql, "rows": rows }))?;
        self.requests.flush()?;
        match self.line()? {
            Line::Answer(answer) => Ok(answer),
            Line::Error { error } => Err(format!("DuckDB: {error} sql={sql}").into()),
            Line::Ready { .. } => Err("DuckDB began anew".into()),
        }
    }

    fn line(&mut self) -> Outcome<Line> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("DuckDB's process ended".into());
        }
        serde_json::from_str(&line)
            .map_err(|error| -> Failure { format!("{error}: {line}").into() })
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

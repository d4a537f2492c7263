//! Polars in a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::{Outcome, TpchTable};

/// What runs in Python: Polars comes from its wheel on PyPI.
const SCRIPT: &str = include_str!("../peers/load_polars.py");

/// What Polars took to load files into a Parquet file.
///
/// ```
/// use icecore_benches::PolarsLoad;
/// let load: PolarsLoad =
///     serde_json::from_str(r#"{"version": "2", "seconds": 2, "peak_bytes": 1, "rows": 5}"#)?;
/// assert_eq!(load.time(), std::time::Duration::from_secs(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct PolarsLoad {
    /// Its version.
    pub version: String,
    /// Seconds from the files to the whole Parquet file.
    pub seconds: f64,
    /// The most memory that the process had.
    pub peak_bytes: u64,
    /// Rows of the file afterwards.
    pub rows: u64,
}

impl PolarsLoad {
    /// Loads CSV files, one or a pattern's, with the columns of a table.
    ///
    /// # Errors
    /// If there is no Python with Polars, or Polars fails.
    pub fn run(files: &Path, table: TpchTable, folder: &Path, threads: usize) -> Outcome<Self> {
        let out = folder.join("polars.parquet");
        let output = Command::new("python3")
            .args(["-c", SCRIPT])
            .arg(files)
            .arg(&out)
            .arg(serde_json::to_string(&table.types())?)
            .env("POLARS_MAX_THREADS", threads.to_string())
            .output()?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = error.lines().last().unwrap_or_default();
            return Err(format!("{last}: run `python3 -m pip install polars`").into());
        }
        std::fs::remove_file(&out)?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// [`PolarsLoad::seconds`] as a duration.
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

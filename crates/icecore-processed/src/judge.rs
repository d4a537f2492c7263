//! Judging rows before they are the table's: what a table expects of its rows
//! is said by somebody else, and meets a load here.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_raw::RowError;
use icecore_types::{Name, ObjectId, Result};

/// Looks at rows before they are written.
pub trait RowJudge: fmt::Debug + Send + Sync {
    /// The rows that are not to be loaded, in order, each once. `rows` has the
    /// schema of the table's segments and is never empty; called block by
    /// block in the order of the files, also for files that are skipped in the
    /// end.
    ///
    /// # Errors
    /// Whatever is to fail the whole load and is about no row.
    fn judge(&self, rows: &RecordBatch) -> Result<Vec<Refusal>>;

    /// Called when a file was read to its end, or given up: whether its rows
    /// are loaded.
    ///
    /// # Errors
    /// Whatever is to fail the whole load.
    fn file_ended(&self, is_kept: bool) -> Result<()>;
}

/// A row that is not loaded, and why.
///
/// ```
/// use icecore_processed::{Refusal, RefusedRow};
/// use icecore_types::Name;
/// let refusal = Refusal {
///     row: 3,
///     becomes: RefusedRow::Diverted,
///     column: Some(0),
///     expectation: Name::unquoted("positive"),
///     reason: "n > 0 is false".to_owned(),
/// };
/// assert_eq!(refusal.message(), "expectation 'POSITIVE' is violated: n > 0 is false");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which row of the batch, from 0.
    pub row: usize,
    /// What becomes of it.
    pub becomes: RefusedRow,
    /// The position in the table's schema of the column that is at fault.
    pub column: Option<usize>,
    /// What is expected, as its owner calls it.
    pub expectation: Name,
    /// The reason.
    pub reason: String,
}

impl Refusal {
    /// What an error says of it.
    pub fn message(&self) -> String {
        violation(&self.expectation, &self.reason)
    }
}

/// What an error says of an expectation that a row does not meet.
pub(crate) fn violation(expectation: &Name, reason: &str) -> String {
    format!("expectation '{}' is violated: {reason}", expectation.as_str())
}

/// What becomes of a row that is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedRow {
    /// It fails the load, whatever ON_ERROR says.
    Fatal,
    /// It counts as a bad row: ON_ERROR decides about its file.
    Rejected,
    /// It goes where the load's [`Diversion`] says, with its file: not at all
    /// if the file is skipped.
    Diverted,
}

/// Where diverted rows go: rows of another table, in the same commit.
#[derive(Clone, Debug)]
pub struct Diversion {
    /// That table.
    pub table: ObjectId,
    /// The schema of its segments.
    pub schema: SchemaRef,
    /// Makes its rows.
    pub rows: Arc<dyn DivertedRows>,
}

/// Makes rows of a [`Diversion`]'s table.
pub trait DivertedRows: fmt::Debug + Send + Sync {
    /// One row for each that is diverted, in the schema of that table.
    ///
    /// # Errors
    /// Whatever is to fail the whole load.
    fn of(&self, diverted: &Diverted<'_>) -> Result<RecordBatch>;
}

/// Rows that are diverted.
#[derive(Debug)]
pub struct Diverted<'a> {
    /// The file's path in the stage.
    pub file: &'a str,
    /// The rows, as the table that is loaded would have them.
    pub rows: RecordBatch,
    /// For each row the reason.
    pub reasons: Vec<Refusal>,
    /// For each row where its record stands in the file, and its text.
    pub places: &'a [RowError],
}

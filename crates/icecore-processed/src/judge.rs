//! Judging rows before they are the table's: what a table expects of its rows
//! is said by somebody else, and meets a load here.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_raw::RowError;
use icecore_types::{Name, ObjectId, Result};

/// Looks at rows before they are written.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
/// use icecore_processed::{Diverted, DivertedRows, Refusal, RefusedRow, RowJudge};
/// use icecore_types::{Error, Name, Result};
///
/// /// Sends rows without a first value elsewhere, with their numbers.
/// #[derive(Debug)]
/// struct Filled;
/// impl RowJudge for Filled {
///     fn judge(&self, rows: &RecordBatch) -> Result<Vec<Refusal>> {
///         let without = (0..rows.num_rows()).filter(|row| rows.column(0).is_null(*row));
///         let refused = without.map(|row| Refusal {
///             row,
///             becomes: RefusedRow::Diverted,
///             column: Some(0),
///             expectation: Name::unquoted("filled"),
///             reason: "it is NULL".to_owned(),
///         });
///         Ok(refused.collect())
///     }
///     fn file_ended(&self, _is_kept: bool) -> Result<()> {
///         Ok(())
///     }
/// }
/// impl DivertedRows for Filled {
///     fn of(&self, diverted: &Diverted<'_>) -> Result<RecordBatch> {
///         let numbers = diverted.places.iter().map(|place| place.row as i64);
///         let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
///         RecordBatch::try_from_iter([("1", numbers)]).map_err(|_| Error::internal("numbers"))
///     }
/// }
///
/// let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
/// let rows = RecordBatch::try_from_iter([("1", values)]).unwrap();
/// let refused = Filled.judge(&rows)?;
/// assert_eq!(refused[0].row, 1);
/// let diverted = Diverted { file: "a.csv", rows, reasons: refused, places: &[] };
/// assert_eq!(Filled.of(&diverted)?.num_rows(), 0);
/// # Ok::<(), icecore_types::Error>(())
/// ```
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

/// What becomes of a row that is not loaded; [`RowJudge`] shows it.
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

/// Where diverted rows go: rows of another table, in the same commit;
/// [`RowJudge`] shows who makes them.
#[derive(Clone, Debug)]
pub struct Diversion {
    /// That table.
    pub table: ObjectId,
    /// The schema of its segments.
    pub schema: SchemaRef,
    /// Makes its rows.
    pub rows: Arc<dyn DivertedRows>,
}

/// Makes rows of a [`Diversion`]'s table, as beside [`RowJudge`].
pub trait DivertedRows: fmt::Debug + Send + Sync {
    /// One row for each that is diverted, in the schema of that table.
    ///
    /// # Errors
    /// Whatever is to fail the whole load.
    fn of(&self, diverted: &Diverted<'_>) -> Result<RecordBatch>;
}

/// Rows that are diverted; [`RowJudge`] shows some.
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

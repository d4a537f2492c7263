//! What a COPY is to do.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use icecore_raw::{FileFormat, FileTarget, ReadOptions, StageFile, StageFiles};
use icecore_segment::WriteOptions;
use icecore_types::{ColumnId, ObjectId, QueryId, Timestamp};

/// What becomes of a file with bad rows.
///
/// ```
/// assert_eq!(icecore_processed::OnError::default(), icecore_processed::OnError::AbortStatement);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum OnError {
    /// The statement fails and nothing is loaded.
    #[default]
    AbortStatement,
    /// The good rows are loaded.
    Continue,
    /// Nothing of this file is loaded.
    SkipFile,
    /// Nothing of this file is loaded if it has at least so many bad rows.
    SkipFileCount(u64),
    /// Nothing of this file is loaded if more than so many percent of its rows
    /// are bad.
    SkipFilePercent(f64),
}

/// A COPY INTO a table: everything resolved, nothing looked up later.
///
/// `schema` is that of the table's segments: one field per column, named by
/// [`ColumnId::stored_name`], not nullable where the column refuses NULL. The
/// outputs of `target` are names of these fields. [`copy_into`](crate::copy_into)
/// shows a plan.
#[derive(Clone, Debug)]
pub struct CopyPlan {
    /// The table that is loaded.
    pub table: ObjectId,
    /// The columns that a file's fields are read into.
    pub target: Arc<FileTarget>,
    /// The schema of the table's segments.
    pub schema: SchemaRef,
    /// Values of columns that no field is read into, each an array of one row;
    /// a column that is in neither is NULL.
    pub defaults: Vec<(ColumnId, ArrayRef)>,
    /// The stage.
    pub stage: StageFiles,
    /// Its files that are to be loaded, in this order.
    pub files: Vec<StageFile>,
    /// How to read them.
    pub format: FileFormat,
    /// What becomes of a file with bad rows.
    pub on_error: OnError,
    /// Whether files that were loaded before are loaded again.
    pub force: bool,
    /// The statement.
    pub query_id: QueryId,
    /// The moment that load records carry.
    pub now: Timestamp,
    /// How files are read.
    pub read: ReadOptions,
    /// How segments are cut.
    pub write: WriteOptions,
}

/// How far a COPY has come.
///
/// ```
/// use icecore_processed::Progress;
/// let show = |step: Progress| format!("{} of {} files", step.files_done, step.files);
/// let step = Progress { file: "a.csv".to_owned(), files_done: 3, files: 12, rows_parsed: 9 };
/// assert_eq!(show(step), "3 of 12 files");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file that is being loaded.
    pub file: String,
    /// Files that are done with.
    pub files_done: usize,
    /// Files in all.
    pub files: usize,
    /// Records read so far, of all files.
    pub rows_parsed: u64,
}

//! What a COPY is to do.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use icecore_raw::{FileFormat, FileTarget, ReadOptions, StageFile, StageFiles};
use icecore_segment::WriteOptions;
use icecore_types::{ByteSize, ColumnId, ObjectId, QueryId, Timestamp};

use crate::{Diversion, MetadataColumn, RowJudge, Transform};

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

/// Which files are loaded although they may have been before.
///
/// ```
/// assert_eq!(icecore_processed::Again::default(), icecore_processed::Again::IfNotKnown);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    /// None that was loaded within 64 days, and none of which it is no longer
    /// known whether it was.
    #[default]
    IfNotKnown,
    /// None that was loaded within 64 days: LOAD_UNCERTAIN_FILES.
    IfUncertain,
    /// All: FORCE.
    Always,
}

/// A COPY INTO a table: everything resolved, nothing looked up later.
///
/// `schema` is that of the table's segments: one field per column, named by
/// [`ColumnId::stored_name`], not nullable where the column refuses NULL. The
/// outputs of `target`, or of `transform` if there is one, are names of these
/// fields. [`copy_into`](crate::copy_into) shows a plan.
#[derive(Clone, Debug)]
pub struct CopyPlan {
    /// The table that is loaded.
    pub table: ObjectId,
    /// The columns that a file's fields are read into.
    pub target: Arc<FileTarget>,
    /// What the columns of the table are computed from these, if they are not
    /// taken as they are.
    pub transform: Option<Transform>,
    /// The schema of the table's segments.
    pub schema: SchemaRef,
    /// Values of columns that no field is read into, each an array of one row;
    /// a column that is in none of these is NULL.
    pub defaults: Vec<(ColumnId, ArrayRef)>,
    /// Columns that are filled with metadata.
    pub metadata: Vec<MetadataColumn>,
    /// Texts of these columns are cut to so many characters; the target reads
    /// them without a limit.
    pub truncated: Vec<(ColumnId, u32)>,
    /// The stage.
    pub stage: StageFiles,
    /// Its files that are to be loaded, in this order.
    pub files: Vec<StageFile>,
    /// No further file is loaded once those that are have more bytes.
    pub size_limit: Option<ByteSize>,
    /// How to read them.
    pub format: FileFormat,
    /// What becomes of a file with bad rows.
    pub on_error: OnError,
    /// Whether files that were loaded before are loaded again.
    pub again: Again,
    /// Looks at the rows before they are written.
    pub judge: Option<Arc<dyn RowJudge>>,
    /// Where rows go that the judge diverts; without it none may be.
    pub diversion: Option<Diversion>,
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

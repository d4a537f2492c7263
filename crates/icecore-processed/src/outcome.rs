//! What a COPY did.

use icecore_raw::{RowError, StageFile};
use icecore_snapshot::Update;

/// What became of a file.
///
/// ```
/// assert_eq!(icecore_processed::FileStatus::LoadFailed.as_str(), "LOAD_FAILED");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStatus {
    /// All its rows are in the table.
    Loaded,
    /// None of its rows is.
    LoadFailed,
    /// Its good rows are.
    PartiallyLoaded,
}

impl FileStatus {
    /// `LOADED`, `LOAD_FAILED` or `PARTIALLY_LOADED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "LOADED",
            Self::LoadFailed => "LOAD_FAILED",
            Self::PartiallyLoaded => "PARTIALLY_LOADED",
        }
    }
}

/// One row of a COPY's result; [`copy_into`](crate::copy_into) shows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileResult {
    /// The file's path in the stage.
    pub file: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// What became of it.
    pub status: FileStatus,
    /// Records that it holds.
    pub rows_parsed: u64,
    /// Records that were loaded.
    pub rows_loaded: u64,
    /// Records that went elsewhere.
    pub rows_diverted: u64,
    /// How many bad records would have skipped the file.
    pub error_limit: u64,
    /// Bad records, and those that go elsewhere, or would if the file were not
    /// skipped.
    pub errors_seen: u64,
    /// The first reason.
    pub first_error: Option<String>,
    /// Its line, from 1.
    pub first_error_line: Option<u64>,
    /// Its position in the line, from 1.
    pub first_error_character: Option<u64>,
    /// Its column, as `"T"["COL":n]`.
    pub first_error_column_name: Option<String>,
}

/// A record that was refused, as a [`CopyWatcher`](crate::CopyWatcher) is told
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The file's path in the stage.
    pub file: String,
    /// Why, and where; `row` is 0 if it is the file as a whole.
    pub error: RowError,
}

/// What a COPY did, and what is to be committed for it.
///
/// ```
/// let nothing = icecore_processed::CopyOutcome::default();
/// assert!(nothing.files.is_empty() && nothing.update.is_none());
/// assert_eq!(nothing.rows_loaded(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CopyOutcome {
    /// One per file that was looked at, in the order of the plan. None at all:
    /// `Copy executed with 0 files processed.`
    pub files: Vec<FileResult>,
    /// Those of them that were loaded, whole or in part.
    pub loaded: Vec<StageFile>,
    /// The rows and load records that are to be committed, if there are any.
    pub update: Option<Update>,
    /// The rows that are to be committed with them elsewhere.
    pub diverted: Option<Update>,
}

impl CopyOutcome {
    /// Rows that the update adds.
    pub fn rows_loaded(&self) -> u64 {
        self.files.iter().map(|file| file.rows_loaded).sum()
    }
}

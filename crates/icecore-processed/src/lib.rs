//! Loading: what COPY INTO means, file by file: validation, load keys, and what
//! becomes of bad rows.
//!
//! [`copy_into`] runs a [`CopyPlan`] and gives the [`CopyOutcome`] that a
//! statement commits; [`OnError`] says what bad rows do to their file.
//!
//! ```
//! use icecore_processed::{FileStatus, OnError};
//! assert_ne!(OnError::SkipFile, OnError::SkipFileCount(2));
//! assert_eq!(FileStatus::Loaded.as_str(), "LOADED");
//! ```

mod copy;
mod expectation;
mod judge;
mod metadata;
mod outcome;
mod plan;
mod values;
mod watch;

pub use copy::{CheckMode, check_files, copy_into};
pub use expectation::{
    BadValue, Judge, Judgement, KeyMemory, Quarantine, QuarantineColumn, QuarantineNote,
    QuarantineState, RowExpression, Strictness, Tally, Violation, latest,
};
pub use judge::{Diversion, Diverted, DivertedRows, Refusal, RefusedRow, RowJudge};
pub use metadata::{FileMetadata, MetadataColumn};
pub use outcome::{CopyOutcome, FileResult, FileStatus, Rejected};
pub use plan::{Again, CopyPlan, OnError, Progress};
pub use values::{FieldValues, Transform, TransformedColumn};
pub use watch::CopyWatcher;

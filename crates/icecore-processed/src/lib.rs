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
mod outcome;
mod plan;

pub use copy::copy_into;
pub use outcome::{CopyOutcome, FileResult, FileStatus, Rejected};
pub use plan::{CopyPlan, OnError, Progress};

//! Loading: what COPY INTO means, file by file: validation, load keys, and what
//! becomes of bad rows.

mod copy;
mod outcome;
mod plan;

pub use copy::copy_into;
pub use outcome::{CopyOutcome, FileResult, FileStatus, Rejected};
pub use plan::{CopyPlan, OnError, Progress};

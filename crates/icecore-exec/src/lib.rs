//! Operators and sources for DataFusion: the scan, the root of a statement,
//! changes by row position.
//!
//! - [`plan_scan`] reads a version of a table: pruned on statistics, without
//!   its deleted rows, shared out to whichever partition is free.
//! - [`StatementExec`] is the root of every plan: a statement begins when it
//!   is first polled and ends with its last stream.
//! - [`PolicyExec`] hides the plan of a table under its policies.
//! - [`WriteExec`] turns rows, or the positions of rows, into the segments and
//!   deletion vectors that a transaction commits.
//! - [`to_datafusion`] and [`from_datafusion`] carry our errors through
//!   DataFusion whole.
//!
//! ```
//! use icecore_exec::{from_datafusion, to_datafusion};
//! use icecore_types::{Code, Error};
//!
//! let inside = to_datafusion(Error::new(Code::DIVISION_BY_ZERO, "division by zero"));
//! assert_eq!(from_datafusion(inside.context("in a task")).code(), Code::DIVISION_BY_ZERO);
//! ```

mod error;
mod executions;
mod permit;
mod policy;
mod scan;
mod statement;
mod write;

#[cfg(test)]
mod fixture;

pub use error::{from_datafusion, to_datafusion};
pub use permit::check as check_permit;
pub use policy::{PolicyExec, hidden};
pub use scan::{
    ScanColumn, ScanPart, ScanStatistics, TableChanges, TableScan, plan_part_scan, plan_scan,
    table_changes,
};
pub use statement::{Outcome, RunningStatement, StatementEnd, StatementExec, StatementHooks};
pub use write::{Changes, ChangesSlot, Positions, RowJudge, WriteExec, WriteKind, WriteTarget};

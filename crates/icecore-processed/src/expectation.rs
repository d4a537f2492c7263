//! Judging rows by what the owner of their table expects of them.

mod check;
mod judge;
mod key_set;
mod keys;
mod quarantine;
mod rows;
mod values;

#[cfg(test)]
mod tests;

pub use check::RowExpression;
pub use judge::{Judge, Judgement, Strictness, Tally, Violation};
pub use key_set::KeyMemory;
pub use quarantine::{BadValue, Quarantine, QuarantineColumn, QuarantineNote, QuarantineState};
pub use values::latest;

//! Expectations of tables: declared, judged whenever rows arrive, and the
//! quarantine of what did not pass.

mod condition;
mod copying;
mod declare;
mod gate;
mod key_rows;
mod memory;
mod quarantine;
mod replay;
mod show;

pub(super) use copying::FileGate;
pub(super) use declare::{drop_expectation, refuse_use};
pub(super) use gate::{Arrival, Gate};
pub(super) use show::EXPECTATIONS;

pub(crate) use gate::{OpenGate, Passed};
pub(crate) use quarantine::{named_table, quarantine_relation};
pub(crate) use replay::Replay;

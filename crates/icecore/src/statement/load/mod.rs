//! Files of stages: PUT, LIST, REMOVE, and COPY INTO a table.

mod copy;
mod perform;
mod results;
mod stage;

pub(crate) use copy::{Companion, Load};
pub(crate) use perform::LoadDone;
pub(crate) use stage::{StageChange, pattern};

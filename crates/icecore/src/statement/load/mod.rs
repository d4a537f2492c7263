//! Files of stages: PUT, LIST, REMOVE, and COPY INTO a table.

mod copy;
mod perform;
mod results;
mod stage;
mod transform;

pub(crate) use copy::{Companion, Load, LoadingPipe};
pub(crate) use stage::{StageChange, pattern, stage_of_load};

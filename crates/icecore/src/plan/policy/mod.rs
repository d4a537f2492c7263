//! Tables under policies: which rows and what of their columns a query sees.
//! Decisions are in the table's definition; here they become plans, and only
//! here.

mod applied;
mod binding;
mod body;
mod build;
mod constraint;
mod effect;
mod groups;
mod inside;
mod judged;
mod secure;
mod table;
mod tagged;
mod view;

pub(crate) use body::Body;
pub(crate) use build::{Governs, original};
pub(crate) use effect::Effect;
pub(crate) use inside::RowRules;
pub(crate) use judged::{ConstraintRule, Destination, JudgedTable};
pub(crate) use table::{Constrained, Evaluated, PolicyTable};
pub(crate) use tagged::{TagPolicies, governed, is_governed};
pub(crate) use view::{as_table, store_in_view};

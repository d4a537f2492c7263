//! From statement trees to DataFusion plans, and nothing beside them.

mod binder;
mod cells;
mod column_lineage;
mod common_types;
mod context;
mod data_metric;
mod defined_columns;
mod guard;
mod literals;
mod missing;
mod names;
mod null_mark;
mod part;
mod pinned;
mod planned_access;
mod planner;
mod policy;
mod provider;
mod relation;
mod roll_up;
mod rows;
mod rule;
mod semantic;
mod session_functions;
mod sources;
mod staged;
mod template;

pub(crate) use binder::{Binder, TARGET, named};
pub(crate) use column_lineage::{ColumnLineage, Read, Source};
pub(crate) use context::{plan_expression, plan_select};
pub(crate) use data_metric::{calls_metrics, measured_by, system_metric};
pub(crate) use defined_columns::DefinedColumns;
pub(crate) use names::plan_with_repeated_names;
pub(crate) use part::PartTable;
pub(crate) use pinned::{Pinned, covers_input};
pub(crate) use planned_access::AccessRule;
pub(crate) use planner::{PlanningPermit, judged_plan, physical_plan};
pub(crate) use policy::{
    Body, Constrained, ConstraintRule, Destination, Effect, Evaluated, Governs, JudgedTable,
    PolicyTable, TagPolicies, as_table, governed, is_governed, original, store_in_view,
};
pub(crate) use provider::{GovernedTable, table_scan};
pub(crate) use roll_up::inexact;
pub(crate) use rows::RowsTable;
pub(crate) use rule::StatementRule;
pub(crate) use semantic::{SemanticView, stated};
pub(crate) use sources::{AskedOf, Considered};
pub(crate) use staged::{StagedFiles, StagedRows};
pub(crate) use template::{runtime_environment, session_template};

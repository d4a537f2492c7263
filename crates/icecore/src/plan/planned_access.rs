//! What a plan reads, on its way from the analyzer, which sees the plan that is
//! executed, to the planner, which puts the statement's root on top of it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;
use icecore_exec::to_datafusion;
use icecore_snapshot::Head;

use crate::access_history::Access;
use crate::statement::read_access;

thread_local! {
    /// `SessionState::create_physical_plan` analyses a plan and asks the query
    /// planner for its physical one without waiting in between: both happen on
    /// one thread, and nothing else between them. Two plans of one DataFrame's
    /// state that are made at the same time do not meet here.
    static ANALYZED: RefCell<Option<Access>> = const { RefCell::new(None) };
}

/// What the plan reads that was analysed last on this thread.
pub(super) fn take_analyzed() -> Option<Access> {
    ANALYZED.with_borrow_mut(Option::take)
}

/// Sees what a query reads, before it is optimised.
pub(crate) struct AccessRule {
    head: Arc<Head>,
}

impl AccessRule {
    pub(crate) fn new(head: Arc<Head>) -> Self {
        Self { head }
    }
}

impl fmt::Debug for AccessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessRule")
    }
}

impl AnalyzerRule for AccessRule {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let access = read_access(&plan, &self.head).map_err(to_datafusion)?;
        ANALYZED.set(Some(access));
        Ok(plan)
    }

    fn name(&self) -> &str {
        "icecore_access"
    }
}

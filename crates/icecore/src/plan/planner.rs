//! The last step of planning: one root operator on top of every plan.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{Result, plan_err};
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use icecore_exec::StatementExec;

use super::ConstraintRule;
use super::planned_access::take_analyzed;
use crate::access_history::Access;
use crate::statement::QueryHooks;

/// Proof that a scan is asked for by the statement path. Only this file makes
/// one, so a plan that is taken to another session does not scan.
pub(crate) struct PlanningPermit {
    /// Whether it is for what is inside of a query that was judged as a whole.
    judged: bool,
}

impl PlanningPermit {
    /// # Errors
    /// If the session is not one that the statement path plans with.
    pub(crate) fn check(session: &dyn Session) -> Result<Arc<Self>> {
        match session.config().get_extension::<PlanningPermit>() {
            Some(permit) => Ok(permit),
            None => plan_err!(
                "a plan of this engine runs only in the session that made it; use Session::sql"
            ),
        }
    }

    /// Whether it is for what is inside of a query that was judged as a whole.
    pub(crate) fn is_judged(&self) -> bool {
        self.judged
    }
}

/// The physical plan of a logical one, without a root operator.
pub(crate) async fn physical_plan(
    plan: &LogicalPlan,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let permit = state.config().get_extension::<PlanningPermit>();
    if permit.is_some_and(|permit| permit.judged) {
        // What is a part of the query was judged with it.
        let rules = state.analyzer().rules.iter();
        let rules = rules.filter(|rule| rule.name() != ConstraintRule::NAME).cloned();
        let mut analyzer = Analyzer::with_rules(rules.collect());
        for rewrite in state.analyzer().function_rewrites() {
            analyzer.add_function_rewrite(Arc::clone(rewrite));
        }
        let plan = analyzer.execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
        return judged_plan(plan, state).await;
    }
    permitted(&state.optimize(plan)?, state, false).await
}

/// The physical plan of one that was analysed and judged as a whole.
pub(crate) async fn judged_plan(
    plan: LogicalPlan,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let optimized = state.optimizer().optimize(plan, state, |_, _| {})?;
    permitted(&optimized, state, true).await
}

async fn permitted(
    plan: &LogicalPlan,
    state: &SessionState,
    judged: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let planner = DefaultPhysicalPlanner::default();
    let permit = state.config().get_extension::<PlanningPermit>();
    if permit.is_some_and(|permit| permit.judged == judged) {
        return planner.create_physical_plan(plan, state).await;
    }
    let mut state = state.clone();
    state.config_mut().set_extension(Arc::new(PlanningPermit { judged }));
    planner.create_physical_plan(plan, &state).await
}

/// Plans a DataFrame's query: DataFusion's plan under the statement's root.
#[derive(Debug)]
pub(super) struct StatementPlanner;

#[async_trait]
impl QueryPlanner for StatementPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(state), Some(hooks)) = (
            session.as_any().downcast_ref::<SessionState>(),
            session.config().get_extension::<QueryHooks>(),
        ) else {
            return plan_err!("a plan of this engine runs only in the session that made it");
        };
        let access = match plan {
            // It says what would be read.
            LogicalPlan::Explain(_) => Access::default(),
            _ => take_analyzed().unwrap_or_default(),
        };
        let input = permitted(plan, state, false).await?;
        Ok(Arc::new(StatementExec::new(input, hooks.planned(access))))
    }
}

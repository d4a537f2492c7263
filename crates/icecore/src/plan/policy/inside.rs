//! The plan inside of a governed table. Policies that look at nothing beside
//! the row need few of a query's rules, and no physical one.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Projection};
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::optimizer::{Analyzer, Optimizer, OptimizerContext};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::projection::ProjectionExec;

use super::body::has_subquery;
use crate::plan::guard::GuardRule;
use crate::plan::{GovernedTable, physical_plan};

/// What stored rows are filtered and projected with.
pub(crate) struct RowRules {
    analyzer: Analyzer,
    optimizer: Optimizer,
    options: Arc<ConfigOptions>,
}

/// The physical plan of what is inside of a governed table.
pub(super) async fn inside_plan(
    plan: LogicalPlan,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    match state.config().get_extension::<RowRules>() {
        Some(rules) if is_of_rows(&plan)? => rules.physical_plan(plan, state).await,
        _ => physical_plan(&plan, state).await,
    }
}

/// Whether a plan does nothing but filter and project the rows of one stored
/// table.
fn is_of_rows(mut plan: &LogicalPlan) -> Result<bool> {
    loop {
        let (input, expressions) = match plan {
            LogicalPlan::Filter(filter) => (&filter.input, std::slice::from_ref(&filter.predicate)),
            LogicalPlan::Projection(projection) => (&projection.input, &projection.expr[..]),
            LogicalPlan::TableScan(scan) => {
                return Ok(source_as_provider(&scan.source)?.is::<GovernedTable>());
            }
            _ => return Ok(false),
        };
        for expr in expressions {
            if has_subquery(expr)? {
                return Ok(false);
            }
        }
        plan = input;
    }
}

impl RowRules {
    /// `analyzer` settles what single expressions mean.
    pub(crate) fn new(analyzer: Analyzer, options: &ConfigOptions) -> Self {
        let optimizer = Optimizer::with_rules(vec![
            Arc::new(SimplifyExpressions::new()),
            Arc::new(EliminateFilter::new()),
            Arc::new(PropagateEmptyRelation::new()),
            Arc::new(PushDownFilter::new()),
            Arc::new(GuardRule),
            Arc::new(CommonSubexprEliminate::new()),
            Arc::new(OptimizeProjections::new()),
        ]);
        let mut options = options.clone();
        options.optimizer.max_passes = 1;
        Self { analyzer, optimizer, options: Arc::new(options) }
    }

    async fn physical_plan(
        &self,
        plan: LogicalPlan,
        state: &SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.analyzer.execute_and_check(plan, &self.options, |_, _| {})?;
        let context = OptimizerContext::new_with_config_options(Arc::clone(&self.options));
        let context = match state.execution_props().query_execution_start_time {
            Some(start) => context.with_query_execution_start_time(start),
            None => context.without_query_execution_start_time(),
        };
        let plan = self.optimizer.optimize(plan, &context, |_, _| {})?;
        let mut above = Vec::new();
        let mut lowest = &plan;
        while let LogicalPlan::Filter(Filter { input, .. })
        | LogicalPlan::Projection(Projection { input, .. }) = lowest
        {
            above.push(lowest);
            lowest = input;
        }
        let mut rows = Rows::of(lowest, state).await?;
        while let Some(node) = above.pop() {
            rows = match node {
                LogicalPlan::Filter(filter) => rows.filter(&filter.predicate, above.last())?,
                LogicalPlan::Projection(projection) => rows.project(projection)?,
                other => return internal_err!("no plan of rows: {}", other.display()),
            };
        }
        Ok(rows.plan)
    }
}

/// A physical plan, and what its columns are called.
struct Rows<'a> {
    plan: Arc<dyn ExecutionPlan>,
    schema: DFSchemaRef,
    state: &'a SessionState,
}

impl<'a> Rows<'a> {
    async fn of(lowest: &LogicalPlan, state: &'a SessionState) -> Result<Self> {
        let schema = Arc::clone(lowest.schema());
        let plan = match lowest {
            LogicalPlan::TableScan(scan) => {
                let table = source_as_provider(&scan.source)?;
                let projection = scan.projection.as_ref();
                table.scan(state, projection, &scan.filters, scan.fetch).await?
            }
            LogicalPlan::EmptyRelation(empty) if !empty.produce_one_row => {
                Arc::new(EmptyExec::new(Arc::clone(schema.inner())))
            }
            other => return internal_err!("no rows of a table: {}", other.display()),
        };
        Ok(Self { plan, schema, state })
    }

    /// The rows that are left, with those columns that `above` reads.
    fn filter(self, predicate: &Expr, above: Option<&&LogicalPlan>) -> Result<Self> {
        let predicate = self.expression(predicate)?;
        let filter = FilterExecBuilder::new(predicate, self.plan)
            .with_batch_size(self.state.config().batch_size());
        let Some(LogicalPlan::Projection(above)) = above else {
            return Ok(Self { plan: Arc::new(filter.build()?), ..self });
        };
        let is_read = |at: &usize| {
            let column = self.schema.columns().swap_remove(*at);
            above.expr.iter().any(|expr| expr.column_refs().contains(&column))
        };
        let read: Vec<usize> = (0..self.schema.fields().len()).filter(is_read).collect();
        let fields = read.iter().map(|at| {
            let (relation, field) = self.schema.qualified_field(*at);
            (relation.cloned(), Arc::clone(field))
        });
        let metadata = self.schema.metadata().clone();
        let schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), metadata)?);
        let plan = Arc::new(filter.apply_projection(Some(read))?.build()?);
        Ok(Self { plan, schema, ..self })
    }

    fn project(self, projection: &Projection) -> Result<Self> {
        let schema = Arc::clone(&projection.schema);
        let columns = self.schema.columns().into_iter().map(Expr::Column);
        if columns.eq(projection.expr.iter().cloned()) {
            return Ok(Self { schema, ..self });
        }
        let named = projection.expr.iter().zip(schema.fields());
        let columns = named.map(|(expr, field)| Ok((self.expression(expr)?, field.name().clone())));
        let columns: Vec<_> = columns.collect::<Result<_>>()?;
        let plan = Arc::new(ProjectionExec::try_new(columns, self.plan)?);
        Ok(Self { plan, schema, ..self })
    }

    fn expression(&self, expr: &Expr) -> Result<Arc<dyn PhysicalExpr>> {
        let properties = self.state.execution_props();
        let context = PhysicalPlanningContext::default();
        create_physical_expr(expr, &self.schema, properties, &context)
    }
}

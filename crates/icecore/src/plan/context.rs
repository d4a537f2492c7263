//! What DataFusion's SQL planner asks while it plans: functions come from the
//! session's state, tables from the statement's binder.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{
    ContextProvider, ExprPlanner, RelationPlanner, TypePlanner,
};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use icecore_exec::{from_datafusion, to_datafusion};
use icecore_sql::{ast, quote_date_parts};

use super::Binder;
use super::cells::{CELL, mark_cells};
use super::common_types::settled;
use super::data_metric::expand_metrics;
use super::literals::float_literals;
use super::missing::refuse_missing;
use super::relation::Relations;
use super::semantic::rewrite_selects;
use super::session_functions::session_function;

struct SqlContext<'a> {
    state: &'a SessionState,
    binder: &'a Arc<Binder>,
    relations: OnceLock<Vec<Arc<dyn RelationPlanner>>>,
}

impl<'a> SqlContext<'a> {
    fn new(state: &'a SessionState, binder: &'a Arc<Binder>) -> Self {
        Self { state, binder, relations: OnceLock::new() }
    }

    fn knows(&self, function: &str) -> bool {
        self.get_function_meta(function).is_some()
            || self.get_higher_order_meta(function).is_some()
            || self.get_aggregate_meta(function).is_some()
            || self.get_window_meta(function).is_some()
    }

    fn options(&self) -> ParserOptions {
        ParserOptions::from(&self.state.config_options().sql_parser)
    }
}

/// The logical plan of a query, all of its names bound.
///
/// # Errors
/// Whatever is wrong with the query.
pub(crate) fn plan_select(
    query: &ast::Query,
    state: &SessionState,
    binder: &Arc<Binder>,
) -> icecore_types::Result<LogicalPlan> {
    let context = SqlContext::new(state, binder);
    let planner = SqlToRel::new_with_options(&context, context.options());
    let mut query = query.clone();
    expand_metrics(&mut query, binder)?;
    rewrite_selects(&mut query, state, binder)?;
    quote_date_parts(&mut query);
    float_literals(&mut query);
    mark_cells(&mut query);
    refuse_missing(&mut query, |name| context.knows(name))?;
    let statement = ast::Statement::Query(Box::new(query));
    let plan = planner.sql_statement_to_plan(statement).map_err(from_datafusion)?;
    settled(plan, state.config_options()).map_err(from_datafusion)
}

/// The logical form of an expression over these columns.
///
/// # Errors
/// Whatever is wrong with the expression.
pub(crate) fn plan_expression(
    expression: &ast::Expr,
    schema: &DFSchema,
    state: &SessionState,
    binder: &Arc<Binder>,
) -> icecore_types::Result<Expr> {
    let context = SqlContext::new(state, binder);
    let planner = SqlToRel::new_with_options(&context, context.options());
    let mut expression = expression.clone();
    expand_metrics(&mut expression, binder)?;
    quote_date_parts(&mut expression);
    float_literals(&mut expression);
    refuse_missing(&mut expression, |name| context.knows(name))?;
    planner.sql_to_expr(expression, schema, &mut PlannerContext::new()).map_err(from_datafusion)
}

impl ContextProvider for SqlContext<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        self.binder.table_source(&name, None, self.state).map_err(to_datafusion)
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        self.relations.get_or_init(|| {
            vec![Arc::new(Relations::new(Arc::clone(self.binder), self.state.clone()))]
        })
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(icecore_functions::type_planner())
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        if name == CELL {
            return Some(icecore_functions::undeclared());
        }
        session_function(name, self.binder)
            .or_else(|| self.state.scalar_functions().get(name).cloned())
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}

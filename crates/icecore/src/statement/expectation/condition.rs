//! Conditions over a row, as DataFusion evaluates them.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use icecore_exec::from_datafusion;
use icecore_processed::RowExpression;
use icecore_sql::ast;
use icecore_types::{Code, ColumnId, Error, Result, TableDefinition};

use crate::plan::{RowsTable, plan_expression};
use crate::statement::Planning;

/// A condition that is typed and may stand in an expectation.
pub(super) struct Condition {
    expression: Expr,
    schema: SchemaRef,
}

impl Planning {
    /// Binds a condition over the rows of a table.
    ///
    /// # Errors
    /// `InvalidInput` for a column that is not there or a condition that is not
    /// boolean, `Unsupported` for one that looks at more than its row.
    pub(super) fn condition(
        &self,
        expression: &ast::Expr,
        table: &TableDefinition,
    ) -> Result<Condition> {
        let schema = row_schema(table);
        let rows = provider_as_source(Arc::new(RowsTable::new(Arc::clone(&schema), Vec::new())));
        let builder = LogicalPlanBuilder::scan("row", rows, None).map_err(from_datafusion)?;
        let planned = plan_expression(expression, builder.schema(), &self.state, &self.binder)?;
        refuse_others(&planned)?;
        let plan = builder
            .project([planned.alias("condition")])
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        let analyzer = self.state.analyzer();
        let plan = analyzer
            .execute_and_check(plan, self.state.config_options(), |_, _| {})
            .map_err(from_datafusion)?;
        let found = plan.schema().field(0).data_type().clone();
        if found != DataType::Boolean {
            return Err(Error::new(
                Code::TYPE_MISMATCH,
                format!("an expectation is a condition: {expression} is no boolean"),
            ));
        }
        let LogicalPlan::Projection(projection) = plan else {
            return Err(Error::internal("a condition is no projection"));
        };
        let expression = projection.expr.into_iter().next();
        let expression = expression.ok_or_else(|| Error::internal("a condition is nothing"))?;
        Ok(Condition { expression: bare(expression)?, schema })
    }

    /// The condition, ready for batches of the table's columns in order.
    pub(super) fn row_expression(&self, condition: Condition) -> Result<RowExpression> {
        let Condition { expression, schema } = condition;
        let columns = DFSchema::try_from(Arc::clone(&schema)).map_err(from_datafusion)?;
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(columns.clone()))
            .with_config_options(Arc::clone(self.state.config_options()))
            .with_query_execution_start_time(
                self.state.execution_props().query_execution_start_time,
            )
            .build();
        let simple = ExprSimplifier::new(context).simplify(expression).map_err(from_datafusion)?;
        let physical =
            self.state.create_physical_expr(simple, &columns).map_err(from_datafusion)?;
        Ok(Arc::new(move |batch: &RecordBatch| {
            let rows = batch.num_rows();
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let columns = batch.columns().to_vec();
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
                .map_err(|source| {
                Error::internal("rows of other columns").with_source(source)
            })?;
            let held = physical
                .evaluate(&batch)
                .and_then(|value| value.into_array(rows))
                .map_err(from_datafusion)?;
            held.as_boolean_opt()
                .cloned()
                .ok_or_else(|| Error::internal("a condition that is not boolean"))
        }))
    }
}

impl Condition {
    /// The columns of the table that it reads.
    pub(super) fn columns(&self, table: &TableDefinition) -> Vec<ColumnId> {
        let read = self.expression.column_refs();
        let is_read = |name: &str| read.iter().any(|column| column.name == name);
        let columns = table.columns.iter();
        columns.filter(|column| is_read(column.name.as_str())).map(|column| column.id).collect()
    }
}

/// The columns of a table by their names; any of them may be NULL here.
fn row_schema(table: &TableDefinition) -> SchemaRef {
    let field = |column: &icecore_types::ColumnDefinition| {
        icecore_values::field(column.name.as_str(), &column.sql_type, true)
    };
    Arc::new(Schema::new(table.columns.iter().map(field).collect::<Vec<_>>()))
}

/// Refuses what is not a function of one row alone.
fn refuse_others(expression: &Expr) -> Result<()> {
    let mut refused = None;
    expression
        .apply(|part| {
            let what = match part {
                Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..) => Some("a query in an expectation"),
                Expr::AggregateFunction(_) => Some("an aggregate function in an expectation"),
                Expr::WindowFunction(_) => Some("a window function in an expectation"),
                Expr::ScalarFunction(call)
                    if call.func.signature().volatility == Volatility::Volatile =>
                {
                    Some("a function with changing results in an expectation")
                }
                _ => None,
            };
            Ok(match what {
                Some(what) => {
                    refused = Some(what);
                    TreeNodeRecursion::Stop
                }
                None => TreeNodeRecursion::Continue,
            })
        })
        .map_err(from_datafusion)?;
    match refused {
        Some(what) => Err(Error::unsupported(what)
            .with_help("REFERENCES and UNIQUE look at other rows; all else looks at one row")),
        None => Ok(()),
    }
}

/// The expression without its alias, with bare column names.
fn bare(expression: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::Transformed;
    expression
        .unalias()
        .transform(|part| match part {
            Expr::Column(mut column) => {
                column.relation = None;
                Ok(Transformed::yes(Expr::Column(column)))
            }
            other => Ok(Transformed::no(other)),
        })
        .map(|transformed| transformed.data)
        .map_err(from_datafusion)
}

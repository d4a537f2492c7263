//! Queries that read what only the whole query is judged by: which columns are
//! in its result, and in which groups it shows rows.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result, ScalarValue, TableReference, plan_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use icecore_exec::{PolicyExec, hidden, to_datafusion};
use icecore_types::{Code, Error, ObjectId};

use super::PolicyTable;
use super::constraint::Projecting;
use super::groups::grouped;
use crate::plan::column_lineage::Columns;
use crate::plan::{ColumnLineage, PlanningPermit, judged_plan};

/// Where the rows of a query go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination {
    /// To who asks.
    Result,
    /// Into a table, whose columns are called as they are stored.
    Table(ObjectId),
}

/// Judges a query that reads under constraints, and puts one leaf in its place:
/// who takes the plan apart finds nothing but its result.
#[derive(Debug)]
pub(crate) struct ConstraintRule {
    session: u64,
    to: Destination,
}

impl ConstraintRule {
    pub(crate) const NAME: &str = "icecore_constraints";

    pub(crate) fn new(session: u64, to: Destination) -> Self {
        Self { session, to }
    }
}

impl AnalyzerRule for ConstraintRule {
    /// The plan must be analysed but for this: its inside is not analysed again.
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let Some(label) = constrained(&plan)? else { return Ok(plan) };
        let lineage = ColumnLineage::of(&plan)?;
        let inside = grouped(plan.clone())?;
        let columns = numbered(&inside, &lineage.outputs, self.to)?;
        let inside = LogicalPlanBuilder::from(inside).project(columns)?.build()?;
        let schema = Arc::new(inside.schema().as_arrow().clone());
        let relation = TableReference::bare(Arc::clone(&label));
        let judged = JudgedTable { plan: inside, schema, label, session: self.session };
        let source = provider_as_source(Arc::new(judged));
        let names = plan.schema().iter().enumerate().map(|(at, (relation, field))| {
            Expr::Column(Column::from_name(place(at)))
                .alias_qualified(relation.cloned(), field.name())
        });
        LogicalPlanBuilder::scan(relation, source, None)?.project(names)?.build()
    }

    fn name(&self) -> &str {
        Self::NAME
    }
}

/// What the columns of a judged query are called.
fn place(at: usize) -> String {
    format!("\0{at}")
}

/// What EXPLAIN calls the first table under constraints, if there is one,
/// however deep.
fn constrained(plan: &LogicalPlan) -> Result<Option<Arc<str>>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(TreeNodeRecursion::Continue) };
        let Ok(provider) = source_as_provider(&scan.source) else {
            return Ok(TreeNodeRecursion::Continue);
        };
        if let Some(table) = provider.downcast_ref::<PolicyTable>() {
            found = match table.constraints().is_empty() {
                true => constrained(table.plan())?,
                false => Some(Arc::clone(table.label())),
            };
        }
        Ok(match found {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

/// The columns of a result by their places, with NULL where one may not be in
/// it.
fn numbered(plan: &LogicalPlan, outputs: &[Columns], to: Destination) -> Result<Vec<Expr>> {
    let columns = plan.schema().columns().into_iter().zip(plan.schema().fields()).enumerate();
    let numbered = columns.map(|(at, (column, field))| {
        let computed = outputs.get(at).map(|from| projecting(from, field.name(), to));
        let value = match computed.unwrap_or(Projecting::Fails) {
            Projecting::Allowed => Expr::Column(column),
            Projecting::Nulls => {
                let null = ScalarValue::try_from(field.data_type())?;
                Expr::Literal(null, Some(FieldMetadata::from(field.as_ref())))
            }
            Projecting::Fails => return Err(to_datafusion(refused(field.name(), to))),
        };
        Ok(value.alias(place(at)))
    });
    numbered.collect()
}

/// What becomes of a column that is computed from others. In a table it may be
/// where it comes from: it stays under its policy there.
fn projecting(from: &Columns, name: &str, to: Destination) -> Projecting {
    let said = from.constrained.iter().map(|(table, column, said)| match to {
        Destination::Result => *said,
        Destination::Table(target) if *table == target && column.stored_name() == name => {
            Projecting::Allowed
        }
        Destination::Table(_) => Projecting::Fails,
    });
    said.max().unwrap_or(Projecting::Allowed)
}

fn refused(name: &str, to: Destination) -> Error {
    let error = match to {
        Destination::Result => {
            let what = format!("column '{name}' of the result is projection constrained");
            Error::new(Code::INVALID_STATEMENT, what)
        }
        Destination::Table(_) => {
            let what = "a projection constrained column cannot be written into another column";
            Error::new(Code::INVALID_STATEMENT, what)
        }
    };
    error.with_help("it may stand in WHERE, in the condition of a join and in inner queries")
}

/// A query that was judged: it shows its result and nothing of how it comes
/// about.
pub(crate) struct JudgedTable {
    plan: LogicalPlan,
    schema: SchemaRef,
    label: Arc<str>,
    session: u64,
}

impl fmt::Debug for JudgedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JudgedTable").field(&self.label).finish()
    }
}

impl JudgedTable {
    /// What is inside.
    pub(crate) fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The session that it was made for.
    pub(crate) fn session(&self) -> u64 {
        self.session
    }
}

#[async_trait]
impl TableProvider for JudgedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        PlanningPermit::check(state)?;
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return plan_err!("a plan of this engine runs only in the session that made it");
        };
        let inside = judged_plan(self.plan.clone(), state).await;
        let inside = inside.map_err(|error| hidden(error, &self.label))?;
        let whole = PolicyExec::new(inside, self.schema(), Arc::clone(&self.label))?;
        let Some(projection) = projection else { return Ok(Arc::new(whole)) };
        let schema = self.schema();
        let columns = projection.iter().map(|at| {
            let name = schema.field(*at).name();
            let column: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(name, *at));
            (column, name.clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), Arc::new(whole))?))
    }
}

//! A table under policies, as a query sees it.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableProviderFilterPushDown,
    TableType,
};
use datafusion::physical_plan::ExecutionPlan;
use icecore_exec::{PolicyExec, hidden};
use icecore_types::{ColumnId, Name, ObjectId, Version};

use super::constraint::Projecting;
use super::inside::inside_plan;
use crate::plan::PlanningPermit;

/// What a session may see of a table. Its plan is made and optimised by
/// itself, and stands in the query as one leaf: nothing of the query is
/// evaluated before the policies but the comparisons that cannot fail, on
/// columns that are seen as they are stored.
#[derive(Clone, Debug)]
pub(crate) struct PolicyTable {
    pub(super) plan: LogicalPlan,
    pub(super) schema: SchemaRef,
    pub(super) label: Arc<str>,
    /// Of each column whether a comparison of it may be evaluated inside.
    pub(super) open: Vec<bool>,
    pub(super) session: u64,
    pub(super) read: (ObjectId, Option<Version>),
    pub(super) policies: Vec<Evaluated>,
    /// What only the whole query is judged by.
    pub(super) constraints: Constraints,
}

/// What a query may do with the rows of a governed table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constraints {
    /// The columns that may not be in a result, by their names in the table's
    /// schema, and what is done about it.
    pub(super) columns: Vec<(String, Constrained)>,
    /// The rows are seen in groups only.
    pub(super) groups: Option<Groups>,
}

/// A column that may not be in a result.
pub(crate) type Constrained = (ObjectId, ColumnId, Projecting);

/// How large a group of rows is at least.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    pub(super) least: u64,
    /// The columns of the plan inside, behind those of the schema, that say whom
    /// a row is about; none if each is about another one.
    pub(super) entity: Vec<Column>,
}

impl Constraints {
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.groups.is_none()
    }

    /// What is said of the column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<Constrained> {
        let found = self.columns.iter().find(|(column, _)| column == name);
        found.map(|(_, constrained)| *constrained)
    }
}

/// A policy that is evaluated, and the column that it masks; nothing if it is
/// of the rows.
pub(crate) type Evaluated = (Option<Name>, ObjectId);

impl PolicyTable {
    /// The table, and the version that the query names.
    pub(crate) fn read(&self) -> (ObjectId, Option<Version>) {
        self.read
    }

    /// The policies that are evaluated inside.
    pub(crate) fn policies(&self) -> &[Evaluated] {
        &self.policies
    }

    /// What only the whole query is judged by.
    pub(crate) fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// The same over a plan that has `behind` more columns, which are seen too.
    pub(super) fn with_plan(&self, plan: LogicalPlan, behind: usize) -> Self {
        let mut fields: Vec<_> = self.schema.fields().iter().map(Arc::clone).collect();
        let width = fields.len();
        fields.extend(plan.schema().fields().iter().skip(width).take(behind).map(Arc::clone));
        let mut open = self.open.clone();
        open.resize(fields.len(), false);
        let schema = Arc::new(Schema::new(fields));
        Self { plan, schema, open, ..self.clone() }
    }

    /// What EXPLAIN calls it.
    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// What is inside.
    pub(crate) fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The session that it was made for.
    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    /// Where an open column is, and of which type.
    fn open_column(&self, expr: &Expr) -> Option<usize> {
        let Expr::Column(column) = expr else { return None };
        let at = self.schema.index_of(&column.name).ok()?;
        self.open.get(at).is_some_and(|open| *open).then_some(at)
    }

    fn is_value(&self, expr: &Expr, column: usize) -> bool {
        let wanted = self.schema.field(column).data_type();
        matches!(expr, Expr::Literal(value, _) if value.data_type() == *wanted && !value.is_null())
    }

    /// Whether a predicate can neither fail nor see what a policy hides.
    fn takes(&self, filter: &Expr) -> bool {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let compares = matches!(
                    op,
                    Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
                );
                let one_way = |column: &Expr, value: &Expr| {
                    self.open_column(column).is_some_and(|at| self.is_value(value, at))
                };
                compares && (one_way(left, right) || one_way(right, left))
            }
            Expr::IsNull(column) | Expr::IsNotNull(column) => self.open_column(column).is_some(),
            Expr::InList(list) => self
                .open_column(&list.expr)
                .is_some_and(|at| list.list.iter().all(|value| self.is_value(value, at))),
            _ => false,
        }
    }

    /// The plan inside under its projection, and what that makes of its rows.
    fn parts(&self) -> (LogicalPlan, Vec<Expr>) {
        match &self.plan {
            LogicalPlan::Projection(seen) => (seen.input.as_ref().clone(), seen.expr.clone()),
            whole => {
                let columns = whole.schema().columns().into_iter().map(Expr::Column);
                (whole.clone(), columns.collect())
            }
        }
    }

    /// A predicate on columns that are seen as what they are made of.
    fn inside(&self, filter: &Expr, seen: &[Expr]) -> Result<Expr> {
        let moved = filter.clone().transform(|expr| match expr {
            Expr::Column(column) => {
                let at = self.schema.index_of(&column.name)?;
                Ok(Transformed::yes(nth(seen, at)?.unalias()))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(moved.data)
    }
}

fn nth(seen: &[Expr], at: usize) -> Result<Expr> {
    match seen.get(at) {
        Some(expr) => Ok(expr.clone()),
        None => plan_err!("no such column in a governed table"),
    }
}

#[async_trait]
impl TableProvider for PolicyTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match self.takes(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    /// The limit stays outside: it would say how many rows are hidden.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let permit = PlanningPermit::check(state)?;
        if !self.constraints.is_empty() && !permit.is_judged() {
            return plan_err!("{} is read in a query that nobody judged", self.label);
        }
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return plan_err!("a plan of this engine runs only in the session that made it");
        };
        let (rows, mut seen) = self.parts();
        let mut rows = LogicalPlanBuilder::from(rows);
        for filter in filters {
            if !self.takes(filter) {
                return plan_err!("a predicate that a governed table does not take");
            }
            rows = rows.filter(self.inside(filter, &seen)?)?;
        }
        let schema = match projection {
            None => {
                seen.truncate(self.schema.fields().len());
                self.schema()
            }
            Some(projection) => {
                seen = projection.iter().map(|at| nth(&seen, *at)).collect::<Result<_>>()?;
                Arc::new(self.schema.project(projection)?)
            }
        };
        let plan = rows.project(seen)?.build()?;
        let inside = inside_plan(plan, state).await;
        let inside = inside.map_err(|error| hidden(error, &self.label))?;
        Ok(Arc::new(PolicyExec::new(inside, schema, Arc::clone(&self.label))?))
    }
}

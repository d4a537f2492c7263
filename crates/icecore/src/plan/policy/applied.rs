//! A policy whose arguments are columns of one table.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};
use icecore_exec::{from_datafusion, to_datafusion};
use icecore_types::{ColumnDefinition, Error, Result};

use super::Body;
use super::build::RAW;

/// A policy on its way into a plan.
pub(super) struct Applied<'a> {
    pub(super) body: Body,
    /// The relation that the body takes its arguments from.
    pub(super) arguments: TableReference,
    pub(super) columns: Vec<&'a ColumnDefinition>,
}

impl Applied<'_> {
    /// The rows that the body is true of.
    pub(super) fn filter(&self, rows: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
        if !self.body.has_subquery()? {
            return rows.filter(self.value()?).map_err(from_datafusion);
        }
        // What is inside of a subquery names the arguments too.
        let columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
        let with_arguments = columns.iter().cloned().chain(self.named());
        rows.project(with_arguments)
            .and_then(|rows| rows.filter(self.body.value.clone()))
            .and_then(|rows| rows.project(columns))
            .map_err(from_datafusion)
    }

    /// The body over the columns.
    pub(super) fn value(&self) -> Result<Expr> {
        let over_columns = |part: Expr| match part {
            Expr::Column(argument) => {
                let given = self.given(&argument).map_err(to_datafusion)?;
                Ok::<_, DataFusionError>(Transformed::yes(given))
            }
            other => Ok(Transformed::no(other)),
        };
        let value = self.body.value.clone().transform_up(over_columns);
        value.map(|value| value.data).map_err(from_datafusion)
    }

    /// What takes the place of an argument.
    fn given(&self, argument: &Column) -> Result<Expr> {
        let at = self.body.arguments.maybe_index_of_column(argument);
        let given = at.and_then(|at| self.values().nth(at));
        given.ok_or_else(|| Error::corrupted("a policy reads what is no argument of it"))
    }

    /// The columns under the names of the arguments.
    fn named(&self) -> impl Iterator<Item = Expr> {
        let fields = self.body.arguments.fields().iter();
        self.values()
            .zip(fields)
            .map(|(value, field)| value.alias_qualified(Some(self.arguments.clone()), field.name()))
    }

    /// The columns in the types of the arguments.
    fn values(&self) -> impl Iterator<Item = Expr> {
        let fields = self.body.arguments.fields().iter();
        fields.zip(&self.columns).map(|(field, column)| {
            let stored =
                Expr::Column(Column::new(Some(TableReference::bare(RAW)), column.name.as_str()));
            match icecore_values::arrow_type(&column.sql_type) == *field.data_type() {
                true => stored,
                false => cast(stored, field.data_type().clone()),
            }
        })
    }
}

//! A table under an aggregation policy, with what says whom its rows are about.

use std::sync::Arc;

use datafusion::common::{Column, Result};
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScan, lit};

use super::{Entity, Rows, Walk, governed, refused};
use crate::plan::policy::table::{Groups, PolicyTable};

impl Walk {
    pub(super) fn leaf(&mut self, scan: &TableScan, joined: bool) -> Result<Rows> {
        let Some(table) = governed(&scan.source) else { return Err(refused("what it is")) };
        if scan.fetch.is_some() {
            return Err(refused("LIMIT of its rows"));
        }
        let inside = self.rows(table.plan(), joined)?;
        let (table, mut entities) = self.with_entities(&table, inside, joined)?;
        let width = table.schema.fields().len() - entities.len();
        let source = provider_as_source(Arc::new(table));
        let mut rows = LogicalPlanBuilder::scan(scan.table_name.clone(), source, None)?;
        if let Some(predicate) = conjunction(scan.filters.iter().cloned()) {
            rows = rows.filter(predicate)?;
        }
        for entity in &mut entities {
            entity.column.relation = Some(scan.table_name.clone());
        }
        if let Some(projection) = &scan.projection {
            let columns = rows.schema().columns();
            let read = projection.iter().copied().chain(width..columns.len());
            let read = read.filter_map(|at| columns.get(at).cloned().map(Expr::Column));
            rows = rows.project(read.collect::<Vec<_>>())?;
        }
        Ok(Rows { plan: rows.build()?, entities })
    }

    /// The table with further columns, which say whom its rows are about: those
    /// of what it is made of, and its own.
    fn with_entities(
        &mut self,
        table: &PolicyTable,
        inside: Rows,
        joined: bool,
    ) -> Result<(PolicyTable, Vec<Entity>)> {
        let mut plan = inside.plan;
        let mut entities = Vec::new();
        let mut values = Vec::new();
        for entity in inside.entities {
            let name = self.name();
            values.push(Expr::Column(entity.column.clone()).alias(&name));
            entities.push(Entity { column: Column::from_name(name), ..entity });
        }
        if let Some(groups) = &table.constraints.groups {
            let value;
            (plan, value) = about(plan, groups, joined)?;
            let name = self.name();
            values.push(value.alias(&name));
            let repeats = joined || !groups.entity.is_empty();
            let column = Column::from_name(name);
            entities.push(Entity { column, least: groups.least, repeats });
        }
        let seen = plan.schema().columns().into_iter().take(table.schema.fields().len());
        let columns: Vec<Expr> = seen.map(Expr::Column).chain(values).collect();
        let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        Ok((table.with_plan(plan, entities.len()), entities))
    }
}

/// Whom each row is about: what its key says; without one it is about another
/// one than each other row. A row that comes but once needs no name for that.
fn about(plan: LogicalPlan, groups: &Groups, joined: bool) -> Result<(LogicalPlan, Expr)> {
    match groups.entity.as_slice() {
        [] if !joined => Ok((plan, lit(1_i64))),
        [] => {
            let number = row_number();
            let column = Expr::Column(Column::from_name(number.schema_name().to_string()));
            Ok((LogicalPlanBuilder::from(plan).window([number])?.build()?, column))
        }
        [only] => Ok((plan, Expr::Column(only.clone()))),
        several => {
            let named = several.iter().enumerate();
            let parts =
                named.flat_map(|(at, column)| [lit(at.to_string()), Expr::Column(column.clone())]);
            Ok((plan, named_struct(parts.collect())))
        }
    }
}

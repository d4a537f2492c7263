//! Which columns an expression is computed from.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::{Columns, Scope, Tracer};

impl Tracer {
    /// What each of these values is computed from.
    pub(super) fn values(&mut self, values: &[Expr], scope: &Scope) -> Result<Vec<Columns>> {
        values.iter().map(|value| self.value(value, scope)).collect()
    }

    /// These expressions decide which rows there are.
    pub(super) fn decides(&mut self, expressions: &[Expr], scope: &Scope) -> Result<()> {
        for expression in expressions {
            let columns = self.value(expression, scope)?;
            self.rows.add(&columns);
        }
        Ok(())
    }

    fn value(&mut self, value: &Expr, scope: &Scope) -> Result<Columns> {
        let mut found = Columns::default();
        value.apply(|part| {
            match part {
                Expr::Column(column) => found.add(&scope.find_or_all(column)),
                Expr::OuterReferenceColumn(_, column) => found.add(&self.outer(column)),
                Expr::ScalarSubquery(subquery) => {
                    found.add(&self.subquery(&subquery.subquery, scope)?);
                }
                Expr::InSubquery(test) => {
                    found.add(&self.subquery(&test.subquery.subquery, scope)?);
                }
                Expr::SetComparison(test) => {
                    found.add(&self.subquery(&test.subquery.subquery, scope)?);
                }
                // Its columns do not matter, only whether there are rows.
                Expr::Exists(test) => drop(self.subquery(&test.subquery.subquery, scope)?),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }

    fn subquery(&mut self, plan: &LogicalPlan, scope: &Scope) -> Result<Columns> {
        let scope = Scope { schema: scope.schema.clone(), columns: scope.columns.clone() };
        self.outer.push(scope);
        let columns = self.plan(plan);
        self.outer.pop();
        Ok(Columns::all(&columns?))
    }

    /// A column of a query around this one.
    fn outer(&self, column: &Column) -> Columns {
        let found = self.outer.iter().rev().find_map(|scope| scope.find(column));
        found.unwrap_or_else(|| {
            let mut all = Columns::default();
            self.outer.iter().for_each(|scope| all.add(&Columns::all(&scope.columns)));
            all
        })
    }
}

impl Scope {
    /// Both, this one's columns first.
    pub(super) fn beside(&self, right: &Self) -> Self {
        let columns = self.columns.iter().chain(&right.columns).cloned().collect();
        // Without a schema no column is found, and then any of them is meant.
        let joined = self.schema.join(&right.schema);
        let schema = joined.map_or_else(|_| DFSchema::empty_ref().clone(), DFSchemaRef::new);
        Self { schema, columns }
    }

    fn find(&self, column: &Column) -> Option<Columns> {
        let at = self.schema.maybe_index_of_column(column)?;
        self.columns.get(at).cloned()
    }

    /// A column that cannot be told from others may be any of them: an audit
    /// says rather too much than too little.
    fn find_or_all(&self, column: &Column) -> Columns {
        self.find(column).unwrap_or_else(|| Columns::all(&self.columns))
    }
}

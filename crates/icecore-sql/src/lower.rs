//! What is put right in a query after it was read, because the planner does
//! not have it or takes it for something else: columns get the names that they
//! have in Snowflake, TOP and FETCH become LIMIT, ORDER BY ALL a list of
//! positions, named windows what they name, a pattern's backslash an ordinary
//! character, and `db..t` gets its schema.

mod derived;
mod naming;
mod order;
mod pattern;
mod text;
mod window;

use std::ops::ControlFlow;

pub use derived::values_query;
pub(crate) use derived::with_columns;
use icecore_types::{Error, Result};
use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, TableFactor, TableWithJoins, VisitMut,
    VisitorMut,
};

use crate::cursor::Cursor;

/// Puts a query right.
pub(crate) fn query(query: &mut Query, cursor: &Cursor<'_>) -> Result<()> {
    naming::name_columns(query, cursor);
    Lower { cursor }.run(query)
}

/// Puts the tables of a FROM right.
pub(crate) fn tables(tables: &mut Vec<TableWithJoins>, cursor: &Cursor<'_>) -> Result<()> {
    Lower { cursor }.run(tables)
}

/// Puts an expression right.
pub(crate) fn expression(expression: &mut Expr, cursor: &Cursor<'_>) -> Result<()> {
    Lower { cursor }.run(expression)
}

struct Lower<'a, 'b> {
    cursor: &'a Cursor<'b>,
}

impl Lower<'_, '_> {
    fn run(&mut self, part: &mut impl VisitMut) -> Result<()> {
        match part.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }
}

fn flow(result: Result<()>) -> ControlFlow<Box<Error>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Lower<'_, '_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        order::limit_rows(query);
        flow(order::order_by_all(query))?;
        order::order_by_items(query);
        flow(window::resolve_order(query))?;
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                naming::name_columns(&mut cte.query, self.cursor);
            }
        }
        ControlFlow::Continue(())
    }

    /// After its parts, so that what is put around VALUES is not visited.
    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        flow(derived::name_values(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        flow(window::resolve(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Derived { subquery, .. } = factor {
            naming::name_columns(subquery, self.cursor);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        flow(pattern::escape(expression))
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Self::Break> {
        if let [_, ObjectNamePart::Identifier(schema), _] = name.0.as_mut_slice()
            && schema.value.is_empty()
        {
            *schema = Ident::new("PUBLIC");
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;

//! What a query may hold. Everything that the planner would drop without a
//! word, and everything that the engine does not have, is refused by name.
//!
//! The trees are taken apart without `..`: a part that a later `sqlparser`
//! adds is a compile error here, not a clause that nobody looks at.

mod expression;
mod from;
mod select;

use std::ops::ControlFlow;

use icecore_types::{Error, Result};
use sqlparser::ast::{Expr, Query, Select, TableFactor, TableWithJoins, Visit, Visitor};

use crate::relations::search;

/// Refuses what a query may not hold.
pub(crate) fn query(query: &Query) -> Result<()> {
    walk(query)?;
    search(query).map(drop)
}

/// Refuses what an expression, or a query in it, may not hold.
pub(crate) fn expression(expression: &Expr) -> Result<()> {
    walk(expression)?;
    search(expression).map(drop)
}

/// Refuses what a list of tables may not hold.
pub(crate) fn tables(tables: &Vec<TableWithJoins>) -> Result<()> {
    for table in tables {
        from::joins(table)?;
    }
    walk(tables)?;
    search(tables).map(drop)
}

fn walk(part: &impl Visit) -> Result<()> {
    match part.visit(&mut Check) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Check;

fn flow(result: Result<()>) -> ControlFlow<Box<Error>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl Visitor for Check {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        flow(select::query(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        flow(select::select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        flow(from::factor(factor))
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        flow(expression::check(expression))
    }
}

/// An error with this name unless there is nothing.
fn refuse(is_there: bool, name: &str) -> Result<()> {
    if is_there { Err(Error::unsupported(name)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

//! What is put right in a query after it was read: its columns get the names
//! that they have in Snowflake, `SELECT TOP` and FETCH become LIMIT, ORDER BY
//! ALL becomes a list of positions, and `db..t` gets its schema.
//!
//! An expression without an alias is a column named by its text in upper case.
//! That is done where the name can be seen: in the query itself, in common
//! table expressions and in subqueries in FROM; of a set operation in its
//! first part. Queries in expressions have no column names that anybody sees.

use std::ops::ControlFlow;

use icecore_types::{Error, Result};
use sqlparser::ast::{
    Expr, Fetch, Ident, LimitClause, ObjectName, ObjectNamePart, OrderBy, OrderByExpr, OrderByKind,
    Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins, TopQuantity, Value, VisitMut,
    VisitorMut,
};

use crate::cursor::Cursor;
use crate::derived::name_values;

mod text;

/// Puts a query right.
pub(crate) fn query(query: &mut Query, cursor: &Cursor<'_>) -> Result<()> {
    let mut naming = Naming { cursor };
    naming.name_columns(query);
    naming.run(query)
}

/// Puts the tables of a FROM right.
pub(crate) fn tables(tables: &mut Vec<TableWithJoins>, cursor: &Cursor<'_>) -> Result<()> {
    Naming { cursor }.run(tables)
}

/// Puts the queries in an expression right.
pub(crate) fn expression(expression: &mut Expr, cursor: &Cursor<'_>) -> Result<()> {
    Naming { cursor }.run(expression)
}

struct Naming<'a, 'b> {
    cursor: &'a Cursor<'b>,
}

impl Naming<'_, '_> {
    fn run(&mut self, part: &mut impl VisitMut) -> Result<()> {
        match part.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    /// Names the columns of a query whose column names can be seen.
    fn name_columns(&self, query: &mut Query) {
        let mut body = &mut *query.body;
        loop {
            match body {
                SetExpr::Select(select) => return self.name_items(select),
                SetExpr::Query(inner) => return self.name_columns(inner),
                SetExpr::SetOperation { left, .. } => body = left,
                _ => return,
            }
        }
    }

    fn name_items(&self, select: &mut Select) {
        let texts = text::items(self.cursor, select);
        for (at, item) in select.projection.iter_mut().enumerate() {
            let SelectItem::UnnamedExpr(expression) = item else { continue };
            if matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                continue;
            }
            let name = match texts.get(at) {
                Some(text) => text.clone(),
                None => expression.to_string().to_uppercase(),
            };
            let expr = std::mem::replace(expression, Expr::Value(Value::Null.into()));
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
        }
    }
}

impl VisitorMut for Naming<'_, '_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        limit_rows(query);
        if let Err(error) = order_by_all(query) {
            return ControlFlow::Break(Box::new(error));
        }
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                self.name_columns(&mut cte.query);
            }
        }
        ControlFlow::Continue(())
    }

    /// After its parts, so that what is put around VALUES is not visited.
    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        match name_values(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Derived { subquery, .. } = factor {
            self.name_columns(subquery);
        }
        ControlFlow::Continue(())
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

/// TOP and FETCH, which the planner does not have, as LIMIT. The check has
/// made sure that there is one of them, and a plain number of rows.
fn limit_rows(query: &mut Query) {
    let top = match &mut *query.body {
        SetExpr::Select(select) => select.top.take().map(|top| top.quantity),
        _ => None,
    };
    let fetch = query.fetch.take().map(|Fetch { quantity, .. }| quantity);
    let rows = match (top, fetch) {
        (Some(Some(TopQuantity::Constant(rows))), _) => number(&rows.to_string()),
        (Some(Some(TopQuantity::Expr(rows))), _) | (_, Some(Some(rows))) => rows,
        (Some(None), _) | (_, Some(None)) => number("1"),
        (None, None) => return,
    };
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = Some(rows),
        clause => {
            *clause = Some(LimitClause::LimitOffset {
                limit: Some(rows),
                offset: None,
                limit_by: Vec::new(),
            });
        }
    }
}

/// ORDER BY ALL as ORDER BY 1, 2 and so on: the planner takes it for columns
/// only, and for nothing behind a set operation.
fn order_by_all(query: &mut Query) -> Result<()> {
    let Some(OrderBy { kind, .. }) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::All(options) = &*kind else { return Ok(()) };
    let width = match first_select(&query.body) {
        Some(select) if !select.projection.iter().any(is_wildcard) => select.projection.len(),
        _ => return Err(Error::unsupported("ORDER BY ALL with *")),
    };
    let items = (1..=width).map(|position| OrderByExpr {
        expr: number(&position.to_string()),
        options: *options,
        with_fill: None,
    });
    *kind = OrderByKind::Expressions(items.collect());
    Ok(())
}

fn first_select(mut body: &SetExpr) -> Option<&Select> {
    loop {
        body = match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(query) => &query.body,
            SetExpr::SetOperation { left, .. } => left,
            _ => return None,
        };
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

fn number(text: &str) -> Expr {
    Expr::Value(Value::Number(text.to_owned(), false).into())
}

#[cfg(test)]
mod tests;

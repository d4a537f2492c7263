//! The names of columns.
//!
//! An expression without an alias is a column named by its text in upper case.
//! That is done where the name can be seen: in the query itself, in common
//! table expressions and in subqueries in FROM; of a set operation in its
//! first part. Queries in expressions have no column names that anybody sees.

use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SetExpr, Value};

use super::text;
use crate::cursor::Cursor;

/// Names the columns of a query whose column names can be seen.
pub(super) fn name_columns(query: &mut Query, cursor: &Cursor<'_>) {
    let mut body = &mut *query.body;
    loop {
        match body {
            SetExpr::Select(select) => return name_items(select, cursor),
            SetExpr::Query(inner) => return name_columns(inner, cursor),
            SetExpr::SetOperation { left, .. } => body = left,
            _ => return,
        }
    }
}

fn name_items(select: &mut Select, cursor: &Cursor<'_>) {
    let texts = text::items(cursor, select);
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

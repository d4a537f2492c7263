//! LIMIT and ORDER BY.

use icecore_types::{Error, Result};
use sqlparser::ast::{
    Expr, Fetch, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr,
    TopQuantity, Value,
};

/// TOP and FETCH, which the planner does not have, as LIMIT. The check has
/// made sure that there is one of them, and a plain number of rows.
pub(super) fn limit_rows(query: &mut Query) {
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
pub(super) fn order_by_all(query: &mut Query) -> Result<()> {
    let Some(OrderBy { kind, .. }) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::All(options) = &*kind else { return Ok(()) };
    let width = match first_part(&query.body) {
        SetExpr::Values(values) => values.rows.first().map_or(0, |row| row.len()),
        SetExpr::Select(select) if !select.projection.iter().any(is_wildcard) => {
            select.projection.len()
        }
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

/// What the columns of a query are named by.
fn first_part(mut body: &SetExpr) -> &SetExpr {
    loop {
        body = match body {
            SetExpr::Query(query) => &query.body,
            SetExpr::SetOperation { left, .. } => left,
            other => return other,
        };
    }
}

/// ORDER BY an expression that SELECT DISTINCT has as an item, as ORDER BY
/// that item's name: the planner looks for names there.
pub(super) fn order_by_items(query: &mut Query) {
    let SetExpr::Select(select) = &*query.body else { return };
    let Some(OrderBy { kind: OrderByKind::Expressions(order), .. }) = &mut query.order_by else {
        return;
    };
    if select.distinct.is_none() {
        return;
    }
    for item in order {
        let alias = select.projection.iter().find_map(|selected| match selected {
            SelectItem::ExprWithAlias { expr, alias } if *expr == item.expr => Some(alias),
            _ => None,
        });
        if let Some(alias) = alias {
            item.expr = Expr::Identifier(alias.clone());
        }
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

fn number(text: &str) -> Expr {
    Expr::Value(Value::Number(text.to_owned(), false).into())
}

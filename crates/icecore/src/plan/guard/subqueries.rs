//! Subqueries inside conditions: some are values, others become joins whose key
//! is computed for every row.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, when};
use icecore_functions::is_fallible;

pub(super) fn has_subquery(expr: &Expr) -> bool {
    any(expr, |part| matches!(part, Expr::ScalarSubquery(_))) || has_predicate_subquery(expr)
}

/// IN, EXISTS, ANY and ALL, which become joins.
pub(super) fn has_predicate_subquery(expr: &Expr) -> bool {
    any(expr, |part| matches!(part, Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)))
}

/// A value that is another for each row, and becomes a join too.
pub(super) fn is_correlated(expr: &Expr) -> bool {
    any(
        expr,
        |part| matches!(part, Expr::ScalarSubquery(query) if !query.outer_ref_columns.is_empty()),
    )
}

fn any(expr: &Expr, is: impl Fn(&Expr) -> bool) -> bool {
    expr.exists(|part| Ok(is(part))).unwrap_or(true)
}

/// What is looked for with IN is a join's key: NULL where `guard` is not true,
/// if computing it may fail.
pub(super) fn sheltered(expr: Expr, guard: &Expr, schema: &DFSchema) -> Result<Expr> {
    let sheltered = expr.transform_up(|part| match part {
        Expr::InSubquery(mut query) if is_fallible(&query.expr, schema) => {
            let value = std::mem::take(query.expr.as_mut());
            *query.expr = when(guard.clone(), value).end()?;
            Ok(Transformed::yes(Expr::InSubquery(query)))
        }
        Expr::SetComparison(mut query) if is_fallible(&query.expr, schema) => {
            let value = std::mem::take(query.expr.as_mut());
            *query.expr = when(guard.clone(), value).end()?;
            Ok(Transformed::yes(Expr::SetComparison(query)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(sheltered.data)
}

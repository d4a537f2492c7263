//! The keys of joins: what may fail in them is computed where the conditions
//! beside them on the same side are true, and they guard what comes after.

use std::collections::HashSet;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, Operator, when};
use icecore_functions::is_fallible;

use super::subqueries::has_subquery;

/// Whether a condition compares one relation with another: a join's key, which
/// is computed for every row of its side.
pub(super) fn is_key(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = expr else { return false };
    let relations = |side: &Expr| -> HashSet<_> {
        side.column_refs().into_iter().map(|column: &Column| column.relation.clone()).collect()
    };
    let (left, right) = (relations(left), relations(right));
    !left.is_empty() && !right.is_empty() && left.is_disjoint(&right)
}

/// A key that cannot fail.
pub(super) fn is_sure_key(expr: &Expr, schema: &DFSchema) -> bool {
    is_key(expr) && !is_fallible(expr, schema) && !has_subquery(expr)
}

/// The conditions that rows of these relations met when they were joined: of
/// inner joins, and of those below the side of an outer join that keeps its rows.
pub(super) fn keys_below(plan: &LogicalPlan) -> Result<Vec<Expr>> {
    let mut found = Vec::new();
    collect(plan, &mut found)?;
    Ok(found)
}

fn collect(plan: &LogicalPlan, into: &mut Vec<Expr>) -> Result<()> {
    let LogicalPlan::Join(join) = plan else { return Ok(()) };
    match join.join_type {
        JoinType::Inner => {}
        JoinType::Left => return collect(&join.left, into),
        JoinType::Right => return collect(&join.right, into),
        _ => return Ok(()),
    }
    collect(&join.left, into)?;
    collect(&join.right, into)?;
    let schema = join.left.schema().join(join.right.schema())?;
    into.extend(join.on.iter().map(|(left, right)| left.clone().eq(right.clone())));
    let conditions = join.filter.iter().flat_map(split_conjunction);
    into.extend(conditions.filter(|key| is_sure_key(key, &schema)).cloned());
    into.retain(|key| !is_fallible(key, &schema));
    Ok(())
}

/// The condition of a join whose only keys may fail: each side of them is NULL,
/// and so without a partner, where the side's own conditions are not true.
pub(super) fn sheltered_keys(
    condition: Expr,
    left: &DFSchema,
    both: &DFSchema,
) -> Transformed<Expr> {
    let all = split_conjunction_owned(condition.clone());
    if all.iter().any(|key| is_sure_key(key, both)) || !all.iter().any(is_key) {
        return Transformed::no(condition);
    }
    let own = |expr: &Expr, of_left: bool| {
        let columns = expr.column_refs();
        !columns.is_empty() && columns.into_iter().all(|c| left.has_column(c) == of_left)
    };
    let guards_of = |of_left: bool| {
        let guards = all.iter().filter(|guard| {
            own(guard, of_left) && !is_fallible(guard, both) && !has_subquery(guard)
        });
        conjunction(guards.cloned())
    };
    let (of_left, of_right) = (guards_of(true), guards_of(false));
    let side = |expr: Expr| -> Expr {
        let guard = if own(&expr, true) { &of_left } else { &of_right };
        match guard {
            Some(guard) if is_fallible(&expr, both) => {
                when(guard.clone(), expr.clone()).end().unwrap_or(expr)
            }
            _ => expr,
        }
    };
    let changed = all.clone().into_iter().map(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if op == Operator::Eq
                && is_key(&Expr::BinaryExpr(BinaryExpr::new(left.clone(), op, right.clone()))) =>
        {
            side(*left).eq(side(*right))
        }
        other => other,
    });
    match conjunction(changed) {
        Some(changed) if changed != condition => Transformed::yes(changed),
        _ => Transformed::no(condition),
    }
}

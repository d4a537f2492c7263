//! `SELECT a, a`: the result of a statement may have columns of one name, and
//! nothing else may, because nothing could refer to them.

use std::collections::HashSet;

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use icecore_exec::from_datafusion;
use icecore_sql::ast::{self, Ident, Query, SelectItem, SetExpr};
use icecore_types::Result;

/// What stands between a name and the number of its repetition; no name that is
/// not in quotes has it.
const MARK: &str = "\u{1}";

/// Plans a query; if it does not plan because names repeat, with other names
/// that become the same again in its result.
pub(crate) fn plan_with_repeated_names(
    query: &Query,
    plan: impl Fn(&Query) -> Result<LogicalPlan>,
) -> Result<LogicalPlan> {
    let mut renamed = query.clone();
    if !rename(&mut renamed.body) {
        return plan(query);
    }
    plan(query).or_else(|error| plan(&renamed).and_then(restored).map_err(|_| error))
}

/// Gives repeated names other ones; whether any repeats, or may repeat what `*`
/// stands for.
fn rename(body: &mut SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => rename_items(&mut select.projection),
        SetExpr::Query(query) => rename(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => rename(left) | rename(right),
        _ => false,
    }
}

fn rename_items(items: &mut [SelectItem]) -> bool {
    let is_star = |item: &SelectItem| {
        !matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    let has_star = items.iter().any(is_star);
    let mut seen = HashSet::new();
    let mut changed = false;
    for (at, item) in items.iter_mut().enumerate() {
        let (expr, name) = match item {
            SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
            SelectItem::UnnamedExpr(expr) => match last_name(expr) {
                Some(name) => (expr, name),
                None => continue,
            },
            _ => continue,
        };
        if seen.insert(name.clone()) && !has_star {
            continue;
        }
        let expr = std::mem::replace(expr, ast::Expr::value(ast::Value::Null));
        let alias = Ident::with_quote('"', format!("{name}{MARK}{at}"));
        *item = SelectItem::ExprWithAlias { expr, alias };
        changed = true;
    }
    changed
}

fn last_name(expr: &ast::Expr) -> Option<String> {
    match expr {
        ast::Expr::Identifier(name) => Some(name.value.clone()),
        ast::Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()),
        _ => None,
    }
}

/// The plan with the names that were written, told apart by what they belong to.
fn restored(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns = plan.schema().columns();
    let renamed = columns.into_iter().enumerate().map(|(at, column)| {
        let written = column.name.split_once(MARK).map(|(name, _)| name.to_owned());
        if written.is_none() && column.relation.is_some() {
            return Expr::Column(column);
        }
        let name = written.unwrap_or_else(|| column.name.clone());
        Expr::Column(column).alias_qualified(Some(format!("${at}")), name)
    });
    LogicalPlanBuilder::from(plan)
        .project(renamed)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)
}

//! A SELECT with GROUP BY, taken apart: its items, keys and aggregates.

use std::ops::ControlFlow;

use icecore_sql::ast::{
    Expr, GroupByExpr, Select, SelectItem, Value, visit_expressions, visit_expressions_mut,
};
use icecore_types::SqlType;

use super::build::{Source, aggregate_call, column, has_aggregate, items, sources};
use super::{Reason, Sources};

/// The SELECT with its items written out and its columns called alike.
pub(super) fn prepared(select: &Select, facts: &dyn Sources) -> Result<(Select, Source), Reason> {
    let mut sources = sources(select, facts)?;
    let (Some(source), true) = (sources.pop(), sources.is_empty()) else {
        return Err("the query aggregates a join".into());
    };
    let mut select = select.clone();
    select.projection = items(&select, std::slice::from_ref(&source))?;
    let _all = visit_expressions_mut(&mut select, |expr| {
        let known = |name: &str| source.columns.iter().any(|column| column.as_str() == name);
        let name = match &*expr {
            Expr::Identifier(name) if known(&name.value) => Some(name.value.clone()),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] if table.value == source.alias.value && known(&name.value) => {
                    Some(name.value.clone())
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(name) = name {
            *expr = column(&name);
        }
        ControlFlow::<()>::Continue(())
    });
    Ok((select, source))
}

pub(super) fn keys(
    select: &Select,
    source: &Source,
    facts: &dyn Sources,
) -> Result<Vec<Expr>, Reason> {
    let item_at = |at: usize| match select.projection.get(at) {
        Some(SelectItem::ExprWithAlias { expr, .. }) => Ok(expr.clone()),
        _ => Err("the query groups by a position that it does not have".to_owned()),
    };
    let keys: Vec<Expr> = match &select.group_by {
        GroupByExpr::All(modifiers) if modifiers.is_empty() => {
            let all = (0..select.projection.len()).map(item_at);
            let all = all.collect::<Result<Vec<_>, _>>()?;
            all.into_iter().filter(|expr| !has_aggregate(expr, facts)).collect()
        }
        GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => keys
            .iter()
            .map(|key| written_out(key, select, source, &item_at))
            .collect::<Result<_, _>>()?,
        _ => return Err("the query has GROUPING SETS, ROLLUP or CUBE".into()),
    };
    for key in &keys {
        match key {
            Expr::GroupingSets(_) | Expr::Rollup(_) | Expr::Cube(_) | Expr::Tuple(_) => {
                return Err("the query has GROUPING SETS, ROLLUP or CUBE".into());
            }
            _ => {}
        }
        match facts.type_of(key, select) {
            Some(SqlType::Float) => return Err(format!("the query groups by {key}, a FLOAT")),
            Some(_) => {}
            None => return Err(format!("the query groups by {key}")),
        }
    }
    Ok(keys)
}

/// A key that is a position or another name of an item, as the item.
fn written_out(
    key: &Expr,
    select: &Select,
    source: &Source,
    item_at: &dyn Fn(usize) -> Result<Expr, Reason>,
) -> Result<Expr, Reason> {
    match key {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => match text.parse::<usize>() {
                Ok(at) if at > 0 => item_at(at - 1),
                _ => Err(format!("the query groups by {text}")),
            },
            other => Err(format!("the query groups by {other}")),
        },
        Expr::Identifier(name)
            if !source.columns.iter().any(|column| column.as_str() == name.value) =>
        {
            let named = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if alias.value == name.value => {
                    Some(expr)
                }
                _ => None,
            });
            named.cloned().ok_or_else(|| format!("the query groups by {name}"))
        }
        other => Ok(other.clone()),
    }
}

/// The aggregates that a SELECT calls.
pub(super) fn calls(select: &Select, facts: &dyn Sources) -> Vec<Expr> {
    let mut found: Vec<Expr> = Vec::new();
    let mut add = |expr: &Expr| {
        if aggregate_call(expr, facts).is_some() {
            found.push(expr.clone());
        }
        ControlFlow::<()>::Continue(())
    };
    let _items = visit_expressions(&select.projection, &mut add);
    let _having = visit_expressions(&select.having, &mut add);
    found
}

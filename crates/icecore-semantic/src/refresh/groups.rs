//! Aggregates of one table: a group that changed is merged from its state and
//! what came and went, or computed again from its rows.

use std::ops::ControlFlow;

use icecore_sql::ast::{
    Expr, GroupByExpr, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, Value,
    VisitMut, VisitorMut, visit_expressions, visit_expressions_mut,
};
use icecore_types::{Error, Result, SqlType};

use super::build::{
    Source, aggregate_call, column, fill, has_aggregate, item, items, over, put_subquery, query_of,
    quoted, select_of, sources, union_all, union_distinct,
};
use super::states::{self, COUNT, States};
use super::{Changed, Delta, Reason, Sources};

/// The hidden columns are the keys, the number of rows, and the states.
#[derive(Clone, Debug)]
pub(super) struct GroupPlan {
    tables: Vec<ObjectName>,
    /// With its items written out and its keys as expressions.
    select: Select,
    keys: Vec<Expr>,
    states: States,
}

impl GroupPlan {
    pub(super) fn decide(select: &Select, facts: &dyn Sources) -> Result<Result<Self, Reason>> {
        let (select, source) = match prepared(select, facts) {
            Ok(prepared) => prepared,
            Err(reason) => return Ok(Err(reason)),
        };
        let keys = match keys(&select, &source, facts) {
            Ok(keys) => keys,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut states = States::default();
        for call in calls(&select, facts) {
            let Expr::Function(call) = &call else { continue };
            if let Err(reason) = states.add(call, &select, facts)? {
                return Ok(Err(reason));
            }
        }
        states.recomputed |= select.having.is_some();
        let mut select = select;
        select.group_by = GroupByExpr::Expressions(keys.clone(), Vec::new());
        let plan = Self { tables: vec![source.table], select, keys, states };
        Ok(plan.values_of_items().map(|_| plan))
    }

    pub(super) fn tables(&self) -> &[ObjectName] {
        &self.tables
    }

    pub(super) fn hidden(&self) -> usize {
        self.keys.len() + 1 + self.stored().len()
    }

    /// The states that are kept: none if groups are computed again.
    fn stored(&self) -> &[states::State] {
        if self.states.recomputed { &[] } else { &self.states.states }
    }

    pub(super) fn all(&self) -> Result<Box<Query>> {
        query_of(self.computed()?)
    }

    /// The query itself, with the hidden columns.
    fn computed(&self) -> Result<Select> {
        let mut select = over(&self.select, |_| "$NEW0".to_owned());
        select.projection.extend(self.hidden_items(1)?);
        Ok(select)
    }

    /// Keys, count and states over the rows of a group; of rows that went
    /// (`sign` -1) what is to be added to take them out.
    fn hidden_items(&self, sign: i8) -> Result<Vec<SelectItem>> {
        let signed = |expr: &Expr| match sign {
            -1 => super::build::filled("0 - \"$x\"", &[("$x", expr)]),
            _ => Ok(expr.clone()),
        };
        let mut found = self.key_items();
        found.push(item(signed(&icecore_sql::parse_expression("COUNT(*)")?)?, COUNT));
        for (at, state) in self.stored().iter().enumerate() {
            found.push(item(signed(&state.of_rows)?, &states::name(at)));
        }
        Ok(found)
    }

    fn key_items(&self) -> Vec<SelectItem> {
        self.keys.iter().enumerate().map(|(at, key)| item(key.clone(), &key_name(at))).collect()
    }

    pub(super) fn delta(&self, changed: Changed) -> Result<Delta> {
        if !changed.inserted && !changed.deleted {
            return Ok(Delta { rows: None, gone: None });
        }
        let merges = !self.states.recomputed
            && (!changed.deleted || self.states.states.iter().all(|state| state.merge.subtracts()));
        let rows = if merges { self.merged(changed)? } else { self.recomputed(changed)? };
        Ok(Delta { rows: Some(rows), gone: Some(self.places(changed)?) })
    }

    /// The keys of the groups that changed, each once.
    fn touched(&self, changed: Changed) -> Result<Box<Query>> {
        let of = |table: &str| {
            let mut select = over(&self.select, |_| table.to_owned());
            select.projection = self.key_items();
            select.having = None;
            query_of(select)
        };
        let mut parts = Vec::new();
        if changed.inserted {
            parts.push(of("$INSERTED0")?);
        }
        if changed.deleted {
            parts.push(of("$DELETED0")?);
        }
        union_distinct(parts).ok_or_else(|| Error::internal("nothing changed"))
    }

    /// The same group: NULL is a key like any other.
    fn same_key(&self, key: impl Fn(usize) -> Expr) -> Result<Expr> {
        let mut all: Option<Expr> = None;
        for at in 0..self.keys.len() {
            let text = format!("\"$k\" IS NOT DISTINCT FROM \"$TOUCHED\".\"{}\"", key_name(at));
            let same = super::build::filled(&text, &[("$k", &key(at))])?;
            all = Some(match all {
                None => same,
                Some(all) => {
                    super::build::filled("\"$a\" AND \"$b\"", &[("$a", &all), ("$b", &same)])?
                }
            });
        }
        all.ok_or_else(|| Error::internal("a group without a key"))
    }

    /// The groups that changed, from their rows.
    fn recomputed(&self, changed: Changed) -> Result<Box<Query>> {
        let mut select = self.computed()?;
        if !self.keys.is_empty() {
            let text = "SELECT 1 AS one FROM \"$A\" JOIN \"$B\" AS \"$TOUCHED\" ON \"$x\"";
            let mut joined = select_of(text)?;
            put_subquery(&mut joined, "$B", self.touched(changed)?.as_ref());
            let same = self.same_key(|at| self.keys.get(at).cloned().unwrap_or(column("$x")))?;
            let join = joined.from.iter_mut().flat_map(|table| table.joins.pop()).next();
            let mut join = join.ok_or_else(|| Error::internal("a join without a join"))?;
            join.join_operator = JoinOperator::Inner(JoinConstraint::On(same));
            let table = select.from.first_mut();
            table.ok_or_else(|| Error::internal("a query without a table"))?.joins.push(join);
        }
        query_of(select)
    }

    /// The groups that changed, from their states and those of the rows that
    /// came and went.
    fn merged(&self, changed: Changed) -> Result<Box<Query>> {
        let names: Vec<String> = self.hidden_names();
        let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let before = format!("SELECT {list}, 0 AS \"$CHANGED\" FROM \"\0TARGET\"");
        let mut parts = vec![icecore_sql::parse_query(&before)?];
        if changed.inserted {
            parts.push(self.part("$INSERTED0", 1)?);
        }
        if changed.deleted {
            parts.push(self.part("$DELETED0", -1)?);
        }
        let parts = union_all(parts).ok_or_else(|| Error::internal("nothing changed"))?;
        let (keys, merged) = (self.keys.len(), self.merging_items());
        let mut text = format!("SELECT {} FROM \"$PARTS\" AS \"$PARTS\"", merged.join(", "));
        if keys > 0 {
            let keys: Vec<String> = (0..keys).map(|at| format!("\"{}\"", key_name(at))).collect();
            text += &format!(
                " GROUP BY {} HAVING SUM(\"$CHANGED\") > 0 AND SUM(\"{COUNT}\") > 0",
                keys.join(", ")
            );
        }
        let mut select = select_of(&text)?;
        put_subquery(&mut select, "$PARTS", &parts);
        let groups = query_of(select)?;
        let mut select = select_of(&format!("SELECT {list} FROM \"$GROUPS\" AS \"$GROUPS\""))?;
        put_subquery(&mut select, "$GROUPS", &groups);
        let hidden = std::mem::take(&mut select.projection);
        select.projection = self.values_of_items().map_err(Error::internal)?;
        select.projection.extend(hidden);
        query_of(select)
    }

    /// The states of the rows that came or went.
    fn part(&self, table: &str, sign: i8) -> Result<Box<Query>> {
        let mut select = over(&self.select, |_| table.to_owned());
        select.projection = self.hidden_items(sign)?;
        select.projection.push(item(icecore_sql::parse_expression("1")?, "$CHANGED"));
        query_of(select)
    }

    fn hidden_names(&self) -> Vec<String> {
        let keys = (0..self.keys.len()).map(key_name);
        let states = (0..self.stored().len()).map(states::name);
        keys.chain([COUNT.to_owned()]).chain(states).collect()
    }

    fn merging_items(&self) -> Vec<String> {
        let keys = (0..self.keys.len()).map(|at| format!("\"{}\"", key_name(at)));
        let count = format!("SUM(\"{COUNT}\") AS \"{COUNT}\"");
        let states = self.stored().iter().enumerate().map(|(at, state)| {
            let (name, function) = (states::name(at), state.merge.function());
            format!("{function}(\"{name}\") AS \"{name}\"")
        });
        keys.chain([count]).chain(states).collect()
    }

    /// The places of the groups that changed.
    fn places(&self, changed: Changed) -> Result<Box<Query>> {
        let places = "SELECT \"\0SEGMENT\", \"\0POSITION\" FROM \"\0TARGET\"";
        if self.keys.is_empty() {
            return icecore_sql::parse_query(places);
        }
        let text = format!("{places} JOIN \"$B\" AS \"$TOUCHED\" ON \"$x\"");
        let mut select = select_of(&text)?;
        put_subquery(&mut select, "$B", self.touched(changed)?.as_ref());
        let same = self.same_key(|at| column(&key_name(at)))?;
        fill(&mut select, &[("$x", &same)]);
        qualify_target(&mut select);
        query_of(select)
    }

    /// The items over the columns of keys and states.
    fn values_of_items(&self) -> Result<Vec<SelectItem>, Reason> {
        if self.states.recomputed {
            return Ok(self.select.projection.clone());
        }
        let mut items = self.select.projection.clone();
        for item in &mut items {
            let SelectItem::ExprWithAlias { expr, .. } = item else { continue };
            let _done = expr.visit(&mut Values { plan: self });
            let rest = visit_expressions(expr, |part| match part {
                Expr::Identifier(name) if name.value.starts_with('$') => ControlFlow::Continue(()),
                Expr::Identifier(name) => ControlFlow::Break(name.to_string()),
                Expr::CompoundIdentifier(_) => ControlFlow::Break(part.to_string()),
                _ => ControlFlow::Continue(()),
            });
            if let ControlFlow::Break(name) = rest {
                return Err(format!("the query selects {name}, which is no key of its groups"));
            }
        }
        Ok(items)
    }
}

/// Keys and aggregates are replaced by their columns, outermost first.
struct Values<'a> {
    plan: &'a GroupPlan,
}

impl VisitorMut for Values<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(at) = self.plan.keys.iter().position(|key| key == expr) {
            *expr = column(&key_name(at));
        } else if let Some((_, value)) =
            self.plan.states.values.iter().find(|(call, _)| call == expr)
        {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    }
}

fn key_name(at: usize) -> String {
    format!("$KEY{at}")
}

/// The keys of `$TARGET` and of the groups that changed have the same names.
fn qualify_target(select: &mut Select) {
    let _all = visit_expressions_mut(select, |expr| {
        if let Expr::Identifier(name) = expr
            && name.value.starts_with("$KEY")
        {
            *expr = Expr::CompoundIdentifier(vec![quoted("\0TARGET"), name.clone()]);
        }
        ControlFlow::<()>::Continue(())
    });
}

/// The SELECT with its items written out and its columns called alike.
fn prepared(select: &Select, facts: &dyn Sources) -> Result<(Select, Source), Reason> {
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

fn keys(select: &Select, source: &Source, facts: &dyn Sources) -> Result<Vec<Expr>, Reason> {
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
fn calls(select: &Select, facts: &dyn Sources) -> Vec<Expr> {
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

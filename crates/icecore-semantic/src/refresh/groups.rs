//! Aggregates of one table: a group that changed is merged from its state and
//! what came and went, or computed again from its rows.

use std::ops::ControlFlow;

use icecore_sql::ast::{
    Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    VisitMut, VisitorMut, visit_expressions,
};
use icecore_types::{Error, Name, Result};

use super::build::{
    column, fill, filled, item, over, put_subquery, query_of, quoted, select_of, union_all,
};
use super::grouped::{calls, keys, prepared};
use super::states::{self, COUNT, Merge, States};
use super::{Changed, Delta, Reason, Sources};

/// What a dynamic table keeps of a group beside the values of the query: the
/// keys, the number of rows, the states. What the query selects as it is stands
/// in that column; the rest are hidden ones.
#[derive(Clone, Debug)]
pub(super) struct GroupPlan {
    tables: Vec<ObjectName>,
    /// With its items written out and its keys as expressions.
    select: Select,
    keys: Vec<Expr>,
    states: States,
    kept: Vec<Kept>,
}

/// A column of the table that a refresh reads.
#[derive(Clone, Debug)]
struct Kept {
    /// Its name in the queries of a refresh, and in the table if it is hidden.
    name: String,
    /// Over the rows of a group.
    of_rows: Expr,
    /// How states become one; none for a key.
    merge: Option<Merge>,
    /// The column of the query that it is.
    visible: Option<Name>,
}

impl GroupPlan {
    pub(super) fn decide(
        select: &Select,
        names: &[Name],
        facts: &dyn Sources,
    ) -> Result<Result<Self, Reason>> {
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
        let tables = vec![source.table];
        let mut plan = Self { tables, select, keys, states, kept: Vec::new() };
        plan.kept = plan.kept(names)?;
        Ok(plan.values_of_items().map(|_| plan))
    }

    /// Keys, count, and the states unless groups are computed again.
    fn kept(&self, names: &[Name]) -> Result<Vec<Kept>> {
        let selected: Vec<Expr> = self.over_kept().into_iter().map(|(expr, _)| expr).collect();
        let kept = |name: String, of_rows: Expr, merge: Option<Merge>| {
            let at = selected.iter().position(|expr| *expr == column(&name));
            Kept { visible: at.and_then(|at| names.get(at)).cloned(), name, of_rows, merge }
        };
        let keys = self.keys.iter().enumerate().map(|(at, key)| (key_name(at), key.clone(), None));
        let count = icecore_sql::parse_expression("COUNT(*)")?;
        let states = if self.states.recomputed { &[][..] } else { &self.states.states };
        let states = states.iter().enumerate();
        let states =
            states.map(|(at, state)| (states::name(at), state.of_rows.clone(), Some(state.merge)));
        let all = keys.chain([(COUNT.to_owned(), count, Some(Merge::Add))]).chain(states);
        Ok(all.map(|(name, of_rows, merge)| kept(name, of_rows, merge)).collect())
    }

    pub(super) fn tables(&self) -> &[ObjectName] {
        &self.tables
    }

    pub(super) fn hidden(&self) -> usize {
        self.hidden_columns().count()
    }

    fn hidden_columns(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(|kept| kept.visible.is_none())
    }

    pub(super) fn all(&self) -> Result<Box<Query>> {
        query_of(self.computed())
    }

    /// The query itself, with the hidden columns.
    fn computed(&self) -> Select {
        let mut select = over(&self.select, |_| "$NEW0".to_owned());
        select
            .projection
            .extend(self.hidden_columns().map(|kept| item(kept.of_rows.clone(), &kept.name)));
        select
    }

    pub(super) fn delta(&self, changed: Changed) -> Result<Delta> {
        if !changed.inserted && !changed.deleted {
            return Ok(Delta::default());
        }
        let merges = !self.states.recomputed
            && (!changed.deleted || self.states.states.iter().all(|state| state.merge.subtracts()));
        let (changes, rows) = match merges {
            true => (Some(self.parts(changed)?), self.merged()?),
            false if self.keys.is_empty() => (None, self.recomputed()?),
            false => (Some(self.touched(changed)?), self.recomputed()?),
        };
        Ok(Delta { changes, rows: Some(rows), gone: Some(self.places()?) })
    }

    /// The keys of the groups that changed.
    fn touched(&self, changed: Changed) -> Result<Box<Query>> {
        let of = |table: &str| {
            let mut select = over(&self.select, |_| table.to_owned());
            let keys = self.kept.iter().filter(|kept| kept.merge.is_none());
            select.projection = keys.map(|key| item(key.of_rows.clone(), &key.name)).collect();
            select.having = None;
            query_of(select)
        };
        union_of(changed, || of("$INSERTED0"), || of("$DELETED0"))
    }

    /// The states of the rows that came and went, by the groups that changed.
    fn parts(&self, changed: Changed) -> Result<Box<Query>> {
        union_of(changed, || self.part("$INSERTED0", 1), || self.part("$DELETED0", -1))
    }

    /// The keys of `$CHANGES`, each once.
    fn changed_keys(&self) -> Result<Box<Query>> {
        let keys = self.key_list();
        icecore_sql::parse_query(&format!("SELECT DISTINCT {keys} FROM \"$CHANGES\""))
    }

    fn key_list(&self) -> String {
        let keys = (0..self.keys.len()).map(|at| format!("\"{}\"", key_name(at)));
        keys.collect::<Vec<_>>().join(", ")
    }

    /// The same group: NULL is a key like any other.
    fn same_key(&self, key: impl Fn(usize, &Kept) -> Expr) -> Result<Expr> {
        let mut all: Option<Expr> = None;
        for (at, kept) in self.kept.iter().take(self.keys.len()).enumerate() {
            let text = format!("\"$k\" IS NOT DISTINCT FROM \"$TOUCHED\".\"{}\"", kept.name);
            let same = filled(&text, &[("$k", &key(at, kept))])?;
            all = Some(match all {
                None => same,
                Some(all) => filled("\"$a\" AND \"$b\"", &[("$a", &all), ("$b", &same)])?,
            });
        }
        all.ok_or_else(|| Error::internal("a group without a key"))
    }

    /// The groups that changed, from their rows.
    fn recomputed(&self) -> Result<Box<Query>> {
        let mut select = self.computed();
        if !self.keys.is_empty() {
            let text = "SELECT 1 AS one FROM \"$A\" JOIN \"$B\" AS \"$TOUCHED\" ON \"$x\"";
            let mut joined = select_of(text)?;
            put_subquery(&mut joined, "$B", self.changed_keys()?.as_ref());
            let same = self.same_key(|_, key| key.of_rows.clone())?;
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
    fn merged(&self) -> Result<Box<Query>> {
        let list = |of: &dyn Fn(&Kept) -> String| self.kept.iter().map(of).collect::<Vec<_>>();
        let before = list(&|kept| format!("\"{}\" AS \"{}\"", kept.stored().value, kept.name));
        let names = list(&|kept| format!("\"{}\"", kept.name)).join(", ");
        let parts = icecore_sql::parse_query(&format!(
            "SELECT {}, 0 AS \"$CHANGED\" FROM \"\0TARGET\" \
             UNION ALL SELECT {names}, 1 AS \"$CHANGED\" FROM \"$CHANGES\"",
            before.join(", ")
        ))?;
        let merged = list(&Kept::merging).join(", ");
        let mut text = format!("SELECT {merged} FROM \"$PARTS\" AS \"$PARTS\"");
        if !self.keys.is_empty() {
            text += &format!(
                " GROUP BY {} HAVING SUM(\"$CHANGED\") > 0 AND SUM(\"{COUNT}\") > 0",
                self.key_list()
            );
        }
        let mut select = select_of(&text)?;
        put_subquery(&mut select, "$PARTS", &parts);
        let groups = query_of(select)?;
        let mut select = select_of("SELECT 1 AS one FROM \"$GROUPS\" AS \"$GROUPS\"")?;
        put_subquery(&mut select, "$GROUPS", &groups);
        select.projection = self.values_of_items().map_err(Error::internal)?;
        select
            .projection
            .extend(self.hidden_columns().map(|kept| item(column(&kept.name), &kept.name)));
        query_of(select)
    }

    /// The states of the rows that came, or of those that went (`sign` -1) what
    /// is to be added to take them out.
    fn part(&self, table: &str, sign: i8) -> Result<Box<Query>> {
        let mut select = over(&self.select, |_| table.to_owned());
        select.projection.clear();
        for kept in &self.kept {
            let of_rows = match (kept.merge, sign) {
                (Some(_), -1) => filled("0 - \"$x\"", &[("$x", &kept.of_rows)])?,
                _ => kept.of_rows.clone(),
            };
            select.projection.push(item(of_rows, &kept.name));
        }
        query_of(select)
    }

    /// The places of the groups that changed.
    fn places(&self) -> Result<Box<Query>> {
        let places = "SELECT \"\0SEGMENT\", \"\0POSITION\" FROM \"\0TARGET\"";
        if self.keys.is_empty() {
            return icecore_sql::parse_query(places);
        }
        let text = format!("{places} JOIN \"$B\" AS \"$TOUCHED\" ON \"$x\"");
        let mut select = select_of(&text)?;
        let same = self
            .same_key(|_, key| Expr::CompoundIdentifier(vec![quoted("\0TARGET"), key.stored()]))?;
        fill(&mut select, &[("$x", &same)]);
        put_subquery(&mut select, "$B", self.changed_keys()?.as_ref());
        query_of(select)
    }

    /// The items over the kept columns.
    fn values_of_items(&self) -> Result<Vec<SelectItem>, Reason> {
        if self.states.recomputed {
            return Ok(self.select.projection.clone());
        }
        let mut values = Vec::new();
        for (expr, alias) in self.over_kept() {
            let rest = visit_expressions(&expr, |part| match part {
                Expr::Identifier(name) if name.value.starts_with('$') => ControlFlow::Continue(()),
                Expr::Identifier(name) => ControlFlow::Break(name.to_string()),
                Expr::CompoundIdentifier(_) => ControlFlow::Break(part.to_string()),
                _ => ControlFlow::Continue(()),
            });
            if let ControlFlow::Break(name) = rest {
                return Err(format!("the query selects {name}, which is no key of its groups"));
            }
            values.push(SelectItem::ExprWithAlias { expr, alias });
        }
        Ok(values)
    }

    /// The items, in which keys and aggregates are replaced by their columns.
    fn over_kept(&self) -> Vec<(Expr, Ident)> {
        let items = self.select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((expr.clone(), alias.clone())),
            _ => None,
        });
        let mut items: Vec<_> = items.collect();
        for (expr, _) in &mut items {
            let _done = expr.visit(&mut Values { plan: self });
        }
        items
    }
}

impl Kept {
    /// Its name in the table.
    fn stored(&self) -> Ident {
        quoted(self.visible.as_ref().map_or(&self.name, |name| name.as_str()))
    }

    /// A key as it is, states as one.
    fn merging(&self) -> String {
        let name = &self.name;
        match self.merge {
            None => format!("\"{name}\""),
            Some(merge) => format!("{}(\"{name}\") AS \"{name}\"", merge.function()),
        }
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

/// What the rows that came and those that went give, if there are any.
fn union_of(
    changed: Changed,
    inserted: impl Fn() -> Result<Box<Query>>,
    deleted: impl Fn() -> Result<Box<Query>>,
) -> Result<Box<Query>> {
    let inserted = changed.inserted.then(inserted).transpose()?;
    let deleted = changed.deleted.then(deleted).transpose()?;
    union_all(inserted.into_iter().chain(deleted)).ok_or_else(|| Error::internal("nothing changed"))
}

fn key_name(at: usize) -> String {
    format!("$KEY{at}")
}

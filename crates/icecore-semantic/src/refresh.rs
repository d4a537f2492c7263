//! How a dynamic table is refreshed from what changed: the decision, and the
//! queries that do it, as trees.
//!
//! The queries read relations that only an engine can give them, for each
//! table of the query, numbered from 0 in the order of its FROM:
//! `$NEW0` its rows now, `$INSERTED0` and `$DELETED0` the rows that came and
//! went since the last refresh, `$KEPT0` the rows that stayed; all with a
//! column `\0ROW_ID` behind their own. `$CHANGES` is what [`Delta::changes`] gives.
//! `\0TARGET` is the dynamic table as it is, with its hidden columns and the
//! places `\0SEGMENT` and `\0POSITION` of its rows.

mod build;
mod grouped;
mod groups;
mod rows;
mod states;

use icecore_sql::ast::{Expr, ObjectName, Query, Select, SetExpr, SetOperator, SetQuantifier};
use icecore_types::{Name, Result, SqlType};

use self::groups::GroupPlan;
use self::rows::RowPlan;

/// What must be known of the catalog to decide.
pub trait Sources {
    /// The columns of a table.
    ///
    /// # Errors
    /// Why what the name means cannot be refreshed from its changes.
    fn columns(&self, name: &ObjectName) -> Result<Vec<Name>, String>;

    /// The type of an expression over the tables that a SELECT reads; none if
    /// it has none.
    fn type_of(&self, expression: &Expr, select: &Select) -> Option<SqlType>;

    /// Whether a function, by its upper-case name, aggregates.
    fn aggregates(&self, function: &str) -> bool;
}

/// Which rows of a table changed.
///
/// ```
/// let changed = icecore_semantic::Changed::default();
/// assert!(!changed.inserted && !changed.deleted);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Some came.
    pub inserted: bool,
    /// Some went.
    pub deleted: bool,
}

/// The queries of one refresh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// What the other two read as `$CHANGES`: what is grouped once is not
    /// grouped twice.
    pub changes: Option<Box<Query>>,
    /// The rows that come, with the hidden columns behind the others.
    pub rows: Option<Box<Query>>,
    /// The places of the rows that go.
    pub gone: Option<Box<Query>>,
}

/// How a query's rows are kept equal to it.
#[derive(Clone, Debug)]
pub struct RefreshPlan(Plan);

#[derive(Clone, Debug)]
enum Plan {
    Rows(RowPlan),
    Groups(Box<GroupPlan>),
}

/// Why a query is computed as a whole at each refresh, as SHOW says it.
pub type Reason = String;

impl RefreshPlan {
    /// Decides whether the query can be refreshed from the changes of its
    /// tables, and how; or says why not.
    ///
    /// It can if it selects from one table or an inner join of several, with
    /// WHERE, or is a UNION ALL of such queries: then each of its rows belongs
    /// to rows of the tables by their ids. Or if it aggregates one table, with
    /// or without GROUP BY, by SUM, COUNT, COUNT_IF, AVG, MIN, MAX and
    /// APPROX_COUNT_DISTINCT. `names` are those that its columns have in the
    /// dynamic table.
    ///
    /// # Errors
    /// The outer one is a defect; the inner one is the decision.
    pub fn decide(
        query: &Query,
        names: &[Name],
        sources: &dyn Sources,
    ) -> Result<Result<Self, Reason>> {
        let selects = match selects(query) {
            Ok(selects) => selects,
            Err(reason) => return Ok(Err(reason)),
        };
        if let [select] = selects.as_slice()
            && build::is_aggregate(select, sources)
        {
            let plan = GroupPlan::decide(select, names, sources)?;
            return Ok(plan.map(|plan| Self(Plan::Groups(Box::new(plan)))));
        }
        let plan = RowPlan::decide(&selects, sources)?;
        Ok(plan.map(|plan| Self(Plan::Rows(plan))))
    }

    /// The tables that it reads, by their numbers.
    pub fn tables(&self) -> &[ObjectName] {
        match &self.0 {
            Plan::Rows(plan) => plan.tables(),
            Plan::Groups(plan) => plan.tables(),
        }
    }

    /// All rows as of now, with the hidden columns behind the others. It reads
    /// `$NEW0` and so on.
    ///
    /// # Errors
    /// `Internal`, which is a defect.
    pub fn all(&self) -> Result<Box<Query>> {
        match &self.0 {
            Plan::Rows(plan) => plan.all(),
            Plan::Groups(plan) => plan.all(),
        }
    }

    /// How many of the columns of [`RefreshPlan::all`] are hidden.
    pub fn hidden(&self) -> usize {
        match &self.0 {
            Plan::Rows(plan) => plan.hidden(),
            Plan::Groups(plan) => plan.hidden(),
        }
    }

    /// What to do when rows of these tables changed.
    ///
    /// # Errors
    /// `Internal`, which is a defect.
    pub fn delta(&self, changed: &[Changed]) -> Result<Delta> {
        match &self.0 {
            Plan::Rows(plan) => plan.delta(changed),
            Plan::Groups(plan) => plan.delta(changed.first().copied().unwrap_or_default()),
        }
    }
}

/// The SELECTs of a query that is one, or a UNION ALL of several.
fn selects(query: &Query) -> Result<Vec<&Select>, Reason> {
    if query.with.is_some() {
        return Err("the query has a common table expression".into());
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err("the query has LIMIT".into());
    }
    let mut found = Vec::new();
    let mut open = vec![&*query.body];
    while let Some(body) = open.pop() {
        match body {
            SetExpr::Select(select) => {
                plain(select)?;
                found.push(&**select);
            }
            SetExpr::SetOperation {
                left,
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                right,
            } => open.extend([&**right, &**left]),
            SetExpr::SetOperation { op, .. } => return Err(format!("the query has {op}")),
            _ => return Err("the query is not a SELECT".into()),
        }
    }
    Ok(found)
}

/// Nothing in it that looks at several rows at once, but GROUP BY.
fn plain(select: &Select) -> Result<(), Reason> {
    let refused = [
        (select.distinct.is_some(), "DISTINCT"),
        (select.top.is_some(), "TOP"),
        (select.qualify.is_some(), "QUALIFY"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (select.exclude.is_some(), "EXCLUDE"),
        (select.from.is_empty(), "no FROM"),
    ];
    if let Some((_, what)) = refused.iter().find(|(is, _)| *is) {
        return Err(format!("the query has {what}"));
    }
    build::no_nested(select)
}

#[cfg(test)]
mod tests;

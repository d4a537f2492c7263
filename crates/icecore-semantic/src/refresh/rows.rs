//! Filters, projections, inner joins, and UNION ALL of them: each row belongs
//! to one row of each table, by their ids.

use icecore_sql::ast::{Expr, ObjectName, Query, Select, SelectItem};
use icecore_types::{Error, Result};

use super::build::{item, items, over, query_of, quoted, sources, union_all};
use super::{Changed, Delta, Reason, Sources};

/// The hidden columns are the number of the SELECT, if there are several, and
/// the ids of the rows of its tables.
#[derive(Clone, Debug)]
pub(super) struct RowPlan {
    tables: Vec<ObjectName>,
    branches: Vec<Branch>,
}

/// One SELECT.
#[derive(Clone, Debug)]
struct Branch {
    /// With its items written out.
    select: Select,
    /// The number of its first table.
    first: usize,
    /// The names of its tables.
    aliases: Vec<icecore_sql::ast::Ident>,
}

const BRANCH: &str = "$BRANCH";

impl RowPlan {
    pub(super) fn decide(selects: &[&Select], facts: &dyn Sources) -> Result<Result<Self, Reason>> {
        let mut plan = Self { tables: Vec::new(), branches: Vec::new() };
        for select in selects {
            if let Err(reason) = plan.add(select, facts) {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(plan))
    }

    fn add(&mut self, select: &Select, facts: &dyn Sources) -> Result<(), Reason> {
        if super::build::is_aggregate(select, facts) {
            return Err("the query has a UNION ALL of aggregates".into());
        }
        let sources = sources(select, facts)?;
        let mut select = select.clone();
        select.projection = items(&select, &sources)?;
        let first = self.tables.len();
        let aliases = sources.iter().map(|source| source.alias.clone()).collect();
        self.tables.extend(sources.into_iter().map(|source| source.table));
        self.branches.push(Branch { select, first, aliases });
        Ok(())
    }

    pub(super) fn tables(&self) -> &[ObjectName] {
        &self.tables
    }

    pub(super) fn hidden(&self) -> usize {
        self.ids() + usize::from(self.branches.len() > 1)
    }

    /// The most tables that a SELECT has.
    fn ids(&self) -> usize {
        self.branches.iter().map(|branch| branch.aliases.len()).max().unwrap_or(0)
    }

    pub(super) fn all(&self) -> Result<Box<Query>> {
        let all = (0..self.branches.len()).map(|at| self.term(at, |_| "NEW"));
        union_all(all.collect::<Result<Vec<_>>>()?)
            .ok_or_else(|| Error::internal("a query without a SELECT"))
    }

    /// One SELECT over a variant of each of its tables, with the hidden
    /// columns.
    fn term(&self, at: usize, variant: impl Fn(usize) -> &'static str) -> Result<Box<Query>> {
        let branch = self.branches.get(at).ok_or_else(|| Error::internal("no such SELECT"))?;
        let first = branch.first;
        let mut select =
            over(&branch.select, |number| format!("${}{}", variant(number), first + number));
        if self.branches.len() > 1 {
            select.projection.push(item(number(at)?, BRANCH));
        }
        for id in 0..self.ids() {
            let value = match branch.aliases.get(id) {
                Some(alias) => Expr::CompoundIdentifier(vec![alias.clone(), quoted("\0ROW_ID")]),
                None => icecore_sql::parse_expression("NULL")?,
            };
            select
                .projection
                .push(SelectItem::ExprWithAlias { expr: value, alias: quoted(&row(id)) });
        }
        query_of(select)
    }

    /// `dA x B + A x dB - dA x dB`, each pair once: a row that came of one
    /// table meets the rows that stayed of those before it, and all rows of
    /// those after it.
    pub(super) fn delta(&self, changed: &[Changed]) -> Result<Delta> {
        let changed = |table: usize| changed.get(table).copied().unwrap_or_default();
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for (at, branch) in self.branches.iter().enumerate() {
            for table in 0..branch.aliases.len() {
                let change = changed(branch.first + table);
                if change.inserted {
                    rows.push(self.term(at, |number| match number.cmp(&table) {
                        std::cmp::Ordering::Less => "KEPT",
                        std::cmp::Ordering::Equal => "INSERTED",
                        std::cmp::Ordering::Greater => "NEW",
                    })?);
                }
                if change.deleted {
                    gone.push(self.places(at, branch.first + table, table)?);
                }
            }
        }
        Ok(Delta { changes: None, rows: union_all(rows), gone: union_all(gone) })
    }

    /// The places of the rows that belong to a row which went.
    fn places(&self, at: usize, table: usize, id: usize) -> Result<Box<Query>> {
        let branch = match self.branches.len() > 1 {
            true => format!(" AND \"{BRANCH}\" = {at}"),
            false => String::new(),
        };
        icecore_sql::parse_query(&format!(
            "SELECT \"\0SEGMENT\", \"\0POSITION\" FROM \"\0TARGET\" WHERE \"{}\" IN \
             (SELECT \"\0ROW_ID\" FROM \"$DELETED{table}\"){branch}",
            row(id)
        ))
    }
}

fn row(id: usize) -> String {
    format!("$ROW{id}")
}

fn number(value: usize) -> Result<Expr> {
    icecore_sql::parse_expression(&value.to_string())
}

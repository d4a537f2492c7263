//! The rows of a logical table, with what they refer to.
//!
//! Every join from here goes from the many to the one, so a row of the table
//! stays one row. What comes from the many side is aggregated first, in a
//! subquery with one row for each key.

use icecore_sql::ast::{BinaryOperator, Expr, Function, Join, Query, TableWithJoins};
use icecore_types::{Error, Name, Result};

use crate::errors::{cycle, invalid, too_complex, wrong_grain};
use crate::model::{
    ExpressionId, ExpressionKind, Home, Link, Model, Path, Reference, Step, TableId,
};
use crate::tree::{
    Selection, all_of, binary, call, call_with, column, derived, left_join, name_parts, nested,
    number, replaced, table,
};

/// Definitions inside definitions.
const MOST_NESTED: usize = 64;
/// Definitions that one query may be made of, as often as they are used.
const MOST_EXPANDED: usize = 20_000;

/// The functions that are 0, and not NULL, of no rows.
const COUNTS: &[&str] = &[
    "COUNT",
    "COUNT_IF",
    "APPROX_COUNT_DISTINCT",
    "HLL",
    "REGR_COUNT",
    "APPROXIMATE_COUNT_DISTINCT",
];

/// Whether an aggregate is 0 of no rows.
pub(crate) fn is_count(call: &Function) -> bool {
    COUNTS.contains(&call.name.to_string().to_uppercase().as_str())
}

/// The relation that expressions over a table are computed from.
pub(crate) struct Rows<'m> {
    model: &'m Model,
    base: TableId,
    using: Vec<usize>,
    joins: Vec<(Path, Name)>,
    lookups: Vec<Lookup<'m>>,
    open: Vec<ExpressionId>,
    expanded: usize,
}

/// Aggregates of a table of higher granularity, for each row of one here.
struct Lookup<'m> {
    /// Where that row is.
    at: Path,
    /// From the aggregated table to it.
    path: Path,
    alias: String,
    rows: Rows<'m>,
    calls: Vec<Function>,
}

impl<'m> Rows<'m> {
    pub(crate) fn new(model: &'m Model, base: TableId, using: Vec<usize>) -> Self {
        Self {
            model,
            base,
            using,
            joins: Vec::new(),
            lookups: Vec::new(),
            open: Vec::new(),
            expanded: 0,
        }
    }

    /// An expression that stands at `home`, for the row at the end of a path.
    pub(crate) fn scalar(&mut self, expression: &Expr, at: &[Step], home: Home) -> Result<Expr> {
        let model = self.model;
        replaced(expression, &mut |part| {
            if let Some(parts) = name_parts(part) {
                return match model.resolve(parts, home)? {
                    Reference::Column(table, name) => self.column(table, &name, at).map(Some),
                    Reference::Expression(id) => self.named(id, at).map(Some),
                };
            }
            if let Some(call) = model.aggregate(part) {
                return self.lookup(call, at, home).map(Some);
            }
            refuse(part)?;
            Ok(None)
        })
    }

    fn column(&mut self, table: TableId, name: &Name, at: &[Step]) -> Result<Expr> {
        let path = self.path_to(table, at)?;
        Ok(column(self.alias(&path).as_str(), name.as_str()))
    }

    fn path_to(&self, table: TableId, at: &[Step]) -> Result<Path> {
        let from = self.model.end(self.base, at);
        let mut path = at.to_vec();
        path.extend(self.model.path(from, table, &self.using)?);
        Ok(path)
    }

    /// A named expression, for the row at the end of a path.
    pub(crate) fn named(&mut self, id: ExpressionId, at: &[Step]) -> Result<Expr> {
        let expression = self.model.expression(id);
        match (expression.kind, expression.table) {
            (ExpressionKind::Fact | ExpressionKind::Dimension, Some(table)) => {
                let path = self.path_to(table, at)?;
                self.expression(id, &path).map(nested)
            }
            (ExpressionKind::WindowMetric, _) => Err(window_used(self.model, id)),
            _ => self.metric(id, at),
        }
    }

    /// The definition of a fact or dimension, for the row of its own table at
    /// the end of a path.
    pub(crate) fn expression(&mut self, id: ExpressionId, path: &[Step]) -> Result<Expr> {
        self.within(id, |rows| {
            let spec = &rows.model.expression(id).spec;
            rows.scalar(&spec.expression, path, Home::Definition(id))
        })
    }

    /// A metric of a table of higher granularity, over the rows that belong to
    /// the row at the end of a path.
    fn metric(&mut self, id: ExpressionId, at: &[Step]) -> Result<Expr> {
        let model = self.model;
        let expression = model.expression(id);
        let here = model.end(self.base, at);
        let Some(table) = expression.table else {
            return Err(invalid(format!(
                "a derived metric is used for the rows of a table metric={} table={}",
                model.label(id),
                model.table(here).name
            )));
        };
        if model.reachable(here).contains(&table) {
            return Err(invalid(format!(
                "metric {} is not of a higher granularity than the rows of {}",
                model.label(id),
                model.table(here).name
            )));
        }
        if !expression.non_additive.is_empty() || !expression.using.is_empty() {
            return Err(Error::unsupported(format_args!(
                "a metric with USING or NON ADDITIVE BY for the rows of a table ({})",
                model.label(id)
            )));
        }
        let definition = &expression.spec.expression;
        self.within(id, |rows| rows.scalar(definition, at, Home::Definition(id))).map(nested)
    }

    /// Keeps track of the definitions that are being written out.
    fn within<T>(
        &mut self,
        id: ExpressionId,
        write: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        enter(self.model, &mut self.open, &mut self.expanded, id)?;
        let written = write(self);
        self.open.pop();
        written
    }

    /// An aggregate over the rows of another table that belong to the row at
    /// the end of a path: the name of its column.
    fn lookup(&mut self, function: &Function, at: &[Step], home: Home) -> Result<Expr> {
        let model = self.model;
        let here = model.end(self.base, at);
        let tables = model.tables_of(&Expr::Function(function.clone()), home)?;
        let own = match home {
            Home::Definition(id) => model.expression(id).table,
            Home::Query => None,
        };
        let above = model.highest(&tables)?.or(own).unwrap_or(here);
        if model.reachable(here).contains(&above) {
            return Err(invalid(format!(
                "an aggregate inside an expression over rows is not of a higher granularity than \
                 they are aggregate={function} table={}",
                model.table(here).name
            )));
        }
        if !model.reachable(above).contains(&here) {
            return Err(wrong_grain(&model.table(here).name, &model.table(above).name));
        }
        let path = model.path(above, here, &[])?;
        let place = self.lookup_of(at, path, above)?;
        let (open, expanded) = (self.open.clone(), self.expanded);
        let lookup = &mut self.lookups[place];
        (lookup.rows.open, lookup.rows.expanded) = (open, expanded);
        let call_here = lookup.rows.call(function, home)?;
        self.expanded = lookup.rows.expanded;
        let known = lookup.calls.iter().position(|known| *known == call_here);
        let place = known.unwrap_or_else(|| {
            lookup.calls.push(call_here);
            lookup.calls.len() - 1
        });
        let value = column(&lookup.alias, &format!("A{}", place + 1));
        Ok(if is_count(function) { call("COALESCE", vec![value, number(0)]) } else { value })
    }

    fn lookup_of(&mut self, at: &[Step], path: Path, above: TableId) -> Result<usize> {
        if let Some(known) = self.lookups.iter().position(|l| l.at == at && l.path == path) {
            return Ok(known);
        }
        let last = path.last().map(|step| &self.model.relationships[step.relationship]);
        if !last.is_some_and(|last| matches!(last.link, Link::Equal(_))) {
            return Err(Error::unsupported("aggregates over an ASOF or range relationship"));
        }
        let one = self.alias(at);
        let alias =
            self.free(&format!("{} PER {}", self.model.table(above).name.as_str(), one.as_str()));
        let mut rows = Rows::new(self.model, above, Vec::new());
        rows.alias(&path[..path.len().saturating_sub(1)]);
        self.lookups.push(Lookup { at: at.to_vec(), path, alias, rows, calls: Vec::new() });
        Ok(self.lookups.len() - 1)
    }

    /// An aggregate of the rows themselves.
    pub(crate) fn call(&mut self, call: &Function, home: Home) -> Result<Function> {
        call_with(call, &mut |part| self.scalar(part, &[], home))
    }

    /// The name of the row at the end of a path.
    fn alias(&mut self, path: &[Step]) -> Name {
        if path.is_empty() {
            return self.model.table(self.base).name.clone();
        }
        if let Some((_, alias)) = self.joins.iter().find(|(known, _)| known == path) {
            return alias.clone();
        }
        self.alias(&path[..path.len() - 1]);
        let table = self.model.table(self.model.end(self.base, path)).name.clone();
        let alias = Name::quoted(&self.free(table.as_str()));
        self.joins.push((path.to_vec(), alias.clone()));
        alias
    }

    fn free(&self, wanted: &str) -> String {
        let base = self.model.table(self.base).name.as_str();
        let taken = |name: &str| {
            name == base
                || self.joins.iter().any(|(_, alias)| alias.as_str() == name)
                || self.lookups.iter().any(|lookup| lookup.alias == name)
        };
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names.find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
    }

    /// FROM, with everything that was asked for so far.
    pub(crate) fn from(&self) -> Result<Vec<TableWithJoins>> {
        let base = self.model.table(self.base);
        let relation = table(&base.base, Some(base.name.as_str()))?;
        let mut joins = Vec::new();
        for (path, alias) in &self.joins {
            joins.push(self.join(path, alias)?);
        }
        for lookup in &self.lookups {
            joins.push(self.join_lookup(lookup)?);
        }
        Ok(vec![TableWithJoins { relation, joins }])
    }

    fn joined(&self, path: &[Step]) -> &str {
        let known = self.joins.iter().find(|(known, _)| known == path);
        known.map_or(self.model.table(self.base).name.as_str(), |(_, alias)| alias.as_str())
    }

    fn join(&self, path: &[Step], alias: &Name) -> Result<Join> {
        let (last, before) =
            path.split_last().ok_or_else(|| Error::internal("a join to nothing"))?;
        let relationship = &self.model.relationships[last.relationship];
        let target = self.model.table(self.model.target(*last));
        let (one, many) = (alias.as_str(), self.joined(before));
        let (near, far) = ends(relationship, last.reversed);
        let mut relation = table(&target.base, Some(one))?;
        let on = match &relationship.link {
            Link::Equal(_) => equal(many, &near, one, &far),
            Link::AsOf { columns, at } => {
                relation = derived(latest(target, columns, *at)?, one);
                as_of(many, &near, (one, &until(target)), (columns, *at))
            }
            Link::Range { start, end } => near.first().and_then(|value| {
                let value = || column(many, value.as_str());
                all_of([
                    binary(value(), BinaryOperator::GtEq, column(one, start.as_str())),
                    binary(value(), BinaryOperator::Lt, column(one, end.as_str())),
                ])
            }),
        };
        let on = on.ok_or_else(|| Error::internal("a relationship without columns"))?;
        Ok(left_join(relation, on))
    }

    fn join_lookup(&self, lookup: &Lookup<'_>) -> Result<Join> {
        let missing = || Error::internal("aggregates of a table for itself");
        let (last, before) = lookup.path.split_last().ok_or_else(missing)?;
        let relationship = &self.model.relationships[last.relationship];
        let (near, far) = ends(relationship, last.reversed);
        let mut rows = Selection::default();
        let many = lookup.rows.joined(before).to_owned();
        let keys: Vec<Name> =
            (1..=near.len()).map(|number| Name::quoted(&format!("K{number}"))).collect();
        for (key, name) in near.iter().zip(&keys) {
            rows.items.push((column(&many, key.as_str()), name.as_str().to_owned()));
        }
        rows.grouped = Some(keys.len());
        for (place, call) in lookup.calls.iter().enumerate() {
            rows.items.push((Expr::Function(call.clone()), format!("A{}", place + 1)));
        }
        rows.from = lookup.rows.from()?;
        let one = self.joined(&lookup.at);
        let on = equal(&lookup.alias, &keys, one, &far).ok_or_else(missing)?;
        Ok(left_join(derived(rows.into_query()?, &lookup.alias), on))
    }
}

/// Fails for what may stand in no expression over rows.
pub(crate) fn refuse(part: &Expr) -> Result<()> {
    match part {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
            Err(Error::unsupported("a query inside an expression of a semantic view"))
        }
        Expr::Function(call) if call.over.is_some() => Err(Error::unsupported(
            "a window function inside an expression over rows of a semantic view",
        )
        .with_help("a metric may be a window function over another metric")),
        _ => Ok(()),
    }
}

pub(crate) fn window_used(model: &Model, id: ExpressionId) -> Error {
    invalid(format!("a window metric is used in another expression metric={}", model.label(id)))
}

/// Begins to write out a definition.
pub(crate) fn enter(
    model: &Model,
    open: &mut Vec<ExpressionId>,
    expanded: &mut usize,
    id: ExpressionId,
) -> Result<()> {
    if let Some(start) = open.iter().position(|known| *known == id) {
        let names: Vec<String> =
            open[start..].iter().chain([&id]).map(|id| model.label(*id)).collect();
        return Err(cycle("expressions", &names));
    }
    if open.is_empty() {
        *expanded = 0;
    }
    if open.len() == MOST_NESTED {
        return Err(too_complex("definitions inside definitions", MOST_NESTED));
    }
    *expanded += 1;
    if *expanded > MOST_EXPANDED {
        return Err(too_complex("definitions that a query is made of", MOST_EXPANDED));
    }
    open.push(id);
    Ok(())
}

/// The columns that refer and those that are referred to, in the direction of
/// a step.
fn ends(relationship: &crate::model::Relationship, reversed: bool) -> (Vec<Name>, Vec<Name>) {
    let near = relationship.columns.clone();
    match &relationship.link {
        Link::Equal(columns) if reversed => (columns.clone(), near),
        Link::Equal(columns) | Link::AsOf { columns, .. } => (near, columns.clone()),
        Link::Range { start, end } => (near, vec![start.clone(), end.clone()]),
    }
}

fn equal(left: &str, left_columns: &[Name], right: &str, right_columns: &[Name]) -> Option<Expr> {
    all_of(left_columns.iter().zip(right_columns).map(|(a, b)| {
        binary(column(left, a.as_str()), BinaryOperator::Eq, column(right, b.as_str()))
    }))
}

/// The column of the value from which on a row is no longer the latest.
const UNTIL: &str = "UNTIL";

/// The rows of a table with the value of the next one of the same key.
fn latest(table_of: &crate::model::Table, columns: &[Name], at: usize) -> Result<Query> {
    let name = table_of.name.as_str();
    let mut rows = Selection::default();
    for known in &table_of.columns {
        rows.items.push((column(name, known.as_str()), known.as_str().to_owned()));
    }
    let keys = columns.iter().enumerate().filter(|(place, _)| *place != at);
    let partition = keys.map(|(_, key)| column(name, key.as_str())).collect();
    let moment = columns.get(at).map(|moment| column(name, moment.as_str()));
    let moment = moment.ok_or_else(|| Error::internal("ASOF without a column"))?;
    let order = vec![crate::tree::order(moment.clone(), false, false)];
    rows.items.push((crate::tree::over("LEAD", vec![moment], partition, order), until(table_of)));
    rows.from =
        vec![TableWithJoins { relation: table(&table_of.base, Some(name))?, joins: Vec::new() }];
    let filter =
        columns.get(at).map(|moment| Expr::IsNotNull(Box::new(column(name, moment.as_str()))));
    rows.filter = filter;
    rows.into_query()
}

/// A name that is none of the table's columns.
fn until(table: &crate::model::Table) -> String {
    let mut name = UNTIL.to_owned();
    while table.columns.iter().any(|column| column.as_str() == name) {
        name.push('_');
    }
    name
}

fn as_of(
    many: &str,
    near: &[Name],
    (one, until): (&str, &str),
    (columns, at): (&[Name], usize),
) -> Option<Expr> {
    let last = || column(one, until);
    let before = |value: &Name| {
        let earlier = binary(column(many, value.as_str()), BinaryOperator::Lt, last());
        nested(binary(earlier, BinaryOperator::Or, Expr::IsNull(Box::new(last()))))
    };
    let conditions = near.iter().zip(columns).enumerate().map(|(place, (a, b))| {
        let op = if place == at { BinaryOperator::GtEq } else { BinaryOperator::Eq };
        binary(column(many, a.as_str()), op, column(one, b.as_str()))
    });
    all_of(conditions.chain(near.get(at).map(before)))
}

//! A query of a semantic view as a query of its tables.
//!
//! The metrics of each table are aggregated by themselves, and the results are
//! joined on the dimensions, where NULL equals NULL: no row is counted more
//! than once, however many metrics are asked for.

mod group;
mod items;

use std::collections::BTreeSet;

use icecore_sql::ast::{Expr, Query, TableWithJoins};
use icecore_sql::{SemanticKind, SemanticQuery};
use icecore_types::{Error, Name, QualifiedName, Result};

use crate::errors::{invalid, too_complex};
use crate::metrics::Placeholder;
use crate::model::{Home, Model, TableId};
use crate::rows::{Rows, is_count};
use crate::tree::{
    Selection, call, column, finished, full_join, nested, number, replaced, table, with,
};
pub(crate) use group::Group;
pub(crate) use items::{Asked, Dimension, Output};

/// Groups of metrics that one query joins.
const MOST_GROUPS: usize = 64;

impl Model {
    /// The query of the tables that answers a query of the view.
    ///
    /// # Errors
    /// `InvalidInput` for what the view does not define, what is private, and
    /// dimensions that are not of the grain of the metrics.
    pub fn query(&self, asked: &SemanticQuery) -> Result<Query> {
        let asked = self.asked(asked)?;
        let mut query = self.written(&asked)?;
        finished(&mut query);
        Ok(query)
    }

    pub(crate) fn written(&self, asked: &Asked<'_>) -> Result<Query> {
        match asked.kind {
            SemanticKind::Facts => self.facts(asked),
            SemanticKind::Dimensions => self.dimensions(asked),
            SemanticKind::Metrics => self.metrics(asked),
        }
    }

    /// Rows as they are.
    fn facts(&self, asked: &Asked<'_>) -> Result<Query> {
        let tables = asked.tables();
        let mut all = tables.iter();
        let (Some(base), None) = (all.next(), all.next()) else {
            let names: Vec<&str> = tables.iter().map(|id| self.table(*id).name.as_str()).collect();
            return Err(invalid(format!(
                "the facts, dimensions and condition of a query are of one logical table tables={}",
                names.join(", ")
            )));
        };
        self.rows(asked, *base, false)
    }

    /// The distinct values of dimensions.
    fn dimensions(&self, asked: &Asked<'_>) -> Result<Query> {
        let base = self.highest(&asked.tables())?;
        let base = base.ok_or_else(|| invalid("a query of a semantic view names no dimension"))?;
        self.rows(asked, base, true)
    }

    fn rows(&self, asked: &Asked<'_>, base: TableId, distinct: bool) -> Result<Query> {
        let mut rows = Rows::new(self, base, Vec::new());
        let mut selection = Selection { distinct, ..Selection::default() };
        for (output, name) in &asked.outputs {
            let Output::Dimension(place) = output else {
                return Err(Error::internal("a metric in a query without any"));
            };
            let expression = &asked.dimensions[*place].expression;
            selection.items.push((rows.scalar(expression, &[], Home::Query)?, name.clone()));
        }
        if let Some(filter) = &asked.filter {
            selection.filter = Some(rows.scalar(filter, &[], Home::Query)?);
        }
        selection.from = rows.from()?;
        selection.into_query()
    }

    fn metrics(&self, asked: &Asked<'_>) -> Result<Query> {
        let groups = Group::of(&asked.metrics);
        if groups.len() > MOST_GROUPS {
            return Err(too_complex("groups of metrics in one query", MOST_GROUPS));
        }
        let mut tables = Vec::with_capacity(groups.len());
        let mut results = Results::new(asked.dimensions.iter().map(|d| d.name.clone()).collect());
        for group in &groups {
            let name = results.add(self, group, asked);
            tables.push((name, group.query(self, asked, results.last())?));
        }
        let mut selection = Selection { from: results.from()?, ..Selection::default() };
        for (output, name) in &asked.outputs {
            let expression = match output {
                Output::Dimension(place) => results.dimension(*place),
                Output::Metric(expression) => results.filled(expression)?,
            };
            selection.items.push((expression, name.clone()));
        }
        with(selection.into_query()?, tables)
    }
}

/// The relations of the groups, and the names of their columns.
pub(crate) struct Results {
    dimensions: Vec<String>,
    groups: Vec<Columns>,
}

/// The columns of one group.
pub(crate) struct Columns {
    relation: String,
    /// The number of each term and the name of its column.
    pub(crate) terms: Vec<(usize, String, bool)>,
}

impl Columns {
    /// The terms of a group with these names, for a query of that group alone.
    pub(crate) fn of(group: &Group, names: &[String]) -> Self {
        let terms = group.terms.iter().zip(names);
        let terms = terms.map(|(term, name)| (*term, name.clone(), false)).collect();
        Self { relation: String::new(), terms }
    }

    pub(crate) fn name_of(&self, term: usize) -> Option<&str> {
        self.terms.iter().find(|(known, ..)| *known == term).map(|(_, name, _)| name.as_str())
    }
}

impl Results {
    pub(crate) fn new(dimensions: Vec<String>) -> Self {
        Self { dimensions, groups: Vec::new() }
    }

    /// Names the relation of a group and its columns.
    fn add(&mut self, model: &Model, group: &Group, asked: &Asked<'_>) -> String {
        let wanted = model.table(group.base).name.as_str();
        let taken = |name: &str| self.groups.iter().any(|known| known.relation == name);
        let relation = free(wanted, taken);
        let mut terms: Vec<(usize, String, bool)> = Vec::new();
        for number in &group.terms {
            let term = &asked.metrics.terms[*number];
            let label = match term.home {
                Home::Definition(id) => model.label(id),
                Home::Query => term.call.to_string(),
            };
            let name = free(&label, |name| {
                terms.iter().any(|(_, known, _)| known == name)
                    || self.dimensions.iter().any(|known| known == name)
            });
            terms.push((*number, name, is_count(&term.call)));
        }
        self.groups.push(Columns { relation: relation.clone(), terms });
        relation
    }

    fn last(&self) -> &Columns {
        &self.groups[self.groups.len() - 1]
    }

    fn from(&self) -> Result<Vec<TableWithJoins>> {
        let mut groups = self.groups.iter().enumerate();
        let named =
            |columns: &Columns| table(&QualifiedName::bare(Name::quoted(&columns.relation)), None);
        let (_, first) =
            groups.next().ok_or_else(|| invalid("a query of metrics without a metric"))?;
        let relation = named(first)?;
        let mut joins = Vec::new();
        for (place, group) in groups {
            let same = (0..self.dimensions.len()).map(|dimension| {
                let right = column(&group.relation, &self.dimensions[dimension]);
                let left = self.dimension_of(dimension, place);
                let same = Expr::IsNotDistinctFrom(Box::new(left), Box::new(right));
                // Read again as text, its right side would take in an AND.
                if self.dimensions.len() > 1 { nested(same) } else { same }
            });
            joins.push(full_join(named(group)?, crate::tree::all_of(same)));
        }
        Ok(vec![TableWithJoins { relation, joins }])
    }

    /// A dimension of the first groups, whichever of them has it.
    fn dimension_of(&self, dimension: usize, groups: usize) -> Expr {
        let name = &self.dimensions[dimension];
        let mut found: Vec<Expr> =
            self.groups[..groups].iter().map(|group| column(&group.relation, name)).collect();
        if found.len() > 1 { call("COALESCE", found) } else { found.remove(0) }
    }

    fn dimension(&self, dimension: usize) -> Expr {
        self.dimension_of(dimension, self.groups.len())
    }

    /// An expression with columns in the place of placeholders. A count that
    /// has no group where another metric has one is 0.
    fn filled(&self, expression: &Expr) -> Result<Expr> {
        replaced(expression, &mut |part| {
            Ok(match Placeholder::of(part) {
                None => None,
                Some(Placeholder::Dimension(place)) => Some(self.dimension(place)),
                Some(Placeholder::Term(number)) => Some(self.term(number)?),
            })
        })
    }

    fn term(&self, term: usize) -> Result<Expr> {
        for group in &self.groups {
            if let Some((_, name, counts)) = group.terms.iter().find(|(known, ..)| *known == term) {
                let value = column(&group.relation, name);
                return Ok(if *counts && self.groups.len() > 1 {
                    call("COALESCE", vec![value, number(0)])
                } else {
                    value
                });
            }
        }
        Err(Error::internal("an aggregate that is in no group"))
    }
}

/// The name, or the name with a number that makes it free.
pub(crate) fn free(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number: usize| format!("{wanted} {number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
}

impl Asked<'_> {
    /// The tables of dimensions, facts and the condition.
    pub(crate) fn tables(&self) -> BTreeSet<TableId> {
        let mut tables = self.filter_tables.clone();
        for dimension in &self.dimensions {
            tables.extend(&dimension.tables);
        }
        tables
    }
}

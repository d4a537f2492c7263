//! The query of a roll-up's table that answers a query of the view.

use icecore_sql::ast::{BinaryOperator, Expr, Query, TableWithJoins};
use icecore_types::{Name, QualifiedName, Result};

use super::{Lacks, RollUp, States, same_rows};
use crate::errors::invalid;
use crate::metrics::{Placeholder, Term};
use crate::model::{Home, Model, Reference, shown};
use crate::query::{Asked, Output, free};
use crate::tree::{
    Selection, binary, call, column, finished, name_parts, number, replaced, table, with,
};

/// The relation of the roll-up's rows.
const KEPT: &str = "KEPT";
/// The relation of the states of the query's groups.
const ADDED: &str = "ADDED UP";

type Found<T> = std::result::Result<T, Lacks>;

/// The query, or what the roll-up has not.
pub(super) fn answered(
    model: &Model,
    asked: &Asked<'_>,
    rollup: &RollUp,
    kept_in: &QualifiedName,
) -> Result<Found<Query>> {
    let mut groups = match Groups::of(model, asked, rollup)? {
        Ok(groups) => groups,
        Err(lacks) => return Ok(Err(lacks)),
    };
    for term in &asked.metrics.terms {
        if let Err(lacks) = groups.add_term(model, rollup, term) {
            return Ok(Err(lacks));
        }
    }
    let mut query = groups.into_query(asked, kept_in)?;
    finished(&mut query);
    Ok(Ok(query))
}

/// The states of a roll-up, added up by the dimensions of a query.
struct Groups {
    inner: Selection,
    /// The names of the columns of `inner`.
    used: Vec<String>,
    /// The value of each term.
    results: Vec<Expr>,
    /// The columns that count rows, and their sums.
    rows: Vec<(String, Expr)>,
}

impl Groups {
    /// Of the rows that the query selects, without any states yet.
    fn of(model: &Model, asked: &Asked<'_>, rollup: &RollUp) -> Result<Found<Self>> {
        let mut inner = Selection { grouped: Some(asked.dimensions.len()), ..Selection::default() };
        for dimension in &asked.dimensions {
            match over(model, &dimension.expression, rollup)? {
                Ok(value) => inner.items.push((value, dimension.name.clone())),
                Err(lacks) => return Ok(Err(lacks)),
            }
        }
        if let Some(filter) = &asked.filter {
            match over(model, filter, rollup)? {
                Ok(filter) => inner.filter = Some(filter),
                Err(lacks) => return Ok(Err(lacks)),
            }
        }
        let used = inner.items.iter().map(|(_, name)| name.clone()).collect();
        Ok(Ok(Self { inner, used, results: Vec::new(), rows: Vec::new() }))
    }

    /// Adds a column of the roll-up up.
    fn add(&mut self, by: &str, state: &str) -> Expr {
        let name = free(state, |name| self.used.iter().any(|known| known == name));
        self.used.push(name.clone());
        self.inner.items.push((call(by, vec![column(KEPT, state)]), name.clone()));
        column(ADDED, &name)
    }

    fn add_term(&mut self, model: &Model, rollup: &RollUp, term: &Term) -> Found<()> {
        let known = rollup.terms.iter().find(|(known, _)| known == term);
        let counted = rollup.presence.iter().find(|(known, _)| same_rows(known, term));
        let (Some((_, kept)), Some((_, counted))) = (known, counted) else {
            return Err(lacks_term(model, term));
        };
        let by = kept.states.adds_up_by();
        let states = kept.columns.iter().map(|state| self.add(by, state)).collect();
        self.results.push(kept.states.result(states));
        if !self.rows.iter().any(|(known, _)| known == counted) {
            let rows = self.add("SUM", counted);
            self.rows.push((counted.clone(), rows));
        }
        Ok(())
    }

    fn into_query(mut self, asked: &Asked<'_>, kept_in: &QualifiedName) -> Result<Query> {
        let relation = table(kept_in, Some(KEPT))?;
        self.inner.from = vec![TableWithJoins { relation, joins: Vec::new() }];
        let mut outer = Selection::default();
        for (output, name) in &asked.outputs {
            let value = match output {
                Output::Dimension(place) => column(ADDED, &asked.dimensions[*place].name),
                Output::Metric(expression) => replaced(expression, &mut |part| {
                    Ok(match Placeholder::of(part) {
                        Some(Placeholder::Term(number)) => self.results.get(number).cloned(),
                        Some(Placeholder::Dimension(place)) => {
                            Some(column(ADDED, &asked.dimensions[place].name))
                        }
                        None => None,
                    })
                })?,
            };
            outer.items.push((value, name.clone()));
        }
        // A group that only another table has rows of is none of the query's;
        // without dimensions there is one row, whatever there is.
        if !asked.dimensions.is_empty() {
            let there =
                self.rows.into_iter().map(|(_, rows)| binary(rows, BinaryOperator::Gt, number(0)));
            outer.filter = there.reduce(|left, right| binary(left, BinaryOperator::Or, right));
        }
        let added = QualifiedName::bare(Name::quoted(ADDED));
        outer.from = vec![TableWithJoins { relation: table(&added, None)?, joins: Vec::new() }];
        with(outer.into_query()?, vec![(ADDED.to_owned(), self.inner.into_query()?)])
    }
}

/// An expression over dimensions, over the columns of a roll-up.
fn over(model: &Model, expression: &Expr, rollup: &RollUp) -> Result<Found<Expr>> {
    let mut missing = None;
    let over = replaced(expression, &mut |part| {
        let Some(parts) = name_parts(part) else { return Ok(None) };
        let Reference::Expression(id) = model.resolve(parts, Home::Query)? else {
            return Err(invalid(format!("{} is no dimension", shown(parts))));
        };
        let kept = rollup.dimensions.iter().find(|(known, _)| *known == id);
        if kept.is_none() {
            missing = Some(Lacks::Dimension(model.label(id)));
        }
        Ok(kept.map(|(_, name)| column(KEPT, name)))
    })?;
    Ok(missing.map_or(Ok(over), Err))
}

fn lacks_term(model: &Model, term: &Term) -> Lacks {
    let name = match term.home {
        Home::Definition(id) => model.label(id),
        Home::Query => term.call.to_string(),
    };
    if term.non_additive.is_empty() && States::of(&term.call).is_some() {
        Lacks::Metric(name)
    } else {
        Lacks::Additive(name)
    }
}

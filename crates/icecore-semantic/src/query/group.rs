//! The aggregates of one table, by the dimensions of the query.

use icecore_sql::ast::{BinaryOperator, Expr, Query, TableWithJoins};
use icecore_types::{Error, Result};

use super::{Asked, Columns, free};
use crate::errors::wrong_grain;
use crate::metrics::Metrics;
use crate::model::{Home, Model, NonAdditiveBy, TableId};
use crate::rows::Rows;
use crate::tree::{Selection, bare, binary, call_with, derived, number, order, over};

/// Aggregates that one query computes together.
pub(crate) struct Group {
    pub(crate) base: TableId,
    using: Vec<usize>,
    non_additive: Vec<NonAdditiveBy>,
    pub(crate) terms: Vec<usize>,
}

impl Group {
    /// The terms of metrics, those together that are of the same rows.
    pub(crate) fn of(metrics: &Metrics<'_>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (number, term) in metrics.terms.iter().enumerate() {
            let known = groups.iter_mut().find(|group| {
                group.base == term.base
                    && group.using == term.using
                    && group.non_additive == term.non_additive
            });
            match known {
                Some(group) => group.terms.push(number),
                None => groups.push(Self {
                    base: term.base,
                    using: term.using.clone(),
                    non_additive: term.non_additive.clone(),
                    terms: vec![number],
                }),
            }
        }
        groups
    }

    pub(crate) fn query(
        &self,
        model: &Model,
        asked: &Asked<'_>,
        columns: &Columns,
    ) -> Result<Query> {
        self.check_grain(model, asked)?;
        let mut rows = Rows::new(model, self.base, self.using.clone());
        let mut selection =
            Selection { grouped: Some(asked.dimensions.len()), ..Selection::default() };
        for dimension in &asked.dimensions {
            let value = rows.scalar(&dimension.expression, &[], Home::Query)?;
            selection.items.push((value, dimension.name.clone()));
        }
        if let Some(filter) = &asked.filter {
            selection.filter = Some(rows.scalar(filter, &[], Home::Query)?);
        }
        // A dimension that the query groups by has one value in each group.
        let last: Vec<NonAdditiveBy> = self
            .non_additive
            .iter()
            .filter(|by| !asked.dimensions.iter().any(|d| d.plain == Some(by.dimension)))
            .copied()
            .collect();
        if !last.is_empty() {
            return self.of_last_values((selection, rows), asked, columns, &last);
        }
        for number in &self.terms {
            let term = &asked.metrics.terms[*number];
            let call = rows.call(&term.call, term.home)?;
            selection.items.push((Expr::Function(call), name(columns, *number)?));
        }
        selection.from = rows.from()?;
        selection.into_query()
    }

    /// Only the rows of the last value of some dimensions, in each group.
    fn of_last_values(
        &self,
        (mut inner, mut rows): (Selection, Rows<'_>),
        asked: &Asked<'_>,
        columns: &Columns,
        last: &[NonAdditiveBy],
    ) -> Result<Query> {
        let mut used: Vec<String> = inner.items.iter().map(|(_, name)| name.clone()).collect();
        let mut fresh = |wanted: &str| {
            let found = free(wanted, |name| used.iter().any(|known| known == name));
            used.push(found.clone());
            found
        };
        let partition = inner.items.iter().map(|(value, _)| value.clone()).collect();
        let mut outer = Selection { grouped: inner.grouped.take(), ..Selection::default() };
        for dimension in &asked.dimensions {
            outer.items.push((bare(&dimension.name), dimension.name.clone()));
        }
        for number in &self.terms {
            let term = &asked.metrics.terms[*number];
            let call = call_with(&term.call, &mut |part| {
                let value = rows.scalar(part, &[], term.home)?;
                let name = fresh(&format!("A{}", inner.items.len()));
                inner.items.push((value, name.clone()));
                Ok(bare(&name))
            })?;
            outer.items.push((Expr::Function(call), name(columns, *number)?));
        }
        // The first in the opposite order is the last.
        let sort = last
            .iter()
            .map(|by| Ok(order(rows.named(by.dimension, &[])?, !by.descending, !by.nulls_first)))
            .collect::<Result<_>>()?;
        let rank = fresh("RANK");
        inner.items.push((over("RANK", Vec::new(), partition, sort), rank.clone()));
        inner.from = rows.from()?;
        outer.filter = Some(binary(bare(&rank), BinaryOperator::Eq, number(1)));
        let relation = derived(inner.into_query()?, "ROWS OF THE LAST");
        outer.from = vec![TableWithJoins { relation, joins: Vec::new() }];
        outer.into_query()
    }

    /// A row of the table has at most one value of everything it is grouped
    /// and filtered by.
    fn check_grain(&self, model: &Model, asked: &Asked<'_>) -> Result<()> {
        let reachable = model.reachable(self.base);
        match asked.tables().iter().find(|table| !reachable.contains(table)) {
            None => Ok(()),
            Some(table) => {
                Err(wrong_grain(&model.table(*table).name, &model.table(self.base).name))
            }
        }
    }
}

fn name(columns: &Columns, term: usize) -> Result<String> {
    let found = columns.name_of(term).map(str::to_owned);
    found.ok_or_else(|| Error::internal("an aggregate without a column"))
}

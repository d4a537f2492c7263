//! What a query asks for, with its names bound.

use std::collections::BTreeSet;

use icecore_sql::ast::Expr;
use icecore_sql::{SemanticClause, SemanticItem, SemanticKind, SemanticQuery, quote_date_parts};
use icecore_types::{Name, Result};

use crate::errors::{ambiguous, invalid, unknown};
use crate::metrics::{Dimensions, Metrics};
use crate::model::{ExpressionId, ExpressionKind, Home, Model, Reference, TableId, shown};
use crate::tree::{ident, name_parts, replaced};

/// A query of a view, bound.
pub(crate) struct Asked<'m> {
    /// Metrics if there are any, else facts if there are any.
    pub(crate) kind: SemanticKind,
    /// Dimensions, and facts where those are asked for.
    pub(crate) dimensions: Vec<Dimension>,
    pub(crate) metrics: Metrics<'m>,
    /// In the order of the columns.
    pub(crate) outputs: Vec<(Output, String)>,
    pub(crate) filter: Option<Expr>,
    pub(crate) filter_tables: BTreeSet<TableId>,
}

/// A value to group by, or to show of each row.
pub(crate) struct Dimension {
    pub(crate) expression: Expr,
    pub(crate) name: String,
    pub(crate) tables: BTreeSet<TableId>,
    /// The dimension, if it is nothing but one.
    pub(crate) plain: Option<ExpressionId>,
}

/// A column of the result.
pub(crate) enum Output {
    Dimension(usize),
    Metric(Box<Expr>),
}

/// An item of a clause, `table.*` written out.
struct Item {
    kind: SemanticKind,
    expression: Expr,
    /// What it is, if it is one name.
    id: Option<ExpressionId>,
    name: String,
}

impl Model {
    pub(crate) fn asked(&self, query: &SemanticQuery) -> Result<Asked<'_>> {
        let has = |kind| query.clauses.iter().any(|clause| clause.kind == kind);
        let kind = match (has(SemanticKind::Metrics), has(SemanticKind::Facts)) {
            (true, true) => {
                return Err(invalid("FACTS and METRICS exclude each other in a query"));
            }
            (true, false) => SemanticKind::Metrics,
            (false, true) => SemanticKind::Facts,
            (false, false) => SemanticKind::Dimensions,
        };
        let mut items = Vec::new();
        for clause in &query.clauses {
            self.items(clause, &mut items)?;
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = items.iter().find(|item| !names.insert(&item.name)) {
            return Err(ambiguous(&twice.name));
        }
        let mut asked = Asked {
            kind,
            dimensions: Vec::new(),
            metrics: Metrics::new(self),
            outputs: Vec::new(),
            filter: None,
            filter_tables: BTreeSet::new(),
        };
        self.bind_dimensions(&items, &mut asked)?;
        self.bind_outputs(items, &mut asked)?;
        if let Some(filter) = &query.filter {
            let mut filter = filter.clone();
            quote_date_parts(&mut filter);
            self.only_rows(&filter, "WHERE", true)?;
            asked.filter_tables = self.tables_of(&filter, Home::Query)?;
            asked.filter = Some(filter);
        }
        Ok(asked)
    }

    /// Dimensions first: a window metric may come before those that it needs.
    fn bind_dimensions(&self, items: &[Item], asked: &mut Asked<'_>) -> Result<()> {
        for item in items.iter().filter(|item| item.kind != SemanticKind::Metrics) {
            self.only_rows(&item.expression, item.kind.sql(), item.kind == SemanticKind::Facts)?;
            asked.dimensions.push(Dimension {
                expression: item.expression.clone(),
                name: item.name.clone(),
                tables: self.tables_of(&item.expression, Home::Query)?,
                plain: item.id,
            });
        }
        Ok(())
    }

    fn bind_outputs(&self, items: Vec<Item>, asked: &mut Asked<'_>) -> Result<()> {
        let mut dimension = 0;
        for item in items {
            let output = if item.kind == SemanticKind::Metrics {
                let mut found = Queried(&asked.dimensions);
                Output::Metric(Box::new(match item.id {
                    Some(id) if self.expression(id).kind == ExpressionKind::WindowMetric => {
                        asked.metrics.window(id, &mut found)?
                    }
                    Some(id) => asked.metrics.metric(id)?,
                    None => asked.metrics.scalar(&item.expression, Home::Query)?,
                }))
            } else {
                dimension += 1;
                Output::Dimension(dimension - 1)
            };
            asked.outputs.push((output, item.name));
        }
        if asked.kind == SemanticKind::Metrics && asked.metrics.terms.is_empty() {
            return Err(invalid("METRICS has an expression without a metric"));
        }
        Ok(())
    }

    fn items(&self, clause: &SemanticClause, items: &mut Vec<Item>) -> Result<()> {
        for item in &clause.items {
            match item {
                SemanticItem::AllOf(table) => self.all_of(clause.kind, table, items)?,
                SemanticItem::One { expression, alias } => {
                    items.push(self.item(clause.kind, expression, alias.as_ref())?);
                }
            }
        }
        Ok(())
    }

    fn all_of(&self, kind: SemanticKind, table: &Name, items: &mut Vec<Item>) -> Result<()> {
        let id = self.table_named(table).ok_or_else(|| unknown(format_args!("{table}.*")))?;
        let before = items.len();
        for found in self.ids() {
            let expression = self.expression(found);
            if expression.table == Some(id)
                && !expression.spec.private
                && fits(kind, expression.kind)
            {
                let name = &expression.spec.name;
                let parts = vec![ident(table.as_str()), ident(name.as_str())];
                let expression = Expr::CompoundIdentifier(parts);
                items.push(Item {
                    kind,
                    expression,
                    id: Some(found),
                    name: name.as_str().to_owned(),
                });
            }
        }
        if items.len() == before {
            return Err(invalid(format!(
                "table {table} has no {} that can be queried",
                kind.sql().to_lowercase()
            )));
        }
        Ok(())
    }

    fn item(&self, kind: SemanticKind, expression: &Expr, alias: Option<&Name>) -> Result<Item> {
        let mut expression = expression.clone();
        quote_date_parts(&mut expression);
        let mut id = None;
        if let Some(parts) = name_parts(&expression) {
            let Reference::Expression(found) = self.resolve(parts, Home::Query)? else {
                return Err(unknown(shown(parts)));
            };
            let is = self.expression(found).kind;
            let row_level = kind == SemanticKind::Facts && is == ExpressionKind::Dimension;
            if !fits(kind, is) && !row_level {
                return Err(invalid(format!(
                    "{} is a {} and cannot stand in {}",
                    self.label(found),
                    is.sql().to_lowercase(),
                    kind.sql()
                )));
            }
            id = Some(found);
        }
        let name = match (alias, name_parts(&expression).and_then(<[_]>::last)) {
            (Some(alias), _) => alias.as_str().to_owned(),
            (None, Some(last)) => last.value.clone(),
            (None, None) => expression.to_string().to_uppercase(),
        };
        Ok(Item { kind, expression, id, name })
    }

    /// Fails unless an expression is over dimensions, or also facts.
    fn only_rows(&self, expression: &Expr, clause: &str, facts: bool) -> Result<()> {
        replaced(expression, &mut |part| {
            if let Some(parts) = name_parts(part) {
                let Reference::Expression(id) = self.resolve(parts, Home::Query)? else {
                    return Err(unknown(shown(parts)));
                };
                let kind = self.expression(id).kind;
                let allowed =
                    kind == ExpressionKind::Dimension || (facts && kind == ExpressionKind::Fact);
                if !allowed {
                    return Err(invalid(format!(
                        "{} is a {} and cannot stand in {clause}",
                        self.label(id),
                        kind.sql().to_lowercase()
                    )));
                }
            }
            if let Some(call) = self.aggregate(part) {
                return Err(invalid(format!("an aggregate cannot stand in {clause}: {call}")));
            }
            crate::rows::refuse(part)?;
            Ok(None)
        })
        .map(drop)
    }
}

fn fits(clause: SemanticKind, kind: ExpressionKind) -> bool {
    match clause {
        SemanticKind::Metrics => kind.is_metric(),
        SemanticKind::Dimensions => kind == ExpressionKind::Dimension,
        SemanticKind::Facts => kind == ExpressionKind::Fact,
    }
}

/// The dimensions of a query, for its window metrics.
struct Queried<'a>(&'a [Dimension]);

impl Dimensions for Queried<'_> {
    fn place(&mut self, id: ExpressionId) -> Option<usize> {
        self.0.iter().position(|dimension| dimension.plain == Some(id))
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

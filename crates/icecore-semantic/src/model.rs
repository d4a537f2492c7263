//! A semantic view with all of its names bound.

mod build;
mod check;
mod graph;

use std::collections::BTreeSet;
use std::sync::Arc;

use icecore_sql::SemanticExpression;
use icecore_sql::ast::{Expr, Function, Ident};
use icecore_types::{Name, QualifiedName, Result};

pub(crate) use graph::{Path, Step};

use crate::errors::{ambiguous, cycle, unknown};
use crate::tree::name_parts;

/// A table or view that holds the rows of a logical table.
///
/// ```
/// use icecore_semantic::BaseTable;
/// use icecore_types::{Name, QualifiedName};
/// let base = BaseTable {
///     name: QualifiedName::parse("shop.public.orders")?,
///     columns: vec![Name::unquoted("id"), Name::unquoted("amount")],
/// };
/// assert_eq!(base.columns.len(), 2);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseTable {
    /// Its full name.
    pub name: QualifiedName,
    /// The names of its columns.
    pub columns: Vec<Name>,
}

/// What a name of a semantic view is.
///
/// ```
/// assert_eq!(icecore_semantic::ExpressionKind::DerivedMetric.sql(), "DERIVED_METRIC");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExpressionKind {
    /// A value of each row, that metrics are made of.
    Fact,
    /// A value of each row, that metrics are grouped by.
    Dimension,
    /// An aggregate over the rows of its table.
    Metric,
    /// A combination of metrics of several tables.
    DerivedMetric,
    /// A window function over a metric.
    WindowMetric,
}

impl ExpressionKind {
    /// As DESCRIBE shows it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Fact => "FACT",
            Self::Dimension => "DIMENSION",
            Self::Metric | Self::WindowMetric => "METRIC",
            Self::DerivedMetric => "DERIVED_METRIC",
        }
    }

    /// Whether it is some kind of metric.
    pub const fn is_metric(self) -> bool {
        matches!(self, Self::Metric | Self::DerivedMetric | Self::WindowMetric)
    }
}

/// A logical table of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableId(pub(crate) usize);

/// A fact, dimension or metric of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExpressionId(pub(crate) usize);

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: Name,
    pub(crate) base: QualifiedName,
    pub(crate) columns: Vec<Name>,
    /// The primary key, if there is one, and then the other keys.
    pub(crate) keys: Vec<Vec<Name>>,
    pub(crate) has_primary_key: bool,
    /// Pairs of columns between which a value is at most once.
    pub(crate) ranges: Vec<(Name, Name)>,
}

/// How a row finds the one that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Link {
    Equal(Vec<Name>),
    AsOf { columns: Vec<Name>, at: usize },
    Range { start: Name, end: Name },
}

#[derive(Clone, Debug)]
pub(crate) struct Relationship {
    pub(crate) name: Name,
    pub(crate) from: TableId,
    pub(crate) columns: Vec<Name>,
    pub(crate) to: TableId,
    pub(crate) link: Link,
}

#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) table: Option<TableId>,
    pub(crate) kind: ExpressionKind,
    pub(crate) spec: SemanticExpression,
    /// The relationships of USING.
    pub(crate) using: Vec<usize>,
    /// The dimensions of NON ADDITIVE BY.
    pub(crate) non_additive: Vec<NonAdditiveBy>,
}

/// A dimension over which a metric is not added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NonAdditiveBy {
    pub(crate) dimension: ExpressionId,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// A semantic view: its tables, how they relate, and what is defined over
/// them, all checked.
///
/// ```
/// use icecore_semantic::{BaseTable, Model};
/// use icecore_sql::{Limits, Statement, parse};
/// use icecore_types::{Name, QualifiedName};
/// let text = "CREATE SEMANTIC VIEW v TABLES (orders) METRICS (orders.total AS SUM(amount))";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// let orders = BaseTable {
///     name: QualifiedName::parse("shop.public.orders")?,
///     columns: vec![Name::unquoted("amount")],
/// };
/// let aggregates = std::sync::Arc::new(["sum".to_owned()].into());
/// let model = Model::new(create, vec![orders], aggregates)?;
/// assert_eq!(model.names().count(), 1);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) tables: Vec<Table>,
    pub(crate) relationships: Vec<Relationship>,
    pub(crate) expressions: Vec<Expression>,
    aggregates: Arc<BTreeSet<String>>,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reference {
    Column(TableId, Name),
    Expression(ExpressionId),
}

/// Where a name stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Home {
    /// In the definition of an expression.
    Definition(ExpressionId),
    /// In a query of the view: only what is public is seen, and no columns.
    Query,
}

/// Characters of an expression that an error shows.
const SHOWN: usize = 80;

impl Model {
    pub(crate) fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0]
    }

    pub(crate) fn expression(&self, id: ExpressionId) -> &Expression {
        &self.expressions[id.0]
    }

    pub(crate) fn table_named(&self, name: &Name) -> Option<TableId> {
        self.tables.iter().position(|table| table.name == *name).map(TableId)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ExpressionId> + use<> {
        (0..self.expressions.len()).map(ExpressionId)
    }

    /// `TABLE.NAME`, or the name of a derived metric.
    pub(crate) fn label(&self, id: ExpressionId) -> String {
        let expression = self.expression(id);
        match expression.table {
            Some(table) => format!("{}.{}", self.table(table).name, expression.spec.name),
            None => expression.spec.name.to_string(),
        }
    }

    /// Everything that is defined, in the order of the statement: the logical
    /// table, the name and what it is.
    pub fn names(&self) -> impl Iterator<Item = (Option<&Name>, &Name, ExpressionKind)> {
        self.expressions.iter().map(|expression| {
            let table = expression.table.map(|id| &self.table(id).name);
            (table, &expression.spec.name, expression.kind)
        })
    }

    /// Whether an expression is a call of an aggregate function.
    pub(crate) fn aggregate<'e>(&self, expression: &'e Expr) -> Option<&'e Function> {
        match expression {
            Expr::Function(function) if function.over.is_none() => {
                let name = function.name.to_string().to_lowercase();
                self.aggregates.contains(&name).then_some(function)
            }
            _ => None,
        }
    }

    /// What a name means where it stands.
    pub(crate) fn resolve(&self, parts: &[Ident], home: Home) -> Result<Reference> {
        let found = match parts {
            [name] => self.unqualified(&Name::quoted(&name.value), home)?,
            [table, name] => {
                let id = self
                    .table_named(&Name::quoted(&table.value))
                    .ok_or_else(|| unknown(shown(parts)))?;
                self.of_table(id, &Name::quoted(&name.value), home)?
            }
            _ => None,
        };
        found.ok_or_else(|| unknown(shown(parts)))
    }

    /// An expression of the table wins over a column, except in its own
    /// definition.
    fn of_table(&self, table: TableId, name: &Name, home: Home) -> Result<Option<Reference>> {
        let found = self.ids().find(|id| {
            let expression = self.expression(*id);
            expression.table == Some(table) && expression.spec.name == *name
        });
        let column = self.table(table).columns.contains(name);
        match (found, home) {
            (Some(id), Home::Definition(own)) if id == own && column => {
                Ok(Some(Reference::Column(table, name.clone())))
            }
            (Some(id), Home::Definition(own)) if id == own => {
                let label = self.label(id);
                Err(cycle("expressions", &[label.clone(), label]))
            }
            (Some(id), Home::Query) if self.expression(id).spec.private => {
                Err(crate::errors::invalid(format!("{} is private", self.label(id))))
            }
            (Some(id), _) => Ok(Some(Reference::Expression(id))),
            (None, Home::Definition(_)) if column => {
                Ok(Some(Reference::Column(table, name.clone())))
            }
            _ => Ok(None),
        }
    }

    fn unqualified(&self, name: &Name, home: Home) -> Result<Option<Reference>> {
        if let Home::Definition(own) = home
            && let Some(table) = self.expression(own).table
            && let Some(found) = self.of_table(table, name, home)?
        {
            return Ok(Some(found));
        }
        let other = |id: &ExpressionId| home != Home::Definition(*id);
        let mut named =
            self.ids().filter(|id| self.expression(*id).spec.name == *name).filter(other);
        let (first, second) = (named.next(), named.next());
        match (first, second) {
            (Some(_), Some(_)) => Err(ambiguous(name)),
            (Some(id), None) if home == Home::Query && self.expression(id).spec.private => {
                Err(crate::errors::invalid(format!("{} is private", self.label(id))))
            }
            (Some(id), None) => Ok(Some(Reference::Expression(id))),
            _ => Ok(None),
        }
    }

    /// The tables whose rows an expression needs.
    pub(crate) fn tables_of(&self, expression: &Expr, home: Home) -> Result<BTreeSet<TableId>> {
        let mut found = BTreeSet::new();
        crate::tree::replaced(expression, &mut |part| {
            if let Some(parts) = name_parts(part) {
                match self.resolve(parts, home)? {
                    Reference::Column(table, _) => _ = found.insert(table),
                    Reference::Expression(id) => found.extend(self.expression(id).table),
                }
            }
            Ok(None)
        })?;
        Ok(found)
    }
}

/// A name as it was written, cut if it is long.
pub(crate) fn shown(parts: &[Ident]) -> String {
    let text: Vec<String> = parts.iter().map(ToString::to_string).collect();
    text.join(".").chars().take(SHOWN).collect()
}

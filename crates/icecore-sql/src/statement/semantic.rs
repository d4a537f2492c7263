//! Semantic views: what CREATE says, and what a query asks of one.

use icecore_types::{Name, QualifiedName};
use sqlparser::ast::Expr;

use super::TravelPoint;

/// CREATE SEMANTIC VIEW: tables with their keys, how they relate, and the
/// facts, dimensions and metrics that are defined over them.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE SEMANTIC VIEW v TABLES (o AS orders PRIMARY KEY (id)) \
///             DIMENSIONS (o.day AS ordered_on) METRICS (o.total AS SUM(amount))";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.tables[0].name.as_str(), "O");
/// assert_eq!(create.metrics[0].text, "SUM(amount)");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSemanticView {
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// TABLES: at least one.
    pub tables: Vec<SemanticTable>,
    /// RELATIONSHIPS.
    pub relationships: Vec<SemanticRelationship>,
    /// FACTS.
    pub facts: Vec<SemanticExpression>,
    /// DIMENSIONS.
    pub dimensions: Vec<SemanticExpression>,
    /// METRICS.
    pub metrics: Vec<SemanticExpression>,
    /// COMMENT.
    pub comment: Option<String>,
    /// AI_SQL_GENERATION.
    pub ai_sql_generation: Option<String>,
    /// AI_VERIFIED_QUERIES: the names of the queries and their text.
    pub ai_verified_queries: Vec<VerifiedQuery>,
    /// COPY GRANTS: what was granted on the one of this name.
    pub copy_grants: bool,
}

/// A logical table of a semantic view.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE SEMANTIC VIEW v TABLES (s.orders PRIMARY KEY (id) UNIQUE (a, b)) \
///             METRICS (orders.n AS COUNT(*))";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.tables[0].name.as_str(), "ORDERS");
/// assert_eq!(create.tables[0].unique[0].len(), 2);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemanticTable {
    /// Its alias, or else the last part of the base table's name.
    pub name: Name,
    /// The table or view that holds its rows.
    pub base: QualifiedName,
    /// PRIMARY KEY; empty without one.
    pub primary_key: Vec<Name>,
    /// UNIQUE, as often as it was given.
    pub unique: Vec<Vec<Name>>,
    /// CONSTRAINT .. DISTINCT RANGE, as often as it was given.
    pub ranges: Vec<DistinctRange>,
    /// WITH SYNONYMS.
    pub synonyms: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// CONSTRAINT name DISTINCT RANGE BETWEEN start AND end EXCLUSIVE: at most one
/// row of the table has a value between the two.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE SEMANTIC VIEW v TABLES (p CONSTRAINT c DISTINCT RANGE BETWEEN a AND b \
///             EXCLUSIVE) METRICS (p.n AS COUNT(*))";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.tables[0].ranges[0].start.as_str(), "A");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctRange {
    /// The constraint's name.
    pub name: Name,
    /// The column of the first value.
    pub start: Name,
    /// The column of the first value that is no longer in it.
    pub end: Name,
}

/// How the rows of one logical table find their row of another.
///
/// ```
/// use icecore_sql::{Limits, RelationshipTarget, Statement, parse};
/// let text = "CREATE SEMANTIC VIEW v TABLES (o, c PRIMARY KEY (id)) \
///             RELATIONSHIPS (o_c AS o (cust) REFERENCES c) METRICS (o.n AS COUNT(*))";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.relationships[0].target, RelationshipTarget::PrimaryKey);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemanticRelationship {
    /// Its name, if it was given one.
    pub name: Option<Name>,
    /// The table whose rows refer.
    pub table: Name,
    /// The columns that refer.
    pub columns: Vec<Name>,
    /// The table that is referred to.
    pub references: Name,
    /// By what.
    pub target: RelationshipTarget,
}

/// What a relationship refers to.
///
/// ```
/// use icecore_sql::RelationshipTarget;
/// assert_ne!(RelationshipTarget::PrimaryKey, RelationshipTarget::Key(Vec::new()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum RelationshipTarget {
    /// The primary key: no columns were written.
    PrimaryKey,
    /// These columns, in the order of the referring ones.
    Key(Vec<Name>),
    /// These columns, of which the one at this position is the latest that is
    /// not after the referring value.
    AsOf {
        /// In the order of the referring ones.
        columns: Vec<Name>,
        /// The position of the one behind ASOF.
        at: usize,
    },
    /// BETWEEN start AND end EXCLUSIVE.
    Range {
        /// The column of the first value.
        start: Name,
        /// The column of the first value that is no longer in it.
        end: Name,
    },
}

/// A fact, a dimension or a metric as it was written.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE SEMANTIC VIEW v TABLES (b) DIMENSIONS (b.day AS d) \
///             METRICS (PRIVATE b.held NON ADDITIVE BY (day DESC) AS SUM(x), twice AS b.held * 2)";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateSemanticView(create) = &parsed[0].statement else { panic!() };
/// assert!(create.metrics[0].private && create.metrics[0].non_additive[0].descending);
/// assert_eq!(create.metrics[1].table, None);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemanticExpression {
    /// Its logical table; nothing for a derived metric.
    pub table: Option<Name>,
    /// Its name.
    pub name: Name,
    /// PRIVATE: only other definitions may use it.
    pub private: bool,
    /// LABELS.
    pub labels: Vec<Name>,
    /// USING: the relationships that a metric takes.
    pub using: Vec<Name>,
    /// NON ADDITIVE BY.
    pub non_additive: Vec<NonAdditive>,
    /// What it is.
    pub expression: Expr,
    /// The dimensions of PARTITION BY EXCLUDING, where the expression is a
    /// window function that says so: its PARTITION BY is empty.
    pub excluding: Vec<Expr>,
    /// The expression as it was written.
    pub text: String,
    /// WITH SYNONYMS.
    pub synonyms: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

/// A dimension over which a metric may not be added up: only the rows of its
/// last value count.
///
/// ```
/// use icecore_sql::NonAdditive;
/// use icecore_types::Name;
/// let by = |descending| NonAdditive {
///     table: None, name: Name::unquoted("day"), descending, nulls_first: None };
/// assert_ne!(by(true), by(false));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NonAdditive {
    /// The logical table, if it was written.
    pub table: Option<Name>,
    /// The dimension.
    pub name: Name,
    /// DESC: the last value is the smallest.
    pub descending: bool,
    /// NULLS FIRST or LAST.
    pub nulls_first: Option<bool>,
}

/// An entry of AI_VERIFIED_QUERIES, which is kept and shown.
///
/// ```
/// let query = icecore_sql::VerifiedQuery {
///     name: icecore_types::Name::unquoted("q"), properties: vec![("SQL".into(), "..".into())] };
/// assert_eq!(query.name.as_str(), "Q");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedQuery {
    /// Its name.
    pub name: Name,
    /// What it says of itself, for example QUESTION and SQL, in order.
    pub properties: Vec<(String, String)>,
}

/// What a query asks of a semantic view: `SEMANTIC_VIEW(v METRICS .. ..)`.
///
/// ```
/// use icecore_sql::{SemanticQuery, ast::TableFactor, parse_query};
/// let query = parse_query("SELECT * FROM SEMANTIC_VIEW(v DIMENSIONS d AS x METRICS m)")?;
/// let Some(select) = query.body.as_select() else { panic!() };
/// let TableFactor::Derived { subquery, .. } = &select.from[0].relation else { panic!() };
/// let asked = SemanticQuery::of(subquery)?.expect("it is one");
/// assert_eq!(asked.view.to_string(), "V");
/// assert_eq!(asked.clauses.len(), 2);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemanticQuery {
    /// The view, as it was written.
    pub view: QualifiedName,
    /// AT or BEFORE.
    pub travel: Option<TravelPoint>,
    /// In the order of the text, each kind at most once.
    pub clauses: Vec<SemanticClause>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// METRICS, DIMENSIONS or FACTS of a query, with at least one item.
///
/// ```
/// use icecore_sql::{SemanticClause, SemanticItem, SemanticKind};
/// use icecore_types::Name;
/// let items = vec![SemanticItem::AllOf(Name::unquoted("orders"))];
/// let clause = SemanticClause { kind: SemanticKind::Metrics, items };
/// assert_eq!(clause.kind.sql(), "METRICS");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemanticClause {
    /// Which.
    pub kind: SemanticKind,
    /// What is asked for.
    pub items: Vec<SemanticItem>,
}

/// What a clause of a metric query lists.
///
/// ```
/// assert_eq!(icecore_sql::SemanticKind::Facts.sql(), "FACTS");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SemanticKind {
    /// Aggregates.
    Metrics,
    /// What they are grouped by.
    Dimensions,
    /// Values of rows.
    Facts,
}

impl SemanticKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Dimensions, Self::Facts];

    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Metrics => "METRICS",
            Self::Dimensions => "DIMENSIONS",
            Self::Facts => "FACTS",
        }
    }
}

/// One item of a clause.
///
/// ```
/// use icecore_sql::{SemanticItem, parse_expression};
/// let item = SemanticItem::One { expression: Box::new(parse_expression("orders.total")?), alias: None };
/// assert!(matches!(item, SemanticItem::One { .. }));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum SemanticItem {
    /// `table.*`: all of the clause's kind that the table has.
    AllOf(Name),
    /// A name, or an expression over names.
    One {
        /// It.
        expression: Box<Expr>,
        /// The name of the column; if unset, the last part of a name.
        alias: Option<Name>,
    },
}

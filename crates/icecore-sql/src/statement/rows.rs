//! What changes the rows of a table.

use icecore_types::{Name, QualifiedName};
use sqlparser::ast::{Expr, Query, TableWithJoins};

/// INSERT.
///
/// ```
/// use icecore_sql::{InsertSource, Limits, Statement, ValueExpr, parse};
/// let parsed = parse("INSERT INTO t (a, b) VALUES (1, DEFAULT)", &Limits::default())?;
/// let Statement::Insert(insert) = &parsed[0].statement else { panic!() };
/// let InsertSource::Values(rows) = &insert.source else { panic!() };
/// assert_eq!(rows[0][1], ValueExpr::Default);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// The table.
    pub table: QualifiedName,
    /// OVERWRITE: its rows are removed first, in the same transaction.
    pub overwrite: bool,
    /// The columns that are given, with distinct names; empty means all.
    pub columns: Vec<Name>,
    /// The new rows.
    pub source: InsertSource,
}

/// Where the rows of an INSERT come from.
///
/// ```
/// use icecore_sql::{InsertSource, Limits, Statement, parse};
/// let parsed = parse("INSERT INTO t SELECT 1", &Limits::default())?;
/// let Statement::Insert(insert) = &parsed[0].statement else { panic!() };
/// assert!(matches!(insert.source, InsertSource::Query(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// VALUES alone: at least one row, all of the same length.
    Values(Vec<Vec<ValueExpr>>),
    /// Any other query.
    Query(Box<Query>),
}

/// A value of a new row.
///
/// ```
/// use icecore_sql::{ValueExpr, parse_expression};
/// let value = ValueExpr::Expr(parse_expression("1 + 1")?);
/// assert_ne!(value, ValueExpr::Default);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
// Nearly every value is an expression: a box would only cost an allocation.
#[allow(clippy::large_enum_variant)]
pub enum ValueExpr {
    /// DEFAULT: the column's.
    Default,
    /// An expression.
    Expr(Expr),
}

/// DELETE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("DELETE FROM t USING s WHERE t.k = s.k", &Limits::default())?;
/// let Statement::Delete(delete) = &parsed[0].statement else { panic!() };
/// assert_eq!((delete.using.len(), delete.predicate.is_some()), (1, true));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// The table.
    pub table: QualifiedName,
    /// What the statement calls it.
    pub alias: Option<Name>,
    /// What else the predicate may name.
    pub using: Vec<TableWithJoins>,
    /// Which rows; all if unset.
    pub predicate: Option<Expr>,
}

/// UPDATE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("UPDATE t SET a = a + 1 WHERE b IS NULL", &Limits::default())?;
/// let Statement::Update(update) = &parsed[0].statement else { panic!() };
/// assert_eq!(update.assignments[0].column.as_str(), "A");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The table.
    pub table: QualifiedName,
    /// What the statement calls it.
    pub alias: Option<Name>,
    /// SET: at least one, of distinct columns.
    pub assignments: Vec<Assignment>,
    /// What else the expressions may name.
    pub from: Vec<TableWithJoins>,
    /// Which rows; all if unset.
    pub predicate: Option<Expr>,
}

/// One `column = value` of an UPDATE.
///
/// ```
/// use icecore_sql::{Assignment, ValueExpr};
/// use icecore_types::Name;
/// let set = Assignment { column: Name::unquoted("a"), value: ValueExpr::Default };
/// assert_eq!(set.column.as_str(), "A");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The column.
    pub column: Name,
    /// Its new value.
    pub value: ValueExpr,
}

/// TRUNCATE TABLE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("TRUNCATE TABLE IF EXISTS t", &Limits::default())?;
/// let Statement::Truncate(truncate) = &parsed[0].statement else { panic!() };
/// assert!(truncate.if_exists);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Truncate {
    /// The table.
    pub table: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
}

//! Points in time, and clones of what was there.

use icecore_types::QualifiedName;
use sqlparser::ast::Expr;

/// CLONE and what follows it.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CREATE TABLE t CLONE db.s.t AT (VERSION => 3)", &Limits::default())?;
/// let Statement::CreateTable(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.clone.as_ref().map(|c| c.source.to_string()).as_deref(), Some("DB.S.T"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CloneSource {
    /// What is cloned.
    pub source: QualifiedName,
    /// As it was when; now if unset.
    pub at: Option<TravelPoint>,
}

/// AT or BEFORE, and the point.
///
/// ```
/// use icecore_sql::{AtBefore, Limits, Point, Statement, parse, relations};
/// let parsed = parse("SELECT * FROM t BEFORE (STATEMENT => 'q')", &Limits::default())?;
/// let found = relations(&parsed[0].statement)?;
/// let travel = found[0].travel.as_ref().expect("it is there");
/// assert_eq!(travel.at_or_before, AtBefore::Before);
/// assert!(matches!(travel.point, Point::Statement(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TravelPoint {
    /// Whether what happened at the point is included.
    pub at_or_before: AtBefore,
    /// The point.
    pub point: Point,
}

/// Whether what happened at a point is included.
///
/// ```
/// use icecore_sql::AtBefore;
/// assert_ne!(AtBefore::At, AtBefore::Before);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtBefore {
    /// It is.
    At,
    /// It is not.
    Before,
}

/// A point in the history of an object. The expressions hold no subquery;
/// whoever evaluates them refuses what is not constant.
///
/// ```
/// use icecore_sql::{Point, parse_expression};
/// let point = Point::Offset(parse_expression("-60 * 5")?);
/// assert_eq!(point.word(), "OFFSET");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// A moment.
    Timestamp(Expr),
    /// Seconds from now, zero or negative.
    Offset(Expr),
    /// The id of a query.
    Statement(Expr),
    /// The number of a version: not in Snowflake.
    Version(Expr),
}

impl Point {
    /// The word that names it in SQL.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Timestamp(_) => "TIMESTAMP",
            Self::Offset(_) => "OFFSET",
            Self::Statement(_) => "STATEMENT",
            Self::Version(_) => "VERSION",
        }
    }

    /// The expression that gives it.
    pub fn expression(&self) -> &Expr {
        match self {
            Self::Timestamp(e) | Self::Offset(e) | Self::Statement(e) | Self::Version(e) => e,
        }
    }
}

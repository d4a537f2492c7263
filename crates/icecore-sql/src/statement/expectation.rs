//! What an owner expects of the rows of a table.

use std::time::Duration;

use icecore_types::{Name, OnViolation, QualifiedName};
use sqlparser::ast::Expr;

/// An expectation as ALTER TABLE and CREATE TABLE declare it.
///
/// ```
/// use icecore_sql::{AlterTableAction, CheckSpec, Limits, Statement, parse};
/// let text = "ALTER TABLE t ADD EXPECTATION named CHECK NOT NULL (name) ON VIOLATION QUARANTINE";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::AlterTable(alter) = &parsed[0].statement else { panic!() };
/// let AlterTableAction::AddExpectation(expectation) = &alter.action else { panic!() };
/// assert!(matches!(&expectation.check, CheckSpec::NotNull(column) if column.as_str() == "NAME"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectationSpec {
    /// Its name.
    pub name: Name,
    /// What a row has to pass.
    pub check: CheckSpec,
    /// What becomes of one that does not.
    pub on_violation: OnViolation,
}

/// What stands behind CHECK.
///
/// ```
/// use icecore_sql::CheckSpec;
/// use icecore_types::Name;
/// assert_ne!(CheckSpec::NotNull(Name::unquoted("a")), CheckSpec::Unique(Vec::new()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum CheckSpec {
    /// NOT NULL.
    NotNull(Name),
    /// UNIQUE, with distinct names.
    Unique(Vec<Name>),
    /// ACCEPTED VALUES.
    AcceptedValues {
        /// The column.
        column: Name,
        /// Constant expressions, at least one.
        values: Vec<Expr>,
    },
    /// RANGE.
    Range {
        /// The column.
        column: Name,
        /// A constant expression.
        least: Box<Expr>,
        /// A constant expression.
        most: Box<Expr>,
    },
    /// MATCHES.
    Matches {
        /// The column.
        column: Name,
        /// The regular expression.
        pattern: String,
    },
    /// REFERENCES.
    References {
        /// The columns, with distinct names.
        columns: Vec<Name>,
        /// The other table or view.
        parent: QualifiedName,
        /// As many columns of it.
        keys: Vec<Name>,
    },
    /// FRESHNESS.
    Freshness {
        /// The column.
        column: Name,
        /// How long ago its value may be.
        within: Duration,
    },
    /// An expression in parentheses.
    Expression {
        /// As it was written, without the parentheses.
        text: String,
        /// The same as a tree.
        expression: Box<Expr>,
    },
}

/// What ALTER TABLE does with the rows of a table's quarantine.
///
/// ```
/// use icecore_sql::{AlterTableAction, Limits, QuarantineAction, Statement, parse};
/// let parsed = parse("ALTER TABLE t REPLAY QUARANTINE WHERE k = '1'", &Limits::default())?;
/// let Statement::AlterTable(alter) = &parsed[0].statement else { panic!() };
/// let AlterTableAction::Quarantine { action, predicate } = &alter.action else { panic!() };
/// assert_eq!(*action, QuarantineAction::Replay);
/// assert!(predicate.is_some());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuarantineAction {
    /// Judges them again, and moves what passes into the table.
    Replay,
    /// Forgets them.
    Purge,
}

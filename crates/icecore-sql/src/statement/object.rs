//! What drops, restores, changes and describes an object.

use icecore_types::{Name, ObjectKind, QualifiedName};
use sqlparser::ast::Expr;

use super::{ColumnSpec, ExpectationSpec, MetricAction, PolicyAction, QuarantineAction};

/// DROP.
///
/// ```
/// use icecore_sql::{DropMode, Limits, Statement, parse};
/// let parsed = parse("DROP SCHEMA s RESTRICT", &Limits::default())?;
/// let Statement::Drop(drop) = &parsed[0].statement else { panic!() };
/// assert_eq!(drop.mode, DropMode::Restrict);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DropObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// CASCADE, which is the default, or RESTRICT.
    pub mode: DropMode,
}

/// What becomes of that which refers to a dropped object.
///
/// ```
/// use icecore_sql::DropMode;
/// assert_eq!(DropMode::default(), DropMode::Cascade);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DropMode {
    /// It is dropped as well, if the object holds it.
    #[default]
    Cascade,
    /// The statement fails if there is any.
    Restrict,
}

/// UNDROP.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// use icecore_types::ObjectKind;
/// let parsed = parse("UNDROP TABLE db.s.t", &Limits::default())?;
/// let Statement::Undrop(undrop) = &parsed[0].statement else { panic!() };
/// assert_eq!(undrop.kind, ObjectKind::Table);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Undrop {
    /// A table, a schema or a database.
    pub kind: ObjectKind,
    /// Its name when it was dropped.
    pub name: QualifiedName,
}

/// ALTER TABLE.
///
/// ```
/// use icecore_sql::{AlterTableAction, Limits, Statement, parse};
/// let parsed = parse("ALTER TABLE a SWAP WITH b", &Limits::default())?;
/// let Statement::AlterTable(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(alter.action, AlterTableAction::SwapWith(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// The table.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub action: AlterTableAction,
}

/// What ALTER TABLE does.
///
/// ```
/// use icecore_sql::{AlterTableAction, Limits, Statement, parse};
/// let parsed = parse("ALTER TABLE t DROP COLUMN a, b", &Limits::default())?;
/// let Statement::AlterTable(alter) = &parsed[0].statement else { panic!() };
/// let AlterTableAction::DropColumns { names, .. } = &alter.action else { panic!() };
/// assert_eq!(names.len(), 2);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AlterTableAction {
    /// RENAME TO, possibly into another schema.
    Rename(QualifiedName),
    /// ADD COLUMN, with distinct names.
    AddColumns {
        /// In order.
        columns: Vec<ColumnSpec>,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// DROP COLUMN, with distinct names.
    DropColumns {
        /// In order.
        names: Vec<Name>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// RENAME COLUMN.
    RenameColumn {
        /// Its name now.
        from: Name,
        /// Its name then.
        to: Name,
    },
    /// SWAP WITH.
    SwapWith(QualifiedName),
    /// SET or UNSET DATA_RETENTION_TIME_IN_DAYS: nothing is UNSET.
    SetRetention(Option<u32>),
    /// SET or UNSET COMMENT: nothing is UNSET.
    SetComment(Option<String>),
    /// ALTER COLUMN .. SET NOT NULL, or DROP NOT NULL.
    SetNotNull {
        /// The column.
        column: Name,
        /// Whether NULL is refused from now on.
        not_null: bool,
    },
    /// ALTER COLUMN .. DROP DEFAULT.
    DropDefault(Name),
    /// ALTER COLUMN .. COMMENT.
    SetColumnComment {
        /// The column.
        column: Name,
        /// Its comment.
        comment: String,
    },
    /// ADD EXPECTATION.
    AddExpectation(Box<ExpectationSpec>),
    /// ADD, DROP and MODIFY DATA METRIC FUNCTION, and their schedule.
    Metric(MetricAction),
    /// DROP EXPECTATION.
    DropExpectation {
        /// Its name.
        name: Name,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// What it does with policies.
    Policy(PolicyAction),
    /// REPLAY QUARANTINE or PURGE QUARANTINE.
    Quarantine {
        /// Which of them.
        action: QuarantineAction,
        /// WHERE: of which rows, all if unset.
        predicate: Option<Box<Expr>>,
    },
}

/// ALTER DATABASE or ALTER SCHEMA.
///
/// ```
/// use icecore_sql::{ContainerAction, Limits, Statement, parse};
/// let parsed = parse(
///     "ALTER DATABASE d SET DATA_RETENTION_TIME_IN_DAYS = 7", &Limits::default())?;
/// let Statement::AlterContainer(alter) = &parsed[0].statement else { panic!() };
/// assert_eq!(alter.action, ContainerAction::SetRetention(Some(7)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterContainer {
    /// A database or a schema.
    pub kind: ObjectKind,
    /// Which one.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub action: ContainerAction,
}

/// What ALTER DATABASE and ALTER SCHEMA do.
///
/// ```
/// use icecore_sql::ContainerAction;
/// assert_ne!(ContainerAction::SetRetention(None), ContainerAction::SetComment(None));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ContainerAction {
    /// RENAME TO.
    Rename(QualifiedName),
    /// SWAP WITH.
    SwapWith(QualifiedName),
    /// SET or UNSET DATA_RETENTION_TIME_IN_DAYS: nothing is UNSET.
    SetRetention(Option<u32>),
    /// SET or UNSET COMMENT: nothing is UNSET.
    SetComment(Option<String>),
    /// What is done with policies: only of a view.
    Policy(PolicyAction),
    /// ENABLE or DISABLE MANAGED ACCESS, of a schema.
    ManagedAccess(bool),
    /// SET or UNSET SECURE, of a view.
    Secure(bool),
}

/// ALTER [SEMANTIC] VIEW .. RENAME TO, or SET or UNSET COMMENT or SECURE.
///
/// ```
/// use icecore_sql::{ContainerAction, Limits, Statement, parse};
/// let parsed = parse("ALTER VIEW v RENAME TO w", &Limits::default())?;
/// let Statement::AlterView(alter) = &parsed[0].statement else { panic!() };
/// assert!(matches!(alter.action, ContainerAction::Rename(_)));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterView {
    /// A view or a semantic view.
    pub kind: ObjectKind,
    /// The view.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// `Rename`, `SetComment`, or of a view `Policy` or `Secure`.
    pub action: ContainerAction,
}

/// DESCRIBE.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// use icecore_types::ObjectKind;
/// let parsed = parse("DESC FILE FORMAT f", &Limits::default())?;
/// let Statement::Describe(describe) = &parsed[0].statement else { panic!() };
/// assert_eq!(describe.kind, ObjectKind::FileFormat);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Describe {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: QualifiedName,
}

//! Policies: what makes and changes one, and what attaches it.

use icecore_types::{Name, ObjectKind, PolicyArgument, PolicyReturns, QualifiedName};
use sqlparser::ast::Query;

/// CREATE of a policy.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE MASKING POLICY p AS (val STRING) RETURNS STRING -> 'x' || val";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreatePolicy(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.body, "'x' || val");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePolicy {
    /// Which kind of policy.
    pub kind: ObjectKind,
    /// Drop the one of this name first, in the same transaction; never
    /// together with `if_not_exists`.
    pub or_replace: bool,
    /// Leave the one of this name alone.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// With distinct names; none of a policy that returns a constraint.
    pub arguments: Vec<PolicyArgument>,
    /// RETURNS.
    pub returns: PolicyReturns,
    /// The expression, as SQL that [`crate::parse_expression`] reads.
    pub body: String,
    /// COMMENT.
    pub comment: Option<String>,
}

/// ALTER of a policy.
///
/// ```
/// use icecore_sql::{Limits, PolicyChange, Statement, parse};
/// let parsed = parse("ALTER ROW ACCESS POLICY r SET BODY -> TRUE", &Limits::default())?;
/// let Statement::AlterPolicy(alter) = &parsed[0].statement else { panic!() };
/// assert_eq!(alter.change, PolicyChange::SetBody("TRUE".into()));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AlterPolicy {
    /// Which kind of policy.
    pub kind: ObjectKind,
    /// The policy.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is done to it.
    pub change: PolicyChange,
}

/// What ALTER does to a policy.
///
/// ```
/// use icecore_sql::PolicyChange;
/// assert_ne!(PolicyChange::SetComment(None), PolicyChange::SetBody("TRUE".into()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyChange {
    /// RENAME TO.
    Rename(QualifiedName),
    /// SET BODY: an expression.
    SetBody(String),
    /// SET or UNSET COMMENT: nothing is UNSET.
    SetComment(Option<String>),
}

/// EXECUTE USING POLICY_CONTEXT: a query whose policies take it for another
/// role's.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "EXECUTE USING POLICY_CONTEXT (CURRENT_ROLE => 'ANALYST') AS SELECT 1";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::Simulate(simulate) = &parsed[0].statement else { panic!() };
/// assert_eq!(simulate.role.as_str(), "ANALYST");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Simulate {
    /// CURRENT_ROLE.
    pub role: Name,
    /// AS.
    pub query: Box<Query>,
}

/// A policy and the columns that take the place of its arguments, as CREATE
/// TABLE declares it.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE TABLE t (a INT, b INT WITH MASKING POLICY m USING (b, a)) \
///     WITH ROW ACCESS POLICY r ON (a)";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateTable(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.row_access.as_ref().map(|on| on.columns.len()), Some(1));
/// assert_eq!(create.columns[1].mask.as_ref().map(|on| on.columns.len()), Some(2));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyOn {
    /// The policy.
    pub policy: QualifiedName,
    /// At least one.
    pub columns: Vec<Name>,
}

/// An aggregation policy and what the rows are about.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "CREATE TABLE t (a INT) WITH AGGREGATION POLICY p ENTITY KEY (a)";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::CreateTable(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.aggregation.as_ref().map(|on| on.entity.len()), Some(1));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GroupsOn {
    /// The policy.
    pub policy: QualifiedName,
    /// ENTITY KEY; empty if nothing is said.
    pub entity: Vec<Name>,
}

/// What ALTER TABLE and ALTER VIEW do with policies.
///
/// ```
/// use icecore_sql::{AlterTableAction, Limits, PolicyAction, Statement, parse};
/// let text = "ALTER TABLE t MODIFY COLUMN c SET MASKING POLICY p FORCE";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::AlterTable(alter) = &parsed[0].statement else { panic!() };
/// let AlterTableAction::Policy(action) = &alter.action else { panic!() };
/// assert!(matches!(action, PolicyAction::SetMask { force: true, .. }));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyAction {
    /// ADD ROW ACCESS POLICY, after DROP of another one in the same statement.
    AddRowAccess {
        /// DROP ROW ACCESS POLICY, which comes first.
        instead: Option<QualifiedName>,
        /// The policy.
        policy: QualifiedName,
        /// ON: at least one column.
        columns: Vec<Name>,
    },
    /// DROP ROW ACCESS POLICY.
    DropRowAccess(QualifiedName),
    /// DROP ALL ROW ACCESS POLICIES.
    DropAllRowAccess,
    /// MODIFY COLUMN .. SET MASKING POLICY.
    SetMask {
        /// The column.
        column: Name,
        /// The policy.
        policy: QualifiedName,
        /// USING: the column itself, then the others; the column alone if
        /// nothing is said.
        using: Vec<Name>,
        /// FORCE: instead of the one that it has.
        force: bool,
    },
    /// MODIFY COLUMN .. UNSET MASKING POLICY.
    UnsetMask {
        /// The column.
        column: Name,
    },
    /// MODIFY COLUMN .. SET PROJECTION POLICY.
    SetProjection {
        /// The column.
        column: Name,
        /// The policy.
        policy: QualifiedName,
        /// FORCE: instead of the one that it has.
        force: bool,
    },
    /// MODIFY COLUMN .. UNSET PROJECTION POLICY.
    UnsetProjection {
        /// The column.
        column: Name,
    },
    /// SET AGGREGATION POLICY.
    SetAggregation {
        /// The policy.
        on: GroupsOn,
        /// FORCE: instead of the one that there is.
        force: bool,
    },
    /// UNSET AGGREGATION POLICY.
    UnsetAggregation,
}

impl PolicyAction {
    /// The kind of policy that is put on or taken off.
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::AddRowAccess { .. } | Self::DropRowAccess(_) | Self::DropAllRowAccess => {
                ObjectKind::RowAccessPolicy
            }
            Self::SetMask { .. } | Self::UnsetMask { .. } => ObjectKind::MaskingPolicy,
            Self::SetProjection { .. } | Self::UnsetProjection { .. } => {
                ObjectKind::ProjectionPolicy
            }
            Self::SetAggregation { .. } | Self::UnsetAggregation => ObjectKind::AggregationPolicy,
        }
    }
}

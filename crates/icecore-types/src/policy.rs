//! Masking, row access, projection and aggregation policies, and where they are
//! attached.

use serde::{Deserialize, Serialize};

use crate::{ColumnId, Name, ObjectId, SqlType};

/// An argument of a policy: a column takes its place where it is attached.
///
/// ```
/// use icecore_types::{Name, PolicyArgument, SqlType};
/// let argument = PolicyArgument { name: Name::unquoted("val"), sql_type: SqlType::TEXT };
/// assert_eq!(argument.to_string(), "VAL VARCHAR(16777216)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyArgument {
    /// What the body calls it.
    pub name: Name,
    /// Its declared type.
    #[serde(rename = "type")]
    pub sql_type: SqlType,
}

impl std::fmt::Display for PolicyArgument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.sql_type)
    }
}

/// What the body of a policy gives.
///
/// ```
/// use icecore_types::{PolicyReturns, SqlType};
/// assert_eq!(PolicyReturns::Value(SqlType::Boolean).to_string(), "BOOLEAN");
/// assert_eq!(PolicyReturns::Projection.value(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyReturns {
    /// Whether a column may be in a result.
    #[serde(rename = "PROJECTION_CONSTRAINT")]
    Projection,
    /// How many rows a group must have.
    #[serde(rename = "AGGREGATION_CONSTRAINT")]
    Aggregation,
    /// A value: BOOLEAN of a row access policy, the first argument's type of a
    /// mask.
    #[serde(untagged)]
    Value(SqlType),
}

impl PolicyReturns {
    /// The type of the value, if it is one.
    pub fn value(self) -> Option<SqlType> {
        match self {
            Self::Value(sql_type) => Some(sql_type),
            Self::Projection | Self::Aggregation => None,
        }
    }
}

impl std::fmt::Display for PolicyReturns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(sql_type) => write!(f, "{sql_type}"),
            Self::Projection => f.write_str("PROJECTION_CONSTRAINT"),
            Self::Aggregation => f.write_str("AGGREGATION_CONSTRAINT"),
        }
    }
}

/// A policy of any kind.
///
/// ```
/// use icecore_types::{Name, PolicyArgument, PolicyDefinition, PolicyReturns, SqlType};
/// let policy = PolicyDefinition {
///     arguments: vec![PolicyArgument { name: Name::unquoted("val"), sql_type: SqlType::TEXT }],
///     returns: PolicyReturns::Value(SqlType::TEXT),
///     body: "'***'".into(),
///     comment: None,
/// };
/// assert_eq!(policy.signature(), "(VAL VARCHAR(16777216))");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDefinition {
    /// In order; the first of a masking policy is the column that it masks. A
    /// policy that gives a constraint has none.
    pub arguments: Vec<PolicyArgument>,
    /// What the body gives.
    pub returns: PolicyReturns,
    /// The expression, with the names as they were written: they are looked up in
    /// the schema that the policy is in.
    pub body: String,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl PolicyDefinition {
    /// Its arguments in parentheses.
    pub fn signature(&self) -> String {
        let arguments: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        format!("({})", arguments.join(", "))
    }
}

/// A row access policy on a table.
///
/// ```
/// use icecore_types::{ColumnId, ObjectId, RowAccess};
/// let on = RowAccess { policy: ObjectId::from_bits(7), columns: vec![ColumnId::new(1)] };
/// assert_eq!(on.columns.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowAccess {
    /// The policy.
    pub policy: ObjectId,
    /// The columns that take the place of its arguments, in their order.
    pub columns: Vec<ColumnId>,
}

/// A masking policy on a column.
///
/// ```
/// use icecore_types::{ColumnId, Mask, ObjectId};
/// let (policy, column) = (ObjectId::from_bits(7), ColumnId::new(2));
/// let mask = Mask { column, policy, conditions: vec![ColumnId::new(1)] };
/// assert_eq!(mask.columns().collect::<Vec<_>>(), [ColumnId::new(2), ColumnId::new(1)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The column that it masks.
    pub column: ColumnId,
    /// The policy.
    pub policy: ObjectId,
    /// The columns that take the place of its further arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ColumnId>,
}

impl Mask {
    /// The columns that take the place of the arguments, in their order.
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> + '_ {
        std::iter::once(self.column).chain(self.conditions.iter().copied())
    }
}

/// A projection policy on a column: whether it may be in a result.
///
/// ```
/// use icecore_types::{ColumnId, ObjectId, Projected};
/// let on = Projected { column: ColumnId::new(2), policy: ObjectId::from_bits(7) };
/// assert_eq!(on.column.get(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projected {
    /// The column.
    pub column: ColumnId,
    /// The policy.
    pub policy: ObjectId,
}

/// An aggregation policy on a table: its rows are seen in groups only.
///
/// ```
/// use icecore_types::{Aggregated, ObjectId};
/// let on = Aggregated { policy: ObjectId::from_bits(7), entity: vec![] };
/// assert!(on.entity.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregated {
    /// The policy.
    pub policy: ObjectId,
    /// The columns that say whom a row is about: a group is as large as it has
    /// different values of them. Without any it is as large as it has rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entity: Vec<ColumnId>,
}

/// The policies of one table: at most one of its rows and one of its groups, at
/// most one mask and one projection policy of each column.
///
/// ```
/// use icecore_types::{ObjectId, RowAccess, TablePolicies};
/// let mut policies = TablePolicies::default();
/// assert!(policies.is_empty());
/// policies.row_access = Some(RowAccess { policy: ObjectId::from_bits(7), columns: vec![] });
/// assert_eq!(policies.policies().collect::<Vec<_>>(), [ObjectId::from_bits(7)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TablePolicies {
    /// Which of its rows are seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_access: Option<RowAccess>,
    /// What is seen of its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<Mask>,
    /// Which of its columns may be in a result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projections: Vec<Projected>,
    /// How its rows are grouped before they are seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregated>,
}

impl TablePolicies {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.policies().next().is_none()
    }

    /// The mask of a column.
    pub fn mask(&self, column: ColumnId) -> Option<&Mask> {
        self.masks.iter().find(|mask| mask.column == column)
    }

    /// All policies, one as often as it is attached.
    pub fn policies(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.attached().map(|(_, policy)| policy)
    }

    /// All policies with the columns that they are of; nothing if one is of the
    /// rows.
    pub fn attached(&self) -> impl Iterator<Item = (Option<ColumnId>, ObjectId)> + '_ {
        let rows = self.row_access.iter().map(|on| (None, on.policy));
        let masks = self.masks.iter().map(|mask| (Some(mask.column), mask.policy));
        let projections = self.projections.iter().map(|on| (Some(on.column), on.policy));
        let groups = self.aggregation.iter().map(|on| (None, on.policy));
        rows.chain(masks).chain(projections).chain(groups)
    }

    /// The same with another policy where `other` names one.
    pub fn pointed(mut self, other: impl Fn(ObjectId) -> Option<ObjectId>) -> Self {
        let rows = self.row_access.iter_mut().map(|on| &mut on.policy);
        let columns = self.masks.iter_mut().map(|mask| &mut mask.policy);
        let columns = columns.chain(self.projections.iter_mut().map(|on| &mut on.policy));
        let groups = self.aggregation.iter_mut().map(|on| &mut on.policy);
        for policy in rows.chain(columns).chain(groups) {
            *policy = other(*policy).unwrap_or(*policy);
        }
        self
    }
}

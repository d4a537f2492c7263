//! Masking and row access policies, and where they are attached.

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

/// A masking policy or a row access policy.
///
/// ```
/// use icecore_types::{Name, PolicyArgument, PolicyDefinition, SqlType};
/// let policy = PolicyDefinition {
///     arguments: vec![PolicyArgument { name: Name::unquoted("val"), sql_type: SqlType::TEXT }],
///     returns: SqlType::TEXT,
///     body: "'***'".into(),
///     comment: None,
/// };
/// assert_eq!(policy.signature(), "(VAL VARCHAR(16777216))");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDefinition {
    /// In order; the first of a masking policy is the column that it masks.
    pub arguments: Vec<PolicyArgument>,
    /// BOOLEAN for a row access policy, the first argument's for a mask.
    pub returns: SqlType,
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

/// The policies of one table: at most one of its rows, at most one of each
/// column.
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
}

impl TablePolicies {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.row_access.is_none() && self.masks.is_empty()
    }

    /// The mask of a column.
    pub fn mask(&self, column: ColumnId) -> Option<&Mask> {
        self.masks.iter().find(|mask| mask.column == column)
    }

    /// All policies, one as often as it is attached.
    pub fn policies(&self) -> impl Iterator<Item = ObjectId> + '_ {
        let rows = self.row_access.iter().map(|on| on.policy);
        rows.chain(self.masks.iter().map(|mask| mask.policy))
    }

    /// The same with another policy where `other` names one.
    pub fn pointed(mut self, other: impl Fn(ObjectId) -> Option<ObjectId>) -> Self {
        let rows = self.row_access.iter_mut().map(|on| &mut on.policy);
        for policy in rows.chain(self.masks.iter_mut().map(|mask| &mut mask.policy)) {
            *policy = other(*policy).unwrap_or(*policy);
        }
        self
    }
}

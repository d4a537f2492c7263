//! Which masking policies the tags of a table bring to its columns.

use icecore_types::{
    ColumnDefinition, ColumnId, Mask, ObjectId, PolicyDefinition, SqlType, TableDefinition,
};

use crate::fits;

/// A masking policy of a tag.
///
/// ```
/// use icecore_governance::TagPolicy;
/// use icecore_types::{Name, ObjectId, PolicyArgument, PolicyDefinition, PolicyReturns, SqlType};
/// let definition = PolicyDefinition {
///     arguments: vec![PolicyArgument { name: Name::unquoted("v"), sql_type: SqlType::TEXT }],
///     returns: PolicyReturns::Value(SqlType::TEXT),
///     body: "'***'".into(),
///     comment: None,
/// };
/// let [tag, policy] = [1, 2].map(ObjectId::from_bits);
/// let policy = TagPolicy { tag, policy, definition };
/// assert!(policy.masks(&SqlType::parse("VARCHAR(3)")?));
/// assert!(!policy.masks(&SqlType::Integer));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPolicy {
    /// The tag.
    pub tag: ObjectId,
    /// The policy.
    pub policy: ObjectId,
    /// What the policy is.
    pub definition: PolicyDefinition,
}

impl TagPolicy {
    /// Whether it masks columns of this type.
    pub fn masks(&self, column: &SqlType) -> bool {
        masks_type(&self.definition, column)
    }
}

/// Whether a policy masks columns of a type when a tag brings it: any length of
/// a text, any number.
pub fn masks_type(policy: &PolicyDefinition, column: &SqlType) -> bool {
    policy.arguments.first().is_some_and(|argument| same_data(&argument.sql_type, column))
}

/// Whether two types are of the same data, of whatever length or scale: a tag
/// has one policy of each.
///
/// ```
/// use icecore_governance::same_data;
/// use icecore_types::SqlType;
/// assert!(same_data(&SqlType::parse("NUMBER(9,2)")?, &SqlType::Integer));
/// assert!(!same_data(&SqlType::Float, &SqlType::Integer));
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn same_data(a: &SqlType, b: &SqlType) -> bool {
    let is_number = |ty: &SqlType| matches!(ty, SqlType::Integer | SqlType::Number { .. });
    is_number(a) && is_number(b) || fits(a, b)
}

/// What is known of a policy where it is used.
///
/// ```
/// use icecore_governance::PolicyStatus;
/// assert_eq!(PolicyStatus::Active.as_str(), "ACTIVE");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyStatus {
    /// It is evaluated.
    Active,
    /// Two tags bring two policies to one column.
    Multiple,
    /// An argument after the first has the name of no column.
    ColumnMissing,
    /// An argument after the first has the name of a column of another type.
    ColumnMismatch,
}

impl PolicyStatus {
    /// As POLICY_REFERENCES shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Multiple => "MULTIPLE_MASKING_POLICY_ASSIGNED_TO_THE_COLUMN",
            Self::ColumnMissing => "COLUMN_IS_MISSING_FOR_SECONDARY_ARG",
            Self::ColumnMismatch => "COLUMN_DATATYPE_MISMATCH_FOR_SECONDARY_ARG",
        }
    }
}

/// A policy that a tag brings to a column.
///
/// ```
/// use icecore_governance::{PolicyStatus, TagMask};
/// use icecore_types::{ColumnId, Mask, ObjectId};
/// let mask = Mask {
///     column: ColumnId::new(1),
///     policy: ObjectId::from_bits(2),
///     conditions: vec![],
/// };
/// let brought = TagMask { tag: ObjectId::from_bits(3), mask, status: PolicyStatus::Active };
/// assert_eq!(brought.status.as_str(), "ACTIVE");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMask {
    /// The tag.
    pub tag: ObjectId,
    /// The policy, the column and the columns of its further arguments.
    pub mask: Mask,
    /// Whether it can be evaluated.
    pub status: PolicyStatus,
}

/// The policies of the tags of one column: those of the column itself, then of
/// its table, its schema, its database.
pub type TagLevels = Vec<Vec<TagPolicy>>;

/// The masks that tags bring to the columns of a table. A policy that is
/// attached to a column itself comes before those of tags, and of these those
/// of the nearest level that has one of the column's type; two different
/// ones there are both named, and neither can be evaluated.
pub fn masks_of_tags(
    table: &TableDefinition,
    levels: impl Fn(ColumnId) -> TagLevels,
) -> Vec<TagMask> {
    let mut masks = Vec::new();
    for column in &table.columns {
        if table.policies.mask(column.id).is_some() {
            continue;
        }
        let levels = levels(column.id);
        let fitting = |level: &Vec<TagPolicy>| {
            let fitting: Vec<TagPolicy> =
                level.iter().filter(|policy| policy.masks(&column.sql_type)).cloned().collect();
            (!fitting.is_empty()).then_some(fitting)
        };
        let Some(found) = levels.iter().find_map(fitting) else { continue };
        let first = found.first().map(|found| found.policy);
        let is_one = found.iter().all(|found| Some(found.policy) == first);
        let shown = if is_one { 1 } else { found.len() };
        masks.extend(found.iter().take(shown).map(|policy| brought(table, column, policy, is_one)));
    }
    masks
}

fn brought(
    table: &TableDefinition,
    column: &ColumnDefinition,
    policy: &TagPolicy,
    is_one: bool,
) -> TagMask {
    let mut status = if is_one { PolicyStatus::Active } else { PolicyStatus::Multiple };
    let mut conditions = Vec::new();
    for argument in policy.definition.arguments.iter().skip(1) {
        match table.column(&argument.name) {
            Some(found) if fits(&argument.sql_type, &found.sql_type) => conditions.push(found.id),
            Some(_) if is_one => status = PolicyStatus::ColumnMismatch,
            None if is_one => status = PolicyStatus::ColumnMissing,
            _ => {}
        }
    }
    let mask = Mask { column: column.id, policy: policy.policy, conditions };
    TagMask { tag: policy.tag, mask, status }
}

#[cfg(test)]
mod tests;

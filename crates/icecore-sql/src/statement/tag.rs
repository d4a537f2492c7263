//! Tags: what they are, and what has which value of them.

use icecore_types::{Name, ObjectKind, QualifiedName, TagPropagation};

/// Tags, each with its value, or without one where it is taken off.
pub type TagsGiven = Vec<(QualifiedName, Option<String>)>;

/// CREATE TAG.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("CREATE TAG level ALLOWED_VALUES 'pii', 'low'", &Limits::default())?;
/// let Statement::CreateTag(create) = &parsed[0].statement else { panic!() };
/// assert_eq!(create.allowed_values, ["pii", "low"]);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTag {
    /// OR REPLACE.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// ALLOWED_VALUES; none allows any.
    pub allowed_values: Vec<String>,
    /// COMMENT.
    pub comment: Option<String>,
    /// PROPAGATE and ON_CONFLICT.
    pub propagation: Option<TagPropagation>,
}

/// ALTER TAG.
///
/// ```
/// use icecore_sql::{Limits, Statement, TagChange, parse};
/// let parsed = parse("ALTER TAG level UNSET ALLOWED_VALUES", &Limits::default())?;
/// let Statement::AlterTag(alter) = &parsed[0].statement else { panic!() };
/// assert_eq!(alter.change, TagChange::AllowAny);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterTag {
    /// Which.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// What is changed.
    pub change: TagChange,
}

/// What ALTER TAG changes.
///
/// ```
/// use icecore_sql::TagChange;
/// assert_ne!(TagChange::Allow(vec![]), TagChange::AllowAny);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    /// ADD ALLOWED_VALUES.
    Allow(Vec<String>),
    /// DROP ALLOWED_VALUES.
    Disallow(Vec<String>),
    /// UNSET ALLOWED_VALUES.
    AllowAny,
    /// SET PROPAGATE or UNSET PROPAGATE.
    Propagate(Option<TagPropagation>),
    /// SET COMMENT or UNSET COMMENT.
    SetComment(Option<String>),
    /// SET MASKING POLICY: masks the columns that have the tag, each by the
    /// policy of its type.
    SetMasks {
        /// Which, each of another type.
        policies: Vec<QualifiedName>,
        /// FORCE: in the place of those of the same types.
        force: bool,
    },
    /// UNSET MASKING POLICY.
    UnsetMasks(Vec<QualifiedName>),
    /// RENAME TO.
    Rename(QualifiedName),
}

/// ALTER of an object, or of a column: SET TAG or UNSET TAG.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let text = "ALTER TABLE t MODIFY COLUMN email SET TAG level = 'pii'";
/// let parsed = parse(text, &Limits::default())?;
/// let Statement::SetTags(set) = &parsed[0].statement else { panic!() };
/// assert_eq!(set.column.as_ref().map(|name| name.as_str()), Some("EMAIL"));
/// assert_eq!(set.values[0].1.as_deref(), Some("pii"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetTags {
    /// What the object is.
    pub kind: ObjectKind,
    /// Which.
    pub name: QualifiedName,
    /// IF EXISTS.
    pub if_exists: bool,
    /// A column of it, and not the object itself.
    pub column: Option<Name>,
    /// The tags, each with its value; without one it is taken off.
    pub values: TagsGiven,
}

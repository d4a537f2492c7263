//! Tags, and the values that objects and columns have of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Body, ColumnId, ObjectId, Result};

/// A tag.
///
/// ```
/// use icecore_types::TagDefinition;
/// let allowed_values = vec!["pii".into()];
/// let tag = TagDefinition { allowed_values, ..TagDefinition::default() };
/// assert!(tag.allows("pii") && !tag.allows("public"));
/// assert!(TagDefinition::default().allows("anything"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagDefinition {
    /// The values that it may have, in their order; any if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_values: Vec<String>,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The masking policies of the columns that have it: at most one of each
    /// type of data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<ObjectId>,
    /// Whether its values go on to what is made of what has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<TagPropagation>,
}

/// How the values of a tag go on from what has them.
///
/// ```
/// use icecore_types::{TagConflict, TagPropagation};
/// let both = TagPropagation { on_dependency: true, on_movement: true, conflict: TagConflict::default() };
/// assert_eq!(both.sql(), "ON_DEPENDENCY_AND_DATA_MOVEMENT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagPropagation {
    /// To what is defined by a query over it: views and dynamic tables.
    pub on_dependency: bool,
    /// To tables that a statement writes rows of it into.
    pub on_movement: bool,
    /// Which value there is where several meet.
    #[serde(default)]
    pub conflict: TagConflict,
}

impl TagPropagation {
    /// As SQL spells it.
    pub const fn sql(&self) -> &'static str {
        match (self.on_dependency, self.on_movement) {
            (true, false) => "ON_DEPENDENCY",
            (false, true) => "ON_DATA_MOVEMENT",
            _ => "ON_DEPENDENCY_AND_DATA_MOVEMENT",
        }
    }
}

/// The value of a tag where different values meet.
///
/// ```
/// use icecore_types::TagConflict;
/// assert_eq!(TagConflict::default(), TagConflict::Value("CONFLICT".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagConflict {
    /// This one.
    Value(String),
    /// The one that comes first among the allowed values.
    AllowedValuesSequence,
}

impl Default for TagConflict {
    fn default() -> Self {
        Self::Value("CONFLICT".to_owned())
    }
}

impl TagDefinition {
    /// Whether it may have this value.
    pub fn allows(&self, value: &str) -> bool {
        self.allowed_values.is_empty() || self.allowed_values.iter().any(|known| known == value)
    }
}

/// The values of tags, by the tags.
pub type TagValues = BTreeMap<ObjectId, String>;

/// The values that an object and its columns have of tags. Those of a tag that
/// was dropped stay, for it may come back.
///
/// ```
/// use icecore_types::{ColumnId, ObjectId, ObjectTags};
/// let mut tags = ObjectTags::default();
/// let tag = ObjectId::from_bits(7);
/// tags.values_mut(Some(ColumnId::new(1))).insert(tag, "pii".to_owned());
/// assert!(tags.values(None).is_none());
/// assert_eq!(tags.values(Some(ColumnId::new(1))).unwrap()[&tag], "pii");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectTags {
    /// Of the object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: TagValues,
    /// Of its columns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<ColumnId, TagValues>,
    /// Which of these values came from what the object is made of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub propagated: BTreeSet<PropagatedTag>,
}

/// A value of a tag, of an object or of one of its columns, that nobody gave.
///
/// ```
/// use icecore_types::{ObjectId, PropagatedTag};
/// let of_object = PropagatedTag { column: None, tag: ObjectId::from_bits(7) };
/// assert!(of_object.column.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PropagatedTag {
    /// The column; the object itself if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<ColumnId>,
    /// The tag.
    pub tag: ObjectId,
}

impl ObjectTags {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.columns.values().all(BTreeMap::is_empty)
    }

    /// Whether there is one of this tag, of the object or a column.
    pub fn gives(&self, tag: ObjectId) -> bool {
        let mut all = std::iter::once(&self.own).chain(self.columns.values());
        all.any(|values| values.contains_key(&tag))
    }

    /// The same of other tags where `other` names one.
    pub fn pointed(self, other: impl Fn(ObjectId) -> Option<ObjectId>) -> Self {
        let point = |values: TagValues| -> TagValues {
            values.into_iter().map(|(tag, value)| (other(tag).unwrap_or(tag), value)).collect()
        };
        let columns = self.columns.into_iter().map(|(id, values)| (id, point(values)));
        let propagated = self.propagated.into_iter();
        let propagated =
            propagated.map(|it| PropagatedTag { tag: other(it.tag).unwrap_or(it.tag), ..it });
        Self { columns: columns.collect(), own: point(self.own), propagated: propagated.collect() }
    }

    /// Those of the object, or of one of its columns.
    pub fn values(&self, column: Option<ColumnId>) -> Option<&TagValues> {
        let values = match column {
            Some(column) => self.columns.get(&column)?,
            None => &self.own,
        };
        (!values.is_empty()).then_some(values)
    }

    /// Gives a value, or takes one off, as somebody says: it is not propagated.
    pub fn give(&mut self, column: Option<ColumnId>, tag: ObjectId, value: Option<String>) {
        self.propagated.remove(&PropagatedTag { column, tag });
        match value {
            Some(value) => drop(self.values_mut(column).insert(tag, value)),
            None => drop(self.values_mut(column).remove(&tag)),
        }
    }

    /// Gives a value that came from elsewhere; one that somebody gave stays.
    pub fn propagate(&mut self, column: Option<ColumnId>, tag: ObjectId, value: String) {
        let mark = PropagatedTag { column, tag };
        if !self.propagated.contains(&mark) && self.values_mut(column).contains_key(&tag) {
            return;
        }
        self.propagated.insert(mark);
        self.values_mut(column).insert(tag, value);
    }

    /// Without the values that came from elsewhere.
    pub fn without_propagated(mut self) -> Self {
        for mark in std::mem::take(&mut self.propagated) {
            self.values_mut(mark.column).remove(&mark.tag);
        }
        self
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self, column: Option<ColumnId>) -> &mut TagValues {
        match column {
            Some(column) => self.columns.entry(column).or_default(),
            None => &mut self.own,
        }
    }
}

impl Body {
    /// The values of tags of an object, whatever it is.
    ///
    /// # Errors
    /// `Corrupted` if they are none.
    pub fn tags(&self) -> Result<ObjectTags> {
        match self.part("tags") {
            Some(tags) => tags.read(),
            None => Ok(ObjectTags::default()),
        }
    }
}

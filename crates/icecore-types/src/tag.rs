//! Tags, and the values that objects and columns have of them.

use std::collections::BTreeMap;

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
        Self { columns: columns.collect(), own: point(self.own) }
    }

    /// Those of the object, or of one of its columns.
    pub fn values(&self, column: Option<ColumnId>) -> Option<&TagValues> {
        let values = match column {
            Some(column) => self.columns.get(&column)?,
            None => &self.own,
        };
        (!values.is_empty()).then_some(values)
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

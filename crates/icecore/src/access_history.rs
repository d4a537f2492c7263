//! Who read and wrote which columns: the access history, in memory and in the
//! journal `access`. Its rows are stored as ACCOUNT_USAGE.ACCESS_HISTORY shows
//! them.

use icecore_types::{ColumnId, Name, ObjectId, QueryId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kept::Kept;

/// An object, as a list of objects shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessedObject<C> {
    pub(crate) object_domain: String,
    /// Absent of a stage that has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<ObjectId>,
    pub(crate) object_name: String,
    pub(crate) columns: Vec<C>,
}

/// A column that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadColumn {
    /// Absent of a view's column, and of a field of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column_id: Option<ColumnId>,
    pub(crate) column_name: String,
}

/// A column that was written, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WrittenColumn {
    pub(crate) column_id: ColumnId,
    pub(crate) column_name: String,
    pub(crate) direct_sources: Vec<SourceColumn>,
    pub(crate) base_sources: Vec<SourceColumn>,
}

/// A column that a written one was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceColumn {
    pub(crate) object_domain: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<ObjectId>,
    pub(crate) object_name: String,
    pub(crate) column_name: String,
}

/// What a statement did to the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModifiedByDdl {
    pub(crate) object_domain: String,
    pub(crate) object_name: String,
    pub(crate) object_id: ObjectId,
    pub(crate) operation_type: String,
    pub(crate) properties: Map<String, Value>,
}

/// Policies that were evaluated for an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReferencedPolicies {
    pub(crate) object_domain: String,
    pub(crate) object_id: ObjectId,
    pub(crate) object_name: String,
    /// Those of its rows.
    pub(crate) policies: Vec<ReferencedPolicy>,
    pub(crate) columns: Vec<ColumnPolicies>,
}

/// Policies that were evaluated for a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ColumnPolicies {
    /// Absent of a view's column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column_id: Option<ColumnId>,
    pub(crate) column_name: String,
    pub(crate) policies: Vec<ReferencedPolicy>,
}

/// A policy that was evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReferencedPolicy {
    pub(crate) policy_name: String,
    pub(crate) policy_id: ObjectId,
    /// `MASKING_POLICY` or `ROW_ACCESS_POLICY`.
    pub(crate) policy_kind: String,
}

/// What a statement reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) direct: Vec<AccessedObject<ReadColumn>>,
    pub(crate) base: Vec<AccessedObject<ReadColumn>>,
    pub(crate) modified: Vec<AccessedObject<WrittenColumn>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ddl: Vec<ModifiedByDdl>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<ReferencedPolicies>,
}

impl Access {
    /// Whether it touches nothing that is kept.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The same without what lies below objects that are named, as far as it
    /// is not seen: tables under views, their columns and policies.
    pub(crate) fn only_of(mut self, sees: impl Fn(ObjectId) -> bool) -> Self {
        let seen = |id: &Option<ObjectId>| id.is_none_or(&sees);
        self.base.retain(|object| seen(&object.object_id));
        for column in self.modified.iter_mut().flat_map(|object| &mut object.columns) {
            column.base_sources.retain(|source| seen(&source.object_id));
        }
        self.policies.retain(|on| sees(on.object_id));
        self
    }

    /// Only what was read: the statement failed after it had released rows.
    pub(crate) fn only_read(&self) -> Self {
        Self { modified: Vec::new(), ddl: Vec::new(), ..self.clone() }
    }
}

/// One statement's access.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccessRow {
    pub(crate) query_id: QueryId,
    pub(crate) started: Timestamp,
    pub(crate) user: Name,
    pub(crate) role: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    #[serde(flatten)]
    pub(crate) access: Access,
}

/// The accesses of an account, in the order in which their statements ended.
pub(crate) type AccessHistory = Kept<AccessRow>;

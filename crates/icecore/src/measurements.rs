//! What data metric functions measured.

use icecore_types::{ColumnId, MetricBinding, MetricSource, Name, ObjectId, Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::kept::Kept;

/// The measurements of an account.
pub(crate) type Measurements = Kept<Measurement>;

/// One measurement, or one that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) table: ObjectId,
    pub(crate) source: MetricSource,
    /// The full name of what measured, then.
    pub(crate) metric: Vec<Name>,
    pub(crate) columns: Vec<ColumnId>,
    /// The columns' names, then.
    pub(crate) column_names: Vec<Name>,
    /// When it was due.
    pub(crate) scheduled: Timestamp,
    /// When rows changed, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<Timestamp>,
    pub(crate) measured: Timestamp,
    /// The version that was measured, or an older one with the same rows.
    pub(crate) version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) expectations: Vec<MeasuredExpectation>,
    /// Code and message, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
}

/// How a measurement is beside what was expected of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MeasuredExpectation {
    pub(crate) name: Name,
    pub(crate) condition: String,
    /// None without a value.
    pub(crate) violated: Option<bool>,
}

impl Measurement {
    /// Whether it is one of this function and these columns.
    pub(crate) fn is_of(&self, table: ObjectId, binding: &MetricBinding) -> bool {
        self.table == table && self.source == binding.source && self.columns == binding.columns
    }
}

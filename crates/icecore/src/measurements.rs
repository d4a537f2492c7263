//! What data metric functions measured.

use std::collections::HashMap;
use std::sync::Arc;

use icecore_snapshot::Journal;
use icecore_types::{
    ColumnId, Env, MetricBinding, MetricSource, Name, ObjectId, Result, Timestamp, Version,
};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::kept::Kept;

/// The measurements of an account.
pub(crate) struct Measurements {
    rows: Kept<Measurement>,
    /// The newest of each function on its columns, by the tables.
    last: RwLock<HashMap<ObjectId, Vec<Arc<Measurement>>>>,
}

impl Measurements {
    /// Reads what was kept.
    pub(crate) async fn open(env: &Env, journal: Journal) -> Result<Self> {
        let rows = Kept::open(env, journal).await?;
        let measurements = Self { rows, last: RwLock::default() };
        for row in measurements.rows() {
            measurements.is_last(row);
        }
        Ok(measurements)
    }

    /// Adds one; it is stored with the next flush.
    pub(crate) fn add(&self, row: Measurement) {
        self.is_last(self.rows.add(row));
    }

    fn is_last(&self, row: Arc<Measurement>) {
        let mut last = self.last.write();
        let of_table = last.entry(row.table).or_default();
        of_table.retain(|other| other.source != row.source || other.columns != row.columns);
        of_table.push(row);
    }

    /// The newest of a function on its columns.
    pub(crate) fn last(
        &self,
        table: ObjectId,
        binding: &MetricBinding,
    ) -> Option<Arc<Measurement>> {
        let last = self.last.read();
        let is_of = |row: &&Arc<Measurement>| {
            row.source == binding.source && row.columns == binding.columns
        };
        last.get(&table)?.iter().find(is_of).cloned()
    }

    /// All that is remembered, oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<Measurement>> {
        self.rows.rows()
    }

    /// Stores what was added, and forgets in time.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.rows.flush().await
    }
}

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

//! How expectations fared: in memory, and in the journal.

use std::sync::Arc;

use icecore_processed::Tally;
use icecore_snapshot::Journal;
use icecore_types::{
    Env, Error, Name, ObjectId, OnViolation, QueryId, Result, TableDefinition, Timestamp,
};
use object_store::path::Path;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

/// How one expectation fared in one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) table: ObjectId,
    pub(crate) expectation: Name,
    pub(crate) rows_judged: u64,
    pub(crate) rows_violating: u64,
    /// What was done, if any row did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<OnViolation>,
}

/// The expectations of one table in one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured(Vec<Measurement>);

impl Measured {
    /// Tallies in the order of the table's expectations.
    pub(crate) fn of(table: ObjectId, definition: &TableDefinition, tallies: &[Tally]) -> Self {
        let measured =
            definition.expectations.iter().zip(tallies).map(|(expectation, tally)| Measurement {
                table,
                expectation: expectation.name.clone(),
                rows_judged: tally.judged_rows,
                rows_violating: tally.violating_rows,
                action: (tally.violating_rows > 0).then_some(expectation.on_violation),
            });
        Self(measured.collect())
    }

    /// The same table, measured by itself and not by a statement's rows.
    pub(crate) fn one(measurement: Measurement) -> Self {
        Self(vec![measurement])
    }
}

/// A measurement with its statement and its moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResultRow {
    pub(crate) measured_at: Timestamp,
    /// None for what was measured because it was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) query_id: Option<QueryId>,
    #[serde(flatten)]
    pub(crate) measurement: Measurement,
}

/// The results of an account, in the order in which they came.
pub(crate) struct ExpectationResults {
    journal: Journal,
    rows: RwLock<Vec<Arc<ResultRow>>>,
}

impl ExpectationResults {
    /// Reads what was kept.
    pub(crate) async fn open(env: Env, root: Path) -> Result<Self> {
        let journal = Journal::open(env, root, "expectations").await?;
        let rows = journal
            .rows()
            .await?
            .into_iter()
            .map(|stored| {
                serde_json::from_value(stored).map(Arc::new).map_err(|source| {
                    Error::corrupted("a result of an expectation").with_source(source)
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { journal, rows: RwLock::new(rows) })
    }

    /// Adds how the expectations of a table fared in a statement.
    pub(crate) fn record(&self, measured: Measured, query_id: QueryId, at: Timestamp) {
        self.add(measured, Some(query_id), at);
    }

    /// Adds what was measured because it was due.
    pub(crate) fn record_due(&self, measured: Measured, at: Timestamp) {
        self.add(measured, None, at);
    }

    fn add(&self, measured: Measured, query_id: Option<QueryId>, measured_at: Timestamp) {
        for measurement in measured.0 {
            let row = ResultRow { measured_at, query_id, measurement };
            if let Ok(value) = serde_json::to_value(&row) {
                self.journal.append(value);
            }
            self.rows.write().push(Arc::new(row));
        }
    }

    /// Stores what was added.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.journal.flush().await
    }

    /// The results of a table, oldest first.
    pub(crate) fn of(&self, table: ObjectId) -> Vec<Arc<ResultRow>> {
        let rows = self.rows.read();
        rows.iter().filter(|row| row.measurement.table == table).map(Arc::clone).collect()
    }
}

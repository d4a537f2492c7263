//! What was asked: the query history, in memory and in the journal.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::{AuditKey, Journal};
use icecore_types::{Env, Error, Name, QueryId, Result, Timestamp, Version};
use object_store::path::Path;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

/// How long a statement can be a point of time travel.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long it is remembered that a statement was run.
const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Running,
    Success,
    Failed,
    Cancelled,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED_WITH_ERROR",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// One statement of the past.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HistoryRow {
    pub(crate) query_id: QueryId,
    pub(crate) text: String,
    pub(crate) kind: String,
    pub(crate) user: Name,
    pub(crate) role: Name,
    pub(crate) warehouse: Name,
    pub(crate) database: Option<Name>,
    pub(crate) schema: Option<Name>,
    pub(crate) session: u64,
    pub(crate) tag: Option<String>,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) read_version: Version,
    pub(crate) end_version: Version,
    pub(crate) status: Status,
    pub(crate) error_code: Option<String>,
    pub(crate) error_message: Option<String>,
    pub(crate) rows_produced: u64,
    pub(crate) rows_affected: Option<u64>,
    pub(crate) bytes_scanned: u64,
    pub(crate) segments_scanned: u64,
    pub(crate) segments_total: u64,
}

/// The statements of an account, in the order in which they ended.
pub(crate) struct History {
    journal: Journal,
    rows: RwLock<Rows>,
}

#[derive(Default)]
struct Rows {
    ordered: Vec<Arc<HistoryRow>>,
    /// Where each stands in them.
    by_id: HashMap<QueryId, usize>,
}

impl Rows {
    /// The row of a statement's end takes the place of that of its beginning.
    fn push(&mut self, row: HistoryRow) {
        let (id, row) = (row.query_id, Arc::new(row));
        let begun = self.by_id.get(&id).and_then(|at| self.ordered.get_mut(*at));
        match begun {
            Some(begun) => *begun = row,
            None => {
                self.by_id.insert(id, self.ordered.len());
                self.ordered.push(row);
            }
        }
    }
}

impl History {
    /// Reads what was kept.
    pub(crate) async fn open(env: Env, root: Path, key: Option<AuditKey>) -> Result<Self> {
        let now = env.clock.now();
        let journal = Journal::open_sealed(env, root, "queries", key).await?;
        let mut rows = Rows::default();
        for stored in journal.rows_since(now.minus(KEPT)).await? {
            let row: HistoryRow = serde_json::from_value(stored).map_err(|source| {
                Error::corrupted("a row of the query history").with_source(source)
            })?;
            rows.push(row);
        }
        Ok(Self { journal, rows: RwLock::new(rows) })
    }

    /// Adds a statement that ended; it is stored with the next flush.
    pub(crate) fn record(&self, row: HistoryRow) {
        if let Ok(value) = serde_json::to_value(&row) {
            self.journal.append(value);
        }
        self.rows.write().push(row);
    }

    /// Stores at once that a statement begins.
    pub(crate) async fn record_beginning(&self, row: &HistoryRow) -> Result<()> {
        self.journal.append(
            serde_json::to_value(row).map_err(|source| {
                Error::internal("a row of the query history").with_source(source)
            })?,
        );
        self.journal.flush().await
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Stores what was added, and forgets in time.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.journal.upkeep(KEPT).await
    }

    /// The version at the end of a statement, if it is remembered.
    pub(crate) fn version_at_end(&self, id: QueryId, now: Timestamp) -> Option<Version> {
        let rows = self.rows.read();
        let row = rows.ordered.get(*rows.by_id.get(&id)?)?;
        (now.since(row.ended) <= REMEMBERED).then_some(row.end_version)
    }

    /// All that is remembered, oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<HistoryRow>> {
        self.rows.read().ordered.clone()
    }
}

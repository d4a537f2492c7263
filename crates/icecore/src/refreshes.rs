//! Refreshes of dynamic tables that were: in memory and in the journal.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::Journal;
use icecore_types::{Env, Error, Name, ObjectId, QueryId, Result, Timestamp};
use object_store::path::Path;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

/// How long a refresh is remembered.
const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RefreshState {
    Succeeded,
    Failed,
    UpstreamFailed,
}

impl RefreshState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::UpstreamFailed => "UPSTREAM_FAILED",
        }
    }
}

/// What a refresh did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RefreshAction {
    NoData,
    Reinitialize,
    Full,
    Incremental,
}

impl RefreshAction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "NO_DATA",
            Self::Reinitialize => "REINITIALIZE",
            Self::Full => "FULL",
            Self::Incremental => "INCREMENTAL",
        }
    }
}

/// Who asked for a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RefreshTrigger {
    Scheduled,
    Manual,
    Creation,
}

impl RefreshTrigger {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Manual => "MANUAL",
            Self::Creation => "CREATION",
        }
    }
}

/// One refresh of the past.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RefreshRow {
    pub(crate) table: ObjectId,
    /// Database, schema and name then.
    pub(crate) path: Vec<Name>,
    pub(crate) state: RefreshState,
    pub(crate) error_code: Option<String>,
    pub(crate) error_message: Option<String>,
    pub(crate) query_id: Option<QueryId>,
    pub(crate) data_timestamp: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) inserted: u64,
    pub(crate) deleted: u64,
    pub(crate) action: Option<RefreshAction>,
    /// Why it was computed anew though it is kept incrementally.
    pub(crate) reason: Option<String>,
    pub(crate) trigger: RefreshTrigger,
    pub(crate) target_lag_seconds: Option<u64>,
}

/// The refreshes of an account, in the order in which they ended.
pub(crate) struct Refreshes {
    journal: Journal,
    rows: RwLock<Rows>,
}

#[derive(Default)]
struct Rows {
    ordered: Vec<Arc<RefreshRow>>,
    /// The newest of each table.
    last: HashMap<ObjectId, Arc<RefreshRow>>,
    last_good: HashMap<ObjectId, Arc<RefreshRow>>,
}

impl Rows {
    fn push(&mut self, row: RefreshRow) {
        let row = Arc::new(row);
        self.last.insert(row.table, Arc::clone(&row));
        if row.state == RefreshState::Succeeded {
            self.last_good.insert(row.table, Arc::clone(&row));
        }
        self.ordered.push(row);
    }
}

impl Refreshes {
    /// Reads what was kept.
    pub(crate) async fn open(env: Env, root: Path) -> Result<Self> {
        let now = env.clock.now();
        let journal = Journal::open(env, root, "refreshes").await?;
        let mut rows = Rows::default();
        for stored in journal.rows_since(now.minus(KEPT)).await? {
            let row = serde_json::from_value(stored).map_err(|source| {
                Error::corrupted("a row of the refresh history").with_source(source)
            })?;
            rows.push(row);
        }
        Ok(Self { journal, rows: RwLock::new(rows) })
    }

    /// Adds a refresh that ended; it is stored with the next flush.
    pub(crate) fn record(&self, row: RefreshRow) {
        if let Ok(value) = serde_json::to_value(&row) {
            self.journal.append(value);
        }
        self.rows.write().push(row);
    }

    /// Stores what was added, and forgets in time.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.journal.upkeep(KEPT).await
    }

    /// When a table was last refreshed, or tried to be.
    pub(crate) fn last_tried(&self, table: ObjectId) -> Option<Timestamp> {
        self.rows.read().last.get(&table).map(|row| row.data_timestamp)
    }

    /// The moment at which a table's rows were last known to equal its query.
    pub(crate) fn last_good(&self, table: ObjectId) -> Option<Timestamp> {
        self.rows.read().last_good.get(&table).map(|row| row.data_timestamp)
    }

    /// All that is remembered, oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<RefreshRow>> {
        self.rows.read().ordered.clone()
    }
}

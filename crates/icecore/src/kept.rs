//! The rows of a history: in memory, and in a journal.

use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::Journal;
use icecore_types::{Env, Error, Result};
use parking_lot::RwLock;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long rows are kept.
const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Rows in the order in which they were added, for a year.
pub(crate) struct Kept<T> {
    journal: Journal,
    rows: RwLock<Vec<Arc<T>>>,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    /// Reads what a journal has.
    pub(crate) async fn open(env: &Env, journal: Journal) -> Result<Self> {
        let since = env.clock.now().minus(KEPT);
        let mut rows = Vec::new();
        for stored in journal.rows_since(since).await? {
            let row = serde_json::from_value(stored).map_err(|source| {
                let what = format!("a row of the journal {}", journal.kind());
                Error::corrupted(what).with_source(source)
            })?;
            rows.push(Arc::new(row));
        }
        Ok(Self { journal, rows: RwLock::new(rows) })
    }

    /// Adds a row; it is stored with the next flush.
    pub(crate) fn add(&self, row: T) -> Arc<T> {
        if let Ok(value) = serde_json::to_value(&row) {
            self.journal.append(value);
        }
        let row = Arc::new(row);
        self.rows.write().push(Arc::clone(&row));
        row
    }

    /// Stores what was added, and forgets in time.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.journal.upkeep(KEPT).await
    }

    /// Where they are stored.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// All that is remembered, oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<T>> {
        self.rows.read().clone()
    }
}

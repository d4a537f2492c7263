//! What this process knows of an account's log: it only ever moves forward.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use icecore_types::{RecordNumber, Result};
use parking_lot::Mutex;

use crate::Record;
use crate::head::Head;
use crate::log::{Log, StoredRecord};

/// The head that is known, and the records since the last checkpoint.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) log: Log,
    head: ArcSwap<Head>,
    /// Consecutive, the last one is the head's. Its lock orders publication.
    recent: Mutex<Vec<StoredRecord>>,
}

impl Timeline {
    pub(crate) fn new(log: Log, head: Head, recent: Vec<StoredRecord>) -> Self {
        Self { log, head: ArcSwap::from_pointee(head), recent: Mutex::new(recent) }
    }

    pub(crate) fn head(&self) -> Arc<Head> {
        self.head.load_full()
    }

    /// Makes a later head known, with the records that lead to it. An earlier
    /// or equal one is known already: the log has one order.
    pub(crate) fn advance(&self, head: Head, records: Vec<StoredRecord>) {
        let mut recent = self.recent.lock();
        let known = self.head.load().record();
        if head.record() > known {
            recent.extend(records.into_iter().filter(|record| record.number > known));
            self.head.store(Arc::new(head));
        }
    }

    /// Looks for records that other writers have made.
    pub(crate) async fn catch_up(&self) -> Result<Arc<Head>> {
        let mut head = Head::clone(&self.head());
        let records = self.log.read_on(&mut head).await?;
        if !records.is_empty() {
            self.advance(head, records);
        }
        Ok(self.head())
    }

    /// Applies the record of another writer that was found where ours was to
    /// be.
    pub(crate) fn accept(&self, bytes: Bytes) -> Result<()> {
        let record = Record::decode(bytes.clone())?;
        let mut head = Head::clone(&self.head());
        if record.number() <= head.record() {
            return Ok(());
        }
        head.absorb(&record)?;
        self.advance(head, vec![StoredRecord { number: record.number(), bytes }]);
        Ok(())
    }

    /// The head, and those records after `last` that are still at hand.
    pub(crate) fn recent_after(&self, last: RecordNumber) -> (Arc<Head>, Vec<StoredRecord>) {
        let recent = self.recent.lock();
        let after = recent.iter().filter(|record| record.number > last).cloned().collect();
        (self.head(), after)
    }

    /// Records up to `last` are in a checkpoint: they need not be at hand.
    pub(crate) fn forget_until(&self, last: RecordNumber) {
        self.recent.lock().retain(|record| record.number > last);
    }
}

//! VERIFY AUDIT: is the audit log what was written?

use arrow::array::RecordBatch;
use icecore_snapshot::{Journal, SealCheck};
use icecore_types::{Result, SqlType};

use super::Planning;
use crate::cells::{Cell, Columns, batch};

const VERIFIED: Columns = &[
    ("JOURNAL", SqlType::TEXT),
    ("FIRST_BATCH", SqlType::Integer),
    ("LAST_BATCH", SqlType::Integer),
    ("RECORDS_VERIFIED", SqlType::Integer),
    ("HEAD", SqlType::TEXT),
    ("RESULT", SqlType::TEXT),
];

impl Planning {
    /// A row for each journal of the audit log.
    ///
    /// # Errors
    /// `Corrupted` at the first place that is not what was written.
    pub(super) async fn verify_audit(&self) -> Result<RecordBatch> {
        let engine = self.session.engine();
        let mut rows = Vec::new();
        let journals =
            [engine.history.journal(), engine.accesses.journal(), engine.logins.journal()];
        for journal in journals {
            // What this process has not stored yet cannot be verified.
            journal.flush().await?;
            rows.push(cells(journal, journal.verify_sealed().await?));
        }
        batch(VERIFIED, rows)
    }
}

fn cells(journal: &Journal, check: SealCheck) -> Vec<Cell> {
    let SealCheck { journal: chain, head, keyed } = check;
    vec![
        Cell::text(journal.kind()),
        Cell::count(chain.first),
        Cell::count((chain.first + chain.batches).saturating_sub(1)),
        Cell::count(chain.rows),
        Cell::maybe_text(head.map(|head| head.to_string())),
        Cell::text(if keyed { "verified" } else { "verified without a key" }),
    ]
}

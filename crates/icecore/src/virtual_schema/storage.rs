//! What it takes to store it.

use arrow::array::RecordBatch;
use icecore_snapshot::Object;
use icecore_types::{Result, SqlType};

use super::Listing;
use crate::cells::{Cell, Columns, batch};
use crate::plan::is_governed;

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

const METRICS: Columns = &[
    ("TABLE_CATALOG", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_NAME", TEXT),
    ("ID", TEXT),
    ("CLONE_GROUP_ID", TEXT),
    ("IS_TRANSIENT", TEXT),
    ("ACTIVE_BYTES", INTEGER),
    ("TIME_TRAVEL_BYTES", INTEGER),
    ("FAILSAFE_BYTES", INTEGER),
    ("RETAINED_FOR_CLONE_BYTES", INTEGER),
    ("DELETED", SqlType::Boolean),
    ("TABLE_CREATED", TIME),
    ("TABLE_DROPPED", TIME),
];

/// A row for each table that there is or was, dropped ones included.
pub(super) fn metrics(listing: &Listing<'_>) -> Result<RecordBatch> {
    let resolver = listing.binder.resolver();
    let head = resolver.head();
    let all = head.storage_metrics(listing.binder.now(), |table| resolver.retention(table));
    let mut rows = Vec::new();
    for metrics in all {
        let shown = |table: &&Object| listing.covers(table) && resolver.sees(table);
        let Some(table) = head.object(metrics.table).filter(shown) else { continue };
        // How much there is is hidden with the rows.
        let hidden = is_governed(head, table)?;
        let bytes = |bytes| if hidden { Cell::Null } else { Cell::count(bytes) };
        let mut row: Vec<Cell> =
            resolver.path(table.id()).iter().map(|name| Cell::text(name.as_str())).collect();
        row.extend([
            Cell::text(table.id().to_string()),
            Cell::text(metrics.clone_group.to_string()),
            Cell::text("NO"),
            bytes(metrics.active_bytes),
            bytes(metrics.time_travel_bytes),
            // There is no fail-safe: what leaves time travel is collected.
            Cell::count(0),
            bytes(metrics.retained_for_clone_bytes),
            Cell::Flag(!table.is_live()),
            Cell::Time(table.created_at()),
            Cell::maybe_time(table.dropped().map(|dropped| dropped.at())),
        ]);
        rows.push(row);
    }
    batch(METRICS, rows)
}

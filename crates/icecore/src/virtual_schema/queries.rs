//! What was asked.

use std::sync::Arc;

use arrow::array::RecordBatch;
use icecore_types::{Name, Result, SqlType};

use super::Listing;
use super::objects::name_cell;
use crate::cells::{Cell, Columns, batch};
use crate::history::HistoryRow;

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

const HISTORY: Columns = &[
    ("QUERY_ID", TEXT),
    ("QUERY_TEXT", TEXT),
    ("QUERY_TYPE", TEXT),
    ("USER_NAME", TEXT),
    ("ROLE_NAME", TEXT),
    ("WAREHOUSE_NAME", TEXT),
    ("DATABASE_NAME", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("SESSION_ID", INTEGER),
    ("QUERY_TAG", TEXT),
    ("EXECUTION_STATUS", TEXT),
    ("ERROR_CODE", TEXT),
    ("ERROR_MESSAGE", TEXT),
    ("START_TIME", TIME),
    ("END_TIME", TIME),
    ("TOTAL_ELAPSED_TIME", INTEGER),
    ("ROWS_PRODUCED", INTEGER),
    ("ROWS_AFFECTED", INTEGER),
    ("BYTES_SCANNED", INTEGER),
    ("PARTITIONS_SCANNED", INTEGER),
    ("PARTITIONS_TOTAL", INTEGER),
    ("READ_VERSION", INTEGER),
    ("END_VERSION", INTEGER),
];

/// The statements that the session may see, the newest first: texts of others
/// hold what others asked for.
pub(super) fn seen(listing: &Listing<'_>) -> Result<Vec<Arc<HistoryRow>>> {
    let is_seen = may_see(listing)?;
    let rows = listing.binder.session().engine().history.rows();
    Ok(rows.into_iter().rev().filter(|row| is_seen(&row.user)).collect())
}

/// Whose statements the session may see.
pub(super) fn may_see(listing: &Listing<'_>) -> Result<impl Fn(&Name) -> bool> {
    let (all, user) = match listing.binder.resolver().who() {
        Some(acting) => (acting.monitors()?, Some(acting.session.user_name().clone())),
        None => (false, None),
    };
    Ok(move |of: &Name| all || Some(of) == user.as_ref())
}

/// The newest statements first, at most `limit`.
pub(super) fn history(listing: &Listing<'_>, limit: usize) -> Result<RecordBatch> {
    let rows = seen(listing)?;
    let newest = rows.iter().take(limit);
    let cells = newest.map(|row| {
        let elapsed = row.ended.since(row.started).as_millis();
        vec![
            Cell::text(row.query_id.to_string()),
            Cell::text(row.text.as_str()),
            Cell::text(row.kind.as_str()),
            Cell::text(row.user.as_str()),
            Cell::text(row.role.as_str()),
            Cell::text(row.warehouse.as_str()),
            name_cell(row.database.as_ref()),
            name_cell(row.schema.as_ref()),
            Cell::count(row.session),
            Cell::text(row.tag.clone().unwrap_or_default()),
            Cell::text(row.status.as_str()),
            Cell::maybe_text(row.error_code.clone()),
            Cell::maybe_text(row.error_message.clone()),
            Cell::Time(row.started),
            Cell::Time(row.ended),
            Cell::count(elapsed as u64),
            Cell::count(row.rows_produced),
            row.rows_affected.map_or(Cell::Null, Cell::count),
            Cell::count(row.bytes_scanned),
            Cell::count(row.segments_scanned),
            Cell::count(row.segments_total),
            Cell::count(row.read_version.get()),
            Cell::count(row.end_version.get()),
        ]
    });
    batch(HISTORY, cells.collect())
}

//! What was asked, with the columns of ACCOUNT_USAGE.

use arrow::array::RecordBatch;
use icecore_types::{Result, SqlType};

use super::Listing;
use super::objects::name_cell;
use super::queries::seen;
use crate::cells::{Cell, batch_of};
use crate::history::{HistoryRow, Status};

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

/// Characters of a statement's text at most.
const TEXT_CHARACTERS: usize = 100_000;

type Column = (&'static str, SqlType, fn(&HistoryRow) -> Cell);

/// What the engine does not know is NULL.
const COLUMNS: &[Column] = &[
    ("QUERY_ID", TEXT, |row| Cell::text(row.query_id.to_string())),
    ("QUERY_TEXT", TEXT, |row| Cell::text(shortened(&row.text))),
    ("DATABASE_NAME", TEXT, |row| name_cell(row.database.as_ref())),
    ("SCHEMA_NAME", TEXT, |row| name_cell(row.schema.as_ref())),
    ("QUERY_TYPE", TEXT, |row| Cell::text(row.kind.as_str())),
    ("SESSION_ID", INTEGER, |row| Cell::count(row.session)),
    ("USER_NAME", TEXT, |row| Cell::text(row.user.as_str())),
    ("ROLE_NAME", TEXT, |row| Cell::text(row.role.as_str())),
    ("WAREHOUSE_ID", INTEGER, |_| Cell::Null),
    ("WAREHOUSE_NAME", TEXT, |row| Cell::text(row.warehouse.as_str())),
    ("WAREHOUSE_SIZE", TEXT, |_| Cell::Null),
    ("WAREHOUSE_TYPE", TEXT, |_| Cell::Null),
    ("CLUSTER_NUMBER", INTEGER, |_| Cell::Null),
    ("QUERY_TAG", TEXT, |row| Cell::text(row.tag.clone().unwrap_or_default())),
    ("EXECUTION_STATUS", TEXT, |row| Cell::text(status(row.status))),
    ("ERROR_CODE", TEXT, |row| Cell::maybe_text(row.error_code.clone())),
    ("ERROR_MESSAGE", TEXT, error_message),
    ("START_TIME", TIME, |row| Cell::Time(row.started)),
    ("END_TIME", TIME, |row| Cell::Time(row.ended)),
    ("TOTAL_ELAPSED_TIME", INTEGER, |row| {
        Cell::count(row.ended.since(row.started).as_millis() as u64)
    }),
    ("BYTES_SCANNED", INTEGER, |row| Cell::count(row.bytes_scanned)),
    ("PERCENTAGE_SCANNED_FROM_CACHE", SqlType::Float, |_| Cell::Null),
    ("BYTES_WRITTEN", INTEGER, |_| Cell::Null),
    ("ROWS_PRODUCED", INTEGER, |row| Cell::count(row.rows_produced)),
    ("ROWS_INSERTED", INTEGER, |row| changed(row, &["INSERT", "COPY", "CREATE_TABLE_AS_SELECT"])),
    ("ROWS_UPDATED", INTEGER, |row| changed(row, &["UPDATE"])),
    ("ROWS_DELETED", INTEGER, |row| changed(row, &["DELETE"])),
    ("ROWS_UNLOADED", INTEGER, |row| changed(row, &["UNLOAD"])),
    ("PARTITIONS_SCANNED", INTEGER, |row| Cell::count(row.segments_scanned)),
    ("PARTITIONS_TOTAL", INTEGER, |row| Cell::count(row.segments_total)),
    ("COMPILATION_TIME", INTEGER, |_| Cell::Null),
    ("EXECUTION_TIME", INTEGER, |_| Cell::Null),
    ("QUEUED_PROVISIONING_TIME", INTEGER, |_| Cell::Null),
    ("QUEUED_OVERLOAD_TIME", INTEGER, |_| Cell::Null),
    ("TRANSACTION_BLOCKED_TIME", INTEGER, |_| Cell::Null),
    ("CREDITS_USED_CLOUD_SERVICES", SqlType::Float, |_| Cell::Null),
    ("RELEASE_VERSION", TEXT, |_| Cell::text(env!("CARGO_PKG_VERSION"))),
    ("TRANSACTION_ID", INTEGER, |_| Cell::Null),
    ("QUERY_HASH", TEXT, |_| Cell::Null),
    ("QUERY_PARAMETERIZED_HASH", TEXT, |_| Cell::Null),
    ("ROLE_TYPE", TEXT, |_| Cell::text("ROLE")),
    ("SECONDARY_ROLE_STATS", TEXT, |_| Cell::Null),
    ("ROWS_WRITTEN_TO_RESULT", INTEGER, |row| Cell::count(row.rows_produced)),
    ("USER_TYPE", TEXT, |_| Cell::Null),
    ("BIND_VALUES", TEXT, |_| Cell::Null),
    ("READ_VERSION", INTEGER, |row| Cell::count(row.read_version.get())),
    ("END_VERSION", INTEGER, |row| Cell::count(row.end_version.get())),
];

/// The newest statements first.
pub(super) fn history(listing: &Listing<'_>) -> Result<RecordBatch> {
    listed(listing, COLUMNS)
}

/// Credits are not there until warehouses are paid for.
const ATTRIBUTION: &[Column] = &[
    ("QUERY_ID", TEXT, |row| Cell::text(row.query_id.to_string())),
    ("PARENT_QUERY_ID", TEXT, |_| Cell::Null),
    ("ROOT_QUERY_ID", TEXT, |_| Cell::Null),
    ("WAREHOUSE_NAME", TEXT, |row| Cell::text(row.warehouse.as_str())),
    ("QUERY_TAG", TEXT, |row| Cell::text(row.tag.clone().unwrap_or_default())),
    ("USER_NAME", TEXT, |row| Cell::text(row.user.as_str())),
    ("START_TIME", TIME, |row| Cell::Time(row.started)),
    ("END_TIME", TIME, |row| Cell::Time(row.ended)),
];

/// Whose purpose each statement served, the newest first.
pub(super) fn attribution(listing: &Listing<'_>) -> Result<RecordBatch> {
    listed(listing, ATTRIBUTION)
}

fn listed(listing: &Listing<'_>, columns: &[Column]) -> Result<RecordBatch> {
    let rows = seen(listing)?;
    let cells = |row: &HistoryRow| columns.iter().map(|(_, _, cell)| cell(row)).collect();
    let rows = rows.iter().map(|row| cells(row)).collect();
    let columns: Vec<_> = columns.iter().map(|(name, ty, _)| (*name, *ty)).collect();
    batch_of(&columns, rows)
}

fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(TEXT_CHARACTERS).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Success => "SUCCESS",
        Status::Failed | Status::Cancelled => "FAIL",
    }
}

/// That a statement was cancelled is no status of its own.
fn error_message(row: &HistoryRow) -> Cell {
    match row.status {
        Status::Cancelled => Cell::text("SQL execution canceled"),
        _ => Cell::maybe_text(row.error_message.clone()),
    }
}

fn changed(row: &HistoryRow, kinds: &[&str]) -> Cell {
    if !kinds.contains(&row.kind.as_str()) {
        return Cell::count(0);
    }
    row.rows_affected.map_or(Cell::Null, Cell::count)
}

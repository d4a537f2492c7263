//! Refreshes of dynamic tables.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use icecore_exec::from_datafusion;
use icecore_types::{Code, Error, Name, QualifiedName, Result, SqlType};

use super::functions::Argument;
use crate::cells::{Cell, Columns, batch};
use crate::plan::Binder;
use crate::refreshes::{RefreshRow, RefreshState};
use crate::statement::statistics;

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

const HISTORY: Columns = &[
    ("NAME", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("DATABASE_NAME", TEXT),
    ("STATE", TEXT),
    ("STATE_CODE", TEXT),
    ("STATE_MESSAGE", TEXT),
    ("QUERY_ID", TEXT),
    ("DATA_TIMESTAMP", TIME),
    ("REFRESH_START_TIME", TIME),
    ("REFRESH_END_TIME", TIME),
    ("COMPLETION_TARGET", TIME),
    ("STATISTICS", TEXT),
    ("REFRESH_ACTION", TEXT),
    ("REINIT_REASON", TEXT),
    ("REFRESH_TRIGGER", TEXT),
    ("TARGET_LAG_SEC", INTEGER),
];

/// How many refreshes are returned if it is not told.
const DEFAULT_LIMIT: usize = 100;

/// Which refreshes are asked for.
#[derive(Default)]
struct Wanted {
    name: Option<QualifiedName>,
    prefix: Option<String>,
    errors_only: bool,
    limit: Option<usize>,
}

/// DYNAMIC_TABLE_REFRESH_HISTORY: the newest first.
pub(super) fn history(
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut wanted = Wanted::default();
    for (name, value) in arguments {
        wanted.read(name.as_deref(), value)?;
    }
    let only = match &wanted.name {
        None => None,
        Some(name) => Some(binder.resolver().relation(name)?.id()),
    };
    let head = binder.resolver().head();
    let rows = binder.session().engine().refreshes.rows();
    let found = rows
        .iter()
        .rev()
        .filter(|row| only.is_none_or(|table| table == row.table))
        .filter(|row| wanted.takes(row))
        .filter(|row| head.object(row.table).is_some_and(|table| binder.resolver().sees(table)))
        .take(wanted.limit.unwrap_or(DEFAULT_LIMIT));
    let mut cells = Vec::new();
    for row in found {
        cells.push(cells_of(row));
    }
    let rows = batch(HISTORY, cells)?;
    Ok((rows.schema(), vec![rows]))
}

impl Wanted {
    fn read(&mut self, name: Option<&str>, value: &ScalarValue) -> Result<()> {
        match name {
            Some("NAME") => self.name = Some(QualifiedName::parse(&text(value)?)?),
            Some("NAME_PREFIX") => self.prefix = Some(text(value)?.to_uppercase()),
            Some("ERROR_ONLY") => {
                self.errors_only = matches!(value, ScalarValue::Boolean(Some(true)));
            }
            Some("RESULT_LIMIT") => {
                let ScalarValue::UInt64(Some(rows)) =
                    value.cast_to(&DataType::UInt64).map_err(from_datafusion)?
                else {
                    return Err(Error::new(Code::INVALID_ARGUMENT, "RESULT_LIMIT is NULL"));
                };
                self.limit = Some(usize::try_from(rows).unwrap_or(usize::MAX));
            }
            other => {
                let shown = other.unwrap_or("without a name");
                return Err(Error::unsupported(format_args!(
                    "argument {shown} of DYNAMIC_TABLE_REFRESH_HISTORY"
                ))
                .with_help("there are NAME, NAME_PREFIX, ERROR_ONLY and RESULT_LIMIT"));
            }
        }
        Ok(())
    }

    fn takes(&self, row: &RefreshRow) -> bool {
        let path = row.path.iter().map(Name::as_str).collect::<Vec<_>>().join(".");
        self.prefix.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && (!self.errors_only || row.state != RefreshState::Succeeded)
    }
}

fn text(value: &ScalarValue) -> Result<String> {
    match value.cast_to(&DataType::Utf8).map_err(from_datafusion)? {
        ScalarValue::Utf8(Some(text)) => Ok(text),
        _ => Err(Error::new(Code::INVALID_ARGUMENT, "the name of a dynamic table is NULL")),
    }
}

fn cells_of(row: &RefreshRow) -> Vec<Cell> {
    let part = |at: usize| Cell::maybe_text(row.path.get(at).map(Name::as_str));
    let target = row.target_lag_seconds.map(std::time::Duration::from_secs);
    let code = if row.state == RefreshState::Succeeded { "SUCCESS" } else { row.state.as_str() };
    vec![
        part(2),
        part(1),
        part(0),
        Cell::text(row.state.as_str()),
        Cell::text(row.error_code.as_deref().unwrap_or(code)),
        Cell::maybe_text(row.error_message.clone()),
        Cell::maybe_text(row.query_id.map(|id| id.to_string())),
        Cell::Time(row.data_timestamp),
        Cell::Time(row.started),
        Cell::Time(row.ended),
        Cell::maybe_time(target.map(|lag| row.data_timestamp.plus(lag))),
        Cell::maybe_text(row.action.map(|_| statistics(row.inserted, row.deleted))),
        Cell::maybe_text(row.action.map(|action| action.as_str())),
        Cell::maybe_text(row.reason.clone()),
        Cell::text(row.trigger.as_str()),
        row.target_lag_seconds.map_or(Cell::Null, Cell::count),
    ]
}

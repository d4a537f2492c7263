//! Who logged in.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use icecore_types::{Code, Error, Name, Result, SqlType, Timestamp};

use super::functions::{Argument, text, time};
use super::queries::may_see;
use super::{Listing, objects::name_cell};
use crate::cells::{Cell, Columns, batch};
use crate::login::LoginRow;
use crate::plan::Binder;

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;

/// How far back the table functions look.
const REPORTED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many logins the table functions return if they are not told.
const DEFAULT_LIMIT: usize = 100;

const COLUMNS: Columns = &[
    ("EVENT_ID", INTEGER),
    ("EVENT_TIMESTAMP", SqlType::TimestampLtz),
    ("EVENT_TYPE", TEXT),
    ("USER_NAME", TEXT),
    ("CLIENT_IP", TEXT),
    ("REPORTED_CLIENT_TYPE", TEXT),
    ("REPORTED_CLIENT_VERSION", TEXT),
    ("FIRST_AUTHENTICATION_FACTOR", TEXT),
    ("SECOND_AUTHENTICATION_FACTOR", TEXT),
    ("IS_SUCCESS", TEXT),
    ("ERROR_CODE", TEXT),
    ("ERROR_MESSAGE", TEXT),
    ("RELATED_EVENT_ID", INTEGER),
    ("CONNECTION", TEXT),
    ("CLIENT_PRIVATE_LINK_ID", TEXT),
    ("FIRST_AUTHENTICATION_FACTOR_ID", TEXT),
    ("SECOND_AUTHENTICATION_FACTOR_ID", TEXT),
    ("LOGIN_DETAILS", TEXT),
];

/// The logins that the session may see, the newest first: its user's, or all
/// for who monitors the account.
fn seen(listing: &Listing<'_>) -> Result<Vec<Arc<LoginRow>>> {
    let monitors = match listing.binder.resolver().who() {
        Some(acting) => acting.monitors()?,
        None => false,
    };
    let is_seen = may_see(listing)?;
    // Who named no user is nobody's.
    let shown = |row: &LoginRow| row.user.as_ref().map_or(monitors, &is_seen);
    let rows = listing.binder.session().engine().logins.rows();
    Ok(rows.into_iter().rev().filter(|row| shown(row)).collect())
}

/// ACCOUNT_USAGE.LOGIN_HISTORY.
pub(super) fn usage(listing: &Listing<'_>) -> Result<RecordBatch> {
    batch(COLUMNS, seen(listing)?.iter().map(|row| cells(row)).collect())
}

/// LOGIN_HISTORY, or LOGIN_HISTORY_BY_USER.
pub(super) fn history(
    arguments: &[Argument],
    binder: &Binder,
    by_user: bool,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let engine = binder.session().engine();
    let mut asked = Asked {
        user: by_user.then(|| binder.session().shared().principal().user_name().clone()),
        from: engine.now().minus(REPORTED),
        to: None,
        limit: DEFAULT_LIMIT,
    };
    for (name, value) in arguments {
        asked.take(name.as_deref(), value)?;
    }
    let rows = seen(&Listing { binder, state: &engine.template, database: None })?;
    let rows = rows.iter().filter(|row| asked.covers(row)).take(asked.limit);
    let rows = batch(COLUMNS, rows.map(|row| cells(row)).collect())?;
    Ok((rows.schema(), vec![rows]))
}

/// What the arguments of a table function ask for.
struct Asked {
    user: Option<Name>,
    from: Timestamp,
    to: Option<Timestamp>,
    limit: usize,
}

impl Asked {
    fn take(&mut self, name: Option<&str>, value: &ScalarValue) -> Result<()> {
        match name {
            Some("USER_NAME") if self.user.is_some() => {
                self.user = Some(Name::parse(&text(value)?)?);
            }
            Some("TIME_RANGE_START") => {
                self.from = self.from.max(time("TIME_RANGE_START", value)?);
            }
            Some("TIME_RANGE_END") => self.to = Some(time("TIME_RANGE_END", value)?),
            Some("RESULT_LIMIT") => match value.cast_to(&DataType::UInt64) {
                Ok(ScalarValue::UInt64(Some(limit @ 1..=10_000))) => self.limit = limit as usize,
                _ => {
                    let message = format!("RESULT_LIMIT is not from 1 to 10000: {value}");
                    return Err(Error::new(Code::INVALID_ARGUMENT, message));
                }
            },
            other => {
                let shown = other.unwrap_or("without a name");
                let message = format_args!("argument {shown} of LOGIN_HISTORY");
                return Err(Error::unsupported(message).with_help(
                    "TIME_RANGE_START, TIME_RANGE_END and RESULT_LIMIT are what there is, and \
                     USER_NAME of LOGIN_HISTORY_BY_USER",
                ));
            }
        }
        Ok(())
    }

    fn covers(&self, row: &LoginRow) -> bool {
        let of_user = self.user.is_none() || self.user == row.user;
        of_user && row.at >= self.from && self.to.is_none_or(|to| row.at <= to)
    }
}

fn cells(row: &LoginRow) -> Vec<Cell> {
    let client = row.client.as_ref();
    let error = row.error.as_ref();
    vec![
        Cell::count(row.event),
        Cell::Time(row.at),
        Cell::text("LOGIN"),
        name_cell(row.user.as_ref()),
        Cell::maybe_text(row.address.map(|address| address.to_string())),
        Cell::maybe_text(client.map(|(name, _)| name.as_str())),
        Cell::maybe_text(client.map(|(_, version)| version.as_str())),
        Cell::text(row.factor.sql()),
        Cell::Null,
        Cell::text(if error.is_none() { "YES" } else { "NO" }),
        Cell::maybe_text(error.map(|(code, _)| code.as_str())),
        Cell::maybe_text(error.map(|(_, message)| message.as_str())),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
    ]
}

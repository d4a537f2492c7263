//! Who read and wrote what.

use arrow::array::RecordBatch;
use icecore_types::{Error, Result, SqlType};
use serde::Serialize;

use super::Listing;
use super::queries::may_see;
use crate::cells::{Cell, Columns, batch};

const TEXT: SqlType = SqlType::TEXT;

const ACCESS: Columns = &[
    ("QUERY_ID", TEXT),
    ("QUERY_START_TIME", SqlType::TimestampLtz),
    ("USER_NAME", TEXT),
    ("DIRECT_OBJECTS_ACCESSED", TEXT),
    ("BASE_OBJECTS_ACCESSED", TEXT),
    ("OBJECTS_MODIFIED", TEXT),
    ("OBJECT_MODIFIED_BY_DDL", TEXT),
    ("POLICIES_REFERENCED", TEXT),
    ("PARENT_QUERY_ID", TEXT),
    ("ROOT_QUERY_ID", TEXT),
    ("ROLE_NAME", TEXT),
    ("QUERY_TAG", TEXT),
];

/// The newest statements first.
pub(super) fn history(listing: &Listing<'_>) -> Result<RecordBatch> {
    let rows = listing.binder.session().engine().accesses.rows();
    let is_seen = may_see(listing)?;
    let seen = rows.iter().rev().filter(|row| is_seen(&row.user));
    let all = listing.binder.resolver().who().is_some_and(|who| who.monitors().unwrap_or(false));
    let cells = seen.map(|row| {
        let access = &match all {
            true => row.access.clone(),
            false => row.access.clone().only_of(|id| listing.sees(id)),
        };
        Ok(vec![
            Cell::text(row.query_id.to_string()),
            Cell::Time(row.started),
            Cell::text(row.user.as_str()),
            json(&access.direct)?,
            json(&access.base)?,
            json(&access.modified)?,
            // One statement changes one object; a swap says both.
            match access.ddl.as_slice() {
                [] => Cell::Null,
                [one] => json(one)?,
                several => json(several)?,
            },
            json(&access.policies)?,
            Cell::Null,
            Cell::Null,
            Cell::text(row.role.as_str()),
            Cell::text(row.tag.clone().unwrap_or_default()),
        ])
    });
    batch(ACCESS, cells.collect::<Result<_>>()?)
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<Cell> {
    let text = serde_json::to_string(value);
    text.map(Cell::Text).map_err(|source| Error::internal("an access").with_source(source))
}

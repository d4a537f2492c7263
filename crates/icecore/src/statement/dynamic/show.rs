//! What SHOW says of dynamic tables.

use icecore_snapshot::Object;
use icecore_types::{Error, Result, TableDefinition};

use super::is_suspended;
use crate::cells::Cell;
use crate::statement::Planning;

impl Planning {
    /// Besides what SHOW says of every object.
    pub(in crate::statement) fn dynamic_cells(&self, object: &Object) -> Result<Vec<Cell>> {
        let definition: TableDefinition = object.body().read()?;
        let Some(dynamic) = definition.dynamic else {
            return Err(Error::internal("a dynamic table without a query"));
        };
        let content = self.resolver.content(object)?;
        let suspended = is_suspended(self.resolver.head(), object.id());
        let state = match (suspended, dynamic.unscheduled) {
            (true, _) => "SUSPENDED",
            (false, true) => "DISABLED",
            (false, false) => "ACTIVE",
        };
        let because = match &dynamic.suspended {
            Some(suspension) => Some(suspension.by.code()),
            None if suspended => Some("UPSTREAM_SUSPENDED"),
            None => None,
        };
        let refreshed = dynamic.frontier.as_ref().map(|frontier| frontier.at);
        let known = self.session.engine().refreshes.last_good(object.id());
        let lag = if dynamic.unscheduled { None } else { Some(dynamic.lag.to_string()) };
        Ok(vec![
            Cell::count(content.rows()),
            Cell::count(content.stored_bytes()),
            Cell::maybe_text(lag),
            Cell::text(dynamic.mode.sql()),
            Cell::maybe_text(dynamic.reason),
            Cell::text(dynamic.warehouse.as_str()),
            Cell::text(dynamic.text),
            Cell::text(state),
            Cell::maybe_text(because),
            Cell::maybe_time(dynamic.suspended.and_then(|suspension| suspension.at)),
            Cell::maybe_time(refreshed.max(known)),
        ])
    }
}

//! SHOW of what belongs to the whole account: parameters and warehouses.

use arrow::array::RecordBatch;
use icecore_sql::Show;
use icecore_types::{Result, SqlType};

use super::{cut, selected, shown};
use crate::cells::{Cell, Columns};
use crate::engine::DEFAULT_WAREHOUSE;
use crate::statement::Planning;

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;

const PARAMETERS: Columns =
    &[("key", TEXT), ("value", TEXT), ("default", TEXT), ("description", TEXT)];
const WAREHOUSES: Columns = &[
    ("name", TEXT),
    ("state", TEXT),
    ("type", TEXT),
    ("running", INTEGER),
    ("queued", INTEGER),
    ("is_current", TEXT),
];

impl Planning {
    pub(super) fn show_parameters(&self, show: &Show) -> Result<RecordBatch> {
        let settings = &self.session.engine().settings;
        let tag = self.session.shared().query_tag().unwrap_or_default();
        let durability = format!("{:?}", settings.durability).to_uppercase();
        let rows = [
            (
                "AUTOCOMMIT",
                "true".to_owned(),
                "true",
                "whether each statement is a transaction of its own",
            ),
            (
                "DATA_RETENTION_TIME_IN_DAYS",
                crate::statement::resolver::DEFAULT_RETENTION_DAYS.to_string(),
                "1",
                "days that history is kept where no object says otherwise",
            ),
            (
                "DURABILITY",
                durability,
                "FULL",
                "what an acknowledged commit survives: FULL power loss, OS the end of the process",
            ),
            ("QUERY_TAG", tag, "", "text kept with each statement in the query history"),
            ("TIMEZONE", "UTC".to_owned(), "UTC", "zone of TIMESTAMP_LTZ"),
        ];
        let rows = rows
            .into_iter()
            .filter(|(key, ..)| selected(show, key))
            .map(|(key, value, default, description)| {
                vec![
                    Cell::text(key),
                    Cell::text(value),
                    Cell::text(default),
                    Cell::text(description),
                ]
            })
            .collect();
        shown(show, PARAMETERS, cut(show, rows))
    }

    pub(super) fn show_warehouses(&self, show: &Show) -> Result<RecordBatch> {
        let statistics = self.session.engine().warehouse.statistics();
        let mut rows = Vec::new();
        if selected(show, DEFAULT_WAREHOUSE) {
            rows.push(vec![
                Cell::text(DEFAULT_WAREHOUSE),
                Cell::text("STARTED"),
                Cell::text("STANDARD"),
                Cell::count(statistics.running as u64),
                Cell::count(statistics.queued as u64),
                Cell::text("Y"),
            ]);
        }
        shown(show, WAREHOUSES, cut(show, rows))
    }
}

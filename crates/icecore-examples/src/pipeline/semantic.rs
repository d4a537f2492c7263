//! What the metrics say at the end of the day, beside what DuckDB says.

use icecore::Result;

use crate::data::Data;
use crate::notebook::Notebook;

/// The dynamic tables, and the columns that order their rows.
const KEPT: [(&str, &str); 3] = [
    ("on_time", "carrier, origin, dest, month"),
    ("on_time_by_month", "month"),
    ("delay_by_weather", "conditions"),
];

/// The views over them and over the tables.
const VIEWS: [(&str, &str); 3] = [
    ("on_time_by_carrier", "carrier"),
    ("on_time_by_route", "origin, dest"),
    ("fleet_by_manufacturer", "manufacturer"),
];

/// The semantic view, asked as the views and dynamic tables are.
const ASKED: [(&str, &str); 2] = [
    (
        "on_time_by_carrier",
        "SELECT carrier, name, flights, arrived, cancelled, on_time, on_time_percent, mean_minutes_late\n\
         FROM SEMANTIC_VIEW(semantic.performance\n  \
         DIMENSIONS airlines.carrier, airlines.name\n  \
         METRICS flights, arrived, cancelled, on_time, on_time_percent, mean_minutes_late)\n\
         ORDER BY carrier",
    ),
    (
        "on_time_by_month",
        "SELECT month, flights, arrived, cancelled, on_time, on_time_percent, mean_minutes_late\n\
         FROM SEMANTIC_VIEW(semantic.performance\n  \
         DIMENSIONS flights.month\n  \
         METRICS flights, arrived, cancelled, on_time, on_time_percent, mean_minutes_late)\n\
         ORDER BY month",
    ),
];

pub(super) async fn run(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("The metrics");
    notebook.say(
        "Nobody has asked for a refresh all day. Each dynamic table, each view over them and each \
         answer of the semantic view is compared, row by row, with what DuckDB computes over the \
         same files.",
    );
    for (table, order) in KEPT {
        let all = format!("SELECT * FROM semantic.{table} ORDER BY {order}");
        notebook.check_rows(table, &all, &data.expected(table)?).await?;
    }
    for (view, order) in VIEWS {
        let query = data.query(view)?;
        notebook.run(&format!("CREATE VIEW semantic.{view} AS\n{query}")).await?;
        let all = format!("SELECT * FROM semantic.{view} ORDER BY {order}");
        notebook.check_rows(view, &all, &data.expected(view)?).await?;
    }
    for (name, sql) in ASKED {
        let rows = notebook.show(sql).await?;
        notebook.check_equal(
            &format!("the semantic view, {name}"),
            &rows,
            &data.expected(name)?,
        )?;
    }
    Ok(())
}

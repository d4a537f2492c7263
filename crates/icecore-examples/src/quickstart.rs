//! Land, load, ask, travel and clone.

use std::time::Duration;

use icecore::datafusion::dataframe::DataFrame;
use icecore::{At, Code, Error, Result, TextRow};

use crate::chart::{Bar, bars};
use crate::data::{self, Data};
use crate::notebook::{Notebook, number_in, text_in};

/// An hour.
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn run(mut notebook: Notebook, data: &Data) -> Result<Notebook> {
    notebook.title(
        "Quick start",
        "One month of flights out of New York: landed as a file, loaded, asked, changed, \
         seen as it was, and cloned.",
    );
    land_and_load(&mut notebook, data).await?;
    ask(&mut notebook).await?;
    travel(&mut notebook).await?;
    clone(&mut notebook).await?;
    Ok(notebook)
}

async fn land_and_load(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Land and load");
    notebook.say(
        "A stage is where raw files are. `PUT` copies files into it as they are; `COPY INTO` \
         parses and checks them, and commits all rows at once.",
    );
    data::create_layers(notebook).await?;
    notebook.run(data::FILE_FORMAT).await?;
    notebook.run("CREATE STAGE raw.landing FILE_FORMAT = (FORMAT_NAME = 'raw.na_csv')").await?;
    for file in ["flights_2013-01.csv.gz", "airlines.csv"] {
        notebook.run(&format!("PUT {} @raw.landing", data.url(file))).await?;
    }
    notebook.run(data::FLIGHTS_TABLE).await?;
    notebook.run(data::AIRLINES_TABLE).await?;
    notebook.show("COPY INTO processed.flights FROM @raw.landing PATTERN = '.*flights.*'").await?;
    notebook.run("COPY INTO processed.airlines FROM @raw.landing PATTERN = '.*airlines.*'").await?;
    let rows = notebook.number("SELECT COUNT(*) FROM processed.flights").await?;
    notebook.check("flights in January", rows, 27_004)?;
    notebook.say("The text `NA` became NULL, and loading the same file again loads nothing.");
    let cancelled = "SELECT COUNT(*) FROM processed.flights WHERE dep_time IS NULL";
    let cancelled = notebook.number(cancelled).await?;
    notebook.check("flights without a departure", cancelled, 521)?;
    let again = notebook
        .show("COPY INTO processed.flights FROM @raw.landing PATTERN = '.*flights.*'")
        .await?;
    let status = again[0][0].as_deref().unwrap_or_default();
    notebook.check("the second load", status, "Copy executed with 0 files processed.")
}

async fn ask(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Ask");
    let rows = notebook
        .show(
            "SELECT a.name, COUNT(*) AS flights, ROUND(AVG(f.arr_delay), 1) AS minutes_late\n\
             FROM processed.flights f\n\
             JOIN processed.airlines a ON a.carrier = f.carrier\n\
             GROUP BY ALL\n\
             QUALIFY RANK() OVER (ORDER BY COUNT(*) DESC) <= 5\n\
             ORDER BY flights DESC",
        )
        .await?;
    let bar = |row: &TextRow| Bar::new(text_in(row, 0), [number_in(row, 2)]);
    let drawn: Vec<Bar> = rows.iter().map(bar).collect();
    notebook.chart("Mean minutes late at arrival, January 2013", bars(&drawn, " min"));
    notebook.check("airlines in the ranking", rows.len(), 5)?;
    let busiest = rows[0][1].as_deref().unwrap_or_default();
    notebook.check("flights of the busiest", busiest, "4637")
}

async fn travel(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Travel");
    notebook.say(
        "This engine runs on a clock that is moved by hand. An hour passes; then somebody deletes \
         the cancelled flights. Every version before that can still be read.",
    );
    notebook.lake().advance(HOUR).await?;
    let deleted = notebook.run("DELETE FROM processed.flights WHERE dep_time IS NULL").await?;
    notebook.check("rows deleted", deleted.rows, 521)?;
    notebook
        .show(&format!(
            "SELECT 'now' AS moment, COUNT(*) AS flights FROM processed.flights\n\
             UNION ALL SELECT 'half an hour ago', COUNT(*) FROM processed.flights AT(OFFSET => -1800)\n\
             UNION ALL SELECT 'before the DELETE', COUNT(*) FROM processed.flights BEFORE(STATEMENT => '{}')\n\
             ORDER BY flights",
            deleted.query_id
        ))
        .await?;
    notebook.say("The same in Rust: a handle reads any version, and is not changed by it.");
    let flights = notebook.session().table("processed.flights").await?;
    let before = flights.at(At::Before(deleted.query_id)).to_df().await?;
    let now = flights.to_df().await?;
    notebook.check("rows before, read by Rust", count(before).await?, 27_004)?;
    notebook.check("rows now, read by Rust", count(now).await?, 26_483)
}

async fn count(rows: DataFrame) -> Result<usize> {
    rows.count().await.map_err(|error| {
        Error::new(Code::INVALID_STATEMENT, "the rows could not be counted").with_source(error)
    })
}

async fn clone(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Clone");
    notebook.say(
        "A clone is a table of its own that shares what is stored. It takes one small record to \
         make, whatever the size of its source, and stores nothing until it is changed.",
    );
    notebook
        .run("CREATE TABLE processed.flights_dev CLONE processed.flights AT(OFFSET => -1800)")
        .await?;
    let rows = notebook.number("SELECT COUNT(*) FROM processed.flights_dev").await?;
    notebook.check("rows of the clone", rows, 27_004)?;
    notebook.run("UPDATE processed.flights_dev SET dep_delay = 0 WHERE dep_time IS NULL").await?;
    let metrics = notebook
        .show(
            "SELECT table_name, active_bytes > 100000 AS stores_a_month, \
             active_bytes > 0 AS stores_anything\n\
             FROM nyc.information_schema.table_storage_metrics\n\
             WHERE table_name LIKE 'FLIGHTS%' ORDER BY table_name",
        )
        .await?;
    let dev = metrics[1][1].as_deref().unwrap_or_default();
    notebook.check("the clone stores a month of its own", dev, "false")?;
    let cancelled = "SELECT COUNT(*) FROM processed.flights WHERE dep_time IS NULL";
    let cancelled = notebook.number(cancelled).await?;
    notebook.check("cancelled flights that the source got back", cancelled, 0)
}

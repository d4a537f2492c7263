//! Twelve monthly files become tables, and tables become metrics.

use icecore::{Result, TextRow};

use crate::chart::{Bar, bars};
use crate::data::{self, Data};
use crate::notebook::Notebook;

/// The columns of flights that have missing values, and how many.
const MISSING: [(&str, i64); 6] = [
    ("dep_time", 8_255),
    ("dep_delay", 8_255),
    ("arr_time", 8_713),
    ("arr_delay", 9_430),
    ("air_time", 9_430),
    ("tailnum", 2_512),
];

/// The other tables and their rows.
const OTHERS: [(&str, i64); 4] =
    [("airlines", 16), ("airports", 1_458), ("planes", 3_322), ("weather", 26_115)];

/// The views of the semantic layer in the order in which they use each other,
/// and the columns that order their rows.
const VIEWS: [(&str, &str); 6] = [
    ("on_time", "carrier, origin, dest, month"),
    ("on_time_by_carrier", "carrier"),
    ("on_time_by_month", "month"),
    ("on_time_by_route", "origin, dest"),
    ("delay_by_weather", "conditions"),
    ("fleet_by_manufacturer", "manufacturer"),
];

pub(crate) async fn run(mut notebook: Notebook, data: &Data) -> Result<Notebook> {
    notebook.title(
        "Pipeline",
        "A year of flights out of New York, from the files that a producer drops to the metrics \
         that people ask for: raw, processed, semantic.",
    );
    notebook.heading("Raw");
    notebook.say(
        "Twelve gzipped files of flights, and one each of weather, planes, airports and airlines, \
         are put into a stage. They stay as they are.",
    );
    data::create_layers(&mut notebook).await?;
    raw_and_processed(&mut notebook, data).await?;
    quality(&mut notebook).await?;
    semantic(&mut notebook, data).await?;
    ask(&mut notebook).await?;
    ask_why(&mut notebook).await?;
    Ok(notebook)
}

async fn raw_and_processed(notebook: &mut Notebook, data: &Data) -> Result<()> {
    data::load_flights(notebook, data).await?;
    for (table, _) in OTHERS {
        let file = data.url(&format!("{table}.csv"));
        notebook.run(&format!("PUT {file} @raw.landing/{table}")).await?;
    }
    notebook.run("LIST @raw.landing").await?;
    let staged = notebook
        .show(
            "SELECT \"name\", \"size\" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) ORDER BY \"name\"",
        )
        .await?;
    notebook.check("files in the stage", staged.len(), 16)?;
    notebook.heading("Processed");
    notebook.say(
        "Each load is one commit: all rows with their load keys, or none. Types are checked, and \
         the text `NA` becomes NULL.",
    );
    notebook.run(data::AIRLINES_TABLE).await?;
    for table in data::OTHER_TABLES {
        notebook.run(table).await?;
    }
    for (table, rows) in OTHERS {
        notebook.run(&format!("COPY INTO processed.{table} FROM @raw.landing/{table}")).await?;
        let loaded = notebook.number(&format!("SELECT COUNT(*) FROM processed.{table}")).await?;
        notebook.check(&format!("rows of {table}"), loaded, rows)?;
    }
    notebook.say("A second run of the same load finds nothing new: no row is there twice.");
    let again = notebook.show("COPY INTO processed.flights FROM @raw.landing/flights").await?;
    let status = again[0][0].as_deref().unwrap_or_default();
    notebook.check("the second load", status, "Copy executed with 0 files processed.")
}

async fn quality(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("What is missing");
    notebook.say(
        "Real data is messy. Cancelled flights have no times, some planes are in no list, and the \
         local hour is almost a key of the weather: three hours are there twice, where the clocks \
         went back.",
    );
    let nulls = MISSING.map(|(column, _)| format!("COUNT(*) - COUNT({column}) AS {column}"));
    let rows = notebook
        .show(&format!("SELECT {}\nFROM processed.flights", nulls.join(",\n       ")))
        .await?;
    for ((column, expected), value) in MISSING.iter().zip(&rows[0]) {
        let missing = value.as_deref().and_then(|text| text.parse().ok()).unwrap_or(-1);
        notebook.check(&format!("NULLs in {column}"), missing, *expected)?;
    }
    let unknown = notebook
        .number(
            "SELECT COUNT(*) FROM processed.flights f LEFT JOIN processed.planes p \
             ON p.tailnum = f.tailnum WHERE f.tailnum IS NOT NULL AND p.tailnum IS NULL",
        )
        .await?;
    notebook.check("flights whose plane is unknown", unknown, 50_094)?;
    let twice = notebook
        .show(
            "SELECT origin, month, day, hour, COUNT(*) AS measurements\n\
             FROM processed.weather GROUP BY ALL HAVING COUNT(*) > 1 ORDER BY origin",
        )
        .await?;
    notebook.check("hours of weather that are there twice", twice.len(), 3)
}

async fn semantic(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Semantic");
    notebook.say(
        "A view says what a metric means, once: on time is less than 15 minutes late, per carrier, \
         route and month; everything else is rolled up from that. Each view is compared, row by \
         row, with what DuckDB computes by the same query over the same files.",
    );
    for (view, order) in VIEWS {
        let query = data.query(view)?;
        notebook.run(&format!("CREATE VIEW semantic.{view} AS\n{query}")).await?;
        let all = format!("SELECT * FROM semantic.{view} ORDER BY {order}");
        notebook.check_rows(view, &all, &data.expected(view)?).await?;
    }
    Ok(())
}

async fn ask(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Who is on time?");
    let rows = notebook
        .show(
            "SELECT name, flights, cancelled, on_time_percent, mean_minutes_late\n\
             FROM semantic.on_time_by_carrier ORDER BY on_time_percent DESC",
        )
        .await?;
    let caption = "Flights that arrive less than 15 minutes late";
    notebook.chart(caption, bars(&chart_of(&rows, 0, 3), " %")?);
    notebook.check("carriers", rows.len(), 16)?;

    notebook.heading("When?");
    let rows = notebook
        .show(
            "SELECT month, flights, cancelled, on_time_percent, mean_minutes_late\n\
             FROM semantic.on_time_by_month ORDER BY month",
        )
        .await?;
    notebook.chart("Mean minutes late at arrival, by month", bars(&chart_of(&rows, 0, 4), " min")?);
    notebook.check("months", rows.len(), 12)
}

async fn ask_why(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Where?");
    notebook.say("The routes that are flown daily and are least often on time.");
    let rows = notebook
        .show(
            "SELECT origin, dest, airport, flights, on_time_percent, mean_minutes_late\n\
             FROM semantic.on_time_by_route WHERE flights >= 365\n\
             ORDER BY on_time_percent LIMIT 10",
        )
        .await?;
    notebook.check("routes shown", rows.len(), 10)?;

    notebook.heading("Is it the weather?");
    let rows = notebook
        .show(
            "SELECT conditions, flights, cancelled_percent, late_percent, mean_minutes_late\n\
             FROM semantic.delay_by_weather ORDER BY late_percent DESC",
        )
        .await?;
    let caption = "Departures that are 15 minutes late or more, by the weather at that hour";
    notebook.chart(caption, bars(&chart_of(&rows, 0, 3), " %")?);
    let worst = rows[0][0].as_deref().unwrap_or_default();
    notebook.check("the worst weather", worst, "heavy precipitation")
}

/// Bars from the columns of a result.
fn chart_of(rows: &[TextRow], label: usize, value: usize) -> Vec<Bar> {
    let number = |row: &TextRow| row[value].as_deref().and_then(|text| text.parse().ok());
    rows.iter()
        .map(|row| Bar::new(row[label].clone().unwrap_or_default(), [number(row).unwrap_or(0.0)]))
        .collect()
}

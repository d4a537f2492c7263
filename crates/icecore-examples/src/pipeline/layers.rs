//! The three layers before anything has arrived.

use icecore::Result;

use crate::data::{self, Data};
use crate::notebook::Notebook;

/// What the owner of the flights expects of them.
pub(super) const EXPECTATIONS: [&str; 6] = [
    "distance CHECK RANGE (distance BETWEEN 50 AND 3000) ON VIOLATION QUARANTINE",
    "departure CHECK RANGE (dep_time BETWEEN 0 AND 2359) ON VIOLATION QUARANTINE",
    "air_time CHECK (air_time > 0) ON VIOLATION QUARANTINE",
    "origin CHECK ACCEPTED VALUES (origin IN ('EWR', 'JFK', 'LGA')) ON VIOLATION QUARANTINE",
    "once CHECK UNIQUE (time_hour, carrier, flight) ON VIOLATION QUARANTINE",
    "plane CHECK REFERENCES (tailnum) processed.planes (tailnum) ON VIOLATION WARN",
];

/// The metrics that are kept as tables: how stale they may be, and whether only
/// what changed is read to refresh them.
const DYNAMIC: [(&str, &str, &str); 3] = [
    ("on_time", "10 minutes", "INCREMENTAL"),
    ("on_time_by_month", "30 minutes", "INCREMENTAL"),
    ("delay_by_weather", "1 hour", "FULL"),
];

/// What the metrics mean, once.
const PERFORMANCE: &str = "\
CREATE SEMANTIC VIEW semantic.performance
  TABLES (
    flights AS processed.flights PRIMARY KEY (time_hour, carrier, flight),
    airlines AS processed.airlines PRIMARY KEY (carrier)
  )
  RELATIONSHIPS (flights (carrier) REFERENCES airlines)
  DIMENSIONS (
    airlines.carrier AS carrier, airlines.name AS name,
    flights.origin AS origin, flights.dest AS dest, flights.month AS month
  )
  METRICS (
    flights.flights AS COUNT(*),
    flights.arrived AS COUNT(arr_delay),
    flights.cancelled AS COUNT_IF(dep_time IS NULL),
    flights.on_time AS COUNT_IF(arr_delay < 15),
    flights.minutes_late AS SUM(arr_delay),
    on_time_percent AS CAST(ROUND(100.0 * flights.on_time / NULLIF(flights.arrived, 0), 2) AS NUMBER(5,2)),
    mean_minutes_late AS CAST(ROUND(1.0 * flights.minutes_late / NULLIF(flights.arrived, 0), 2) AS NUMBER(9,2))
  )";

/// Dimensions and metrics of [`PERFORMANCE`].
pub(super) const PERFORMANCE_SIZE: (usize, usize) = (5, 7);

/// A bucket of the producer, a stage that reads it, and a pipe's table.
pub(super) async fn raw(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Raw");
    notebook.say(
        "The producer drops its files into a bucket; here it is one inside of the process, \
         `memory://drops/`. A stage says how to read them: with a header, and with the text `NA` \
         where a value is missing. What seldom changes is there already and is loaded once.",
    );
    data::create_layers(notebook).await?;
    notebook.run(data::FILE_FORMAT).await?;
    notebook
        .run(
            "CREATE STAGE raw.drops URL = 'memory://drops/'\n\
             FILE_FORMAT = (FORMAT_NAME = 'raw.na_csv')",
        )
        .await?;
    notebook.run(data::AIRLINES_TABLE).await?;
    for table in data::OTHER_TABLES {
        notebook.run(table).await?;
    }
    for (table, _) in data::OTHERS {
        data::load_other(notebook, data, ("raw.drops", table)).await?;
    }
    Ok(())
}

/// The table of flights, what is expected of it, and the pipe into it.
pub(super) async fn processed(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Processed");
    notebook.say(
        "The owner of a table says what is expected of its rows, and what becomes of those that do \
         not meet it. An unknown plane is worth a warning. What cannot be true goes into a \
         quarantine: it is in no metric, and it is not lost.",
    );
    notebook.run(data::FLIGHTS_TABLE).await?;
    for expectation in EXPECTATIONS {
        notebook
            .run(&format!("ALTER TABLE processed.flights ADD EXPECTATION {expectation}"))
            .await?;
    }
    notebook.say(
        "A pipe loads each file of the bucket once, when it is told of it or finds it there. The \
         rows of a file and the memory of having loaded it are one commit.",
    );
    notebook
        .run(
            "CREATE PIPE raw.monthly AUTO_INGEST = TRUE AS\n\
             COPY INTO processed.flights FROM @raw.drops/flights PATTERN = '.*[.]csv([.]gz)?'",
        )
        .await?;
    Ok(())
}

/// Metrics over nothing, yet.
pub(super) async fn semantic(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Semantic");
    notebook.say(
        "A semantic view says what each metric means, once: a flight is on time when it arrives \
         less than 15 minutes late, and percentages are computed from sums, whatever they are \
         asked by. Dynamic tables keep the answers to questions that are asked often, each as fresh \
         as its target lag says.",
    );
    notebook.run(PERFORMANCE).await?;
    for (table, lag, _) in DYNAMIC {
        let query = data.query(table)?;
        notebook
            .run(&format!(
                "CREATE DYNAMIC TABLE semantic.{table} TARGET_LAG = '{lag}' WAREHOUSE = compute_wh AS\n{query}"
            ))
            .await?;
    }
    notebook.run("SHOW DYNAMIC TABLES").await?;
    let shown = notebook
        .show(
            "SELECT \"name\", \"target_lag\", \"refresh_mode\", \"refresh_mode_reason\"\n\
             FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) ORDER BY \"name\" DESC",
        )
        .await?;
    for (table, _, mode) in DYNAMIC {
        let row = shown.iter().find(|row| row[0].as_deref() == Some(&table.to_uppercase()));
        let shown = row.and_then(|row| row[2].as_deref()).unwrap_or_default();
        notebook.check(&format!("how {table} is refreshed"), shown, mode)?;
    }
    Ok(())
}

//! What is missing in what is there.

use icecore::Result;

use crate::notebook::{Notebook, number_in};

/// The columns of flights that have missing values, and how many.
const MISSING: [(&str, i64); 6] = [
    ("dep_time", 8_255),
    ("dep_delay", 8_255),
    ("arr_time", 8_713),
    ("arr_delay", 9_430),
    ("air_time", 9_430),
    ("tailnum", 2_512),
];

pub(super) async fn run(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("What is missing");
    notebook.say(
        "Real data is messy, and an expectation is not a wish: cancelled flights have no times, some \
         planes have no tail number, and the local hour is almost a key of the weather: three hours \
         are there twice, where the clocks went back.",
    );
    let nulls = MISSING.map(|(column, _)| format!("COUNT(*) - COUNT({column}) AS {column}"));
    let rows = notebook
        .show(&format!("SELECT {}\nFROM processed.flights", nulls.join(",\n       ")))
        .await?;
    for (i, (column, expected)) in MISSING.iter().enumerate() {
        notebook.check(&format!("NULLs in {column}"), number_in(&rows[0], i) as i64, *expected)?;
    }
    let twice = notebook
        .show(
            "SELECT origin, month, day, hour, COUNT(*) AS measurements\n\
             FROM processed.weather GROUP BY ALL HAVING COUNT(*) > 1 ORDER BY origin",
        )
        .await?;
    notebook.check("hours of weather that are there twice", twice.len(), 3)
}

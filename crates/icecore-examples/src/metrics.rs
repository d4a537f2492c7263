//! Numbers that plain SQL gets wrong without a word, and a semantic view right.

mod balances;
mod explain;
mod fan_out;
mod ratios;

use icecore::{Result, TextRow};

use crate::chart::{Bar, paired};
use crate::data::{self, Data};
use crate::notebook::{Notebook, number_in, text_in};

/// What the metrics of flights, planes and airlines mean.
const FLEET: &str = "\
CREATE SEMANTIC VIEW semantic.fleet
  TABLES (
    flights AS processed.flights PRIMARY KEY (time_hour, carrier, flight),
    planes AS processed.planes PRIMARY KEY (tailnum),
    airlines AS processed.airlines PRIMARY KEY (carrier)
  )
  RELATIONSHIPS (
    flights (tailnum) REFERENCES planes,
    flights (carrier) REFERENCES airlines
  )
  DIMENSIONS (
    planes.manufacturer AS manufacturer, airlines.airline AS name,
    flights.origin AS origin, flights.month AS month
  )
  METRICS (
    planes.seats AS SUM(seats),
    planes.aircraft AS COUNT(*),
    flights.flights AS COUNT(*),
    flights.arrived AS COUNT(arr_delay),
    flights.on_time AS COUNT_IF(arr_delay < 15),
    on_time_percent AS CAST(ROUND(100.0 * flights.on_time / NULLIF(flights.arrived, 0), 2) AS NUMBER(5,2)),
    flights_per_plane AS CAST(ROUND(1.0 * flights.flights / NULLIF(planes.aircraft, 0), 2) AS NUMBER(9,2)),
    flights.arrived_to_date AS SUM(flights.arrived) OVER (PARTITION BY EXCLUDING flights.month ORDER BY flights.month),
    flights.on_time_to_date AS SUM(flights.on_time) OVER (PARTITION BY EXCLUDING flights.month ORDER BY flights.month)
  )";

pub(crate) async fn run(mut notebook: Notebook, data: &Data) -> Result<Notebook> {
    notebook.title(
        "Metrics",
        "Four questions about a year of flights that plain SQL answers wrongly without a word: the \
         seats of a fleet, the queue at the end of a month, the most punctual airport, the year so \
         far. Each is asked naively, then of a semantic view, and what the view says is compared \
         with what DuckDB computes by hand-written SQL.",
    );
    notebook.heading("A year of flights");
    data::create_layers(&mut notebook).await?;
    data::load_flights(&mut notebook, data).await?;
    notebook.run(data::PLANES_TABLE).await?;
    notebook.run(data::AIRLINES_TABLE).await?;
    for table in ["planes", "airlines"] {
        data::load_other(&mut notebook, data, ("raw.landing", table)).await?;
    }
    notebook.say(
        "A semantic view says of each metric which table's rows it counts. Whatever it is asked by, \
         each table is aggregated by itself before anything is joined.",
    );
    notebook.run(FLEET).await?;
    fan_out::run(&mut notebook, data).await?;
    balances::run(&mut notebook, data).await?;
    ratios::run(&mut notebook, data).await?;
    explain::run(&mut notebook).await?;
    Ok(notebook)
}

/// The same question twice: the naive answer and the right one, in a column
/// each, by what the first column says.
struct Answers<'a> {
    naive: (&'a [TextRow], usize),
    right: (&'a [TextRow], usize),
}

impl Answers<'_> {
    /// Draws both for the first `most` rows of the right answer.
    fn draw(&self, unit: &str, most: usize, name: impl Fn(&str) -> String) -> String {
        let (naive, right) = (self.naive, self.right);
        let bar = |row: &TextRow| {
            let same = naive.0.iter().find(|other| text_in(other, 0) == text_in(row, 0));
            let before = same.map_or(0.0, |other| number_in(other, naive.1));
            Bar::new(name(text_in(row, 0)), [number_in(row, right.1), before])
        };
        let bars: Vec<Bar> = right.0.iter().take(most).map(bar).collect();
        paired(&bars, unit, &["semantic view", "plain SQL"])
    }
}

/// The number that a column has in the row of this name; 0 if there is none.
fn of(rows: &[TextRow], name: &str, column: usize) -> f64 {
    let row = rows.iter().find(|row| text_in(row, 0) == name);
    row.map_or(0.0, |row| number_in(row, column))
}

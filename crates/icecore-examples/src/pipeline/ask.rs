//! What people want to know.

use icecore::{Result, TextRow};

use crate::chart::{Bar, bars};
use crate::data::month_name;
use crate::notebook::{Notebook, number_in, text_in};

pub(super) async fn run(notebook: &mut Notebook) -> Result<()> {
    who_and_when(notebook).await?;
    where_and_why(notebook).await
}

async fn who_and_when(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Who is on time?");
    let rows = notebook
        .show(
            "SELECT name, AGG(flights), AGG(cancelled), AGG(on_time_percent), AGG(mean_minutes_late)\n\
             FROM semantic.performance GROUP BY name ORDER BY AGG(on_time_percent) DESC",
        )
        .await?;
    let caption = "Flights that arrive less than 15 minutes late, in percent of those that arrive";
    notebook.chart(caption, bars(&chart_of(&rows, 0, 3), " %"));
    notebook.check("carriers", rows.len(), 16)?;

    notebook.heading("When?");
    let rows = notebook
        .show(
            "SELECT month, flights, cancelled, on_time_percent, mean_minutes_late\n\
             FROM semantic.on_time_by_month ORDER BY month",
        )
        .await?;
    let bar = |row: &TextRow| Bar::new(month_name(text_in(row, 0)), [number_in(row, 4)]);
    let months: Vec<Bar> = rows.iter().map(bar).collect();
    notebook.chart("Mean minutes late at arrival, by month", bars(&months, " min"));
    notebook.check("months", rows.len(), 12)
}

async fn where_and_why(notebook: &mut Notebook) -> Result<()> {
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
    notebook.chart(caption, bars(&chart_of(&rows, 0, 3), " %"));
    notebook.check("the worst weather", text_in(&rows[0], 0), "heavy precipitation")
}

/// Bars from the columns of a result.
fn chart_of(rows: &[TextRow], label: usize, value: usize) -> Vec<Bar> {
    rows.iter().map(|row| Bar::new(text_in(row, label), [number_in(row, value)])).collect()
}

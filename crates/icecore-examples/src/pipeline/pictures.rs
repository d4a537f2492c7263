//! The day in pictures.

use icecore::Result;

use super::arrivals::BY_HAND;
use super::layers::PERFORMANCE_SIZE;
use super::loads::Loads;
use super::quarantine::{Kept, REPLAYED_AT};
use super::{CLOSING, OPENING};
use crate::chart::{Axis, Bar, Edge, Flow, Line, Mark, Node, Plot, stacked};
use crate::data;
use crate::notebook::{Notebook, number_in, text_in};
use crate::svg::number;

const TIME: &str = "time of day, UTC";

pub(super) async fn run(notebook: &mut Notebook, loads: &Loads, kept: &Kept) -> Result<()> {
    notebook.heading("The day in pictures");
    arrivals(notebook, loads, kept)?;
    reasons(notebook, kept);
    freshness(notebook, loads).await?;
    metrics(notebook).await?;
    flow(notebook, loads, kept).await
}

fn clock() -> Axis {
    Axis::clock(TIME, OPENING / 60, CLOSING / 60)
}

fn arrivals(notebook: &mut Notebook, loads: &Loads, kept: &Kept) -> Result<()> {
    let mut points = vec![(f64::from(OPENING), 0.0)];
    let (mut marks, mut rows) = (Vec::new(), 0.0);
    for load in &loads.loads {
        rows += load.rows;
        points.push((load.at, rows));
        let by_hand = load.file == BY_HAND;
        let month = data::month_name(load.file.get(13..15).unwrap_or_default());
        marks.push(Mark {
            at: (load.at, rows),
            text: if by_hand { "by hand".to_owned() } else { month.to_owned() },
            hint: format!("{}: {} rows", load.file, number(load.rows)),
            bad: load.failed,
        });
    }
    rows += kept.replayed() as f64;
    let replayed = f64::from(REPLAYED_AT);
    points.push((replayed, rows));
    points.push((f64::from(CLOSING), rows));
    marks.push(Mark {
        at: (replayed, rows),
        text: "replay".to_owned(),
        hint: format!("{} rows of the quarantine", kept.replayed()),
        bad: false,
    });
    let line = Line { name: String::new(), points, steps: true };
    let y = Axis::new("rows of processed.flights", 0.0, rows);
    let svg = Plot { x: clock(), y, height: 320.0, legend: false, lines: vec![line], marks }.svg();
    notebook
        .chart("Files as they are loaded, and the rows that the table has. Red: not loaded.", svg);
    notebook.check("rows at the end of the picture", rows as i64, data::FLIGHTS)
}

fn reasons(notebook: &mut Notebook, kept: &Kept) {
    let bars: Vec<Bar> = kept
        .reasons
        .iter()
        .map(|reason| {
            let (rows, replayed) = (reason.rows as f64, reason.replayed as f64);
            Bar::new(reason.expectation.to_lowercase(), [replayed, rows - replayed])
        })
        .collect();
    let names = ["loaded after the fix", "forgotten"];
    notebook.chart(
        "Rows that were kept back, by the expectation that they broke",
        stacked(&bars, " rows", &names),
    );
}

/// How long rows have waited, at each moment, for the refresh that takes them.
async fn freshness(notebook: &mut Notebook, loads: &Loads) -> Result<()> {
    let mut changes = loads.changes();
    changes.push(f64::from(REPLAYED_AT));
    let mut lines = Vec::new();
    for (table, lag) in [("delay_by_weather", 60.0), ("on_time_by_month", 30.0), ("on_time", 10.0)]
    {
        let refreshes = notebook
            .rows(&format!(
                "SELECT DATEDIFF('second', '2014-01-01'::TIMESTAMP_LTZ, data_timestamp)\n\
                 FROM TABLE(nyc.information_schema.dynamic_table_refresh_history(\n  \
                 NAME => 'semantic.{table}', RESULT_LIMIT => 10000))\n\
                 WHERE state = 'SUCCEEDED' ORDER BY 1"
            ))
            .await?;
        let refreshes: Vec<f64> = refreshes.iter().map(|row| number_in(row, 0) / 60.0).collect();
        let apart = refreshes.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        notebook.check(&format!("minutes between refreshes of {table}, at most"), apart, lag)?;
        let points = waits(&changes, &refreshes);
        lines.push(Line { name: table.to_owned(), points, steps: false });
    }
    let y = Axis::new("minutes waited", 0.0, 60.0);
    let svg = Plot { x: clock(), y, height: 280.0, legend: true, lines, marks: Vec::new() }.svg();
    notebook.chart(
        "How long rows of the table have waited for each dynamic table. Its next refresh takes them: \
         after 10, 30 and 60 minutes at most.",
        svg,
    );
    Ok(())
}

/// Up from each change to the refresh after it, and down again.
fn waits(changes: &[f64], refreshes: &[f64]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = vec![(f64::from(OPENING), 0.0)];
    for change in changes {
        let refresh = refreshes.iter().copied().find(|refresh| refresh >= change);
        let waiting = points.last().is_some_and(|(at, _)| at > change);
        if let Some(refresh) = refresh.filter(|_| !waiting) {
            points.extend([(*change, 0.0), (refresh, refresh - change), (refresh, 0.0)]);
        }
    }
    points.push((f64::from(CLOSING), 0.0));
    points
}

/// The metric as it was at each moment: the dynamic table is read as of then.
async fn metrics(notebook: &mut Notebook) -> Result<()> {
    notebook.say(
        "How the metric moved is not recorded anywhere, and need not be: the table is asked as of \
         each half hour.",
    );
    let mut lines: Vec<Line> = Vec::new();
    for minute in (OPENING + 30..=CLOSING).step_by(30) {
        let asked = format!(
            "SELECT origin, 100.0 * SUM(on_time) / SUM(arrived) FROM semantic.on_time\n\
             AT(TIMESTAMP => '2014-01-01 {:02}:{:02}:00'::TIMESTAMP_LTZ) GROUP BY origin ORDER BY origin",
            minute / 60,
            minute % 60
        );
        for row in notebook.rows(&asked).await? {
            let point = (f64::from(minute), number_in(&row, 1));
            match lines.iter_mut().find(|line| line.name == text_in(&row, 0)) {
                Some(line) => line.points.push(point),
                None => lines.push(Line {
                    name: text_in(&row, 0).to_owned(),
                    points: vec![point],
                    steps: true,
                }),
            }
        }
    }
    notebook.check("airports in the picture", lines.len(), 3)?;
    let all = || lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let (low, high) = (all().fold(100.0, f64::min), all().fold(0.0, f64::max));
    let y = Axis::new("flights on time, percent of those that arrived", low, high);
    let svg = Plot { x: clock(), y, height: 280.0, legend: false, lines, marks: Vec::new() }.svg();
    notebook.chart("What was known during the day of how punctual each airport is", svg);
    Ok(())
}

async fn flow(notebook: &mut Notebook, loads: &Loads, kept: &Kept) -> Result<()> {
    let mut rows = Vec::new();
    for table in ["on_time", "on_time_by_month", "delay_by_weather", "on_time_by_carrier"] {
        rows.push(notebook.number(&format!("SELECT COUNT(*) FROM semantic.{table}")).await?);
    }
    let told: u32 = loads.arrivals.iter().map(|arrival| arrival.told).sum();
    let node = |column, row, name: &str, lines: &[String]| Node {
        column,
        row,
        name: name.to_owned(),
        lines: lines.to_vec(),
        aside: name == "quarantine",
    };
    let count = |rows: i64, what: &str| format!("{} {what}", number(rows as f64));
    let (dimensions, metrics) = PERFORMANCE_SIZE;
    let nodes = vec![
        node(
            0,
            0,
            "bucket",
            &[
                format!("{} files", loads.arrivals.len()),
                format!("{} MB", number((loads.bytes() / 100_000.0).round() / 10.0)),
            ],
        ),
        node(
            1,
            0,
            "pipe",
            &[
                format!("{told} notifications"),
                format!("{} loads, {} failed", loads.loads.len(), loads.failed()),
            ],
        ),
        node(2, 0, "flights", &[count(data::FLIGHTS, "rows")]),
        node(
            2,
            1,
            "quarantine",
            &[
                format!("{} in, {} out", kept.rows(), kept.replayed()),
                count(kept.rows() - kept.replayed(), "forgotten"),
            ],
        ),
        node(
            3,
            0,
            "performance",
            &["semantic view".to_owned(), format!("{metrics} metrics, {dimensions} dim.")],
        ),
        node(3, 1, "on_time", &["dynamic, 10 min".to_owned(), count(rows[0], "rows")]),
        node(3, 2, "delay_by_weather", &["dynamic, 1 h".to_owned(), count(rows[2], "rows")]),
        node(4, 0, "by airline", &[count(rows[3], "rows")]),
        node(4, 1, "on_time_by_month", &["dynamic, 30 min".to_owned(), count(rows[1], "rows")]),
    ];
    let edge = |from, to, text: String| Edge { from, to, text };
    let edges = vec![
        edge(0, 1, String::new()),
        edge(1, 2, number(loads.rows())),
        edge(1, 3, number(kept.rows() as f64)),
        edge(3, 2, format!("+{}", kept.replayed())),
        edge(2, 4, String::new()),
        edge(2, 5, String::new()),
        edge(2, 6, String::new()),
        edge(4, 7, String::new()),
        edge(5, 8, String::new()),
    ];
    let layers = [(0, 1, "raw"), (2, 2, "processed"), (3, 4, "semantic")];
    let layers = layers.map(|(first, last, name)| (first, last, name.to_owned())).to_vec();
    notebook.chart("From files to metrics, with rows", Flow { layers, nodes, edges }.svg());
    let arrived = loads.rows() as i64 + kept.replayed();
    notebook.check("rows of the pipe and of the replay", arrived, data::FLIGHTS)
}

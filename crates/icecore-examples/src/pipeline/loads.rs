//! What became of each file, and the page that says so.

use icecore::{Result, TextRow};

use super::arrivals::Arrival;
use crate::chart::{Bar, stacked};
use crate::notebook::{Notebook, number_in, text_in};
use crate::page::{Block, Page, PageTable};
use crate::svg::number;

/// All loads of the pipe, in minutes of the day.
const LOADS: &str = "\
SELECT SPLIT_PART(file_name, '/', -1), file_size, row_parsed, row_count, error_count, status,
       first_error_message,
       DATEDIFF('second', '2014-01-01'::TIMESTAMP_LTZ, pipe_received_time),
       DATEDIFF('second', '2014-01-01'::TIMESTAMP_LTZ, last_load_time)
FROM TABLE(nyc.information_schema.copy_history(
  TABLE_NAME => 'processed.flights', START_TIME => '2014-01-01'::TIMESTAMP_LTZ,
  PIPE_NAME => 'raw.monthly'))
ORDER BY last_load_time";

/// The moments at which the dynamic table that all others are made of was
/// refreshed.
const REFRESHES: &str = "\
SELECT DATEDIFF('second', '2014-01-01'::TIMESTAMP_LTZ, data_timestamp)
FROM TABLE(nyc.information_schema.dynamic_table_refresh_history(
  NAME => 'semantic.on_time', RESULT_LIMIT => 10000))
WHERE state = 'SUCCEEDED' AND refresh_action <> 'NO_DATA' ORDER BY 1";

/// One load of one file.
pub(super) struct Load {
    pub(super) file: String,
    pub(super) rows: f64,
    /// When the pipe had loaded it, or had found that it cannot.
    pub(super) at: f64,
    pub(super) failed: bool,
    size_bytes: f64,
    parsed: f64,
    errors: f64,
    status: String,
    first_error: String,
    /// When the pipe was first told of it.
    told_at: f64,
    /// When its rows were in the metrics.
    fresh_at: Option<f64>,
}

/// All of them, in the order of time.
pub(super) struct Loads {
    pub(super) loads: Vec<Load>,
    pub(super) arrivals: Vec<Arrival>,
}

impl Loads {
    pub(super) async fn read(notebook: &Notebook, arrivals: Vec<Arrival>) -> Result<Self> {
        let refreshes: Vec<f64> =
            notebook.rows(REFRESHES).await?.iter().map(|row| number_in(row, 0) / 60.0).collect();
        let rows = notebook.rows(LOADS).await?;
        let loads = rows.iter().map(|row| Load::of(row, &refreshes)).collect();
        Ok(Self { loads, arrivals })
    }

    /// Rows that were loaded by the pipe.
    pub(super) fn rows(&self) -> f64 {
        self.loads.iter().map(|load| load.rows).sum()
    }

    pub(super) fn failed(&self) -> usize {
        self.loads.iter().filter(|load| load.failed).count()
    }

    /// The moments at which the table got rows.
    pub(super) fn changes(&self) -> Vec<f64> {
        self.loads.iter().filter(|load| load.rows > 0.0).map(|load| load.at).collect()
    }

    /// Bytes of the files as they were loaded.
    pub(super) fn bytes(&self) -> f64 {
        self.loads.iter().filter(|load| !load.failed).map(|load| load.size_bytes).sum()
    }

    /// Writes the report as a page of its own.
    pub(super) fn report(&self, notebook: &mut Notebook) -> Result<()> {
        notebook.heading("The loads");
        let loaded = self.loads.len() - self.failed();
        notebook.check("loads that ended well", loaded, self.arrivals.len())?;
        let slowest = self.loads.iter().filter_map(|load| Some(load.fresh_at? - load.at));
        let slowest = slowest.fold(0.0, f64::max);
        notebook.check("minutes from a table to its metrics, at most 10", slowest <= 10.0, true)?;
        let mut page = Page::default();
        page.begin(
            "Load report",
            "Every file that the pipe of the pipeline example was told of on 1 January 2014, and \
             what became of it. Times are of the simulated clock, in UTC.",
        );
        page.add(Block::Heading("From the bucket to the metrics".to_owned()));
        page.add(Block::Chart {
            caption: "How long the rows of each file took from the bucket to the dynamic table \
                      `on_time`. September counts from the moment when half of it landed; of the \
                      file by hand no row is in the table."
                .to_owned(),
            svg: self.latencies(),
        });
        page.add(Block::Heading("Every load".to_owned()));
        page.add(Block::Text(
            "From COPY_HISTORY. A load is partial where expectations kept rows back; they are in \
             the quarantine and counted as errors, the first of which is shown."
                .to_owned(),
        ));
        page.add(Block::Table(self.table()));
        notebook.attach("pipeline-loads.html", "The load report", page);
        Ok(())
    }

    fn latencies(&self) -> String {
        let bar = |arrival: &Arrival| {
            let landed = arrival.landed.first().copied().map_or(0.0, f64::from);
            let load = self.loads.iter().find(|load| load.file == arrival.file && !load.failed)?;
            let parts = [load.at - landed, load.fresh_at? - load.at];
            Some(Bar::new(arrival.file.clone(), parts))
        };
        let drawn: Vec<Bar> = self.arrivals.iter().filter_map(bar).collect();
        stacked(&drawn, " min", &["from the bucket to the table", "from the table to on_time"])
    }

    fn table(&self) -> PageTable {
        let names = [
            ("file", false),
            ("bytes", true),
            ("landed", false),
            ("told", true),
            ("first told", false),
            ("loaded", false),
            ("in the metrics", false),
            ("status", false),
            ("rows parsed", true),
            ("rows loaded", true),
            ("errors", true),
            ("first error", false),
        ];
        PageTable {
            columns: names.map(|(name, numeric)| (name.to_owned(), numeric)).to_vec(),
            rows: self.loads.iter().map(|load| self.row(load)).collect(),
            hidden: 0,
        }
    }

    fn row(&self, load: &Load) -> TextRow {
        let arrival = self.arrivals.iter().find(|arrival| arrival.file == load.file);
        let before = |arrival: &Arrival| {
            let landed = arrival.landed.iter().filter(|at| f64::from(**at) <= load.at);
            landed.max().map(|at| clock(f64::from(*at)))
        };
        let text = |text: &str| Some(if text.is_empty() { "–" } else { text }.to_owned());
        vec![
            Some(load.file.clone()),
            Some(number(load.size_bytes)),
            arrival.and_then(before),
            arrival.map(|arrival| arrival.told.to_string()),
            Some(clock(load.told_at)),
            Some(clock(load.at)),
            text(&load.fresh_at.map(clock).unwrap_or_default()),
            Some(load.status.clone()),
            Some(number(load.parsed)),
            Some(number(load.rows)),
            Some(number(load.errors)),
            text(&load.first_error),
        ]
    }
}

impl Load {
    fn of(row: &TextRow, refreshes: &[f64]) -> Self {
        let status = text_in(row, 5).to_owned();
        let rows = number_in(row, 3);
        let failed = status == "Load failed";
        let at = number_in(row, 8) / 60.0;
        // What is loaded at a moment is in a refresh of that moment.
        let fresh_at = refreshes.iter().copied().find(|refresh| *refresh >= at);
        Self {
            file: text_in(row, 0).to_owned(),
            size_bytes: number_in(row, 1),
            parsed: number_in(row, 2),
            rows,
            errors: number_in(row, 4),
            status,
            first_error: text_in(row, 6).to_owned(),
            told_at: number_in(row, 7) / 60.0,
            at,
            failed,
            // A file without rows is in no metric.
            fresh_at: fresh_at.filter(|_| rows > 0.0),
        }
    }
}

fn clock(minutes: f64) -> String {
    let minutes = minutes.floor() as i64;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

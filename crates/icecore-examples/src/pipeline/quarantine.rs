//! What was kept back, why, and what became of it.

use icecore::Result;

use super::arrivals::{BY_HAND, BY_HAND_BROKEN};
use crate::data::{self, Data};
use crate::notebook::{Notebook, number_in, text_in};

/// When somebody looks at the quarantine, and when it is replayed.
const LOOKED_AT: u32 = 18 * 60 + 50;
/// When the owner has thought about it.
pub(super) const REPLAYED_AT: u32 = 19 * 60 + 15;

/// The expectations that were wrong, and what they should have been.
const FIXES: [(&str, &str); 2] = [
    ("distance", "CHECK RANGE (distance BETWEEN 1 AND 5000) ON VIOLATION QUARANTINE"),
    ("departure", "CHECK RANGE (dep_time BETWEEN 1 AND 2400) ON VIOLATION QUARANTINE"),
];

/// Rows of the quarantine by the expectation that they broke.
pub(super) struct Reason {
    pub(super) expectation: String,
    pub(super) rows: i64,
    /// How many of them were rows after all.
    pub(super) replayed: i64,
}

/// What was in the quarantine before anything left it.
pub(super) struct Kept {
    pub(super) reasons: Vec<Reason>,
}

impl Kept {
    pub(super) fn rows(&self) -> i64 {
        self.reasons.iter().map(|reason| reason.rows).sum()
    }

    pub(super) fn replayed(&self) -> i64 {
        self.reasons.iter().map(|reason| reason.replayed).sum()
    }
}

pub(super) async fn run(notebook: &mut Notebook, data: &Data) -> Result<Kept> {
    notebook.until(LOOKED_AT).await?;
    let mut kept = look(notebook, data).await?;
    warned(notebook, data).await?;
    notebook.until(REPLAYED_AT).await?;
    fix(notebook, &mut kept).await?;
    purge(notebook, &kept).await?;
    Ok(kept)
}

const BY_EXPECTATION: &str = "\
SELECT METADATA$EXPECTATION AS expectation, COUNT(*) AS kept_back, MIN(METADATA$REASON) AS for_example
FROM TABLE(QUARANTINE('processed.flights'))
GROUP BY 1 ORDER BY kept_back DESC";

async fn look(notebook: &mut Notebook, data: &Data) -> Result<Kept> {
    notebook.heading("What was kept back");
    notebook.say(
        "The quarantine is asked like a table: which file, which record, and why. Whether all of \
         these rows are wrong is for a person to say. How many rows of the files break the first two \
         expectations, DuckDB has counted as well.",
    );
    let rows = notebook.show(BY_EXPECTATION).await?;
    let expected = data.expected("expectations")?;
    let mut reasons = Vec::new();
    for row in &rows {
        let expectation = text_in(row, 0).to_owned();
        let by_hand = BY_HAND_BROKEN.iter().find(|(name, _)| *name == expectation);
        let by_hand = by_hand.map_or(0, |(_, rows)| *rows);
        let counted = expected.iter().find(|row| text_in(row, 0) == expectation);
        let counted = counted.map_or(0.0, |row| number_in(row, 1)) as i64;
        let rows = number_in(row, 1) as i64;
        let what = format!("rows that break {expectation}: of the files, and written by hand");
        notebook.check(&what, rows, counted + by_hand)?;
        reasons.push(Reason { expectation, rows, replayed: 0 });
    }
    notebook.check("expectations that rows break", reasons.len(), 5)?;
    notebook
        .show(
            "SELECT METADATA$ROW_NUMBER AS record, METADATA$REASON AS reason, METADATA$RECORD AS text\n\
             FROM TABLE(QUARANTINE('processed.flights'))\n\
             WHERE METADATA$FILENAME LIKE '%by_hand%' ORDER BY 1 LIMIT 4",
        )
        .await?;
    Ok(Kept { reasons })
}

async fn warned(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.say(
        "A warning keeps no row back: flights of unknown planes are counted, and loaded. The half of \
         September was judged as well, at 13:06, before it broke off; it is left out here.",
    );
    let rows = notebook
        .show(
            "SELECT expectation, action_taken, SUM(rows_violating) AS flights_warned_of\n\
             FROM TABLE(EXPECTATION_RESULTS('processed.flights'))\n\
             WHERE action_taken = 'WARN'\n  \
             AND DATE_TRUNC('minute', measured_at) <> '2014-01-01 13:06:00'::TIMESTAMP_LTZ\n\
             GROUP BY ALL",
        )
        .await?;
    let expected = data.expected("expectations")?;
    let plane = expected.iter().find(|row| text_in(row, 0) == "PLANE");
    let expected = plane.map_or(0.0, |row| number_in(row, 1)) as i64;
    notebook.check("flights whose plane is unknown", number_in(&rows[0], 2) as i64, expected)
}

async fn fix(notebook: &mut Notebook, kept: &mut Kept) -> Result<()> {
    notebook.heading("The fix");
    notebook.say(
        "Honolulu is 4,983 miles away, and midnight is written as 2400: the rows are right, and the \
         expectations were wrong. They are replaced, and the quarantine is judged again. What passes \
         moves into the table in one commit; what does not stays.",
    );
    for (name, check) in FIXES {
        notebook.run(&format!("ALTER TABLE processed.flights DROP EXPECTATION {name}")).await?;
        notebook
            .run(&format!("ALTER TABLE processed.flights ADD EXPECTATION {name} {check}"))
            .await?;
    }
    let replayed = notebook.show("ALTER TABLE processed.flights REPLAY QUARANTINE").await?;
    for reason in &mut kept.reasons {
        let left = format!(
            "SELECT COUNT(*) FROM TABLE(QUARANTINE('processed.flights')) \
             WHERE METADATA$EXPECTATION = '{}'",
            reason.expectation
        );
        reason.replayed = reason.rows - notebook.number(&left).await?;
    }
    let by_hand: i64 = BY_HAND_BROKEN.iter().map(|(_, rows)| rows).sum();
    notebook.check("rows replayed", number_in(&replayed[0], 0) as i64, kept.rows() - by_hand)?;
    notebook.check("rows that stay", number_in(&replayed[0], 1) as i64, by_hand)?;
    notebook.say("A second replay moves nothing: each row is loaded once.");
    let again = notebook.show("ALTER TABLE processed.flights REPLAY QUARANTINE").await?;
    notebook.check("rows replayed twice", number_in(&again[0], 0) as i64, 0)
}

async fn purge(notebook: &mut Notebook, kept: &Kept) -> Result<()> {
    notebook.say(
        "What is left was written by hand: five flights that were there already, and six that never \
         flew. Its author agrees, and it is forgotten.",
    );
    let purged = notebook
        .show(&format!(
            "ALTER TABLE processed.flights PURGE QUARANTINE WHERE METADATA$FILENAME LIKE '%{BY_HAND}%'"
        ))
        .await?;
    let left = kept.rows() - kept.replayed();
    notebook.check("rows forgotten", number_in(&purged[0], 0) as i64, left)?;
    let flights = notebook.number("SELECT COUNT(*) FROM processed.flights").await?;
    notebook.check("flights loaded", flights, data::FLIGHTS)
}

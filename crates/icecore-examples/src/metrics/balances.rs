//! What is held at a moment is not added up over moments.

use icecore::Result;

use super::{Answers, of};
use crate::data::{Data, month_name};
use crate::notebook::{Notebook, number_in};

/// A row for each evening and airport.
const WAITING: &str = "\
CREATE TABLE processed.waiting AS
SELECT DATE_FROM_PARTS(year, month, day) AS day, month, origin,
       COUNT_IF(hour * 60 + minute < 21 * 60 AND hour * 60 + minute + dep_delay >= 21 * 60) AS flights
FROM processed.flights GROUP BY ALL";

const QUEUES: &str = "\
CREATE SEMANTIC VIEW semantic.queues
  TABLES (waiting AS processed.waiting PRIMARY KEY (day, origin))
  DIMENSIONS (waiting.day AS day, waiting.month AS month, waiting.origin AS origin)
  METRICS (waiting.at_nine NON ADDITIVE BY (day) AS SUM(flights))";

pub(super) async fn run(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Balances: how many are waiting?");
    notebook.say(
        "At nine in the evening, how many flights should have left and have not? That is a balance, \
         like the stock of a shop: it adds up over airports, and not over days. At the end of a month \
         the queue is that of its last evening.",
    );
    notebook.run(WAITING).await?;
    let evenings = notebook.number("SELECT COUNT(*) FROM processed.waiting").await?;
    notebook.check("evenings at airports", evenings, 3 * 365)?;
    let naive = notebook
        .show(
            "SELECT month, SUM(flights) AS waiting\n\
             FROM processed.waiting GROUP BY month ORDER BY month",
        )
        .await?;
    notebook.say(
        "NON ADDITIVE BY says so once: of each group only the rows of its last day count, whether \
         that is a month, an airport or the year.",
    );
    notebook.run(QUEUES).await?;
    let right = notebook
        .show(
            "SELECT * FROM SEMANTIC_VIEW(semantic.queues\n  \
             DIMENSIONS waiting.month METRICS waiting.at_nine) ORDER BY month",
        )
        .await?;
    notebook.check_equal(
        "the queue at the end of a month",
        &right,
        &data.expected("waiting_by_month")?,
    )?;
    let whole = notebook
        .show("SELECT * FROM SEMANTIC_VIEW(semantic.queues METRICS waiting.at_nine)")
        .await?;
    let last = notebook
        .number("SELECT SUM(flights) FROM processed.waiting WHERE day = '2013-12-31'::DATE")
        .await?;
    notebook.check(
        "the queue at the end of the year, and on its last evening",
        number_in(&whole[0], 0) as i64,
        last,
    )?;
    notebook.check("July added up", of(&naive, "7", 1) as i64, 1_230)?;
    notebook.check("July", of(&right, "7", 1) as i64, 14)?;
    let drawn = Answers { naive: (&naive, 1), right: (&right, 1) };
    let months = drawn.draw(" flights", 12, |month| month_name(month).to_owned());
    notebook.chart("Flights that wait at nine in the evening, at the end of each month", months);
    Ok(())
}

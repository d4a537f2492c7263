//! Where a number comes from.

use icecore::Result;

use crate::notebook::{Notebook, text_in};

const QUESTION: &str = "\
EXPLAIN METRIC SELECT * FROM SEMANTIC_VIEW(semantic.fleet
  DIMENSIONS planes.manufacturer, airlines.airline METRICS flights.flights)";

pub(super) async fn run(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Where does a number come from?");
    notebook.say(
        "EXPLAIN METRIC answers for every value: the SQL that the question became, the tables with \
         the version that is read, and each file that was loaded into them, with the statement that \
         loaded it.",
    );
    notebook.run(QUESTION).await?;
    let rows = notebook
        .show(
            "SELECT \"kind\", SPLIT_PART(\"name\", '/', -1) AS name, \"version\", \"rows\" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))\n\
             WHERE \"kind\" <> 'SEMANTIC VIEW'",
        )
        .await?;
    let count = |kind: &str| rows.iter().filter(|row| text_in(row, 0) == kind).count();
    notebook.check("tables", count("TABLE"), 3)?;
    notebook.check("files", count("FILE"), 14)
}

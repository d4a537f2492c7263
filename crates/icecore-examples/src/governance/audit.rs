//! Who looked at what, and why.

use icecore::Result;

use super::seat;
use crate::notebook::{Notebook, number_in, text_in};

/// What each asked about the sales, and what for.
const WHO: &str = "\
SELECT user_name, role_name, query_tag, COUNT(*) AS asked,
       COUNT_IF(execution_status <> 'SUCCESS') AS refused
FROM snowflake.account_usage.query_history
WHERE query_text ILIKE '%sales%' AND query_tag <> ''
GROUP BY ALL ORDER BY user_name, query_tag";

/// Who read the addresses themselves, and whether the mask was there.
const ADDRESSES: &str = "\
SELECT user_name, query_tag, COUNT(*) AS statements,
       COUNT_IF(policies_referenced LIKE '%RETAIL.GOVERNANCE.ADDRESS%') AS under_the_mask
FROM snowflake.account_usage.access_history
WHERE base_objects_accessed LIKE '%\"RETAIL.PROCESSED.SALES\"%'
  AND base_objects_accessed LIKE '%\"EMAIL\"%' AND user_name <> 'ICECORE'
GROUP BY ALL ORDER BY user_name, query_tag";

pub(super) async fn run(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Who looked at what, and why");
    seat(notebook, "mia", "a look at the log").await?;
    notebook
        .say("Everybody sees what they asked themselves; the texts of others hold more than that.");
    let others =
        "SELECT COUNT(*) FROM snowflake.account_usage.query_history WHERE user_name <> 'MIA'";
    let seen = notebook.number(others).await?;
    notebook.check("statements of others that Mia sees", seen, 0)?;

    seat(notebook, "ada", "audit-7").await?;
    notebook
        .say("Ada sees what everybody asked, in which role and for what purpose, refused or not.");
    let rows = notebook.show(WHO).await?;
    let curious = rows.iter().find(|row| text_in(row, 2).contains("curiosity"));
    let refused = curious.map_or(0.0, |row| number_in(row, 4)) as i64;
    notebook.check("refused to Mia when she was curious", refused, 3)?;
    let finance = rows
        .iter()
        .any(|row| text_in(row, 0) == "FINN" && text_in(row, 2).contains("closing of the quarter"));
    notebook.check("Finn's purpose is there", finance, true)?;
    columns(notebook).await?;
    seal(notebook).await
}

/// What was read, whatever the text said.
async fn columns(notebook: &mut Notebook) -> Result<()> {
    notebook.say(
        "Texts can be written to hide what they read. What a statement read is recorded to the \
         column, through views too, with the policies that were evaluated.",
    );
    let rows = notebook.show(ADDRESSES).await?;
    let users: Vec<&str> = rows.iter().map(|row| text_in(row, 0)).collect();
    notebook.check("Finn read addresses", users.contains(&"FINN"), true)?;
    notebook.check("and Mia", users.contains(&"MIA"), true)?;
    let masked = rows.iter().all(|row| number_in(row, 2) == number_in(row, 3));
    notebook.check("never without the policy", masked, true)
}

/// Nobody changed the log afterwards.
async fn seal(notebook: &mut Notebook) -> Result<()> {
    notebook.say("Each record of the log has the hash of the one before it.");
    let rows = notebook.show("VERIFY AUDIT").await?;
    let verified = rows.iter().all(|row| text_in(row, 5).starts_with("verified"));
    notebook.check("the log is what was written", verified, true)
}

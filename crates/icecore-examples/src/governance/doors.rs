//! What somebody tries who wants to see more than they may.

use icecore::Result;

use super::{CUSTOMER, SALES, seat};
use crate::notebook::{Notebook, text_in};

/// `before` is a version that is older than the policies.
pub(super) async fn run(notebook: &mut Notebook, before: i64) -> Result<()> {
    let owner = seat(notebook, "mia", "curiosity").await?;
    guesses(notebook).await?;
    copies(notebook, before).await?;
    rights(notebook).await?;
    notebook.seat(owner);
    notebook.say("The owner cannot take a policy away that something still needs, either.");
    let refused = notebook.refused("DROP MASKING POLICY governance.address").await?;
    let in_use = refused.message().contains("cannot be dropped/replaced");
    notebook.check("the policy stays", in_use, true)
}

/// By the answer, by an error, by a plan.
async fn guesses(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Side doors: guessing");
    notebook.say("A mask stands wherever its column does: a filter sees what is shown.");
    let found = count(notebook, &format!("email = '{CUSTOMER}'")).await?;
    notebook.check("rows of a customer whose address is guessed", found, 0)?;
    notebook.say(
        "A division by zero for one customer would tell that they are there, if it were computed \
         on what is stored.",
    );
    let guess = format!("1 / (CASE WHEN email = '{CUSTOMER}' THEN 0 ELSE 1 END) = 1");
    let found = count(notebook, &guess).await?;
    notebook.check("rows, and no error", found, SALES)?;
    notebook.say("A plan shows that there is a policy, and nothing of the table behind it.");
    let plan = notebook.rows("EXPLAIN SELECT email FROM processed.sales").await?;
    let text = format!("{plan:?}");
    notebook.check("the plan has one opaque line", text.contains("DynamicSecureView"), true)?;
    notebook.check("and names no mapping table", text.to_lowercase().contains("regions"), false)
}

async fn count(notebook: &mut Notebook, condition: &str) -> Result<i64> {
    let rows =
        notebook.show(&format!("SELECT COUNT(*) FROM processed.sales WHERE {condition}")).await?;
    Ok(rows.first().and_then(|row| text_in(row, 0).parse().ok()).unwrap_or(-1))
}

/// By a copy, a clone, yesterday, a file, a view.
async fn copies(notebook: &mut Notebook, before: i64) -> Result<()> {
    notebook.heading("Side doors: copying");
    notebook.say("What is copied is what is seen; a clone has the policies of its table.");
    notebook.run("CREATE TABLE sandbox.copied AS SELECT * FROM processed.sales").await?;
    notebook.run("CREATE TABLE sandbox.cloned CLONE processed.sales").await?;
    notebook.run("CREATE VIEW sandbox.seen AS SELECT * FROM processed.sales").await?;
    notebook.say("The version before the policies was made is read under those of today.");
    notebook.run("COPY INTO @~/out/ FROM processed.sales OVERWRITE = TRUE").await?;
    for (what, from, address) in [
        ("addresses in a copy", "sandbox.copied".to_owned(), "email"),
        ("addresses in a clone", "sandbox.cloned".to_owned(), "email"),
        ("addresses through a view", "sandbox.seen".to_owned(), "email"),
        ("addresses of the past", format!("processed.sales AT(VERSION => {before})"), "email"),
        ("addresses in a file", "@~/out/".to_owned(), "$15"),
    ] {
        let counts = format!(
            "SELECT COUNT_IF({address} LIKE '***@%') || ' masked, ' || \
             COUNT_IF({address} NOT LIKE '***@%') || ' in clear' FROM {from}"
        );
        let rows = notebook.rows(&counts).await?;
        let found = rows.first().map(|row| text_in(row, 0)).unwrap_or_default();
        notebook.check(what, found, &format!("{SALES} masked, 0 in clear"))?;
    }
    Ok(())
}

/// By taking rights.
async fn rights(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("Side doors: taking rights");
    for (statement, code) in [
        ("GRANT ROLE finance_europe TO USER mia", "002003"),
        ("USE ROLE finance_europe", "003013"),
        ("GRANT SELECT ON TABLE processed.sales TO ROLE PUBLIC", "003001"),
        ("ALTER TABLE processed.sales MODIFY COLUMN email UNSET MASKING POLICY", "003001"),
        ("ALTER TABLE sandbox.cloned DROP ALL ROW ACCESS POLICIES", "003001"),
        ("UPDATE processed.sales SET region = 'Europe'", "003001"),
        ("SELECT * FROM governance.regions", "002003"),
        ("LIST @governance.landing", "002043"),
    ] {
        let refused = notebook.refused(statement).await?;
        notebook.check("code", refused.code().number(), code)?;
    }
    notebook.say("What she may, and why, she can ask.");
    notebook.show("EXPLAIN ACCESS SELECT * FROM processed.sales").await.map(drop)
}

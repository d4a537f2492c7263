//! One table with personal data, three roles, and every side door tried.

mod audit;
mod doors;
mod people;

use icecore::{Result, Session};

use crate::chart::{Bar, paired};
use crate::data::Data;
use crate::notebook::{Notebook, number_in, text_in};

/// All rows of the quarter, those of Europe, and what Europe adds up to.
const SALES: i64 = 4_117;
const IN_EUROPE: i64 = 1_297;
const EUROPES_TOTAL: &str = "12072998.98";
/// A customer who bought three times.
const CUSTOMER: &str = "user8844@test.org";

/// The question that everybody asks.
const QUESTION: &str = "\
SELECT region, COUNT(*) AS sales, SUM(total) AS total, MAX(email) AS an_address
FROM processed.sales GROUP BY region ORDER BY region";

pub(crate) async fn run(mut notebook: Notebook, data: &Data) -> Result<Notebook> {
    notebook.title(
        "Governance",
        "A quarter of sales with the customers' addresses. Marketing may see all regions and no \
         address, finance its own region in clear, and an auditor who looked at what and why. The \
         same question is asked by three roles, and then every side door is tried.",
    );
    load(&mut notebook, data).await?;
    people::run(&mut notebook).await?;
    let before = protect(&mut notebook).await?;
    ask(&mut notebook).await?;
    doors::run(&mut notebook, before).await?;
    audit::run(&mut notebook).await?;
    Ok(notebook)
}

async fn load(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("A table with personal data");
    for statement in [
        "CREATE DATABASE retail",
        "CREATE SCHEMA processed",
        "CREATE SCHEMA governance",
        "CREATE STAGE governance.landing",
    ] {
        notebook.run(statement).await?;
    }
    notebook.run(&format!("PUT {} @governance.landing", data.sales()?)).await?;
    notebook
        .run(
            "CREATE TABLE processed.sales (\n    \
             product_id VARCHAR(8), product_category VARCHAR, customer_id VARCHAR(8), \
             customer_segment VARCHAR,\n    region VARCHAR NOT NULL, country VARCHAR, city VARCHAR, \
             sold_at TIMESTAMP_NTZ,\n    quarter VARCHAR(7), month INT, year INT, price NUMBER(12,2), \
             quantity INT, status VARCHAR,\n    email VARCHAR, revenue NUMBER(12,2), \
             tax NUMBER(12,2), total NUMBER(12,2),\n    payment_method VARCHAR, sales_channel VARCHAR\n)",
        )
        .await?;
    notebook
        .run(
            "COPY INTO processed.sales FROM @governance.landing\n\
             FILE_FORMAT = (TYPE = CSV SKIP_HEADER = 1)",
        )
        .await?;
    let rows = notebook.number("SELECT COUNT(*) FROM processed.sales").await?;
    notebook.check("sales loaded", rows, SALES)
}

/// Puts the policies on the table, and says which version was before them.
async fn protect(notebook: &mut Notebook) -> Result<i64> {
    notebook.heading("Two policies");
    let before = notebook.number("SELECT SYSTEM$LAST_VERSION()").await?;
    notebook.say(
        "Which role sees which region stands in a table that nobody but its owner reads: a row \
         access policy reads it with its own owner's rights. An address keeps its domain for \
         everybody but finance.",
    );
    for statement in [
        "CREATE TABLE governance.regions AS\n\
         SELECT * FROM (VALUES ('MARKETING', 'Europe'), ('MARKETING', 'Asia Pacific'),\n    \
         ('MARKETING', 'North America'), ('FINANCE_EUROPE', 'Europe')) AS t (role, region)",
        "CREATE ROW ACCESS POLICY governance.by_region AS (r VARCHAR) RETURNS BOOLEAN ->\n  \
         EXISTS (SELECT 1 FROM governance.regions m WHERE m.role = CURRENT_ROLE() AND m.region = r)",
        "CREATE MASKING POLICY governance.address AS (v VARCHAR) RETURNS VARCHAR ->\n  \
         CASE WHEN IS_ROLE_IN_SESSION('FINANCE_EUROPE') THEN v\n       \
         ELSE '***@' || SPLIT_PART(v, '@', 2) END",
        "ALTER TABLE processed.sales ADD ROW ACCESS POLICY governance.by_region ON (region)",
        "ALTER TABLE processed.sales MODIFY COLUMN email SET MASKING POLICY governance.address",
    ] {
        notebook.run(statement).await?;
    }
    notebook.say("They hold for everybody: the owner of the table is in no row of the mapping.");
    let seen = notebook.number("SELECT COUNT(*) FROM processed.sales").await?;
    notebook.check("rows that the table's owner sees", seen, 0)?;
    notebook.say("Who sees what of it, as far as it is known before a row is read:");
    let rows = notebook.show("SHOW EFFECTIVE ACCESS ON TABLE processed.sales").await?;
    let in_clear = rows.iter().filter(|row| text_in(row, 5).is_empty());
    let in_clear: Vec<&str> = in_clear.map(|row| text_in(row, 0)).collect();
    notebook.check("sees addresses in clear", in_clear.join(", ").as_str(), "FINANCE_EUROPE")?;
    Ok(before)
}

async fn ask(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("The same question, three times");
    let mine = seat(notebook, "mia", "the effect of the spring campaign").await?;
    notebook.say("Mia of marketing sees all regions, and no address.");
    let marketing = notebook.show(QUESTION).await?;
    let all: f64 = marketing.iter().map(|row| number_in(row, 1)).sum();
    notebook.check("rows that marketing counts", all as i64, SALES)?;
    let masked = marketing.iter().all(|row| text_in(row, 3).starts_with("***@"));
    notebook.check("addresses are masked", masked, true)?;

    seat(notebook, "finn", "closing of the quarter").await?;
    notebook.say("Finn of finance sees his region, in clear.");
    let finance = notebook.show(QUESTION).await?;
    notebook.check("regions that finance sees", finance.len(), 1)?;
    let europe = finance.first().cloned().unwrap_or_default();
    notebook.check("Europe's sales", number_in(&europe, 1) as i64, IN_EUROPE)?;
    notebook.check("Europe's total, as DuckDB adds it up", text_in(&europe, 2), EUROPES_TOTAL)?;
    notebook.check("an address in clear", text_in(&europe, 3).starts_with("user"), true)?;

    seat(notebook, "ada", "audit-7").await?;
    notebook.say("Ada audits. To her the table is not there: missing and forbidden look the same.");
    let refused = notebook.refused(QUESTION).await?;
    notebook.check("code", refused.code().number(), "002003")?;
    notebook.seat(mine);
    let sales = |rows: &[icecore::TextRow], region: &str| {
        let row = rows.iter().find(|row| text_in(row, 0) == region);
        row.map_or(0.0, |row| number_in(row, 1))
    };
    let bars: Vec<Bar> = marketing
        .iter()
        .map(|row| {
            let region = text_in(row, 0);
            Bar::new(region, [number_in(row, 1), sales(&finance, region)])
        })
        .collect();
    notebook.chart("Sales that each sees", paired(&bars, "", &["marketing", "finance of Europe"]));
    Ok(())
}

/// Goes on as another user, who says what for. Gives the session that was
/// there before.
async fn seat(notebook: &mut Notebook, user: &str, purpose: &str) -> Result<Session> {
    let builder = notebook.lake().session_as(user).database("retail").schema("processed");
    let before = notebook.seat(builder.await?);
    let tag = format!("{{\"purpose\":\"{purpose}\"}}");
    notebook.run(&format!("ALTER SESSION SET QUERY_TAG = '{tag}'")).await?;
    Ok(before)
}

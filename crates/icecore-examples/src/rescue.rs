//! A bad UPDATE, found by comparing before and after, and undone.

use std::time::Duration;

use icecore::{QueryId, Result, TextRow};

use crate::chart::{Bar, paired};
use crate::data::{self, Data};
use crate::notebook::{Notebook, number_in, text_in};

/// What the year adds up to before anything happens to it.
const MINUTES_LATE: i64 = 2_257_174;
/// How many flights arrived.
const ARRIVED: i64 = 327_346;
/// The rows that should have been changed, and their minutes.
const MEANT: (i64, i64) = (4_971, 46_404);
/// Of the rows that should have been changed, those that had arrived.
const ARRIVED_OF_MEANT: i64 = 4_748;
/// The rows that were changed.
const DAMAGED: i64 = 55_503;

pub(crate) async fn run(mut notebook: Notebook, data: &Data) -> Result<Notebook> {
    notebook.title(
        "Rescue",
        "Somebody changes eleven times as many flights as they meant to. What changed is found \
         by comparing two versions, and undone without losing what came after.",
    );
    notebook.heading("A year of flights");
    data::create_layers(&mut notebook).await?;
    data::load_flights(&mut notebook, data).await?;
    let late = notebook.number("SELECT SUM(arr_delay) FROM processed.flights").await?;
    notebook.check("minutes late in the year", late, MINUTES_LATE)?;

    let mistake = damage(&mut notebook).await?;
    find(&mut notebook, mistake).await?;
    undo(&mut notebook, mistake).await?;
    confirm(&mut notebook).await?;
    Ok(notebook)
}

async fn damage(notebook: &mut Notebook) -> Result<QueryId> {
    notebook.heading("The mistake");
    notebook.say(
        "In February a blizzard closed Boston. The delays of that month are to be waived for \
         JetBlue and for all flights to Boston. But `AND` binds tighter than `OR`: this waives \
         JetBlue's delays of the whole year.",
    );
    notebook.lake().advance(Duration::from_secs(600)).await?;
    let mistake = notebook
        .run(
            "UPDATE processed.flights SET dep_delay = 0, arr_delay = 0\n\
             WHERE carrier = 'B6' OR dest = 'BOS' AND month = 2",
        )
        .await?;
    notebook.check("rows changed", mistake.rows, DAMAGED)?;
    notebook.say("Nobody notices. Ten minutes later a flight that was missing arrives.");
    notebook.lake().advance(Duration::from_secs(600)).await?;
    let late = notebook
        .run(
            "INSERT INTO processed.flights (year, month, day, dep_time, sched_dep_time, dep_delay, \
             arr_time, sched_arr_time, arr_delay, carrier, flight, tailnum, origin, dest, air_time, \
             distance, hour, minute, time_hour)\n\
             VALUES (2013, 12, 31, 2330, 2315, 15, 130, 118, 12, 'DL', 9999, NULL, 'JFK', 'ATL', \
             120, 760, 23, 15, '2014-01-01 04:00:00')",
        )
        .await?;
    notebook.check("rows inserted", late.rows, 1)?;
    Ok(mistake.query_id)
}

async fn find(notebook: &mut Notebook, mistake: QueryId) -> Result<()> {
    notebook.heading("Before and after");
    notebook.say(
        "A dashboard looks odd: JetBlue is never late. The history names the statements that \
         changed flights; the table is compared with itself just before the suspect.",
    );
    notebook
        .show(
            "SELECT query_text, rows_affected\n\
             FROM TABLE(nyc.information_schema.query_history())\n\
             WHERE query_type = 'UPDATE' ORDER BY start_time",
        )
        .await?;
    let rows = notebook.show(&COMPARISON.replace("{mistake}", &mistake.to_string())).await?;
    notebook.chart(
        "Mean minutes late at arrival, by carrier",
        paired(&before_and_now(&rows), " min", &["before the statement", "after it"]),
    );
    let jetblue = rows.iter().find(|row| row[0].as_deref() == Some("B6"));
    let value = |column: usize| jetblue.and_then(|row| row[column].as_deref()).unwrap_or_default();
    notebook.check("JetBlue's flights, all of them hit", value(1), "54635")?;
    notebook.check("JetBlue's mean before", value(2).trim_end_matches('0'), "9.46")
}

/// The table against itself, carrier by carrier.
const COMPARISON: &str = "\
SELECT was.carrier, was.flights, was.mean AS mean_before, now.mean AS mean_now,
       now.arrived - was.arrived AS cancelled_now_on_time
FROM (SELECT carrier, COUNT(*) AS flights, COUNT(arr_delay) AS arrived,
             ROUND(AVG(arr_delay), 2) AS mean
      FROM processed.flights BEFORE(STATEMENT => '{mistake}') GROUP BY carrier) was
JOIN (SELECT carrier, COUNT(arr_delay) AS arrived, ROUND(AVG(arr_delay), 2) AS mean
      FROM processed.flights AT(STATEMENT => '{mistake}') GROUP BY carrier) now
  ON now.carrier = was.carrier
WHERE was.mean <> now.mean ORDER BY was.flights DESC";

fn before_and_now(rows: &[TextRow]) -> Vec<Bar> {
    rows.iter()
        .map(|row| Bar::new(text_in(row, 0), [number_in(row, 2), number_in(row, 3)]))
        .collect()
}

async fn undo(notebook: &mut Notebook, mistake: QueryId) -> Result<()> {
    notebook.heading("Undo");
    notebook.say(
        "A clone of the moment before the mistake stores nothing. It gets the change that was \
         meant and the rows that came after, and then the two names are exchanged in one step.",
    );
    notebook
        .run(&format!(
            "CREATE TABLE processed.rescued CLONE processed.flights BEFORE(STATEMENT => '{mistake}')"
        ))
        .await?;
    let rescued = notebook.number("SELECT SUM(arr_delay) FROM processed.rescued").await?;
    notebook.check("minutes late in the clone", rescued, MINUTES_LATE)?;
    let meant = notebook
        .run(
            "UPDATE processed.rescued SET dep_delay = 0, arr_delay = 0\n\
             WHERE (carrier = 'B6' OR dest = 'BOS') AND month = 2",
        )
        .await?;
    notebook.check("rows changed as it was meant", meant.rows, MEANT.0)?;
    let kept = notebook
        .run(&format!(
            "INSERT INTO processed.rescued\n\
             SELECT * FROM processed.flights\n\
             EXCEPT SELECT * FROM processed.flights AT(STATEMENT => '{mistake}')"
        ))
        .await?;
    notebook.check("rows kept that came after the mistake", kept.rows, 1)?;
    notebook.run("ALTER TABLE processed.flights SWAP WITH processed.rescued").await?;
    notebook.run("DROP TABLE processed.rescued").await?;
    Ok(())
}

async fn confirm(notebook: &mut Notebook) -> Result<()> {
    notebook.heading("What is there now");
    notebook.say("The table has its name, its rows and its late arrival.");
    notebook
        .show(
            "SELECT COUNT(*) AS flights, COUNT(arr_delay) AS arrived, \
             SUM(arr_delay) AS minutes_late\nFROM processed.flights",
        )
        .await?;
    let blizzard = "month = 2 AND (carrier = 'B6' OR dest = 'BOS')";
    for (what, query, expected) in [
        ("flights", "COUNT(*)".to_owned(), data::FLIGHTS + 1),
        (
            "minutes late: the year, less what was waived, and one flight",
            "SUM(arr_delay)".to_owned(),
            MINUTES_LATE - MEANT.1 + 12,
        ),
        (
            "flights of the blizzard without a delay",
            format!("COUNT_IF({blizzard} AND arr_delay = 0)"),
            MEANT.0,
        ),
        (
            "other flights that arrived",
            format!("COUNT_IF(NOT ({blizzard}) AND arr_delay IS NOT NULL)"),
            ARRIVED - ARRIVED_OF_MEANT + 1,
        ),
    ] {
        let actual = notebook.number(&format!("SELECT {query} FROM processed.flights")).await?;
        notebook.check(what, actual, expected)?;
    }
    Ok(())
}

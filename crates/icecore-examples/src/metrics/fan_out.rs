//! A join that counts twice.

use icecore::Result;

use super::{Answers, of};
use crate::data::Data;
use crate::notebook::{Notebook, number_in};
use crate::svg::number;

/// How many manufacturers are drawn.
const DRAWN: usize = 8;

pub(super) async fn run(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Fan-out: how many seats?");
    notebook.say(
        "How many seats have the planes of each manufacturer, and how often did they fly? One join \
         answers both, it seems. But a plane is in the join once for each of its flights, and so \
         are its seats.",
    );
    let naive = notebook
        .show(
            "SELECT p.manufacturer, SUM(p.seats) AS seats, COUNT(p.tailnum) AS aircraft, COUNT(*) AS flights\n\
             FROM processed.flights f JOIN processed.planes p ON p.tailnum = f.tailnum\n\
             GROUP BY p.manufacturer ORDER BY flights DESC, p.manufacturer LIMIT 8",
        )
        .await?;
    notebook.say(
        "The semantic view counts seats in planes and flights in flights, and joins the two results. \
         A metric of both, flights per plane, is derived from them.",
    );
    let right = notebook
        .show(
            "SELECT manufacturer, seats, aircraft, flights, flights_per_plane\n\
             FROM SEMANTIC_VIEW(semantic.fleet\n  \
             DIMENSIONS planes.manufacturer\n  \
             METRICS planes.seats, planes.aircraft, flights.flights, flights_per_plane)\n\
             WHERE manufacturer IS NOT NULL ORDER BY flights DESC, manufacturer",
        )
        .await?;
    notebook.check_equal("seats and flights", &right, &data.expected("fleet_seats")?)?;
    let seats = notebook.number("SELECT SUM(seats) FROM processed.planes").await?;
    let all: f64 = right.iter().map(|row| number_in(row, 1)).sum();
    notebook.check(
        "seats of all manufacturers, as the table of planes has them",
        all as i64,
        seats,
    )?;
    let (wrong, seats) = (of(&naive, "BOEING", 1), of(&right, "BOEING", 1));
    notebook.check("seats of Boeing by the join", number(wrong).as_str(), "14,418,976")?;
    notebook.check("seats of Boeing", number(seats).as_str(), "285,556")?;
    let drawn = Answers { naive: (&naive, 1), right: (&right, 1) };
    notebook.chart("Seats by manufacturer", drawn.draw(" seats", DRAWN, str::to_owned));
    refused(notebook).await
}

/// What has no right answer has none.
async fn refused(notebook: &mut Notebook) -> Result<()> {
    notebook.say(
        "By airline the question has no answer: a plane belongs to no airline in these tables, and \
         some flew for two. The join would invent one. The view refuses.",
    );
    let error = notebook
        .refused(
            "SELECT * FROM SEMANTIC_VIEW(semantic.fleet DIMENSIONS airlines.airline METRICS planes.seats)",
        )
        .await?;
    notebook.check("the code of the refusal", error.code().number(), "010234")?;
    let two = notebook
        .number(
            "SELECT COUNT(*) FROM (SELECT tailnum FROM processed.flights WHERE tailnum IS NOT NULL \
             GROUP BY tailnum HAVING COUNT(DISTINCT carrier) > 1)",
        )
        .await?;
    notebook.check("planes that flew for two airlines", two, 17)
}

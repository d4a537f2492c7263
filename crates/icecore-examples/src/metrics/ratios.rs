//! A ratio of sums is not the mean of ratios.

use icecore::{Result, TextRow};

use super::{Answers, of};
use crate::chart::{Bar, bars};
use crate::data::{Data, month_name};
use crate::notebook::{Notebook, number_in, text_in};

pub(super) async fn run(notebook: &mut Notebook, data: &Data) -> Result<()> {
    by_airport(notebook, data).await?;
    to_date(notebook, data).await
}

async fn by_airport(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Ratios: which airport is punctual?");
    notebook.say(
        "There is a table of percentages by airport and airline. Somebody averages them: an airline \
         with eight flights weighs as much as one with forty thousand.",
    );
    let naive = notebook
        .show(
            "SELECT origin, CAST(ROUND(AVG(on_time_percent), 2) AS NUMBER(5,2)) AS on_time_percent\n\
             FROM SEMANTIC_VIEW(semantic.fleet\n  \
             DIMENSIONS flights.origin, airlines.airline METRICS on_time_percent)\n\
             GROUP BY origin ORDER BY on_time_percent DESC",
        )
        .await?;
    notebook.say(
        "The metric is a ratio of two sums. Asked by airport it is computed from the sums of each \
         airport, and the order of the airports turns around.",
    );
    let right = notebook
        .show(
            "SELECT * FROM SEMANTIC_VIEW(semantic.fleet\n  \
             DIMENSIONS flights.origin METRICS on_time_percent) ORDER BY on_time_percent DESC",
        )
        .await?;
    notebook.check_equal(
        "airports by punctuality",
        &right,
        &data.expected("on_time_by_origin")?,
    )?;
    notebook.check("the most punctual by the mean of means", text_in(&naive[0], 0), "JFK")?;
    notebook.check("the least punctual by the mean of means", text_in(&naive[2], 0), "LGA")?;
    notebook.check("the most punctual", text_in(&right[0], 0), "LGA")?;
    let by_hand = notebook
        .number(
            "SELECT ROUND(COUNT_IF(arr_delay < 15) * 10000 / COUNT(arr_delay))\n\
             FROM processed.flights WHERE origin = 'LGA'",
        )
        .await?;
    let hundredths = (of(&right, "LGA", 1) * 100.0).round() as i64;
    notebook.check("LaGuardia in hundredths of a percent, by hand", by_hand, hundredths)?;
    let drawn = Answers { naive: (&naive, 1), right: (&right, 1) };
    notebook.chart("Flights on time by airport", drawn.draw(" %", 3, str::to_owned));
    Ok(())
}

async fn to_date(notebook: &mut Notebook, data: &Data) -> Result<()> {
    notebook.heading("Windows: the year so far");
    notebook.say(
        "How punctual was the year until each month? A running mean of the months' percentages makes \
         the same mistake again, and it looks right.",
    );
    let naive = notebook
        .show(
            "SELECT month, CAST(ROUND(AVG(on_time_percent) OVER (ORDER BY month), 2) AS NUMBER(5,2)) AS to_date\n\
             FROM SEMANTIC_VIEW(semantic.fleet DIMENSIONS flights.month METRICS on_time_percent)\n\
             ORDER BY month",
        )
        .await?;
    notebook.say("Window metrics add up what is summed, and the ratio is taken of the sums.");
    let right = notebook
        .show(
            "SELECT month, on_time_percent,\n       \
             CAST(ROUND(100.0 * on_time_to_date / arrived_to_date, 2) AS NUMBER(5,2)) AS to_date\n\
             FROM SEMANTIC_VIEW(semantic.fleet\n  \
             DIMENSIONS flights.month METRICS on_time_percent, on_time_to_date, arrived_to_date)\n\
             ORDER BY month",
        )
        .await?;
    notebook.check_equal("the year so far", &right, &data.expected("on_time_to_date")?)?;
    let differ = naive.iter().zip(&right).filter(|(naive, right)| naive[1] != right[2]).count();
    notebook.check("months for which the running mean is wrong", differ, 9)?;
    let year = notebook
        .rows("SELECT on_time_percent FROM SEMANTIC_VIEW(semantic.fleet METRICS on_time_percent)")
        .await?;
    notebook.check("December, and the whole year", text_in(&right[11], 2), text_in(&year[0], 0))?;
    let off = |(naive, right): (&TextRow, &TextRow)| {
        Bar::new(month_name(text_in(right, 0)), [number_in(naive, 1) - number_in(right, 2)])
    };
    let months: Vec<Bar> = naive.iter().zip(&right).map(off).collect();
    notebook.chart(
        "How far the running mean is off, in percentage points: by so little that nobody notices",
        bars(&months, ""),
    );
    Ok(())
}

//! A year of files arrives in a day: through a pipe, past expectations, into
//! metrics that stay fresh.

mod arrivals;
mod ask;
mod layers;
mod loads;
mod pictures;
mod quality;
mod quarantine;
mod semantic;

use icecore::Result;

use crate::data::Data;
use crate::notebook::Notebook;

/// When the layers are made, in minutes of the day.
const OPENING: u32 = 6 * 60;
/// When everything has arrived and every metric has been refreshed since.
const CLOSING: u32 = 20 * 60;

pub(crate) async fn run(mut notebook: Notebook, data: &Data) -> Result<Notebook> {
    notebook.title(
        "Pipeline",
        "A year of flights out of New York arrives in one day, file by file: some are announced \
         twice, one is broken, one is late. They become tables, rows that nobody believes are kept \
         apart, and the metrics that people ask for stay fresh.",
    );
    notebook.until(OPENING).await?;
    layers::raw(&mut notebook, data).await?;
    layers::processed(&mut notebook).await?;
    layers::semantic(&mut notebook, data).await?;
    let arrivals = arrivals::run(&mut notebook, data).await?;
    let kept = quarantine::run(&mut notebook, data).await?;
    notebook.until(CLOSING).await?;
    quality::run(&mut notebook).await?;
    semantic::run(&mut notebook, data).await?;
    ask::run(&mut notebook).await?;
    let loads = loads::Loads::read(&notebook, arrivals).await?;
    pictures::run(&mut notebook, &loads, &kept).await?;
    loads.report(&mut notebook)?;
    Ok(notebook)
}

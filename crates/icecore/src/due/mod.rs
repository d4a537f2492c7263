//! What falls due by itself, each thing in its own file.

mod channels;
mod fold;
mod freshness;
mod metrics;
mod pipes;
mod refresh;

use std::sync::Arc;

use icecore_types::{Result, Timestamp};

pub(crate) use fold::before_writing;
pub(crate) use freshness::Freshness;

use crate::engine::Engine;

/// Runs what is due now: all of it, whatever fails.
///
/// # Errors
/// The first that has no history of its own to stand in.
pub(crate) async fn run(engine: &Arc<Engine>) -> Result<()> {
    let done = [
        pipes::run(engine).await,
        channels::run(engine).await,
        refresh::run(engine).await,
        freshness::run(engine).await,
        metrics::run(engine).await,
        fold::run(engine).await,
        engine.history.flush().await,
        engine.accesses.flush().await,
        engine.logins.flush().await,
        engine.refreshes.flush().await,
        engine.loads.flush().await,
        engine.expectations.flush().await,
        engine.measurements.flush().await,
    ];
    done.into_iter().collect()
}

/// The next moment at which something will be due that depends on the clock.
pub(crate) fn next_moment(engine: &Arc<Engine>) -> Option<Timestamp> {
    let moments = [
        refresh::next_moment(engine),
        freshness::next_moment(engine),
        metrics::next_moment(engine),
    ];
    moments.into_iter().flatten().min()
}

//! Pipes: what they were told of, what of it they have still to load, and in
//! which state they are. Nothing here is lost with the process but how their
//! last runs ended: events are in a journal, what was loaded is in the log.

mod bound;
mod events;
mod pending;
mod sources;
mod status;

use std::collections::HashMap;

use icecore_types::{Env, Error, ObjectId, Result, Timestamp};
use object_store::path::Path;
use parking_lot::Mutex;

pub(crate) use bound::{BoundPipe, PipeState, location, place, stage_keys};
pub(crate) use events::{Events, INSERT_FILES, NewEvent};
pub(crate) use pending::PendingFile;
pub(crate) use sources::{Delivery, Source, is_watched};
pub use status::PipeStatus;

/// What the engine keeps for all pipes of its account.
pub(crate) struct Pipes {
    pub(crate) events: Events,
    queues: Mutex<HashMap<String, Source>>,
    watched: Mutex<HashMap<ObjectId, Source>>,
    runs: Mutex<HashMap<ObjectId, LastRun>>,
}

/// How a pipe fared in this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastRun {
    /// The error that keeps it from loading, until a run succeeds.
    pub(crate) failure: Option<Error>,
    /// The error that keeps it from its notifications, until they are fetched.
    pub(crate) unfetched: Option<Error>,
    /// When it last failed.
    pub(crate) failed_at: Option<Timestamp>,
    /// When its channel was last asked for messages.
    pub(crate) pulled_at: Option<Timestamp>,
}

impl Pipes {
    pub(crate) async fn open(env: Env, root: Path) -> Result<Self> {
        let events = Events::open(env, root).await?;
        let (queues, watched, runs) = Default::default();
        Ok(Self { events, queues, watched, runs })
    }

    pub(crate) fn last_run(&self, pipe: ObjectId) -> LastRun {
        self.runs.lock().get(&pipe).cloned().unwrap_or_default()
    }

    fn update_run(&self, pipe: ObjectId, change: impl FnOnce(&mut LastRun)) {
        change(self.runs.lock().entry(pipe).or_default());
    }

    /// Remembers how a run ended: an error until one succeeds.
    pub(crate) fn ended(&self, pipe: ObjectId, at: Timestamp, failure: Option<Error>) {
        self.update_run(pipe, |run| {
            if failure.is_some() {
                run.failed_at = Some(at);
            }
            run.failure = failure;
        });
    }

    /// Remembers how its notifications were fetched.
    pub(crate) fn fetched(&self, pipe: ObjectId, at: Timestamp, failure: Option<Error>) {
        self.update_run(pipe, |run| {
            match failure {
                Some(_) => run.failed_at = Some(at),
                None => run.pulled_at = Some(at),
            }
            run.unfetched = failure;
        });
    }
}

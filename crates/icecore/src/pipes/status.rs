//! SYSTEM$PIPE_STATUS.

use std::sync::Arc;

use icecore_snapshot::Head;
use icecore_types::{ErrorKind, Result, Timestamp};
use serde::Serialize;

use super::pending::{Forwarding, pending};
use super::{BoundPipe, Delivery, PendingFile, PipeState};
use crate::engine::Engine;

/// How a pipe is: what SYSTEM$PIPE_STATUS returns as JSON, with these names.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); CREATE STAGE s").await?;
/// session.execute("CREATE PIPE p AS COPY INTO t FROM @s").await?;
/// let status = session.pipe("p").await?.status().await?;
/// assert_eq!((status.execution_state.as_str(), status.pending_file_count), ("RUNNING", 0));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PipeStatus {
    /// RUNNING, PAUSED, STOPPED_.. or STALLED_..
    pub execution_state: String,
    /// Files that it was told of and has not dealt with.
    pub pending_file_count: u64,
    /// The file that it was told of first, of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_pending_file_path: Option<String>,
    /// When it was told of that.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub oldest_file_timestamp: Option<Timestamp>,
    /// When it last loaded a file.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub last_ingested_timestamp: Option<Timestamp>,
    /// The file that it loaded last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ingested_file_path: Option<String>,
    /// Where its notifications come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_channel_name: Option<String>,
    /// When the last notification of any file came from there.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub last_received_message_timestamp: Option<Timestamp>,
    /// When the last one came of a file that is for this pipe.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub last_forwarded_message_timestamp: Option<Timestamp>,
    /// That file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_forwarded_file_path: Option<String>,
    /// When this process last asked there.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub last_pulled_from_channel_timestamp: Option<Timestamp>,
    /// When a run last failed in this process.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub last_pipe_error_timestamp: Option<Timestamp>,
    /// What keeps it from loading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn as_text<S: serde::Serializer>(time: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => out.collect_str(time),
        None => out.serialize_none(),
    }
}

impl Engine {
    /// The state of a pipe, from the catalog and from how its last run ended.
    pub(crate) fn pipe_state(&self, head: &Arc<Head>, pipe: &BoundPipe) -> Result<PipeState> {
        let state = pipe.state(head, self.now())?;
        let run = self.pipes.last_run(pipe.id);
        let failure = run.failure.or(run.unfetched);
        Ok(match (state, failure) {
            (PipeState::Running, Some(error)) => match error.kind() {
                ErrorKind::Denied => PipeState::StalledStagePermission(error),
                ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::Unsupported => {
                    PipeState::StalledCompilation(error)
                }
                _ => PipeState::StalledExecution(error),
            },
            (state, _) => state,
        })
    }

    /// The files that a pipe has still to load.
    pub(crate) fn pending_files(&self, head: &Head, pipe: &BoundPipe) -> Result<Vec<PendingFile>> {
        let forwarding = Forwarding::new(pipe, self.now())?;
        let events = self.pipes.events.all();
        Ok(pending(&forwarding, &events, head.pipe_files(pipe.id)))
    }

    /// How a pipe is.
    pub(crate) fn pipe_status(&self, head: &Arc<Head>, pipe: &BoundPipe) -> Result<PipeStatus> {
        let state = self.pipe_state(head, pipe)?;
        let pending = self.pending_files(head, pipe)?;
        let oldest = pending.first();
        let run = self.pipes.last_run(pipe.id);
        let ingested = head.pipe_files(pipe.id).and_then(|files| files.last_loaded());
        let channel = match pipe.delivery() {
            Delivery::None => None,
            Delivery::Queue(url) => Some(url),
            Delivery::Pushed | Delivery::Watched => Some(pipe.location()),
        };
        let forwarding = Forwarding::new(pipe, self.now())?;
        let events = self.pipes.events.all();
        let received = events.iter().rev().find(|event| {
            !event.baseline && channel.as_ref().is_some_and(|name| event.source == *name)
        });
        let forwarded = events
            .iter()
            .rev()
            .find_map(|event| forwarding.path(event).map(|path| (event.received, path.to_owned())));
        Ok(PipeStatus {
            execution_state: state.as_str().to_owned(),
            pending_file_count: pending.len() as u64,
            oldest_pending_file_path: oldest.map(|file| file.path.clone()),
            oldest_file_timestamp: oldest.map(|file| file.received),
            last_ingested_timestamp: ingested.map(|(_, file)| file.at),
            last_ingested_file_path: ingested.map(|(path, _)| path.to_owned()),
            notification_channel_name: channel,
            last_received_message_timestamp: received.map(|event| event.received),
            last_forwarded_message_timestamp: forwarded.as_ref().map(|(time, _)| *time),
            last_forwarded_file_path: forwarded.map(|(_, path)| path),
            last_pulled_from_channel_timestamp: run.pulled_at,
            last_pipe_error_timestamp: run.failed_at,
            error: state.error().map(|error| error.message().to_owned()),
        })
    }
}

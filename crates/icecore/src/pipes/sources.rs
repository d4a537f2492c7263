//! Where notifications come from, opened once.

use std::sync::Arc;

use icecore_raw::{Endpoint, NotificationSource, SqsQueue, StageFiles, WatchedFiles};
use icecore_types::{ObjectId, Result, StageCredentials, StageLocation};

use super::{BoundPipe, Pipes};
use crate::Settings;
use crate::stages::StageStores;

/// A source that stays open.
pub(crate) type Source = Arc<dyn NotificationSource>;

/// How a pipe comes by its notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It has none: it is told of files by name.
    None,
    /// Whoever puts a file into the stage says so, or `Icecore::notify`.
    Pushed,
    /// The location is listed and compared.
    Watched,
    /// They are in a queue at this URL.
    Queue(String),
}

impl BoundPipe {
    /// How it comes by its notifications.
    pub(crate) fn delivery(&self) -> Delivery {
        let definition = &self.definition;
        match (&definition.notification_channel, &definition.location) {
            _ if !definition.auto_ingest || self.is_untouched_clone() => Delivery::None,
            (Some(url), _) => Delivery::Queue(url.clone()),
            (None, StageLocation::External { url, .. }) if is_watched(url) => Delivery::Watched,
            (None, _) => Delivery::Pushed,
        }
    }
}

/// Locations that say nothing by themselves.
pub(crate) fn is_watched(url: &str) -> bool {
    url.starts_with("file://") || url.starts_with("memory://")
}

impl Pipes {
    /// The source of this queue, asked with the keys of the stage where the
    /// engine's settings have none.
    ///
    /// # Errors
    /// `Denied` for a queue in the machine's own network, or without TLS, that
    /// the embedding program does not allow.
    pub(crate) fn queue(
        &self,
        url: &str,
        stages: &StageStores,
        settings: &Settings,
        keys: Option<&StageCredentials>,
    ) -> Result<Source> {
        let mut queues = self.queues.lock();
        if let Some(source) = queues.get(url) {
            return Ok(Arc::clone(source));
        }
        let host = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let endpoint = Endpoint::parse(&host)?;
        stages.check_service(&endpoint)?;
        let mut options = settings.pipes.queues.clone();
        if !endpoint.has_tls() {
            options = options.setting("allow_http", "true");
        }
        if let Some(StageCredentials { key_id, secret, token }) = keys {
            options = options.setting("access_key_id", key_id).setting("secret_access_key", secret);
            if let Some(token) = token {
                options = options.setting("token", token);
            }
        }
        let source: Source = Arc::new(SqsQueue::open(url, &options)?);
        queues.insert(url.to_owned(), Arc::clone(&source));
        Ok(source)
    }

    /// The source that watches the location of a pipe for it. It begins with
    /// what the journal says was announced to the pipe, or there before it.
    pub(crate) fn watched(&self, pipe: &BoundPipe, stage: &StageFiles) -> Source {
        let mut watched = self.watched.lock();
        let source = watched.entry(pipe.id).or_insert_with(|| {
            let known = self.events.all();
            let known = known.iter().filter(|event| event.pipe == Some(pipe.id));
            let known = known.map(|event| event.file.clone());
            let below = pipe.copy.from.path.clone();
            Arc::new(WatchedFiles::new(stage.clone(), pipe.location(), below, known))
        });
        Arc::clone(source)
    }

    /// Looks at the journal again when the pipe's location is watched next.
    pub(crate) fn close_watched(&self, pipe: ObjectId) {
        self.watched.lock().remove(&pipe);
    }
}

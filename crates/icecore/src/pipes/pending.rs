//! Which files a pipe has still to load: decided from its events and what it
//! remembers, without asking anybody.

use std::collections::HashMap;
use std::sync::Arc;

use icecore_snapshot::{KnownFile, PipeFiles};
use icecore_types::{Result, Timestamp};
use regex::Regex;

use super::bound::{BoundPipe, RETAINED};
use super::events::{INSERT_FILES, StoredEvent};

/// A file that a pipe was told of and has not dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingFile {
    /// Its path in the stage.
    pub(crate) path: String,
    /// When the pipe was first told of it.
    pub(crate) received: Timestamp,
    /// Its length in bytes, if somebody said it.
    pub(crate) size_bytes: u64,
    /// The last event that says so.
    pub(crate) event: Arc<str>,
}

/// Decides which events are a pipe's.
pub(crate) struct Forwarding<'a> {
    pipe: &'a BoundPipe,
    location: String,
    pattern: Option<Regex>,
    pub(crate) oldest: Timestamp,
}

impl<'a> Forwarding<'a> {
    pub(crate) fn new(pipe: &'a BoundPipe, now: Timestamp) -> Result<Self> {
        let pattern = pipe.copy.pattern.as_deref();
        let pattern = pattern.map(icecore_raw::StageFiles::pattern).transpose()?;
        Ok(Self { pipe, location: pipe.location(), pattern, oldest: now.minus(RETAINED) })
    }

    /// The path of the file that an event tells this pipe of; none if the
    /// event is too old or not for it.
    pub(crate) fn path<'e>(&self, event: &'e StoredEvent) -> Option<&'e str> {
        if event.baseline || event.received < self.oldest {
            return None;
        }
        let path = event.file.below(&self.location)?;
        let definition = &self.pipe.definition;
        let mine = match event.pipe {
            Some(pipe) => pipe == self.pipe.id,
            None => {
                definition.auto_ingest
                    && !self.pipe.is_untouched_clone()
                    && event.received >= definition.since
            }
        };
        (mine && (event.source == INSERT_FILES || self.is_selected(path))).then_some(path)
    }

    /// PATTERN holds for what remains of the path after that of the pipe.
    fn is_selected(&self, path: &str) -> bool {
        path.strip_prefix(self.pipe.copy.from.path.as_str()).is_some_and(|rest| {
            let rest = rest.trim_start_matches('/');
            self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(rest))
        })
    }
}

/// The files that a pipe has still to load, the oldest notification first. A
/// file that was loaded is done with, whatever is said of it; one that was
/// unfit is tried again when it is told of again.
pub(crate) fn pending(
    forwarding: &Forwarding<'_>,
    events: &[Arc<StoredEvent>],
    known: Option<&PipeFiles>,
) -> Vec<PendingFile> {
    let known = |path: &str| {
        known.and_then(|known| known.file(path)).filter(|file| file.at >= forwarding.oldest)
    };
    let mut files: HashMap<&str, PendingFile> = HashMap::new();
    let mut unfit: HashMap<&str, bool> = HashMap::new();
    for event in events {
        let Some(path) = forwarding.path(event) else { continue };
        let new = match known(path) {
            None => true,
            Some(file) if file.loaded => false,
            Some(file) => is_news(event, file, unfit.entry(path).or_insert(false)),
        };
        if !new {
            continue;
        }
        let told = files.entry(path).or_insert_with(|| PendingFile {
            path: path.to_owned(),
            received: event.received,
            size_bytes: event.file.size_bytes.unwrap_or(0),
            event: Arc::clone(&event.id),
        });
        told.event = Arc::clone(&event.id);
    }
    let mut files: Vec<PendingFile> = files.into_values().collect();
    files.sort_by(|a, b| (a.received, &a.path).cmp(&(b.received, &b.path)));
    files
}

/// Whether an event of an unfit file came after the last that was known when
/// it was found to be unfit. A clock that stands still does not tell: the
/// order of the events does, which `passed` follows.
fn is_news(event: &StoredEvent, file: &KnownFile, passed: &mut bool) -> bool {
    let news = *passed || event.received > file.at;
    *passed |= file.event.as_deref() == Some(&*event.id);
    news && file.event.as_deref() != Some(&*event.id)
}

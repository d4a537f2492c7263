//! The queue of all pipes: events in a journal, so that whoever sent them may
//! forget them, and in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use icecore_raw::FileEvent;
use icecore_snapshot::Journal;
use icecore_types::{Env, Error, ObjectId, Result, Timestamp};
use object_store::path::Path;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::bound::RETAINED;

/// The source of files that were named one by one: no PATTERN is asked of them.
pub(crate) const INSERT_FILES: &str = "INSERT_FILES";

/// An event as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredEvent {
    /// Its own, so that reading it twice adds it once.
    pub(crate) id: Arc<str>,
    /// When it was received.
    #[serde(rename = "received_us")]
    pub(crate) received: Timestamp,
    /// Where it came from: the name of a source, or of what sent it.
    pub(crate) source: String,
    /// The one pipe that it is for, if somebody named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pipe: Option<ObjectId>,
    /// Only says that the file was there before anybody watched: it is not
    /// loaded for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) baseline: bool,
    /// The file.
    pub(crate) file: FileEvent,
}

/// An event on its way in.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) source: String,
    pub(crate) pipe: Option<ObjectId>,
    pub(crate) baseline: bool,
    pub(crate) file: FileEvent,
}

impl NewEvent {
    /// One for whichever pipes take it.
    pub(crate) fn for_all(source: &str, file: FileEvent) -> Self {
        Self { source: source.to_owned(), pipe: None, baseline: false, file }
    }

    /// One for this pipe alone.
    pub(crate) fn for_pipe(source: &str, pipe: ObjectId, file: FileEvent) -> Self {
        Self { pipe: Some(pipe), ..Self::for_all(source, file) }
    }

    /// A file that was there before this pipe was.
    pub(crate) fn baseline(source: &str, pipe: ObjectId, file: FileEvent) -> Self {
        Self { baseline: true, ..Self::for_pipe(source, pipe, file) }
    }
}

/// All events that were received, and that are received.
pub(crate) struct Events {
    env: Env,
    journal: Journal,
    /// The last batch whose rows are in memory.
    read: tokio::sync::Mutex<u64>,
    kept: RwLock<Kept>,
    /// Told of what came since it was last waited for.
    came: Notify,
}

#[derive(Default)]
struct Kept {
    events: Vec<Arc<StoredEvent>>,
    ids: HashSet<Arc<str>>,
}

impl Kept {
    fn add(&mut self, event: StoredEvent) {
        if self.ids.insert(Arc::clone(&event.id)) {
            self.events.push(Arc::new(event));
        }
    }

    /// The files of watched locations of which the last word is older than
    /// this.
    fn carried(&self, oldest: Timestamp, watched: &HashSet<ObjectId>) -> Vec<NewEvent> {
        let mut last: HashMap<(ObjectId, &str), usize> = HashMap::new();
        for (at, event) in self.events.iter().enumerate() {
            if let Some(pipe) = event.pipe.filter(|pipe| watched.contains(pipe)) {
                last.insert((pipe, event.file.location.as_str()), at);
            }
        }
        let mut old: Vec<_> = last
            .into_iter()
            .filter_map(|((pipe, _), at)| Some((at, pipe, self.events.get(at)?)))
            .filter(|(.., event)| event.received < oldest)
            .collect();
        old.sort_unstable_by_key(|(at, ..)| *at);
        let carry = |(_, pipe, event): (usize, ObjectId, &Arc<StoredEvent>)| {
            NewEvent::baseline(&event.source, pipe, event.file.clone())
        };
        old.into_iter().map(carry).collect()
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        self.events.retain(|event| event.received >= oldest);
        self.ids = self.events.iter().map(|event| Arc::clone(&event.id)).collect();
    }
}

impl Events {
    /// Reads what was kept.
    pub(crate) async fn open(env: Env, root: Path) -> Result<Self> {
        let journal = Journal::open(env.clone(), root, "events").await?;
        let last = journal.last().await;
        let mut kept = Kept::default();
        for stored in journal.rows().await? {
            kept.add(decoded(stored)?);
        }
        let (read, kept) = (tokio::sync::Mutex::new(last), RwLock::new(kept));
        Ok(Self { env, journal, read, kept, came: Notify::new() })
    }

    /// Keeps events: when this returns they survive the process.
    ///
    /// # Errors
    /// `Unavailable` if it is not known whether they do.
    pub(crate) async fn add(&self, events: Vec<NewEvent>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let received = self.env.clock.now();
        let mut stored = Vec::with_capacity(events.len());
        for event in events {
            let id = format!("{:032x}", self.env.ids.next()).into();
            let NewEvent { source, pipe, baseline, file } = event;
            let event = StoredEvent { id, received, source, pipe, baseline, file };
            let row = serde_json::to_value(&event)
                .map_err(|source| Error::internal("an event cannot be kept").with_source(source))?;
            self.journal.append(row);
            stored.push(event);
        }
        self.journal.flush().await?;
        let mut kept = self.kept.write();
        stored.into_iter().for_each(|event| kept.add(event));
        self.came.notify_one();
        Ok(())
    }

    /// Returns when this process has received events since it last returned.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    /// Takes in what other processes have received.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if what is kept
    /// is damaged.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let mut read = self.read.lock().await;
        // Rows of a flush that failed may have been stored, or are now.
        self.journal.flush().await?;
        let (rows, last) = self.journal.after(*read).await?;
        let events = rows.into_iter().map(decoded).collect::<Result<Vec<_>>>()?;
        let mut kept = self.kept.write();
        events.into_iter().for_each(|event| kept.add(event));
        *read = last;
        Ok(())
    }

    /// Forgets what is too old to be loaded for. Of a location that is
    /// `watched` for a pipe it stays known which files were announced, or they
    /// would be news again: that is written down anew first, so whenever this
    /// is cut short nothing is lost.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer; what was not done is still
    /// due the next time.
    pub(crate) async fn upkeep(&self, watched: &HashSet<ObjectId>) -> Result<()> {
        let oldest = self.env.clock.now().minus(RETAINED);
        if !self.kept.read().events.iter().any(|event| event.received < oldest) {
            return Ok(());
        }
        let carried = self.kept.read().carried(oldest, watched);
        self.add(carried).await?;
        self.journal.remove_before(oldest).await?;
        self.kept.write().forget_before(oldest);
        Ok(())
    }

    /// All events, in the order in which they were received.
    pub(crate) fn all(&self) -> Vec<Arc<StoredEvent>> {
        self.kept.read().events.clone()
    }
}

fn decoded(row: serde_json::Value) -> Result<StoredEvent> {
    serde_json::from_value(row)
        .map_err(|source| Error::corrupted("a row of the journal of events").with_source(source))
}

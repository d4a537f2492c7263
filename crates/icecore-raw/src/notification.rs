//! Notifications: what says that a file came to be.

mod s3;
mod sqs;
mod watch;

#[cfg(test)]
mod tests;

use futures::future::BoxFuture;
use icecore_types::{Result, Timestamp};
use serde::{Deserialize, Serialize};

pub use s3::s3_events;
pub use sqs::{SqsOptions, SqsQueue};
pub use watch::WatchedFiles;

/// A file came to be, or was written again.
///
/// ```
/// use icecore_raw::FileEvent;
/// let event = FileEvent::new("s3://retail/2013/flights.csv");
/// assert_eq!(event.below("s3://retail/"), Some("2013/flights.csv"));
/// assert_eq!(event.below("s3://retail/2014/"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEvent {
    /// Its URL, with nothing encoded: `s3://bucket/path/file name.csv`.
    pub location: String,
    /// Its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// The store's mark of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Orders events of this one file, as text; of different lengths the
    /// shorter is filled with zeros on its left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// When it happened, as the sender says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Timestamp>,
}

impl FileEvent {
    /// Of the file at this URL; nothing else is known of it.
    pub fn new(location: impl Into<String>) -> Self {
        Self { location: location.into(), ..Self::default() }
    }

    /// The path below a location, which ends with a slash or is taken as if it
    /// did: nothing if the file is elsewhere.
    pub fn below(&self, location: &str) -> Option<&str> {
        let rest = self.location.strip_prefix(location.trim_end_matches('/'))?;
        rest.strip_prefix('/').filter(|path| !path.is_empty())
    }
}

/// A message of a source. It comes again until the source is told to forget
/// it, and may come again after that.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What [`NotificationSource::forget`] takes.
    pub receipt: String,
    /// The files that it speaks of: none for a test, an error if it cannot be
    /// understood, now or ever.
    pub events: Result<Vec<FileEvent>>,
}

/// Where notifications are fetched from.
pub trait NotificationSource: Send + Sync + std::fmt::Debug {
    /// How it is called, for example by its URL.
    fn name(&self) -> &str;

    /// Some of the messages that wait, at most so many; none if there are
    /// none. Order says nothing, and one message may come several times.
    ///
    /// # Errors
    /// `Unavailable` or `Denied` if the source does not give them.
    fn receive(&self, most: usize) -> BoxFuture<'_, Result<Vec<Notice>>>;

    /// Says that these messages are kept elsewhere and need not come again.
    ///
    /// # Errors
    /// As [`Self::receive`]; then they may come again.
    fn forget(&self, receipts: Vec<String>) -> BoxFuture<'_, Result<()>>;
}

//! Moments of the past, as Rust names them.

use std::time::Duration;

use icecore_types::{QueryId, Timestamp, Version};

/// Which version of an object is meant.
///
/// ```
/// use icecore::{At, Version};
/// let before = At::Version(Version::new(3));
/// assert_ne!(before, At::Latest);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// The newest one when the statement starts.
    #[default]
    Latest,
    /// The one with this number.
    Version(Version),
    /// The last one committed at or before this moment.
    Timestamp(Timestamp),
    /// The last one committed at least this long ago.
    Ago(Duration),
    /// The one just before this statement ended.
    Before(QueryId),
    /// The one that this statement left, or saw when it ended.
    After(QueryId),
}

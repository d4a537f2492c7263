//! How far a statement has come.

use std::sync::Arc;

/// How far a statement has come, as it reports it now and then.
///
/// ```
/// use icecore::Progress;
/// let progress = Progress { what: "loading".into(), done: 3, total: Some(12), rows: 90_000 };
/// assert_eq!(progress.to_string(), "loading 3/12, 90000 rows");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub what: String,
    /// Parts that are done: files of a load.
    pub done: u64,
    /// Parts in all, where that is known.
    pub total: Option<u64>,
    /// Rows so far.
    pub rows: u64,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.total {
            Some(total) => write!(f, "{} {}/{total}, {} rows", self.what, self.done, self.rows),
            None => write!(f, "{}, {} rows", self.what, self.rows),
        }
    }
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct Observer(pub(crate) Arc<dyn Fn(Progress) + Send + Sync>);

impl Observer {
    pub(crate) fn tell(&self, progress: Progress) {
        (self.0)(progress);
    }
}

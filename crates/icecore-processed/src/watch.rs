//! What is told while a COPY runs.

use futures::future::BoxFuture;
use icecore_types::Result;

use crate::{Progress, Rejected};

/// Is told how far a COPY has come, and which records it refuses.
///
/// ```
/// use futures::FutureExt;
/// use futures::future::BoxFuture;
/// use icecore_processed::{CopyWatcher, Rejected};
/// struct Counting(std::sync::atomic::AtomicUsize);
/// impl CopyWatcher for Counting {
///     fn rejected(&self, rows: Vec<Rejected>) -> BoxFuture<'_, icecore_types::Result<()>> {
///         self.0.fetch_add(rows.len(), std::sync::atomic::Ordering::Relaxed);
///         async { Ok(()) }.boxed()
///     }
/// }
/// ```
pub trait CopyWatcher: Send + Sync {
    /// How far it has come; called for each block.
    fn progress(&self, step: Progress) {
        let _ = step;
    }

    /// Takes refused records, in the order of the files: all of them, also what
    /// goes elsewhere, at most a few thousand at once, also of files that are
    /// skipped. The COPY waits
    /// for it, so that nobody has to hold more than that.
    ///
    /// # Errors
    /// Whatever is to fail the COPY.
    fn rejected(&self, rows: Vec<Rejected>) -> BoxFuture<'_, Result<()>>;
}

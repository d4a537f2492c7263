//! The outside world, passed in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use object_store::ObjectStore;

use crate::Timestamp;

/// Tells the time of the account: retention, history, billing.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now. It may step back; nothing may rely on it not doing so.
    fn now(&self) -> Timestamp;
}

/// Waits for the outside world: back-off and deadlines, never the account's time.
pub trait Timer: Send + Sync + fmt::Debug {
    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// How long the process has been running, on this timer.
    fn elapsed(&self) -> Duration;
}

/// Makes ids, secrets, and the little randomness that back-off needs.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// 128 bits that were never returned before.
    fn next(&self) -> u128;

    /// Bytes that nobody can guess: what a token is made of.
    fn secret(&self) -> [u8; 32];
}

/// What an engine needs of the world: nothing else is read or waited for.
#[derive(Clone, Debug)]
pub struct Env {
    /// Where everything is kept, rooted at the store's own folder.
    pub store: Arc<dyn ObjectStore>,
    /// The account's time.
    pub clock: Arc<dyn Clock>,
    /// Waiting for the outside.
    pub timer: Arc<dyn Timer>,
    /// New ids.
    pub ids: Arc<dyn IdSource>,
}

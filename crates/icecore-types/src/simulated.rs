//! A clock that is moved by hand, a timer that follows it, and ids from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tokio::sync::oneshot;

use crate::{Clock, IdSource, Timer, Timestamp};

/// A clock that stands still until it is moved.
///
/// ```
/// use icecore_types::{Clock, SimulatedClock, Timestamp};
/// use std::time::Duration;
///
/// let clock = SimulatedClock::starting_at(Timestamp::parse("2013-01-01T00:00:00Z")?);
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now().to_string(), "2013-01-01T01:00:00Z");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimulatedClock {
    now: Arc<Mutex<Timestamp>>,
}

impl SimulatedClock {
    /// Standing at this moment.
    pub fn starting_at(now: Timestamp) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock();
        *now = now.plus(by);
    }

    /// Moves it anywhere, back as well.
    pub fn set(&self, to: Timestamp) {
        *self.now.lock() = to;
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        *self.now.lock()
    }
}

#[derive(Debug, Default)]
struct Waiting {
    elapsed: Duration,
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    next: u64,
}

/// A timer whose sleepers wake when it is moved past them, in order of time.
#[derive(Clone, Debug, Default)]
pub struct SimulatedTimer {
    waiting: Arc<Mutex<Waiting>>,
}

impl SimulatedTimer {
    /// Moves it on and wakes whoever was waiting for a moment until then.
    pub fn advance(&self, by: Duration) {
        let mut waiting = self.waiting.lock();
        waiting.elapsed += by;
        let now = waiting.elapsed;
        while let Some(entry) = waiting.sleepers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            // A sleeper that was dropped does not mind not being woken.
            let _ = entry.remove().send(());
        }
    }

    /// Whether somebody is waiting.
    pub fn has_sleepers(&self) -> bool {
        !self.waiting.lock().sleepers.is_empty()
    }
}

impl Timer for SimulatedTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let key = (waiting.elapsed + duration, waiting.next);
        waiting.next += 1;
        waiting.sleepers.insert(key, wake);
        async move {
            let _ = woken.await;
        }
        .boxed()
    }

    fn elapsed(&self) -> Duration {
        self.waiting.lock().elapsed
    }
}

/// The same ids from the same seed.
#[derive(Debug)]
pub struct SeededIds {
    random: Mutex<StdRng>,
}

impl SeededIds {
    /// The sequence that belongs to this seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Mutex::new(StdRng::seed_from_u64(seed)) }
    }
}

impl IdSource for SeededIds {
    fn next(&self) -> u128 {
        let mut bits = [0; 16];
        self.random.lock().fill_bytes(&mut bits);
        uuid::Builder::from_random_bytes(bits).into_uuid().as_u128()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bits = [0; 32];
        self.random.lock().fill_bytes(&mut bits);
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_their_time_has_come() {
        let timer = SimulatedTimer::default();
        let mut sleep = timer.sleep(Duration::from_secs(2));
        timer.advance(Duration::from_secs(1));
        assert!((&mut sleep).now_or_never().is_none());
        timer.advance(Duration::from_secs(1));
        sleep.await;
        assert!(!timer.has_sleepers());
    }

    #[test]
    fn a_seed_is_a_sequence() {
        let (a, b) = (SeededIds::new(7), SeededIds::new(7));
        assert_eq!((a.next(), a.next()), (b.next(), b.next()));
        assert_ne!(a.next(), SeededIds::new(8).next());
    }
}

//! An environment without a wall clock.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_types::{Env, SeededIds, SimulatedClock, Timer, Timestamp};
use object_store::ObjectStore;
use parking_lot::Mutex;

/// A timer whose sleeps end at once, and count as if they had been slept: a
/// deadline still comes, without anybody waiting for it.
///
/// ```
/// use icecore_testkit::ImpatientTimer;
/// use icecore_types::Timer;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let timer = ImpatientTimer::default();
/// timer.sleep(Duration::from_secs(60)).await;
/// assert_eq!(timer.elapsed(), Duration::from_secs(60));
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct ImpatientTimer {
    elapsed: Arc<Mutex<Duration>>,
}

impl Timer for ImpatientTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let elapsed = Arc::clone(&self.elapsed);
        async move {
            *elapsed.lock() += duration;
            // Whoever is waited for gets its turn.
            tokio::task::yield_now().await;
        }
        .boxed()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock()
    }
}

/// An environment with the handles that move it.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use icecore_testkit::TestEnv;
///
/// let world = TestEnv::new(Arc::new(object_store::memory::InMemory::new()), 7);
/// world.clock.advance(Duration::from_secs(1));
/// assert_eq!(world.env.clock.now().to_string(), "2013-01-01T00:00:01Z");
/// ```
#[derive(Clone, Debug)]
pub struct TestEnv {
    /// What the engine is given.
    pub env: Env,
    /// Moves the account's time; it begins at 2013-01-01 00:00:00 UTC.
    pub clock: SimulatedClock,
    /// Tells how long would have been waited.
    pub timer: ImpatientTimer,
}

impl TestEnv {
    /// An environment over this store. Two writers of one store need two
    /// seeds: ids, and so the names that they give, come from it.
    pub fn new(store: Arc<dyn ObjectStore>, seed: u64) -> Self {
        let start = Timestamp::from_micros(1_356_998_400_000_000);
        let clock = SimulatedClock::starting_at(start);
        let timer = ImpatientTimer::default();
        let env = Env {
            store,
            clock: Arc::new(clock.clone()),
            timer: Arc::new(timer.clone()),
            ids: Arc::new(SeededIds::new(seed)),
        };
        Self { env, clock, timer }
    }
}

/// The environment of [`TestEnv`] with seed 0, where nothing has to be moved.
pub fn test_env(store: Arc<dyn ObjectStore>) -> Env {
    TestEnv::new(store, 0).env
}

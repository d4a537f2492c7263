//! Who runs now, who waits, and for how long it ran.

use std::sync::Arc;
use std::time::Duration;

use icecore_types::Timer;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a warehouse has done and is doing.
///
/// ```
/// use icecore_warehouse::WarehouseStatistics;
/// assert_eq!(WarehouseStatistics::default().running, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarehouseStatistics {
    /// Statements that run now.
    pub running: usize,
    /// Statements that wait now.
    pub queued: usize,
    /// Statements that were ever let in.
    pub admitted: u64,
    /// How long at least one statement was running, until now.
    pub busy: Duration,
    /// How long statements ran, added up; those that still run not included.
    pub ran: Duration,
    /// How long statements waited, added up; those that still wait not
    /// included.
    pub waited: Duration,
}

#[derive(Debug, Default)]
struct Meter {
    done: WarehouseStatistics,
    /// When the first of those that run began.
    busy_since: Duration,
}

#[derive(Debug)]
struct Shared {
    timer: Arc<dyn Timer>,
    meter: Mutex<Meter>,
}

impl Shared {
    fn began(&self, waited: Duration) {
        let now = self.timer.elapsed();
        let mut meter = self.meter.lock();
        if meter.done.running == 0 {
            meter.busy_since = now;
        }
        meter.done.running += 1;
        meter.done.admitted += 1;
        meter.done.waited += waited;
    }

    fn ended(&self, began: Duration) {
        let now = self.timer.elapsed();
        let mut meter = self.meter.lock();
        meter.done.running -= 1;
        meter.done.ran += now.saturating_sub(began);
        if meter.done.running == 0 {
            let busy = now.saturating_sub(meter.busy_since);
            meter.done.busy += busy;
        }
    }
}

/// The right to run one statement; it ends when this is dropped.
///
/// ```
/// use icecore_warehouse::Permit;
/// fn run(permit: Permit) {
///     // The statement runs here; dropping the permit lets the next one in.
///     drop(permit);
/// }
/// ```
#[derive(Debug)]
#[must_use = "the statement may run for as long as this lives"]
pub struct Permit {
    shared: Arc<Shared>,
    began: Duration,
    waited: Duration,
    _place: OwnedSemaphorePermit,
}

impl Permit {
    /// How long the statement waited to be let in.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.ended(self.began);
    }
}

/// Counts one who waits, however its waiting ends.
struct Waiting(Arc<Shared>);

impl Waiting {
    fn new(shared: Arc<Shared>) -> Self {
        shared.meter.lock().done.queued += 1;
        Self(shared)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.meter.lock().done.queued -= 1;
    }
}

/// Lets in so many at once, the others in the order in which they came.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Admission {
    pub(crate) fn new(concurrency: usize, timer: Arc<dyn Timer>) -> Self {
        let shared = Arc::new(Shared { timer, meter: Mutex::default() });
        Self { places: Arc::new(Semaphore::new(concurrency)), shared }
    }

    pub(crate) fn admit(&self) -> impl Future<Output = Permit> + Send + use<> {
        let (places, shared) = (Arc::clone(&self.places), Arc::clone(&self.shared));
        async move {
            let came = shared.timer.elapsed();
            let waiting = Waiting::new(Arc::clone(&shared));
            let place = places.acquire_owned().await.expect("nobody closes the semaphore");
            drop(waiting);
            let began = shared.timer.elapsed();
            let waited = began.saturating_sub(came);
            shared.began(waited);
            Permit { shared, began, waited, _place: place }
        }
    }

    pub(crate) fn statistics(&self) -> WarehouseStatistics {
        let now = self.shared.timer.elapsed();
        let meter = self.shared.meter.lock();
        let mut statistics = meter.done;
        if statistics.running > 0 {
            statistics.busy += now.saturating_sub(meter.busy_since);
        }
        statistics
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use icecore_types::SimulatedTimer;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn admission(concurrency: usize) -> (Admission, SimulatedTimer) {
        let timer = SimulatedTimer::default();
        (Admission::new(concurrency, Arc::new(timer.clone())), timer)
    }

    #[test]
    fn the_rest_waits_in_order() {
        let (admission, timer) = admission(2);
        let (mut first, second) =
            (admission.admit().now_or_never(), admission.admit().now_or_never());
        assert!(first.is_some() && second.is_some());
        let (mut third, mut fourth) = (Box::pin(admission.admit()), Box::pin(admission.admit()));
        assert!((&mut third).now_or_never().is_none());
        assert!((&mut fourth).now_or_never().is_none());
        assert_eq!((admission.statistics().running, admission.statistics().queued), (2, 2));
        timer.advance(SECOND);
        first.take();
        assert!((&mut fourth).now_or_never().is_none(), "the third came first");
        let third = (&mut third).now_or_never().unwrap();
        assert_eq!(third.waited(), SECOND);
        drop(fourth);
        let statistics = admission.statistics();
        assert_eq!((statistics.running, statistics.queued, statistics.admitted), (2, 0, 3));
        assert_eq!(statistics.waited, SECOND);
    }

    #[test]
    fn busy_time_is_counted_once_and_running_time_for_each() {
        let (admission, timer) = admission(8);
        let a = admission.admit().now_or_never().unwrap();
        timer.advance(SECOND);
        let b = admission.admit().now_or_never().unwrap();
        timer.advance(SECOND);
        drop(a);
        assert_eq!(admission.statistics().busy, 2 * SECOND);
        timer.advance(SECOND);
        drop(b);
        timer.advance(5 * SECOND);
        let statistics = admission.statistics();
        assert_eq!((statistics.busy, statistics.ran), (3 * SECOND, 4 * SECOND));
        let c = admission.admit().now_or_never().unwrap();
        timer.advance(SECOND);
        drop(c);
        assert_eq!(admission.statistics().busy, 4 * SECOND);
    }

    #[test]
    fn one_who_gives_up_takes_no_place() {
        let (admission, _) = admission(1);
        let running = admission.admit().now_or_never();
        let mut gone = Box::pin(admission.admit());
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        drop(running);
        assert!(admission.admit().now_or_never().is_some());
        assert_eq!(admission.statistics().queued, 0);
    }
}

//! Times and their medians.

use std::time::Duration;

use icecore_types::{SystemTimer, Timer};

/// Measures how long something takes.
///
/// ```
/// let watch = icecore_benches::Stopwatch::start();
/// assert!(watch.elapsed() < std::time::Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(SystemTimer);

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(SystemTimer::default())
    }

    /// Since it began.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The times of several runs of the same thing.
///
/// ```
/// use icecore_benches::Rounds;
/// use std::time::Duration;
/// let rounds: Rounds = [3, 1, 2].map(Duration::from_millis).into_iter().collect();
/// assert_eq!(rounds.median(), Duration::from_millis(2));
/// assert_eq!(rounds.best(), Duration::from_millis(1));
/// assert_eq!(rounds.part(0.99), Duration::from_millis(3));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    times: Vec<Duration>,
}

impl Rounds {
    /// Adds a run.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// The one in the middle, the upper of two; zero if there was none.
    pub fn median(&self) -> Duration {
        self.part(0.5)
    }

    /// The one below which this part of them lies, from 0 to 1; zero if there
    /// was none.
    pub fn part(&self, part: f64) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort();
        let at = (sorted.len() as f64 * part) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// The shortest; zero if there was none.
    pub fn best(&self) -> Duration {
        self.times.iter().min().copied().unwrap_or_default()
    }
}

impl FromIterator<Duration> for Rounds {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        Self { times: times.into_iter().collect() }
    }
}

//! The real clock, timer and ids: the only file that reads them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::{Clock, IdSource, Timer, Timestamp};

/// The wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(chrono::Utc::now().timestamp_micros())
    }
}

/// Real waiting, on tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemTimer {
    started: Instant,
}

impl Default for SystemTimer {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Timer for SystemTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// UUID version 7: unique, and sorted by the time of their making.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self) -> u128 {
        uuid::Uuid::now_v7().as_u128()
    }

    fn secret(&self) -> [u8; 32] {
        let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes);
        *blake3::hash(&random.concat()).as_bytes()
    }
}

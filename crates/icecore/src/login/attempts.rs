//! How often a user's password was guessed wrong.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use icecore_governance::UserId;
use icecore_types::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// How many wrong passwords lock a user out.
const MOST: u32 = 5;

/// For how long, from the last of them on.
const LOCKED: Duration = Duration::from_secs(15 * 60);

/// The wrong passwords of each user since one that was right. In memory alone:
/// an engine that is opened again counts from nothing.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<UserId, Arc<Turn<Guesses>>>>);

impl Attempts {
    /// Waits until nobody else tries a password of this user: many at the same
    /// time are not more than many after each other.
    pub(super) async fn turn(&self, user: UserId) -> OwnedMutexGuard<Guesses> {
        let turn = Arc::clone(self.0.lock().entry(user).or_default());
        turn.lock_owned().await
    }
}

/// The wrong passwords of one user.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guesses {
    count: u32,
    last: Timestamp,
}

impl Guesses {
    pub(super) fn is_locked(self, now: Timestamp) -> bool {
        self.count >= MOST && now.since(self.last) < LOCKED
    }

    /// Remembers how a try ended that was not locked out.
    pub(super) fn tried(&mut self, right: bool, now: Timestamp) {
        let before = if self.count >= MOST { 0 } else { self.count };
        let count = if right { 0 } else { before + 1 };
        *self = Self { count, last: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_passwords_lock_for_a_quarter_of_an_hour() {
        let at = |minutes: u64| Timestamp::from_micros(0).plus(Duration::from_secs(minutes * 60));
        let mut guesses = Guesses::default();
        for minute in 0..5 {
            assert!(!guesses.is_locked(at(minute)));
            guesses.tried(false, at(minute));
        }
        assert!((4..19).all(|minute| guesses.is_locked(at(minute))));
        assert!(!guesses.is_locked(at(19)));
        guesses.tried(false, at(19));
        assert!(!guesses.is_locked(at(19)), "it counts from the beginning");
        (20..23).for_each(|minute| guesses.tried(false, at(minute)));
        guesses.tried(true, at(23));
        (24..28).for_each(|minute| guesses.tried(false, at(minute)));
        assert!(!guesses.is_locked(at(28)));
    }
}

//! What something was at each version: its states, oldest first.

use icecore_types::Version;

use crate::blocks::Blocks;

/// A chain of states, each with the version that made it. Never empty once it
/// is stored; cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct History<T> {
    states: Blocks<(Version, T)>,
}

impl<T: Clone> History<T> {
    /// One that begins at `version`.
    pub(crate) fn new(version: Version, state: T) -> Self {
        let mut states = Blocks::new();
        states.push((version, state));
        Self { states }
    }

    /// Adds the state that `version` makes; what the same version said before
    /// was never visible and is replaced.
    pub(crate) fn push(&mut self, version: Version, state: T) {
        if self.last_version() == Some(version) {
            self.states.replace_last((version, state));
        } else {
            self.states.push((version, state));
        }
    }

    /// The latest state.
    pub(crate) fn last(&self) -> Option<&T> {
        self.states.last().map(|(_, state)| state)
    }

    /// The version that made the latest state.
    pub(crate) fn last_version(&self) -> Option<Version> {
        self.states.last().map(|(version, _)| *version)
    }

    /// The state at `version`, if there was one yet.
    pub(crate) fn at(&self, version: Version) -> Option<&T> {
        let index = self.states_until(version).checked_sub(1)?;
        self.states.get(index).map(|(_, state)| state)
    }

    fn states_until(&self, version: Version) -> usize {
        self.states.partition(|(made, _)| *made <= version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_the_state_that_was_last_made() {
        let mut history = History::new(Version::new(3), "a");
        history.push(Version::new(5), "b");
        history.push(Version::new(5), "c");
        history.push(Version::new(9), "d");
        let at = |version| history.at(Version::new(version)).copied();
        let found: Vec<_> = [2, 3, 4, 5, 8, 9, 100].into_iter().map(at).collect();
        assert_eq!(found, [None, Some("a"), Some("a"), Some("c"), Some("c"), Some("d"), Some("d")]);
        assert_eq!(history.last_version(), Some(Version::new(9)));
    }
}

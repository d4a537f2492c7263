//! Which version an id was given at, found without looking at each version.

use std::sync::Arc;

/// The low bits of an entry are its version, the others bits of the id's hash:
/// enough that few versions are looked at in vain.
const VERSION_BITS: u32 = 40;
/// Entries that are not sorted yet, at most.
const UNSORTED: usize = 64;

/// Ids with the versions they were given at, eight bytes each. Only ever added
/// to; copies are cheap, and share what they have in common.
///
/// It is a hint: what it finds must be looked at. An id of a version beyond
/// 2^40 is not found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    /// Each sorted, each more than twice as long as the next, and older.
    runs: Arc<Vec<Arc<[u64]>>>,
    /// The newest, in the order in which they came.
    unsorted: Arc<Vec<u64>>,
}

impl Ids {
    /// Adds an id; versions never go back.
    pub(crate) fn push(&mut self, id: u128, version: u64) {
        let unsorted = Arc::make_mut(&mut self.unsorted);
        unsorted.push(entry(id, version));
        if unsorted.len() == UNSORTED {
            let mut run = std::mem::take(unsorted);
            run.sort_unstable();
            self.add_run(run);
        }
    }

    /// Runs of a kind are merged, so that there are about log2(n) of them.
    fn add_run(&mut self, mut run: Vec<u64>) {
        let runs = Arc::make_mut(&mut self.runs);
        while let Some(last) = runs.pop_if(|last| last.len() <= 2 * run.len()) {
            run.extend_from_slice(&last);
            // Two runs one after the other: the sort sees them, and merges.
            run.sort();
        }
        runs.push(run.into());
    }

    /// The latest version at which the id may have been given and `is` says
    /// that it was.
    pub(crate) fn latest(&self, id: u128, is: impl Fn(u64) -> bool) -> Option<u64> {
        let (first, last) = (entry(id, 0), entry(id, u64::MAX));
        let unsorted = self.unsorted.iter().rev().filter(|at| (first..=last).contains(*at));
        let sorted = self.runs.iter().rev().flat_map(|run| {
            let from = run.partition_point(|at| *at < first);
            let until = run.partition_point(|at| *at <= last);
            run.get(from..until).unwrap_or_default().iter().rev()
        });
        unsorted.chain(sorted).map(|at| at & VERSION_MASK).find(|version| is(*version))
    }
}

const VERSION_MASK: u64 = (1 << VERSION_BITS) - 1;

fn entry(id: u128, version: u64) -> u64 {
    let folded = (id as u64) ^ ((id >> 64) as u64);
    let hash = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (hash & !VERSION_MASK) | version.min(VERSION_MASK)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_latest_version_of_each_id_is_found(
            ids in proptest::collection::vec(0_u128..400, 0..2_000),
            cut in 0_usize..2_000,
        ) {
            let (mut index, mut given) = (Ids::default(), Vec::new());
            let mut copy = index.clone();
            for (at, id) in ids.iter().enumerate() {
                index.push(*id << 60, at as u64);
                given.push(*id);
                if at + 1 == cut {
                    copy = index.clone();
                }
            }
            for (index, given) in [(&index, &given[..]), (&copy, &given[..cut.min(given.len())])] {
                // An empty copy was made before anything was cut.
                let given = if index.unsorted.is_empty() && index.runs.is_empty() { &[] } else { given };
                let expected: HashMap<u128, u64> =
                    given.iter().enumerate().map(|(at, id)| (*id, at as u64)).collect();
                for id in 0..401_u128 {
                    let found = index.latest(id << 60, |at| given.get(at as usize) == Some(&id));
                    prop_assert_eq!(found, expected.get(&id).copied());
                }
            }
        }
    }

    #[test]
    fn it_is_logarithmic_and_small() {
        let mut index = Ids::default();
        for at in 0..100_000_u64 {
            index.push(u128::from(at).wrapping_mul(0x1234_5678_9ABC_DEF1_2345), at);
        }
        assert!(index.runs.len() <= 12, "{} runs", index.runs.len());
        let entries: usize = index.runs.iter().map(|run| run.len()).sum();
        assert_eq!(entries + index.unsorted.len(), 100_000);
        let looked_at = std::cell::Cell::new(0);
        for at in 0..1_000_u64 {
            let id = u128::from(at).wrapping_mul(0x1234_5678_9ABC_DEF1_2345);
            let found = index.latest(id, |version| {
                looked_at.set(looked_at.get() + 1);
                version == at
            });
            assert_eq!(found, Some(at));
        }
        assert!(looked_at.get() < 1_100, "{} versions were looked at", looked_at.get());
    }
}

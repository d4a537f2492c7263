//! A list that grows at its end and shares all but its end with its copies.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use rpds::VectorSync;

/// Items that stand together: few enough to copy when one is added to a copy
/// that others still hold, many enough that an item costs little but itself.
const BLOCK: usize = 64;

/// A list that is only added to. Copies are cheap, and share their blocks.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    /// Each of exactly `BLOCK` items.
    full: VectorSync<Arc<Block<T>>>,
    /// Never empty once something was added.
    tail: Arc<Vec<T>>,
}

/// Items that will stand as they do for ever, with what is known of them.
#[derive(Debug)]
struct Block<T> {
    items: Box<[T]>,
    derived: Derived,
}

impl<T> Block<T> {
    fn new(items: Box<[T]>) -> Arc<Self> {
        Arc::new(Self { items, derived: Derived::new() })
    }
}

/// What is worked out once of a block's items and kept beside them.
pub(crate) type Derived = OnceLock<Arc<dyn Any + Send + Sync>>;

impl<T: Clone> Blocks<T> {
    pub(crate) fn new() -> Self {
        Self { full: VectorSync::new_sync(), tail: Arc::new(Vec::new()) }
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.tail.len() == BLOCK {
            self.full.push_back_mut(Block::new(self.tail.as_slice().into()));
            self.tail = Arc::new(vec![item]);
        } else {
            Arc::make_mut(&mut self.tail).push(item);
        }
    }

    pub(crate) fn replace_last(&mut self, item: T) {
        if let Some(last) = Arc::make_mut(&mut self.tail).last_mut() {
            *last = item;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.full.len() * BLOCK + self.tail.len()
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.tail.last()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match self.full.get(index / BLOCK) {
            Some(block) => block.items.get(index % BLOCK),
            None => self.tail.get(index - self.full.len() * BLOCK),
        }
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &T> {
        let full = self.full.iter().rev().flat_map(|block| block.items.iter().rev());
        self.tail.iter().rev().chain(full)
    }

    /// The items in groups of those that stand together; all but the last one
    /// are blocks that stay as they are.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&[T], Option<&Derived>)> {
        let full = self.full.iter().map(|block| (&block.items[..], Some(&block.derived)));
        full.chain(std::iter::once((self.tail.as_slice(), None)))
    }

    /// The first `length` items, or all: it shares their blocks.
    pub(crate) fn prefix(&self, length: usize) -> Self {
        let length = length.min(self.len());
        let blocks = length.saturating_sub(1) / BLOCK;
        let tail = (blocks * BLOCK..length).filter_map(|index| self.get(index).cloned());
        Self {
            full: self.full.iter().take(blocks).cloned().collect(),
            tail: Arc::new(tail.collect()),
        }
    }

    /// How many of the first satisfy a predicate that holds up to some point.
    pub(crate) fn partition(&self, holds: impl Fn(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(&holds) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_list_and_copies_stay_as_they_are(length in 0..300_usize, more in 0..100_usize) {
            let mut blocks = Blocks::new();
            (0..length).for_each(|item| blocks.push(item));
            let copy = blocks.clone();
            (length..length + more).for_each(|item| blocks.push(item));
            blocks.replace_last(1_000);
            for (list, length) in [(&copy, length), (&blocks, length + more)] {
                prop_assert_eq!(list.len(), length);
                let mut expected: Vec<_> = (0..length).collect();
                if let (true, Some(last)) = (std::ptr::eq(list, &blocks), expected.last_mut()) {
                    *last = 1_000;
                }
                let got: Vec<_> = (0..length).filter_map(|at| list.get(at).copied()).collect();
                prop_assert_eq!(&got, &expected);
                prop_assert_eq!(list.get(length), None);
                prop_assert_eq!(list.last(), expected.last());
                expected.reverse();
                prop_assert_eq!(list.newest_first().copied().collect::<Vec<_>>(), expected);
            }
            let part = blocks.prefix(length);
            prop_assert_eq!(part.len(), length);
            let grouped: Vec<_> = part.groups().flat_map(|(items, _)| items).copied().collect();
            let firsts = (0..length).filter_map(|at| blocks.get(at).copied());
            prop_assert_eq!(grouped, firsts.collect::<Vec<_>>());
            let mut part = part;
            part.push(7);
            prop_assert_eq!((part.len(), part.last()), (length + 1, Some(&7)));
            prop_assert_eq!(copy.partition(|item| *item < 70), length.min(70));
        }
    }
}

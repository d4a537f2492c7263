//! A map that is cheap to copy and to change a little.

use std::collections::BTreeMap;
use std::sync::Arc;

use icecore_types::{Name, ObjectId};

/// A power of two: a change copies this many pointers and one part of the
/// entries, which are 400 of 100,000.
const PARTS: usize = 256;

/// A key that says in which part of a shelf it lies.
pub(crate) trait Spread: Ord + Clone {
    fn spread(&self) -> usize;
}

impl Spread for ObjectId {
    fn spread(&self) -> usize {
        let bits = self.to_bits();
        ((bits ^ (bits >> 64)) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as usize >> 32
    }
}

impl Spread for (Option<ObjectId>, Name) {
    fn spread(&self) -> usize {
        let seed = self.0.map_or(0, |id| id.spread());
        self.1
            .as_str()
            .bytes()
            .fold(seed, |hash, byte| (hash ^ usize::from(byte)).wrapping_mul(0x0100_0000_01B3))
    }
}

type Part<K, V> = Arc<BTreeMap<K, Arc<V>>>;

/// Values by key. A copy shares everything; a change copies one part.
#[derive(Debug)]
pub(crate) struct Shelf<K, V> {
    parts: Arc<Vec<Part<K, V>>>,
}

impl<K, V> Clone for Shelf<K, V> {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts) }
    }
}

impl<K: Spread, V> Default for Shelf<K, V> {
    fn default() -> Self {
        // One empty part stands for all until they differ.
        let empty: Part<K, V> = Arc::default();
        Self { parts: Arc::new(vec![empty; PARTS]) }
    }
}

impl<K: Spread, V> Shelf<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&Arc<V>> {
        self.parts.get(key.spread() % PARTS)?.get(key)
    }

    /// Puts a value, or takes it away.
    pub(crate) fn set(&mut self, key: K, value: Option<V>) {
        let parts = Arc::make_mut(&mut self.parts);
        let Some(part) = parts.get_mut(key.spread() % PARTS) else { return };
        let part = Arc::make_mut(part);
        match value {
            Some(value) => drop(part.insert(key, Arc::new(value))),
            None => drop(part.remove(&key)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flat_map(|part| part.iter().map(|(key, value)| (key, &**value)))
    }

    /// Whether nothing was changed since one was copied from the other.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parts, &other.parts)
    }

    /// The keys whose values are not those of `earlier`, in order.
    pub(crate) fn changed_since(&self, earlier: &Self) -> Vec<K> {
        let mut keys = Vec::new();
        for (now, before) in self.parts.iter().zip(earlier.parts.iter()) {
            if Arc::ptr_eq(now, before) {
                continue;
            }
            let differs = |key: &K| match (now.get(key), before.get(key)) {
                (Some(now), Some(before)) => !Arc::ptr_eq(now, before),
                (now, before) => now.is_some() != before.is_some(),
            };
            keys.extend(now.keys().filter(|key| differs(key)).cloned());
            keys.extend(before.keys().filter(|key| !now.contains_key(key)).cloned());
        }
        keys.sort();
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_as_it_was_and_knows_what_changed() {
        let id = ObjectId::from_bits;
        let mut shelf = Shelf::default();
        for bits in 0..2000 {
            shelf.set(id(bits), Some(bits));
        }
        let before = shelf.clone();
        assert!(shelf.same(&before));
        shelf.set(id(7), Some(70));
        shelf.set(id(8), None);
        shelf.set(id(5000), Some(1));
        assert!(!shelf.same(&before));
        assert_eq!(shelf.changed_since(&before), [id(7), id(8), id(5000)]);
        assert_eq!(before.get(&id(7)).map(|value| **value), Some(7));
        assert_eq!((before.iter().count(), shelf.iter().count()), (2000, 2000));
    }
}

//! Things by key, the longest unused dropped first.

use std::collections::{BTreeMap, HashMap};

use crate::cache::{Key, Value};

/// Room that an entry takes beside its value, about.
const ENTRY_BYTES: usize = 160;

/// Every entry has a tick of its own, so `order` has exactly the keys of
/// `entries`, and `bytes` is the sum of their weights, never over `capacity`.
#[derive(Debug)]
pub(super) struct Recent {
    capacity: usize,
    bytes: usize,
    tick: u64,
    entries: HashMap<Key, Entry>,
    order: BTreeMap<u64, Key>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    bytes: usize,
    tick: u64,
}

impl Recent {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, bytes: 0, tick: 0, entries: HashMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Value> {
        let entry = self.entries.get_mut(key)?;
        self.tick += 1;
        if let Some(key) = self.order.remove(&entry.tick) {
            self.order.insert(self.tick, key);
        }
        entry.tick = self.tick;
        Some(entry.value.clone())
    }

    pub(super) fn insert(&mut self, key: Key, value: Value, bytes: usize) {
        self.remove(&key);
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        if bytes > self.capacity {
            return;
        }
        while self.bytes > self.capacity - bytes {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.remove(&oldest);
        }
        self.tick += 1;
        self.bytes += bytes;
        self.order.insert(self.tick, key.clone());
        self.entries.insert(key, Entry { value, bytes, tick: self.tick });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.tick);
            self.bytes -= entry.bytes;
        }
    }
}

//! Keys in memory that somebody is asked for.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use icecore_types::Result;

use super::keys::{BatchKeys, Key};

/// Is asked for the memory of keys before they take it.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use icecore_processed::KeyMemory;
/// use icecore_types::{Code, Error, Result};
/// #[derive(Debug)]
/// struct Most(AtomicUsize);
/// impl KeyMemory for Most {
///     fn take(&self, bytes: usize) -> Result<()> {
///         let enough = |left: usize| left.checked_sub(bytes);
///         let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough);
///         taken.map(drop).map_err(|_| Error::new(Code::RESOURCES_EXHAUSTED, "too many keys"))
///     }
///     fn give_back(&self, bytes: usize) {
///         self.0.fetch_add(bytes, Ordering::Relaxed);
///     }
/// }
/// let memory = Most(AtomicUsize::new(100));
/// memory.take(60)?;
/// assert_eq!(memory.take(60).unwrap_err().code(), Code::RESOURCES_EXHAUSTED);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub trait KeyMemory: std::fmt::Debug + Send + Sync {
    /// Takes so many bytes more.
    ///
    /// # Errors
    /// `ResourcesExhausted` if there are not so many.
    fn take(&self, bytes: usize) -> Result<()>;

    /// Needs so many bytes no more.
    fn give_back(&self, bytes: usize);
}

/// A key is a hash already, of a function that nobody can make collide.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HalfOfKey(u64);

impl Hasher for HalfOfKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

/// Keys, whose memory is asked for.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: HashSet<Key, BuildHasherDefault<HalfOfKey>>,
    memory: Option<Arc<dyn KeyMemory>>,
    taken: usize,
}

impl KeySet {
    /// Asks for memory here from now on.
    pub(super) fn set_memory(&mut self, memory: Arc<dyn KeyMemory>) {
        self.memory = Some(memory);
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    /// Makes place for so many more.
    ///
    /// # Errors
    /// `ResourcesExhausted` if there is no memory for them.
    pub(super) fn reserve(&mut self, more: usize) -> Result<()> {
        let needed = self.keys.len().saturating_add(more);
        if needed <= self.keys.capacity() {
            return Ok(());
        }
        // The old place is there until all keys are in the new one.
        let new = bytes_of(needed.max(self.keys.capacity() + 1));
        if let Some(memory) = &self.memory {
            memory.take(new)?;
            self.keys.reserve(more);
            memory.give_back(self.taken);
            self.taken = new;
        } else {
            self.keys.reserve(more);
        }
        Ok(())
    }

    /// Adds a key that there is a place for.
    pub(super) fn insert(&mut self, key: Key) {
        self.keys.insert(key);
    }

    pub(super) fn extend(&mut self, keys: &BatchKeys) -> Result<()> {
        self.reserve(keys.len())?;
        self.keys.extend(keys.all());
        Ok(())
    }

    /// Takes all keys of another set.
    pub(super) fn absorb(&mut self, other: &mut Self) -> Result<()> {
        if self.keys.is_empty() {
            std::mem::swap(&mut self.keys, &mut other.keys);
            std::mem::swap(&mut self.taken, &mut other.taken);
            return Ok(());
        }
        self.reserve(other.keys.len())?;
        self.keys.extend(other.keys.drain());
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
    }
}

/// The memory of a table with so many places: a power of two of them, of which
/// an eighth stays empty, with a byte beside each.
const fn bytes_of(places: usize) -> usize {
    let buckets = match places {
        0..4 => 4,
        4..8 => 8,
        _ => (places.saturating_mul(8) / 7).next_power_of_two(),
    };
    buckets.saturating_mul(size_of::<Key>() + 1)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::DataType;
    use icecore_types::{Code, Error};
    use parking_lot::Mutex;

    use super::*;
    use crate::expectation::keys::KeyMaker;

    /// Lets keys have so many bytes, and remembers what they have and the most
    /// that they had.
    #[derive(Debug)]
    struct Bytes {
        most: usize,
        taken: Mutex<(usize, usize)>,
    }

    impl KeyMemory for Bytes {
        fn take(&self, bytes: usize) -> Result<()> {
            let mut taken = self.taken.lock();
            if taken.0 + bytes > self.most {
                return Err(Error::new(Code::RESOURCES_EXHAUSTED, "test"));
            }
            taken.0 += bytes;
            taken.1 = taken.1.max(taken.0);
            Ok(())
        }

        fn give_back(&self, bytes: usize) {
            self.taken.lock().0 -= bytes;
        }
    }

    /// Keys of so many different numbers in parts of a hundred, which are kept
    /// after each of the files; the bytes held at the end, and at most.
    fn within(most: usize, files: &[i64]) -> Result<(usize, usize)> {
        let memory = Arc::new(Bytes { most, taken: Mutex::default() });
        let maker = KeyMaker::new(std::iter::once(DataType::Int64))?;
        let (mut known, mut fresh) = (KeySet::default(), KeySet::default());
        known.set_memory(Arc::clone(&memory) as _);
        fresh.set_memory(Arc::clone(&memory) as _);
        let mut next = 0;
        for rows in files {
            for part in (0..*rows).step_by(100) {
                let numbers = Int64Array::from_iter_values(next + part..next + part + 100);
                let keys = maker.keys(&[Arc::new(numbers) as ArrayRef])?;
                fresh.extend(&keys)?;
                assert!(keys.all().all(|key| fresh.contains(&key) && !known.contains(&key)));
            }
            next += rows;
            known.absorb(&mut fresh)?;
        }
        let all = maker.keys(&[Arc::new(Int64Array::from_iter_values(0..next)) as ArrayRef])?;
        assert!(all.all().all(|key| known.contains(&key) && !fresh.contains(&key)));
        let taken = *memory.taken.lock();
        Ok(taken)
    }

    #[test]
    fn keys_take_no_more_than_they_ask_for() {
        // A power of two of places, a byte beside each key of 16.
        let (held, peak) = within(usize::MAX, &[20_000]).unwrap();
        assert_eq!((held, peak), (32_768 * 17, 32_768 * 17 + 16_384 * 17));
        let (held, _) = within(usize::MAX, &[100; 50]).unwrap();
        assert_eq!(held, 8_192 * 17 + 128 * 17);
        assert!(within(peak, &[20_000]).is_ok());
        let error = within(peak - 1, &[20_000]).unwrap_err();
        assert_eq!(error.code(), Code::RESOURCES_EXHAUSTED);
    }

    #[test]
    fn what_is_asked_for_is_what_a_table_takes() {
        let mut keys: HashSet<Key, BuildHasherDefault<HalfOfKey>> = HashSet::default();
        for more in [1, 3, 4, 7, 8, 14, 15, 28, 29, 100, 1_000, 8_192] {
            keys.reserve(more);
            let buckets = bytes_of(more) / 17;
            assert!(buckets * 7 / 8 >= keys.capacity(), "{more}: {buckets} {}", keys.capacity());
        }
    }
}

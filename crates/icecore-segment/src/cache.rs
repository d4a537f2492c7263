//! Decoded columns in memory, bounded by bytes, loaded once.

mod recent;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use futures::future::BoxFuture;
use icecore_types::{ByteSize, ColumnId, Error, Result, SegmentId};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::DeletionVector;
use crate::cache::recent::Recent;
use crate::chunk::ChunkContent;
use crate::segment::Segment;

/// What a cache did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatistics {
    /// Things that were there when they were asked for, or that somebody else
    /// was already loading.
    pub hits: u64,
    /// Things that had to be loaded.
    pub misses: u64,
    /// Bytes held now.
    pub bytes: u64,
}

/// What a cached thing is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A column of a row group.
    Column(SegmentId, usize, ColumnId),
    /// An open segment.
    Segment(SegmentId),
    /// A deletion vector or a manifest chunk, by its path in the store.
    Object(Arc<str>),
    /// A column of a manifest chunk.
    ChunkColumn(Arc<str>, usize),
}

/// A cached thing.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Array(ArrayRef),
    Segment(Arc<Segment>),
    Deletes(Arc<DeletionVector>),
    Chunk(Arc<ChunkContent>),
}

impl Value {
    fn memory_bytes(&self) -> usize {
        match self {
            Self::Array(array) => array.get_array_memory_size(),
            Self::Segment(segment) => segment.memory_bytes(),
            Self::Deletes(vector) => vector.memory_bytes(),
            Self::Chunk(content) => content.memory_bytes(),
        }
    }

    pub(crate) fn into_array(self) -> Result<ArrayRef> {
        match self {
            Self::Array(array) => Ok(array),
            other => Err(other.unexpected()),
        }
    }

    pub(crate) fn into_segment(self) -> Result<Arc<Segment>> {
        match self {
            Self::Segment(segment) => Ok(segment),
            other => Err(other.unexpected()),
        }
    }

    pub(crate) fn into_deletes(self) -> Result<Arc<DeletionVector>> {
        match self {
            Self::Deletes(vector) => Ok(vector),
            other => Err(other.unexpected()),
        }
    }

    pub(crate) fn into_chunk(self) -> Result<Arc<ChunkContent>> {
        match self {
            Self::Chunk(content) => Ok(content),
            other => Err(other.unexpected()),
        }
    }

    fn unexpected(self) -> Error {
        Error::internal(format_args!("a cached thing is of another kind: {self:?}"))
    }
}

/// Decoded columns, open segments, deletion vectors and manifest chunks, shared
/// by all versions and clones that contain them.
///
/// It holds at most its capacity and drops what was asked for longest ago. A
/// larger one saves reading and decoding; a smaller one saves memory. What is
/// larger than the whole cache is handed out and not kept. Several readers that
/// miss the same thing at the same time load it once.
///
/// ```
/// use icecore_segment::ColumnCache;
/// use icecore_types::ByteSize;
///
/// let cache = ColumnCache::new(ByteSize::mib(256));
/// assert_eq!(cache.statistics().bytes, 0);
/// ```
#[derive(Debug)]
pub struct ColumnCache {
    state: Mutex<State>,
}

/// Something that is being loaded: ends with the value or, if loading failed or
/// was cancelled, without one.
type Loading = watch::Receiver<Option<Value>>;

#[derive(Debug)]
struct State {
    kept: Recent,
    loading: HashMap<Key, Loading>,
    hits: u64,
    misses: u64,
}

impl ColumnCache {
    /// A cache that holds at most `capacity`.
    pub fn new(capacity: ByteSize) -> Self {
        Self {
            state: Mutex::new(State {
                kept: Recent::new(capacity.as_usize()),
                loading: HashMap::new(),
                hits: 0,
                misses: 0,
            }),
        }
    }

    /// What it did so far.
    pub fn statistics(&self) -> CacheStatistics {
        let state = self.state.lock();
        CacheStatistics { hits: state.hits, misses: state.misses, bytes: state.kept.bytes() as u64 }
    }

    /// Forgets everything that is not being loaded right now.
    pub fn clear(&self) {
        self.state.lock().kept.clear();
    }

    /// The values of `keys`, in order. `load` is called with the indexes of
    /// those that nobody has or is loading, and gives their values in order.
    ///
    /// # Errors
    /// Those of `load`. Who waited for somebody else's load tries by itself.
    pub(crate) async fn get_all<'a>(
        &self,
        keys: &[Key],
        load: impl Fn(Vec<usize>) -> BoxFuture<'a, Result<Vec<Value>>> + Send + Sync,
    ) -> Result<Vec<Value>> {
        let mut values: Vec<Option<Value>> = vec![None; keys.len()];
        loop {
            let (claims, waits) = self.claim(keys, &mut values);
            if claims.is_empty() && waits.is_empty() {
                break;
            }
            if !claims.is_empty() {
                let loaded = load(claims.indexes()).await?;
                claims.fill(loaded, &mut values)?;
            }
            // Nothing claimed is held while waiting, so no two readers wait
            // for each other.
            for (index, mut channel) in waits {
                if let Ok(value) = channel.wait_for(Option::is_some).await
                    && let Some(slot) = values.get_mut(index)
                {
                    *slot = value.clone();
                }
            }
        }
        Ok(values.into_iter().flatten().collect())
    }

    /// The value of one key.
    pub(crate) async fn get<'a>(
        &self,
        key: Key,
        load: impl Fn() -> BoxFuture<'a, Result<Value>> + Send + Sync,
    ) -> Result<Value> {
        let values = self
            .get_all(std::slice::from_ref(&key), |_| {
                let value = load();
                Box::pin(async move { Ok(vec![value.await?]) })
            })
            .await?;
        values.into_iter().next().ok_or_else(|| Error::internal("a cache without an answer"))
    }

    /// Fills `values` with what is there; claims what nobody is loading.
    fn claim(
        &self,
        keys: &[Key],
        values: &mut [Option<Value>],
    ) -> (Claims<'_>, Vec<(usize, Loading)>) {
        let mut claims = Claims { cache: self, claimed: Vec::new() };
        let mut waits = Vec::new();
        let mut state = self.state.lock();
        for (index, (key, value)) in keys.iter().zip(values).enumerate() {
            if value.is_some() {
                continue;
            }
            *value = state.kept.get(key);
            if value.is_some() {
                state.hits += 1;
            } else if let Some(channel) = state.loading.get(key) {
                waits.push((index, channel.clone()));
                state.hits += 1;
            } else {
                let (sender, receiver) = watch::channel(None);
                state.loading.insert(key.clone(), receiver);
                state.misses += 1;
                claims.claimed.push((index, key.clone(), sender));
            }
        }
        drop(state);
        (claims, waits)
    }
}

/// What this reader has undertaken to load. Dropped without being filled, it
/// lets others try.
struct Claims<'a> {
    cache: &'a ColumnCache,
    claimed: Vec<(usize, Key, watch::Sender<Option<Value>>)>,
}

impl Claims<'_> {
    fn is_empty(&self) -> bool {
        self.claimed.is_empty()
    }

    fn indexes(&self) -> Vec<usize> {
        self.claimed.iter().map(|(index, ..)| *index).collect()
    }

    fn fill(mut self, loaded: Vec<Value>, values: &mut [Option<Value>]) -> Result<()> {
        if loaded.len() != self.claimed.len() {
            return Err(Error::internal("a load gave another number of values than was asked for"));
        }
        let mut state = self.cache.state.lock();
        for ((index, key, sender), value) in self.claimed.drain(..).zip(loaded) {
            state.loading.remove(&key);
            state.kept.insert(key, value.clone(), value.memory_bytes());
            sender.send_replace(Some(value.clone()));
            if let Some(slot) = values.get_mut(index) {
                *slot = Some(value);
            }
        }
        Ok(())
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        if !self.claimed.is_empty() {
            let mut state = self.cache.state.lock();
            for (_, key, _) in &self.claimed {
                state.loading.remove(key);
            }
        }
    }
}

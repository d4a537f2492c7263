//! Which content a file has: the half of a load key that makes a changed file
//! load again and an unchanged one not.
//!
//! S3 gives a checksum of the content as eTag, which is used as it is. What
//! other stores give changes with every write, also of equal bytes, and may
//! not change when a file is replaced within the resolution of their clock:
//! there the key is the BLAKE3 of the stored bytes. It is taken while a file is
//! loaded; only a file that may have been loaded before is read for it alone,
//! once in a process.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;
use icecore_types::{Hash, Result};
use parking_lot::Mutex;

use super::{StageFile, StageFiles};

/// Content keys that are already known, for files as the store marks them.
///
/// ```
/// use icecore_raw::ContentKeys;
/// let keys = std::sync::Arc::new(ContentKeys::default());
/// assert_eq!(keys.len(), 0);
/// ```
#[derive(Debug, Default)]
pub struct ContentKeys {
    known: Mutex<HashMap<Marks, Arc<str>>>,
}

/// More files than this are not remembered: the oldest knowledge goes.
const MOST_KEYS: usize = 100_000;

/// What a store says of a file without reading it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Marks {
    path: String,
    size_bytes: u64,
    etag: Option<String>,
    modified_micros: i64,
}

impl ContentKeys {
    /// How many files are known.
    pub fn len(&self) -> usize {
        self.known.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, marks: &Marks) -> Option<Arc<str>> {
        self.known.lock().get(marks).cloned()
    }

    fn put(&self, marks: Marks, key: Arc<str>) {
        let mut known = self.known.lock();
        if known.len() >= MOST_KEYS {
            known.clear();
        }
        known.insert(marks, key);
    }
}

impl StageFiles {
    /// The key of the file's content: equal for equal content, put again or
    /// not, and different for any other. Reads the file unless it is known.
    ///
    /// # Errors
    /// The store's, and `Conflict` if the file changes meanwhile.
    pub async fn content_key(&self, file: &StageFile) -> Result<Arc<str>> {
        if let Some(key) = self.known_key(file) {
            return Ok(key);
        }
        let mut hasher = blake3::Hasher::new();
        let mut chunks = std::pin::pin!(self.open(file).chunks(READ_BYTES));
        while let Some(chunk) = chunks.next().await.transpose()? {
            hasher = tokio::task::spawn_blocking(move || {
                hasher.update(&chunk);
                hasher
            })
            .await
            .map_err(|error| icecore_types::Error::internal("hashing a file").with_source(error))?;
        }
        Ok(self.learn(file, Hash::from_bytes(*hasher.finalize().as_bytes())))
    }

    /// The key of the file's content if it is known without reading it.
    pub fn known_key(&self, file: &StageFile) -> Option<Arc<str>> {
        match file.etag.as_deref().and_then(checksum) {
            Some(checksum) => Some(checksum.into()),
            None => self.keys.get(&self.marks(file)),
        }
    }

    /// The key of the file's content, now that all of it was read.
    pub fn learn(&self, file: &StageFile, hash: Hash) -> Arc<str> {
        if let Some(key) = self.known_key(file) {
            return key;
        }
        let key: Arc<str> = format!("blake3:{hash}").into();
        self.keys.put(self.marks(file), Arc::clone(&key));
        key
    }

    fn marks(&self, file: &StageFile) -> Marks {
        Marks {
            path: self.full_path(file),
            size_bytes: file.size_bytes,
            etag: file.etag.clone(),
            modified_micros: file.last_modified.as_micros(),
        }
    }
}

/// Bytes that one request reads.
const READ_BYTES: usize = 4 << 20;

/// The checksum that an eTag of S3 is: 32 hexadecimal digits in quotes, with
/// the number of parts behind a hyphen if there were several.
fn checksum(etag: &str) -> Option<&str> {
    let inner = etag.strip_prefix('"')?.strip_suffix('"')?;
    let (digits, parts) = inner.split_once('-').unwrap_or((inner, "1"));
    let is_checksum = digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && parts.parse::<u32>().is_ok();
    is_checksum.then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn only_a_checksum_of_s3_is_taken_for_one() {
        let md5 = "\"9b2cf535f27731c974343645a3985328\"";
        assert_eq!(checksum(md5), Some("9b2cf535f27731c974343645a3985328"));
        assert!(checksum("\"9b2cf535f27731c974343645a3985328-12\"").is_some());
        for other in ["0", "\"0\"", "1a2b-63f-9", "9b2cf535f27731c974343645a3985328"] {
            assert_eq!(checksum(other), None, "{other}");
        }
    }
}

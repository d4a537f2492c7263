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

use bytes::Bytes;
use futures::StreamExt;
use icecore_types::{Error, ErrorKind, Hash, Result};
use md5::{Digest, Md5};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutResult};
use parking_lot::Mutex;

use super::{StageFile, StageFiles};

/// Checksums that are already known, for files as the store marks them.
///
/// ```
/// use icecore_raw::ContentKeys;
/// let keys = std::sync::Arc::new(ContentKeys::default());
/// assert_eq!(keys.len(), 0);
/// ```
#[derive(Debug, Default)]
pub struct ContentKeys {
    known: Mutex<HashMap<Marks, Known>>,
}

/// What is known of a file's content.
#[derive(Clone, Debug, Default)]
struct Known {
    key: Option<Arc<str>>,
    md5: Option<Arc<str>>,
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

    fn get(&self, marks: &Marks) -> Known {
        self.known.lock().get(marks).cloned().unwrap_or_default()
    }

    fn put(&self, marks: Marks, learn: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock();
        if known.len() >= MOST_KEYS {
            known.clear();
        }
        learn(known.entry(marks).or_default());
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
        let add = |hasher: &mut blake3::Hasher, chunk: &Bytes| {
            hasher.update(chunk);
        };
        let hasher = self.over_content(file, blake3::Hasher::new(), add).await?;
        Ok(self.learn(file, Hash::from_bytes(*hasher.finalize().as_bytes())))
    }

    /// What LIST shows as the file's checksum. Of a place that is not the
    /// account's own it is the store's eTag, as it is. Of the account's own it
    /// is the MD5 of the stored bytes; where S3 stored them in parts, S3's
    /// checksum over the parts with their number behind a hyphen. Reads the
    /// file unless S3 or the PUT of it in this process told.
    ///
    /// None if there is no eTag, or the file is no longer what was listed.
    ///
    /// # Errors
    /// The store's.
    pub async fn shown_checksum(&self, file: &StageFile) -> Result<Option<Arc<str>>> {
        if self.foreign {
            return Ok(file.etag.as_deref().map(|etag| etag.trim_matches('"').into()));
        }
        if let Some(checksum) = file.etag.as_deref().and_then(checksum) {
            return Ok(Some(checksum.into()));
        }
        if let Some(md5) = self.keys.get(&self.marks(file)).md5 {
            return Ok(Some(md5));
        }
        let add = |hasher: &mut Md5, chunk: &Bytes| hasher.update(chunk);
        let hasher = match self.over_content(file, Md5::new(), add).await {
            Ok(hasher) => hasher,
            Err(error) if is_other_file(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let md5 = hexadecimal(hasher);
        self.keys.put(self.marks(file), |known| known.md5 = Some(Arc::clone(&md5)));
        Ok(Some(md5))
    }

    /// Remembers the MD5 of what was just put, if it is still what is there.
    pub(super) async fn learn_md5(&self, location: &Path, put: &PutResult, md5: Md5) {
        if put.e_tag.as_deref().is_none_or(|etag| checksum(etag).is_some()) {
            return;
        }
        // Whoever cannot look now reads the file later.
        let Ok(meta) = self.store.head(location).await else { return };
        if meta.e_tag == put.e_tag
            && let Some(file) = self.file(meta)
        {
            let md5 = hexadecimal(md5);
            self.keys.put(self.marks(&file), |known| known.md5 = Some(md5));
        }
    }

    /// Adds all bytes of a file to `hasher`, off the async threads.
    async fn over_content<H: Send + 'static>(
        &self,
        file: &StageFile,
        mut hasher: H,
        add: fn(&mut H, &Bytes),
    ) -> Result<H> {
        let mut chunks = std::pin::pin!(self.open(file).chunks(READ_BYTES));
        while let Some(chunk) = chunks.next().await.transpose()? {
            hasher = tokio::task::spawn_blocking(move || {
                add(&mut hasher, &chunk);
                hasher
            })
            .await
            .map_err(|error| Error::internal("hashing a file").with_source(error))?;
        }
        Ok(hasher)
    }

    /// The key of the file's content if it is known without reading it.
    pub fn known_key(&self, file: &StageFile) -> Option<Arc<str>> {
        match file.etag.as_deref().and_then(checksum) {
            Some(checksum) => Some(checksum.into()),
            None => self.keys.get(&self.marks(file)).key,
        }
    }

    /// The key of the file's content, now that all of it was read.
    pub fn learn(&self, file: &StageFile, hash: Hash) -> Arc<str> {
        if let Some(key) = self.known_key(file) {
            return key;
        }
        let key: Arc<str> = format!("blake3:{hash}").into();
        self.keys.put(self.marks(file), |known| known.key = Some(Arc::clone(&key)));
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

fn hexadecimal(hasher: Md5) -> Arc<str> {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Whether it failed because the file went or was replaced.
fn is_other_file(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict)
}

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

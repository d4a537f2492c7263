//! Sealed journals: checkpoints that cover the end, and a key that nobody can
//! forge batches without.
//!
//! The chain of hashes protects every batch but the last, and nobody misses
//! what is cut off at the end. So whoever stores a batch of a sealed journal
//! stores a checkpoint after it: its number, its hash, and where the journal
//! begins. A checkpoint is removed only by a process that wrote it, or that
//! found it true when it opened the journal, and only after it has stored a
//! later one: a checkpoint that no longer fits its journal stays as evidence.

use std::fmt;

use icecore_types::{Error, ErrorKind, Hash, Result, Timestamp};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::{Journal, JournalCheck};
use crate::frame;

const WHAT: &str = "seal";

/// A secret of 32 bytes that seals the audit journals: without it nobody can
/// write a batch or a checkpoint that a holder of it takes for one.
///
/// ```
/// use icecore_snapshot::AuditKey;
/// let key = AuditKey::new([7; 32]);
/// assert_eq!(format!("{key:?}"), "AuditKey(..)");
/// ```
#[derive(Clone)]
pub struct AuditKey([u8; 32]);

impl AuditKey {
    /// The key with these bytes, which should be random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn seal(&self, bytes: &[u8]) -> Hash {
        Hash::from_bytes(*blake3::keyed_hash(&self.0, bytes).as_bytes())
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(..)")
    }
}

/// What a sealed journal knows of its checkpoints.
#[derive(Debug, Default)]
pub(super) struct Seal {
    key: Option<AuditKey>,
    /// Checkpoints that the next one makes needless.
    covered: Vec<Path>,
    /// Where the journal begins, as this process or a true checkpoint says.
    first: u64,
    /// The journal had batches when it was opened, and nothing that says where
    /// it ended: a checkpoint that is written now would hide what is missing.
    unproven: bool,
}

impl Seal {
    pub(super) fn with(key: Option<AuditKey>) -> Self {
        Self { key, ..Self::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    number: u64,
    hash: Hash,
    /// The oldest batch that must be there.
    first: u64,
    time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<Hash>,
}

/// What [`Journal::verify_sealed`] found to be whole.
///
/// ```
/// use icecore_snapshot::{JournalCheck, SealCheck};
/// let journal = JournalCheck { first: 0, batches: 0, rows: 0 };
/// let check = SealCheck { journal, head: None, keyed: false };
/// assert!(check.head.is_none(), "an empty journal has no last batch");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealCheck {
    /// The chain.
    pub journal: JournalCheck,
    /// The hash of the last batch, which covers all before it. Kept outside of
    /// the store, it proves later that this much has not changed.
    pub head: Option<Hash>,
    /// Whether every batch and checkpoint is sealed with the key.
    pub keyed: bool,
}

impl Checkpoint {
    fn sealed(mut self, key: Option<&AuditKey>) -> Result<Self> {
        self.seal = None;
        let bytes = serde_json::to_vec(&self)
            .map_err(|source| Error::internal("a checkpoint of a journal").with_source(source))?;
        self.seal = key.map(|key| key.seal(&bytes));
        Ok(self)
    }

    fn is_true_of(&self, batch: Option<&Batch>) -> bool {
        batch.is_some_and(|batch| (batch.number, batch.hash) == (self.number, self.hash))
    }
}

impl Journal {
    /// What batches and checkpoints are sealed with.
    pub(super) fn key(&self) -> Option<AuditKey> {
        self.seal.as_ref().and_then(|seal| seal.lock().key.clone())
    }

    /// Looks which checkpoints are true now.
    pub(super) async fn open_seal(&self, last: Option<&Batch>) -> Result<()> {
        let Some(seal) = &self.seal else { return Ok(()) };
        let (mut covered, mut first) = (Vec::new(), 0);
        for (path, checkpoint) in self.checkpoints().await?.into_iter() {
            let Ok(checkpoint) = checkpoint else { continue };
            let batch = match last {
                Some(last) if last.number == checkpoint.number => None,
                _ => self.read_if_there(checkpoint.number).await?,
            };
            if checkpoint.is_true_of(batch.as_ref().or(last)) {
                covered.push(path);
                first = first.max(checkpoint.first);
            }
        }
        // Whoever stores the first batch may stop before its checkpoint.
        let unproven = covered.is_empty() && last.is_some_and(|last| last.number > 1);
        let mut seal = seal.lock();
        (seal.covered, seal.first, seal.unproven) = (covered, first, unproven);
        Ok(())
    }

    /// Says that the journal ends with this batch. The batch is stored: a
    /// checkpoint that cannot be is made up for by the next one.
    pub(super) async fn cover(&self, number: u64, hash: Hash) {
        let Some(seal) = &self.seal else { return };
        let (first, key, unproven) = {
            let seal = seal.lock();
            (seal.first, seal.key.clone(), seal.unproven)
        };
        if unproven {
            return;
        }
        let time = self.env.clock.now();
        let checkpoint = Checkpoint { number, hash, first, time, seal: None };
        let Ok(path) = self.put_checkpoint(checkpoint, key.as_ref()).await else { return };
        let needless = std::mem::replace(&mut seal.lock().covered, vec![path.clone()]);
        for old in needless.into_iter().filter(|old| *old != path) {
            let _left_for_the_next_opening = self.env.store.delete(&old).await;
        }
    }

    /// Says that the journal begins here now, before anything is removed. If
    /// it may not be said, nothing is to be removed.
    pub(super) async fn cover_beginning(&self, first: u64) -> Result<bool> {
        let Some(seal) = &self.seal else { return Ok(true) };
        let key = {
            let mut seal = seal.lock();
            if seal.unproven {
                return Ok(false);
            }
            seal.first = seal.first.max(first);
            seal.key.clone()
        };
        let (number, hash) = {
            let tail = self.tail.lock().await;
            (tail.number, tail.hash)
        };
        let Some(hash) = hash else { return Ok(false) };
        let time = self.env.clock.now();
        let checkpoint = Checkpoint { number, hash, first, time, seal: None };
        let path = self.put_checkpoint(checkpoint, key.as_ref()).await?;
        seal.lock().covered.push(path);
        Ok(true)
    }

    async fn put_checkpoint(&self, checkpoint: Checkpoint, key: Option<&AuditKey>) -> Result<Path> {
        let checkpoint = checkpoint.sealed(key)?;
        let body = serde_json::to_vec(&checkpoint)
            .map_err(|source| Error::internal("a checkpoint of a journal").with_source(source))?;
        let name = format!("{:020}-{:020}", checkpoint.number, checkpoint.first);
        // Two histories may have a batch of one number.
        let hash = checkpoint.hash.to_string();
        let name = format!("{name}-{}", hash.get(..16).unwrap_or(&hash));
        let path = self.checkpoint_folder().join(name);
        let bytes = frame::encode(WHAT, &body);
        match self.env.store.put_opts(&path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(path),
            Err(error) => Err(error.into()),
        }
    }

    fn checkpoint_folder(&self) -> Path {
        self.folder.clone().join("checkpoint")
    }

    /// Every checkpoint that is there, or what is wrong with it.
    async fn checkpoints(&self) -> Result<Vec<(Path, Result<Checkpoint>)>> {
        let found = self.env.store.list_with_delimiter(Some(&self.checkpoint_folder())).await?;
        let mut checkpoints = Vec::new();
        for meta in found.objects {
            let bytes = match self.env.store.get(&meta.location).await {
                Ok(found) => found.bytes().await?,
                // Somebody stored a later one meanwhile.
                Err(StoreError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let checkpoint = self.read_checkpoint(&meta.location, &bytes);
            checkpoints.push((meta.location, checkpoint));
        }
        checkpoints.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(checkpoints)
    }

    fn read_checkpoint(&self, path: &Path, bytes: &[u8]) -> Result<Checkpoint> {
        let wrong = |why: &str| Error::corrupted(format_args!("journal path={path}: {why}"));
        let body = frame::decode(WHAT, bytes)?;
        let checkpoint: Checkpoint = serde_json::from_slice(body)
            .map_err(|source| wrong("it is no checkpoint").with_source(source))?;
        let key = self.key();
        if key.is_some() && checkpoint != checkpoint.sealed(key.as_ref())? {
            return Err(wrong("it is not sealed with the key"));
        }
        Ok(checkpoint)
    }

    /// Verifies the chain, that each checkpoint is true of it, that one of them
    /// covers its end, and that it is the one that this process knows.
    ///
    /// # Errors
    /// `Corrupted` at the first place that is not whole; `Unavailable` if the
    /// store does not answer.
    pub async fn verify_sealed(&self) -> Result<SealCheck> {
        // This process stores nothing meanwhile. Another one may be between a
        // batch and its checkpoint, but not twice.
        let tail = self.tail.lock().await;
        let known = (tail.number, tail.hash);
        match self.verify_once(known).await {
            Err(error) if error.kind() == ErrorKind::Corrupted => self.verify_once(known).await,
            verified => verified,
        }
    }

    async fn verify_once(&self, known: (u64, Option<Hash>)) -> Result<SealCheck> {
        let checkpoints = self.checkpoints().await?;
        let batches = self.batches(self.stored().await?).await?;
        let journal = self.verify_batches(&batches)?;
        let key = self.key();
        if key.is_some()
            && let Some(batch) = batches.iter().find(|batch| !batch.sealed)
        {
            return Err(self.damaged(batch.number, "it is not sealed with the key"));
        }
        let (first, covered) = self.verify_checkpoints(checkpoints, &batches)?;
        if journal.first > first.max(1) {
            return Err(self.damaged(first.max(1), "it was removed from the beginning"));
        }
        let (number, hash) = known;
        let found = batches.iter().find(|batch| batch.number == number);
        if number >= journal.first && found.map(|batch| batch.hash) != hash {
            return Err(self.damaged(number, "it is not what this process stored or read there"));
        }
        if let Some(last) = batches.last().filter(|last| last.number > covered) {
            return Err(self.damaged(last.number, "no checkpoint covers it"));
        }
        let head = batches.last().map(|batch| batch.hash);
        Ok(SealCheck { journal, head, keyed: key.is_some() })
    }

    /// The oldest batch that must be there, and the newest.
    fn verify_checkpoints(
        &self,
        checkpoints: Vec<(Path, Result<Checkpoint>)>,
        batches: &[Batch],
    ) -> Result<(u64, u64)> {
        let (mut first, mut covered) = (0, 0);
        for (path, checkpoint) in checkpoints {
            let checkpoint = checkpoint?;
            let number = checkpoint.number;
            if !checkpoint.is_true_of(batches.iter().find(|batch| batch.number == number)) {
                let why = format!("it is not the batch that {path} covers");
                return Err(self.damaged(number, &why));
            }
            covered = covered.max(number);
            first = first.max(checkpoint.first);
        }
        Ok((first, covered))
    }
}

#[cfg(test)]
mod tests;

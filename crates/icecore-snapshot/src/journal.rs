//! What happened, beside the log: append-only batches of rows of which each
//! names the one before it by its hash.

mod batch;

use std::ops::RangeInclusive;

use futures::{StreamExt, TryStreamExt, stream};
use icecore_types::{Code, Env, Error, Hash, Result};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use parking_lot::Mutex;
use serde_json::Value;

use self::batch::Batch;

/// Batches of a folder: bounds a listing.
const PER_FOLDER: u64 = 10_000;
/// Batches that are read at once.
const READ_AHEAD: usize = 8;
/// Answers that say nothing, one after the other, before a flush gives up.
const ATTEMPTS: usize = 3;

/// A batch on its way: the same bytes go to the same number until it is known
/// what became of them, for a late answer may still be a yes.
#[derive(Debug)]
struct Pending {
    rows: Vec<Value>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Tail {
    /// Of the last batch that is known to be stored; 0 if there is none.
    number: u64,
    hash: Option<Hash>,
    pending: Option<Pending>,
}

/// What [`Journal::verify`] found to be whole.
///
/// ```
/// use icecore_snapshot::JournalCheck;
/// let check = JournalCheck { first: 1, batches: 2, rows: 30 };
/// assert_eq!(check.first, 1, "nothing was removed at its beginning");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalCheck {
    /// The number of its oldest batch: 1 unless older ones were removed, and
    /// 0 if there is none.
    pub first: u64,
    /// How many batches follow each other.
    pub batches: u64,
    /// Rows in them.
    pub rows: u64,
}

/// One kind of journal of an account, for example its queries.
///
/// Rows are kept in memory until they are flushed, several into one object;
/// what is not flushed is lost with the process. Several processes may write
/// one journal: each batch follows whatever batch came before it.
///
/// ```
/// use std::sync::Arc;
/// use icecore_snapshot::Journal;
/// use icecore_testkit::test_env;
/// use object_store::memory::InMemory;
/// use serde_json::json;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let env = test_env(Arc::new(InMemory::new()));
/// let journal = Journal::open(env.clone(), "account/a".into(), "query").await?;
/// journal.append(json!({"text": "SELECT 1"}));
/// journal.flush().await?;
/// let again = Journal::open(env, "account/a".into(), "query").await?;
/// assert_eq!(again.rows().await?, [json!({"text": "SELECT 1"})]);
/// assert_eq!(again.verify().await?.rows, 1);
/// # Ok::<(), icecore_types::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Journal {
    env: Env,
    folder: Path,
    kind: String,
    buffered: Mutex<Vec<Value>>,
    tail: tokio::sync::Mutex<Tail>,
}

impl Journal {
    /// Opens the journal of this kind below an account's root and finds its
    /// end by listing; an absent one is empty. `kind` is a lower-case word.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if the last
    /// batch is damaged.
    pub async fn open(env: Env, root: Path, kind: &str) -> Result<Self> {
        if kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(Error::internal(format_args!("not a kind of journal: '{kind}'")));
        }
        let tail = Tail { number: 0, hash: None, pending: None };
        let journal = Self {
            env,
            folder: root.join("journal").join(kind),
            kind: kind.to_owned(),
            buffered: Mutex::default(),
            tail: tokio::sync::Mutex::new(tail),
        };
        if let Some(last) = journal.stored().await?.map(|stored| *stored.end()) {
            let hash = journal.read(last).await?.hash;
            let mut tail = journal.tail.lock().await;
            (tail.number, tail.hash) = (last, Some(hash));
        }
        Ok(journal)
    }

    /// Adds a row to those that the next flush stores.
    pub fn append(&self, row: Value) {
        self.buffered.lock().push(row);
    }

    /// How many rows wait for a flush.
    pub fn unflushed(&self) -> usize {
        self.buffered.lock().len()
    }

    /// Stores what was appended as one object; does nothing if nothing was.
    ///
    /// # Errors
    /// `Unavailable` if it is not known to be stored: the rows are kept, and
    /// the next flush stores them once, whatever became of this one.
    pub async fn flush(&self) -> Result<()> {
        let mut tail = self.tail.lock().await;
        // First what an earlier flush left behind, then what came since.
        while self.take_pending(&mut tail)? {
            self.settle(&mut tail).await?;
        }
        Ok(())
    }

    /// Every row, oldest first: the stored ones, those of other processes
    /// among them, then those that wait for a flush.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if a batch is
    /// damaged or missing.
    pub async fn rows(&self) -> Result<Vec<Value>> {
        let tail = self.tail.lock().await;
        let pending = tail.pending.as_ref();
        let batches = self.batches().await?;
        let landed = pending.is_some_and(|pending| {
            let hash = Hash::of(&pending.bytes);
            batches.iter().any(|batch| batch.hash == hash)
        });
        let mut rows: Vec<Value> = batches.into_iter().flat_map(|batch| batch.rows).collect();
        rows.extend(pending.filter(|_| !landed).into_iter().flat_map(|p| p.rows.iter().cloned()));
        rows.extend(self.buffered.lock().iter().cloned());
        Ok(rows)
    }

    /// Reads the whole journal and checks that each batch is what was written
    /// and follows the one before it.
    ///
    /// # Errors
    /// `Corrupted` at the first batch that is damaged, missing or out of its
    /// place. The end of the journal proves nothing: what was cut off there is
    /// not missed.
    pub async fn verify(&self) -> Result<JournalCheck> {
        let batches = self.batches().await?;
        let mut previous: Option<&Batch> = None;
        for batch in &batches {
            let expected = previous.map(|batch| batch.hash);
            let beginning = previous.is_none() && batch.number > 1;
            if !beginning && batch.previous != expected {
                return Err(self.damaged(batch.number, "it does not follow the one before it"));
            }
            previous = Some(batch);
        }
        Ok(JournalCheck {
            first: batches.first().map_or(0, |batch| batch.number),
            batches: batches.len() as u64,
            rows: batches.iter().map(|batch| batch.rows.len() as u64).sum(),
        })
    }

    /// Whether there is something to store; makes a batch of what was appended.
    fn take_pending(&self, tail: &mut Tail) -> Result<bool> {
        if tail.pending.is_none() {
            let mut buffered = self.buffered.lock();
            if buffered.is_empty() {
                return Ok(false);
            }
            let bytes = batch::encode(&self.kind, tail.number + 1, tail.hash, &buffered)?;
            tail.pending = Some(Pending { rows: std::mem::take(&mut buffered), bytes });
        }
        Ok(true)
    }

    /// Puts the pending batch until it is stored. It moves to a later number
    /// only when another batch is seen at its own.
    async fn settle(&self, tail: &mut Tail) -> Result<()> {
        let mut attempts = 0;
        while let Some(pending) = &tail.pending {
            let path = self.path(tail.number + 1);
            let (bytes, hash) = (pending.bytes.clone(), Hash::of(&pending.bytes));
            let put = self.env.store.put_opts(&path, bytes.into(), PutMode::Create.into()).await;
            let Err(error) = put else {
                advance(tail, hash);
                break;
            };
            if crate::durable::is_poisoned(&error) {
                return Err(self.unflushed_error(error));
            }
            match self.read_if_there(tail.number + 1).await? {
                Some(batch) if batch.hash == hash => advance(tail, hash),
                Some(theirs) => self.follow(tail, &theirs)?,
                None if attempts + 1 == ATTEMPTS => return Err(self.unflushed_error(error)),
                None => attempts += 1,
            }
        }
        Ok(())
    }

    /// Somebody else's batch came first: ours follows it.
    fn follow(&self, tail: &mut Tail, theirs: &Batch) -> Result<()> {
        (tail.number, tail.hash) = (theirs.number, Some(theirs.hash));
        if let Some(pending) = &mut tail.pending {
            pending.bytes = batch::encode(&self.kind, tail.number + 1, tail.hash, &pending.rows)?;
        }
        Ok(())
    }

    async fn batches(&self) -> Result<Vec<Batch>> {
        let Some(stored) = self.stored().await? else { return Ok(Vec::new()) };
        stream::iter(stored)
            .map(|number| self.read(number))
            .buffered(READ_AHEAD)
            .try_collect()
            .await
    }

    /// The oldest and the newest batch's number; nothing between is missing.
    async fn stored(&self) -> Result<Option<RangeInclusive<u64>>> {
        let found = self.env.store.list_with_delimiter(Some(&self.folder)).await?;
        let mut folders: Vec<u64> = found.common_prefixes.iter().filter_map(number_of).collect();
        folders.sort_unstable();
        let (Some(first), Some(last)) = (folders.first(), folders.last()) else {
            return Ok(None);
        };
        let oldest = self.numbers(*first).await?.into_iter().min();
        let newest = self.numbers(*last).await?.into_iter().max();
        Ok(oldest.zip(newest).map(|(oldest, newest)| oldest..=newest))
    }

    async fn numbers(&self, folder: u64) -> Result<Vec<u64>> {
        let folder = self.folder.clone().join(folder.to_string());
        let found = self.env.store.list_with_delimiter(Some(&folder)).await?;
        Ok(found.objects.iter().filter_map(|meta| number_of(&meta.location)).collect())
    }

    async fn read(&self, number: u64) -> Result<Batch> {
        self.read_if_there(number).await?.ok_or_else(|| self.damaged(number, "it is missing"))
    }

    async fn read_if_there(&self, number: u64) -> Result<Option<Batch>> {
        let path = self.path(number);
        let bytes = match self.env.store.get(&path).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let batch = batch::decode(&bytes)
            .map_err(|error| error.context(format_args!("journal path={path}")))?;
        if batch.kind != self.kind || batch.number != number {
            return Err(self.damaged(number, "it is another batch"));
        }
        Ok(Some(batch))
    }

    fn path(&self, number: u64) -> Path {
        let folder = (number / PER_FOLDER).to_string();
        self.folder.clone().join(folder).join(format!("{number:020}"))
    }

    fn damaged(&self, number: u64, why: &str) -> Error {
        Error::corrupted(format_args!("journal path={}: {why}", self.path(number)))
    }

    fn unflushed_error(&self, source: object_store::Error) -> Error {
        let message = format!("journal rows are not stored yet kind={}", self.kind);
        Error::new(Code::STORE_UNAVAILABLE, message).with_source(source)
    }
}

fn advance(tail: &mut Tail, hash: Hash) {
    tail.number += 1;
    tail.hash = Some(hash);
    tail.pending = None;
}

fn number_of(path: &Path) -> Option<u64> {
    path.filename()?.parse().ok()
}

#[cfg(test)]
mod tests;

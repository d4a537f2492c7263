//! What happened, beside the log: append-only batches of rows of which each
//! names the one before it by its hash.

mod age;
mod batch;
mod reading;
mod seal;

use std::collections::BTreeMap;

use bytes::Bytes;
use icecore_types::{ByteSize, Code, Env, Error, Hash, Result, Timestamp};
use object_store::PutMode;
use object_store::path::Path;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

use self::batch::{Batch, Place, Waiting};
use self::seal::Seal;
pub use self::seal::{AuditKey, SealCheck};

/// Batches of a folder: bounds a listing.
const PER_FOLDER: u64 = 10_000;
/// Answers that say nothing, one after the other, before a flush gives up.
const ATTEMPTS: usize = 3;

/// A batch on its way: the same bytes go to the same number until it is known
/// what became of them, for a late answer may still be a yes.
#[derive(Debug)]
struct Pending {
    rows: Vec<Waiting>,
    time: Timestamp,
    bytes: Bytes,
}

/// Rows that wait for a flush.
#[derive(Debug, Default)]
struct Buffered {
    rows: Vec<Waiting>,
    bytes: usize,
}

#[derive(Debug)]
struct Tail {
    /// Of the last batch that is known to be stored; 0 if there is none.
    number: u64,
    hash: Option<Hash>,
    time: Timestamp,
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
/// Every row has a time, and no batch an earlier one than the batch before it,
/// nor than any of its own rows: so what happened since a moment is found
/// without reading what was before it, and old batches can be removed.
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
/// let again = Journal::open(env.clone(), "account/a".into(), "query").await?;
/// assert_eq!(again.rows().await?, [json!({"text": "SELECT 1"})]);
/// assert_eq!(again.rows_since(env.clock.now()).await?.len(), 1);
/// assert_eq!(again.verify().await?.rows, 1);
/// # Ok::<(), icecore_types::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Journal {
    env: Env,
    folder: Path,
    kind: String,
    buffered: Mutex<Buffered>,
    tail: tokio::sync::Mutex<Tail>,
    /// When the batches were made that this process has seen.
    times: Mutex<BTreeMap<u64, Timestamp>>,
    /// When it was last looked for what is too old.
    cleaned: Mutex<Option<Timestamp>>,
    seal: Option<Mutex<Seal>>,
}

impl Journal {
    /// Opens the journal of this kind below an account's root and finds its
    /// end by listing; an absent one is empty. `kind` is a lower-case word.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if the last
    /// batch is damaged.
    pub async fn open(env: Env, root: Path, kind: &str) -> Result<Self> {
        Self::open_with(env, root, kind, None).await
    }

    /// Opens a journal whose end is covered by checkpoints, for
    /// [`Journal::verify_sealed`]; with a key, batches and checkpoints are
    /// sealed with it. Every process must have the same key.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use icecore_snapshot::{AuditKey, Journal};
    /// use icecore_testkit::test_env;
    /// use object_store::memory::InMemory;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let env = test_env(Arc::new(InMemory::new()));
    /// let key = Some(AuditKey::new([7; 32]));
    /// let journal = Journal::open_sealed(env, "account/a".into(), "access", key).await?;
    /// journal.append(serde_json::json!({"user": "ANA"}));
    /// journal.flush().await?;
    /// assert_eq!(journal.verify_sealed().await?.journal.rows, 1);
    /// # Ok::<(), icecore_types::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub async fn open_sealed(
        env: Env,
        root: Path,
        kind: &str,
        key: Option<AuditKey>,
    ) -> Result<Self> {
        Self::open_with(env, root, kind, Some(Seal::with(key))).await
    }

    async fn open_with(env: Env, root: Path, kind: &str, seal: Option<Seal>) -> Result<Self> {
        if kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(Error::internal(format_args!("not a kind of journal: '{kind}'")));
        }
        let tail = Tail { number: 0, hash: None, time: Timestamp::default(), pending: None };
        let journal = Self {
            env,
            folder: root.join("journal").join(kind),
            kind: kind.to_owned(),
            buffered: Mutex::default(),
            tail: tokio::sync::Mutex::new(tail),
            times: Mutex::default(),
            cleaned: Mutex::default(),
            seal: seal.map(Mutex::new),
        };
        let last = match journal.stored().await?.map(|stored| *stored.end()) {
            Some(last) => Some(journal.read(last).await?),
            None => None,
        };
        if let Some(batch) = &last {
            journal.tail.lock().await.stand_after(batch);
        }
        journal.open_seal(last.as_ref()).await?;
        Ok(journal)
    }

    /// Adds a row of now to those that the next flush stores.
    pub fn append(&self, row: Value) {
        self.append_all(self.env.clock.now(), [row]);
    }

    /// Adds rows of this time to those that the next flush stores: all of them
    /// into one batch.
    pub fn append_all(&self, time: Timestamp, rows: impl IntoIterator<Item = Value>) {
        // A value is always text: a map's names are.
        self.add(rows.into_iter().filter_map(|row| Waiting::new(time, &row).ok()));
    }

    /// Adds rows of this time that are no values yet, as
    /// [`Journal::append_all`].
    ///
    /// # Errors
    /// `Internal` for a row that JSON has no form for: none is added then.
    pub fn append_rows<R: Serialize>(
        &self,
        time: Timestamp,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        let rows: Vec<_> =
            rows.into_iter().map(|row| Waiting::new(time, &row)).collect::<Result<_>>()?;
        self.add(rows);
        Ok(())
    }

    fn add(&self, rows: impl IntoIterator<Item = Waiting>) {
        let mut buffered = self.buffered.lock();
        for row in rows {
            buffered.bytes += row.bytes();
            buffered.rows.push(row);
        }
    }

    /// The word that it was opened with.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// How many rows wait for a flush.
    pub fn unflushed(&self) -> usize {
        self.buffered.lock().rows.len()
    }

    /// How long those rows are.
    pub fn unflushed_size(&self) -> ByteSize {
        ByteSize::bytes(self.buffered.lock().bytes as u64)
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
            if let Some(hash) = tail.hash {
                self.cover(tail.number, hash).await;
            }
        }
        Ok(())
    }

    /// Whether there is something to store; makes a batch of what was appended.
    fn take_pending(&self, tail: &mut Tail) -> Result<bool> {
        if tail.pending.is_none() {
            let mut buffered = self.buffered.lock();
            if buffered.rows.is_empty() {
                return Ok(false);
            }
            let newest = buffered.rows.iter().map(|row| row.time).max().unwrap_or_default();
            let time = newest.max(self.env.clock.now()).max(tail.time);
            let bytes = self.encoded(self.next_place(tail, time), &buffered.rows)?.into();
            let rows = std::mem::take(&mut *buffered).rows;
            tail.pending = Some(Pending { rows, time, bytes });
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
                self.landed(tail, hash).await?;
                continue;
            };
            if crate::durable::is_poisoned(&error) {
                return Err(self.unflushed_error(error));
            }
            match self.read_if_there(tail.number + 1).await? {
                Some(batch) if batch.hash == hash => self.landed(tail, hash).await?,
                Some(theirs) => self.follow(tail, &theirs)?,
                None if attempts + 1 == ATTEMPTS => return Err(self.unflushed_error(error)),
                None => attempts += 1,
            }
        }
        Ok(())
    }

    /// Our batch stands at its number. If others have gone on and removed all
    /// around it, nobody will ever read it there: it goes to their end.
    async fn landed(&self, tail: &mut Tail, hash: Hash) -> Result<()> {
        if self.floor().await? <= tail.number + 1 {
            tail.advance(hash);
        } else if let Some(stored) = self.stored().await? {
            let last = self.read(*stored.end()).await?;
            self.follow(tail, &last)?;
        }
        Ok(())
    }

    /// Somebody else's batch comes first: ours follows it.
    fn follow(&self, tail: &mut Tail, theirs: &Batch) -> Result<()> {
        tail.stand_after(theirs);
        if let Some(mut pending) = tail.pending.take() {
            pending.time = pending.time.max(tail.time);
            let place = self.next_place(tail, pending.time);
            pending.bytes = self.encoded(place, &pending.rows)?.into();
            tail.pending = Some(pending);
        }
        Ok(())
    }

    fn encoded(&self, place: Place<'_>, rows: &[Waiting]) -> Result<Vec<u8>> {
        batch::encode(place, rows, self.key().as_ref())
    }

    fn next_place(&self, tail: &Tail, time: Timestamp) -> Place<'_> {
        Place { kind: &self.kind, number: tail.number + 1, previous: tail.hash, time }
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

impl Tail {
    /// The pending batch is stored.
    fn advance(&mut self, hash: Hash) {
        if let Some(pending) = self.pending.take() {
            (self.number, self.hash, self.time) = (self.number + 1, Some(hash), pending.time);
        }
    }

    fn stand_after(&mut self, batch: &Batch) {
        (self.number, self.hash, self.time) = (batch.number, Some(batch.hash), batch.time);
    }
}

#[cfg(test)]
mod tests;

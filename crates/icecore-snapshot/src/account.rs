//! An account that is open: its head, and the way to the next one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use icecore_types::{AccountId, Env, Result, SegmentId, WriterId};
use object_store::path::Path;

use crate::checkpoint::{self, Span};
use crate::committer::Committer;
use crate::head::Head;
use crate::log::Log;
use crate::timeline::Timeline;
use crate::{Commit, Transaction, format};

/// How an account is opened.
///
/// ```
/// use icecore_snapshot::OpenOptions;
/// assert_eq!(OpenOptions::default().checkpoint_every_records, 500);
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Records between two checkpoints, 500 by default. Fewer make opening
    /// faster, and the commits that write one slower.
    pub checkpoint_every_records: u64,
    /// How long the outcome of a commit is looked for, 60 s by default, on the
    /// outside timer. Shorter gives up sooner with `CommitOutcomeUnknown`.
    pub commit_deadline: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { checkpoint_every_records: 500, commit_deadline: Duration::from_secs(60) }
    }
}

/// An account that is open. Clones are the same one.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// use icecore_snapshot::{Account, OpenOptions, Transaction, Update};
/// use icecore_types::{AccountId, Body, Name, ObjectId, ObjectKind, TransactionId};
///
/// let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
/// let create = Update::CreateObject {
///     id: ObjectId::from_bits(2),
///     kind: ObjectKind::Database,
///     parent: None,
///     name: Name::unquoted("retail"),
///     owner: ObjectId::from_bits(1),
///     body: Body::default(),
/// };
/// let read = account.head();
/// let transaction = Transaction::new(TransactionId::from_bits(3), read.version());
/// let commit = account.commit(transaction.update(create)).await?;
///
/// assert_eq!(account.head().children(None).count(), 1);
/// assert_eq!(account.head().time_of(commit.version()), Some(commit.time()));
/// assert_eq!(read.children(None).count(), 0, "a head never changes");
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Account {
    inner: Arc<Inner>,
}

struct Inner {
    id: AccountId,
    options: OpenOptions,
    timeline: Timeline,
    committer: Committer,
    next_segment: AtomicU64,
    /// The last record that a checkpoint has; the spans have the truth.
    checkpointed: AtomicU64,
    spans: tokio::sync::Mutex<Vec<Span>>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.head().version();
        f.debug_struct("Account").field("id", &self.inner.id).field("version", &version).finish()
    }
}

impl Account {
    /// Opens an account, which is empty if nothing was committed to it yet,
    /// and makes the store if it is absent.
    ///
    /// # Errors
    /// `Unsupported` for a store of another format, `Corrupted` if the log is
    /// damaged, `Unavailable` if the store does not answer.
    pub async fn open(env: Env, id: AccountId, options: OpenOptions) -> Result<Self> {
        let log = Log::new(env.clone(), id);
        let store = format::open(&env, &log).await?;
        let (mut head, spans) = checkpoint::open(&log, Head::empty(store, id)).await?;
        let checkpointed = AtomicU64::new(checkpoint::end(&spans).get());
        let recent = log.read_on(&mut head).await?;
        let writer = WriterId::from_bits(env.ids.next());
        let inner = Inner {
            id,
            committer: Committer::new(writer, options.commit_deadline),
            options,
            timeline: Timeline::new(log, head, recent),
            next_segment: AtomicU64::new(1),
            checkpointed,
            spans: tokio::sync::Mutex::new(spans),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Its id.
    pub fn id(&self) -> AccountId {
        self.inner.id
    }

    /// The environment it was opened with.
    pub fn env(&self) -> &Env {
        &self.inner.timeline.log.env
    }

    /// The folder of everything that is its own: `account/<id>`.
    pub fn root(&self) -> &Path {
        &self.inner.timeline.log.root
    }

    /// The latest head that this process knows of.
    pub fn head(&self) -> Arc<Head> {
        self.inner.timeline.head()
    }

    /// Looks whether other writers have committed; usually one request that
    /// answers "not found".
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if a record is
    /// damaged.
    pub async fn refresh(&self) -> Result<Arc<Head>> {
        self.inner.timeline.catch_up().await
    }

    /// Commits a transaction, together with whatever else waits: one PUT.
    ///
    /// A transaction that took effect before, with the same id and the same
    /// read version, is answered with that commit: so an unknown outcome is
    /// found out by committing it again as it was. If this future is dropped the transaction takes
    /// effect or does not, whole.
    ///
    /// # Errors
    /// `Conflict` if the statement must be run again, what its updates fail
    /// with, `CommitOutcomeUnknown` if the store did not answer in time, and
    /// `Unavailable` if nothing was sent to it.
    pub async fn commit(&self, transaction: Transaction) -> Result<Commit> {
        let commit = self.inner.committer.commit(&self.inner.timeline, transaction).await?;
        let since = commit.record().get()
            - self.inner.checkpointed.load(Ordering::Relaxed).min(commit.record().get());
        if since >= self.inner.options.checkpoint_every_records.max(1)
            && let Ok(spans) = self.inner.spans.try_lock()
            && let Err(error) = self.write_checkpoint(spans).await
        {
            tracing::warn!(%error, "a checkpoint could not be written");
        }
        Ok(commit)
    }

    /// Writes a checkpoint of what is known, so that opening reads less. A
    /// commit does this by itself every so many records.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer; nothing is lost then.
    pub async fn checkpoint(&self) -> Result<()> {
        let spans = self.inner.spans.lock().await;
        self.write_checkpoint(spans).await
    }

    async fn write_checkpoint(
        &self,
        mut spans: tokio::sync::MutexGuard<'_, Vec<Span>>,
    ) -> Result<()> {
        let timeline = &self.inner.timeline;
        let (head, recent) = timeline.recent_after(checkpoint::end(&spans));
        // A failure is not tried again by the very next commit.
        self.inner.checkpointed.store(head.record().get(), Ordering::Relaxed);
        let result = checkpoint::write(&timeline.log, &head, &mut spans, recent).await;
        // What did not get into a checkpoint is in the log, if need be.
        timeline.forget_until(head.record());
        result
    }

    /// The prefix of every name that this opening makes.
    pub fn writer(&self) -> WriterId {
        self.inner.committer.writer()
    }

    /// A name that was never given before.
    pub fn next_segment_id(&self) -> SegmentId {
        SegmentId::new(self.writer(), self.inner.next_segment.fetch_add(1, Ordering::Relaxed))
    }
}

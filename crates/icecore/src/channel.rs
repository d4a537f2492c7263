//! Channels as Rust handles them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use icecore_snapshot::Commit;
use icecore_types::{
    ByteSize, ChannelDefinition, Code, Error, Name, ObjectId, ObjectKind, QualifiedName, Result,
};
use tokio::sync::Mutex;

use crate::statement::{self, AppendChannel, Request};
use crate::table::{common_schema, run};
use crate::{Session, Table};

/// What a channel buffers at most before it says that it has to be flushed.
const MOST_BUFFERED: ByteSize = ByteSize::mib(64);

/// A way of one program into one table: its rows keep their order, and an
/// offset token that the program chooses is committed with them, so that after
/// a crash it knows from where to go on. The engine does not compare tokens.
///
/// Opening a channel takes it away from whoever had it before. Rows that were
/// buffered and not flushed are gone with the handle.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::arrow::array::{Int64Array, RecordBatch};
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT)").await?;
/// let table = session.table("t").await?;
/// let channel = table.channel("sensor_1").await?;
/// assert_eq!(channel.latest_committed_offset_token().await?, None);
///
/// let column = std::sync::Arc::new(Int64Array::from(vec![1, 2, 3])) as _;
/// let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
/// channel.append([batch]).offset_token("3").await?;
///
/// let again = table.channel("sensor_1").await?;
/// assert_eq!(again.latest_committed_offset_token().await?.as_deref(), Some("3"));
/// assert!(channel.flush().await?.is_none(), "there is nothing to flush");
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Channel {
    session: Session,
    table: QualifiedName,
    name: Name,
    id: ObjectId,
    opened: u64,
    rows: Arc<Mutex<Rows>>,
}

/// What was given and is not committed.
#[derive(Default)]
struct Rows {
    batches: Vec<RecordBatch>,
    offset_token: Option<String>,
    bytes: usize,
    /// A commit began of which nobody knows how it ended.
    uncertain: bool,
}

/// A channel about to be opened.
#[must_use = "nothing is opened until it is awaited"]
#[derive(Debug)]
pub struct OpenChannel {
    table: Table,
    name: String,
}

impl OpenChannel {
    pub(crate) fn new(table: Table, name: &str) -> Self {
        Self { table, name: name.to_owned() }
    }

    async fn open(self) -> Result<Channel> {
        self.table.is_now()?;
        let (session, table) = (self.table.session().clone(), self.table.name().clone());
        let name = Name::parse(&self.name)?;
        let open = statement::OpenChannel { table: table.clone(), name: name.clone() };
        let commit = run(&session, Request::OpenChannel(open)).await?;
        // As of that commit: somebody else may have opened it already.
        let head = session.engine().account.head();
        let own = head
            .objects()
            .filter(|object| object.kind() == ObjectKind::Channel && *object.name() == name)
            .filter_map(|object| head.object_at(object.id(), commit.version()))
            .find(|object| object.is_live() && object.changed() == commit.version());
        let own = own.ok_or_else(|| Error::internal("a channel was opened and is not there"))?;
        let opened = own.body().read::<ChannelDefinition>()?.opened;
        Ok(Channel { id: own.id(), session, table, name, opened, rows: Arc::default() })
    }
}

impl Channel {
    /// Its name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Adds rows in one transaction, after those that are buffered.
    pub fn append(&self, batches: impl IntoIterator<Item = RecordBatch>) -> ChannelAppend {
        let batches = batches.into_iter().collect();
        ChannelAppend { channel: self.clone(), batches, offset_token: None }
    }

    /// Keeps rows in memory until [`flush`](Self::flush) or the next append
    /// commits them, with this token: many small appends become one commit.
    ///
    /// # Errors
    /// `ResourcesExhausted` if more than 64 MiB would be buffered: these rows
    /// are not taken then, and a flush makes room.
    pub async fn buffer(
        &self,
        batches: impl IntoIterator<Item = RecordBatch>,
        offset_token: Option<&str>,
    ) -> Result<()> {
        let batches: Vec<RecordBatch> = batches.into_iter().collect();
        let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let mut rows = self.rows.lock().await;
        if rows.bytes.saturating_add(bytes) > MOST_BUFFERED.as_usize() {
            let message =
                format!("the buffer of channel '{}' is full limit={MOST_BUFFERED}", self.name);
            return Err(Error::new(Code::RESOURCES_EXHAUSTED, message).with_help("flush it first"));
        }
        rows.bytes += bytes;
        rows.batches.extend(batches);
        if let Some(token) = offset_token {
            rows.offset_token = Some(token.to_owned());
        }
        Ok(())
    }

    /// Commits what is buffered; nothing if nothing is.
    ///
    /// # Errors
    /// As an append; the rows stay buffered.
    pub async fn flush(&self) -> Result<Option<Commit>> {
        let rows = self.rows.lock().await;
        if rows.batches.is_empty() {
            return Ok(None);
        }
        self.commit(rows, Vec::new(), None).await.map(Some)
    }

    /// The token that was committed last, by whoever has the channel: none if
    /// there was none yet.
    ///
    /// # Errors
    /// `NotFound` if the channel is gone, `Unavailable` if the store does not
    /// answer.
    pub async fn latest_committed_offset_token(&self) -> Result<Option<String>> {
        let head = self.session.engine().latest().await?;
        let found = head.object(self.id).filter(|object| object.is_live());
        let found = found.ok_or_else(|| {
            let message = format!("channel '{}' does not exist or not authorized", self.name);
            Error::new(Code::OPERATION_IMPOSSIBLE, message)
        })?;
        Ok(found.body().read::<ChannelDefinition>()?.offset_token)
    }

    async fn commit(
        &self,
        mut rows: tokio::sync::MutexGuard<'_, Rows>,
        batches: Vec<RecordBatch>,
        offset_token: Option<String>,
    ) -> Result<Commit> {
        if rows.uncertain {
            let message =
                format!("it is not known how the last commit of channel '{}' ended", self.name);
            return Err(Error::new(Code::OPERATION_IMPOSSIBLE, message)
                .with_help("open it again: its latest offset token says where to go on"));
        }
        let all: Vec<RecordBatch> = rows.batches.iter().cloned().chain(batches).collect();
        let append = AppendChannel {
            table: self.table.clone(),
            channel: self.id,
            name: self.name.clone(),
            opened: self.opened,
            schema: common_schema(&all)?,
            batches: all,
            offset_token: offset_token.or_else(|| rows.offset_token.clone()),
        };
        // Dropped from here on, nobody knows: then nothing may come after it.
        rows.uncertain = true;
        let result = run(&self.session, Request::AppendChannel(append)).await;
        let known = !matches!(&result, Err(error)
            if error.code() == Code::COMMIT_OUTCOME_UNKNOWN || error.code() == Code::CANCELLED);
        rows.uncertain = !known;
        if result.is_ok() {
            *rows = Rows::default();
        }
        result
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("table", &self.table)
            .field("name", &self.name)
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}

/// Rows on their way through a channel.
#[derive(Debug)]
#[must_use = "nothing is appended until it is awaited"]
pub struct ChannelAppend {
    channel: Channel,
    batches: Vec<RecordBatch>,
    offset_token: Option<String>,
}

impl ChannelAppend {
    /// How far the program has come with these rows; without it the token
    /// stays as it is.
    pub fn offset_token(mut self, token: &str) -> Self {
        self.offset_token = Some(token.to_owned());
        self
    }

    async fn run(self) -> Result<Commit> {
        let Self { channel, batches, offset_token } = self;
        let rows = channel.rows.lock().await;
        channel.commit(rows, batches, offset_token).await
    }
}

impl IntoFuture for ChannelAppend {
    type Output = Result<Commit>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl IntoFuture for OpenChannel {
    type Output = Result<Channel>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

//! One open account with everything that its statements share.

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::SessionState;
use icecore_governance::RoleId;
use icecore_raw::ContentKeys;
use icecore_segment::{ColumnCache, SegmentStore};
use icecore_snapshot::{Account, Head, Journal, OpenOptions, Transaction, Update};
use icecore_types::{
    AccountId, Body, Code, ContainerDefinition, Env, Error, Name, ObjectId, ObjectKind, QueryId,
    Result, SimulatedClock, Timestamp, TransactionId, Version,
};
use icecore_warehouse::{Warehouse, WarehouseSettings};

use crate::access::{self, AccessOfHead};
use crate::access_history::AccessHistory;
use crate::due::Freshness;
use crate::expectations::ExpectationResults;
use crate::history::History;
use crate::load_history::LoadHistory;
use crate::login::Logins;
use crate::measurements::Measurements;
use crate::pipes::Pipes;
use crate::plan::{runtime_environment, session_template};
use crate::refreshes::Refreshes;
use crate::session::{Session, SessionBuilder};
use crate::stages::StageStores;
use crate::statement::DecidedPlans;
use crate::{Builder, Settings};

/// The account that a store has until there are others.
const DEFAULT_ACCOUNT: AccountId = AccountId::from_bits(1);
/// The name of its one warehouse.
pub(crate) const DEFAULT_WAREHOUSE: &str = "COMPUTE_WH";
/// The database that a new account has.
pub(crate) const DEFAULT_DATABASE: &str = "ICECORE";
/// The schema that a new database has.
pub(crate) const DEFAULT_SCHEMA: &str = "PUBLIC";

/// An open store: cheap to clone, shared by all its sessions.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::Icecore;
/// let lake = Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT)").await?;
/// let inserted = session.execute("INSERT INTO t VALUES (1), (2)").await?;
/// assert_eq!(inserted.rows_affected(), Some(2));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Icecore {
    engine: Arc<Engine>,
}

pub(crate) struct Engine {
    pub(crate) account: Account,
    pub(crate) access: AccessOfHead,
    pub(crate) env: Env,
    pub(crate) settings: Settings,
    pub(crate) simulated: Option<SimulatedClock>,
    pub(crate) warehouse: Warehouse,
    pub(crate) template: SessionState,
    pub(crate) segments: SegmentStore,
    pub(crate) cache: Arc<ColumnCache>,
    pub(crate) content_keys: Arc<ContentKeys>,
    pub(crate) stages: StageStores,
    pub(crate) history: History,
    pub(crate) accesses: AccessHistory,
    pub(crate) logins: Logins,
    pub(crate) measurements: Measurements,
    pub(crate) refreshes: Refreshes,
    pub(crate) loads: LoadHistory,
    pub(crate) decided: DecidedPlans,
    pub(crate) pipes: Pipes,
    pub(crate) expectations: ExpectationResults,
    pub(crate) freshness: Freshness,
}

impl Engine {
    pub(crate) async fn open(
        env: Env,
        settings: Settings,
        simulated: Option<SimulatedClock>,
        stages: StageStores,
    ) -> Result<Arc<Self>> {
        let account = Account::open(env.clone(), DEFAULT_ACCOUNT, OpenOptions::default()).await?;
        let warehouse = Warehouse::start(warehouse_settings(&settings), Arc::clone(&env.timer))?;
        let runtime_env = runtime_environment(&warehouse)?;
        let cache = Arc::new(ColumnCache::new(settings.cache));
        let names = account.clone();
        let segments = SegmentStore::new(
            Arc::clone(&env.store),
            account.root().clone(),
            Arc::new(move || names.next_segment_id()),
            Arc::clone(&cache),
        );
        let key = settings.audit.key.clone();
        let history = History::open(env.clone(), account.root().clone(), key).await?;
        let root = account.root();
        let sealed = |kind| {
            Journal::open_sealed(env.clone(), root.clone(), kind, settings.audit.key.clone())
        };
        let accesses = AccessHistory::open(&env, sealed("access").await?).await?;
        let logins = Logins::open(&env, sealed("logins").await?).await?;
        let journal = Journal::open(env.clone(), root.clone(), "measurements").await?;
        let measurements = Measurements::open(&env, journal).await?;
        let refreshes = Refreshes::open(env.clone(), account.root().clone()).await?;
        let loads = LoadHistory::open(env.clone(), account.root().clone(), &account.head()).await?;
        let pipes = Pipes::open(env.clone(), account.root().clone()).await?;
        let expectations = ExpectationResults::open(env.clone(), account.root().clone()).await?;
        let template = session_template(&settings, runtime_env);
        let engine = Self {
            account,
            access: AccessOfHead::new(),
            env,
            settings,
            simulated,
            warehouse,
            template,
            segments,
            cache,
            content_keys: Arc::default(),
            stages,
            history,
            accesses,
            logins,
            measurements,
            refreshes,
            loads,
            decided: DecidedPlans::default(),
            pipes,
            expectations,
            freshness: Freshness::default(),
        };
        engine.ensure_default_database().await?;
        Ok(Arc::new(engine))
    }

    /// A new account gets the system's roles, a user who has them, and a
    /// database with a schema, so that a first statement
    /// has somewhere to put its table.
    async fn ensure_default_database(&self) -> Result<()> {
        if self.account.head().version() > Version::ZERO {
            return Ok(());
        }
        let database = self.next_object_id();
        let mut transaction = self.transaction(Version::ZERO);
        let furniture = new_database(
            database,
            self.next_object_id(),
            DEFAULT_DATABASE,
            Body::of(&ContainerDefinition::default())?,
        )?;
        for update in access::of_new_account(self.now())?.into_iter().chain(furniture) {
            transaction = transaction.update(update);
        }
        match self.account.commit(transaction).await {
            // Another process was first: it is there now.
            Err(error)
                if error.code() == Code::ALREADY_EXISTS || error.code() == Code::CONFLICT =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    pub(crate) fn transaction(&self, read: Version) -> Transaction {
        Transaction::new(TransactionId::from_bits(self.env.ids.next()), read)
    }

    pub(crate) fn next_object_id(&self) -> ObjectId {
        ObjectId::from_bits(self.env.ids.next())
    }

    pub(crate) fn next_query_id(&self) -> QueryId {
        QueryId::from_bits(self.env.ids.next())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.env.clock.now()
    }

    /// Runs work on the warehouse's threads; dropping the future stops it.
    pub(crate) async fn on_warehouse<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let task = AbortOnDrop(self.warehouse.handle().spawn(work));
        task.await.unwrap_or_else(|error| {
            Err(if error.is_cancelled() {
                Error::new(Code::CANCELLED, "the statement was cancelled")
            } else {
                Error::internal("a statement panicked").with_source(error)
            })
        })
    }

    /// The newest head that a statement must see.
    pub(crate) async fn latest(&self) -> Result<Arc<Head>> {
        if self.settings.alone { Ok(self.account.head()) } else { self.account.refresh().await }
    }
}

fn warehouse_settings(settings: &Settings) -> WarehouseSettings {
    WarehouseSettings {
        name: Name::quoted(DEFAULT_WAREHOUSE),
        threads: settings.threads,
        concurrency: settings.concurrency,
        memory: settings.memory,
        spill_root: settings.spill.clone(),
        ..WarehouseSettings::default()
    }
}

/// A task that stops when nobody waits for it any more.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The updates that make a database with its PUBLIC schema.
pub(crate) fn new_database(
    database: ObjectId,
    schema: ObjectId,
    name: &str,
    body: Body,
) -> Result<[Update; 2]> {
    let owner = RoleId::SYSADMIN.object();
    Ok([
        Update::CreateObject {
            id: database,
            kind: ObjectKind::Database,
            parent: None,
            name: Name::quoted(name),
            owner,
            body,
        },
        Update::CreateObject {
            id: schema,
            kind: ObjectKind::Schema,
            parent: Some(database),
            name: Name::quoted(DEFAULT_SCHEMA),
            owner,
            body: Body::of(&ContainerDefinition::default())?,
        },
    ])
}

impl Icecore {
    /// Opens the store at `url`, and makes it if there is none: `memory://`, a
    /// path, a `file://` URL, or with the feature `s3` `s3://bucket/prefix`.
    ///
    /// # Errors
    /// `InvalidInput` for a URL that cannot be opened, `Unavailable` if the
    /// store does not answer, `Unsupported` if another version wrote it,
    /// `Corrupted` if its log is damaged.
    pub fn open(url: &str) -> Builder {
        Self::builder(url)
    }

    /// Opens the store at `url` with other than the default settings.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn from_engine(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A session as the default user, with the default role and warehouse.
    pub fn session(&self) -> SessionBuilder {
        SessionBuilder::new(Arc::clone(&self.engine))
    }

    /// A session as this user.
    pub fn session_as(&self, user: &str) -> SessionBuilder {
        self.session().user(user)
    }

    /// The bucket `memory://name/` of stages: inside the engine, shared by all
    /// stages that name it, and gone with the engine.
    pub fn memory_bucket(&self, name: &str) -> Arc<dyn object_store::ObjectStore> {
        self.engine.stages.bucket(name)
    }

    /// Now, on the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// The newest version that this process knows.
    pub fn version(&self) -> Version {
        self.engine.account.head().version()
    }

    /// Moves the simulated clock on, and runs what falls due in between, in
    /// order of time, each at its own moment.
    ///
    /// # Errors
    /// `Unsupported` on a real clock; whatever fails in what fell due.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        let Some(clock) = &self.engine.simulated else {
            return Err(Error::unsupported("moving a real clock")
                .with_help("open the engine with a simulated clock"));
        };
        let end = self.now().plus(by);
        let mut done = Ok(());
        while let Some(moment) = crate::due::next_moment(&self.engine).filter(|at| *at < end) {
            clock.set(moment);
            done = done.and(self.run_due().await);
        }
        clock.set(end.max(self.now()));
        done.and(self.run_due().await)
    }

    /// Runs what is due now: refreshes, folding of manifests, writing of the
    /// journals.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer; what was not done is still
    /// due the next time.
    pub async fn run_due(&self) -> Result<()> {
        crate::due::run(&self.engine).await
    }

    /// Keeps running what falls due until it is dropped. On a real clock it
    /// looks every second, and at once when this process is notified of files;
    /// it returns only with an error.
    ///
    /// # Errors
    /// The first that [`Icecore::run_due`] returns.
    pub async fn run(&self) -> Result<()> {
        loop {
            self.run_due().await?;
            tokio::select! {
                () = self.engine.env.timer.sleep(Duration::from_secs(1)) => {}
                () = self.engine.pipes.events.came() => {}
            }
        }
    }

    /// How often a scan found its columns in memory.
    pub fn cache_statistics(&self) -> icecore_segment::CacheStatistics {
        self.engine.cache.statistics()
    }

    /// Writes what is buffered, so that the next opening finds it: the journal
    /// and a checkpoint. Dropping an engine without it loses no commit, only
    /// the newest rows of the query history.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer.
    pub async fn close(self) -> Result<()> {
        self.engine.history.flush().await?;
        self.engine.accesses.flush().await?;
        self.engine.logins.flush().await?;
        self.engine.refreshes.flush().await?;
        self.engine.loads.flush().await?;
        self.engine.expectations.flush().await?;
        self.engine.measurements.flush().await?;
        self.engine.account.checkpoint().await
    }
}

impl Session {
    /// The engine that this session belongs to.
    pub fn lake(&self) -> Icecore {
        Icecore::from_engine(Arc::clone(self.engine()))
    }
}

impl std::fmt::Debug for Icecore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Icecore")
            .field("account", &self.engine.account.id())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

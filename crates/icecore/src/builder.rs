//! How an engine is opened.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use futures::StreamExt;
use icecore_raw::SqsOptions;
use icecore_snapshot::{AuditKey, Durability, StoreOptions, clocked_store, open_store_with};
use icecore_types::{
    ByteSize, Env, IdSource, RandomIds, Result, SeededIds, SimulatedClock, SystemClock,
    SystemTimer, Timestamp,
};

use crate::Icecore;
use crate::engine::Engine;
use crate::stages::StageStores;

/// The settings of an engine, all with defaults.
///
/// ```
/// use icecore::{ByteSize, Settings};
/// let settings = Settings { threads: 1, ..Settings::default() };
/// assert_eq!(settings.cache, ByteSize::gib(1));
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// What an acknowledged commit survives; `Full` by default, which costs a
    /// sync of file and folder for each object on a local disk.
    pub durability: Durability,
    /// Bytes of decoded columns kept in memory, 1 GiB by default: more makes
    /// repeated scans cheaper.
    pub cache: ByteSize,
    /// Bytes that the operators of all running statements may hold, 4 GiB by
    /// default: beyond it they spill to disk or fail.
    pub memory: ByteSize,
    /// Threads of the default warehouse, by default one for each core.
    pub threads: usize,
    /// Statements that run at the same time, 8 by default; others queue.
    pub concurrency: usize,
    /// Where operators spill; the system's temporary folder by default.
    pub spill: PathBuf,
    /// Whether no other process writes to the store: statements then do not
    /// look for records of others. Off by default; always so in memory.
    pub alone: bool,
    /// Bytes of results kept for RESULT_SCAN per session, 64 MiB by default.
    pub results: ByteSize,
    /// How pipes load.
    pub pipes: PipeSettings,
    /// How the audit log is kept.
    pub audit: AuditSettings,
}

/// How the audit log is kept: the query, access and login histories.
///
/// ```
/// use icecore::{AuditKey, AuditSettings};
/// let settings = AuditSettings { key: Some(AuditKey::new([7; 32])), strict: true };
/// assert!(!AuditSettings::default().strict);
/// # drop(settings);
/// ```
#[derive(Clone, Debug, Default)]
pub struct AuditSettings {
    /// What the audit log is sealed with, nothing by default: see
    /// [`Builder::audit_key`].
    pub key: Option<AuditKey>,
    /// Whether nothing runs whose record is not stored: see
    /// [`Builder::strict_audit`].
    pub strict: bool,
}

/// How pipes load what they are told of: their back-pressure.
///
/// ```
/// use icecore::{ByteSize, PipeSettings};
/// let settings = PipeSettings { files_per_run: 10, ..PipeSettings::default() };
/// assert_eq!(settings.bytes_per_run, ByteSize::gib(1));
/// ```
#[derive(Clone, Debug)]
pub struct PipeSettings {
    /// Files of one run, which share a commit, 1,000 by default: more makes
    /// fewer commits, and rows visible later.
    pub files_per_run: usize,
    /// Bytes of the files of one run, 1 GiB by default; a larger file has a
    /// run of its own.
    pub bytes_per_run: ByteSize,
    /// Pipes that load at the same time, 4 by default, and one after the other
    /// on a simulated clock.
    pub concurrency: usize,
    /// Messages that are taken for a pipe from its source before it loads,
    /// 10,000 by default; what is beyond waits in the source.
    pub messages_per_run: usize,
    /// With which region and keys queues are asked.
    pub queues: SqsOptions,
}

impl Default for PipeSettings {
    fn default() -> Self {
        Self {
            files_per_run: 1_000,
            bytes_per_run: ByteSize::gib(1),
            concurrency: 4,
            messages_per_run: 10_000,
            queues: SqsOptions::default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            cache: ByteSize::gib(1),
            memory: ByteSize::gib(4),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            concurrency: 8,
            spill: std::env::temp_dir(),
            alone: false,
            results: ByteSize::mib(64),
            pipes: PipeSettings::default(),
            audit: AuditSettings::default(),
        }
    }
}

/// Opens an engine with other than the default settings.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore::{Icecore, Timestamp};
/// let start = Timestamp::parse("2013-01-01T00:00:00Z")?;
/// let lake = Icecore::builder("memory://").simulated_clock(start).seed(7).await?;
/// assert_eq!(lake.now(), start);
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until the builder is awaited"]
pub struct Builder {
    url: String,
    settings: Settings,
    start: Option<Timestamp>,
    seed: u64,
    env: Option<Env>,
    stage_locations: Vec<String>,
    store: StoreOptions,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            settings: Settings::default(),
            start: None,
            seed: 0,
            env: None,
            stage_locations: Vec::new(),
            store: StoreOptions::default(),
        }
    }

    /// Replaces the settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Runs on a simulated clock that stands at `start` until it is moved:
    /// ids then come from the seed and plans run in one partition, so that the
    /// same script gives the same bytes. Files that this engine writes have
    /// the times of that clock.
    pub fn simulated_clock(mut self, start: Timestamp) -> Self {
        self.start = Some(start);
        self
    }

    /// The seed of ids under a simulated clock; 0 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Takes store, timer and ids from `env` instead of the URL; its clock
    /// too, unless a simulated clock is asked for.
    pub fn env(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// A setting of a store at an `s3://` URL, by the name that `object_store`
    /// gives it: `region`, `endpoint`, `access_key_id`, `secret_access_key`,
    /// `allow_http`. Any other store refuses it.
    ///
    /// ```no_run
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use icecore::Icecore;
    /// let lake = Icecore::builder("s3://bucket/lake")
    ///     .s3_from_environment()
    ///     .s3_setting("region", "eu-central-1")
    ///     .await?;
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn s3_setting(mut self, key: &str, value: &str) -> Self {
        self.store = self.store.s3_setting(key, value);
        self
    }

    /// Lets the `AWS_*` variables of the environment set what no
    /// [`s3_setting`](Self::s3_setting) does; without it they are not read.
    pub fn s3_from_environment(mut self) -> Self {
        self.store = self.store.s3_environment();
        self
    }

    /// Lets stages be below `file:///folder/`, or at `http://host:port` in the
    /// machine's own network; none are without it. Links on the way to the
    /// folder are followed, links below it are not.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use icecore::Icecore;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::fs::write(folder.path().join("a.csv"), "1\n").unwrap();
    /// let url = format!("file://{}/", folder.path().display());
    /// let lake = Icecore::builder("memory://").allow_stage_location(&url).await?;
    /// let session = lake.session().await?;
    /// session.execute(&format!("CREATE STAGE landing URL = '{url}'")).await?;
    /// let rows = session.execute("SELECT $1 FROM @landing").await?.collect().await?;
    /// assert_eq!(rows[0].num_rows(), 1);
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn allow_stage_location(mut self, url: &str) -> Self {
        self.stage_locations.push(url.to_owned());
        self
    }

    /// Seals the audit log with a key: VERIFY AUDIT then finds what somebody
    /// without it has written, edited or put in another order. All processes
    /// that open the store need the same one.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use icecore::{AuditKey, Icecore};
    /// let key = AuditKey::new([7; 32]);
    /// let lake = Icecore::builder("memory://").audit_key(key).await?;
    /// let verified = lake.session().await?.execute("VERIFY AUDIT").await?.collect().await?;
    /// assert_eq!(verified[0].num_rows(), 3, "queries, access, logins");
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn audit_key(mut self, key: AuditKey) -> Self {
        self.settings.audit.key = Some(key);
        self
    }

    /// Whether the record of a statement, with what it reads and writes, must
    /// be stored before it reads or changes anything; off by default, and then
    /// records are stored every now and then, and by closing the engine. It
    /// costs each statement two objects, and a statement whose record the store
    /// refuses fails. How a statement ended is stored with the next ones.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use icecore::Icecore;
    /// let lake = Icecore::builder("memory://").strict_audit(true).await?;
    /// lake.session().await?.execute("SELECT 1").await?.collect().await?;
    /// # Ok::<(), icecore::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn strict_audit(mut self, strict: bool) -> Self {
        self.settings.audit.strict = strict;
        self
    }

    async fn open(self) -> Result<Icecore> {
        let mut stages = StageStores::allowing(&self.stage_locations)?;
        let mut settings = self.settings;
        settings.alone |= self.url == "memory://" && self.env.is_none();
        let clock = self.start.map(SimulatedClock::starting_at);
        let mut env = match self.env {
            Some(env) => env,
            None => Env {
                store: open_store_with(&self.url, &self.store.durability(settings.durability))?,
                clock: Arc::new(SystemClock),
                timer: Arc::new(SystemTimer::default()),
                ids: Arc::new(RandomIds),
            },
        };
        if let Some(clock) = &clock {
            settings.threads = 1;
            env.clock = Arc::new(clock.clone());
            env.store = clocked_store(env.store, Arc::clone(&env.clock));
            env.ids = seeded(&env, self.seed).await?;
            stages = stages.with_clock(Arc::clone(&env.clock));
        }
        Engine::open(env, settings, clock, stages).await.map(Icecore::from_engine)
    }
}

/// Ids of this seed for a store at this point of its history: opened again
/// after more was committed, it gives others, so that no name is made twice.
async fn seeded(env: &Env, seed: u64) -> Result<Arc<dyn IdSource>> {
    let objects = env.store.list(None).count().await as u64;
    Ok(Arc::new(SeededIds::new(seed ^ objects.wrapping_mul(0x9E37_79B9_7F4A_7C15))))
}

impl IntoFuture for Builder {
    type Output = Result<Icecore>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

//! An engine whose requests are counted.

use std::sync::Arc;

use icecore::{Icecore, Session, Settings};
use icecore_testkit::{CountingStore, Verb};
use icecore_types::{Env, RandomIds, SystemClock, SystemTimer};
use object_store::ObjectStore;

use crate::{Outcome, Rounds, Stopwatch};

/// An engine on the real clock, alone on a store that counts.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use icecore_benches::Counted;
/// use object_store::memory::InMemory;
///
/// let world = Counted::open(std::sync::Arc::new(InMemory::new())).await?;
/// world.session.execute("CREATE TABLE t (n INT)").await?;
/// let put = world.one_put("INSERT INTO t VALUES (1)").await?;
/// assert!(put.bytes > 100);
/// # Ok::<(), icecore_benches::Failure>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Counted {
    /// What is asked of the store.
    pub store: CountingStore,
    /// The engine.
    pub lake: Icecore,
    /// A session in its default schema.
    pub session: Session,
}

/// A statement that was one PUT and nothing else.
///
/// ```
/// use icecore_benches::OnePut;
/// let put = OnePut { bytes: 634, time: std::time::Duration::from_micros(90) };
/// assert!(put.bytes < 1_024);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OnePut {
    /// Bytes of the PUT.
    pub bytes: u64,
    /// How long the statement took.
    pub time: std::time::Duration,
}

impl Counted {
    /// Opens the store, with the default settings but for the other processes
    /// that there are none of.
    ///
    /// # Errors
    /// The engine's.
    pub async fn open(store: Arc<dyn ObjectStore>) -> Outcome<Self> {
        Self::with(store, Settings::default()).await
    }

    /// Opens the store with other settings.
    ///
    /// # Errors
    /// The engine's.
    pub async fn with(store: Arc<dyn ObjectStore>, settings: Settings) -> Outcome<Self> {
        let store = CountingStore::new(store);
        let env = env(Arc::new(store.clone()));
        let settings = Settings { alone: true, ..settings };
        let lake = Icecore::builder("memory://").env(env).settings(settings).await?;
        let session = lake.session().await?;
        Ok(Self { store, lake, session })
    }

    /// Runs a statement that must be one PUT of a record and no other request.
    ///
    /// # Errors
    /// The engine's, and if it was anything else.
    pub async fn one_put(&self, sql: &str) -> Outcome<OnePut> {
        self.store.reset();
        let watch = Stopwatch::start();
        self.session.execute(sql).await?;
        let time = watch.elapsed();
        let counts = self.store.counts();
        let puts = counts.of(Verb::Put).under("/log/");
        if (counts.requests(), puts.requests()) != (1, 1) {
            return Err(format!("not one PUT of a record sql={sql} requests={counts:?}").into());
        }
        Ok(OnePut { bytes: puts.bytes(), time })
    }

    /// Times runs of a query whose rows are read to the end.
    ///
    /// # Errors
    /// The engine's.
    pub async fn time_query(&self, sql: &str, rounds: usize) -> Outcome<Rounds> {
        let mut times = Rounds::default();
        for _ in 0..rounds {
            let watch = Stopwatch::start();
            self.session.execute(sql).await?.collect().await?;
            times.add(watch.elapsed());
        }
        Ok(times)
    }
}

/// The real world over this store.
pub(crate) fn env(store: Arc<dyn ObjectStore>) -> Env {
    Env {
        store,
        clock: Arc::new(SystemClock),
        timer: Arc::new(SystemTimer::default()),
        ids: Arc::new(RandomIds),
    }
}

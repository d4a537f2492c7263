//! A statement that is watched, and stopped, while its rows are read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_plan::ExecutionPlan;
use icecore_exec::ScanStatistics;
use icecore_types::{Clock, Code, Error, QueryId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a statement has cost so far, or in all when its rows have been read.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// session.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2)").await?;
/// let result = session.execute("SELECT n FROM t").await?;
/// let handle = result.handle();
/// result.collect().await?;
/// let statistics = handle.statistics();
/// assert_eq!((statistics.rows_produced, statistics.segments_scanned), (2, 1));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Rows that were handed out.
    pub rows_produced: u64,
    /// Bytes of Arrow columns that its scans looked at, from the cache or not.
    pub bytes_scanned: u64,
    /// Segments that were not pruned.
    pub segments_scanned: u64,
    /// Segments of the tables, once for each scan of one.
    pub segments_total: u64,
    /// From its beginning, queueing included, to now or to its end, on the
    /// engine's clock.
    pub elapsed: Duration,
}

/// Watches a statement, and stops it, from beside whoever reads its rows.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// let result = session.execute("SELECT 1 AS one").await?;
/// result.handle().cancel();
/// assert_eq!(result.collect().await.unwrap_err().code().number(), "000604");
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct StatementHandle {
    shared: Arc<Shared>,
}

struct Shared {
    query_id: QueryId,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    /// What runs, whose scans count as they go; none if all was done before
    /// the first row.
    plan: Option<Arc<dyn ExecutionPlan>>,
    state: Mutex<State>,
    cancelled: Notify,
}

#[derive(Default)]
struct State {
    rows: u64,
    scanned: ScanStatistics,
    ended: Option<Timestamp>,
    cancelled: bool,
}

impl StatementHandle {
    /// Of a statement whose plan runs while its rows are read.
    pub(crate) fn running(
        query_id: QueryId,
        clock: Arc<dyn Clock>,
        started: Timestamp,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Self {
        Self::new(query_id, clock, started, Some(plan))
    }

    /// Of a statement that is done but for the reading of its rows.
    pub(crate) fn done(
        query_id: QueryId,
        clock: Arc<dyn Clock>,
        started: Timestamp,
        (rows, scanned): (u64, ScanStatistics),
    ) -> Self {
        let handle = Self::new(query_id, clock, started, None);
        {
            let mut state = handle.shared.state.lock();
            *state = State { rows, scanned, ..State::default() };
            state.ended = Some(handle.shared.clock.now());
        }
        handle
    }

    fn new(
        query_id: QueryId,
        clock: Arc<dyn Clock>,
        started: Timestamp,
        plan: Option<Arc<dyn ExecutionPlan>>,
    ) -> Self {
        let (state, cancelled) = (Mutex::default(), Notify::new());
        Self { shared: Arc::new(Shared { query_id, clock, started, plan, state, cancelled }) }
    }

    /// The statement's id.
    pub fn query_id(&self) -> QueryId {
        self.shared.query_id
    }

    /// What it has cost so far.
    pub fn statistics(&self) -> Statistics {
        let state = self.shared.state.lock();
        let scanned = self.shared.plan.as_ref().map_or(state.scanned, ScanStatistics::of);
        let until = state.ended.unwrap_or_else(|| self.shared.clock.now());
        Statistics {
            rows_produced: state.rows,
            bytes_scanned: scanned.bytes,
            segments_scanned: scanned.segments,
            segments_total: scanned.segments_total,
            elapsed: until.since(self.shared.started),
        }
    }

    /// Stops it: whoever reads its rows gets the error 000604 next. Rows that
    /// were read stay as they are; a statement that is over stays so.
    pub fn cancel(&self) {
        self.shared.state.lock().cancelled = true;
        self.shared.cancelled.notify_waiters();
    }

    /// Counts rows that were handed out.
    pub(crate) fn count(&self, rows: usize) -> u64 {
        let mut state = self.shared.state.lock();
        state.rows += rows as u64;
        state.rows
    }

    /// Says that no more rows come.
    pub(crate) fn end(&self) {
        let now = self.shared.clock.now();
        self.shared.state.lock().ended.get_or_insert(now);
    }

    /// Returns when it has been cancelled.
    pub(crate) async fn cancelled(&self) -> Error {
        loop {
            let mut told = std::pin::pin!(self.shared.cancelled.notified());
            // Listening before looking, so that no call is missed.
            told.as_mut().enable();
            if self.shared.state.lock().cancelled {
                return Error::new(Code::CANCELLED, "SQL execution canceled")
                    .with_query_id(self.shared.query_id);
            }
            told.await;
        }
    }
}

impl fmt::Debug for StatementHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementHandle")
            .field("query_id", &self.shared.query_id)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

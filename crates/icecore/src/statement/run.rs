//! One statement from its first moment to its last: its id, its place in the
//! warehouse, its row in the history.

use std::sync::Arc;

use datafusion::execution::TaskContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_exec::{Outcome, RunningStatement, ScanStatistics, StatementEnd, StatementHooks};
use icecore_snapshot::Head;
use icecore_types::{Error, QueryId, Result, Timestamp, Version};
use icecore_warehouse::Permit;
use parking_lot::Mutex;

use super::Planning;
use super::authorize::authorize;
use super::policy::same_policies;
use super::resolver::Intent;
use crate::access::Acting;
use crate::access_history::{Access, AccessRow};
use crate::history::{HistoryRow, Status};
use crate::session::Session;

/// A statement that has begun. It ends by [`StatementRun::end`]; dropped
/// before, it was cancelled.
pub(crate) struct StatementRun {
    session: Session,
    row: Option<HistoryRow>,
    access: Access,
    /// Whether the store has its record, as far as it is known before its end.
    recorded: bool,
    permit: Option<Permit>,
}

impl StatementRun {
    /// Gives the statement its id and waits for its turn in the warehouse.
    pub(crate) async fn begin(session: &Session, text: &str, kind: &'static str) -> Self {
        let engine = session.engine();
        let id = engine.next_query_id();
        let shared = session.shared();
        let principal = shared.principal();
        let row = HistoryRow {
            query_id: id,
            text: text.to_owned(),
            kind: kind.to_owned(),
            user: principal.user_name().clone(),
            role: principal.role_name().clone(),
            warehouse: shared.warehouse.clone(),
            database: shared.database(),
            schema: shared.schema(),
            session: shared.id,
            tag: shared.query_tag(),
            started: engine.now(),
            ended: engine.now(),
            read_version: engine.account.head().version(),
            end_version: engine.account.head().version(),
            status: Status::Running,
            error_code: None,
            error_message: None,
            rows_produced: 0,
            rows_affected: None,
            bytes_scanned: 0,
            segments_scanned: 0,
            segments_total: 0,
        };
        let permit = Some(engine.warehouse.admit().await);
        Self {
            session: session.clone(),
            row: Some(row),
            access: Access::default(),
            recorded: false,
            permit,
        }
    }

    pub(crate) fn id(&self) -> QueryId {
        self.row.as_ref().map_or(QueryId::from_bits(0), |row| row.query_id)
    }

    /// Says which version the statement reads.
    pub(crate) fn reads(&mut self, version: Version) {
        if let Some(row) = &mut self.row {
            row.read_version = version;
        }
    }

    /// Says what it reads and writes.
    pub(crate) fn accesses(&mut self, access: Access) {
        // An attempt after the first does what the first was about to do.
        if !self.recorded {
            self.access = access;
        }
    }

    /// Where the audit is strict: stores that the statement begins, and what it
    /// is about to read and write, before it does.
    ///
    /// # Errors
    /// The store's, if it does not take the record: then the statement must
    /// not go on.
    pub(crate) async fn ensure_recorded(&mut self) -> Result<()> {
        let Some(row) = self.row.as_ref().filter(|_| !self.recorded) else { return Ok(()) };
        let engine = self.session.engine();
        if !engine.settings.audit.strict {
            return Ok(());
        }
        engine.history.record_beginning(row).await?;
        if !self.access.is_nothing() {
            engine.accesses.add(access_row(row, std::mem::take(&mut self.access)));
        }
        engine.accesses.journal().flush().await?;
        self.recorded = true;
        Ok(())
    }

    /// Says how many rows it changed.
    pub(crate) fn changed(&mut self, rows: Option<u64>) {
        if let Some(row) = &mut self.row {
            row.rows_affected = rows;
        }
    }

    /// Says what its scans read.
    pub(crate) fn scanned_by_parts(&mut self, scanned: ScanStatistics) {
        if let Some(row) = &mut self.row {
            row.bytes_scanned = scanned.bytes;
            row.segments_scanned = scanned.segments;
            row.segments_total = scanned.segments_total;
        }
    }

    /// Gives up its place in the warehouse: what it does now takes none.
    pub(crate) fn leave_warehouse(&mut self) {
        self.permit = None;
    }

    /// What its scans read.
    pub(crate) fn scanned(&self) -> ScanStatistics {
        self.row.as_ref().map_or_else(ScanStatistics::default, |row| ScanStatistics {
            bytes: row.bytes_scanned,
            segments: row.segments_scanned,
            segments_total: row.segments_total,
        })
    }

    /// When it began.
    pub(crate) fn started(&self) -> Timestamp {
        self.row.as_ref().map_or(Timestamp::from_micros(0), |row| row.started)
    }

    /// Ends it, and writes its row of the history.
    pub(crate) fn end(mut self, rows: u64, failure: Option<&Error>) {
        let status = if failure.is_some() { Status::Failed } else { Status::Success };
        self.record(status, rows, failure);
    }

    fn record(&mut self, status: Status, rows: u64, failure: Option<&Error>) {
        let Some(mut row) = self.row.take() else { return };
        let engine = self.session.engine();
        row.status = status;
        row.rows_produced = rows;
        row.error_code = failure.map(|error| error.code().number().to_owned());
        row.error_message = failure.map(|error| error.message().to_owned());
        row.ended = engine.now();
        row.end_version = engine.account.head().version();
        // Only now: LAST_QUERY_ID() within a statement is the one before it.
        self.session.shared().remember_query(row.query_id);
        let access = std::mem::take(&mut self.access);
        let access = match status {
            Status::Success => access,
            // Who has seen rows has read them, however it ended.
            _ if rows > 0 => access.only_read(),
            _ => Access::default(),
        };
        if !access.is_nothing() {
            engine.accesses.add(access_row(&row, access));
        }
        engine.history.record(row);
    }
}

fn access_row(row: &HistoryRow, access: Access) -> AccessRow {
    AccessRow {
        query_id: row.query_id,
        started: row.started,
        user: row.user.clone(),
        role: row.role.clone(),
        tag: row.tag.clone(),
        access,
    }
}

impl Drop for StatementRun {
    fn drop(&mut self) {
        self.record(Status::Cancelled, 0, None);
    }
}

/// What begins and ends the executions of a query's plan.
pub(crate) struct QueryHooks {
    session: Session,
    acting: Arc<Acting>,
    text: String,
    intents: Vec<Intent>,
    /// What it was planned against.
    head: Arc<Head>,
    begun: Mutex<Option<StatementRun>>,
}

impl QueryHooks {
    /// Hooks whose first execution is `begun`, if it is given; every further
    /// one is a statement of its own.
    pub(crate) fn new(
        (session, acting): (&Session, &Arc<Acting>),
        text: &str,
        (head, intents): (Arc<Head>, Vec<Intent>),
        begun: Option<StatementRun>,
    ) -> Self {
        Self {
            session: session.clone(),
            acting: Arc::clone(acting),
            text: text.to_owned(),
            intents,
            head,
            begun: Mutex::new(begun),
        }
    }
}

impl QueryHooks {
    /// Ends the statement before it was executed: its plan cannot be made.
    pub(crate) fn fail(&self, error: &Error) {
        if let Some(run) = self.begun.lock().take() {
            run.end(0, Some(error));
        }
    }
}

impl std::fmt::Debug for QueryHooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QueryHooks")
    }
}

/// The hooks of one plan of a query: a DataFrame can be planned more than once,
/// and each time read something else.
#[derive(Debug)]
pub(crate) struct PlannedQuery {
    hooks: Arc<QueryHooks>,
    access: Access,
}

impl QueryHooks {
    /// For a plan that reads this.
    pub(crate) fn planned(self: Arc<Self>, access: Access) -> Arc<PlannedQuery> {
        Arc::new(PlannedQuery { hooks: self, access })
    }
}

impl StatementHooks for PlannedQuery {
    fn begin(
        &self,
        _context: &TaskContext,
    ) -> BoxFuture<'static, Result<Box<dyn RunningStatement>>> {
        let hooks = &self.hooks;
        let begun = hooks.begun.lock().take();
        let (session, text) = (hooks.session.clone(), hooks.text.clone());
        let (intents, planned) = (hooks.intents.clone(), Arc::clone(&hooks.head));
        // In the role that it was planned in: its rows are that role's.
        let session_then = Arc::clone(&hooks.acting.session);
        let access = self.access.clone();
        async move {
            let mut run = match begun {
                Some(run) => run,
                None => StatementRun::begin(&session, &text, "SELECT").await,
            };
            run.reads(planned.version());
            run.accesses(access);
            // Taken after the data's version: a revoke is never overtaken by
            // rows that are newer than it.
            let head = session.engine().latest().await?;
            let access = session.engine().access.of(&head)?;
            let acting = Acting { access, session: session_then };
            let allowed = authorize(&acting, &intents, &head)
                .and_then(|()| same_policies(&planned, &head, &intents));
            if let Err(error) = allowed {
                run.end(0, Some(&error));
                return Err(error);
            }
            if let Err(error) = run.ensure_recorded().await {
                run.end(0, Some(&error));
                return Err(error);
            }
            let running: Box<dyn RunningStatement> = Box::new(RunningQuery { session, run });
            Ok(running)
        }
        .boxed()
    }
}

struct RunningQuery {
    session: Session,
    run: StatementRun,
}

impl RunningStatement for RunningQuery {
    fn query_id(&self) -> Option<QueryId> {
        Some(self.run.id())
    }

    fn task_context(&self) -> Arc<TaskContext> {
        self.session.engine().template.task_ctx()
    }

    fn runtime(&self) -> tokio::runtime::Handle {
        self.session.engine().warehouse.handle()
    }

    fn finish(mut self: Box<Self>, outcome: Outcome) {
        self.run.scanned_by_parts(outcome.scanned);
        match outcome.end {
            StatementEnd::Finished => self.run.end(outcome.rows, None),
            StatementEnd::Failed(error) => self.run.end(outcome.rows, Some(&error)),
            // Dropping it says so.
            StatementEnd::Cancelled => drop(self.run),
        }
    }
}

/// The hooks of a plan that is a part of a statement which begins and ends
/// elsewhere: the rows that a DELETE changes, for example.
#[derive(Debug)]
pub(crate) struct PartHooks {
    session: Session,
    scanned: Arc<Mutex<ScanStatistics>>,
}

impl PartHooks {
    pub(crate) fn new(statement: &Planning) -> Arc<Self> {
        let scanned = Arc::clone(&statement.scanned);
        Arc::new(Self { session: statement.session.clone(), scanned })
    }
}

impl StatementHooks for PartHooks {
    fn begin(
        &self,
        _context: &TaskContext,
    ) -> BoxFuture<'static, Result<Box<dyn RunningStatement>>> {
        let (session, scanned) = (self.session.clone(), Arc::clone(&self.scanned));
        let part: Box<dyn RunningStatement> = Box::new(Part { session, scanned });
        async move { Ok(part) }.boxed()
    }
}

struct Part {
    session: Session,
    scanned: Arc<Mutex<ScanStatistics>>,
}

impl RunningStatement for Part {
    fn task_context(&self) -> Arc<TaskContext> {
        self.session.engine().template.task_ctx()
    }

    fn runtime(&self) -> tokio::runtime::Handle {
        self.session.engine().warehouse.handle()
    }

    fn finish(self: Box<Self>, outcome: Outcome) {
        *self.scanned.lock() += outcome.scanned;
    }
}

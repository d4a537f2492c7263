//! Runs what is authorised, and commits what it changes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, collect, execute_stream};
use futures::TryStreamExt;
use icecore_exec::{
    Changes, ChangesSlot, StatementExec, WriteExec, WriteKind, WriteTarget, from_datafusion,
};
use icecore_segment::WriteOptions;
use icecore_snapshot::{Commit, Requirement, Update};
use icecore_types::{Code, Error, Name, QualifiedName, QueryId, Result, Secret, SqlType};

use super::authorize::{Authorized, authorize_statement};
use super::rows::QueryRows;
use super::run::PartHooks;
use super::write::Report;
use super::{
    Change, OpenGate, Passed, Planning, RETRIES, Request, Resolved, StatementRun, Write,
    came_second,
};
use crate::expectations::Measured;
use crate::plan::{Destination, physical_plan, plan_select};
use crate::progress::Observer;
use crate::session::{Session, StoredResult};
use crate::vectors::Vectors;
use crate::{QueryResult, StatementHandle, due};

/// What a statement returns when it is done.
pub(crate) struct Performed {
    pub(crate) rows: RecordBatch,
    /// Whether RESULT_SCAN gives them again.
    pub(crate) remembered: bool,
    pub(crate) rows_affected: Option<u64>,
    pub(crate) commit: Option<Commit>,
}

impl Performed {
    /// Rows that were known when the statement was planned.
    pub(crate) fn rows(rows: RecordBatch) -> Self {
        Self { rows, remembered: true, rows_affected: None, commit: None }
    }

    /// One sentence.
    pub(crate) fn status(message: &str, commit: Option<Commit>) -> Result<Self> {
        let text: ArrayRef = Arc::new(StringViewArray::from_iter_values([message]));
        Ok(Self { commit, ..Self::rows(named_rows(vec![("status", SqlType::TEXT, text)])?) })
    }

    /// A token and its text, which nothing remembers.
    fn issued(token: &Name, text: &Secret, commit: Commit) -> Result<Self> {
        let column =
            |value: &str| -> ArrayRef { Arc::new(StringViewArray::from_iter_values([value])) };
        let rows = named_rows(vec![
            ("token_name", SqlType::TEXT, column(token.as_str())),
            ("token_secret", SqlType::TEXT, column(text.expose())),
        ])?;
        Ok(Self { remembered: false, commit: Some(commit), ..Self::rows(rows) })
    }
}

/// A batch with these columns.
pub(crate) fn named_rows(columns: Vec<(&str, SqlType, ArrayRef)>) -> Result<RecordBatch> {
    let fields: Vec<_> =
        columns.iter().map(|(name, ty, _)| icecore_values::field(name, ty, true)).collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|source| Error::internal("rows of a statement's result").with_source(source))
}

/// Runs a statement that has begun; a transaction that came first makes it
/// start over, on the newer snapshot.
pub(crate) async fn run_begun(
    session: &Session,
    request: Request,
    mut run: StatementRun,
    observer: &Observer,
) -> Result<QueryResult> {
    let id = run.id();
    let mut attempt = 0;
    loop {
        let outcome = attempt_once(session, &request, &mut run, observer).await;
        match outcome {
            Ok(Attempt::Query(planning, plan)) => {
                return query(&planning, request.text(), plan, run, observer).await;
            }
            Ok(Attempt::Done(performed)) => return finished(session, run, performed),
            Err(error) if came_second(&error) && attempt < RETRIES => {
                attempt += 1;
                back_off(session, attempt).await;
            }
            Err(error) => {
                let error = error.with_query_id(id);
                run.end(0, Some(&error));
                return Err(error);
            }
        }
    }
}

enum Attempt {
    Query(Box<Planning>, LogicalPlan),
    Done(Performed),
}

async fn attempt_once(
    session: &Session,
    request: &Request,
    run: &mut StatementRun,
    observer: &Observer,
) -> Result<Attempt> {
    let planning = Planning::begin(session).await?;
    run.reads(planning.resolver.head().version());
    if let Request::Statement(parsed) = request {
        planning.bind_stages(&parsed.statement).await?;
        planning.bind_password(&parsed.statement).await?;
    }
    let resolved = planning.resolve(request);
    if matches!(resolved, Ok(Resolved::Wait(_))) {
        // What falls due meanwhile needs the place.
        run.leave_warehouse();
    }
    let intents = planning.resolver.intents();
    let acting = &planning.acting;
    let authorized = authorize_statement(acting, &intents, planning.resolver.head(), resolved)?;
    run.accesses(planning.access(authorized.resolved())?);
    if !authorized.is_query() {
        // A query's record is stored when it is known what it reads.
        run.ensure_recorded().await?;
    }
    let scanned = Arc::clone(&planning.scanned);
    let attempt = planning.perform(authorized, run.id(), observer).await;
    run.scanned_by_parts(*scanned.lock());
    attempt
}

/// Waits a moment that grows with the attempt and differs between sessions.
async fn back_off(session: &Session, attempt: usize) {
    let env = &session.engine().env;
    let jitter = env.ids.next() as u64 % 5;
    let wait = std::time::Duration::from_millis((1 << attempt) + jitter);
    env.timer.sleep(wait).await;
}

fn finished(session: &Session, mut run: StatementRun, performed: Performed) -> Result<QueryResult> {
    let id = run.id();
    run.changed(performed.rows_affected);
    let produced = (performed.rows.num_rows() as u64, run.scanned());
    let clock = Arc::clone(&session.engine().env.clock);
    let started = run.started();
    run.end(produced.0, None);
    let handle = StatementHandle::done(id, clock, started, produced);
    let schema = performed.rows.schema();
    if performed.remembered {
        session.shared().remember_result(StoredResult {
            query_id: id,
            schema: Arc::clone(&schema),
            batches: vec![performed.rows.clone()],
        });
    }
    let rows = futures::stream::iter([Ok(performed.rows)]);
    let stream: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
    Ok(QueryResult::new(handle, stream)?
        .with_rows_affected(performed.rows_affected)
        .with_commit(performed.commit))
}

/// Starts a query; it goes on while its rows are read.
async fn query(
    planning: &Planning,
    text: &str,
    plan: LogicalPlan,
    run: StatementRun,
    observer: &Observer,
) -> Result<QueryResult> {
    let id = run.id();
    let started = run.started();
    let engine = planning.session.engine();
    let state = planning.query_state(text, Some(run));
    let planned = state.create_physical_plan(&plan).await;
    let stream = planned.and_then(|plan| {
        Ok((execute_stream(Arc::clone(&plan), engine.template.task_ctx())?, plan))
    });
    // The statement's end is written by its hooks, which go with the state.
    let (stream, plan) = stream.map_err(|error| planning_failed(&state, error))?;
    let handle = StatementHandle::running(id, Arc::clone(&engine.env.clock), started, plan);
    let session = planning.session.clone();
    let rows = QueryRows::new(session, stream, handle.clone(), observer.clone());
    QueryResult::new(handle, rows.stream())
}

/// A plan that cannot be made ends the statement that was to run it.
fn planning_failed(
    state: &datafusion::execution::SessionState,
    error: datafusion::error::DataFusionError,
) -> Error {
    let error = from_datafusion(error);
    if let Some(hooks) = state.config().get_extension::<super::QueryHooks>() {
        hooks.fail(&error);
    }
    error
}

impl Planning {
    async fn perform(
        self,
        authorized: Authorized,
        id: QueryId,
        observer: &Observer,
    ) -> Result<Attempt> {
        let performed = match authorized.into_inner() {
            Resolved::Query(plan) => return Ok(Attempt::Query(Box::new(self), plan)),
            Resolved::Rows(rows) => Performed::rows(rows),
            Resolved::Lineage(lineage) => Performed::rows(self.trace(lineage).await?),
            Resolved::Change(change) => self.commit_change(change, id).await?,
            Resolved::Write(write) => self.write(*write, id).await?,
            Resolved::Replay(replay) => self.replay(*replay, id).await?,
            Resolved::Load(load) => self.load(*load, id, observer).await?,
            Resolved::Unload(unload) if unload.return_rows() => {
                return Ok(Attempt::Query(Box::new(self), unload.into_rows()));
            }
            Resolved::Unload(unload) => self.unload_rows(*unload, id, observer).await?,
            Resolved::Stage(change) => self.change_stage(change, observer).await?,
            Resolved::Session(change) => self.change_session(change)?,
            Resolved::Wait(time) => self.wait(time).await?,
            Resolved::Dynamic(work) => self.dynamic_work(work, id).await?,
            Resolved::VerifyAudit => Performed::rows(self.verify_audit().await?),
            Resolved::Pipe(work) => self.work_on_pipe(*work, id).await?,
        };
        Ok(Attempt::Done(performed))
    }

    pub(super) async fn commit_change(&self, change: Change, id: QueryId) -> Result<Performed> {
        if change.updates.is_empty() {
            return Performed::status(&change.message, None);
        }
        if let Some((table, column)) = &change.without_nulls {
            self.check_without_nulls(table, column).await?;
        }
        let commit = self.commit(change.updates, change.requirements, id).await?;
        if let Some((database, schema)) = change.go_to {
            self.session.shared().set_schema(Some(database), schema);
        }
        if let Some((token, text)) = change.issued {
            return Performed::issued(&token, &text, commit);
        }
        Performed::status(&change.message, Some(commit))
    }

    /// Fails if the column holds a NULL.
    async fn check_without_nulls(&self, table: &QualifiedName, column: &Name) -> Result<()> {
        let query = format!("SELECT 1 FROM {table} WHERE {column} IS NULL LIMIT 1");
        let query = icecore_sql::parse_query(&query)?;
        let plan = plan_select(&query, &self.state, &self.binder)?;
        let mut found = self.part(&plan).await?;
        while let Some(batch) = found.try_next().await.map_err(from_datafusion)? {
            if batch.num_rows() == 0 {
                continue;
            }
            return Err(Error::new(
                Code::NULL_NOT_ALLOWED,
                format!("column '{column}' of table '{table}' holds NULL"),
            ));
        }
        Ok(())
    }

    async fn write(&self, write: Write, id: QueryId) -> Result<Performed> {
        let Write { table, schema, rows, kind, scan, before, gate, report, .. } = write;
        let gate = self.open_gate(gate, id).await?;
        let state = self.part_state(Destination::Table(table));
        let input = physical_plan(&rows, &state).await.map_err(from_datafusion)?;
        let target = WriteTarget {
            table,
            segments: self.session.engine().segments.clone(),
            schema,
            options: WriteOptions::default(),
            scan,
            judge: gate.as_ref().map(OpenGate::as_judge),
        };
        let created = before.iter().any(|update| matches!(update, Update::CreateObject { .. }));
        let slot = ChangesSlot::default();
        let writer = WriteExec::new(input, kind, target, slot.clone())?;
        let changes = self.judged(gate.as_ref(), id, self.changes(writer, &slot)).await?;
        let passed = match &gate {
            Some(open) => self.judged(Some(open), id, open.finish(self)).await?,
            None => Passed::default(),
        };
        let mut counts = vec![changes.rows, changes.multi_joined_rows];
        let mut updates: Vec<Update> = before.into_iter().chain(updates(table, changes)).collect();
        updates.extend(passed.updates);
        if updates.is_empty() && matches!(report, Report::Commit) {
            updates.push(Update::Append { table, segments: Vec::new() });
        }
        let commit = if updates.is_empty() {
            None
        } else {
            let mut requirements = passed.requirements;
            if !created {
                requirements.push(Requirement::ObjectUnchanged { id: table });
            }
            Some(self.commit(updates, requirements, id).await?)
        };
        self.measured(passed.measured, id);
        if let (Some(left_out), WriteKind::Append) = (passed.left_out, kind) {
            counts.splice(1.., left_out);
            return counted(JUDGED, &counts, commit);
        }
        match report {
            Report::Status(message) => Performed::status(&message, commit),
            Report::Counts(names) => counted(names, &counts, commit),
            Report::Commit => counted(&["number of rows inserted"], &counts, commit),
        }
    }

    /// What a step gives; if it fails, how the expectations fared is kept.
    pub(super) async fn judged<T>(
        &self,
        gate: Option<&OpenGate>,
        id: QueryId,
        step: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let outcome = step.await;
        if let (Err(error), Some(gate)) = (&outcome, gate)
            && error.code() == Code::EXPECTATION_VIOLATED
        {
            self.measured(gate.measured().await, id);
        }
        outcome
    }

    /// Remembers how the expectations of a table fared.
    pub(in crate::statement) fn measured(&self, measured: Measured, id: QueryId) {
        let engine = self.session.engine();
        engine.expectations.record(measured, id, engine.now());
    }

    /// Runs an operator that writes, and takes what it wrote.
    pub(crate) async fn changes(&self, writer: WriteExec, slot: &ChangesSlot) -> Result<Changes> {
        let root: Arc<dyn ExecutionPlan> =
            Arc::new(StatementExec::new(Arc::new(writer), PartHooks::new(self)));
        collect(root, self.session.engine().template.task_ctx()).await.map_err(from_datafusion)?;
        slot.take().ok_or_else(|| Error::internal("a write ended without its changes"))
    }

    /// The rows of a query that is a part of this statement.
    pub(crate) async fn part(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let state = self.part_state(Destination::Result);
        let plan = physical_plan(plan, &state).await.map_err(from_datafusion)?;
        let root = Arc::new(StatementExec::new(plan, PartHooks::new(self)));
        execute_stream(root, self.session.engine().template.task_ctx()).map_err(from_datafusion)
    }

    /// Commits what this statement changes, against the snapshot that it read.
    pub(crate) async fn commit(
        &self,
        mut updates: Vec<Update>,
        requirements: Vec<Requirement>,
        id: QueryId,
    ) -> Result<Commit> {
        self.propagate_defined(&mut updates)?;
        let engine = self.session.engine();
        let head = self.resolver.head();
        for table in updates.iter().filter_map(Update::content_of) {
            due::before_writing(engine, head, table).await?;
        }
        let mut transaction = engine.transaction(head.version()).query(id);
        for update in updates {
            transaction = transaction.update(update);
        }
        for requirement in requirements {
            transaction = transaction.require(requirement);
        }
        engine.account.commit_merging(transaction, &Vectors(&engine.segments)).await
    }
}

pub(super) fn updates(table: icecore_types::ObjectId, changes: Changes) -> Vec<Update> {
    let Changes { segments, deletes, removed, .. } = changes;
    let mut updates = Vec::new();
    if !deletes.is_empty() {
        updates.push(Update::SetDeletes { table, deletes });
    }
    if !removed.is_empty() {
        updates.push(Update::RemoveSegments { table, segments: removed });
    }
    if !segments.is_empty() {
        updates.push(Update::Append { table, segments });
    }
    updates
}

/// The counts of rows that arrive where some may be left out.
const JUDGED: &[&str] =
    &["number of rows inserted", "number of rows rejected", "number of rows quarantined"];

/// A row of counts, as many as there are names; the first is of rows that
/// changed.
pub(super) fn counted(names: &[&str], counts: &[u64], commit: Option<Commit>) -> Result<Performed> {
    let columns = names
        .iter()
        .zip(counts)
        .map(|(name, count)| {
            let count = i64::try_from(*count)
                .map_err(|_| Error::new(Code::OUT_OF_RANGE, "more rows than a number can hold"))?;
            let value: ArrayRef = Arc::new(Int64Array::from(vec![count]));
            Ok((*name, SqlType::Integer, value))
        })
        .collect::<Result<_>>()?;
    let rows = Performed::rows(named_rows(columns)?);
    Ok(Performed { rows_affected: counts.first().copied(), commit, ..rows })
}

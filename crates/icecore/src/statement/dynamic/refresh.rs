//! One refresh of one dynamic table: its rows, and what they equal, in one
//! commit.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use icecore_exec::{
    Changes, ChangesSlot, TableScan, WriteExec, WriteKind, WriteTarget, from_datafusion,
};
use icecore_segment::WriteOptions;
use icecore_semantic::RefreshPlan;
use icecore_snapshot::{Object, Requirement, Update};
use icecore_types::{
    Body, Code, ColumnDefinition, ColumnId, DynamicDefinition, Error, ErrorKind, Frontier,
    FrontierInput, ObjectId, QueryId, RefreshMode, Result, SuspendedBy, Suspension,
    TableDefinition, Timestamp, Version,
};

use super::bind::Bound;
use super::graph::{dynamic_of, in_order};
use crate::plan::{covers_input, physical_plan, plan_select};
use crate::refreshes::{RefreshAction, RefreshRow, RefreshState, RefreshTrigger};
use crate::session::Session;
use crate::statement::Planning;
use crate::statement::authorize::authorize;
use crate::statement::perform::updates;
use crate::statement::write::{inferred, segment_schema};

/// After so many failures in a row the schedule leaves a table alone.
const MOST_ERRORS: u32 = 5;

/// What a refresh is of, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshTask {
    pub(crate) table: ObjectId,
    /// What it is to be equal to.
    pub(crate) version: Version,
    pub(crate) trigger: RefreshTrigger,
    pub(crate) query: QueryId,
}

/// What a refresh did.
pub(crate) struct Refreshed {
    pub(crate) action: RefreshAction,
    pub(crate) reason: Option<String>,
    pub(crate) inserted: u64,
    pub(crate) deleted: u64,
}

/// Refreshes dynamic tables and all that they are made of, in order, all to
/// one version; returns what became of the last.
///
/// # Errors
/// The first failure; `Conflict` if another refresh of one of them came first.
pub(crate) async fn refresh_all(
    session: &Session,
    tables: &[ObjectId],
    (version, trigger, query): (Version, RefreshTrigger, QueryId),
) -> Result<Option<Refreshed>> {
    let head = session.engine().latest().await?;
    let mut last = None;
    for table in in_order(&head, tables)? {
        let task = RefreshTask { table, version, trigger, query };
        last = Some(refresh(session, task).await?);
    }
    Ok(last)
}

/// Refreshes one dynamic table, and writes its row of the history. What it is
/// made of must have been refreshed to the same version.
///
/// # Errors
/// `Conflict` if another refresh came first; else why it failed, which is
/// counted.
pub(crate) async fn refresh(session: &Session, task: RefreshTask) -> Result<Refreshed> {
    let engine = session.engine();
    let started = engine.now();
    let outcome = attempt(session, task).await;
    if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
        return outcome;
    }
    record(session, task, started, &outcome);
    if outcome.is_err() {
        // What keeps it from being counted may be what made it fail.
        let _counted = count_error(session, task.table).await;
    }
    outcome
}

async fn attempt(session: &Session, task: RefreshTask) -> Result<Refreshed> {
    let planning = Planning::begin(session).await?;
    // Whoever asks for it: the rows of a dynamic table are what its owner reads.
    match planning.resolver.head().object(task.table).map(|object| object.owner()) {
        Some(owner) => planning.on_behalf_of(owner)?.refresh(task).await,
        None => planning.refresh(task).await,
    }
}

fn record(session: &Session, task: RefreshTask, started: Timestamp, outcome: &Result<Refreshed>) {
    let engine = session.engine();
    let head = engine.account.head();
    let path = crate::statement::resolver::path(&head, task.table);
    let dynamic = head.object(task.table).and_then(dynamic_of);
    let lag = dynamic.and_then(|dynamic| dynamic.lag.duration());
    let (done, error) = (outcome.as_ref().ok(), outcome.as_ref().err());
    engine.refreshes.record(RefreshRow {
        table: task.table,
        path,
        state: match error {
            None => RefreshState::Succeeded,
            Some(_) => RefreshState::Failed,
        },
        error_code: error.map(|error| error.code().number().to_owned()),
        error_message: error.map(|error| error.message().to_owned()),
        query_id: Some(task.query),
        data_timestamp: started,
        started,
        ended: engine.now(),
        inserted: done.map_or(0, |done| done.inserted),
        deleted: done.map_or(0, |done| done.deleted),
        action: done.map(|done| done.action),
        reason: done.and_then(|done| done.reason.clone()),
        trigger: task.trigger,
        target_lag_seconds: lag.map(|lag| lag.as_secs()),
    });
}

/// Remembers that a refresh failed; the last of too many suspends the table.
async fn count_error(session: &Session, table: ObjectId) -> Result<()> {
    let engine = session.engine();
    let head = engine.latest().await?;
    let Some(object) = head.object(table).filter(|object| object.is_live()) else { return Ok(()) };
    let mut definition: TableDefinition = object.body().read()?;
    let Some(dynamic) = &mut definition.dynamic else { return Ok(()) };
    dynamic.errors = dynamic.errors.saturating_add(1);
    if dynamic.errors >= MOST_ERRORS && dynamic.suspended.is_none() {
        let at = Some(engine.now());
        dynamic.suspended = Some(Suspension { at, by: SuspendedBy::Errors });
    }
    let body = Body::of(&definition)?;
    let update = Update::ReplaceBody { id: table, body };
    engine.account.commit(engine.transaction(head.version()).update(update)).await.map(drop)
}

/// How a table is kept from now on, and why not incrementally.
type Mode = (RefreshMode, Option<String>);

/// How the rows are to be made equal to the query.
enum Way {
    /// They are.
    None,
    /// All anew; why, if they are kept incrementally.
    All { plan: Option<RefreshPlan>, reason: Option<String> },
    /// From what changed.
    Delta(RefreshPlan),
}

impl Planning {
    async fn refresh(&self, task: RefreshTask) -> Result<Refreshed> {
        let head = self.resolver.head();
        let object = head.object(task.table).filter(|object| object.is_live());
        let object = object.ok_or_else(|| {
            Error::new(Code::OBJECT_NOT_FOUND, "the dynamic table was dropped meanwhile")
        })?;
        let mut definition: TableDefinition = object.body().read()?;
        let Some(mut dynamic) = definition.dynamic.take() else {
            return Err(Error::internal("a refresh of what is no dynamic table"));
        };
        self.resolver.act(icecore_governance::Verb::Operate, object);
        let bound = self.bind_dynamic(&dynamic, task.version)?;
        authorize(&self.acting, &self.resolver.intents(), head)?;
        let (way, mode) = self.way(&dynamic, &bound)?;
        if matches!(way, Way::None) {
            return Ok(Refreshed {
                action: RefreshAction::NoData,
                reason: None,
                inserted: 0,
                deleted: 0,
            });
        }
        (dynamic.mode, dynamic.reason) = mode;
        dynamic.frontier = Some(Frontier {
            version: task.version,
            at: self.session.engine().now(),
            inputs: bound.inputs.clone(),
        });
        dynamic.errors = 0;
        definition.dynamic = Some(dynamic);
        let (refreshed, mut changes, definition) =
            self.carry_out(object, definition, &bound, way).await?;
        let body = Body::of(&definition)?;
        changes.push(Update::ReplaceBody { id: task.table, body });
        let unchanged = vec![
            Requirement::ObjectUnchanged { id: task.table },
            Requirement::ContentUnchanged { table: task.table },
        ];
        self.commit(changes, unchanged, task.query).await?;
        Ok(refreshed)
    }

    /// What is to be done, and the mode that the table has from now on.
    fn way(&self, dynamic: &DynamicDefinition, bound: &Bound) -> Result<(Way, Mode)> {
        let kept = (dynamic.mode, dynamic.reason.clone());
        let Some(frontier) = &dynamic.frontier else {
            return self.anew(dynamic, bound, None);
        };
        let shapes = |inputs: &[FrontierInput]| {
            inputs.iter().map(|input| (input.id, input.shape)).collect::<Vec<_>>()
        };
        if shapes(&frontier.inputs) != shapes(&bound.inputs) {
            let reason = "what the query reads has other columns, or is something else";
            return self.anew(dynamic, bound, Some(reason));
        }
        let head = self.resolver.head();
        if frontier.inputs.iter().all(|input| covers_input(head, input, bound.version)) {
            return Ok((Way::None, kept));
        }
        if dynamic.mode == RefreshMode::Full {
            return Ok((Way::All { plan: None, reason: None }, kept));
        }
        match self.refresh_plan(dynamic, bound)? {
            Ok(plan) => Ok((Way::Delta(plan), kept)),
            Err(_) => {
                self.anew(dynamic, bound, Some("the query can no longer be refreshed from changes"))
            }
        }
    }

    /// All rows anew, in the mode that the query can have now.
    fn anew(
        &self,
        dynamic: &DynamicDefinition,
        bound: &Bound,
        reason: Option<&str>,
    ) -> Result<(Way, Mode)> {
        let (plan, mode) = self.mode(dynamic, bound)?;
        Ok((Way::All { plan, reason: reason.map(str::to_owned) }, mode))
    }

    /// The mode of a query that was asked to be kept so.
    ///
    /// # Errors
    /// `Unsupported` if INCREMENTAL was asked for and cannot be.
    pub(super) fn mode(
        &self,
        dynamic: &DynamicDefinition,
        bound: &Bound,
    ) -> Result<(Option<RefreshPlan>, Mode)> {
        let asked = dynamic.asked;
        if asked == Some(RefreshMode::Full) {
            return Ok((None, (RefreshMode::Full, None)));
        }
        match (self.refresh_plan(dynamic, bound)?, asked) {
            (Ok(plan), _) => Ok((Some(plan), (RefreshMode::Incremental, None))),
            (Err(reason), Some(RefreshMode::Incremental)) => {
                Err(Error::unsupported(format_args!("REFRESH_MODE = INCREMENTAL: {reason}"))
                    .with_help("REFRESH_MODE = AUTO computes it as a whole"))
            }
            (Err(reason), _) => Ok((None, (RefreshMode::Full, Some(reason)))),
        }
    }

    async fn carry_out(
        &self,
        object: &Object,
        definition: TableDefinition,
        bound: &Bound,
        way: Way,
    ) -> Result<(Refreshed, Vec<Update>, TableDefinition)> {
        let table = object.id();
        match way {
            Way::Delta(plan) => match self.delta(object, &definition, bound, &plan).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    let reason = Some(error.message().to_owned());
                    let way = Way::All { plan: Some(plan), reason };
                    Box::pin(self.carry_out(object, definition, bound, way)).await
                }
                delta => {
                    let (refreshed, changes) = delta?;
                    Ok((refreshed, changes, definition))
                }
            },
            Way::All { plan, reason } => {
                let before = self.resolver.content(object)?.rows();
                let (definition, written) =
                    self.compute(table, definition, bound, plan.as_ref()).await?;
                let inserted = written.rows;
                let mut changes = vec![Update::Truncate { table, keep_loads: false }];
                changes.extend(updates(table, written));
                let dynamic = definition.dynamic.as_ref();
                let full = reason.is_none()
                    && dynamic.is_none_or(|dynamic| dynamic.mode == RefreshMode::Full);
                let action = if full { RefreshAction::Full } else { RefreshAction::Reinitialize };
                let reason = reason.or_else(|| (!full).then(|| "it was not initialized".into()));
                let refreshed = Refreshed { action, reason, inserted, deleted: before };
                Ok((refreshed, changes, definition))
            }
            Way::None => Err(Error::internal("a refresh that does nothing was carried out")),
        }
    }

    /// All rows of the query, written; and the columns that they have.
    pub(super) async fn compute(
        &self,
        table: ObjectId,
        mut definition: TableDefinition,
        bound: &Bound,
        plan: Option<&RefreshPlan>,
    ) -> Result<(TableDefinition, Changes)> {
        let Some(dynamic) = definition.dynamic.clone() else {
            return Err(Error::internal("a refresh of what is no dynamic table"));
        };
        let (rows, hidden) = match plan {
            None => (bound.plan.clone(), 0),
            Some(plan) => {
                let given = self.given(bound, plan, None).await?;
                let binder = Arc::new(self.with_given(&dynamic, bound, given));
                (plan_select(&*plan.all()?, &self.state, &binder)?, plan.hidden())
            }
        };
        shape_columns(&mut definition, &rows, bound, hidden)?;
        let written = self.written(table, &definition, rows, WriteKind::Append, None).await?;
        Ok((definition, written))
    }

    /// Runs a query and writes its rows, or takes away those that it names.
    pub(super) async fn written(
        &self,
        table: ObjectId,
        definition: &TableDefinition,
        rows: LogicalPlan,
        kind: WriteKind,
        scan: Option<Arc<TableScan>>,
    ) -> Result<Changes> {
        let whole = with_hidden(definition);
        let rows = match kind {
            WriteKind::Append => {
                let all: Vec<ColumnId> = whole.columns.iter().map(|column| column.id).collect();
                self.assigned(rows, &whole, &all)?
            }
            _ => rows,
        };
        let input = physical_plan(&rows, &self.state).await.map_err(from_datafusion)?;
        let target = WriteTarget {
            table,
            segments: self.session.engine().segments.clone(),
            schema: segment_schema(&whole),
            options: WriteOptions::default(),
            scan,
            judge: None,
        };
        let slot = ChangesSlot::default();
        let writer = WriteExec::new(input, kind, target, slot.clone())?;
        self.changes(writer, &slot).await
    }
}

/// With the columns that only refreshes see.
pub(super) fn with_hidden(definition: &TableDefinition) -> TableDefinition {
    let mut whole = definition.clone();
    if let Some(dynamic) = whole.dynamic.take() {
        whole.columns.extend(dynamic.hidden);
    }
    whole
}

/// Gives the table the columns of its query: those that it has already keep
/// their ids, so that its older versions still read.
fn shape_columns(
    definition: &mut TableDefinition,
    rows: &LogicalPlan,
    bound: &Bound,
    hidden: usize,
) -> Result<()> {
    let mut visible = inferred(&bound.plan)?;
    let mut all = inferred(rows)?;
    let visible_count = all.columns.len().saturating_sub(hidden);
    if visible_count != visible.columns.len() {
        return Err(Error::internal("a refresh plan has other columns than its query"));
    }
    let mut hidden = all.columns.split_off(visible_count);
    let before = with_hidden(definition);
    let mut next = definition.next_column.max(1);
    for column in visible.columns.iter_mut().chain(&mut hidden) {
        let known = before
            .columns
            .iter()
            .find(|known| known.name == column.name && known.sql_type == column.sql_type);
        match known {
            Some(known) => *column = ColumnDefinition::clone(known),
            None => {
                column.id = ColumnId::new(next);
                next += 1;
            }
        }
    }
    definition.columns = visible.columns;
    definition.next_column = next;
    if let Some(dynamic) = &mut definition.dynamic {
        dynamic.hidden = hidden;
    }
    Ok(())
}

//! Dynamic tables: CREATE, ALTER and REFRESH.

mod bind;
mod decided;
mod delta;
mod graph;
mod refresh;
mod roll_up;
mod show;

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use icecore_governance::Verb;
use icecore_snapshot::{Object, Update};
use icecore_sql::{
    AlterDynamicTable, CreateDynamicTable, DynamicAction, DynamicQuery, DynamicSource,
};
use icecore_types::{
    Body, Code, DynamicDefinition, Error, Frontier, Name, ObjectId, ObjectKind, QueryId,
    RefreshMode, Result, SqlType, SuspendedBy, Suspension, TableDefinition, TargetLag, Version,
};

pub(super) use bind::moving;
pub(crate) use decided::DecidedPlans;
pub(crate) use graph::{dynamic_of, in_order, is_suspended};
pub(crate) use refresh::{RefreshTask, refresh};
use refresh::{Refreshed, refresh_all};

use super::change::{Change, IfExists, Place};
use super::perform::{Performed, named_rows, updates};
use super::write::inferred;
use super::{Planning, Resolved};
use crate::engine::DEFAULT_WAREHOUSE;
use crate::refreshes::{RefreshAction, RefreshRow, RefreshState, RefreshTrigger};

const DONE: &str = "Statement executed successfully.";

/// What is done with a dynamic table besides changing the catalog.
pub(crate) enum DynamicWork {
    /// Made, with its first rows.
    Create { create: Box<CreateDynamicTable>, text: String },
    /// Refreshed by hand.
    Refresh(ObjectId),
    /// Refreshed by the schedule, to a version.
    Scheduled(ObjectId, Version),
}

impl Planning {
    /// CREATE DYNAMIC TABLE.
    pub(super) fn create_dynamic(
        &self,
        create: &CreateDynamicTable,
        text: &str,
    ) -> Result<Resolved> {
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let written = self.written_roll_up(create)?;
        let create: &CreateDynamicTable = &written;
        let query = match &create.source {
            DynamicSource::Clone(source) => {
                let kind = ObjectKind::DynamicTable;
                let change = self.clone_object(kind, &create.name, if_exists, source)?;
                return Ok(Resolved::Change(change));
            }
            DynamicSource::Query(query) => query,
        };
        if matches!(self.place(ObjectKind::DynamicTable, &create.name, if_exists)?, Place::Taken) {
            return Ok(Resolved::Change(super::change::already_there(&create.name.name)));
        }
        let dynamic = self.dynamic_definition(query, text)?;
        self.check_sources(create, &dynamic)?;
        if !query.on_schedule {
            let work = DynamicWork::Create { create: Box::new(create.clone()), text: text.into() };
            return Ok(Resolved::Dynamic(work));
        }
        let definition = self.uninitialized(query, dynamic)?;
        let kind = ObjectKind::DynamicTable;
        let body = Body::of(&definition)?;
        Ok(Resolved::Change(self.create(kind, &create.name, if_exists, body)?.1))
    }

    fn dynamic_definition(&self, query: &DynamicQuery, text: &str) -> Result<DynamicDefinition> {
        let schema = self.resolver.schema(None)?;
        let database = schema.parent().and_then(|id| self.resolver.head().object(id));
        let database = database.ok_or_else(|| Error::internal("a schema without a database"))?;
        known_warehouse(&query.warehouse)?;
        Ok(DynamicDefinition {
            query: query.query_text.clone(),
            roll_up: self.roll_up_definition(query)?,
            names: query.columns.clone(),
            database: database.name().clone(),
            schema: schema.name().clone(),
            made: self.session.engine().now(),
            text: text.to_owned(),
            lag: query.lag.unwrap_or(TargetLag::Downstream),
            unscheduled: query.unscheduled,
            warehouse: query.warehouse.clone(),
            asked: query.refresh_mode,
            mode: RefreshMode::Full,
            reason: None,
            hidden: Vec::new(),
            frontier: None,
            errors: 0,
            suspended: None,
        })
    }

    /// It is not made of itself, nor fresher than what it is made of.
    fn check_sources(
        &self,
        create: &CreateDynamicTable,
        dynamic: &DynamicDefinition,
    ) -> Result<()> {
        let head = self.resolver.head();
        let sources = graph::upstream_of(head, dynamic);
        let itself = self.resolver.find(ObjectKind::DynamicTable, &create.name)?.map(Object::id);
        if in_order(head, &sources)?.iter().any(|source| Some(*source) == itself) {
            return Err(graph::made_of_itself(&create.name.name));
        }
        self.check_lag(dynamic.lag, &sources)
    }

    fn check_lag(&self, lag: TargetLag, sources: &[ObjectId]) -> Result<()> {
        let Some(own) = lag.duration() else { return Ok(()) };
        for source in sources.iter().filter_map(|id| self.resolver.head().object(*id)) {
            let theirs = dynamic_of(source).map(|dynamic| dynamic.lag);
            if let Some(theirs) = theirs.filter(|lag| lag.duration().is_some_and(|lag| lag > own)) {
                return Err(Error::new(
                    Code::INVALID_OPTION,
                    format!(
                        "invalid value for option TARGET_LAG value='{lag}': dynamic table {} that \
                         it reads has TARGET_LAG '{theirs}'",
                        source.name()
                    ),
                )
                .with_help("a dynamic table cannot be fresher than what it is made of"));
            }
        }
        Ok(())
    }

    /// As INITIALIZE = ON_SCHEDULE leaves it: with its columns, without rows.
    fn uninitialized(
        &self,
        query: &DynamicQuery,
        mut dynamic: DynamicDefinition,
    ) -> Result<TableDefinition> {
        let bound = self.bind_dynamic_for_columns(&dynamic)?;
        (dynamic.mode, dynamic.reason) = self.mode(&dynamic, &bound)?.1;
        let mut definition = inferred(&bound.plan)?;
        definition.comment = query.comment.clone();
        definition.retention_days = query.retention_days;
        definition.dynamic = Some(Box::new(dynamic));
        Ok(definition)
    }

    fn bind_dynamic_for_columns(&self, dynamic: &DynamicDefinition) -> Result<bind::Bound> {
        self.bind_dynamic(dynamic, self.resolver.head().version())
    }

    /// ALTER DYNAMIC TABLE.
    pub(super) fn alter_dynamic(&self, alter: &AlterDynamicTable) -> Result<Resolved> {
        let kind = ObjectKind::DynamicTable;
        let verb = match &alter.action {
            DynamicAction::Refresh | DynamicAction::Suspend | DynamicAction::Resume => {
                Verb::Operate
            }
            DynamicAction::SetLag(_) | DynamicAction::SetWarehouse(_) => Verb::Operate,
            _ => Verb::Alter,
        };
        let found = self.existing_for(verb, kind, &alter.name, alter.if_exists)?;
        let Some(found) = found else {
            return Ok(Resolved::Change(Change::nothing(DONE)));
        };
        let mut definition: TableDefinition = found.body().read()?;
        let Some(dynamic) = &mut definition.dynamic else {
            return Err(Error::internal("a dynamic table without a query"));
        };
        match &alter.action {
            DynamicAction::Refresh => {
                return Ok(Resolved::Dynamic(DynamicWork::Refresh(found.id())));
            }
            DynamicAction::Rename(to) => return self.rename(found, to).map(Resolved::Change),
            DynamicAction::SwapWith(other) => {
                return self.swap(found, other).map(Resolved::Change);
            }
            DynamicAction::Suspend => {
                let at = Some(self.session.engine().now());
                dynamic.suspended = Some(Suspension { at, by: SuspendedBy::User });
            }
            DynamicAction::Resume => (dynamic.suspended, dynamic.errors) = (None, 0),
            DynamicAction::SetLag(lag) => {
                self.check_lag(*lag, &graph::upstream_of(self.resolver.head(), dynamic))?;
                (dynamic.lag, dynamic.unscheduled) = (*lag, false);
            }
            DynamicAction::SetWarehouse(name) => {
                known_warehouse(name)?;
                dynamic.warehouse = name.clone();
            }
            DynamicAction::SetRetention(days) => definition.retention_days = *days,
            DynamicAction::SetComment(comment) => definition.comment = comment.clone(),
            other => return Err(Error::unsupported(format_args!("ALTER DYNAMIC TABLE {other:?}"))),
        }
        super::alter::replaced(found, Body::of(&definition)?).map(Resolved::Change)
    }

    /// A refresh that the schedule asks for.
    pub(super) fn scheduled(&self, table: ObjectId, version: Version) -> Result<Resolved> {
        if let Some(object) = self.resolver.head().object(table) {
            self.resolver.act(Verb::Operate, object);
        }
        Ok(Resolved::Dynamic(DynamicWork::Scheduled(table, version)))
    }

    pub(super) async fn dynamic_work(&self, work: DynamicWork, id: QueryId) -> Result<Performed> {
        match work {
            DynamicWork::Create { create, text } => self.create_now(&create, &text, id).await,
            DynamicWork::Refresh(table) => {
                let at = (self.resolver.head().version(), RefreshTrigger::Manual, id);
                let last = refresh_all(&self.session, &[table], at).await?;
                refreshed_rows(&self.resolver.path(table), last)
            }
            DynamicWork::Scheduled(table, version) => {
                let trigger = RefreshTrigger::Scheduled;
                let task = RefreshTask { table, version, trigger, query: id };
                let done = refresh(&self.session, task).await?;
                refreshed_rows(&self.resolver.path(table), Some(done))
            }
        }
    }

    /// Refreshes what it is made of, then makes it with its rows in one commit.
    async fn create_now(
        &self,
        create: &CreateDynamicTable,
        text: &str,
        id: QueryId,
    ) -> Result<Performed> {
        let DynamicSource::Query(query) = &create.source else {
            return Err(Error::internal("a clone has no first refresh"));
        };
        let version = self.resolver.head().version();
        let dynamic = self.dynamic_definition(query, text)?;
        let sources = graph::upstream_of(self.resolver.head(), &dynamic);
        refresh_all(&self.session, &sources, (version, RefreshTrigger::Creation, id)).await?;
        let planning = Planning::begin(&self.session).await?;
        planning.create_at(create, query, (dynamic, version), id).await
    }

    async fn create_at(
        &self,
        create: &CreateDynamicTable,
        query: &DynamicQuery,
        (mut dynamic, version): (DynamicDefinition, Version),
        id: QueryId,
    ) -> Result<Performed> {
        let now = self.session.engine().now();
        let bound = self.bind_dynamic(&dynamic, version)?;
        let (plan, mode) = self.mode(&dynamic, &bound)?;
        (dynamic.mode, dynamic.reason) = mode;
        dynamic.frontier = Some(Frontier { version, at: now, inputs: bound.inputs.clone() });
        let lag = dynamic.lag.duration();
        let definition = TableDefinition {
            comment: query.comment.clone(),
            retention_days: query.retention_days,
            dynamic: Some(Box::new(dynamic)),
            ..TableDefinition::default()
        };
        let table = self.session.engine().next_object_id();
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let kind = ObjectKind::DynamicTable;
        let (parent, replaced) = match self.place(kind, &create.name, if_exists)? {
            Place::Taken => return Performed::status(DONE, None),
            Place::Free { parent, replaced } => (parent, replaced),
        };
        super::authorize::authorize(&self.acting, &self.resolver.intents(), self.resolver.head())?;
        let (definition, written) = self.compute(table, definition, &bound, plan.as_ref()).await?;
        let full = definition.dynamic.as_ref().is_some_and(|it| it.mode == RefreshMode::Full);
        let mut changes: Vec<Update> =
            replaced.map(|id| Update::DropObject { id }).into_iter().collect();
        let place = (parent, &create.name.name);
        let (owner, granted) = self.owner_of_made((kind.into(), false), table, place)?;
        changes.push(Update::CreateObject {
            id: table,
            kind,
            parent,
            name: create.name.name.clone(),
            owner,
            body: Body::of(&definition)?,
        });
        changes.extend(granted);
        let inserted = written.rows;
        changes.extend(updates(table, written));
        let same = super::change::same_meaning(kind, parent, &create.name);
        let commit = self.commit(changes, vec![same], id).await?;
        let head = self.session.engine().account.head();
        self.session.engine().refreshes.record(RefreshRow {
            table,
            path: super::resolver::path(&head, table),
            state: RefreshState::Succeeded,
            error_code: None,
            error_message: None,
            query_id: Some(id),
            data_timestamp: now,
            started: now,
            ended: self.session.engine().now(),
            inserted,
            deleted: 0,
            action: Some(if full { RefreshAction::Full } else { RefreshAction::Reinitialize }),
            reason: (!full).then(|| "it was not initialized".into()),
            trigger: RefreshTrigger::Creation,
            target_lag_seconds: lag.map(|lag| lag.as_secs()),
        });
        let message = super::change::created(kind, &create.name.name);
        Performed::status(&message, Some(commit))
    }
}

/// The only warehouse that there is.
fn known_warehouse(name: &Name) -> Result<()> {
    if name.as_str() == DEFAULT_WAREHOUSE {
        return Ok(());
    }
    Err(Error::unsupported(format_args!("warehouse {name}"))
        .with_help(format!("the only warehouse is {DEFAULT_WAREHOUSE}")))
}

/// What ALTER DYNAMIC TABLE .. REFRESH answers.
fn refreshed_rows(path: &[Name], done: Option<Refreshed>) -> Result<Performed> {
    let name = path.iter().map(Name::to_string).collect::<Vec<_>>().join(".");
    let (action, statistics) = match &done {
        Some(done) => (done.action.as_str(), statistics(done.inserted, done.deleted)),
        None => (RefreshAction::NoData.as_str(), statistics(0, 0)),
    };
    let text = |value: &str| Arc::new(StringViewArray::from_iter_values([value])) as ArrayRef;
    let rows = named_rows(vec![
        ("name", SqlType::TEXT, text(&name)),
        ("refresh_action", SqlType::TEXT, text(action)),
        ("statistics", SqlType::TEXT, text(&statistics)),
    ])?;
    Ok(Performed::rows(rows))
}

/// The counts of a refresh, as its history shows them.
pub(crate) fn statistics(inserted: u64, deleted: u64) -> String {
    format!("{{\"numInsertedRows\":{inserted},\"numDeletedRows\":{deleted},\"numCopiedRows\":0}}")
}

//! CREATE and ALTER PIPE, and what is told to a pipe.

use icecore_governance::Verb;
use icecore_raw::{
    FileEvent, NotificationSource, PutResult, PutStatus, StageFile, StageFiles, WatchedFiles,
};
use icecore_snapshot::{Object, Requirement, Update};
use icecore_sql::{AlterPipe, CopyInto, CreatePipe, FormatSpec, PipeAction};
use icecore_types::{
    Body, Code, Error, ErrorKind, ObjectId, ObjectKind, PipeDefinition, QualifiedName, QueryId,
    Result, SqlType, StageCredentials, StageDefinition, StageLocation, Timestamp,
};
use std::time::Duration;

use super::Planning;
use super::authorize::authorize;
use super::change::{Change, IfExists};
use super::perform::Performed;
use super::pipe_load::PipeLoad;
use super::resolver::{Intent, Resolver};
use crate::cells::{Cell, Columns, batch};
use crate::pipes::{
    BoundPipe, Delivery, INSERT_FILES, NewEvent, PipeState, is_watched, location, place, stage_keys,
};
use crate::session::Session;

/// REFRESH looks this far back.
const REFRESHED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const REFRESH: Columns = &[("File", SqlType::TEXT), ("Status", SqlType::TEXT)];
const DONE: &str = "Statement executed successfully.";

/// What a statement does to a pipe, its names bound.
pub(crate) enum PipeWork {
    /// Makes it, or makes it its own; files that are there already are not
    /// its own.
    Begin { change: Change, watched: Option<Watched> },
    /// Tells it of files by name.
    Insert { pipe: ObjectId, files: Vec<FileEvent> },
    /// Tells it of files that are there.
    Refresh(Refresh),
    /// Loads what it was told of.
    Load(Box<PipeLoad>),
}

impl PipeWork {
    /// What it loads, if it does.
    pub(super) fn load(&self) -> Option<&super::Load> {
        match self {
            Self::Load(run) => Some(run.load()),
            _ => None,
        }
    }
}

/// A location that is compared with what it was.
pub(crate) struct Watched {
    pipe: ObjectId,
    stage: StageFiles,
    location: String,
    below: String,
}

/// What the names of a COPY INTO mean.
struct Meant {
    table: ObjectId,
    stage: ObjectId,
    location: StageLocation,
    file_format: Option<ObjectId>,
}

/// Which files REFRESH takes.
pub(crate) struct Refresh {
    pipe: ObjectId,
    table: ObjectId,
    stage: StageFiles,
    location: String,
    below: String,
    after: Timestamp,
}

impl Planning {
    /// The pipe of this name.
    pub(crate) fn pipe(&self, name: &QualifiedName, verb: Verb) -> Result<BoundPipe> {
        let object = self.resolver.object(ObjectKind::Pipe, name)?;
        self.resolver.act(verb, object);
        BoundPipe::new(self.resolver.head(), object)
    }

    /// CREATE PIPE.
    pub(super) fn create_pipe(&self, create: &CreatePipe) -> Result<PipeWork> {
        let schema = self.resolver.path(self.resolver.schema_of(&create.name)?.id());
        let inner = self.within_names((schema.first().cloned(), schema.get(1).cloned()));
        let definition = inner.pipe_definition(create)?;
        let stage = inner.copy_into(&create.copy)?.stage().clone();
        self.resolver.take_intents(&inner.resolver);
        if let Some(url) = &definition.notification_channel {
            let keys = stage_keys(self.resolver.head(), definition.stage)?;
            self.check_channel(url, &definition.location, keys)?;
        }
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let body = Body::of(&definition)?;
        let (id, mut change) = self.create(ObjectKind::Pipe, &create.name, if_exists, body)?;
        let Some(id) = id else { return Ok(PipeWork::Begin { change, watched: None }) };
        change.requirements.push(Requirement::ObjectUnchanged { id: definition.stage });
        let watched = watched(id, &definition, &create.copy, stage);
        Ok(PipeWork::Begin { change, watched })
    }

    fn pipe_definition(&self, create: &CreatePipe) -> Result<PipeDefinition> {
        let meant = self.meant(&create.copy)?;
        Ok(PipeDefinition {
            copy: create.copy_text.clone(),
            table: meant.table,
            stage: meant.stage,
            location: meant.location,
            file_format: meant.file_format,
            auto_ingest: create.auto_ingest,
            notification_channel: create.notification_channel.clone(),
            since: self.session.engine().now(),
            paused: None,
            comment: create.comment.clone(),
        })
    }

    /// What the names of a pipe mean now.
    fn meant(&self, copy: &CopyInto) -> Result<Meant> {
        let table = self.resolver.object(ObjectKind::Table, &copy.table)?.id();
        let Some(stage) = copy.from.stage.named() else {
            let what = format_args!("a pipe from {}", copy.from.stage);
            return Err(Error::unsupported(what).with_help("name a stage that was made"));
        };
        let stage = self.resolver.object(ObjectKind::Stage, stage)?;
        let file_format = match &copy.file_format {
            Some(FormatSpec::Named(name)) => {
                Some(self.resolver.object(ObjectKind::FileFormat, name)?.id())
            }
            _ => None,
        };
        let location = place(stage.body().read::<StageDefinition>()?.location);
        Ok(Meant { table, stage: stage.id(), location, file_format })
    }

    /// Whether notifications of this stage can be in that queue.
    fn check_channel(
        &self,
        url: &str,
        location: &StageLocation,
        keys: Option<StageCredentials>,
    ) -> Result<()> {
        if !matches!(location, StageLocation::External { url, .. } if url.starts_with("s3")) {
            return Err(Error::new(
                Code::INVALID_OPTION,
                "NOTIFICATION_CHANNEL is for a stage at an s3:// URL",
            ));
        }
        let engine = self.session.engine();
        engine.pipes.queue(url, &engine.stages, &engine.settings, keys.as_ref()).map(drop)
    }

    /// ALTER PIPE.
    pub(super) fn alter_pipe(&self, alter: &AlterPipe) -> Result<super::Resolved> {
        let found = match self.resolver.object(ObjectKind::Pipe, &alter.name) {
            Err(error) if alter.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(super::Resolved::Change(Change::nothing(DONE)));
            }
            found => found?,
        };
        let verb = match &alter.action {
            PipeAction::SetComment(_) => Verb::Alter,
            _ => Verb::Operate,
        };
        self.resolver.act(verb, found);
        let pipe = BoundPipe::new(self.resolver.head(), found)?;
        let mut definition = pipe.definition.clone();
        match &alter.action {
            PipeAction::SetComment(comment) => definition.comment = comment.clone(),
            PipeAction::SetPaused(true) => {
                definition.paused.get_or_insert(self.session.engine().now());
            }
            PipeAction::SetPaused(false) => {
                self.may_resume(&pipe, found)?;
                return self.go_on(&pipe, found).map(super::Resolved::from);
            }
            PipeAction::ForceResume => {
                return self.go_on(&pipe, found).map(super::Resolved::from);
            }
            PipeAction::Refresh { prefix, modified_after } => {
                return self
                    .refresh_pipe(&pipe, prefix, *modified_after)
                    .map(super::Resolved::from);
            }
            other => return Err(Error::unsupported(format_args!("ALTER PIPE {other:?}"))),
        }
        let update = Update::ReplaceBody { id: found.id(), body: Body::of(&definition)? };
        let change = Change::one(update, DONE).requires_unchanged(found.id());
        Ok(super::Resolved::Change(change))
    }

    /// Fails for a pipe that only goes on by force.
    fn may_resume(&self, pipe: &BoundPipe, found: &Object) -> Result<()> {
        let why = match pipe.state(self.resolver.head(), self.session.engine().now())? {
            PipeState::StoppedCloned => "is a clone and takes no events yet",
            PipeState::Paused { stale: true } => {
                "is stale, having been paused for more than 14 days"
            }
            _ => return Ok(()),
        };
        let message =
            format!("pipe {} {why}: SYSTEM$PIPE_FORCE_RESUME makes it go on", found.name());
        Err(Error::new(Code::INVALID_OPTION, message))
    }

    /// Ends a pause. A clone becomes a pipe of what its names mean where it
    /// is, and what it is told of begins now.
    fn go_on(&self, pipe: &BoundPipe, found: &Object) -> Result<PipeWork> {
        let mut definition = pipe.definition.clone();
        definition.paused = None;
        let mut watch = None;
        if pipe.is_untouched_clone() {
            let inner = self.within_rights(pipe.container(), pipe.owner);
            let stage = inner.copy_into(&pipe.copy)?.stage().clone();
            let Meant { table, stage: id, location, file_format } = inner.meant(&pipe.copy)?;
            self.resolver.take_intents(&inner.resolver);
            (definition.table, definition.stage) = (table, id);
            (definition.location, definition.file_format) = (location, file_format);
            definition.since = self.session.engine().now().max(found.created_at());
            watch = watched(pipe.id, &definition, &pipe.copy, stage);
        }
        let update = Update::ReplaceBody { id: found.id(), body: Body::of(&definition)? };
        let change = Change::one(update, DONE).requires_unchanged(found.id());
        Ok(PipeWork::Begin { change, watched: watch })
    }

    fn refresh_pipe(
        &self,
        pipe: &BoundPipe,
        prefix: &str,
        modified_after: Option<Timestamp>,
    ) -> Result<PipeWork> {
        let oldest = self.session.engine().now().minus(REFRESHED);
        if modified_after.is_some_and(|after| after < oldest) {
            return Err(Error::new(Code::INVALID_OPTION, "MODIFIED_AFTER is more than 7 days ago")
                .with_help("REFRESH takes files of the last 7 days; COPY INTO loads older ones"));
        }
        let stage = self.pipe_stage(pipe)?;
        let below = format!("{}{prefix}", pipe.copy.from.path);
        Ok(PipeWork::Refresh(Refresh {
            pipe: pipe.id,
            table: pipe.definition.table,
            stage,
            location: pipe.location(),
            below,
            after: modified_after.unwrap_or(oldest),
        }))
    }

    /// The files of a pipe's stage.
    pub(crate) fn pipe_stage(&self, pipe: &BoundPipe) -> Result<StageFiles> {
        let inner = self.within_rights(pipe.container(), pipe.owner);
        let stage = inner.stage(&pipe.copy.from, Verb::ReadStage)?.0;
        self.resolver.take_intents(&inner.resolver);
        Ok(stage)
    }

    /// Tells a pipe of files by their names, each put behind the pipe's path.
    pub(super) fn insert_files(&self, pipe: &QualifiedName, names: &[String]) -> Result<PipeWork> {
        let pipe = self.pipe(pipe, Verb::Operate)?;
        let (location, below) = (pipe.location(), pipe.copy.from.path.as_str());
        let folder = match below.trim_matches('/') {
            "" => location,
            below => format!("{location}{below}/"),
        };
        let event =
            |name: &String| FileEvent::new(format!("{folder}{}", name.trim_start_matches('/')));
        Ok(PipeWork::Insert { pipe: pipe.id, files: names.iter().map(event).collect() })
    }

    /// Says to the pipes of an internal stage which files were put.
    pub(super) async fn tell_pipes(&self, stage: ObjectId, put: &[PutResult]) -> Result<()> {
        let pipes = BoundPipe::all(self.resolver.head())?;
        let told = |pipe: &BoundPipe| {
            pipe.definition.stage == stage && pipe.delivery() == Delivery::Pushed
        };
        if !pipes.iter().any(told) {
            return Ok(());
        }
        let location = location(stage, &StageLocation::Internal);
        let uploaded = put.iter().filter(|file| file.status == PutStatus::Uploaded);
        let events = uploaded.map(|file| {
            let event = FileEvent::new(format!("{location}{}", file.target));
            let event = FileEvent { size_bytes: Some(file.target_size), ..event };
            NewEvent::for_all(&location, event)
        });
        self.session.engine().pipes.events.add(events.collect()).await
    }

    /// Does what was decided.
    pub(super) async fn work_on_pipe(&self, work: PipeWork, id: QueryId) -> Result<Performed> {
        match work {
            PipeWork::Begin { change, watched } => {
                if let Some(watched) = watched {
                    self.begin_watching(&watched).await?;
                }
                self.commit_change(change, id).await
            }
            PipeWork::Insert { pipe, files } => {
                let told =
                    files.into_iter().map(|file| NewEvent::for_pipe(INSERT_FILES, pipe, file));
                self.session.engine().pipes.events.add(told.collect()).await?;
                Performed::status("SUCCESS", None)
            }
            PipeWork::Refresh(refresh) => self.tell_of_all(refresh).await,
            PipeWork::Load(load) => self.load_pipe(*load, id).await,
        }
    }

    /// What is there now is no news. It is written down before the pipe is
    /// there, so that nothing that comes later is missed.
    async fn begin_watching(&self, watched: &Watched) -> Result<()> {
        let pipes = &self.session.engine().pipes;
        let Watched { pipe, stage, location, below } = watched;
        let source = WatchedFiles::new(stage.clone(), location, below, Vec::new());
        let there = source.all().await?.into_iter();
        let baseline = there.map(|file| NewEvent::baseline(source.name(), *pipe, file)).collect();
        pipes.events.add(baseline).await?;
        pipes.close_watched(*pipe);
        Ok(())
    }

    /// Files that neither the pipe nor the table has loaded.
    async fn tell_of_all(&self, refresh: Refresh) -> Result<Performed> {
        let Refresh { pipe, table, stage, location, below, after } = refresh;
        let head = self.resolver.head();
        let known = head.pipe_files(pipe);
        let loaded: std::collections::HashSet<&str> = head
            .content(table)
            .into_iter()
            .flat_map(|content| content.loads())
            .map(|load| &*load.key.file)
            .collect();
        let files: Vec<StageFile> = stage
            .list(&below, None)
            .await?
            .into_iter()
            .filter(|file| file.last_modified >= after)
            .filter(|file| known.and_then(|it| it.file(&file.path)).is_none_or(|it| !it.loaded))
            .filter(|file| !loaded.contains(stage.full_path(file).as_str()))
            .collect();
        let event = |file: &StageFile| FileEvent {
            size_bytes: Some(file.size_bytes),
            etag: file.etag.clone(),
            happened: Some(file.last_modified),
            ..FileEvent::new(format!("{location}{}", file.path))
        };
        let told = files.iter().map(|file| NewEvent::for_pipe("REFRESH", pipe, event(file)));
        self.session.engine().pipes.events.add(told.collect()).await?;
        let row = |file: &StageFile| vec![Cell::text(file.path.as_str()), Cell::text("SENT")];
        let rows = batch(REFRESH, files.iter().map(row).collect())?;
        Ok(Performed::rows(rows))
    }
}

impl From<PipeWork> for super::Resolved {
    fn from(work: PipeWork) -> Self {
        Self::Pipe(Box::new(work))
    }
}

/// What has to be compared for a pipe, if its notifications come by that.
fn watched(
    pipe: ObjectId,
    definition: &PipeDefinition,
    copy: &CopyInto,
    stage: StageFiles,
) -> Option<Watched> {
    let StageLocation::External { url, .. } = &definition.location else { return None };
    let compared =
        is_watched(url) && definition.auto_ingest && definition.notification_channel.is_none();
    let location = location(definition.stage, &definition.location);
    compared.then(|| Watched { pipe, stage, location, below: copy.from.path.clone() })
}

/// SYSTEM$PIPE_STATUS, as JSON.
pub(crate) fn pipe_status(session: &Session, resolver: &Resolver, name: &str) -> Result<String> {
    let name = QualifiedName::parse(name)?;
    let pipe = resolver.object(ObjectKind::Pipe, &name)?;
    let intents = [Intent::On(Verb::Monitor, pipe.id())];
    authorize(&session.acting(resolver.head())?, &intents, resolver.head())?;
    let pipe = BoundPipe::new(resolver.head(), pipe)?;
    let status = session.engine().pipe_status(resolver.head(), &pipe)?;
    serde_json::to_string(&status)
        .map_err(|source| Error::internal("the status of a pipe").with_source(source))
}

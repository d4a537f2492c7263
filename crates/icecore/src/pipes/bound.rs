//! A pipe with what its names mean now, and the state that follows.

use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::{Head, Object};
use icecore_sql::{CopyInto, FormatSpec};
use icecore_types::{
    Error, Name, ObjectId, ObjectKind, PipeDefinition, QualifiedName, Result, StageCredentials,
    StageDefinition, StageLocation, Timestamp,
};

use crate::statement::Resolver;

/// How long a notification is good for, and how long a pipe may be paused.
pub(crate) const RETAINED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What a pipe does now, or why it does nothing.
#[derive(Clone, Debug)]
pub(crate) enum PipeState {
    Running,
    Paused { stale: bool },
    StoppedCloned,
    StoppedMissingTable,
    StoppedStageDropped,
    StoppedStageAltered,
    StoppedFileFormatDropped,
    StalledCompilation(Error),
    StalledExecution(Error),
    StalledStagePermission(Error),
}

impl PipeState {
    /// As SYSTEM$PIPE_STATUS spells it.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Paused { .. } => "PAUSED",
            Self::StoppedCloned => "STOPPED_CLONED",
            Self::StoppedMissingTable => "STOPPED_MISSING_TABLE",
            Self::StoppedStageDropped => "STOPPED_STAGE_DROPPED",
            Self::StoppedStageAltered => "STOPPED_STAGE_ALTERED",
            Self::StoppedFileFormatDropped => "STOPPED_FILE_FORMAT_DROPPED",
            Self::StalledCompilation(_) => "STALLED_COMPILATION_ERROR",
            Self::StalledExecution(_) => "STALLED_EXECUTION_ERROR",
            Self::StalledStagePermission(_) => "STALLED_STAGE_PERMISSION_ERROR",
        }
    }

    /// What keeps it from loading, if that is an error.
    pub(crate) const fn error(&self) -> Option<&Error> {
        match self {
            Self::StalledCompilation(error)
            | Self::StalledExecution(error)
            | Self::StalledStagePermission(error) => Some(error),
            _ => None,
        }
    }

    /// Whether it loads what it is told of; a run of a stalled pipe is tried.
    pub(crate) const fn runs(&self) -> bool {
        matches!(
            self,
            Self::Running
                | Self::StalledCompilation(_)
                | Self::StalledExecution(_)
                | Self::StalledStagePermission(_)
        )
    }
}

/// A pipe as it is at a version.
#[derive(Clone, Debug)]
pub(crate) struct BoundPipe {
    pub(crate) id: ObjectId,
    pub(crate) owner: ObjectId,
    /// The database and schema that it is in, and its own name.
    pub(crate) path: Vec<Name>,
    pub(crate) definition: PipeDefinition,
    pub(crate) copy: CopyInto,
    cloned: bool,
}

impl BoundPipe {
    pub(crate) fn new(head: &Arc<Head>, pipe: &Object) -> Result<Self> {
        let definition: PipeDefinition = pipe.body().read()?;
        let copy = icecore_sql::parse_pipe_copy(&definition.copy)?;
        let path = Resolver::new(Arc::clone(head), None, None).path(pipe.id());
        let cloned = pipe.cloned_from().is_some() && definition.since < pipe.created_at();
        let owner = pipe.owner();
        Ok(Self { id: pipe.id(), owner, path, definition, copy, cloned })
    }

    /// All live pipes of an account, in the order of their names.
    pub(crate) fn all(head: &Arc<Head>) -> Result<Vec<Self>> {
        let pipes = head.objects().filter(|it| it.kind() == ObjectKind::Pipe && it.is_live());
        let mut pipes = pipes.map(|pipe| Self::new(head, pipe)).collect::<Result<Vec<_>>>()?;
        pipes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(pipes)
    }

    /// Its full name.
    pub(crate) fn name(&self) -> Result<QualifiedName> {
        QualifiedName::from_parts(self.path.clone())
    }

    /// The database and schema that it is in: its own names are looked up
    /// there.
    pub(crate) fn container(&self) -> (Option<Name>, Option<Name>) {
        (self.path.first().cloned(), self.path.get(1).cloned())
    }

    /// Whether it is a clone that nobody has made go on.
    pub(crate) const fn is_untouched_clone(&self) -> bool {
        self.cloned
    }

    /// Where its stage is, as events name it; ends with a slash.
    pub(crate) fn location(&self) -> String {
        location(self.definition.stage, &self.definition.location)
    }

    /// The state that follows from the catalog and the clock alone.
    pub(crate) fn state(&self, head: &Arc<Head>, now: Timestamp) -> Result<PipeState> {
        if self.cloned && self.definition.auto_ingest {
            return Ok(PipeState::StoppedCloned);
        }
        if self.cloned {
            return Ok(PipeState::Paused { stale: false });
        }
        if let Some(stopped) = self.stopped(head)? {
            return Ok(stopped);
        }
        Ok(match self.definition.paused {
            Some(since) => PipeState::Paused { stale: now.since(since) > RETAINED },
            None => PipeState::Running,
        })
    }

    /// Whether its names mean something else than when it was made.
    fn stopped(&self, head: &Arc<Head>) -> Result<Option<PipeState>> {
        let (database, schema) = self.container();
        let resolver = Resolver::new(Arc::clone(head), database, schema);
        let found = |kind: ObjectKind, name: &QualifiedName| {
            resolver.find(kind, name).ok().flatten().filter(|object| object.kind() == kind)
        };
        if found(ObjectKind::Table, &self.copy.table).map(Object::id) != Some(self.definition.table)
        {
            return Ok(Some(PipeState::StoppedMissingTable));
        }
        let name = self.copy.from.stage.named();
        let Some(stage) = name.and_then(|name| found(ObjectKind::Stage, name)) else {
            return Ok(Some(PipeState::StoppedStageDropped));
        };
        let location = place(stage.body().read::<StageDefinition>()?.location);
        if stage.id() != self.definition.stage || location != self.definition.location {
            return Ok(Some(PipeState::StoppedStageAltered));
        }
        if let (Some(FormatSpec::Named(name)), Some(id)) =
            (&self.copy.file_format, self.definition.file_format)
            && found(ObjectKind::FileFormat, name).map(Object::id) != Some(id)
        {
            return Ok(Some(PipeState::StoppedFileFormatDropped));
        }
        Ok(None)
    }
}

/// Where a stage's files are, without the keys that open it: other keys do not
/// make it another place.
pub(crate) fn place(location: StageLocation) -> StageLocation {
    match location {
        StageLocation::External { url, endpoint, region, .. } => {
            StageLocation::External { url, endpoint, region, credentials: None }
        }
        StageLocation::Internal => StageLocation::Internal,
    }
}

/// Where a stage's files are, as events name it; ends with a slash.
pub(crate) fn location(stage: ObjectId, location: &StageLocation) -> String {
    match location {
        StageLocation::Internal => format!("stage://{stage}/"),
        // Buckets are called the same by whoever notifies of them.
        StageLocation::External { url, .. } => match url.strip_prefix("s3compat://") {
            Some(rest) => format!("s3://{}/", rest.trim_end_matches('/')),
            None => format!("{}/", url.trim_end_matches('/')),
        },
    }
}

/// The keys that open a stage, as they are now.
pub(crate) fn stage_keys(head: &Head, stage: ObjectId) -> Result<Option<StageCredentials>> {
    let Some(stage) = head.object(stage) else { return Ok(None) };
    Ok(match stage.body().read::<StageDefinition>()?.location {
        StageLocation::External { credentials, .. } => credentials,
        StageLocation::Internal => None,
    })
}

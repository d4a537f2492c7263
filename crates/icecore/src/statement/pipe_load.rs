//! One run of a pipe: some of the files that it was told of, in one commit.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use icecore_governance::Verb;
use icecore_processed::{CopyOutcome, FileStatus};
use icecore_raw::{StageFile, StageFiles};
use icecore_snapshot::{Requirement, Update};
use icecore_types::{Code, Error, ErrorKind, ObjectId, PipeFile, QueryId, Result, SqlType};

use super::load::Load;
use super::perform::Performed;
use super::{Change, Companion, LoadingPipe, Planning, Resolved};
use crate::cells::{Cell, Columns, batch};
use crate::pipes::{BoundPipe, PendingFile};
use crate::statement::pipe::PipeWork;

/// Files whose state is asked for at the same time.
const LOOKED_AT_ONCE: usize = 16;

const COLUMNS: Columns = &[
    ("file", SqlType::TEXT),
    ("status", SqlType::TEXT),
    ("rows_loaded", SqlType::Integer),
    ("first_error", SqlType::TEXT),
];

/// What one run is asked to do.
#[derive(Clone, Debug)]
pub(crate) struct RunPipe {
    pub(crate) pipe: ObjectId,
    /// The COPY INTO, for the history.
    pub(crate) text: String,
    /// It loads no more than this.
    pub(crate) most_files: usize,
    pub(crate) most_bytes: u64,
}

/// A run with its names bound.
pub(crate) struct PipeLoad {
    pipe: ObjectId,
    load: Load,
    stage: StageFiles,
    pending: Vec<PendingFile>,
    most_bytes: u64,
}

impl PipeLoad {
    pub(super) fn load(&self) -> &Load {
        &self.load
    }
}

/// The last event of each file.
type Told = HashMap<String, Arc<str>>;

/// Files that are to be loaded, and those that cannot be.
#[derive(Default)]
struct Found {
    files: Vec<StageFile>,
    missing: Vec<PipeFile>,
}

impl Planning {
    /// Binds a run: what the pipe was told of and has not dealt with at this
    /// snapshot, so that a run which starts over leaves out what others did.
    pub(super) fn run_pipe(&self, run: &RunPipe) -> Result<Resolved> {
        let engine = self.session.engine();
        let head = self.resolver.head();
        let found = head.object(run.pipe).filter(|object| object.is_live());
        let Some(found) = found else { return Ok(nothing()) };
        self.resolver.act(Verb::Operate, found);
        let pipe = BoundPipe::new(head, found)?;
        if !pipe.state(head, engine.now())?.runs() {
            return Ok(nothing());
        }
        let mut pending = engine.pending_files(head, &pipe)?;
        pending.truncate(run.most_files.max(1));
        if pending.is_empty() {
            return Ok(nothing());
        }
        let inner = self.within_names(pipe.container());
        let load = inner.copy_into(&pipe.copy)?;
        self.resolver.take_intents(&inner.resolver);
        let stage = load.stage().clone();
        let load = PipeLoad { pipe: pipe.id, load, stage, pending, most_bytes: run.most_bytes };
        Ok(Resolved::Pipe(Box::new(PipeWork::Load(Box::new(load)))))
    }

    /// Loads the files and remembers them, in one commit.
    pub(super) async fn load_pipe(&self, run: PipeLoad, id: QueryId) -> Result<Performed> {
        let PipeLoad { pipe, load, stage, pending, most_bytes } = run;
        let told: Told =
            pending.iter().map(|file| (file.path.clone(), Arc::clone(&file.event))).collect();
        let first = pending.first().map(|file| file.received);
        let Found { files, missing } = look(&stage, pending, most_bytes).await?;
        if files.is_empty() {
            return self.remember(pipe, missing, id).await;
        }
        let alone = files.first().filter(|_| files.len() == 1).map(|file| file.path.clone());
        let loading = LoadingPipe { pipe, received: first };
        let companion = companion(pipe, missing.clone(), told.clone());
        let load = load.with_files(files, true).with_companion(companion).forgotten_by_table();
        let load = load.for_pipe(loading);
        let unobserved = super::unobserved();
        match self.run_load(load, id, &unobserved).await {
            Ok(done) => {
                let rows = done.files.iter().map(|file| {
                    vec![
                        Cell::text(file.file.as_str()),
                        Cell::text(file.status.as_str()),
                        Cell::count(file.rows_loaded),
                        Cell::maybe_text(file.first_error.as_deref()),
                    ]
                });
                let rows = rows.chain(missing.iter().map(row)).collect();
                let rows_affected = Some(done.rows_loaded());
                let rows = Performed::rows(batch(COLUMNS, rows)?);
                Ok(Performed { rows_affected, commit: done.commit, ..rows })
            }
            // A file that nothing can be made of must not hold up the others.
            Err(error) if is_the_files_fault(&error) => match alone {
                Some(path) => {
                    let event = told.get(&path).cloned();
                    let unfit = unfit(path.as_str(), event, error.message());
                    self.remember(pipe, missing.into_iter().chain([unfit]).collect(), id).await
                }
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Commits only that the pipe has dealt with these files.
    async fn remember(
        &self,
        pipe: ObjectId,
        files: Vec<PipeFile>,
        id: QueryId,
    ) -> Result<Performed> {
        let rows = batch(COLUMNS, files.iter().map(row).collect())?;
        let updates = vec![Update::PipeFiles { pipe, files }];
        let commit = self.commit(updates, vec![Requirement::ObjectUnchanged { id: pipe }], id);
        let (rows, commit) = (Performed::rows(rows), Some(commit.await?));
        Ok(Performed { rows_affected: Some(0), commit, ..rows })
    }
}

fn nothing() -> Resolved {
    Resolved::Change(Change::nothing("The pipe has nothing to load."))
}

/// Whether an error of a load is about what is in a file, so that it is the
/// same whenever the file is read.
pub(crate) fn is_the_files_fault(error: &Error) -> bool {
    error.code() != Code::OUT_OF_MEMORY
        && matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::ResourcesExhausted
        )
}

fn unfit(path: &str, event: Option<Arc<str>>, why: &str) -> PipeFile {
    PipeFile { path: path.into(), loaded: false, rows: 0, error: Some(why.into()), event }
}

fn row(file: &PipeFile) -> Vec<Cell> {
    vec![
        Cell::text(&*file.path),
        Cell::text("LOAD_FAILED"),
        Cell::count(0),
        Cell::maybe_text(file.error.as_deref()),
    ]
}

/// The files as they are now, in the order given, until they are too many
/// bytes; at least one. What is gone is not waited for.
async fn look(stage: &StageFiles, pending: Vec<PendingFile>, most_bytes: u64) -> Result<Found> {
    let asked = stream::iter(pending).map(|file| async move {
        match stage.named("", std::slice::from_ref(&file.path)).await {
            Ok(found) => Ok((file, found.into_iter().next())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((file, None)),
            // A name that no file can have.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok((file, None)),
            Err(error) => Err(error),
        }
    });
    let mut asked = asked.buffered(LOOKED_AT_ONCE);
    let (mut found, mut bytes) = (Found::default(), 0_u64);
    while let Some((file, state)) = asked.try_next().await? {
        match state {
            Some(state) => {
                bytes = bytes.saturating_add(state.size_bytes);
                if bytes > most_bytes && !found.files.is_empty() {
                    break;
                }
                found.files.push(state);
            }
            None => {
                found.missing.push(unfit(&file.path, Some(file.event), "the file is not there"))
            }
        }
    }
    Ok(found)
}

/// What the pipe remembers, together with the rows.
fn companion(pipe: ObjectId, missing: Vec<PipeFile>, told: Told) -> Companion {
    Arc::new(move |outcome: &CopyOutcome| {
        let dealt_with = outcome.files.iter().map(|file| PipeFile {
            path: file.file.as_str().into(),
            loaded: file.status != FileStatus::LoadFailed,
            rows: file.rows_loaded,
            error: file.first_error.as_deref().map(Into::into),
            event: told.get(&file.file).cloned(),
        });
        let files = dealt_with.chain(missing.iter().cloned()).collect();
        let requirements = vec![Requirement::ObjectUnchanged { id: pipe }];
        Ok((vec![Update::PipeFiles { pipe, files }], requirements))
    })
}

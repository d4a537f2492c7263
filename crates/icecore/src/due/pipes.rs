//! Pipes: what they are told of is fetched and written down, then each loads
//! what it has not loaded yet, as its owner.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use icecore_raw::Notice;
use icecore_snapshot::Head;
use icecore_types::{Code, Error, ErrorKind, ObjectId, Result};

use crate::engine::Engine;
use crate::pipes::{BoundPipe, Delivery, NewEvent, Source, stage_keys};
use crate::session::{Session, SessionBuilder};
use crate::statement::{Planning, Request, RunPipe, is_the_files_fault, run_request, unobserved};

/// Messages that are taken from a source at a time: so many are written down
/// together.
const MESSAGES_AT_ONCE: usize = 100;

/// Runs every pipe of the account until it has nothing left to load. What goes
/// wrong with a pipe is its own: SYSTEM$PIPE_STATUS says it, and the others
/// go on.
///
/// # Errors
/// `Unavailable` or `Corrupted` if what was received before cannot be read.
pub(super) fn run(engine: &Arc<Engine>) -> BoxFuture<'_, Result<()>> {
    // A statement may wait for what is due, which runs statements.
    run_all(engine).boxed()
}

async fn run_all(engine: &Arc<Engine>) -> Result<()> {
    let head = engine.latest().await?;
    let pipes = BoundPipe::all(&head)?;
    if pipes.is_empty() {
        return engine.pipes.events.upkeep(&HashSet::new()).await;
    }
    engine.pipes.events.catch_up().await?;
    let watched = pipes.iter().filter(|pipe| pipe.delivery() == Delivery::Watched);
    engine.pipes.events.upkeep(&watched.map(|pipe| pipe.id).collect()).await?;
    for pipe in &pipes {
        match fetch(engine, pipe).await {
            Ok(false) => {}
            fetched => engine.pipes.fetched(pipe.id, engine.now(), fetched.err()),
        }
    }
    // On a simulated clock the same script runs in the same order.
    let at_once = if engine.simulated.is_some() { 1 } else { engine.settings.pipes.concurrency };
    let runs = pipes.into_iter().map(|pipe| load_all(Arc::clone(engine), Arc::clone(&head), pipe));
    stream::iter(runs).buffer_unordered(at_once.max(1)).collect::<()>().await;
    Ok(())
}

async fn owner(engine: &Arc<Engine>, pipe: &BoundPipe) -> Result<Session> {
    let (database, schema) = pipe.container();
    let builder = SessionBuilder::new(Arc::clone(engine)).owner(pipe.owner);
    match (database, schema) {
        (Some(database), Some(schema)) => {
            builder.database(&database.to_string()).schema(&schema.to_string()).await
        }
        _ => builder.await,
    }
}

/// Writes down what the source of a pipe says; a message is forgotten there
/// only after that.
/// Says whether there is a source.
async fn fetch(engine: &Arc<Engine>, pipe: &BoundPipe) -> Result<bool> {
    let source: Source = match pipe.delivery() {
        Delivery::None | Delivery::Pushed => return Ok(false),
        Delivery::Queue(url) => {
            let keys = stage_keys(&engine.account.head(), pipe.definition.stage)?;
            engine.pipes.queue(&url, &engine.stages, &engine.settings, keys.as_ref())?
        }
        Delivery::Watched => {
            let session = owner(engine, pipe).await?;
            let stage = Planning::begin(&session).await?.pipe_stage(pipe)?;
            engine.pipes.watched(pipe, &stage)
        }
    };
    let mut left = engine.settings.pipes.messages_per_run;
    while left > 0 {
        let notices = source.receive(left.min(MESSAGES_AT_ONCE)).await?;
        if notices.is_empty() {
            break;
        }
        left = left.saturating_sub(notices.len());
        let receipts = notices.iter().map(|notice| notice.receipt.clone()).collect();
        let for_it = (pipe.delivery() == Delivery::Watched).then_some(pipe.id);
        engine.pipes.events.add(events(source.name(), for_it, notices)).await?;
        source.forget(receipts).await?;
    }
    Ok(true)
}

fn events(source: &str, pipe: Option<ObjectId>, notices: Vec<Notice>) -> Vec<NewEvent> {
    let mut events = Vec::new();
    for notice in notices {
        match notice.events {
            Ok(files) => {
                let event = |file| NewEvent { pipe, ..NewEvent::for_all(source, file) };
                events.extend(files.into_iter().map(event));
            }
            // It will never be understood: kept, it would come for ever.
            Err(error) => tracing::warn!(%error, source, "a message is left out"),
        }
    }
    events
}

/// Loads until nothing is pending or a run fails. A run that fails for what is
/// in one of its files is tried with fewer, down to the one file.
async fn load_all(engine: Arc<Engine>, mut head: Arc<Head>, pipe: BoundPipe) {
    let settings = &engine.settings.pipes;
    let mut most_files = settings.files_per_run.max(1);
    loop {
        let pending = match pending(&engine, &head, &pipe) {
            Ok(pending) => pending,
            Err(error) => return engine.pipes.ended(pipe.id, engine.now(), Some(error)),
        };
        if pending == 0 {
            return engine.pipes.ended(pipe.id, engine.now(), None);
        }
        most_files = most_files.min(pending);
        let before = head.version();
        match load_some(&engine, &pipe, most_files).await {
            Ok(()) => {
                engine.pipes.ended(pipe.id, engine.now(), None);
                most_files = settings.files_per_run.max(1);
            }
            Err(error) if most_files > 1 && fewer_may_do(&error) => {
                most_files = most_files.div_ceil(2);
                continue;
            }
            Err(error) => {
                // A pipe that was dropped meanwhile is nobody's error.
                let gone = error.kind() == ErrorKind::NotFound
                    && engine.account.head().object(pipe.id).is_none_or(|it| !it.is_live());
                let failure = (!gone).then_some(error);
                return engine.pipes.ended(pipe.id, engine.now(), failure);
            }
        }
        head = engine.account.head();
        if head.version() == before {
            return;
        }
    }
}

/// Whether a run that failed may do with fewer files.
fn fewer_may_do(error: &Error) -> bool {
    is_the_files_fault(error) || error.code() == Code::OUT_OF_MEMORY
}

/// How many files the pipe would load now.
fn pending(engine: &Engine, head: &Arc<Head>, pipe: &BoundPipe) -> Result<usize> {
    let Some(found) = head.object(pipe.id).filter(|object| object.is_live()) else { return Ok(0) };
    let pipe = BoundPipe::new(head, found)?;
    if !pipe.state(head, engine.now())?.runs() {
        return Ok(0);
    }
    Ok(engine.pending_files(head, &pipe)?.len())
}

async fn load_some(engine: &Arc<Engine>, pipe: &BoundPipe, most_files: usize) -> Result<()> {
    let session = owner(engine, pipe).await?;
    let request = Request::RunPipe(RunPipe {
        pipe: pipe.id,
        text: pipe.definition.copy.clone(),
        most_files,
        most_bytes: engine.settings.pipes.bytes_per_run.get(),
    });
    run_request(&session, request, &unobserved()).await?.collect().await.map(drop)
}

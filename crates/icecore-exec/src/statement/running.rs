//! One execution of a plan: what its streams share, and when it is over.

use std::sync::Arc;

use datafusion_execution::TaskContext;
use datafusion_physical_plan::ExecutionPlan;
use icecore_types::{Code, Error, QueryId, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::{Outcome, RunningStatement, StatementEnd, StatementHooks};
use crate::ScanStatistics;
use crate::permit::permitted;

/// What a stream needs of the statement that began.
#[derive(Clone)]
pub(super) struct Begun {
    pub(super) context: Arc<TaskContext>,
    pub(super) runtime: Handle,
    query_id: Option<QueryId>,
}

/// How a stream left.
pub(super) enum Ending {
    Finished,
    Failed(Error),
    Dropped,
}

/// Shared by the streams of one execution.
///
/// It is over when no stream is open and either all partitions were executed
/// or one of them did not reach its end; else when nothing that could execute
/// the others is left.
pub(super) struct Statement {
    input: Arc<dyn ExecutionPlan>,
    partitions: usize,
    begun: OnceCell<Result<Begun>>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    running: Option<Box<dyn RunningStatement>>,
    executed: usize,
    open: usize,
    rows: u64,
    failed: Option<Error>,
    dropped: bool,
    over: bool,
}

impl Progress {
    fn must_end(&self, partitions: usize) -> bool {
        let complete = self.executed == partitions || self.failed.is_some() || self.dropped;
        self.open == 0 && complete && !self.over
    }

    fn outcome(&mut self, input: &Arc<dyn ExecutionPlan>, complete: bool) -> Outcome {
        let end = match self.failed.take() {
            Some(error) => StatementEnd::Failed(error),
            None if self.dropped || !complete => StatementEnd::Cancelled,
            None => StatementEnd::Finished,
        };
        Outcome { rows: self.rows, scanned: ScanStatistics::of(input), end }
    }
}

impl Statement {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, partitions: usize) -> Self {
        Self { input, partitions, begun: OnceCell::new(), progress: Mutex::default() }
    }

    pub(super) fn is_over(&self) -> bool {
        self.progress.lock().over
    }

    async fn begin(&self, hooks: &dyn StatementHooks, context: &TaskContext) -> Result<Begun> {
        let begun = self.begun.get_or_init(|| async {
            let running = hooks.begin(context).await?;
            let begun = Begun {
                context: permitted(running.task_context()),
                runtime: running.runtime(),
                query_id: running.query_id(),
            };
            self.progress.lock().running = Some(running);
            Ok(begun)
        });
        begun.await.clone()
    }

    fn leave(&self, rows: u64, ending: Ending) {
        let mut progress = self.progress.lock();
        progress.open -= 1;
        progress.rows += rows;
        match ending {
            Ending::Finished => {}
            Ending::Failed(error) => {
                progress.failed.get_or_insert(error);
            }
            Ending::Dropped => progress.dropped = true,
        }
        if !progress.must_end(self.partitions) {
            return;
        }
        progress.over = true;
        let running = progress.running.take();
        let outcome = progress.outcome(&self.input, true);
        drop(progress);
        if let Some(running) = running {
            running.finish(outcome);
        }
    }
}

impl Drop for Statement {
    /// The plan is gone, so that the partitions that are missing will not come.
    fn drop(&mut self) {
        let progress = self.progress.get_mut();
        if let Some(running) = progress.running.take() {
            let outcome = progress.outcome(&self.input, false);
            running.finish(outcome);
        }
    }
}

/// A stream's part in a statement; left exactly once.
pub(super) struct Seat {
    statement: Arc<Statement>,
    rows: u64,
    left: bool,
}

impl Seat {
    pub(super) fn take(statement: Arc<Statement>) -> Self {
        {
            let mut progress = statement.progress.lock();
            progress.executed += 1;
            progress.open += 1;
        }
        Self { statement, rows: 0, left: false }
    }

    pub(super) async fn begin(
        &self,
        hooks: &dyn StatementHooks,
        context: &TaskContext,
    ) -> Result<Begun> {
        let begun = self.statement.begin(hooks, context).await?;
        if self.statement.is_over() {
            return Err(Error::new(Code::CANCELLED, "the statement was cancelled"));
        }
        Ok(begun)
    }

    pub(super) fn count(&mut self, rows: usize) {
        self.rows += rows as u64;
    }

    /// The error with the statement's id.
    pub(super) fn name(&self, error: Error) -> Error {
        match self.statement.begun.get() {
            Some(Ok(Begun { query_id: Some(id), .. })) => error.with_query_id(*id),
            _ => error,
        }
    }

    pub(super) fn leave(&mut self, ending: Ending) {
        if !std::mem::replace(&mut self.left, true) {
            self.statement.leave(self.rows, ending);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave(Ending::Dropped);
    }
}

//! The root of every plan: where a statement begins and ends.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{Result as DfResult, Statistics, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::execution_plan::{CardinalityEffect, SchedulingType};
use datafusion_physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions, StatisticsArgs,
};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use icecore_types::{Error, QueryId, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::executions::Executions;
use crate::{ScanStatistics, from_datafusion, to_datafusion};

mod running;

use running::{Begun, Ending, Seat, Statement};

/// What is to happen when a statement begins: admission, a query id, a look at
/// the grants, an open journal row.
pub trait StatementHooks: fmt::Debug + Send + Sync {
    /// Begins a statement. Called once per execution of the plan, when the
    /// first of its streams is first polled; `context` is the one that the
    /// plan was executed with.
    ///
    /// If the streams are dropped before the future is ready, it is dropped
    /// with them and has to undo what it began.
    fn begin(&self, context: &TaskContext)
    -> BoxFuture<'static, Result<Box<dyn RunningStatement>>>;
}

/// A statement between its beginning and its end.
pub trait RunningStatement: Send {
    /// What the plan runs with, whatever context it was executed with.
    fn task_context(&self) -> Arc<TaskContext>;

    /// Where the plan runs.
    fn runtime(&self) -> Handle;

    /// The id that every error of the statement carries, if it has one.
    fn query_id(&self) -> Option<QueryId> {
        None
    }

    /// Called once, before whoever reads the last stream sees its end. It may
    /// be called from a destructor and must not block.
    fn finish(self: Box<Self>, outcome: Outcome);
}

/// How a statement ended.
///
/// ```
/// use icecore_exec::{Outcome, StatementEnd};
/// let outcome = Outcome { rows: 3, scanned: Default::default(), end: StatementEnd::Finished };
/// assert!(matches!(outcome.end, StatementEnd::Finished));
/// ```
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Rows that were handed out.
    pub rows: u64,
    /// What its scans read.
    pub scanned: ScanStatistics,
    /// Why no more came.
    pub end: StatementEnd,
}

/// Why a statement handed out no more rows.
///
/// ```
/// use icecore_exec::StatementEnd;
/// use icecore_types::{Code, Error};
/// let end = StatementEnd::Failed(Error::new(Code::DIVISION_BY_ZERO, "division by zero"));
/// assert!(matches!(end, StatementEnd::Failed(error) if !error.is_retryable()));
/// ```
#[derive(Clone, Debug)]
pub enum StatementEnd {
    /// All of them were read.
    Finished,
    /// It failed.
    Failed(Error),
    /// A stream was dropped before its end.
    Cancelled,
}

/// Batches that wait between the warehouse's runtime and the reader.
const BATCHES_AHEAD: usize = 2;

/// The operator on top of every plan. Its input runs on the runtime and with
/// the context that [`StatementHooks::begin`] gives, in tasks that end when
/// the stream is dropped. Every error that leaves is ours and names the
/// statement. Partitioning, order and statistics are the input's.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::datatypes::Schema;
/// use datafusion_execution::TaskContext;
/// use datafusion_physical_plan::empty::EmptyExec;
/// use datafusion_physical_plan::{ExecutionPlan, common::collect};
/// use futures::future::BoxFuture;
/// use icecore_exec::{Outcome, RunningStatement, StatementExec, StatementHooks};
/// use icecore_types::Result;
/// use tokio::runtime::Handle;
///
/// #[derive(Debug)]
/// struct Here;
/// struct Running;
///
/// impl StatementHooks for Here {
///     fn begin(&self, _: &TaskContext) -> BoxFuture<'static, Result<Box<dyn RunningStatement>>> {
///         Box::pin(async { Ok(Box::new(Running) as Box<dyn RunningStatement>) })
///     }
/// }
/// impl RunningStatement for Running {
///     fn task_context(&self) -> Arc<TaskContext> {
///         Arc::default()
///     }
///     fn runtime(&self) -> Handle {
///         Handle::current()
///     }
///     fn finish(self: Box<Self>, outcome: Outcome) {
///         assert_eq!(outcome.rows, 0);
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let input = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
/// let plan = StatementExec::new(input, Arc::new(Here));
/// assert!(collect(plan.execute(0, Arc::default())?).await?.is_empty());
/// # Ok::<(), datafusion_common::DataFusionError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct StatementExec {
    input: Arc<dyn ExecutionPlan>,
    hooks: Arc<dyn StatementHooks>,
    properties: Arc<PlanProperties>,
    executions: Executions<Statement>,
}

impl StatementExec {
    /// Puts the root on top of `input`.
    pub fn new(input: Arc<dyn ExecutionPlan>, hooks: Arc<dyn StatementHooks>) -> Self {
        let properties = PlanProperties::clone(input.properties())
            .with_scheduling_type(SchedulingType::Cooperative);
        Self { input, hooks, properties: Arc::new(properties), executions: Executions::default() }
    }

    /// What runs below.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }
}

impl DisplayAs for StatementExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatementExec")
    }
}

impl ExecutionPlan for StatementExec {
    fn name(&self) -> &str {
        "StatementExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, Arc::clone(&self.hooks)))),
            _ => internal_err!("StatementExec has one child"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(
                datafusion_physical_plan::ChildrenPropertiesMode::Recompute,
            ),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let partitions = self.properties.output_partitioning().partition_count();
        let statement =
            self.executions.join(&context, (partition, partitions), Statement::is_over, || {
                Statement::new(Arc::clone(&self.input), partitions)
            });
        let stream = StatementStream {
            state: StreamState::Waiting {
                hooks: Arc::clone(&self.hooks),
                context,
                input: Arc::clone(&self.input),
                partition,
            },
            seat: Seat::take(statement),
        };
        let batches = stream::unfold(stream, StatementStream::step);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> DfResult<Arc<Statistics>> {
        match inputs {
            [input] => Ok(Arc::clone(input)),
            _ => internal_err!("StatementExec has one child"),
        }
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> DfResult<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> DfResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}

/// One partition of a running statement.
///
/// The state stands first: its task is told to stop before the statement ends.
struct StatementStream {
    state: StreamState,
    seat: Seat,
}

enum StreamState {
    /// Not polled yet.
    Waiting {
        hooks: Arc<dyn StatementHooks>,
        context: Arc<TaskContext>,
        input: Arc<dyn ExecutionPlan>,
        partition: usize,
    },
    Running {
        batches: mpsc::Receiver<Result<RecordBatch>>,
        task: Task,
    },
    Over,
}

impl StatementStream {
    async fn step(mut self) -> Option<(DfResult<RecordBatch>, Self)> {
        match self.next().await {
            Ok(Some(batch)) => {
                self.seat.count(batch.num_rows());
                Some((Ok(batch), self))
            }
            Ok(None) => {
                self.state = StreamState::Over;
                self.seat.leave(Ending::Finished);
                None
            }
            Err(error) => {
                self.state = StreamState::Over;
                let error = self.seat.name(error);
                self.seat.leave(Ending::Failed(error.clone()));
                Some((Err(to_datafusion(error)), self))
            }
        }
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if let StreamState::Waiting { hooks, context, input, partition } = &self.state {
            let begun = self.seat.begin(hooks.as_ref(), context).await?;
            let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
            let task = Task::spawn(&begun, Arc::clone(input), *partition, sender);
            self.state = StreamState::Running { batches, task };
        }
        match &mut self.state {
            StreamState::Running { batches, task } => match batches.recv().await {
                Some(batch) => batch.map(Some),
                None => task.outcome().await.map(|()| None),
            },
            StreamState::Waiting { .. } | StreamState::Over => Ok(None),
        }
    }
}

/// The task that runs one partition; it ends with its stream.
struct Task(tokio::task::JoinHandle<()>);

impl Task {
    fn spawn(
        begun: &Begun,
        input: Arc<dyn ExecutionPlan>,
        partition: usize,
        sender: mpsc::Sender<Result<RecordBatch>>,
    ) -> Self {
        let context = Arc::clone(&begun.context);
        Self(begun.runtime.spawn(async move {
            if let Err(error) = run(input, partition, context, &sender).await {
                // Nobody reads any more: the statement is cancelled already.
                let _ = sender.send(Err(from_datafusion(error))).await;
            }
        }))
    }

    /// Why the task sends no more.
    async fn outcome(&mut self) -> Result<()> {
        match (&mut self.0).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_panic() => {
                Err(Error::internal("a task of the statement panicked"))
            }
            Err(_) => Err(Error::new(
                icecore_types::Code::CANCELLED,
                "the warehouse was shut down while the statement ran",
            )),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(
    input: Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
    sender: &mpsc::Sender<Result<RecordBatch>>,
) -> DfResult<()> {
    let mut batches = input.execute(partition, context)?;
    while let Some(batch) = batches.next().await {
        if sender.send(Ok(batch?)).await.is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

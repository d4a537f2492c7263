use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::SchemaRef;
use datafusion_common::DataFusionError;
use datafusion_physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream::BoxStream;
use icecore_types::Code;
use parking_lot::Mutex;

use super::*;
use crate::fixture::{batch, context, memory, rows_schema, run, some_rows, sorted};

/// What happened to statements, in order.
#[derive(Clone, Debug, Default)]
struct Log {
    begun: Arc<AtomicUsize>,
    ends: Arc<Mutex<Vec<Outcome>>>,
    refuse: bool,
    here: Option<Handle>,
}

struct Running {
    log: Log,
    number: usize,
    context: Arc<TaskContext>,
}

impl StatementHooks for Log {
    fn begin(&self, _: &TaskContext) -> BoxFuture<'static, Result<Box<dyn RunningStatement>>> {
        let log = self.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            let number = log.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if log.refuse {
                return Err(Error::new(Code::INSUFFICIENT_PRIVILEGES, "no"));
            }
            Ok(Box::new(Running { log, number, context: context() }) as Box<dyn RunningStatement>)
        })
    }
}

impl RunningStatement for Running {
    fn task_context(&self) -> Arc<TaskContext> {
        Arc::clone(&self.context)
    }

    fn runtime(&self) -> Handle {
        self.log.here.clone().unwrap_or_else(Handle::current)
    }

    fn query_id(&self) -> Option<QueryId> {
        Some(QueryId::from_bits(self.number as u128))
    }

    fn finish(self: Box<Self>, outcome: Outcome) {
        self.log.ends.lock().push(outcome);
    }
}

impl Log {
    fn over(&self, input: Arc<dyn ExecutionPlan>) -> StatementExec {
        StatementExec::new(input, Arc::new(self.clone()))
    }

    /// What ended, as text.
    fn ends(&self) -> Vec<String> {
        let name = |outcome: &Outcome| match &outcome.end {
            StatementEnd::Finished => format!("finished {}", outcome.rows),
            StatementEnd::Failed(error) => format!("failed {}", error.code().number()),
            StatementEnd::Cancelled => format!("cancelled {}", outcome.rows),
        };
        self.ends.lock().iter().map(name).collect()
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

/// A partition that yields a batch and then does as it is told.
#[derive(Clone, Copy, Debug)]
enum Then {
    End,
    Fail,
    Hang,
    Panic,
}

#[derive(Debug)]
struct Scripted(SchemaRef, Then);

impl PartitionStream for Scripted {
    fn schema(&self) -> &SchemaRef {
        &self.0
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let first = stream::iter([Ok(batch(&some_rows(0..3)))]);
        let then: BoxStream<'static, _> = match self.1 {
            Then::End => stream::empty().boxed(),
            Then::Hang => stream::pending().boxed(),
            Then::Fail => {
                stream::iter([Err(DataFusionError::Execution("Divide by zero at 'secret'".into()))])
                    .boxed()
            }
            Then::Panic => stream::once(async { panic!("on purpose") }).boxed(),
        };
        Box::pin(RecordBatchStreamAdapter::new(rows_schema(), first.chain(then)))
    }
}

fn scripted(partitions: &[Then]) -> Arc<dyn ExecutionPlan> {
    let partitions = partitions
        .iter()
        .map(|then| Arc::new(Scripted(rows_schema(), *then)) as Arc<dyn PartitionStream>)
        .collect();
    let plan = StreamingTableExec::try_new(rows_schema(), partitions, None, [], false, None);
    Arc::new(plan.unwrap())
}

#[tokio::test]
async fn a_statement_begins_once_and_ends_once_over_all_its_partitions() {
    let log = Log::default();
    let rows = some_rows(0..30);
    let parts: Vec<_> = rows.chunks(10).map(|rows| vec![batch(rows)]).collect();
    let plan = log.over(memory(&parts));
    assert_eq!(sorted(&run(&plan).await), rows);
    assert_eq!((log.begun(), log.ends()), (1, vec!["finished 30".to_owned()]));

    assert_eq!(sorted(&run(&plan).await), rows);
    assert_eq!(log.begun(), 2, "a plan executed again is a new statement");
    assert_eq!(log.ends(), ["finished 30", "finished 30"]);
}

#[tokio::test]
async fn partitions_that_come_one_after_the_other_are_one_statement() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::End, Then::End]));
    let context = context();
    let first: Vec<_> = plan.execute(1, Arc::clone(&context)).unwrap().collect().await;
    assert_eq!((first.len(), log.ends().len()), (1, 0), "the other one is to come");
    let _: Vec<_> = plan.execute(0, context).unwrap().collect().await;
    assert_eq!((log.begun(), log.ends()), (1, vec!["finished 6".to_owned()]));
}

#[tokio::test]
async fn two_executions_at_the_same_time_are_two_statements() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::End, Then::End]));
    let (a, b) = (context(), context());
    let streams: Vec<_> = [(0, &a), (0, &b), (1, &b), (1, &a)]
        .map(|(partition, context)| plan.execute(partition, Arc::clone(context)).unwrap())
        .into_iter()
        .map(|stream| stream.collect::<Vec<_>>())
        .collect();
    futures::future::join_all(streams).await;
    assert_eq!((log.begun(), log.ends()), (2, vec!["finished 6".into(), "finished 6".into()]));
}

#[tokio::test]
async fn nothing_begins_before_it_is_polled() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::End]));
    drop(plan.execute(0, context()).unwrap());
    assert_eq!((log.begun(), log.ends().len()), (0, 0));
}

#[tokio::test]
async fn dropping_a_stream_cancels() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::Hang, Then::Hang]));
    let context = context();
    let mut streams: Vec<_> =
        (0..2).map(|i| plan.execute(i, Arc::clone(&context)).unwrap()).collect();
    for stream in &mut streams {
        assert!(stream.next().await.unwrap().is_ok());
    }
    drop(streams.pop());
    assert_eq!(log.ends().len(), 0, "one of them is open");
    drop(streams);
    assert_eq!((log.begun(), log.ends()), (1, vec!["cancelled 6".to_owned()]));
}

#[tokio::test]
async fn a_plan_that_goes_with_partitions_missing_is_cancelled() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::End, Then::End]));
    let context = context();
    let _: Vec<_> = plan.execute(0, Arc::clone(&context)).unwrap().collect().await;
    drop(plan);
    assert_eq!(log.ends(), ["cancelled 3"]);
}

#[tokio::test]
async fn a_failure_is_ours_names_the_statement_and_ends_it_once() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::Fail, Then::Hang]));
    let context = context();
    let mut failing = plan.execute(0, Arc::clone(&context)).unwrap();
    let mut hanging = plan.execute(1, context).unwrap();
    assert!(hanging.next().await.unwrap().is_ok());
    assert!(failing.next().await.unwrap().is_ok());
    let error = failing.next().await.unwrap().unwrap_err();
    let DataFusionError::External(ours) = &error else { panic!("{error}") };
    let ours = ours.downcast_ref::<Error>().unwrap();
    assert_eq!(ours.code(), Code::DIVISION_BY_ZERO);
    assert_eq!(ours.query_id(), Some(QueryId::from_bits(1)));
    assert!(!ours.to_string().contains("secret"));
    assert!(failing.next().await.is_none(), "nothing comes after an error");
    assert_eq!(log.ends().len(), 0);
    drop((failing, hanging));
    assert_eq!(log.ends(), ["failed 100051"]);
}

#[tokio::test]
async fn a_panic_fails_the_statement() {
    let log = Log::default();
    let plan = log.over(scripted(&[Then::Panic]));
    let batches: Vec<_> = plan.execute(0, context()).unwrap().collect().await;
    let error = batches.into_iter().find_map(|batch| batch.err()).unwrap();
    assert_eq!(from_datafusion(error).code(), Code::INTERNAL);
    assert_eq!(log.ends(), ["failed 300002"]);
}

#[tokio::test]
async fn a_statement_that_is_refused_does_not_end() {
    let log = Log { refuse: true, ..Log::default() };
    let plan = log.over(scripted(&[Then::End, Then::End]));
    let context = context();
    let mut streams: Vec<_> =
        (0..2).map(|i| plan.execute(i, Arc::clone(&context)).unwrap()).collect();
    for stream in &mut streams {
        let error = from_datafusion(stream.next().await.unwrap().unwrap_err());
        assert_eq!(error.code(), Code::INSUFFICIENT_PRIVILEGES);
    }
    drop(streams);
    assert_eq!((log.begun(), log.ends().len()), (1, 0), "it is refused once for all partitions");
}

/// The input asks where it runs.
#[derive(Debug)]
struct Where(SchemaRef, Arc<Mutex<Vec<(tokio::runtime::Id, usize)>>>);

impl PartitionStream for Where {
    fn schema(&self) -> &SchemaRef {
        &self.0
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.1.lock().push((Handle::current().id(), Arc::as_ptr(&context) as usize));
        Box::pin(RecordBatchStreamAdapter::new(rows_schema(), stream::empty()))
    }
}

#[test]
fn the_input_runs_on_the_warehouse() {
    let warehouse = tokio::runtime::Runtime::new().unwrap();
    let seen = Arc::default();
    let input: Arc<dyn PartitionStream> = Arc::new(Where(rows_schema(), Arc::clone(&seen)));
    let input = StreamingTableExec::try_new(rows_schema(), vec![input], None, [], false, None);
    let log = Log { here: Some(warehouse.handle().clone()), ..Log::default() };
    let plan = log.over(Arc::new(input.unwrap()));
    let given = context();
    let caller = tokio::runtime::Builder::new_current_thread().build().unwrap();
    caller.block_on(async {
        let _: Vec<_> = plan.execute(0, Arc::clone(&given)).unwrap().collect().await;
    });
    let seen = seen.lock();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, warehouse.handle().id());
    assert_ne!(seen[0].1, Arc::as_ptr(&given) as usize, "it has the warehouse's context");
    assert_eq!(log.ends(), ["finished 0"]);
}

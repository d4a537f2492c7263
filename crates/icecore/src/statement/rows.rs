//! The rows of a query on their way to whoever reads them: counted, told of,
//! kept for RESULT_SCAN, and stopped when the statement is cancelled.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use futures::future::{Either, select};
use icecore_exec::to_datafusion;

use crate::progress::Observer;
use crate::session::{Session, StoredResult};
use crate::{Progress, StatementHandle};

/// A query's rows as they come.
pub(super) struct QueryRows {
    /// None when no more are wanted, which ends the statement.
    rows: Option<SendableRecordBatchStream>,
    handle: StatementHandle,
    observer: Observer,
    kept: Kept,
}

impl QueryRows {
    pub(super) fn new(
        session: Session,
        rows: SendableRecordBatchStream,
        handle: StatementHandle,
        observer: Observer,
    ) -> Self {
        let kept = Kept { session, schema: rows.schema(), batches: Some(Vec::new()), bytes: 0 };
        Self { rows: Some(rows), handle, observer, kept }
    }

    /// As a stream.
    pub(super) fn stream(self) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.kept.schema);
        let batches = futures::stream::unfold(self, |mut rows| async move {
            rows.next().await.map(|batch| (batch, rows))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }

    async fn next(&mut self) -> Option<datafusion::error::Result<RecordBatch>> {
        let rows = self.rows.as_mut()?;
        let next = {
            let cancelled = std::pin::pin!(self.handle.cancelled());
            // What was cancelled stops even if its next rows are there.
            match select(cancelled, rows.next()).await {
                Either::Left((error, _)) => Some(Err(to_datafusion(error))),
                Either::Right((next, _)) => next,
            }
        };
        match &next {
            Some(Ok(batch)) => {
                let rows = self.handle.count(batch.num_rows());
                self.kept.keep(batch);
                self.observer.tell(Progress {
                    what: "computing".into(),
                    done: 0,
                    total: None,
                    rows,
                });
            }
            Some(Err(_)) => self.end(),
            None => {
                self.end();
                self.kept.finish(&self.handle);
            }
        }
        next
    }

    fn end(&mut self) {
        self.rows = None;
        self.handle.end();
    }
}

/// The batches of a result so far, unless they became too many.
struct Kept {
    session: Session,
    schema: SchemaRef,
    batches: Option<Vec<RecordBatch>>,
    bytes: usize,
}

impl Kept {
    fn keep(&mut self, batch: &RecordBatch) {
        self.bytes += batch.get_array_memory_size();
        if self.bytes > self.session.shared().results_limit().as_usize() {
            self.batches = None;
        }
        if let Some(batches) = &mut self.batches {
            batches.push(batch.clone());
        }
    }

    fn finish(&mut self, handle: &StatementHandle) {
        if let Some(batches) = self.batches.take() {
            let (query_id, schema) = (handle.query_id(), Arc::clone(&self.schema));
            self.session.shared().remember_result(StoredResult { query_id, schema, batches });
        }
    }
}

//! Rows that are known when a statement is planned: SHOW's, an information
//! schema's, an earlier result's, the changes of a refresh, which its owner may
//! read. Never rows of a table that still have to be governed.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::PlanningPermit;

/// A table of given rows.
#[derive(Debug)]
pub(crate) struct RowsTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl RowsTable {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    pub(crate) fn of(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), batches: vec![batch] }
    }
}

#[async_trait]
impl TableProvider for RowsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        PlanningPermit::check(state)?;
        let partition = std::slice::from_ref(&self.batches);
        let source =
            MemorySourceConfig::try_new_exec(partition, self.schema(), projection.cloned())?;
        Ok(source)
    }
}

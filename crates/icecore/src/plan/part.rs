//! Some of a table's rows, with their ids, as a refresh reads them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::{Column, cast};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use icecore_exec::{ScanPart, TableScan, plan_part_scan, to_datafusion};

use super::PlanningPermit;

/// The columns of a table and the row id, of a part of its rows. No name of a
/// user's query means it.
#[derive(Debug)]
pub(crate) struct PartTable {
    scan: Arc<TableScan>,
    part: ScanPart,
    schema: SchemaRef,
}

impl PartTable {
    /// `scan` has the positions.
    pub(crate) fn new(scan: Arc<TableScan>, part: ScanPart) -> Self {
        let mut fields: Vec<_> =
            scan.columns.iter().map(|column| Arc::clone(&column.field)).collect();
        fields.push(Arc::new(Field::new(TableScan::ROW_ID, DataType::Int64, false)));
        Self { scan, part, schema: Arc::new(Schema::new(fields)) }
    }

    /// The scan's index of a column.
    fn index(&self, own: usize) -> usize {
        // Between the columns and the id are segment and position.
        if own < self.scan.columns.len() { own } else { own + 2 }
    }
}

#[async_trait]
impl TableProvider for PartTable {
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
        let own: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let mapped: Vec<usize> = own.iter().map(|index| self.index(*index)).collect();
        let options = state.config();
        let shape = (options.target_partitions(), options.batch_size());
        let plan = plan_part_scan(Arc::clone(&self.scan), &self.part, Some(&mapped), &[], shape)
            .await
            .map_err(to_datafusion)?;
        let with_id = own.contains(&self.scan.columns.len());
        if !with_id {
            return Ok(plan);
        }
        let input = plan.schema();
        let mut columns = Vec::with_capacity(own.len());
        for (at, field) in input.fields().iter().enumerate() {
            let column = Arc::new(Column::new(field.name(), at));
            let column = match own.get(at) {
                Some(index) if *index == self.scan.columns.len() => {
                    cast(column, &input, DataType::Int64)?
                }
                _ => column,
            };
            columns.push((column, field.name().clone()));
        }
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}

//! A table as a query sees it: bound to a version, for one session.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableSource, TableType};
use datafusion::physical_plan::ExecutionPlan;
use icecore_exec::{ScanColumn, TableScan, plan_scan};
use icecore_segment::SegmentStore;
use icecore_snapshot::TableContent;
use icecore_types::{ColumnDefinition, Name, ObjectId, TableDefinition, Version};

use super::PlanningPermit;
use crate::session::SessionShared;

/// The provider that a session's catalog hands out. It scans only inside a
/// plan that the statement path makes.
#[derive(Debug)]
pub(crate) struct GovernedTable {
    scan: Arc<TableScan>,
    schema: SchemaRef,
    session: u64,
    version: Option<Version>,
}

impl GovernedTable {
    pub(crate) fn new(scan: TableScan, session: &SessionShared) -> Self {
        let scan = Arc::new(scan);
        Self { schema: scan.schema(), scan, session: session.id, version: None }
    }

    /// As a source of rows that no policy governs: those of a table that has
    /// none, or that belong to the engine.
    pub(crate) fn source(scan: TableScan, session: &SessionShared) -> Arc<dyn TableSource> {
        provider_as_source(Arc::new(Self::new(scan, session)))
    }

    /// Of a version that the query names.
    pub(crate) fn at_version(mut self, version: Option<Version>) -> Self {
        self.version = version;
        self
    }

    /// The table, and the version that the query names.
    pub(crate) fn read(&self) -> (ObjectId, Option<Version>) {
        (self.scan.table, self.version)
    }

    /// The session that it was made for.
    pub(crate) fn session(&self) -> u64 {
        self.session
    }
}

/// A table with today's columns over the content of a version.
pub(crate) fn table_scan(
    segments: &SegmentStore,
    (table, name): (ObjectId, &Name),
    definition: &TableDefinition,
    content: Arc<TableContent>,
    positions: bool,
) -> icecore_types::Result<TableScan> {
    let columns =
        definition.columns.iter().map(scan_column).collect::<icecore_types::Result<_>>()?;
    Ok(TableScan {
        table,
        name: name.to_string(),
        segments: segments.clone(),
        content,
        columns,
        positions,
    })
}

fn scan_column(column: &ColumnDefinition) -> icecore_types::Result<ScanColumn> {
    let field = icecore_values::field(column.name.as_str(), &column.sql_type, !column.not_null);
    let value_before = column
        .value_before
        .as_deref()
        .map(|text| {
            let array = crate::text::cast_text(text, &column.sql_type)?;
            ScalarValue::try_from_array(&array, 0).map_err(icecore_exec::from_datafusion)
        })
        .transpose()?;
    Ok(ScanColumn { id: column.id, field: Arc::new(field), value_before })
}

#[async_trait]
impl TableProvider for GovernedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        PlanningPermit::check(state)?;
        let schema = DFSchema::try_from(self.schema())?;
        let filters = filters
            .iter()
            .map(|filter| state.create_physical_expr(unqualified(filter.clone())?, &schema))
            .collect::<Result<Vec<_>>>()?;
        let options = state.config();
        plan_scan(
            Arc::clone(&self.scan),
            projection,
            &filters,
            limit,
            options.target_partitions(),
            options.batch_size(),
        )
        .await
        .map_err(icecore_exec::to_datafusion)
    }
}

/// The filter with bare column names, as the scan's schema has them.
fn unqualified(filter: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    filter
        .transform(|expr| match expr {
            Expr::Column(mut column) => {
                column.relation = None;
                Ok(Transformed::yes(Expr::Column(column)))
            }
            other => Ok(Transformed::no(other)),
        })
        .map(|transformed| transformed.data)
}

//! The scan as DataFusion's `DataSource`.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Result as DfResult, Statistics, internal_err};
use datafusion_datasource::source::{DataSource, OpenArgs};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::projection::ProjectionExprs;
use datafusion_physical_expr::{
    EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr,
};
use datafusion_physical_plan::coop::cooperative;
use datafusion_physical_plan::execution_plan::SchedulingType;
use datafusion_physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion_physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use futures::{StreamExt, stream};
use icecore_types::{Error, Result};

use super::TableScan;
use super::listing::Listing;
use super::morsels::Morsels;
use super::order::ReadOrder;
use super::pruning::Pruning;
use super::reader::{Layout, Reader, ReaderMetrics};
use super::statistics::{Reduction, of_table};
use crate::executions::Executions;
use crate::{permit, to_datafusion};

/// The segments of one version of a table.
#[derive(Clone, Debug)]
pub(crate) struct SegmentSource {
    scan: Arc<TableScan>,
    listing: Arc<Listing>,
    /// Indices into the scan's schema, in the order of the output.
    projection: Vec<usize>,
    schema: SchemaRef,
    /// Over the scan's schema. They only prune.
    filters: Vec<Arc<dyn PhysicalExpr>>,
    read_order: Option<ReadOrder>,
    /// Of all columns of the scan's schema, before anything is left out.
    statistics: Arc<Statistics>,
    limit: Option<usize>,
    partitions: usize,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl SegmentSource {
    pub(crate) fn new(
        scan: Arc<TableScan>,
        listing: Arc<Listing>,
        projection: Option<&Vec<usize>>,
        filters: &[Arc<dyn PhysicalExpr>],
    ) -> Result<Self> {
        let whole = scan.schema();
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..whole.fields().len()).collect(),
        };
        let schema = whole.project(&projection).map(Arc::new).map_err(|source| {
            Error::internal("a projection of a scan has no such column").with_source(source)
        })?;
        let statistics = Arc::new(of_table(&scan, &listing));
        Ok(Self {
            scan,
            listing,
            projection,
            schema,
            filters: filters.to_vec(),
            read_order: None,
            statistics,
            limit: None,
            partitions: 1,
            batch_size: 8192,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// Ignored under a filter: whoever filters wants more rows than pass.
    pub(crate) fn with_limit(mut self, limit: Option<usize>) -> Self {
        self.limit = limit.filter(|_| self.filters.is_empty());
        self
    }

    pub(crate) fn with_partitions(mut self, partitions: usize) -> Self {
        self.partitions = partitions.max(1);
        self
    }

    pub(crate) fn with_batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    fn morsels(&self) -> Morsels {
        Morsels::new(
            Arc::clone(&self.scan),
            Arc::clone(&self.listing),
            Pruning::new(&self.scan, &self.filters),
            self.read_order,
            &self.metrics,
        )
    }

    fn reduction(&self) -> Reduction {
        Reduction {
            has_filters: !self.filters.is_empty(),
            limit: self.limit,
            partitions: self.partitions,
        }
    }

    /// A filter over the output as one over the scan's schema; none if it
    /// cannot be used for pruning.
    fn over_scan(&self, filter: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
        // What gives another value each time says nothing of the rows.
        let mut known = !filter.exists(|expr| Ok(expr.is_volatile_node())).unwrap_or(true);
        let rewritten = Arc::clone(filter).transform_down(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else {
                return Ok(Transformed::no(expr));
            };
            match self.projection.get(column.index()) {
                Some(index) => Ok(Transformed::yes(Arc::new(Column::new(column.name(), *index)))),
                None => {
                    known = false;
                    Ok(Transformed::no(expr))
                }
            }
        });
        rewritten.ok().map(|rewritten| rewritten.data).filter(|_| known)
    }

    fn projected(&self, projection: Vec<usize>) -> DfResult<Self> {
        let schema = Arc::new(self.scan.schema().project(&projection)?);
        Ok(Self { projection, schema, ..self.clone() })
    }

    fn stream(
        &self,
        partition: usize,
        morsels: Arc<Morsels>,
    ) -> DfResult<SendableRecordBatchStream> {
        let layout = Layout::new(&self.scan, &self.projection, Arc::clone(&self.schema))
            .map_err(to_datafusion)?;
        let metrics = ReaderMetrics::new(&self.metrics, partition);
        let scan = Arc::clone(&self.scan);
        let reader = Reader::new(scan, layout, morsels, self.batch_size, self.limit, metrics);
        let batches = stream::try_unfold(reader, |mut reader| async move {
            let batch = reader.next().await.map_err(to_datafusion)?;
            Ok(batch.map(|batch| (batch, reader)))
        });
        let batches = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches.boxed());
        Ok(Box::pin(cooperative(batches)))
    }
}

impl DataSource for SegmentSource {
    fn open(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let mut args = OpenArgs::new(partition, Arc::clone(&context));
        args.sibling_state = self.create_sibling_state(context.session_config().options());
        self.open_with_args(args)
    }

    fn create_sibling_state(&self, _: &ConfigOptions) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(Executions::<Morsels>::default()))
    }

    fn open_with_args(&self, args: OpenArgs) -> DfResult<SendableRecordBatchStream> {
        permit::check(&args.context)?;
        let executions = args
            .sibling_state
            .as_ref()
            .and_then(|state| state.downcast_ref::<Executions<Morsels>>());
        let Some(executions) = executions else {
            return internal_err!("a scan was opened without the state of its siblings");
        };
        let place = (args.partition, self.partitions);
        let morsels = executions.join(&args.context, place, |_| false, || self.morsels());
        self.stream(args.partition, morsels)
    }

    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, total) = (self.listing.kept, self.listing.total);
        if matches!(format, DisplayFormatType::TreeRender) {
            return write!(f, "table={}\nsegments={kept}/{total}\n", self.scan.name);
        }
        let columns: Vec<_> =
            self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(
            f,
            "IcecoreScan: table={}, segments={kept}/{total}, rows={}, projection=[{}]",
            self.scan.name,
            self.listing.live_rows(),
            columns.join(", ")
        )?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        for (index, filter) in self.filters.iter().enumerate() {
            f.write_str(if index == 0 { ", pruned by " } else { " AND " })?;
            write!(f, "{filter}")?;
        }
        Ok(())
    }

    /// More partitions, as long as there is work for them.
    fn repartitioned(
        &self,
        target_partitions: usize,
        _: usize,
        _: Option<LexOrdering>,
    ) -> DfResult<Option<Arc<dyn DataSource>>> {
        let partitions = self.listing.worthwhile_partitions(target_partitions);
        if partitions <= self.partitions {
            return Ok(None);
        }
        Ok(Some(Arc::new(self.clone().with_partitions(partitions))))
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(self.partitions)
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        EquivalenceProperties::new(Arc::clone(&self.schema))
    }

    fn scheduling_type(&self) -> SchedulingType {
        SchedulingType::Cooperative
    }

    fn partition_statistics(&self, partition: Option<usize>) -> DfResult<Arc<Statistics>> {
        let statistics = self.statistics.as_ref().clone().project(Some(&self.projection));
        let reduction = self.reduction();
        Ok(Arc::new(match partition {
            None => reduction.of_all(statistics, &self.schema),
            Some(_) => reduction.of_one(statistics, &self.schema),
        }))
    }

    /// Refused under a filter: the rows of the limit would depend on what was
    /// pruned.
    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn DataSource>> {
        if limit.is_some() && !self.filters.is_empty() {
            return None;
        }
        Some(Arc::new(Self { limit, ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.metrics.clone()
    }

    /// Takes over a choice of columns; a computation or a new name stays where
    /// it is.
    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> DfResult<Option<Arc<dyn DataSource>>> {
        let columns: Option<Vec<_>> = projection
            .iter()
            .map(|projected| {
                let column = projected.expr.downcast_ref::<Column>()?;
                let index = self.projection.get(column.index())?;
                (column.name() == projected.alias).then_some(*index)
            })
            .collect();
        match columns {
            Some(columns) => Ok(Some(Arc::new(self.projected(columns)?))),
            None => Ok(None),
        }
    }

    /// Takes every filter to prune with, and none off the hands of whoever
    /// filters the rows. Under a limit none: see [`Self::with_fetch`].
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> DfResult<FilterPushdownPropagation<Arc<dyn DataSource>>> {
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(vec![
            PushedDown::No;
            filters.len()
        ]);
        if self.limit.is_some() {
            return Ok(answer);
        }
        let mut all = self.filters.clone();
        for filter in filters.iter().filter_map(|filter| self.over_scan(filter)) {
            if !all.contains(&filter) {
                all.push(filter);
            }
        }
        if all.len() == self.filters.len() {
            return Ok(answer);
        }
        Ok(answer.with_updated_node(Arc::new(Self { filters: all, ..self.clone() })))
    }

    /// Reads what is likely to come first, first; whoever sorts has to sort.
    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> DfResult<SortOrderPushdownResult<Arc<dyn DataSource>>> {
        let read_order = order.first().filter(|_| self.limit.is_none()).and_then(|sort| {
            let column = sort.expr.downcast_ref::<Column>()?;
            let index = *self.projection.get(column.index())?;
            let column = self.scan.columns.get(index)?.id;
            Some(ReadOrder { column, descending: sort.options.descending })
        });
        Ok(match read_order {
            Some(_) => SortOrderPushdownResult::Inexact {
                inner: Arc::new(Self { read_order, ..self.clone() }),
            },
            None => SortOrderPushdownResult::Unsupported,
        })
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        let mut recursion = TreeNodeRecursion::Continue;
        for filter in &self.filters {
            recursion = f(filter)?;
            if recursion == TreeNodeRecursion::Stop {
                break;
            }
        }
        Ok(recursion)
    }
}

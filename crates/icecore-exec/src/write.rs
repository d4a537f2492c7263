//! Turning rows, and the positions of rows, into what a transaction commits.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{Result as DfResult, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{Distribution, EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion_physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use icecore_segment::{SegmentStore, WriteOptions};
use icecore_snapshot::RemovedSegment;
use icecore_types::{Deletes, ObjectId, Result, SegmentId, SegmentRef};
use parking_lot::Mutex;

use crate::{TableScan, from_datafusion, to_datafusion};

mod positions;
mod rows;

pub use positions::Positions;
use rows::Writer;

/// What the rows of the input are for.
///
/// ```
/// use icecore_exec::WriteKind;
/// assert_ne!(WriteKind::Append, WriteKind::Delete);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// They are added. Input: the table's columns in order, of their types,
    /// checked.
    Append,
    /// They name rows that go. Input: the segment, the position.
    Delete,
    /// They replace rows. Input: the segment, the position, the row id, then the
    /// table's columns with their new values. Of several for one row the first
    /// counts.
    Update,
}

impl WriteKind {
    /// The columns in front of the table's.
    fn leading(self) -> &'static [&'static str] {
        match self {
            Self::Append => &[],
            Self::Delete => &[TableScan::SEGMENT, TableScan::POSITION],
            Self::Update => &[TableScan::SEGMENT, TableScan::POSITION, TableScan::ROW_ID],
        }
    }
}

/// What a transaction has to commit for a write to take effect.
///
/// ```
/// assert_eq!(icecore_exec::Changes::default().rows, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// New segments.
    pub segments: Vec<SegmentRef>,
    /// For each touched segment that keeps rows, all its deleted rows, those
    /// of before included.
    pub deletes: Vec<(SegmentId, Deletes)>,
    /// Segments that keep no row.
    pub removed: Vec<RemovedSegment>,
    /// Rows that were added, deleted or updated.
    pub rows: u64,
    /// Of the updated rows, those for which the input had more than one row.
    pub multi_joined_rows: u64,
}

/// Where [`WriteExec`] leaves its changes when it is done, for the caller.
///
/// ```
/// let slot = icecore_exec::ChangesSlot::default();
/// assert!(slot.take().is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChangesSlot(Arc<Mutex<Option<Changes>>>);

impl ChangesSlot {
    /// The changes, once the plan ran to its end.
    pub fn take(&self) -> Option<Changes> {
        self.0.lock().take()
    }

    fn put(&self, changes: Changes) {
        *self.0.lock() = Some(changes);
    }
}

/// Says which rows of a write are written: see [`WriteTarget::judge`].
///
/// ```
/// use arrow::record_batch::RecordBatch;
/// use futures::future::BoxFuture;
/// use icecore_exec::RowJudge;
///
/// #[derive(Debug)]
/// struct TakesAll;
///
/// impl RowJudge for TakesAll {
///     fn judge(&self, batch: RecordBatch) -> BoxFuture<'_, icecore_types::Result<RecordBatch>> {
///         Box::pin(async { Ok(batch) })
///     }
/// }
/// ```
pub trait RowJudge: fmt::Debug + Send + Sync {
    /// The rows of a batch that are written, in their order. The batch has the
    /// columns that [`WriteKind`] says.
    fn judge(&self, batch: RecordBatch) -> BoxFuture<'_, Result<RecordBatch>>;
}

/// What is written to.
///
/// ```
/// # fn example(segments: icecore_segment::SegmentStore) -> icecore_exec::WriteTarget {
/// use std::sync::Arc;
/// use arrow::datatypes::{DataType, Field, Schema};
/// use icecore_exec::WriteTarget;
/// use icecore_types::{ColumnId, ObjectId};
///
/// let id = ColumnId::new(1).stored_name();
/// let schema = Arc::new(Schema::new(vec![Field::new(id, DataType::Int64, true)]));
/// let table = ObjectId::from_bits(1);
/// let options = Default::default();
/// WriteTarget { table, segments, schema, options, scan: None, judge: None }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WriteTarget {
    /// The table.
    pub table: ObjectId,
    /// Where its segments are.
    pub segments: SegmentStore,
    /// Its columns in order, by their stored names.
    pub schema: SchemaRef,
    /// How rows are cut into segments.
    pub options: WriteOptions,
    /// The scan that the positions come from: for Delete and Update.
    pub scan: Option<Arc<TableScan>>,
    /// What leaves rows out, if anything does: for Append and Update.
    pub judge: Option<Arc<dyn RowJudge>>,
}

/// Writes its input and answers one row: how many `rows`. What is to be
/// committed is in the slot when the answer comes; until it is committed,
/// nothing has changed.
///
/// ```no_run
/// # fn example(input: std::sync::Arc<dyn datafusion_physical_plan::ExecutionPlan>,
/// #     target: icecore_exec::WriteTarget) -> icecore_types::Result<()> {
/// use icecore_exec::{ChangesSlot, WriteExec, WriteKind};
///
/// let slot = ChangesSlot::default();
/// let plan = WriteExec::new(input, WriteKind::Append, target, slot.clone())?;
/// // .. run the plan, then:
/// let changes = slot.take();
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct WriteExec {
    input: Arc<dyn ExecutionPlan>,
    kind: WriteKind,
    target: Arc<WriteTarget>,
    slot: ChangesSlot,
    properties: Arc<PlanProperties>,
}

impl WriteExec {
    /// Writes what `input` yields.
    ///
    /// # Errors
    /// `Internal` if the input does not have the columns that `kind` says, or
    /// positions have no scan that they are of.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        kind: WriteKind,
        target: WriteTarget,
        slot: ChangesSlot,
    ) -> Result<Self> {
        rows::check_input(&input.schema(), kind, &target)?;
        Ok(Self::unchecked(input, kind, Arc::new(target), slot))
    }

    fn unchecked(
        input: Arc<dyn ExecutionPlan>,
        kind: WriteKind,
        target: Arc<WriteTarget>,
        slot: ChangesSlot,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(answer_schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self { input, kind, target, slot, properties: Arc::new(properties) }
    }
}

fn answer_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("rows", DataType::UInt64, false)]))
}

async fn write(
    mut input: SendableRecordBatchStream,
    kind: WriteKind,
    target: Arc<WriteTarget>,
    slot: ChangesSlot,
) -> Result<u64> {
    let mut positions = Positions::default();
    let mut writer = Writer::new(kind, &target);
    let mut rows = 0;
    while let Some(batch) = input.next().await {
        let batch = batch.map_err(from_datafusion)?;
        let batch = match kind {
            WriteKind::Append => batch,
            WriteKind::Delete | WriteKind::Update => positions.take(&batch)?,
        };
        let batch = match &target.judge {
            Some(judge) => judge.judge(batch).await?,
            None => batch,
        };
        rows += batch.num_rows() as u64;
        writer.write(&batch).await?;
    }
    // Nothing of the input is needed any more: its memory goes first.
    drop(input);
    let multi_joined_rows = positions.multi_joined_rows();
    let (deletes, removed) = match &target.scan {
        Some(scan) => positions.finish(scan).await?,
        None => Default::default(),
    };
    let segments = writer.finish().await?;
    slot.put(Changes { segments, deletes, removed, rows, multi_joined_rows });
    Ok(rows)
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteExec: kind={:?}, table={}", self.kind, self.target.table)
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
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
            (Some(input), true) => {
                rows::check_input(&input.schema(), self.kind, &self.target)
                    .map_err(to_datafusion)?;
                let target = Arc::clone(&self.target);
                Ok(Arc::new(Self::unchecked(input, self.kind, target, self.slot.clone())))
            }
            _ => internal_err!("WriteExec has one child"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("WriteExec has one partition, not partition={partition}");
        }
        // A plan that was put together by hand may have kept its partitions.
        let input = if self.input.output_partitioning().partition_count() == 1 {
            self.input.execute(0, context)?
        } else {
            CoalescePartitionsExec::new(Arc::clone(&self.input)).execute(0, context)?
        };
        let (kind, target) = (self.kind, Arc::clone(&self.target));
        let slot = self.slot.clone();
        let answer = stream::once(async move {
            let rows = write(input, kind, target, slot).await.map_err(to_datafusion)?;
            let rows = Arc::new(UInt64Array::from(vec![rows])) as ArrayRef;
            Ok(RecordBatch::try_new(answer_schema(), vec![rows])?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(answer_schema(), answer)))
    }
}

#[cfg(test)]
mod tests;

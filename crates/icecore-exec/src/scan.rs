//! Reading one version of a table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_common::ScalarValue;
use datafusion_datasource::source::DataSourceExec;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::ExecutionPlan;
use icecore_segment::SegmentStore;
use icecore_snapshot::TableContent;
use icecore_types::{ColumnId, Deletes, Error, ObjectId, Result, SegmentRef};

mod changes;
mod groups;
mod listing;
mod morsels;
mod order;
mod pruning;
mod reader;
mod source;
mod statistics;
mod totals;

pub use changes::{ScanPart, TableChanges, plan_part_scan, table_changes};
use listing::Listing;
pub(crate) use source::SegmentSource;
pub use totals::ScanStatistics;

/// A column as a scan shows it.
///
/// ```
/// use std::sync::Arc;
/// use arrow::datatypes::{DataType, Field};
/// use icecore_exec::ScanColumn;
/// use icecore_types::ColumnId;
///
/// let field = Arc::new(Field::new("CARRIER", DataType::Utf8View, true));
/// let column = ScanColumn { id: ColumnId::new(1), field, value_before: None };
/// assert_eq!(column.field.name(), "CARRIER");
/// ```
#[derive(Clone, Debug)]
pub struct ScanColumn {
    /// Which column it is in the segments.
    pub id: ColumnId,
    /// Its name, type and metadata now.
    pub field: FieldRef,
    /// What it is in rows that were written before it was added; NULL if unset.
    pub value_before: Option<ScalarValue>,
}

/// One version of a table, as a plan reads it.
///
/// ```no_run
/// # async fn example(segments: icecore_segment::SegmentStore,
/// #     content: std::sync::Arc<icecore_snapshot::TableContent>,
/// #     columns: Vec<icecore_exec::ScanColumn>) -> icecore_types::Result<()> {
/// use std::sync::Arc;
/// use icecore_exec::{TableScan, plan_scan};
/// use icecore_types::ObjectId;
///
/// let table = ObjectId::from_bits(1);
/// let scan = TableScan { table, name: "T".into(), segments, content, columns, positions: false };
/// let plan = plan_scan(Arc::new(scan), None, &[], None, 2, 8192).await?;
/// assert_eq!(plan.name(), "DataSourceExec");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TableScan {
    /// Which table.
    pub table: ObjectId,
    /// Its name, for EXPLAIN.
    pub name: String,
    /// Where its segments are.
    pub segments: SegmentStore,
    /// Which segments, and which of their rows are gone.
    pub content: Arc<TableContent>,
    /// Its columns, in order; their names differ.
    pub columns: Vec<ScanColumn>,
    /// Whether the segment, the position and the id of each row follow the
    /// columns.
    pub positions: bool,
}

impl TableScan {
    /// The ordinal of a row's segment in its table's version: see
    /// [`TableScan::segment`]. As the other two it begins with a character
    /// that no user's text can have, so no name of a user means it.
    pub const SEGMENT: &'static str = "\0SEGMENT";
    /// The row's place in its segment, from 0.
    pub const POSITION: &'static str = "\0POSITION";
    /// The row's id for ever.
    pub const ROW_ID: &'static str = "\0ROW_ID";

    /// The columns, and the positions if they are asked for.
    pub fn schema(&self) -> SchemaRef {
        let mut fields: Vec<_> =
            self.columns.iter().map(|column| Arc::clone(&column.field)).collect();
        if self.positions {
            let position = |name, data_type| Arc::new(Field::new(name, data_type, false));
            fields.push(position(Self::SEGMENT, DataType::UInt32));
            fields.push(position(Self::POSITION, DataType::UInt32));
            fields.push(position(Self::ROW_ID, DataType::UInt64));
        }
        Arc::new(Schema::new(fields))
    }

    /// The segment with this ordinal and its deletes: the chunks' segments in
    /// order, removed ones too, then the unfolded ones. The same in every scan of the version.
    ///
    /// # Errors
    /// `Internal` if there are not so many; what reading a chunk fails with.
    pub async fn segment(&self, ordinal: u32) -> Result<(Arc<SegmentRef>, Option<Deletes>)> {
        let mut index = u64::from(ordinal);
        for chunk in self.content.chunks() {
            if index < chunk.segments {
                let chunk = self.segments.open_chunk(chunk).await?;
                let index = index as usize;
                let segment = chunk.segment(index)?;
                let deletes = match self.content.deletes(segment.id) {
                    Some(deletes) => Some(deletes.clone()),
                    None => chunk.deletes(index)?,
                };
                return Ok((segment, deletes));
            }
            index -= chunk.segments;
        }
        match self.unfolded(index as usize) {
            Some(segment) => Ok((Arc::clone(segment), self.content.deletes(segment.id).cloned())),
            None => Err(Error::internal(format_args!("no segment ordinal={ordinal}"))),
        }
    }

    /// The segment at this place among those that are in no chunk. Where none
    /// was removed it is found by counting groups.
    fn unfolded(&self, mut index: usize) -> Option<&Arc<SegmentRef>> {
        if self.content.removed_count() > 0 {
            return self.content.unfolded().nth(index);
        }
        for group in self.content.unfolded_groups() {
            match group.segments().get(index) {
                Some(segment) => return Some(segment),
                None => index -= group.segments().len(),
            }
        }
        None
    }
}

/// Rows that are worth a partition of their own: a row group's.
const ROWS_PER_PARTITION: u64 = 128 << 10;

/// Plans a scan of `projection` (indices into [`TableScan::schema`]; all if
/// none) in at most `partitions` partitions.
///
/// `filters`, over the whole schema, only prune: chunks, segments and row
/// groups that cannot have a matching row are left out, and whoever plans must
/// filter the rows. `limit` is what each partition reads at most, and is
/// ignored if there are filters. Batches have at most `batch_size` rows and
/// those of a row group come in order; between row groups there is no order.
///
/// # Errors
/// What reading the manifest fails with, by the kinds of the segment store.
pub async fn plan_scan(
    scan: Arc<TableScan>,
    projection: Option<&Vec<usize>>,
    filters: &[Arc<dyn PhysicalExpr>],
    limit: Option<usize>,
    partitions: usize,
    batch_size: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let listing = Listing::read(&scan, filters).await?;
    let partitions = listing.worthwhile_partitions(partitions);
    let source = SegmentSource::new(scan, Arc::new(listing), projection, filters)?
        .with_limit(limit)
        .with_partitions(partitions)
        .with_batch_size(batch_size);
    Ok(DataSourceExec::from_data_source(source))
}

#[cfg(test)]
mod tests;

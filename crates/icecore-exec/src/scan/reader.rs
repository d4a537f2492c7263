//! One partition's batches: the row groups that it got, cut into batches.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion_physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder,
};
use icecore_types::{ColumnId, Error, Result};

use super::TableScan;
use super::morsels::{Morsel, Morsels};

/// Where the columns of a scan's output come from.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    schema: SchemaRef,
    outputs: Vec<Output>,
    /// What is read of each row group.
    reads: Vec<ColumnId>,
}

#[derive(Clone, Copy, Debug)]
enum Output {
    /// The `read`-th array that is read, or what the `column` was before.
    Column {
        read: usize,
        column: usize,
    },
    Segment,
    Position,
    /// Stored by rewritten rows at the `read`-th array, else counted.
    RowId {
        read: usize,
    },
}

impl Layout {
    /// Of these columns of the scan's schema.
    pub(crate) fn new(scan: &TableScan, projection: &[usize], schema: SchemaRef) -> Result<Self> {
        let mut layout = Self { schema, outputs: Vec::new(), reads: Vec::new() };
        for index in projection {
            let output = match (scan.columns.get(*index), *index - scan.columns.len().min(*index)) {
                (Some(column), _) => {
                    Output::Column { read: layout.read(column.id), column: *index }
                }
                (None, 0) if scan.positions => Output::Segment,
                (None, 1) if scan.positions => Output::Position,
                (None, 2) if scan.positions => {
                    Output::RowId { read: layout.read(ColumnId::ROW_ID) }
                }
                _ => return Err(Error::internal(format_args!("no column index={index}"))),
            };
            layout.outputs.push(output);
        }
        Ok(layout)
    }

    fn read(&mut self, id: ColumnId) -> usize {
        match self.reads.iter().position(|read| *read == id) {
            Some(read) => read,
            None => {
                self.reads.push(id);
                self.reads.len() - 1
            }
        }
    }
}

/// Reads the row groups that a partition gets.
pub(crate) struct Reader {
    scan: Arc<TableScan>,
    layout: Layout,
    morsels: Arc<Morsels>,
    batch_size: usize,
    /// Rows that may still be handed out.
    remaining: usize,
    current: Option<Rows>,
    small: SmallBatches,
    metrics: ReaderMetrics,
}

/// Batches that are put together before they are handed out: those of a table
/// written row by row, or of one with most of its rows deleted.
#[derive(Default)]
struct SmallBatches {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// What comes after them.
    next: Option<RecordBatch>,
}

/// What a partition did.
pub(crate) struct ReaderMetrics {
    baseline: BaselineMetrics,
    row_groups_read: Count,
    bytes_read: Count,
}

/// A row group in memory, and how far it was handed out.
struct Rows {
    columns: Vec<ArrayRef>,
    keep: Option<BooleanArray>,
    rows: usize,
    offset: usize,
}

impl Reader {
    pub(crate) fn new(
        scan: Arc<TableScan>,
        layout: Layout,
        morsels: Arc<Morsels>,
        batch_size: usize,
        limit: Option<usize>,
        metrics: ReaderMetrics,
    ) -> Self {
        Self {
            scan,
            layout,
            morsels,
            batch_size: batch_size.max(1),
            remaining: limit.unwrap_or(usize::MAX),
            current: None,
            small: SmallBatches::default(),
            metrics,
        }
    }

    /// The next batch, never an empty one; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.gather().await?;
        match &batch {
            Some(batch) => self.metrics.baseline.record_output(batch.num_rows()),
            None => self.metrics.baseline.done(),
        }
        Ok(batch)
    }

    /// Batches as they are if they are large, else several in one.
    async fn gather(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.following().await? {
            let rows = batch.num_rows();
            let is_large = rows > self.batch_size / 2;
            if is_large && self.small.rows == 0 {
                return Ok(Some(batch));
            }
            if is_large || self.small.rows + rows > self.batch_size {
                self.small.next = Some(batch);
                break;
            }
            self.small.rows += rows;
            self.small.batches.push(batch);
        }
        self.small.take(&self.layout.schema)
    }

    async fn following(&mut self) -> Result<Option<RecordBatch>> {
        match self.small.next.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.cut().await,
        }
    }

    /// The next rows of the row group at hand, or of the next one.
    async fn cut(&mut self) -> Result<Option<RecordBatch>> {
        while self.remaining > 0 {
            let Some(rows) = &mut self.current else {
                let Some(morsel) = self.morsels.next().await? else { return Ok(None) };
                self.current = self.load(&morsel).await?;
                continue;
            };
            match rows.next(&self.layout.schema, self.batch_size)? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    let length = batch.num_rows().min(self.remaining);
                    self.remaining -= length;
                    return Ok(Some(batch.slice(0, length)));
                }
                None => self.current = None,
            }
        }
        Ok(None)
    }

    /// The row group's columns; none if all its rows are deleted.
    async fn load(&self, morsel: &Morsel) -> Result<Option<Rows>> {
        let rows = morsel.row_group.rows;
        let keep = morsel
            .open
            .deletes
            .as_ref()
            .and_then(|deletes| deletes.keep_mask(morsel.row_group.first_row, rows));
        if keep.as_ref().is_some_and(|keep| keep.true_count() == 0) {
            return Ok(None);
        }
        let store = &self.scan.segments;
        let read = store.read(&morsel.open.segment, morsel.index, &self.layout.reads).await?;
        self.metrics.row_groups_read.add(1);
        let bytes = read.iter().flatten().map(|array| array.get_buffer_memory_size()).sum();
        self.metrics.bytes_read.add(bytes);
        let columns = self
            .layout
            .outputs
            .iter()
            .map(|output| self.column(*output, &read, morsel))
            .collect::<Result<_>>()?;
        Ok(Some(Rows { columns, keep, rows, offset: 0 }))
    }

    fn column(
        &self,
        output: Output,
        read: &[Option<ArrayRef>],
        morsel: &Morsel,
    ) -> Result<ArrayRef> {
        let rows = morsel.row_group.rows;
        let stored = |index: usize| read.get(index).and_then(Option::as_ref);
        let array = match output {
            Output::Column { read, column } => match stored(read) {
                Some(array) => Arc::clone(array),
                None => self.value_before(column, rows)?,
            },
            Output::Segment => {
                Arc::new(UInt32Array::from_value(morsel.open.ordinal, rows)) as ArrayRef
            }
            Output::Position => {
                let positions = counted(morsel.row_group.first_row, rows)?;
                cast(&positions, &DataType::UInt32).map_err(|source| {
                    Error::corrupted("a segment of too many rows").with_source(source)
                })?
            }
            Output::RowId { read } => match stored(read) {
                Some(array) => row_ids(array)?,
                None => {
                    let first = morsel.open.reference.first_row_id.get();
                    counted(first.saturating_add(morsel.row_group.first_row), rows)?
                }
            },
        };
        self.checked(array, output, morsel)
    }

    fn value_before(&self, column: usize, rows: usize) -> Result<ArrayRef> {
        let Some(column) = self.scan.columns.get(column) else {
            return Err(Error::internal(format_args!("no column index={column}")));
        };
        match &column.value_before {
            Some(value) => value.to_array_of_size(rows).map_err(crate::from_datafusion),
            None => Ok(new_null_array(column.field.data_type(), rows)),
        }
    }

    /// What was stored is not trusted to be what the catalog says of it.
    fn checked(&self, array: ArrayRef, output: Output, morsel: &Morsel) -> Result<ArrayRef> {
        let expected = match output {
            Output::Column { column, .. } => {
                self.scan.columns.get(column).map(|column| column.field.data_type())
            }
            _ => None,
        };
        let right_type = expected.is_none_or(|expected| expected == array.data_type());
        if right_type && array.len() == morsel.row_group.rows {
            return Ok(array);
        }
        Err(Error::corrupted(format_args!(
            "a column of table={} segment={} has type={} rows={}, not rows={}{}",
            self.scan.name,
            morsel.open.reference.id,
            array.data_type(),
            array.len(),
            morsel.row_group.rows,
            expected.map(|expected| format!(" type={expected}")).unwrap_or_default(),
        )))
    }
}

/// The numbers from `first` on.
fn counted(first: u64, rows: usize) -> Result<ArrayRef> {
    match first.checked_add(rows as u64) {
        Some(end) => Ok(Arc::new(UInt64Array::from_iter_values(first..end))),
        None => Err(Error::corrupted("rows are counted beyond 64 bits")),
    }
}

fn row_ids(array: &ArrayRef) -> Result<ArrayRef> {
    let signed = array.as_any().downcast_ref::<Int64Array>();
    if signed.is_some_and(|ids| ids.values().iter().any(|id| *id < 0)) || array.null_count() > 0 {
        return Err(Error::corrupted("a row id is negative or missing"));
    }
    cast(array, &DataType::UInt64)
        .map_err(|source| Error::corrupted("a column of row ids").with_source(source))
}

impl Rows {
    /// The next batch, without its deleted rows; none at the end. Nothing is
    /// copied where nothing is deleted.
    fn next(&mut self, schema: &SchemaRef, batch_size: usize) -> Result<Option<RecordBatch>> {
        let (offset, length) = (self.offset, batch_size.min(self.rows - self.offset));
        if length == 0 {
            return Ok(None);
        }
        self.offset += length;
        let columns = self.columns.iter().map(|column| column.slice(offset, length)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(length));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
            .map_err(|source| Error::corrupted("rows of a segment").with_source(source))?;
        let Some(keep) = &self.keep else { return Ok(Some(batch)) };
        let keep = keep.slice(offset, length);
        if keep.true_count() == length {
            return Ok(Some(batch));
        }
        filter_record_batch(&batch, &keep).map(Some).map_err(|source| {
            Error::internal("deleted rows cannot be left out").with_source(source)
        })
    }
}

impl SmallBatches {
    /// All of them in one; one alone as it is.
    fn take(&mut self, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        self.rows = 0;
        let batches = std::mem::take(&mut self.batches);
        match batches.as_slice() {
            [] => Ok(None),
            [batch] => Ok(Some(batch.clone())),
            several => concat_batches(schema, several).map(Some).map_err(|source| {
                Error::internal("small batches cannot be put together").with_source(source)
            }),
        }
    }
}

impl ReaderMetrics {
    pub(crate) fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name: &'static str| MetricBuilder::new(metrics).counter(name, partition);
        Self {
            baseline: BaselineMetrics::new(metrics, partition),
            row_groups_read: counter("row_groups_read"),
            bytes_read: counter("bytes_read"),
        }
    }
}

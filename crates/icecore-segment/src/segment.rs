//! A segment whose footer was read.

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use icecore_types::{ColumnId, Error, ObjectRef, Result, SegmentId, SegmentRef};

use crate::object::Footer;
use crate::statistics::Collector;
use crate::{Statistics, inline};

/// Rows of a segment that are stored, read and cached together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowGroup {
    /// How many.
    pub rows: usize,
    /// The position of the first in the segment.
    pub first_row: u64,
}

/// An open segment: what it has and where, not its rows, which
/// [`SegmentStore::read`](crate::SegmentStore::read) gives.
#[derive(Debug)]
pub struct Segment {
    id: SegmentId,
    rows: u64,
    row_groups: Vec<RowGroup>,
    columns: Vec<ColumnId>,
    statistics: Statistics,
    row_group_statistics: Vec<Statistics>,
    pub(crate) source: Source,
}

/// Where an open segment's rows come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A Parquet object.
    Object { object: ObjectRef, footer: Footer },
    /// The record: all rows are here already.
    Inline(RecordBatch),
}

impl Segment {
    /// Opens a segment that is an object, by the bytes of its footer.
    pub(crate) fn of_object(
        segment: &SegmentRef,
        object: &ObjectRef,
        footer: Footer,
    ) -> Result<Self> {
        let mut row_groups = Vec::new();
        let mut row_group_statistics = Vec::new();
        let mut merged = Statistics::default();
        for (rows, known) in footer.row_groups() {
            let known = known.ok_or_else(|| Error::corrupted("a row group without statistics"))?;
            if known.rows != rows as u64 {
                return Err(Error::corrupted("statistics of another row group"));
            }
            row_groups.push(RowGroup { rows, first_row: merged.rows });
            row_group_statistics.push(known.clone());
            merged.merge(known);
        }
        Self {
            id: segment.id,
            rows: merged.rows,
            row_groups,
            columns: column_ids(footer.schema())?,
            statistics: merged,
            row_group_statistics,
            source: Source::Object { object: object.clone(), footer },
        }
        .checked(segment)
    }

    /// Opens a segment whose rows stand in the record.
    pub(crate) fn of_inline(segment: &SegmentRef, bytes: &Bytes) -> Result<Self> {
        let batch = inline::decode(bytes)?;
        let columns = column_ids(&batch.schema())?;
        let rows = batch.num_rows() as u64;
        let mut statistics = Statistics { rows, ..Statistics::default() };
        for (id, array) in columns.iter().zip(batch.columns()) {
            let mut collector = Collector::default();
            collector.add(array).map_err(|source| {
                Error::corrupted("a column of a type that segments do not hold").with_source(source)
            })?;
            statistics.columns.insert(*id, collector.finish().0);
        }
        Self {
            id: segment.id,
            rows,
            row_groups: vec![RowGroup { rows: batch.num_rows(), first_row: 0 }],
            columns,
            row_group_statistics: vec![statistics.clone()],
            statistics,
            source: Source::Inline(batch),
        }
        .checked(segment)
    }

    /// Takes the reference's statistics, which count different values over all
    /// row groups, and compares what both know.
    fn checked(mut self, segment: &SegmentRef) -> Result<Self> {
        let known = Statistics::decode(&segment.statistics)?;
        if self.rows != segment.rows || known.rows != segment.rows {
            return Err(Error::corrupted(format_args!(
                "another number of rows than its reference says segment={} rows={} expected={}",
                self.id, self.rows, segment.rows
            )));
        }
        if !known.columns.is_empty() {
            self.statistics = known;
        }
        Ok(self)
    }

    /// Its id.
    pub fn id(&self) -> SegmentId {
        self.id
    }

    /// Rows in it, deleted ones included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// In order; their rows follow each other without gaps.
    pub fn row_groups(&self) -> &[RowGroup] {
        &self.row_groups
    }

    /// The columns that it has, [`ColumnId::ROW_ID`] among them if its rows
    /// were rewritten.
    pub fn columns(&self) -> &[ColumnId] {
        &self.columns
    }

    /// Bounds and counts of all its rows.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Bounds and counts of one row group.
    pub fn row_group_statistics(&self, row_group: usize) -> Option<&Statistics> {
        self.row_group_statistics.get(row_group)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let statistics = (self.row_groups.len() + 1) * self.columns.len() * 200;
        let source = match &self.source {
            Source::Object { footer, .. } => footer.memory_bytes(),
            Source::Inline(batch) => batch.get_array_memory_size(),
        };
        size_of::<Self>() + statistics + source
    }
}

/// The columns that the fields of a stored schema are named by.
pub(crate) fn column_ids(schema: &Schema) -> Result<Vec<ColumnId>> {
    schema
        .fields()
        .iter()
        .map(|field| {
            let id = field.name().parse().ok().map(ColumnId::new);
            id.filter(|id| id.stored_name() == *field.name()).ok_or_else(|| {
                Error::corrupted(format_args!("a segment with a column named '{}'", field.name()))
            })
        })
        .collect()
}

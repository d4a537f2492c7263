//! Rows that go, by their place.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::UInt32Type;
use arrow::record_batch::RecordBatch;
use icecore_segment::DeletionVector;
use icecore_snapshot::RemovedSegment;
use icecore_types::{Deletes, Error, Result, SegmentId};

use crate::TableScan;

/// Rows of a version of a table that go, named one after the other: those of a
/// Delete or an Update so far.
///
/// ```
/// assert_eq!(icecore_exec::Positions::default().multi_joined_rows(), 0);
/// ```
#[derive(Debug, Default)]
pub struct Positions {
    named: BTreeMap<u32, DeletionVector>,
    again: BTreeMap<u32, DeletionVector>,
}

impl Positions {
    /// Takes the first two columns of `batch`, the segment and the position, as
    /// places; the rows of it that name a row for the first time are left.
    ///
    /// # Errors
    /// `Internal` if they are no places.
    pub fn take(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let place = |index: usize| {
            let column = batch.columns().get(index);
            let column = column.and_then(|column| column.as_primitive_opt::<UInt32Type>());
            match column {
                Some(column) if column.null_count() == 0 => Ok(column.values().clone()),
                _ => Err(Error::internal("a row to be changed has no place")),
            }
        };
        let (segments, positions) = (place(0)?, place(1)?);
        let mut first = Vec::with_capacity(batch.num_rows());
        for (segment, position) in segments.iter().zip(positions.iter()) {
            let is_first = self.named.entry(*segment).or_default().insert(*position);
            if !is_first {
                self.again.entry(*segment).or_default().insert(*position);
            }
            first.push(is_first);
        }
        if first.iter().all(|first| *first) {
            return Ok(batch.clone());
        }
        filter_record_batch(batch, &BooleanArray::from(first)).map_err(|source| {
            Error::internal("repeated rows cannot be left out").with_source(source)
        })
    }

    /// Rows that were named more than once.
    pub fn multi_joined_rows(&self) -> u64 {
        self.again.values().map(DeletionVector::len).sum()
    }

    /// Stores the deletion vectors of the scan that the places are of; segments
    /// without a row left are removed.
    ///
    /// # Errors
    /// What reading and writing deletion vectors fails with.
    pub async fn finish(
        self,
        scan: &TableScan,
    ) -> Result<(Vec<(SegmentId, Deletes)>, Vec<RemovedSegment>)> {
        let (mut deletes, mut removed) = (Vec::new(), Vec::new());
        for (ordinal, mut vector) in self.named {
            let (segment, before) = scan.segment(ordinal).await?;
            if let Some(before) = before {
                vector = vector.union(scan.segments.read_deletes(&before).await?.as_ref());
            }
            if vector.len() >= segment.rows {
                removed.push(RemovedSegment::from(segment.as_ref()));
            } else {
                deletes.push((segment.id, scan.segments.write_deletes(&vector).await?));
            }
        }
        Ok((deletes, removed))
    }
}

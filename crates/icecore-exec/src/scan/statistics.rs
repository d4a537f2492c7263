//! What a scan tells the planner about its rows.
//!
//! A number is exact only if every row that it counts is handed out: never
//! under a filter, which may leave out row groups, nor under a deletion vector
//! or a limit.

use arrow::datatypes::{DataType, Schema};
use datafusion_common::stats::Precision;
use datafusion_common::{ColumnStatistics, ScalarValue, Statistics};
use icecore_segment::{ColumnStatistics as StoredStatistics, Scalar};

use super::TableScan;
use super::listing::Listing;

/// Of all columns of the scan's schema, as if nothing could be left out.
pub(crate) fn of_table(scan: &TableScan, listing: &Listing) -> Statistics {
    let schema = scan.schema();
    let rows = usize::try_from(listing.live_rows()).map_or(Precision::Absent, Precision::Exact);
    let columns = scan
        .columns
        .iter()
        .map(|column| match listing.statistics.columns.get(&column.id) {
            Some(stored) => of_column(stored, column.field.data_type()),
            None => ColumnStatistics::new_unknown(),
        })
        .chain((scan.columns.len()..schema.fields().len()).map(|_| ColumnStatistics::new_unknown()))
        .collect();
    let statistics = Statistics {
        num_rows: rows,
        total_byte_size: Precision::Absent,
        column_statistics: columns,
    };
    if listing.has_deletes { statistics.to_inexact() } else { statistics }
}

fn of_column(stored: &StoredStatistics, data_type: &DataType) -> ColumnStatistics {
    let bound = |bound: &Option<Scalar>, exact: bool| match bound {
        Some(value) => match scalar(value, data_type) {
            Some(value) if exact => Precision::Exact(value),
            Some(value) => Precision::Inexact(value),
            None => Precision::Absent,
        },
        None => Precision::Absent,
    };
    ColumnStatistics::new_unknown()
        .with_null_count(count(stored.null_count, Precision::Exact))
        .with_min_value(bound(&stored.min, stored.min_exact))
        .with_max_value(bound(&stored.max, stored.max_exact))
        .with_distinct_count(match stored.distinct {
            Some(distinct) => count(distinct, Precision::Inexact),
            None => Precision::Absent,
        })
        .with_byte_size(count(stored.total_bytes, Precision::Inexact))
}

fn count(count: u64, precision: fn(usize) -> Precision<usize>) -> Precision<usize> {
    usize::try_from(count).map_or(Precision::Absent, precision)
}

fn scalar(value: &Scalar, data_type: &DataType) -> Option<ScalarValue> {
    let array = value.to_array(data_type);
    ScalarValue::try_from_array(&array, 0).ok().filter(|value| !value.is_null())
}

/// What a scan leaves out, or may leave out, of its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reduction {
    pub(crate) has_filters: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) partitions: usize,
}

impl Reduction {
    /// The statistics of all partitions together.
    pub(crate) fn of_all(self, statistics: Statistics, schema: &Schema) -> Statistics {
        let mut reduced = if self.has_filters { statistics.to_inexact() } else { statistics };
        if let (Some(limit), Some(rows)) = (self.limit, reduced.num_rows.get_value().copied())
            && rows > limit
        {
            let limited = rows.min(limit.saturating_mul(self.partitions));
            let is_exact = self.partitions == 1 && reduced.num_rows.is_exact() == Some(true);
            reduced = reduced.to_inexact();
            reduced.num_rows =
                if is_exact { Precision::Exact(limited) } else { Precision::Inexact(limited) };
        }
        reduced.calculate_total_byte_size(schema);
        reduced
    }

    /// The statistics of one partition: an even share, if nothing goes wrong.
    pub(crate) fn of_one(self, statistics: Statistics, schema: &Schema) -> Statistics {
        let all = self.of_all(statistics, schema);
        if self.partitions == 1 {
            return all;
        }
        let share = |count: Precision<usize>| count.map(|n| n.div_ceil(self.partitions));
        let mut one = all.to_inexact();
        one.num_rows = share(one.num_rows);
        one.total_byte_size = share(one.total_byte_size);
        for column in &mut one.column_statistics {
            column.null_count = share(column.null_count);
            column.byte_size = share(column.byte_size);
        }
        one
    }
}

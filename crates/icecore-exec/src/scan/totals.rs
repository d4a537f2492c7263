//! What the scans of a plan have read.

use std::ops::AddAssign;
use std::sync::Arc;

use datafusion_physical_plan::ExecutionPlan;

/// What the scans of a plan have read so far, over all its executions.
///
/// ```
/// use icecore_exec::ScanStatistics;
/// let mut sum = ScanStatistics { bytes: 10, segments: 1, segments_total: 4 };
/// sum += ScanStatistics { bytes: 5, segments: 2, segments_total: 2 };
/// assert_eq!(sum, ScanStatistics { bytes: 15, segments: 3, segments_total: 6 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanStatistics {
    /// Bytes of Arrow columns that were looked at, from the cache or not.
    pub bytes: u64,
    /// Segments that were not pruned.
    pub segments: u64,
    /// Segments of the tables, once for each scan of one.
    pub segments_total: u64,
}

impl ScanStatistics {
    /// Of every scan at or below `plan`.
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let mut sum = Self::default();
        if let Some(metrics) = plan.metrics() {
            let counted = |name| metrics.sum_by_name(name).map_or(0, |value| value.as_usize());
            let total = counted("segments_total");
            sum = Self {
                bytes: counted("bytes_read") as u64,
                segments: total.saturating_sub(counted("segments_pruned")) as u64,
                segments_total: total as u64,
            };
        }
        for child in plan.children() {
            sum += Self::of(child);
        }
        sum
    }
}

impl AddAssign for ScanStatistics {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.segments += other.segments;
        self.segments_total += other.segments_total;
    }
}

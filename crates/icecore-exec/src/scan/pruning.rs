//! Which segments and row groups cannot have a matching row.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion_common::pruning::PruningStatistics;
use datafusion_common::{Column, ScalarValue};
use datafusion_physical_expr::utils::{collect_columns, conjunction};
use datafusion_physical_expr::{DynamicFilterTracking, PhysicalExpr};
use datafusion_pruning::{PruningPredicate, PruningPredicateBuilder};
use icecore_segment::{Chunk, ColumnBounds, Statistics, bounds};
use icecore_types::Result;
use parking_lot::Mutex;

use super::{ScanColumn, TableScan};

/// The filters of a scan as bounds can decide them. Those of joins and of TopK
/// change while the plan runs; what was decided by an earlier one stays right.
pub(crate) struct Pruning {
    scan: Arc<TableScan>,
    filter: Arc<dyn PhysicalExpr>,
    /// The columns of the filter: the only ones whose bounds are looked at.
    columns: Vec<usize>,
    current: Mutex<Current>,
}

struct Current {
    tracking: DynamicFilterTracking,
    predicate: Option<Arc<PruningPredicate>>,
    generation: u64,
}

/// How often the filters had changed when something was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Generation {
    /// Before anything could be decided.
    pub(crate) const NONE: Generation = Generation(0);
}

impl Pruning {
    /// None if there is nothing to decide by.
    pub(crate) fn new(scan: &Arc<TableScan>, filters: &[Arc<dyn PhysicalExpr>]) -> Option<Self> {
        if filters.is_empty() {
            return None;
        }
        let filter = conjunction(filters.iter().cloned());
        let mut columns: Vec<_> = collect_columns(&filter)
            .into_iter()
            .map(|column| column.index())
            .filter(|index| *index < scan.columns.len())
            .collect();
        columns.sort_unstable();
        // Subscribed before the first look, so that no change is missed.
        let tracking = DynamicFilterTracking::classify(&filter);
        let predicate = build(scan, &filter);
        let current = Mutex::new(Current { tracking, predicate, generation: 1 });
        Some(Self { scan: Arc::clone(scan), filter, columns, current })
    }

    fn predicate(&self) -> (Generation, Option<Arc<PruningPredicate>>) {
        let mut current = self.current.lock();
        if current.tracking.watcher().is_some_and(|watcher| watcher.changed()) {
            current.predicate = build(&self.scan, &self.filter);
            current.generation += 1;
        }
        (Generation(current.generation), current.predicate.clone())
    }

    /// Whether a look may tell more than it did at `generation`.
    pub(crate) fn has_changed(&self, generation: Generation) -> bool {
        self.predicate().0 != generation
    }

    /// Whether the filters may still change.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.current.lock().tracking.contains_dynamic_filter()
    }

    /// For each of these, whether a row of it may match.
    pub(crate) fn may_match(&self, statistics: &[&Statistics]) -> (Generation, Vec<bool>) {
        let (generation, predicate) = self.predicate();
        let Some(predicate) = predicate else {
            return (generation, vec![true; statistics.len()]);
        };
        let bounds = self
            .filter_columns()
            .map(|column| {
                let found = bounds(statistics, column.id, column.field.data_type());
                (column.field.name().clone(), found)
            })
            .collect();
        (generation, prune(&predicate, Containers { bounds, count: statistics.len() }))
    }

    /// For each segment of the chunk, whether a row of it may match. Reads the
    /// statistics of the filter's columns alone.
    pub(crate) async fn may_match_in(&self, chunk: &Chunk) -> Result<Vec<bool>> {
        let (_, Some(predicate)) = self.predicate() else {
            return Ok(vec![true; chunk.len()]);
        };
        let mut found = HashMap::new();
        for column in self.filter_columns() {
            let bounds = chunk.bounds(column.id, column.field.data_type()).await?;
            found.insert(column.field.name().clone(), bounds);
        }
        Ok(prune(&predicate, Containers { bounds: found, count: chunk.len() }))
    }

    fn filter_columns(&self) -> impl Iterator<Item = &ScanColumn> {
        self.columns.iter().filter_map(|index| self.scan.columns.get(*index))
    }
}

impl fmt::Debug for Pruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pruning").field("filter", &self.filter).finish_non_exhaustive()
    }
}

fn build(scan: &TableScan, filter: &Arc<dyn PhysicalExpr>) -> Option<Arc<PruningPredicate>> {
    PruningPredicateBuilder::new().with_file_schema(scan.schema()).build(Arc::clone(filter))
}

/// What bounds cannot decide is kept: pruning never fails a statement.
fn prune(predicate: &PruningPredicate, containers: Containers) -> Vec<bool> {
    let count = containers.count;
    match predicate.prune(&containers) {
        Ok(kept) if kept.len() == count => kept,
        _ => vec![true; count],
    }
}

/// Bounds by the column's name.
struct Containers {
    bounds: HashMap<String, ColumnBounds>,
    count: usize,
}

impl PruningStatistics for Containers {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds.get(&column.name).map(|bounds| Arc::clone(&bounds.mins))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds.get(&column.name).map(|bounds| Arc::clone(&bounds.maxes))
    }

    fn num_containers(&self) -> usize {
        self.count
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds.get(&column.name).map(|bounds| shared(&bounds.null_counts))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        self.bounds.values().next().map(|bounds| shared(&bounds.rows))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

fn shared(array: &UInt64Array) -> ArrayRef {
    Arc::new(array.clone())
}

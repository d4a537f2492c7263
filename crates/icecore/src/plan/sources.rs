//! What a statement asks of semantic views, remembered for EXPLAIN.

use icecore_sql::ast::Query;
use icecore_types::ObjectId;
use parking_lot::Mutex;

/// A query of a semantic view.
#[derive(Clone, Debug)]
pub(crate) struct AskedOf {
    pub(crate) view: ObjectId,
    /// What it became.
    pub(crate) sql: String,
    /// The roll-ups of the view, the smallest first.
    pub(crate) roll_ups: Vec<Considered>,
}

/// A roll-up that might have answered a query.
#[derive(Clone, Debug)]
pub(crate) struct Considered {
    pub(crate) table: ObjectId,
    pub(crate) rows: u64,
    /// Why it does not; nothing of the one that does.
    pub(crate) passed: Option<String>,
}

/// The metric queries of a statement, in the order in which they were planned.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    queries: Mutex<Vec<AskedOf>>,
}

impl Sources {
    /// A query of a semantic view became this one.
    pub(super) fn asked(&self, view: ObjectId, query: &Query, roll_ups: Vec<Considered>) {
        self.queries.lock().push(AskedOf { view, sql: query.to_string(), roll_ups });
    }

    /// How many queries there are so far.
    pub(super) fn count(&self) -> usize {
        self.queries.lock().len()
    }

    /// Queries that were planned after so many, and are not run.
    pub(super) fn forget_after(&self, count: usize) {
        self.queries.lock().truncate(count);
    }

    pub(crate) fn queries(&self) -> Vec<AskedOf> {
        self.queries.lock().clone()
    }
}

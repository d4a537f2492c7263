//! What a statement reads, remembered for EXPLAIN METRIC.

use icecore_sql::ast::Query;
use icecore_types::{ObjectId, Version};
use parking_lot::Mutex;

/// The metric queries of a statement and the tables that it reads, in the
/// order in which they were planned.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    queries: Mutex<Vec<(ObjectId, String)>>,
    tables: Mutex<Vec<(ObjectId, Option<Version>)>>,
}

impl Sources {
    /// A query of a semantic view became this one.
    pub(super) fn asked(&self, view: ObjectId, query: &Query) {
        self.queries.lock().push((view, query.to_string()));
    }

    /// A table is read, as of a version if it is not the newest.
    pub(super) fn reads(&self, table: ObjectId, version: Option<Version>) {
        let mut tables = self.tables.lock();
        if !tables.contains(&(table, version)) {
            tables.push((table, version));
        }
    }

    pub(crate) fn queries(&self) -> Vec<(ObjectId, String)> {
        self.queries.lock().clone()
    }

    pub(crate) fn tables(&self) -> Vec<(ObjectId, Option<Version>)> {
        self.tables.lock().clone()
    }
}

//! The tables and views that a statement names.

use icecore_types::{QualifiedName, Result};
use sqlparser::ast::{ObjectName, Query, TableFactor};

use crate::{Statement, TravelPoint};

/// A table or view that a statement names, and as of when.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// As it was written: not yet completed with the session's schema.
    pub name: QualifiedName,
    /// AT or BEFORE.
    pub travel: Option<TravelPoint>,
}

/// Every table or view that the statement reads or writes...
pub fn relations(_statement: &Statement) -> Result<Vec<Relation>> {
    todo!()
}

/// relations of a query
pub fn relations_of_query(_query: &Query) -> Result<Vec<Relation>> {
    todo!()
}

/// AT or BEFORE of a table in FROM.
pub fn travel_of(_factor: &TableFactor) -> Result<Option<TravelPoint>> {
    todo!()
}

/// The name that a tree holds.
pub fn name_of(_name: &ObjectName) -> Result<QualifiedName> {
    todo!()
}

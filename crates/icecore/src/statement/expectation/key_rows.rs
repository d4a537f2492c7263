//! The keys that are there already, as they are read.

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::logical_expr::LogicalPlan;
use icecore_types::{ColumnId, Error, Result, SqlType, TableDefinition};

/// The query for the keys that are there already.
pub(super) struct KeyRows {
    pub(super) expectation: usize,
    pub(super) rows: LogicalPlan,
    /// Types of the columns that they are compared with.
    pub(super) types: Vec<SqlType>,
    pub(super) source: KeySource,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum KeySource {
    /// The table itself.
    Own,
    /// The rows of the table that do not change, by their positions: known
    /// when all that change are.
    Others,
    /// Another table.
    Parent,
}

/// The types of the columns of a key.
pub(super) fn key_types(
    definition: &TableDefinition,
    columns: &[ColumnId],
) -> Result<Vec<SqlType>> {
    let find = |id: &ColumnId| definition.columns.iter().find(|column| column.id == *id);
    columns
        .iter()
        .map(|id| find(id).map(|column| column.sql_type))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::corrupted("an expectation of a column that is gone"))
}

impl KeyRows {
    /// The key columns of a batch, behind `leading` others; a value that the
    /// compared column cannot have is NULL, which is no key.
    pub(super) fn columns(&self, batch: &RecordBatch, leading: usize) -> Result<Vec<ArrayRef>> {
        let schema = batch.schema();
        self.types
            .iter()
            .enumerate()
            .map(|(at, to)| {
                let from = icecore_values::sql_type(schema.field(leading + at))?;
                let on_error = icecore_values::OnCastError::Null;
                icecore_values::cast_array(batch.column(leading + at), &from, to, on_error)
            })
            .collect()
    }
}

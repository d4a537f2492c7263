//! What INFER_SCHEMA returns.

use arrow::array::RecordBatch;
use icecore_raw::InferredColumn;
use icecore_types::{Result, SqlType};

use crate::cells::{Cell, Columns, batch};

const COLUMNS: Columns = &[
    ("COLUMN_NAME", SqlType::TEXT),
    ("TYPE", SqlType::TEXT),
    ("NULLABLE", SqlType::Boolean),
    ("EXPRESSION", SqlType::TEXT),
    ("FILENAMES", SqlType::TEXT),
    ("ORDER_ID", SqlType::Integer),
];

/// A row for each column, in the order in which the files have them.
pub(crate) fn inferred(columns: &[InferredColumn]) -> Result<RecordBatch> {
    let row = |(order, column): (usize, &InferredColumn)| {
        vec![
            Cell::text(&column.name),
            Cell::text(&column.sql_type),
            Cell::Flag(column.nullable),
            Cell::text(&column.expression),
            Cell::text(column.files.join(", ")),
            Cell::count(order as u64),
        ]
    };
    batch(COLUMNS, columns.iter().enumerate().map(row).collect())
}

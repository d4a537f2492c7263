//! What a CSV file is read into, and what could not be read.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use icecore_types::{Code, SqlType};
use icecore_values::arrow_type;

/// A column that a field of a file is read into.
///
/// ```
/// use icecore_raw::CsvColumn;
/// use icecore_types::{ColumnId, SqlType};
/// let column = CsvColumn {
///     name: "CARRIER".to_owned(),
///     ordinal: 10,
///     sql_type: SqlType::parse("VARCHAR(2)")?,
///     not_null: true,
///     output: ColumnId::new(10).stored_name(),
/// };
/// assert_eq!(column.output, "10");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsvColumn {
    /// Its name, as errors show it.
    pub name: String,
    /// Its position in the table, from 1, as errors show it.
    pub ordinal: usize,
    /// Its declared type.
    pub sql_type: SqlType,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// The name of the field in the batches.
    pub output: String,
}

/// The columns that the fields of a record are read into, in order.
///
/// ```
/// use icecore_raw::{CsvColumn, CsvTarget};
/// use icecore_types::SqlType;
/// let target = CsvTarget::new("T", vec![CsvColumn {
///     name: "C".to_owned(),
///     ordinal: 2,
///     sql_type: SqlType::Integer,
///     not_null: false,
///     output: "7".to_owned(),
/// }]);
/// assert_eq!(target.column_text(0), r#""T"["C":2]"#);
/// assert_eq!(target.schema().field(0).name(), "7");
/// ```
#[derive(Clone, Debug)]
pub struct CsvTarget {
    table: String,
    columns: Vec<CsvColumn>,
    schema: SchemaRef,
}

impl CsvTarget {
    /// The columns of `table`, which is how errors call it.
    pub fn new(table: impl Into<String>, columns: Vec<CsvColumn>) -> Self {
        let field =
            |column: &CsvColumn| Field::new(&column.output, arrow_type(&column.sql_type), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self { table: table.into(), columns, schema }
    }

    /// The columns, in the order of a record's fields.
    pub fn columns(&self) -> &[CsvColumn] {
        &self.columns
    }

    /// The schema of the batches: one nullable field per column, in order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How an error names the column of the field at `index`, from 0; a field
    /// without a column by its number.
    pub fn column_text(&self, index: usize) -> String {
        match self.columns.get(index) {
            Some(column) => {
                format!("\"{}\"[\"{}\":{}]", self.table, column.name, column.ordinal)
            }
            None => format!("\"{}\"[{}]", self.table, index + 1),
        }
    }
}

/// At which step a record was refused.
///
/// ```
/// assert_eq!(icecore_raw::ErrorCategory::Parsing.as_str(), "parsing");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCategory {
    /// It is not a record of so many fields.
    Parsing,
    /// A field is not a value of its column.
    Conversion,
}

impl ErrorCategory {
    /// `parsing` or `conversion`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parsing => "parsing",
            Self::Conversion => "conversion",
        }
    }
}

/// Why a record was refused, and where exactly. All counts are of the file
/// after decompression. [`read_csv`](crate::read_csv) shows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Which record of the file, from 1; skipped header lines are none.
    pub row: u64,
    /// The line of the offending character, from 1.
    pub line: u64,
    /// The line in which the record starts, from 1.
    pub start_line: u64,
    /// The offending character's position in its line, from 1.
    pub character: u64,
    /// The offending character's position in the file, from 0.
    pub byte_offset: u64,
    /// The column, as `"T"["COL":n]`, or `"T"[n]` if there is none.
    pub column: Option<String>,
    /// At which step.
    pub category: ErrorCategory,
    /// The dialect's code.
    pub code: Code,
    /// What is wrong; it may quote the value.
    pub message: String,
    /// The record as it stands in the file, cut after 1 KiB.
    pub record: String,
}

/// Some records of a file, in order, as [`read_csv`](crate::read_csv) gives them.
#[derive(Clone, Debug)]
pub struct CsvBlock {
    /// The good rows, in the schema of the target.
    pub batch: RecordBatch,
    /// Records, good and bad.
    pub rows_parsed: u64,
    /// Bad records, at most one error each: its first. Only the first 1,000 of
    /// a block are kept; `rows_parsed` less the rows of `batch` counts all.
    pub errors: Vec<RowError>,
}

impl CsvBlock {
    /// How many records were refused.
    pub fn rows_refused(&self) -> u64 {
        self.rows_parsed - self.batch.num_rows() as u64
    }
}

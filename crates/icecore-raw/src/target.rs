//! What a file is read into, and what could not be read.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use icecore_types::{Code, SqlType};
use icecore_values::arrow_type;

use crate::lines::Spot;

/// A column that a field of a file is read into.
///
/// ```
/// use icecore_raw::TargetColumn;
/// use icecore_types::{ColumnId, SqlType};
/// let column = TargetColumn {
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
pub struct TargetColumn {
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

/// How the fields of a record find their columns.
///
/// ```
/// use icecore_raw::FieldMatch;
/// assert_eq!(FieldMatch::default(), FieldMatch::Position);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldMatch {
    /// The first field goes to the first column, and so on; how many there
    /// must be is for the format to say. Only CSV has such fields.
    #[default]
    Position,
    /// By position, however many fields a record has: columns without a field
    /// are NULL, fields without a column are dropped. Only CSV.
    Ragged,
    /// By name, exactly: `MATCH_BY_COLUMN_NAME = CASE_SENSITIVE`. Fields
    /// without a column are dropped, columns without a field are NULL.
    CaseSensitive,
    /// By name, exactly, as the path `$1:name` does: a document that is no
    /// object has no fields, and is a row of NULLs.
    Member,
    /// By name, upper or lower case: `MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE`.
    CaseInsensitive,
}

impl FieldMatch {
    /// Whether names decide.
    pub const fn is_by_name(self) -> bool {
        matches!(self, Self::CaseSensitive | Self::Member | Self::CaseInsensitive)
    }

    /// Whether a field of this name belongs to a column of that one.
    pub(crate) fn names_match(self, field: &str, column: &str) -> bool {
        match self {
            Self::CaseInsensitive => {
                field.eq_ignore_ascii_case(column)
                    || (!field.is_ascii() && field.to_lowercase() == column.to_lowercase())
            }
            _ => field == column,
        }
    }
}

/// The columns that the fields of a record are read into, and how fields find
/// them: in order, unless [`Self::matching`] says otherwise.
///
/// ```
/// use icecore_raw::{TargetColumn, FileTarget};
/// use icecore_types::SqlType;
/// let target = FileTarget::new("T", vec![TargetColumn {
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
pub struct FileTarget {
    table: String,
    columns: Vec<TargetColumn>,
    matching: FieldMatch,
    schema: SchemaRef,
}

impl FileTarget {
    /// The columns of `table`, which is how errors call it.
    pub fn new(table: impl Into<String>, columns: Vec<TargetColumn>) -> Self {
        let field =
            |column: &TargetColumn| Field::new(&column.output, arrow_type(&column.sql_type), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self { table: table.into(), columns, matching: FieldMatch::Position, schema }
    }

    /// Lets fields find their columns like this.
    #[must_use]
    pub fn matching(mut self, matching: FieldMatch) -> Self {
        self.matching = matching;
        self
    }

    /// How fields find their columns.
    pub fn field_match(&self) -> FieldMatch {
        self.matching
    }

    /// The columns, in the order of the batches and, if position decides, of a
    /// record's fields.
    pub fn columns(&self) -> &[TargetColumn] {
        &self.columns
    }

    /// The schema of the batches: one nullable field per column, in order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How an error names the column at `index`, from 0; one that is not there
    /// by its number.
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
    /// Its values are not what the owner of the table expects.
    Expectation,
}

impl ErrorCategory {
    /// `parsing`, `conversion` or `expectation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parsing => "parsing",
            Self::Conversion => "conversion",
            Self::Expectation => "expectation",
        }
    }
}

/// Why a record was refused, and where exactly. All counts are of the file
/// after decompression. [`read_file`](crate::read_file) shows one.
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

/// Some records of a file, in order, as [`read_file`](crate::read_file) gives
/// them.
#[derive(Clone, Debug)]
pub struct RowBlock {
    /// The good rows, in the schema of the target.
    pub batch: RecordBatch,
    /// Records, good and bad.
    pub rows_parsed: u64,
    /// Bad records in order, each with its first error.
    pub errors: Vec<RowError>,
    /// How many records of the file come before this block.
    pub rows_before: u64,
    /// For each row of `batch` its record's number in the block, from 0; none
    /// if they are all there.
    pub(crate) places: Option<Vec<u32>>,
    /// Where the rows of `batch` stand in the file, for a format that is text.
    pub(crate) finder: Option<Finder>,
}

/// Where the record of a row of the batch starts, and its text.
#[derive(Clone)]
pub(crate) struct Finder(pub(crate) Arc<dyn Fn(usize) -> (Spot, String) + Send + Sync>);

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finder")
    }
}

impl RowBlock {
    /// How many records were refused.
    pub fn rows_refused(&self) -> u64 {
        self.rows_parsed - self.batch.num_rows() as u64
    }

    /// The error of a row of `batch` that somebody else refuses, at the place
    /// where its record starts; without a place but the record's number in a
    /// format that has no lines. `row` counts from 0.
    pub fn refused(
        &self,
        row: usize,
        column: Option<String>,
        code: Code,
        message: String,
    ) -> RowError {
        let in_block = match &self.places {
            None => row as u64,
            Some(places) => places.get(row).copied().unwrap_or_default().into(),
        };
        let number = self.rows_before + in_block + 1;
        let (spot, record) = match &self.finder {
            Some(Finder(find)) => find(row),
            // A file without lines: its rows count as such.
            None => {
                let spot = Spot { start_line: number, line: number, character: 1, byte_offset: 0 };
                (spot, String::new())
            }
        };
        RowError {
            row: number,
            line: spot.line,
            start_line: spot.start_line,
            character: spot.character,
            byte_offset: spot.byte_offset,
            column,
            category: ErrorCategory::Conversion,
            code,
            message,
            record,
        }
    }

    /// For each row of `batch` which record of the file it is, from 1:
    /// METADATA$FILE_ROW_NUMBER.
    pub fn row_numbers(&self) -> Int64Array {
        let first = self.rows_before as i64 + 1;
        match &self.places {
            None => Int64Array::from_iter_values(first..first + self.batch.num_rows() as i64),
            Some(places) => {
                Int64Array::from_iter_values(places.iter().map(|place| first + i64::from(*place)))
            }
        }
    }
}

//! Rows that a table did not take, as they are kept.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use icecore_types::{
    ColumnDefinition, ColumnId, Error, Name, QueryId, Result, SqlType, TableDefinition, Timestamp,
};
use icecore_values::{ParseOptions, arrow_type, format_array, parse_texts};

/// A column that a quarantine has beside those of its table. Its id is none
/// that a table's column gets.
///
/// ```
/// use icecore_processed::QuarantineColumn;
/// assert_eq!(QuarantineColumn::Reason.name(), "METADATA$REASON");
/// assert_eq!(QuarantineColumn::ALL.len(), 9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuarantineColumn {
    /// The statement that brought the row.
    QueryId,
    /// The file that it came from.
    File,
    /// The line of the file, from 1.
    Line,
    /// Which record of the file, or row of the statement, from 1.
    Row,
    /// The expectation that it violates.
    Expectation,
    /// Why.
    Reason,
    /// The record as it stands in the file.
    Record,
    /// When it came.
    At,
    /// `NEW`, or `KEPT` once a replay judged it again.
    State,
}

/// Ids of a quarantine's own columns begin here.
const FIRST_ID: u32 = 1_000_000_000;

impl QuarantineColumn {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::QueryId,
        Self::File,
        Self::Line,
        Self::Row,
        Self::Expectation,
        Self::Reason,
        Self::Record,
        Self::At,
        Self::State,
    ];

    /// Its id for ever.
    pub const fn id(self) -> ColumnId {
        ColumnId::new(FIRST_ID + self as u32)
    }

    /// Its name; no column of a table begins like this unless it is quoted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueryId => "METADATA$QUERY_ID",
            Self::File => "METADATA$FILENAME",
            Self::Line => "METADATA$FILE_LINE",
            Self::Row => "METADATA$ROW_NUMBER",
            Self::Expectation => "METADATA$EXPECTATION",
            Self::Reason => "METADATA$REASON",
            Self::Record => "METADATA$RECORD",
            Self::At => "METADATA$QUARANTINED_AT",
            Self::State => "METADATA$STATE",
        }
    }

    /// Its type.
    pub const fn sql_type(self) -> SqlType {
        match self {
            Self::Line | Self::Row => SqlType::Integer,
            Self::At => SqlType::TimestampLtz,
            _ => SqlType::TEXT,
        }
    }
}

/// Whether a quarantined row was judged again.
///
/// ```
/// assert_eq!(icecore_processed::QuarantineState::Kept.as_str(), "KEPT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuarantineState {
    /// Not yet.
    New,
    /// A replay did, and kept it.
    Kept,
}

impl QuarantineState {
    /// `NEW` or `KEPT`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Kept => "KEPT",
        }
    }
}

/// What is known of a quarantined row beside its values; [`Quarantine`] shows
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineNote {
    /// The statement that brought it.
    pub query_id: QueryId,
    /// The file that it came from.
    pub file: Option<String>,
    /// The line of the file, from 1.
    pub line: Option<u64>,
    /// Which record of the file, or row of the statement, from 1.
    pub row: Option<u64>,
    /// The expectation that it violates.
    pub expectation: Name,
    /// Why.
    pub reason: String,
    /// The record as it stands in the file.
    pub record: Option<String>,
    /// When it came.
    pub at: Timestamp,
    /// Whether it was judged again.
    pub state: QuarantineState,
}

/// The form in which a table's quarantine keeps rows: their values as texts,
/// under the ids of the table's columns, behind what is known of them. So a
/// column that is dropped, added or renamed changes nothing that is kept.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use icecore_processed::{Quarantine, QuarantineNote, QuarantineState};
/// use icecore_types::{
///     ColumnDefinition, ColumnId, Name, QueryId, SqlType, TableDefinition, Timestamp,
/// };
///
/// let column = ColumnDefinition {
///     id: ColumnId::new(1), name: Name::unquoted("n"), sql_type: SqlType::Integer,
///     not_null: false, default: None, value_before: None, comment: None,
/// };
/// let table = TableDefinition { columns: vec![column], next_column: 2, ..Default::default() };
/// let quarantine = Quarantine::of(&table);
/// let note = QuarantineNote {
///     query_id: QueryId::from_bits(1), file: None, line: None, row: Some(1),
///     expectation: Name::unquoted("positive"), reason: "N = -1".to_owned(), record: None,
///     at: Timestamp::from_micros(0), state: QuarantineState::New,
/// };
/// let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-1]));
/// let rows = RecordBatch::try_from_iter([("1", numbers)]).unwrap();
/// let kept = quarantine.rows(&rows, &[note])?;
/// assert_eq!(kept.num_columns(), 10);
/// let texts = kept.columns().last().cloned().into_iter().collect::<Vec<_>>();
/// let (typed, bad) = quarantine.typed(&texts)?;
/// assert_eq!((typed.column(0), bad.len()), (rows.column(0), 0));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Quarantine {
    columns: Vec<ColumnDefinition>,
    schema: SchemaRef,
}

/// A value that is none of its column any more: the place of its row, why.
pub type BadValue = (usize, String);

impl Quarantine {
    /// The quarantine of a table with this definition.
    pub fn of(table: &TableDefinition) -> Self {
        let own = QuarantineColumn::ALL.into_iter().map(|column| {
            Field::new(column.id().stored_name(), arrow_type(&column.sql_type()), true)
        });
        let values = table
            .columns
            .iter()
            .map(|column| Field::new(column.id.stored_name(), DataType::Utf8View, true));
        let schema = Arc::new(Schema::new(own.chain(values).collect::<Vec<_>>()));
        Self { columns: table.columns.clone(), schema }
    }

    /// The schema of its segments.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of the table as they are kept, one note each.
    ///
    /// # Errors
    /// `Internal` if they are other rows than the notes are of.
    pub fn rows(&self, rows: &RecordBatch, notes: &[QuarantineNote]) -> Result<RecordBatch> {
        let texts = self.columns.iter().zip(rows.columns()).map(|(column, values)| {
            let texts = format_array(values, &column.sql_type)?;
            Ok(Arc::new(StringViewArray::from(&texts)) as ArrayRef)
        });
        self.kept(texts.collect::<Result<_>>()?, notes)
    }

    /// The same, of values that are texts already.
    ///
    /// # Errors
    /// As [`Quarantine::rows`].
    pub fn kept(&self, texts: Vec<ArrayRef>, notes: &[QuarantineNote]) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> =
            QuarantineColumn::ALL.into_iter().map(|column| own_column(column, notes)).collect();
        columns.extend(texts);
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|source| {
            Error::internal("rows of a quarantine and their notes").with_source(source)
        })
    }

    /// Kept texts as values of the table's columns. A text that is none, and
    /// NULL where the column refuses it, is NULL there, and named.
    ///
    /// # Errors
    /// `Internal` if they are not texts of the table's columns.
    pub fn typed(&self, texts: &[ArrayRef]) -> Result<(RecordBatch, Vec<BadValue>)> {
        let (mut bad, mut columns, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for (column, texts) in self.columns.iter().zip(texts) {
            let texts = texts
                .as_string_view_opt()
                .ok_or_else(|| Error::internal("a quarantine keeps texts"))?;
            let (values, rejected) = parse_texts(texts, &column.sql_type, &ParseOptions::default());
            bad.extend(rejected.into_iter().map(|one| (one.row, one.message)));
            if column.not_null {
                let nulls = (0..texts.len()).filter(|row| texts.is_null(*row));
                bad.extend(nulls.map(|row| (row, format!("{} is NULL", column.name))));
            }
            fields.push(Field::new(column.id.stored_name(), values.data_type().clone(), true));
            columns.push(values);
        }
        let rows =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|source| {
                Error::internal("texts of a quarantine as values").with_source(source)
            })?;
        bad.sort();
        Ok((rows, bad))
    }
}

fn own_column(column: QuarantineColumn, notes: &[QuarantineNote]) -> ArrayRef {
    let texts = |text: &dyn Fn(&QuarantineNote) -> Option<String>| -> ArrayRef {
        Arc::new(StringViewArray::from_iter(notes.iter().map(text)))
    };
    let numbers = |number: &dyn Fn(&QuarantineNote) -> Option<u64>| -> ArrayRef {
        let number = |note| number(note).and_then(|number| i64::try_from(number).ok());
        Arc::new(Int64Array::from_iter(notes.iter().map(number)))
    };
    match column {
        QuarantineColumn::QueryId => texts(&|note| Some(note.query_id.to_string())),
        QuarantineColumn::File => texts(&|note| note.file.clone()),
        QuarantineColumn::Line => numbers(&|note| note.line),
        QuarantineColumn::Row => numbers(&|note| note.row),
        QuarantineColumn::Expectation => texts(&|note| Some(note.expectation.as_str().to_owned())),
        QuarantineColumn::Reason => texts(&|note| Some(note.reason.clone())),
        QuarantineColumn::Record => texts(&|note| note.record.clone()),
        QuarantineColumn::At => {
            let micros = notes.iter().map(|note| note.at.as_micros());
            Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
        }
        QuarantineColumn::State => texts(&|note| Some(note.state.as_str().to_owned())),
    }
}

impl QuarantineNote {
    /// The notes of kept rows: `columns` are a quarantine's own, in the order
    /// of [`QuarantineColumn::ALL`].
    ///
    /// # Errors
    /// `Corrupted` if they are not what [`Quarantine::rows`] made.
    pub fn read(columns: &[ArrayRef]) -> Result<Vec<Self>> {
        let rows = columns.first().map_or(0, |column| column.len());
        (0..rows).map(|row| read_note(columns, row).ok_or_else(damaged)).collect()
    }
}

fn damaged() -> Error {
    Error::corrupted("a row of a quarantine")
}

fn read_note(columns: &[ArrayRef], row: usize) -> Option<QuarantineNote> {
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    let text = |column: QuarantineColumn| {
        let texts = columns.get(column as usize)?.as_string_view_opt()?;
        Some(texts.is_valid(row).then(|| texts.value(row).to_owned()))
    };
    let number = |column: QuarantineColumn| {
        let numbers = columns.get(column as usize)?.as_primitive_opt::<Int64Type>()?;
        Some(numbers.is_valid(row).then(|| numbers.value(row)).and_then(|n| u64::try_from(n).ok()))
    };
    let at = columns.get(QuarantineColumn::At as usize)?;
    let at = at.as_primitive_opt::<TimestampMicrosecondType>()?;
    Some(QuarantineNote {
        query_id: text(QuarantineColumn::QueryId)??.parse().ok()?,
        file: text(QuarantineColumn::File)?,
        line: number(QuarantineColumn::Line)?,
        row: number(QuarantineColumn::Row)?,
        expectation: Name::quoted(&text(QuarantineColumn::Expectation)??),
        reason: text(QuarantineColumn::Reason)??,
        record: text(QuarantineColumn::Record)?,
        at: Timestamp::from_micros(at.is_valid(row).then(|| at.value(row))?),
        state: match text(QuarantineColumn::State)??.as_str() {
            "NEW" => QuarantineState::New,
            "KEPT" => QuarantineState::Kept,
            _ => return None,
        },
    })
}

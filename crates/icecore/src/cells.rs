//! Small results, built row by row: SHOW, DESCRIBE, an information schema.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Schema;
use icecore_types::{Error, Result, SqlType, Timestamp};

/// One value of such a result.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(i64),
    Float(f64),
    Flag(bool),
    Time(Timestamp),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn maybe_text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    pub(crate) fn count(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Null, Self::Number)
    }

    pub(crate) fn maybe_time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Null, Self::Time)
    }
}

/// The columns of such a result.
pub(crate) type Columns = &'static [(&'static str, SqlType)];

/// The batch with these columns and rows.
///
/// # Errors
/// `Internal` if a row has other cells than the columns say.
pub(crate) fn batch(columns: Columns, rows: Vec<Vec<Cell>>) -> Result<RecordBatch> {
    batch_of(columns, rows)
}

/// The same for columns that are put together.
pub(crate) fn batch_of(
    columns: &[(&'static str, SqlType)],
    rows: Vec<Vec<Cell>>,
) -> Result<RecordBatch> {
    let wrong = || Error::internal("a row has other cells than its columns");
    if rows.iter().any(|row| row.len() != columns.len()) {
        return Err(wrong());
    }
    let fields: Vec<_> =
        columns.iter().map(|(name, ty)| icecore_values::field(name, ty, true)).collect();
    let arrays = columns
        .iter()
        .enumerate()
        .map(|(at, (_, ty))| {
            column(ty, rows.iter().filter_map(|row| row.get(at))).ok_or_else(wrong)
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|source| wrong().with_source(source))
}

/// The column of these cells; `None` if one is of another type.
fn column<'a>(ty: &SqlType, cells: impl Iterator<Item = &'a Cell>) -> Option<ArrayRef> {
    macro_rules! gather {
        ($variant:ident, $take:expr) => {
            cells
                .map(|cell| match cell {
                    Cell::Null => Some(None),
                    Cell::$variant(value) => Some(Some($take(value))),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()?
        };
    }
    Some(match ty {
        SqlType::Varchar { .. } => {
            Arc::new(StringViewArray::from_iter(gather!(Text, String::as_str)))
        }
        SqlType::Integer => Arc::new(Int64Array::from(gather!(Number, |n: &i64| *n))),
        SqlType::Float => Arc::new(Float64Array::from(gather!(Float, |n: &f64| *n))),
        SqlType::Boolean => Arc::new(BooleanArray::from(gather!(Flag, |f: &bool| *f))),
        SqlType::TimestampLtz => {
            let micros = gather!(Time, |time: &Timestamp| time.as_micros());
            Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
        }
        _ => return None,
    })
}

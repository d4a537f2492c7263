//! Values as a reason shows them.

use arrow::array::{Array, ArrayRef};
use icecore_types::{Error, Result, SqlType, Timestamp};
use icecore_values::format_array;

/// Characters of a value that a reason shows.
const SHOWN_CHARACTERS: usize = 100;

/// A value as text, cut if it is long.
pub(super) fn shown(array: &ArrayRef, sql_type: &SqlType, row: usize) -> String {
    if row >= array.len() || array.is_null(row) {
        return "NULL".to_owned();
    }
    let text = format_array(&array.slice(row, 1), sql_type)
        .map(|texts| texts.value(0).to_owned())
        .unwrap_or_default();
    let cut = match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    };
    match sql_type {
        SqlType::Varchar { .. } | SqlType::Binary { .. } => format!("'{cut}'"),
        _ => cut,
    }
}

/// The moments that times of a column are, in microseconds.
pub(super) fn micros(array: &ArrayRef, sql_type: &SqlType) -> Result<Vec<Option<Timestamp>>> {
    use arrow::array::AsArray;
    use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
    const DAY_MICROS: i64 = 86_400_000_000;
    match sql_type {
        SqlType::Date => Ok(array
            .as_primitive_opt::<Date32Type>()
            .ok_or_else(|| wrong(sql_type))?
            .iter()
            .map(|day| day.map(|day| Timestamp::from_micros(i64::from(day) * DAY_MICROS)))
            .collect()),
        SqlType::TimestampNtz | SqlType::TimestampLtz => Ok(array
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| wrong(sql_type))?
            .iter()
            .map(|micros| micros.map(Timestamp::from_micros))
            .collect()),
        other => Err(wrong(other)),
    }
}

fn wrong(sql_type: &SqlType) -> Error {
    Error::internal(format_args!("not times: {sql_type}"))
}

/// The latest of some times, if there is one: of DATE its first moment.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, Date32Array};
/// let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(1), None, Some(0)]));
/// let latest = icecore_processed::latest(&days).map(|moment| moment.as_micros());
/// assert_eq!(latest, Some(86_400_000_000));
/// ```
pub fn latest(times: &ArrayRef) -> Option<Timestamp> {
    let sql_type = match times.data_type() {
        arrow::datatypes::DataType::Date32 => SqlType::Date,
        _ => SqlType::TimestampNtz,
    };
    micros(times, &sql_type).ok()?.into_iter().flatten().max()
}

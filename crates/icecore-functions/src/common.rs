//! One type for values that become one column.

use arrow::datatypes::DataType;
use icecore_types::SqlType;
use icecore_values::sql_type_of;

/// The digits of an exact number before and after its point.
fn digits(ty: SqlType) -> Option<(u8, u8)> {
    match ty {
        SqlType::Integer => Some((INTEGER_DIGITS, 0)),
        SqlType::Number { precision, scale } => Some((precision.saturating_sub(scale), scale)),
        _ => None,
    }
}

/// The digits of every integer of 64 bits.
const INTEGER_DIGITS: u8 = 19;

/// What text is beside exact numbers: NUMBER(18,5).
const TEXT_DIGITS: (u8, u8) = (13, 5);

/// The type that holds the values of both; none if DataFusion is to say. Text
/// beside another type is read as that type.
///
/// ```
/// use icecore_types::SqlType;
/// let number = icecore_functions::wider(SqlType::TEXT, SqlType::Integer);
/// assert_eq!(number, Some(SqlType::Number { precision: 24, scale: 5 }));
/// assert_eq!(icecore_functions::wider(SqlType::Date, SqlType::TEXT), Some(SqlType::Date));
/// ```
pub fn wider(left: SqlType, right: SqlType) -> Option<SqlType> {
    use SqlType::{Binary, Boolean, Date, Float, Time, TimestampLtz, TimestampNtz, Varchar};
    if left == right {
        return Some(left);
    }
    let number = |(l, ls): (u8, u8), (r, rs): (u8, u8)| {
        let scale = ls.max(rs);
        SqlType::Number { precision: (l.max(r) + scale).min(38), scale }
    };
    Some(match (left, right) {
        (Varchar { length: l }, Varchar { length: r }) => Varchar { length: l.max(r) },
        (Binary { length: l }, Binary { length: r }) => Binary { length: l.max(r) },
        (Varchar { .. }, other @ (Float | Boolean | Date | Time | TimestampNtz | TimestampLtz))
        | (other @ (Float | Boolean | Date | Time | TimestampNtz | TimestampLtz), Varchar { .. }) => {
            other
        }
        (Date, other @ (TimestampNtz | TimestampLtz))
        | (other @ (TimestampNtz | TimestampLtz), Date) => other,
        (Float, other) | (other, Float) => return digits(other).map(|_| Float),
        (Varchar { .. }, other) | (other, Varchar { .. }) => number(digits(other)?, TEXT_DIGITS),
        (left, right) => number(digits(left)?, digits(right)?),
    })
}

/// The type of values among which are texts and others; none if there are only
/// texts, or no text, or if they do not go together.
///
/// ```
/// use arrow::datatypes::DataType::{Date32, Int64, Utf8View};
/// use icecore_types::SqlType;
/// assert_eq!(icecore_functions::beside_text(&[Utf8View, Date32]), Some(SqlType::Date));
/// assert_eq!(icecore_functions::beside_text(&[Int64, Date32]), None);
/// ```
pub fn beside_text(types: &[DataType]) -> Option<SqlType> {
    let known = types.iter().filter(|data_type| **data_type != DataType::Null);
    let known = known.map(|data_type| sql_type_of(data_type).ok()).collect::<Option<Vec<_>>>()?;
    let is_text = |ty: &&SqlType| matches!(ty, SqlType::Varchar { .. });
    let texts = known.iter().filter(is_text).count();
    if texts == 0 || texts == known.len() {
        return None;
    }
    let (first, rest) = known.split_first()?;
    rest.iter().try_fold(*first, |all, ty| wider(all, *ty))
}

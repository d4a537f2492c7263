//! CAST: values of one type as values of another.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, PrimitiveArray, StringViewArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use icecore_types::{Code, Error, Result, SqlType};

use crate::calendar::{DAY_MICROS, MAX_MICROS, MIN_MICROS, split};
use crate::number::power;
use crate::rounding::{Rounding, divide_rounded};
use crate::types::held_as;
use crate::{ParseOptions, arrow_type, check_length, format_array, parse_texts};

/// What becomes of a value that the target type does not have.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{Array, ArrayRef, StringViewArray};
/// use icecore_types::SqlType;
/// use icecore_values::{OnCastError, cast_array};
/// let texts: ArrayRef = Arc::new(StringViewArray::from(vec!["x"]));
/// let cast = |on_error| cast_array(&texts, &SqlType::TEXT, &SqlType::Integer, on_error);
/// assert!(cast(OnCastError::Fail).is_err());
/// assert!(cast(OnCastError::Null)?.is_null(0));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnCastError {
    /// The whole cast fails: CAST.
    Fail,
    /// The value is NULL: TRY_CAST.
    Null,
}

/// Whether there is a cast from one type to another at all.
///
/// ```
/// use icecore_types::SqlType;
/// assert!(icecore_values::can_cast(&SqlType::TEXT, &SqlType::Date));
/// assert!(!icecore_values::can_cast(&SqlType::Date, &SqlType::Boolean));
/// ```
pub fn can_cast(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::*;
    matches!(
        (from, to),
        (Varchar { .. }, _)
            | (_, Varchar { .. })
            | (Integer | Number { .. } | Float, Integer | Number { .. } | Float | Boolean)
            | (Integer | Number { .. }, TimestampNtz | TimestampLtz)
            | (Boolean, Integer | Number { .. } | Boolean)
            | (Date, Date | TimestampNtz | TimestampLtz)
            | (Time, Time)
            | (Binary { .. }, Binary { .. })
            | (TimestampNtz | TimestampLtz, Date | Time | TimestampNtz | TimestampLtz)
    )
}

/// The values of `array`, of type `from`, as values of type `to`.
///
/// Numbers with more digits after the point than `to` has are rounded half away
/// from zero. Text is read as `parse_texts` reads it, everything becomes the
/// text that `format_array` writes, a number counts seconds since 1970 where a
/// timestamp is asked for, and TIMESTAMP_LTZ is shown in UTC.
///
/// # Errors
/// `InvalidInput` if there is no such cast, or, with `OnCastError::Fail`, for
/// the first value that `to` does not have: with its code, and the value.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, AsArray, Float64Array};
/// use arrow::datatypes::Int64Type;
/// use icecore_types::SqlType;
/// use icecore_values::{OnCastError, cast_array};
///
/// let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.7, -0.5]));
/// let rounded = cast_array(&floats, &SqlType::Float, &SqlType::Integer, OnCastError::Fail)?;
/// assert_eq!(rounded.as_primitive::<Int64Type>().values(), &[1, -1]);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn cast_array(
    array: &ArrayRef,
    from: &SqlType,
    to: &SqlType,
    on_error: OnCastError,
) -> Result<ArrayRef> {
    if !can_cast(from, to) {
        return Err(Error::new(Code::TYPE_MISMATCH, format!("cannot cast {from} to {to}")));
    }
    let array = held_as(array, from)?;
    if holds(from, to) {
        return Ok(array);
    }
    let result = match (from, to) {
        (SqlType::Varchar { .. }, SqlType::Varchar { .. }) => return shorten(array, to, on_error),
        (SqlType::Binary { .. }, SqlType::Binary { .. }) => {
            return check_length(&array, to).map(|()| array);
        }
        (SqlType::Varchar { .. }, _) => return read(&array, to, on_error),
        (_, SqlType::Varchar { .. }) => {
            let texts = format_array(&array, from)?;
            return shorten(Arc::new(StringViewArray::from(&texts)), to, on_error);
        }
        (_, SqlType::Integer | SqlType::Number { .. }) => to_number(&array, to)?,
        (_, SqlType::Float) => to_float(&array)?,
        (_, SqlType::Boolean) => to_boolean(&array)?,
        _ => to_temporal(&array, to)?,
    };
    if on_error == OnCastError::Fail {
        refuse_new_nulls(&array, &result, from, to)?;
    }
    Ok(result)
}

/// Whether every value of `from` is one of `to`, in the same Arrow type.
fn holds(from: &SqlType, to: &SqlType) -> bool {
    match (from, to) {
        (SqlType::Number { precision, scale: 0 }, SqlType::Integer) => *precision <= 18,
        (
            SqlType::Number { precision: p1, scale: 0 },
            SqlType::Number { precision: p2, scale: 0 },
        ) => p1 <= p2 && arrow_type(from) == arrow_type(to),
        (SqlType::Varchar { length: from }, SqlType::Varchar { length: to })
        | (SqlType::Binary { length: from }, SqlType::Binary { length: to }) => from <= to,
        _ => from == to,
    }
}

fn read(array: &ArrayRef, to: &SqlType, on_error: OnCastError) -> Result<ArrayRef> {
    let (values, rejected) = parse_texts(array.as_string_view(), to, &ParseOptions::default());
    match (rejected.into_iter().next(), on_error) {
        (Some(first), OnCastError::Fail) => Err(first.into()),
        _ => Ok(values),
    }
}

fn shorten(array: ArrayRef, to: &SqlType, on_error: OnCastError) -> Result<ArrayRef> {
    match on_error {
        OnCastError::Fail => check_length(&array, to).map(|()| array),
        OnCastError::Null => read(&array, to, on_error),
    }
}

/// Fails with the first value that a cast turned into NULL.
fn refuse_new_nulls(
    before: &ArrayRef,
    after: &ArrayRef,
    from: &SqlType,
    to: &SqlType,
) -> Result<()> {
    if after.null_count() == before.null_count() {
        return Ok(());
    }
    let Some(row) = (0..before.len()).find(|row| before.is_valid(*row) && after.is_null(*row))
    else {
        return Ok(());
    };
    let shown = format_array(&before.slice(row, 1), from)?;
    let error = Error::new(
        Code::OUT_OF_RANGE,
        format!("value out of representable range: type {to}, value {}", shown.value(0)),
    );
    Err(match to {
        SqlType::Integer => error.with_help("an INTEGER has 64 bits: declare NUMBER(38,0)"),
        _ => error,
    })
}

/// How a number type keeps its values: as integers of this scale, below `limit`.
struct Bounds {
    scale: i32,
    least: i128,
    most: i128,
}

impl Bounds {
    fn of(ty: &SqlType) -> Self {
        match *ty {
            SqlType::Number { precision, scale } => {
                let most = power(u32::from(precision)) - 1;
                Self { scale: i32::from(scale), least: -most, most }
            }
            _ => Self { scale: 0, least: i128::from(i64::MIN), most: i128::from(i64::MAX) },
        }
    }

    fn check(&self, value: i128) -> Option<i128> {
        (self.least..=self.most).contains(&value).then_some(value)
    }

    /// A value of another scale, rounded half away from zero.
    fn rescale(&self, value: i128, scale: i32) -> Option<i128> {
        let rescaled = match self.scale - scale {
            0 => value,
            up @ 1.. => value.checked_mul(power(up as u32))?,
            down => divide_rounded(value, power(-down as u32), Rounding::HalfAwayFromZero),
        };
        self.check(rescaled)
    }

    fn round(&self, value: f64) -> Option<i128> {
        let rounded = (value * 10_f64.powi(self.scale)).round();
        if rounded.is_nan() || rounded.abs() >= 1e39 {
            return None;
        }
        self.check(rounded as i128)
    }
}

fn to_number(array: &ArrayRef, to: &SqlType) -> Result<ArrayRef> {
    let bounds = Bounds::of(to);
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            number(values, to, |value| bounds.rescale(i128::from(value), 0))
        }
        DataType::Decimal128(_, scale) => {
            let scale = i32::from(*scale);
            let values = array.as_primitive::<Decimal128Type>();
            number(values, to, |value| bounds.rescale(value, scale))
        }
        DataType::Float64 => {
            number(array.as_primitive::<Float64Type>(), to, |value| bounds.round(value))
        }
        DataType::Boolean => {
            let flags = array.as_boolean();
            let values: Int64Array = flags.iter().map(|flag| flag.map(i64::from)).collect();
            number(&values, to, |value| bounds.rescale(i128::from(value), 0))
        }
        other => Err(Error::internal(format_args!("no number in arrow type {other}"))),
    }
}

fn number<I: ArrowPrimitiveType>(
    values: &PrimitiveArray<I>,
    to: &SqlType,
    convert: impl Fn(I::Native) -> Option<i128>,
) -> Result<ArrayRef> {
    let target = arrow_type(to);
    if target == DataType::Int64 {
        // The bounds of such a type lie within 64 bits.
        let narrow = |value| convert(value).and_then(|value| i64::try_from(value).ok());
        return Ok(Arc::new(values.unary_opt::<_, Int64Type>(narrow)));
    }
    let converted = values.unary_opt::<_, Decimal128Type>(convert);
    Ok(Arc::new(converted.with_data_type(target)))
}

fn to_float(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Int64 => {
            Arc::new(array.as_primitive::<Int64Type>().unary::<_, Float64Type>(|v| v as f64))
        }
        DataType::Decimal128(_, scale) => {
            let unit = 10_f64.powi(i32::from(*scale));
            let values = array.as_primitive::<Decimal128Type>();
            Arc::new(values.unary::<_, Float64Type>(|value| value as f64 / unit))
        }
        other => return Err(Error::internal(format_args!("no float in arrow type {other}"))),
    })
}

fn to_boolean(array: &ArrayRef) -> Result<ArrayRef> {
    let flags = match array.data_type() {
        DataType::Int64 => {
            BooleanArray::from_unary(array.as_primitive::<Int64Type>(), |value| value != 0)
        }
        DataType::Decimal128(..) => {
            BooleanArray::from_unary(array.as_primitive::<Decimal128Type>(), |value| value != 0)
        }
        DataType::Float64 => {
            BooleanArray::from_unary(array.as_primitive::<Float64Type>(), |value| value != 0.0)
        }
        other => return Err(Error::internal(format_args!("no truth in arrow type {other}"))),
    };
    Ok(Arc::new(flags))
}

fn to_temporal(array: &ArrayRef, to: &SqlType) -> Result<ArrayRef> {
    let target = arrow_type(to);
    let timestamps = |values: PrimitiveArray<TimestampMicrosecondType>| -> ArrayRef {
        Arc::new(values.with_data_type(arrow_type(to)))
    };
    Ok(match (array.data_type(), &target) {
        (DataType::Date32, DataType::Timestamp(..)) => {
            let days = array.as_primitive::<Date32Type>();
            timestamps(days.unary(|day| i64::from(day) * DAY_MICROS))
        }
        (DataType::Int64, DataType::Timestamp(..)) => {
            let values = array.as_primitive::<Int64Type>();
            timestamps(values.unary_opt(|seconds| moment(i128::from(seconds), 0)))
        }
        (DataType::Decimal128(_, scale), DataType::Timestamp(..)) => {
            let scale = *scale as u32;
            let values = array.as_primitive::<Decimal128Type>();
            timestamps(values.unary_opt(|seconds| moment(seconds, scale)))
        }
        (DataType::Timestamp(..), target) => {
            let moments = array.as_primitive::<TimestampMicrosecondType>();
            match target {
                DataType::Date32 => {
                    Arc::new(moments.unary::<_, Date32Type>(|micros| split(micros).0))
                }
                DataType::Time64(_) => {
                    Arc::new(moments.unary::<_, Time64MicrosecondType>(|micros| split(micros).1))
                }
                _ => timestamps(moments.clone()),
            }
        }
        (other, _) => {
            return Err(Error::internal(format_args!("no {to} in arrow type {other}")));
        }
    })
}

/// Seconds since 1970, of this scale, in microseconds; none if they are finer
/// or not of the years 1 to 9999.
fn moment(seconds: i128, scale: u32) -> Option<i64> {
    let micros = if scale <= 6 {
        seconds.checked_mul(power(6 - scale))?
    } else {
        let finer = power(scale - 6);
        if seconds % finer != 0 {
            return None;
        }
        seconds / finer
    };
    let micros = i64::try_from(micros).ok()?;
    (MIN_MICROS..=MAX_MICROS).contains(&micros).then_some(micros)
}

#[cfg(test)]
mod tests;

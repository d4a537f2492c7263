//! Values to text, a column at a time.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use icecore_types::{Code, Error, Result, SqlType};

use crate::calendar::{civil, split};
use crate::types::held_as;

/// The text that `CAST(v AS VARCHAR)` gives for each value; NULL stays NULL.
///
/// Nothing is lost: the text read back as `ty` is the value.
/// - numbers: all digits of the scale, `1.50`
/// - floats: the fewest digits that read back as the same number, `1.5`, `1e+20`
///   (from 1e15 on, and below 1e-5), `NaN`, `inf`, `-inf`
/// - booleans: `true`, `false`
/// - dates: `2013-01-31`
/// - times: `13:05:59`, then `.123` or `.123456` if there are such digits
/// - timestamps: `2013-01-31 13:05:59.000`, with six digits if there are finer
///   than three; TIMESTAMP_LTZ with ` +0000` behind it
/// - binary: upper-case hexadecimal
///
/// # Errors
/// `InvalidInput` if the array does not hold values of `ty`;
/// `ResourcesExhausted` if the text of the array is longer than 2 GiB.
pub fn format_array(array: &dyn Array, ty: &SqlType) -> Result<StringArray> {
    let array = held_as(&array.slice(0, array.len()), ty)?;
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            write_all(&array, |out, row| integer(out, i128::from(values.value(row))))
        }
        DataType::Decimal128(_, scale) => {
            let (values, scale) = (array.as_primitive::<Decimal128Type>(), *scale as usize);
            write_all(&array, |out, row| decimal(out, values.value(row), scale))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            write_all(&array, |out, row| float(out, values.value(row)))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            write_all(&array, |out, row| out.push_str(values.value(row)))
        }
        DataType::BinaryView => {
            let values = array.as_binary_view();
            write_all(&array, |out, row| hex(out, values.value(row)))
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            write_all(&array, |out, row| {
                out.push_str(if values.value(row) { "true" } else { "false" })
            })
        }
        _ => temporal_texts(&array),
    }
}

fn temporal_texts(array: &ArrayRef) -> Result<StringArray> {
    match array.data_type() {
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            write_all(array, |out, row| date(out, values.value(row)))
        }
        DataType::Time64(_) => {
            let values = array.as_primitive::<Time64MicrosecondType>();
            write_all(array, |out, row| {
                time(out, values.value(row));
                match values.value(row) % 1_000_000 {
                    0 => {}
                    micros => fraction(out, micros),
                }
            })
        }
        DataType::Timestamp(_, zone) => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            let zone = if zone.is_some() { " +0000" } else { "" };
            write_all(array, |out, row| {
                timestamp(out, values.value(row));
                out.push_str(zone);
            })
        }
        other => Err(Error::unsupported(format_args!("text of arrow type {other}"))),
    }
}

/// Runs `write` for every row that is not NULL.
fn write_all(array: &ArrayRef, mut write: impl FnMut(&mut String, usize)) -> Result<StringArray> {
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 12);
    let mut out = String::new();
    let mut total_bytes = 0_usize;
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        write(&mut out, row);
        total_bytes += out.len();
        if total_bytes > i32::MAX as usize {
            return Err(Error::new(
                Code::RESOURCES_EXHAUSTED,
                format!("text of one batch is longer than 2 GiB rows={}", array.len()),
            )
            .with_help("use smaller batches"));
        }
        builder.append_value(&out);
    }
    Ok(builder.finish())
}

/// The longest text of an `i128`.
const MAX_DIGITS: usize = 40;

pub(crate) fn integer(out: &mut String, value: i128) {
    decimal(out, value, 0);
}

/// Digits, at least one before the point and `scale` behind it.
pub(crate) fn decimal(out: &mut String, value: i128, scale: usize) {
    let mut digits = [b'0'; MAX_DIGITS];
    let mut start = MAX_DIGITS;
    let mut rest = value.unsigned_abs();
    // Most values fit 64 bits, where a division is several times cheaper.
    while rest > u128::from(u64::MAX) {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let mut rest = rest as u64;
    while rest > 0 || start == MAX_DIGITS {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let point = MAX_DIGITS - scale.min(MAX_DIGITS - 1);
    start = start.min(point - 1);
    if value < 0 {
        out.push('-');
    }
    push_ascii(out, &digits[start..point]);
    if scale > 0 {
        out.push('.');
        push_ascii(out, &digits[point..]);
    }
}

/// Appends bytes that are ASCII.
fn push_ascii(out: &mut String, bytes: &[u8]) {
    out.push_str(std::str::from_utf8(bytes).unwrap_or_default());
}

/// From here on a float is written with an exponent.
const LARGE: f64 = 1e15;
/// Below this a float is written with an exponent.
const SMALL: f64 = 1e-5;

pub(crate) fn float(out: &mut String, value: f64) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "inf" } else { "-inf" });
    }
    if value == value.trunc() && value.abs() < LARGE && (value != 0.0 || value.is_sign_positive()) {
        return integer(out, value as i128);
    }
    // Writing to a string does not fail.
    if (SMALL..LARGE).contains(&value.abs()) || value == 0.0 {
        let _ = write!(out, "{value}");
        return;
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    out.push_str(mantissa);
    out.push_str(if exponent < 0 { "e-" } else { "e+" });
    two_digits_or_more(out, exponent.unsigned_abs());
}

fn two_digits_or_more(out: &mut String, value: u32) {
    if value < 10 {
        out.push('0');
    }
    integer(out, i128::from(value));
}

/// Writes the last two digits of a number.
fn two(text: &mut [u8], place: usize, value: u32) {
    if let Some([tens, ones]) = text.get_mut(place..place + 2) {
        *tens = b'0' + (value / 10 % 10) as u8;
        *ones = b'0' + (value % 10) as u8;
    }
}

pub(crate) fn date(out: &mut String, day: i32) {
    let civil = civil(day);
    if civil.year < 0 {
        out.push('-');
    }
    let year = civil.year.unsigned_abs();
    if year > 9999 {
        integer(out, i128::from(year / 10_000));
    }
    let mut text = *b"0000-00-00";
    for (place, value) in [(0, year / 100), (2, year), (5, civil.month), (8, civil.day)] {
        two(&mut text, place, value);
    }
    push_ascii(out, &text);
}

fn time(out: &mut String, micros: i64) {
    let seconds = micros.div_euclid(1_000_000);
    let mut text = *b"00:00:00";
    for (place, value) in [(0, seconds / 3600), (3, seconds / 60 % 60), (6, seconds % 60)] {
        two(&mut text, place, value as u32);
    }
    push_ascii(out, &text);
}

/// Three digits if they say it all, else six.
fn fraction(out: &mut String, micros: i64) {
    out.push('.');
    let micros = micros as u32;
    let (digits, value) =
        if micros.is_multiple_of(1000) { (3, micros / 1000) } else { (6, micros) };
    let mut unit = 10_u32.pow(digits);
    while unit > 1 {
        unit /= 10;
        out.push((b'0' + (value / unit % 10) as u8) as char);
    }
}

pub(crate) fn timestamp(out: &mut String, micros: i64) {
    let (day, of_day) = split(micros);
    date(out, day);
    out.push(' ');
    time(out, of_day);
    fraction(out, of_day % 1_000_000);
}

fn hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests;

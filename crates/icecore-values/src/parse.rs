//! Text to values, a column at a time.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewBuilder, BooleanArray, BooleanBufferBuilder, PrimitiveArray,
    StringViewArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use base64::Engine;
use icecore_types::{Code, Error, Result, SqlType};

use crate::check::is_longer;
use crate::moment::{self, Moment};
use crate::number::{self, Fault};
use crate::{Pattern, arrow_type};

/// How text writes dates, times or timestamps.
///
/// ```
/// use icecore_values::InputFormat;
/// assert!(matches!(InputFormat::parse("auto")?, InputFormat::Auto));
/// assert!(matches!(InputFormat::parse("DD/MM/YYYY")?, InputFormat::Pattern(_)));
/// assert!(InputFormat::parse("QQ").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// ISO 8601 and what else cannot be mistaken: `31-JAN-2013`, `1/31/2013`
    /// (month first), a whole number of seconds or finer units since 1970.
    #[default]
    Auto,
    /// As a format string says, for example `DD/MM/YYYY`.
    Pattern(Pattern),
}

impl InputFormat {
    /// Reads `AUTO` or a format string.
    ///
    /// # Errors
    /// `InvalidInput` for an element that no format has.
    pub fn parse(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("AUTO") {
            return Ok(Self::Auto);
        }
        Pattern::parse(text).map(Self::Pattern)
    }
}

/// How text writes bytes.
///
/// ```
/// use arrow::array::{AsArray, StringViewArray};
/// use icecore_types::SqlType;
/// use icecore_values::{BinaryFormat, ParseOptions, parse_texts};
/// let options = ParseOptions { binary: BinaryFormat::Base64, ..ParseOptions::default() };
/// let texts = StringViewArray::from(vec!["AQI="]);
/// let (bytes, _) = parse_texts(&texts, &SqlType::Binary { length: 2 }, &options);
/// assert_eq!(bytes.as_binary_view().value(0), [1, 2]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BinaryFormat {
    /// Two hexadecimal digits a byte.
    #[default]
    Hex,
    /// Standard base 64 with padding.
    Base64,
    /// The text's own bytes.
    Utf8,
}

/// How text is read where the type leaves it open.
///
/// ```
/// use icecore_values::{InputFormat, ParseOptions};
/// let options = ParseOptions { date: InputFormat::parse("DD/MM/YYYY")?, ..ParseOptions::default() };
/// assert_ne!(options, ParseOptions::default());
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// Of a DATE.
    pub date: InputFormat,
    /// Of a TIME.
    pub time: InputFormat,
    /// Of a TIMESTAMP_NTZ or TIMESTAMP_LTZ.
    pub timestamp: InputFormat,
    /// Of a BINARY.
    pub binary: BinaryFormat,
}

/// A text that is no value of its type.
///
/// ```
/// use arrow::array::StringViewArray;
/// use icecore_types::{Code, SqlType};
/// use icecore_values::{ParseOptions, parse_texts};
/// let texts = StringViewArray::from(vec!["2013-02-28", "2013-02-29"]);
/// let (_, rejected) = parse_texts(&texts, &SqlType::Date, &ParseOptions::default());
/// assert_eq!((rejected[0].row, rejected[0].code), (1, Code::NOT_A_DATE));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its place in the array.
    pub row: usize,
    /// Why, as a number.
    pub code: Code,
    /// Why, in words, with the text.
    pub message: String,
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.code, rejection.message)
    }
}

/// Reads each text as a value of `ty`. A text that is none is NULL in the array
/// and has a rejection, in order of rows; NULL stays NULL.
///
/// The array has the type `arrow_type(ty)` and as many rows as `texts`. Strings
/// are taken over without a copy. Spaces around anything but a string or binary
/// are ignored. Digits beyond the scale of a number are rounded half away from
/// zero; a string that is too long, a number that is too large, and a timestamp
/// finer than a microsecond are rejected. A zone is dropped by TIMESTAMP_NTZ
/// and applied by TIMESTAMP_LTZ.
pub fn parse_texts(
    texts: &StringViewArray,
    ty: &SqlType,
    options: &ParseOptions,
) -> (ArrayRef, Vec<Rejection>) {
    parse_column(texts, ty, options)
}

/// As [`parse_texts`], of texts that are in no array.
pub fn parse_column<T: ColumnTexts>(
    texts: &T,
    ty: &SqlType,
    options: &ParseOptions,
) -> (ArrayRef, Vec<Rejection>) {
    let column = Column { texts, ty, rejected: Vec::new() };
    match *ty {
        SqlType::Integer => column.primitive::<Int64Type>(number::integer),
        SqlType::Number { precision, scale } => column.number(precision, scale),
        SqlType::Float => column.primitive::<Float64Type>(number::float),
        SqlType::Varchar { length } => column.strings(length),
        SqlType::Binary { length } => column.binary(length, options.binary),
        SqlType::Boolean => column.booleans(),
        SqlType::Date => column.dates(&options.date),
        SqlType::Time => column.times(&options.time),
        SqlType::TimestampNtz => column.timestamps(&options.timestamp, |m| Ok(m.wall_clock())),
        SqlType::TimestampLtz => column.timestamps(&options.timestamp, Moment::in_utc),
    }
}

/// Texts of one column, in an array or where else they stand.
///
/// ```
/// use arrow::array::StringViewArray;
/// use icecore_values::ColumnTexts;
/// let texts = StringViewArray::from(vec![Some("a"), None, Some("bcd")]);
/// assert_eq!((texts.rows(), texts.text(0), texts.text(1)), (3, Some("a"), None));
/// assert_eq!(texts.longest_bytes(), 3);
/// ```
pub trait ColumnTexts {
    /// How many there are, NULL counted.
    fn rows(&self) -> usize;

    /// The text of a row; none if it is NULL or there is no such row.
    fn text(&self, row: usize) -> Option<&str>;

    /// Which are NULL, if any is.
    fn nulls(&self) -> Option<NullBuffer>;

    /// At least as many bytes as the longest has.
    fn longest_bytes(&self) -> usize;

    /// All of them as an array, with these rows NULL: at least those that are.
    fn to_strings(&self, nulls: Option<NullBuffer>) -> StringViewArray;
}

impl ColumnTexts for StringViewArray {
    fn rows(&self) -> usize {
        self.len()
    }

    #[inline]
    fn text(&self, row: usize) -> Option<&str> {
        (row < self.len() && self.is_valid(row)).then(|| self.value(row))
    }

    fn nulls(&self) -> Option<NullBuffer> {
        Array::nulls(self).cloned()
    }

    fn longest_bytes(&self) -> usize {
        self.lengths().max().unwrap_or(0) as usize
    }

    fn to_strings(&self, nulls: Option<NullBuffer>) -> StringViewArray {
        let before = Array::null_count(self);
        if nulls.as_ref().map_or(0, NullBuffer::null_count) == before {
            return self.clone();
        }
        let (views, buffers, _) = self.clone().into_parts();
        StringViewArray::try_new(views, buffers, nulls)
            .unwrap_or_else(|_| StringViewArray::new_null(self.len()))
    }
}

struct Column<'a, S> {
    texts: &'a S,
    ty: &'a SqlType,
    rejected: Vec<Rejection>,
}

impl<S: ColumnTexts> Column<'_, S> {
    /// Parses every text that is not NULL; what fails becomes a rejection.
    fn read<T: Default>(&mut self, parse: impl Fn(&[u8]) -> Result<T, Fault>) -> Vec<T> {
        let mut values = Vec::with_capacity(self.texts.rows());
        for row in 0..self.texts.rows() {
            let value = match self.texts.text(row).map(|text| parse(text.as_bytes())) {
                Some(Ok(value)) => value,
                Some(Err(fault)) => {
                    self.reject(row, fault);
                    T::default()
                }
                None => T::default(),
            };
            values.push(value);
        }
        values
    }

    fn reject(&mut self, row: usize, fault: Fault) {
        let (code, message) = describe(self.texts.text(row).unwrap_or_default(), self.ty, fault);
        self.rejected.push(Rejection { row, code, message });
    }

    /// The nulls of the texts, and one for each rejection.
    fn nulls(&self) -> Option<NullBuffer> {
        let before = self.texts.nulls();
        if self.rejected.is_empty() {
            return before;
        }
        let mut valid = BooleanBufferBuilder::new(self.texts.rows());
        match before {
            Some(nulls) => valid.append_buffer(nulls.inner()),
            None => valid.append_n(self.texts.rows(), true),
        }
        for rejection in &self.rejected {
            valid.set_bit(rejection.row, false);
        }
        Some(NullBuffer::new(valid.finish()))
    }

    fn primitive<T: ArrowPrimitiveType>(
        mut self,
        parse: impl Fn(&[u8]) -> Result<T::Native, Fault>,
    ) -> (ArrayRef, Vec<Rejection>) {
        let values = self.read(parse);
        let array = PrimitiveArray::<T>::new(values.into(), self.nulls());
        (Arc::new(array.with_data_type(arrow_type(self.ty))), self.rejected)
    }

    fn number(self, precision: u8, scale: u8) -> (ArrayRef, Vec<Rejection>) {
        match arrow_type(self.ty) {
            // The precision is at most 18 here, so that 64 bits hold the value.
            DataType::Int64 => self.primitive::<Int64Type>(|text| {
                number::fixed(text, precision, scale).map(|value| value as i64)
            }),
            _ => self.primitive::<Decimal128Type>(|text| number::fixed(text, precision, scale)),
        }
    }

    fn dates(self, format: &InputFormat) -> (ArrayRef, Vec<Rejection>) {
        match format {
            InputFormat::Auto => self.primitive::<Date32Type>(moment::date),
            InputFormat::Pattern(pattern) => {
                self.primitive::<Date32Type>(|text| pattern.read(text).map(|moment| moment.day))
            }
        }
    }

    fn times(self, format: &InputFormat) -> (ArrayRef, Vec<Rejection>) {
        match format {
            InputFormat::Auto => self.primitive::<Time64MicrosecondType>(moment::time),
            InputFormat::Pattern(pattern) => self.primitive::<Time64MicrosecondType>(|text| {
                pattern.read(text).map(|moment| moment.micros)
            }),
        }
    }

    fn timestamps(
        self,
        format: &InputFormat,
        zone: impl Fn(Moment) -> Result<i64, Fault>,
    ) -> (ArrayRef, Vec<Rejection>) {
        match format {
            InputFormat::Auto => self.primitive::<TimestampMicrosecondType>(|text| {
                moment::timestamp(text).and_then(&zone)
            }),
            InputFormat::Pattern(pattern) => self
                .primitive::<TimestampMicrosecondType>(|text| pattern.read(text).and_then(&zone)),
        }
    }

    fn booleans(mut self) -> (ArrayRef, Vec<Rejection>) {
        let values = BooleanBuffer::from(self.read(number::boolean));
        (Arc::new(BooleanArray::new(values, self.nulls())), self.rejected)
    }

    fn strings(mut self, length: u32) -> (ArrayRef, Vec<Rejection>) {
        // A string has at most as many characters as bytes.
        if self.texts.longest_bytes() > length as usize {
            for row in 0..self.texts.rows() {
                if self.texts.text(row).is_some_and(|text| is_longer(text, length)) {
                    self.reject(row, Fault::OutOfRange);
                }
            }
        }
        (Arc::new(self.texts.to_strings(self.nulls())), self.rejected)
    }

    fn binary(mut self, length: u32, format: BinaryFormat) -> (ArrayRef, Vec<Rejection>) {
        let values = self.read(|text| {
            let bytes = decode(text, format).ok_or(Fault::NotRecognized)?;
            if bytes.len() > length as usize { Err(Fault::OutOfRange) } else { Ok(bytes) }
        });
        let nulls = self.nulls();
        let mut builder = BinaryViewBuilder::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                true => builder.append_null(),
                false => builder.append_value(value),
            }
        }
        (Arc::new(builder.finish()), self.rejected)
    }
}

fn decode(text: &[u8], format: BinaryFormat) -> Option<Vec<u8>> {
    match format {
        BinaryFormat::Utf8 => Some(text.to_vec()),
        BinaryFormat::Base64 => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        BinaryFormat::Hex => {
            let (pairs, []) = text.as_chunks::<2>() else { return None };
            let nibble = |byte: u8| (byte as char).to_digit(16);
            pairs
                .iter()
                .map(|[high, low]| Some((nibble(*high)? * 16 + nibble(*low)?) as u8))
                .collect()
        }
    }
}

/// The most characters of a text that a message shows.
const SHOWN_CHARACTERS: usize = 200;

/// The code and the words for a text that was rejected.
fn describe(text: &str, ty: &SqlType, fault: Fault) -> (Code, String) {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    match (ty, fault) {
        (SqlType::Integer, Fault::OutOfRange) => (
            Code::OUT_OF_RANGE,
            format!(
                "Number out of representable range: type INTEGER of 64 bits, value {shown}; \
                 declare NUMBER(38,0)"
            ),
        ),
        (SqlType::Number { .. } | SqlType::Float, Fault::OutOfRange) => (
            Code::OUT_OF_RANGE,
            format!("Number out of representable range: type {ty}, value {shown}"),
        ),
        (SqlType::Integer | SqlType::Number { .. } | SqlType::Float, _) => {
            (Code::NOT_A_NUMBER, format!("Numeric value '{shown}' is not recognized"))
        }
        (SqlType::Varchar { .. } | SqlType::Binary { .. }, Fault::OutOfRange) => {
            (Code::STRING_TOO_LONG, format!("String '{shown}' is too long and would be truncated"))
        }
        (SqlType::Varchar { .. } | SqlType::Binary { .. }, _) => {
            (Code::NOT_BINARY, format!("Binary value '{shown}' is not recognized"))
        }
        (SqlType::Boolean, _) => {
            (Code::NOT_A_BOOLEAN, format!("Boolean value '{shown}' is not recognized"))
        }
        (SqlType::Date | SqlType::Time | SqlType::TimestampNtz | SqlType::TimestampLtz, fault) => {
            let (code, what) = match ty {
                SqlType::Date => (Code::NOT_A_DATE, "Date"),
                SqlType::Time => (Code::NOT_A_TIME, "Time"),
                _ => (Code::NOT_A_TIMESTAMP, "Timestamp"),
            };
            let why = match fault {
                Fault::TooFine => ": it is finer than a microsecond",
                Fault::OutOfRange => ": it is not between the years 1 and 9999",
                Fault::NotRecognized => "",
            };
            (code, format!("{what} '{shown}' is not recognized{why}"))
        }
    }
}

#[cfg(test)]
mod tests;

//! The dialect's types over Arrow: parse, format, cast, compare, arithmetic; one meaning for COPY, CAST and functions.
//!
//! Every function works on whole arrays. What a value is as text, what text is
//! a value, and what happens to one that does not fit is decided here alone.
//!
//! ```
//! use arrow::array::{Array, StringViewArray};
//! use icecore_types::SqlType;
//! use icecore_values::{ParseOptions, format_array, parse_texts};
//!
//! let texts = StringViewArray::from(vec!["7", " 12.5 ", "abc"]);
//! let ty = SqlType::parse("NUMBER(10,2)")?;
//! let (numbers, rejected) = parse_texts(&texts, &ty, &ParseOptions::default());
//! assert_eq!(rejected[0].message, "Numeric value 'abc' is not recognized");
//! let shown = format_array(&numbers, &ty)?;
//! assert_eq!((shown.value(0), shown.value(1)), ("7.00", "12.50"));
//! assert!(shown.is_null(2));
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod types;
mod zone;

mod calendar;
mod date_part;
mod moment;
mod number;
mod pattern;

mod format;
mod parse;

mod arithmetic;
mod cast;
mod check;
mod rounding;

mod fingerprint;
mod hyperloglog;

pub use arithmetic::{ArithmeticOp, compute, mean, negate, result_type};
pub use calendar::{
    Civil, MAX_DAY, MAX_MICROS, MIN_DAY, MIN_MICROS, civil, day_number, days_in_month,
};
pub use cast::{OnCastError, can_cast, cast_array};
pub use check::{check_length, check_not_null};
pub use date_part::DatePart;
pub use fingerprint::{combined, fingerprints};
pub use format::format_array;
pub use hyperloglog::HyperLogLog;
pub use parse::{
    BinaryFormat, ColumnTexts, InputFormat, ParseOptions, Rejection, parse_column, parse_texts,
};
pub use pattern::Pattern;
pub use rounding::{Rounding, round_decimal, round_float, round_integer};
pub use types::{TYPE_KEY, arrow_type, canonical, field, sql_type, sql_type_of};
pub use zone::convert_zone;

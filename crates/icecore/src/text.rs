//! Text to values and values to text, one at a time.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use icecore_types::{Result, SqlType};
use icecore_values::{OnCastError, cast_array};

/// The value of this type that the text means, as an array of one.
pub(crate) fn cast_text(text: &str, sql_type: &SqlType) -> Result<ArrayRef> {
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values([text]));
    cast_array(&array, &SqlType::TEXT, sql_type, OnCastError::Fail)
}

//! What a column refuses to store.

use arrow::array::{Array, AsArray, StringViewArray};
use icecore_types::{Code, Error, Result, SqlType};

/// Refuses NULL.
///
/// # Errors
/// `InvalidInput`, 100072, naming the column, if a value is NULL.
///
/// ```
/// use arrow::array::Int64Array;
/// use icecore_types::Code;
/// let error = icecore_values::check_not_null(&Int64Array::from(vec![Some(1), None]), "ID");
/// assert_eq!(error.unwrap_err().code(), Code::NULL_NOT_ALLOWED);
/// ```
pub fn check_not_null(array: &dyn Array, column: &str) -> Result<()> {
    if array.logical_null_count() == 0 {
        return Ok(());
    }
    Err(null_in(column))
}

fn null_in(column: &str) -> Error {
    Error::new(
        Code::NULL_NOT_ALLOWED,
        format!("NULL result in a non-nullable column column={column}"),
    )
}

/// Refuses strings and bytes that are longer than their type allows.
///
/// # Errors
/// `InvalidInput`, 100078, showing the first one.
pub fn check_length(array: &dyn Array, ty: &SqlType) -> Result<()> {
    match *ty {
        SqlType::Varchar { length } => {
            let Some(texts) = array.as_string_view_opt() else { return Ok(()) };
            match longer_than(texts, length).first() {
                None => Ok(()),
                Some(row) => Err(too_long(texts.value(*row))),
            }
        }
        SqlType::Binary { length } => {
            let Some(values) = array.as_binary_view_opt() else { return Ok(()) };
            let longest = values.iter().flatten().map(<[u8]>::len).max().unwrap_or(0);
            if longest <= length as usize {
                return Ok(());
            }
            Err(Error::new(
                Code::STRING_TOO_LONG,
                format!("binary value is too long and would be truncated length_bytes={longest}"),
            ))
        }
        _ => Ok(()),
    }
}

fn too_long(text: &str) -> Error {
    let shown: String = text.chars().take(200).collect();
    Error::new(
        Code::STRING_TOO_LONG,
        format!("String '{shown}' is too long and would be truncated"),
    )
}

/// Whether a text has more characters than `length`.
pub(crate) fn is_longer(text: &str, length: u32) -> bool {
    text.len() > length as usize && text.chars().count() > length as usize
}

/// The rows whose text has more characters than `length`.
fn longer_than(texts: &StringViewArray, length: u32) -> Vec<usize> {
    // No text has more characters than bytes.
    if texts.lengths().all(|bytes| bytes <= length) {
        return Vec::new();
    }
    let long = |text: Option<&str>| text.is_some_and(|text| is_longer(text, length));
    texts.iter().enumerate().filter(|(_, text)| long(*text)).map(|(row, _)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        let texts = StringViewArray::from(vec![Some("äöü"), None, Some("abcd")]);
        assert_eq!(longer_than(&texts, 3), [2]);
        assert!(check_length(&texts, &SqlType::Varchar { length: 4 }).is_ok());
        let error = check_length(&texts, &SqlType::Varchar { length: 3 }).unwrap_err();
        assert_eq!(error.code(), Code::STRING_TOO_LONG);
    }

    #[test]
    fn null_is_named() {
        let texts = StringViewArray::from(vec![Some("a"), None]);
        assert!(check_not_null(&texts, "C").unwrap_err().message().contains("column=C"));
        assert!(check_not_null(&texts.slice(0, 1), "C").is_ok());
    }
}

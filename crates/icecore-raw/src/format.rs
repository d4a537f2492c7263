//! File formats: which options there are and what they mean.

mod csv_format;
mod describe;
mod text;

#[cfg(test)]
mod tests;

pub use csv_format::{Compression, CsvFormat, RecordDelimiter};
pub use describe::{FormatProperty, describe_format};

use icecore_types::{Code, Error, FileFormatDefinition, Result};

/// Checks the options of a file format and gives them their stored form:
/// upper-case keys to canonical text, only those that were given.
///
/// ```
/// use icecore_raw::check_format;
/// let given = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
/// assert!(check_format(&[given("type", "csv"), given("SKIP_HEADER", "1")]).is_ok());
/// assert!(check_format(&[given("FIELD_DELIMITER", "aa"), given("RECORD_DELIMITER", "aabb")]).is_err());
/// assert!(check_format(&[given("COLOUR", "blue")]).is_err());
/// ```
///
/// # Errors
/// `InvalidInput` for an option that does not exist, is given twice or cannot
/// have this value; `Unsupported` for one that the engine does not have.
pub fn check_format(options: &[(String, Vec<String>)]) -> Result<FileFormatDefinition> {
    let mut definition = FileFormatDefinition::default();
    for (key, values) in options {
        let key = key.to_uppercase();
        let values = canonical(&key, values)?;
        if definition.options.insert(key.clone(), values).is_some() {
            return Err(invalid(format!("file format option {key} is given twice")));
        }
    }
    definition.options.entry("TYPE".to_owned()).or_insert_with(|| vec!["CSV".to_owned()]);
    CsvFormat::from_definition(&definition)?;
    Ok(definition)
}

/// The stored text of an option: escapes of delimiters resolved, words in
/// upper case, everything else as it was given.
fn canonical(key: &str, values: &[String]) -> Result<Vec<String>> {
    let one = || match values {
        [value] => Ok(value.as_str()),
        _ => Err(invalid(format!("file format option {key} takes one value"))),
    };
    Ok(match key {
        "NULL_IF" => values.to_vec(),
        "FIELD_DELIMITER"
        | "RECORD_DELIMITER"
        | "ESCAPE"
        | "ESCAPE_UNENCLOSED_FIELD"
        | "FIELD_OPTIONALLY_ENCLOSED_BY" => {
            let value = one()?;
            if value.eq_ignore_ascii_case("NONE") {
                vec!["NONE".to_owned()]
            } else {
                vec![text::unescape(value).map_err(|error| error.context(key))?]
            }
        }
        "DATE_FORMAT" | "TIME_FORMAT" | "TIMESTAMP_FORMAT" => {
            let value = one()?.trim();
            vec![if value.eq_ignore_ascii_case("AUTO") { "AUTO" } else { value }.to_owned()]
        }
        _ => vec![one()?.trim().to_uppercase()],
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::INVALID_OPTION, message)
}

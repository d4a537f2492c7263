//! File formats: which options there are and what they mean.

mod csv_format;
mod describe;
mod json_format;
mod option;
mod parquet_format;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use csv_format::{CsvFormat, RecordDelimiter};
pub use describe::{FormatProperty, describe_format};
pub use json_format::JsonFormat;
pub use option::Compression;
pub use parquet_format::ParquetFormat;

use icecore_types::{Error, FileFormatDefinition, Result};
use option::{invalid, wrong};

/// What kind of files a format is for.
///
/// ```
/// assert_eq!(icecore_raw::FileType::Json.as_str(), "JSON");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// Fields between delimiters.
    Csv,
    /// Documents.
    Json,
    /// Columns.
    Parquet,
}

impl FileType {
    /// As the option `TYPE` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Parquet => "PARQUET",
        }
    }

    /// The type that a definition's options are those of.
    ///
    /// # Errors
    /// `Unsupported` for a type that the engine does not read, `InvalidInput`
    /// for one that is none.
    pub fn of(definition: &FileFormatDefinition) -> Result<Self> {
        match definition.options.get("TYPE").map(Vec::as_slice) {
            None => Ok(Self::Csv),
            Some([text]) => Self::parse(text),
            Some(_) => Err(invalid("file format option TYPE takes one value")),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "CSV" => Ok(Self::Csv),
            "JSON" => Ok(Self::Json),
            "PARQUET" => Ok(Self::Parquet),
            "AVRO" | "ORC" | "XML" => {
                Err(Error::unsupported(format_args!("file format option TYPE = {text}"))
                    .with_help("CSV, JSON and PARQUET are read"))
            }
            _ => Err(wrong("TYPE", text, "CSV, JSON or PARQUET")),
        }
    }
}

/// How to read a file.
///
/// ```
/// use icecore_raw::{FileFormat, FileType, check_format};
/// let given = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
/// let definition = check_format(&[given("TYPE", "JSON"), given("STRIP_OUTER_ARRAY", "TRUE")])?;
/// let format = FileFormat::from_definition(&definition)?;
/// assert_eq!(format.file_type(), FileType::Json);
/// let FileFormat::Json(json) = format else { panic!() };
/// assert!(json.strip_outer_array);
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum FileFormat {
    /// As CSV.
    Csv(Arc<CsvFormat>),
    /// As JSON.
    Json(Arc<JsonFormat>),
    /// As Parquet.
    Parquet(Arc<ParquetFormat>),
}

impl Default for FileFormat {
    fn default() -> Self {
        Self::Csv(Arc::default())
    }
}

impl FileFormat {
    /// The format that these options mean, defaults filled in.
    ///
    /// # Errors
    /// As [`check_format`].
    pub fn from_definition(definition: &FileFormatDefinition) -> Result<Self> {
        Ok(match FileType::of(definition)? {
            FileType::Csv => Self::Csv(Arc::new(CsvFormat::from_definition(definition)?)),
            FileType::Json => Self::Json(Arc::new(JsonFormat::from_definition(definition)?)),
            FileType::Parquet => {
                Self::Parquet(Arc::new(ParquetFormat::from_definition(definition)?))
            }
        })
    }

    /// What kind of files it is for.
    pub fn file_type(&self) -> FileType {
        match self {
            Self::Csv(_) => FileType::Csv,
            Self::Json(_) => FileType::Json,
            Self::Parquet(_) => FileType::Parquet,
        }
    }
}

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
    FileFormat::from_definition(&definition)?;
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
        "FILE_EXTENSION" => vec![one()?.to_owned()],
        _ => vec![one()?.trim().to_uppercase()],
    })
}

//! CSV: every option with its default and its rules.

use icecore_types::{Error, FileFormatDefinition, Result};
use icecore_values::{BinaryFormat, InputFormat, ParseOptions};

use super::invalid;

/// How the bytes of a file are compressed.
///
/// ```
/// assert_eq!(icecore_raw::CsvFormat::default().compression, icecore_raw::Compression::Auto);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Seen from the first bytes of the file.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// Gzip, of one or more members.
    Gzip,
}

/// What ends a record.
///
/// ```
/// use icecore_raw::{CsvFormat, RecordDelimiter, check_format};
/// let given = [("RECORD_DELIMITER".to_owned(), vec![";".to_owned()])];
/// let format = CsvFormat::from_definition(&check_format(&given)?)?;
/// assert_eq!(format.record_delimiter, RecordDelimiter::Text(";".to_owned()));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordDelimiter {
    /// A line feed, with or without a carriage return before it.
    #[default]
    Newline,
    /// These characters.
    Text(String),
    /// Nothing: a file is one record.
    None,
}

/// How to read a CSV file. The meaning of each option and its default are
/// those of Snowflake's `CREATE FILE FORMAT`.
///
/// ```
/// use icecore_raw::{CsvFormat, RecordDelimiter};
/// let format = CsvFormat::default();
/// assert_eq!(format.record_delimiter, RecordDelimiter::Newline);
/// assert_eq!(format.null_if, ["\\N"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CsvFormat {
    /// `COMPRESSION`, default `AUTO`.
    pub compression: Compression,
    /// `RECORD_DELIMITER`, default a new line.
    pub record_delimiter: RecordDelimiter,
    /// `FIELD_DELIMITER`, default `,`; nothing: a record is one field.
    pub field_delimiter: Option<String>,
    /// `SKIP_HEADER`: lines at the start that are not data, default 0.
    pub skip_header: u64,
    /// `SKIP_BLANK_LINES`, default false.
    pub skip_blank_lines: bool,
    /// `TRIM_SPACE`: blanks around a field are not data, default false.
    pub trim_space: bool,
    /// `FIELD_OPTIONALLY_ENCLOSED_BY`: `'` or `"`, default none.
    pub enclosed_by: Option<u8>,
    /// `ESCAPE`: inside an enclosed field the next character is data, default
    /// none.
    pub escape: Option<u8>,
    /// `ESCAPE_UNENCLOSED_FIELD`: outside one likewise, default `\`.
    pub escape_unenclosed: Option<u8>,
    /// `NULL_IF`: texts that mean NULL, default `\N`.
    pub null_if: Vec<String>,
    /// `EMPTY_FIELD_AS_NULL`, default true.
    pub empty_field_as_null: bool,
    /// `ERROR_ON_COLUMN_COUNT_MISMATCH`, default true.
    pub error_on_column_count_mismatch: bool,
    /// `SKIP_BYTE_ORDER_MARK`, default true.
    pub skip_byte_order_mark: bool,
    /// `REPLACE_INVALID_CHARACTERS`, default false.
    pub replace_invalid_characters: bool,
    /// `MULTI_LINE`: a record delimiter may stand in an enclosed field,
    /// default true.
    pub multi_line: bool,
    /// `DATE_FORMAT`, default `AUTO`.
    pub date_format: String,
    /// `TIME_FORMAT`, default `AUTO`.
    pub time_format: String,
    /// `TIMESTAMP_FORMAT`, default `AUTO`.
    pub timestamp_format: String,
    /// `BINARY_FORMAT`: `HEX`, `BASE64` or `UTF8`, default `HEX`.
    pub binary_format: BinaryFormat,
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self {
            compression: Compression::Auto,
            record_delimiter: RecordDelimiter::Newline,
            field_delimiter: Some(",".to_owned()),
            skip_header: 0,
            skip_blank_lines: false,
            trim_space: false,
            enclosed_by: None,
            escape: None,
            escape_unenclosed: Some(b'\\'),
            null_if: vec!["\\N".to_owned()],
            empty_field_as_null: true,
            error_on_column_count_mismatch: true,
            skip_byte_order_mark: true,
            replace_invalid_characters: false,
            multi_line: true,
            date_format: "AUTO".to_owned(),
            time_format: "AUTO".to_owned(),
            timestamp_format: "AUTO".to_owned(),
            binary_format: BinaryFormat::Hex,
        }
    }
}

impl CsvFormat {
    /// The format that these options mean, defaults filled in.
    ///
    /// # Errors
    /// As [`check_format`](crate::check_format).
    pub fn from_definition(definition: &FileFormatDefinition) -> Result<Self> {
        let mut format = Self::default();
        for (key, values) in &definition.options {
            match (key.as_str(), values.as_slice()) {
                ("NULL_IF", texts) => format.null_if = texts.to_vec(),
                (_, [value]) => format.set(key, value)?,
                _ => return Err(invalid(format!("file format option {key} takes one value"))),
            }
        }
        format.check()?;
        Ok(format)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "TYPE" => only(key, value, "CSV", &["JSON", "AVRO", "ORC", "PARQUET", "XML"])?,
            "COMPRESSION" => self.compression = compression(value)?,
            "RECORD_DELIMITER" => self.record_delimiter = record_delimiter(value)?,
            "FIELD_DELIMITER" => self.field_delimiter = delimiter(key, value)?,
            "SKIP_HEADER" => {
                self.skip_header =
                    value.parse().map_err(|_| wrong(key, value, "a number of lines"))?;
            }
            "FIELD_OPTIONALLY_ENCLOSED_BY" => {
                self.enclosed_by = match value {
                    "NONE" => None,
                    "'" => Some(b'\''),
                    "\"" => Some(b'"'),
                    _ => return Err(wrong(key, value, "NONE, ' or \"")),
                }
            }
            "ESCAPE" => self.escape = single(key, value)?,
            "ESCAPE_UNENCLOSED_FIELD" => self.escape_unenclosed = single(key, value)?,
            "DATE_FORMAT" => self.date_format = value.to_owned(),
            "TIME_FORMAT" => self.time_format = value.to_owned(),
            "TIMESTAMP_FORMAT" => self.timestamp_format = value.to_owned(),
            "BINARY_FORMAT" => {
                self.binary_format = match value {
                    "HEX" => BinaryFormat::Hex,
                    "BASE64" => BinaryFormat::Base64,
                    "UTF8" | "UTF-8" => BinaryFormat::Utf8,
                    _ => return Err(wrong(key, value, "HEX, BASE64 or UTF8")),
                }
            }
            "ENCODING" => match value {
                "UTF8" | "UTF-8" => {}
                _ => return Err(Error::unsupported(format_args!("ENCODING = {value}"))),
            },
            "FILE_EXTENSION" => {
                return Err(Error::unsupported("file format option FILE_EXTENSION (unloading)"));
            }
            _ => self.set_flag(key, value)?,
        }
        Ok(())
    }

    fn set_flag(&mut self, key: &str, value: &str) -> Result<()> {
        let flag = match key {
            "SKIP_BLANK_LINES" => &mut self.skip_blank_lines,
            "TRIM_SPACE" => &mut self.trim_space,
            "EMPTY_FIELD_AS_NULL" => &mut self.empty_field_as_null,
            "ERROR_ON_COLUMN_COUNT_MISMATCH" => &mut self.error_on_column_count_mismatch,
            "SKIP_BYTE_ORDER_MARK" => &mut self.skip_byte_order_mark,
            "REPLACE_INVALID_CHARACTERS" => &mut self.replace_invalid_characters,
            "MULTI_LINE" => &mut self.multi_line,
            "PARSE_HEADER" if boolean(key, value)? => {
                return Err(Error::unsupported("file format option PARSE_HEADER = TRUE")
                    .with_help("use SKIP_HEADER = 1 and name the columns in COPY INTO"));
            }
            "PARSE_HEADER" => return Ok(()),
            _ => {
                return Err(invalid(format!("file format option {key} does not exist"))
                    .with_help("the options of CSV are those of CREATE FILE FORMAT TYPE = CSV"));
            }
        };
        *flag = boolean(key, value)?;
        Ok(())
    }

    /// What must hold between the options.
    fn check(&self) -> Result<()> {
        let record = match &self.record_delimiter {
            RecordDelimiter::Newline => Some("\n"),
            RecordDelimiter::Text(text) => Some(text.as_str()),
            RecordDelimiter::None => None,
        };
        let field = self.field_delimiter.as_deref();
        if let (Some(record), Some(field)) = (record, field)
            && (record.contains(field) || field.contains(record))
        {
            return Err(invalid(format!(
                "FIELD_DELIMITER '{}' and RECORD_DELIMITER '{}' must not contain each other",
                field.escape_default(),
                record.escape_default()
            )));
        }
        let special = [
            ("FIELD_OPTIONALLY_ENCLOSED_BY", self.enclosed_by),
            ("ESCAPE", self.escape),
            ("ESCAPE_UNENCLOSED_FIELD", self.escape_unenclosed),
        ];
        for (key, byte) in special {
            let Some(byte) = byte else { continue };
            if [record, field].into_iter().flatten().any(|text| text.as_bytes().contains(&byte)) {
                return Err(invalid(format!(
                    "{key} '{}' is part of a delimiter",
                    char::from(byte).escape_default()
                ))
                .with_help(format!("set {key} = NONE or to another character")));
            }
        }
        if self.enclosed_by.is_some() && self.enclosed_by == self.escape_unenclosed {
            return Err(invalid(
                "FIELD_OPTIONALLY_ENCLOSED_BY and ESCAPE_UNENCLOSED_FIELD are the same character",
            ));
        }
        self.parse_options().map(|_| ())
    }

    /// How the texts of fields are read as values.
    ///
    /// # Errors
    /// `Unsupported` or `InvalidInput` for a date, time or timestamp format
    /// that cannot be used.
    pub(crate) fn parse_options(&self) -> Result<ParseOptions> {
        let named = |key: &str, text: &str| {
            InputFormat::parse(text)
                .map_err(|error| error.context(format!("file format option {key}")))
        };
        Ok(ParseOptions {
            date: named("DATE_FORMAT", &self.date_format)?,
            time: named("TIME_FORMAT", &self.time_format)?,
            timestamp: named("TIMESTAMP_FORMAT", &self.timestamp_format)?,
            binary: self.binary_format,
        })
    }
}

fn wrong(key: &str, value: &str, expected: &str) -> Error {
    invalid(format!("file format option {key} cannot be '{}'", value.escape_default()))
        .with_help(format!("give {expected}"))
}

fn only(key: &str, value: &str, supported: &str, known: &[&str]) -> Result<()> {
    if value == supported {
        return Ok(());
    }
    if known.contains(&value) {
        return Err(Error::unsupported(format_args!("file format option {key} = {value}"))
            .with_help(format!("only {supported} is read")));
    }
    Err(wrong(key, value, supported))
}

fn compression(value: &str) -> Result<Compression> {
    match value {
        "AUTO" => Ok(Compression::Auto),
        "NONE" => Ok(Compression::None),
        "GZIP" => Ok(Compression::Gzip),
        "BZ2" | "BROTLI" | "ZSTD" | "DEFLATE" | "RAW_DEFLATE" => {
            Err(Error::unsupported(format_args!("COMPRESSION = {value}"))
                .with_help("AUTO, GZIP and NONE are read"))
        }
        _ => Err(wrong("COMPRESSION", value, "AUTO, GZIP or NONE")),
    }
}

fn record_delimiter(value: &str) -> Result<RecordDelimiter> {
    Ok(match delimiter("RECORD_DELIMITER", value)? {
        None => RecordDelimiter::None,
        Some(text) if text == "\n" => RecordDelimiter::Newline,
        Some(text) => RecordDelimiter::Text(text),
    })
}

fn delimiter(key: &str, value: &str) -> Result<Option<String>> {
    if value == "NONE" {
        return Ok(None);
    }
    match value.chars().count() {
        1..=20 => Ok(Some(value.to_owned())),
        _ => Err(wrong(key, value, "1 to 20 characters")),
    }
}

fn single(key: &str, value: &str) -> Result<Option<u8>> {
    match value.as_bytes() {
        _ if value == "NONE" => Ok(None),
        [byte] => Ok(Some(*byte)),
        _ => Err(wrong(key, value, "NONE or one ASCII character")),
    }
}

fn boolean(key: &str, value: &str) -> Result<bool> {
    match value {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(wrong(key, value, "TRUE or FALSE")),
    }
}

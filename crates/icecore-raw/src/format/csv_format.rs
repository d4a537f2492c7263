//! CSV: every option with its default and its rules.

use icecore_types::{Error, FileFormatDefinition, Result};
use icecore_values::{BinaryFormat, ParseOptions};

use super::json_format::set_text;
use super::option::{
    Compression, Formats, binary_format, boolean, each, file_extension, invalid, no_option, wrong,
};

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
    /// `PARSE_HEADER`: the first record is the names of the fields, for
    /// MATCH_BY_COLUMN_NAME and INFER_SCHEMA, default false.
    pub parse_header: bool,
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
    /// `FILE_EXTENSION` of unloaded files, default the type's own.
    pub file_extension: Option<String>,
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self {
            compression: Compression::Auto,
            record_delimiter: RecordDelimiter::Newline,
            field_delimiter: Some(",".to_owned()),
            parse_header: false,
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
            file_extension: None,
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
        let mut null_if = std::mem::take(&mut format.null_if);
        each(definition, &mut null_if, |key, value| format.set(key, value))?;
        format.null_if = null_if;
        format.check()?;
        Ok(format)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "COMPRESSION" => self.compression = Compression::parse(value)?,
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
            "DATE_FORMAT" => set_text(&mut self.date_format, value)?,
            "TIME_FORMAT" => set_text(&mut self.time_format, value)?,
            "TIMESTAMP_FORMAT" => set_text(&mut self.timestamp_format, value)?,
            "BINARY_FORMAT" => self.binary_format = binary_format(value)?,
            "ENCODING" => match value {
                "UTF8" | "UTF-8" => {}
                _ => return Err(Error::unsupported(format_args!("ENCODING = {value}"))),
            },
            "FILE_EXTENSION" => self.file_extension = file_extension(value)?,
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
            "PARSE_HEADER" => &mut self.parse_header,
            _ => return Err(no_option(key, "CSV")),
        };
        *flag = boolean(key, value)?;
        Ok(())
    }

    /// What must hold between the options.
    fn check(&self) -> Result<()> {
        if self.parse_header && self.skip_header > 0 {
            return Err(invalid("PARSE_HEADER = TRUE and SKIP_HEADER exclude each other")
                .with_help("the names are in the first record: leave SKIP_HEADER out"));
        }
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
        Formats {
            date: &self.date_format,
            time: &self.time_format,
            timestamp: &self.timestamp_format,
            binary: self.binary_format,
        }
        .parse()
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

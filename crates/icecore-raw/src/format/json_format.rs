//! JSON: every option with its default.

use icecore_types::{Error, FileFormatDefinition, Result};
use icecore_values::{BinaryFormat, ParseOptions};

use super::option::{
    Compression, Formats, binary_format, boolean, each, file_extension, no_option,
};

/// How to read a file of JSON documents. The meaning of each option and its
/// default are those of Snowflake's `CREATE FILE FORMAT TYPE = JSON`.
///
/// ```
/// use icecore_raw::JsonFormat;
/// let format = JsonFormat::default();
/// assert!(!format.strip_outer_array && format.multi_line);
/// assert_eq!(format.null_if, ["\\N"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct JsonFormat {
    /// `COMPRESSION`, default `AUTO`.
    pub compression: Compression,
    /// `STRIP_OUTER_ARRAY`: the elements of an array that is a document are
    /// the records, default false.
    pub strip_outer_array: bool,
    /// `STRIP_NULL_VALUES`: members of objects that are null are no members,
    /// default false.
    pub strip_null_values: bool,
    /// `ALLOW_DUPLICATE`: of two members with one name the last one counts,
    /// default false: such a record is refused.
    pub allow_duplicate: bool,
    /// `MULTI_LINE`: a document may span lines, default true.
    pub multi_line: bool,
    /// `TRIM_SPACE`: blanks around a text are not data, default false.
    pub trim_space: bool,
    /// `NULL_IF`: texts that mean NULL, default `\N`.
    pub null_if: Vec<String>,
    /// `REPLACE_INVALID_CHARACTERS` or `IGNORE_UTF8_ERRORS`, default false.
    pub replace_invalid_characters: bool,
    /// `SKIP_BYTE_ORDER_MARK`, default true.
    pub skip_byte_order_mark: bool,
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

impl Default for JsonFormat {
    fn default() -> Self {
        let auto = || "AUTO".to_owned();
        Self {
            compression: Compression::Auto,
            strip_outer_array: false,
            strip_null_values: false,
            allow_duplicate: false,
            multi_line: true,
            trim_space: false,
            null_if: vec!["\\N".to_owned()],
            replace_invalid_characters: false,
            skip_byte_order_mark: true,
            date_format: auto(),
            time_format: auto(),
            timestamp_format: auto(),
            binary_format: BinaryFormat::Hex,
            file_extension: None,
        }
    }
}

impl JsonFormat {
    /// The format that these options mean, defaults filled in.
    ///
    /// # Errors
    /// As [`check_format`](crate::check_format).
    pub fn from_definition(definition: &FileFormatDefinition) -> Result<Self> {
        let mut format = Self::default();
        let mut null_if = std::mem::take(&mut format.null_if);
        each(definition, &mut null_if, |key, value| format.set(key, value))?;
        format.null_if = null_if;
        format.parse_options()?;
        Ok(format)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let flag = match key {
            "COMPRESSION" => {
                self.compression = Compression::parse(value)?;
                return Ok(());
            }
            "DATE_FORMAT" => return set_text(&mut self.date_format, value),
            "TIME_FORMAT" => return set_text(&mut self.time_format, value),
            "TIMESTAMP_FORMAT" => return set_text(&mut self.timestamp_format, value),
            "BINARY_FORMAT" => {
                self.binary_format = binary_format(value)?;
                return Ok(());
            }
            "FILE_EXTENSION" => {
                self.file_extension = file_extension(value)?;
                return Ok(());
            }
            "ENABLE_OCTAL" if boolean(key, value)? => {
                return Err(Error::unsupported("file format option ENABLE_OCTAL = TRUE")
                    .with_help("write numbers as JSON does, in decimal"));
            }
            "ENABLE_OCTAL" => return Ok(()),
            "STRIP_OUTER_ARRAY" => &mut self.strip_outer_array,
            "STRIP_NULL_VALUES" => &mut self.strip_null_values,
            "ALLOW_DUPLICATE" => &mut self.allow_duplicate,
            "MULTI_LINE" => &mut self.multi_line,
            "TRIM_SPACE" => &mut self.trim_space,
            "REPLACE_INVALID_CHARACTERS" | "IGNORE_UTF8_ERRORS" => {
                self.replace_invalid_characters |= boolean(key, value)?;
                return Ok(());
            }
            "SKIP_BYTE_ORDER_MARK" => &mut self.skip_byte_order_mark,
            _ => return Err(no_option(key, "JSON")),
        };
        *flag = boolean(key, value)?;
        Ok(())
    }

    /// How the texts of members are read as values.
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

pub(super) fn set_text(field: &mut String, value: &str) -> Result<()> {
    value.clone_into(field);
    Ok(())
}

//! Parquet: every option with its default.

use icecore_types::{Error, FileFormatDefinition, Result};

use super::option::{boolean, each, file_extension, no_option, wrong};

/// How to read a Parquet file. The meaning of each option and its default are
/// those of Snowflake's `CREATE FILE FORMAT TYPE = PARQUET`.
///
/// ```
/// use icecore_raw::ParquetFormat;
/// let format = ParquetFormat::default();
/// assert!(format.binary_as_text && format.snappy);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ParquetFormat {
    /// `COMPRESSION` of unloaded files: `AUTO` and `SNAPPY` are Snappy. A file
    /// says itself how it is compressed.
    pub snappy: bool,
    /// `BINARY_AS_TEXT`: bytes without a logical type are text, default true.
    pub binary_as_text: bool,
    /// `TRIM_SPACE`: blanks around a text are not data, default false.
    pub trim_space: bool,
    /// `NULL_IF`: texts that mean NULL, default `\N`.
    pub null_if: Vec<String>,
    /// `REPLACE_INVALID_CHARACTERS`, default false.
    pub replace_invalid_characters: bool,
    /// `FILE_EXTENSION` of unloaded files, default the type's own.
    pub file_extension: Option<String>,
}

impl Default for ParquetFormat {
    fn default() -> Self {
        Self {
            snappy: true,
            binary_as_text: true,
            trim_space: false,
            null_if: vec!["\\N".to_owned()],
            replace_invalid_characters: false,
            file_extension: None,
        }
    }
}

impl ParquetFormat {
    /// The format that these options mean, defaults filled in.
    ///
    /// # Errors
    /// As [`check_format`](crate::check_format).
    pub fn from_definition(definition: &FileFormatDefinition) -> Result<Self> {
        let mut format = Self::default();
        let mut null_if = std::mem::take(&mut format.null_if);
        each(definition, &mut null_if, |key, value| format.set(key, value))?;
        format.null_if = null_if;
        Ok(format)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let flag = match key {
            "COMPRESSION" => {
                self.snappy = match value {
                    "AUTO" | "SNAPPY" => true,
                    "NONE" => false,
                    "LZO" => return Err(Error::unsupported("COMPRESSION = LZO")),
                    _ => return Err(wrong(key, value, "AUTO, SNAPPY or NONE")),
                };
                return Ok(());
            }
            "SNAPPY_COMPRESSION" => &mut self.snappy,
            "FILE_EXTENSION" => {
                self.file_extension = file_extension(value)?;
                return Ok(());
            }
            // There is one way to read a file.
            "USE_VECTORIZED_SCANNER" => {
                return Err(Error::unsupported("file format option USE_VECTORIZED_SCANNER")
                    .with_help("leave it out: every file is read in batches"));
            }
            "BINARY_AS_TEXT" => &mut self.binary_as_text,
            // The logical types of a file are always used.
            "USE_LOGICAL_TYPE" if boolean(key, value)? => return Ok(()),
            "USE_LOGICAL_TYPE" => {
                return Err(Error::unsupported("file format option USE_LOGICAL_TYPE = FALSE")
                    .with_help("leave it out: dates, times and timestamps are read as such"));
            }
            "TRIM_SPACE" => &mut self.trim_space,
            "REPLACE_INVALID_CHARACTERS" => &mut self.replace_invalid_characters,
            _ => return Err(no_option(key, "PARQUET")),
        };
        *flag = boolean(key, value)?;
        Ok(())
    }
}

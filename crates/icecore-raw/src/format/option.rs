//! Options that several types of files have, and how their values are read.

use icecore_types::{Code, Error, FileFormatDefinition, Result};
use icecore_values::{BinaryFormat, InputFormat, ParseOptions};

/// How the bytes of a file are compressed.
///
/// ```
/// assert_eq!(icecore_raw::CsvFormat::default().compression, icecore_raw::Compression::Auto);
/// assert_eq!(icecore_raw::Compression::RawDeflate.as_str(), "RAW_DEFLATE");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Seen from the first bytes of the file, and from its name where these
    /// say nothing. Brotli is not recognised.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// Gzip, of one or more members.
    Gzip,
    /// Bzip2, of one or more streams.
    Bz2,
    /// Zstandard, of one or more frames.
    Zstd,
    /// Deflate in a zlib envelope.
    Deflate,
    /// Deflate alone.
    RawDeflate,
    /// Brotli.
    Brotli,
}

impl Compression {
    /// As the option `COMPRESSION` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::None => "NONE",
            Self::Gzip => "GZIP",
            Self::Bz2 => "BZ2",
            Self::Zstd => "ZSTD",
            Self::Deflate => "DEFLATE",
            Self::RawDeflate => "RAW_DEFLATE",
            Self::Brotli => "BROTLI",
        }
    }

    /// What ends the names of files that are compressed so, without a dot.
    pub const fn extension(self) -> Option<&'static str> {
        match self {
            Self::Auto | Self::None => None,
            Self::Gzip => Some("gz"),
            Self::Bz2 => Some("bz2"),
            Self::Zstd => Some("zst"),
            Self::Deflate => Some("deflate"),
            Self::RawDeflate => Some("raw_deflate"),
            Self::Brotli => Some("br"),
        }
    }

    pub(super) fn parse(value: &str) -> Result<Self> {
        [
            Self::Auto,
            Self::None,
            Self::Gzip,
            Self::Bz2,
            Self::Zstd,
            Self::Deflate,
            Self::RawDeflate,
            Self::Brotli,
        ]
        .into_iter()
        .find(|compression| compression.as_str() == value)
        .ok_or_else(|| {
            let known = "AUTO, GZIP, BZ2, BROTLI, ZSTD, DEFLATE, RAW_DEFLATE or NONE";
            wrong("COMPRESSION", value, known)
        })
    }
}

/// How the texts of a file are read as values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Formats<'a> {
    pub(super) date: &'a str,
    pub(super) time: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) binary: BinaryFormat,
}

impl Formats<'_> {
    /// # Errors
    /// `Unsupported` or `InvalidInput` for a date, time or timestamp format
    /// that cannot be used.
    pub(super) fn parse(&self) -> Result<ParseOptions> {
        let named = |key: &str, text: &str| {
            InputFormat::parse(text)
                .map_err(|error| error.context(format!("file format option {key}")))
        };
        Ok(ParseOptions {
            date: named("DATE_FORMAT", self.date)?,
            time: named("TIME_FORMAT", self.time)?,
            timestamp: named("TIMESTAMP_FORMAT", self.timestamp)?,
            binary: self.binary,
        })
    }
}

/// Gives each option to `set`, those of NULL_IF as a list to `null_if`.
pub(super) fn each(
    definition: &FileFormatDefinition,
    null_if: &mut Vec<String>,
    mut set: impl FnMut(&str, &str) -> Result<()>,
) -> Result<()> {
    for (key, values) in &definition.options {
        match (key.as_str(), values.as_slice()) {
            ("NULL_IF", texts) => *null_if = texts.to_vec(),
            ("TYPE", _) => {}
            (_, [value]) => set(key, value)?,
            _ => return Err(invalid(format!("file format option {key} takes one value"))),
        }
    }
    Ok(())
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::INVALID_OPTION, message)
}

pub(super) fn wrong(key: &str, value: &str, expected: &str) -> Error {
    invalid(format!("file format option {key} cannot be '{}'", value.escape_default()))
        .with_help(format!("give {expected}"))
}

pub(super) fn no_option(key: &str, file_type: &str) -> Error {
    invalid(format!("file format option {key} does not exist")).with_help(format!(
        "the options of {file_type} are those of CREATE FILE FORMAT TYPE = {file_type}"
    ))
}

pub(super) fn boolean(key: &str, value: &str) -> Result<bool> {
    match value {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(wrong(key, value, "TRUE or FALSE")),
    }
}

pub(super) fn binary_format(value: &str) -> Result<BinaryFormat> {
    match value {
        "HEX" => Ok(BinaryFormat::Hex),
        "BASE64" => Ok(BinaryFormat::Base64),
        "UTF8" | "UTF-8" => Ok(BinaryFormat::Utf8),
        _ => Err(wrong("BINARY_FORMAT", value, "HEX, BASE64 or UTF8")),
    }
}

/// What ends the names of files that are unloaded.
pub(super) fn file_extension(value: &str) -> Result<Option<String>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match value {
        _ if value.eq_ignore_ascii_case("NONE") || value.is_empty() => Ok(None),
        _ if value.len() <= 64 && value.chars().all(is_plain) && !value.contains("..") => {
            Ok(Some(value.trim_start_matches('.').to_owned()))
        }
        _ => Err(wrong("FILE_EXTENSION", value, "up to 64 letters, digits, dots, _ and -")),
    }
}

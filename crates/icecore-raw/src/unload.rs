//! Rows into files of a stage.

mod csv;
mod encoder;
mod json;
mod open;
mod parquet;

#[cfg(test)]
mod tests;

use icecore_types::{Error, Result, SqlType};
use icecore_values::BinaryFormat;

use crate::{Compression, FileFormat};
pub use open::{OpenFile, WrittenFile};

/// A column of the rows that are written.
///
/// ```
/// use icecore_raw::UnloadColumn;
/// use icecore_types::SqlType;
/// let column = UnloadColumn { name: "N".to_owned(), sql_type: SqlType::Integer };
/// assert_eq!(column.name, "N");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnloadColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
}

/// How rows become a file: a format that can be written, and the columns.
///
/// ```
/// use icecore_raw::{FileFormat, UnloadColumn, UnloadShape};
/// use icecore_types::SqlType;
/// let columns = vec![UnloadColumn { name: "N".to_owned(), sql_type: SqlType::Integer }];
/// let shape = UnloadShape::new(FileFormat::default(), columns, true)?;
/// assert_eq!(shape.extension(), "csv.gz");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnloadShape {
    format: FileFormat,
    columns: Vec<UnloadColumn>,
    header: bool,
}

impl UnloadShape {
    /// `header`: a CSV file begins with the names of the columns, and the
    /// columns of a Parquet file have their names instead of `_COL_0` and so
    /// on. JSON always has names.
    ///
    /// # Errors
    /// `Unsupported` for what the format asks for and is not written,
    /// `InvalidInput` for a type that the format has no place for.
    pub fn new(format: FileFormat, columns: Vec<UnloadColumn>, header: bool) -> Result<Self> {
        match &format {
            FileFormat::Csv(csv) => {
                as_written(&[&csv.date_format, &csv.time_format, &csv.timestamp_format])?;
                binary_as_written(csv.binary_format)?;
                csv::check(csv)?;
            }
            FileFormat::Json(json) => {
                as_written(&[&json.date_format, &json.time_format, &json.timestamp_format])?;
                binary_as_written(json.binary_format)?;
            }
            FileFormat::Parquet(_) => parquet::check(&columns)?,
        }
        Ok(Self { format, columns, header })
    }

    /// What the names of the files end with, without the dot.
    pub fn extension(&self) -> String {
        let (given, own, compression) = match &self.format {
            FileFormat::Csv(csv) => (&csv.file_extension, "csv", written(csv.compression)),
            FileFormat::Json(json) => (&json.file_extension, "json", written(json.compression)),
            FileFormat::Parquet(parquet) => {
                let own = if parquet.snappy { "snappy.parquet" } else { "parquet" };
                (&parquet.file_extension, own, Compression::None)
            }
        };
        match (given, compression.extension()) {
            (Some(given), _) => given.trim_start_matches('.').to_owned(),
            (None, Some(end)) => format!("{own}.{end}"),
            (None, None) => own.to_owned(),
        }
    }
}

/// AUTO is gzip for a file that is written.
fn written(compression: Compression) -> Compression {
    match compression {
        Compression::Auto => Compression::Gzip,
        other => other,
    }
}

fn as_written(formats: &[&String]) -> Result<()> {
    match formats.iter().find(|format| !format.eq_ignore_ascii_case("AUTO")) {
        Some(format) => {
            Err(Error::unsupported(format_args!("unloading with the format '{format}'"))
                .with_help("TO_VARCHAR(value, format) in the query gives texts of any format"))
        }
        None => Ok(()),
    }
}

fn binary_as_written(format: BinaryFormat) -> Result<()> {
    match format {
        BinaryFormat::Hex => Ok(()),
        _ => Err(Error::unsupported("unloading with a BINARY_FORMAT other than HEX")),
    }
}

//! Raw data: the files of a stage, the formats that say how to read them, and
//! a CSV reader that turns them into Arrow with an exact place for each error.
//!
//! ```
//! use icecore_raw::{CsvFormat, check_format};
//!
//! let options = [("FIELD_DELIMITER".to_owned(), vec!["|".to_owned()])];
//! let format = CsvFormat::from_definition(&check_format(&options)?)?;
//! assert_eq!(format.field_delimiter.as_deref(), Some("|"));
//! # Ok::<(), icecore_types::Error>(())
//! ```

mod csv;
mod format;
mod stage;

pub use csv::{
    CsvBlock, CsvColumn, CsvReading, CsvTarget, ErrorCategory, ReadOptions, RowError, read_csv,
};
pub use format::{
    Compression, CsvFormat, FormatProperty, RecordDelimiter, check_format, describe_format,
};
pub use stage::{
    ContentKeys, FileCompression, PutResult, PutStatus, RawFile, StageFile, StageFiles, local_files,
};

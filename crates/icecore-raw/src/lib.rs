//! Raw data: the files of a stage, the formats that say how to read them, and
//! readers that turn them into Arrow with an exact place for each error.
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
mod infer;
mod json;
mod lines;
mod notification;
mod parquet;
mod reading;
mod source;
mod stage;
mod target;
mod unload;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod round_trip;

pub use csv::first_record;
pub use format::{
    Compression, CsvFormat, FileFormat, FileType, FormatProperty, JsonFormat, ParquetFormat,
    RecordDelimiter, check_format, describe_format,
};
pub use infer::{InferOptions, InferredColumn, infer_schema};
pub use notification::{
    FileEvent, Notice, NotificationSource, SqsOptions, SqsQueue, WatchedFiles, s3_events,
};
pub use reading::{FileReading, ReadOptions, read_file};
pub use stage::{
    ContentKeys, Endpoint, FileCompression, GotFile, LocalFolder, PutResult, PutStatus, RawFile,
    StageFile, StageFiles, StagePlace, StageUrl, local_files, open_folder,
};
pub use target::{ErrorCategory, FieldMatch, FileTarget, RowBlock, RowError, TargetColumn};
pub use unload::{OpenFile, UnloadColumn, UnloadShape, WrittenFile};

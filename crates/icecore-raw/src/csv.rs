//! Reading CSV: bytes to blocks of records, blocks to Arrow, in parallel and
//! in the order of the file.

mod columns;
mod fault;
mod quick;
mod read;
mod record;
mod source;
mod split;
mod target;
mod tokens;

#[cfg(test)]
mod tests;

pub use read::{CsvReading, ReadOptions, read_csv};
pub use target::{CsvBlock, CsvColumn, CsvTarget, ErrorCategory, RowError};

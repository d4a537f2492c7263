//! Reading CSV: bytes to blocks of records, blocks to Arrow, in parallel and
//! in the order of the file.

mod columns;
mod fault;
mod first;
mod header;
mod quick;
mod quoted;
mod record;
mod split;
mod texts;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use futures::stream::BoxStream;
use icecore_types::{Code, Error, Hash, Result};

use crate::reading::pipeline;
use crate::source::Source;
use crate::{CsvFormat, FieldMatch, FileTarget, RawFile, ReadOptions, RowBlock};
use record::Grammar;
use split::Splitter;
use tokens::Reading;

pub use first::first_record;

/// The records of a CSV file.
///
/// # Errors
/// `InvalidInput` for a format that cannot be used, or not with this target.
pub(crate) fn read(
    file: RawFile,
    format: &Arc<CsvFormat>,
    target: Arc<FileTarget>,
    options: &ReadOptions,
    hash: Arc<OnceLock<Hash>>,
) -> Result<BoxStream<'static, Result<RowBlock>>> {
    check_match(format, target.field_match())?;
    let reading = Arc::new(Reading {
        grammar: Grammar::new(format),
        parse: format.parse_options()?,
        format: Arc::clone(format),
        target,
    });
    let parsing = Arc::clone(&reading);
    let open = move |chunks, block_bytes| {
        let source = Source::open(chunks, reading.format.compression)?;
        Splitter::new(source, reading, block_bytes)
    };
    Ok(pipeline(file, options, hash, open, move |block| Reading::read(&parsing, block)))
}

fn check_match(format: &CsvFormat, matching: FieldMatch) -> Result<()> {
    match (matching.is_by_name(), format.parse_header) {
        (true, false) => Err(Error::new(
            Code::INVALID_OPTION,
            "MATCH_BY_COLUMN_NAME with CSV needs the names in the files",
        )
        .with_help("set PARSE_HEADER = TRUE in the file format")),
        (false, true) => Err(Error::new(
            Code::INVALID_OPTION,
            "PARSE_HEADER = TRUE is for MATCH_BY_COLUMN_NAME and INFER_SCHEMA only",
        )
        .with_help("use SKIP_HEADER = 1 to pass over the names")),
        _ => Ok(()),
    }
}

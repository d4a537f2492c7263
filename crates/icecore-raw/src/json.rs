//! Reading JSON: bytes to blocks of documents, blocks to Arrow by the names of
//! members.

mod members;
mod names;
mod parse;
mod rows;
mod split;
mod text;

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use futures::stream::BoxStream;
use icecore_types::{Code, Error, Hash, Result};

use crate::reading::pipeline;
use crate::source::Source;
use crate::{FileTarget, JsonFormat, RawFile, ReadOptions, RowBlock};
pub(crate) use members::{Member, each_member};
use names::Names;
use rows::Reading;
use split::Splitter;

/// The documents of a JSON file.
///
/// # Errors
/// `InvalidInput` for a format that cannot be used, or not with this target.
pub(crate) fn read(
    file: RawFile,
    format: &Arc<JsonFormat>,
    target: Arc<FileTarget>,
    options: &ReadOptions,
    hash: Arc<OnceLock<Hash>>,
) -> Result<BoxStream<'static, Result<RowBlock>>> {
    if !target.field_match().is_by_name() {
        return Err(one_column("JSON"));
    }
    let reading = Arc::new(Reading {
        parse: format.parse_options()?,
        names: Names::new(&target),
        format: Arc::clone(format),
        target,
    });
    let format = Arc::clone(format);
    let open = move |chunks, block_bytes| {
        Splitter::new(Source::open(chunks, format.compression)?, format, block_bytes)
    };
    Ok(pipeline(file, options, hash, open, move |block| reading.read(block)))
}

/// What a format of documents says where fields are counted.
pub(crate) fn one_column(file_type: &str) -> Error {
    Error::new(
        Code::INVALID_OPTION,
        format!(
            "{file_type} file format can produce one and only one column of type variant, object, \
             or array"
        ),
    )
    .with_help("load into separate columns with MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE")
}

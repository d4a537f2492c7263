//! The first record of a file, which shows its fields.

use std::sync::Arc;

use icecore_types::{Error, Result};
use tokio::task::spawn_blocking;

use super::record::Grammar;
use super::split::Splitter;
use super::tokens::Reading;
use crate::source::Source;
use crate::{CsvFormat, FileTarget, RawFile};

/// Bytes that are enough for the most records.
const FIRST_BYTES: usize = 64 << 10;

/// The fields of the first record of a CSV file behind the lines that are
/// skipped: its names, if it has some. None of an empty file.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use icecore_raw::{CsvFormat, StageFiles, first_record};
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("s"), "s".to_owned());
/// stage.put_bytes("a.csv", b"n,t\n1,2\n".to_vec()).await?;
/// let file = stage.open(&stage.list("", None).await?[0]);
/// assert_eq!(first_record(file, &CsvFormat::default()).await?, ["n", "t"]);
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// As [`read_file`](crate::read_file).
pub async fn first_record(file: RawFile, format: &CsvFormat) -> Result<Vec<String>> {
    let format = Arc::new(CsvFormat { parse_header: true, ..format.clone() });
    let reading = Arc::new(Reading {
        grammar: Grammar::new(&format),
        parse: format.parse_options()?,
        format,
        target: Arc::new(FileTarget::new("", Vec::new())),
    });
    let name = file.name.clone();
    let chunks = file.fetch(FIRST_BYTES);
    let read = move || {
        let source = Source::open(chunks, reading.format.compression)?;
        Ok(Splitter::new(source, reading, FIRST_BYTES)?.into_names())
    };
    spawn_blocking(read)
        .await
        .map_err(|error| Error::internal("reading a record").with_source(error))?
        .map_err(|error: Error| error.context(format_args!("file '{name}'")))
}

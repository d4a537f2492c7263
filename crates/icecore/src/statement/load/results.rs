//! What PUT, GET, LIST, REMOVE and COPY INTO return.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use icecore_processed::FileResult;
use icecore_raw::{GotFile, PutResult, StageFile, StageFiles};
use icecore_types::{Result, SqlType, Timestamp};

use crate::statement::perform::{Performed, named_rows};

fn texts<S: AsRef<str>>(values: impl Iterator<Item = S>) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(values))
}

fn optional_texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringViewArray::from_iter(values))
}

fn numbers(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64)))
}

fn optional_numbers(values: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values.map(|value| value.map(|value| value as i64))))
}

fn answer(columns: Vec<(&str, SqlType, ArrayRef)>) -> Result<Performed> {
    Ok(Performed::rows(named_rows(columns)?))
}

pub(super) fn put_rows(results: &[PutResult]) -> Result<Performed> {
    answer(vec![
        ("source", SqlType::TEXT, texts(results.iter().map(|r| &r.source))),
        ("target", SqlType::TEXT, texts(results.iter().map(|r| &r.target))),
        ("source_size", SqlType::Integer, numbers(results.iter().map(|r| r.source_size))),
        ("target_size", SqlType::Integer, numbers(results.iter().map(|r| r.target_size))),
        (
            "source_compression",
            SqlType::TEXT,
            texts(results.iter().map(|r| r.source_compression.as_str())),
        ),
        (
            "target_compression",
            SqlType::TEXT,
            texts(results.iter().map(|r| r.target_compression.as_str())),
        ),
        ("status", SqlType::TEXT, texts(results.iter().map(|r| r.status.as_str()))),
        ("message", SqlType::TEXT, texts(results.iter().map(|_| ""))),
    ])
}

pub(super) fn got_rows(results: &[GotFile]) -> Result<Performed> {
    answer(vec![
        ("file", SqlType::TEXT, texts(results.iter().map(|r| &r.file))),
        ("size", SqlType::Integer, numbers(results.iter().map(|r| r.size_bytes))),
        ("status", SqlType::TEXT, texts(results.iter().map(|_| "DOWNLOADED"))),
        ("message", SqlType::TEXT, texts(results.iter().map(|_| ""))),
    ])
}

pub(super) async fn list_rows(stage: &StageFiles, files: &[StageFile]) -> Result<Performed> {
    let mut checksums = Vec::with_capacity(files.len());
    for file in files {
        checksums.push(stage.shown_checksum(file).await?);
    }
    let names = files.iter().map(|file| full_name(stage, &file.path));
    answer(vec![
        ("name", SqlType::TEXT, texts(names)),
        ("size", SqlType::Integer, numbers(files.iter().map(|file| file.size_bytes))),
        ("md5", SqlType::TEXT, optional_texts(checksums.iter().map(|it| it.as_deref()))),
        (
            "last_modified",
            SqlType::TEXT,
            texts(files.iter().map(|file| http_date(file.last_modified))),
        ),
    ])
}

/// A file as LIST and REMOVE call it: of a table's or a user's stage by its
/// path alone.
fn full_name(stage: &StageFiles, path: &str) -> String {
    match stage.shown() {
        shown if shown.starts_with('@') => path.to_owned(),
        shown => format!("{shown}/{path}"),
    }
}

/// As in `Mon, 11 Sep 2019 16:57:43 GMT`.
fn http_date(time: Timestamp) -> String {
    let format = "%a, %d %b %Y %H:%M:%S GMT";
    time.to_utc().map(|utc| utc.format(format).to_string()).unwrap_or_default()
}

/// One row per file.
pub(super) fn load_rows(files: &[FileResult]) -> Result<RecordBatch> {
    named_rows(vec![
        ("file", SqlType::TEXT, texts(files.iter().map(|f| &f.file))),
        ("status", SqlType::TEXT, texts(files.iter().map(|f| f.status.as_str()))),
        ("rows_parsed", SqlType::Integer, numbers(files.iter().map(|f| f.rows_parsed))),
        ("rows_loaded", SqlType::Integer, numbers(files.iter().map(|f| f.rows_loaded))),
        ("error_limit", SqlType::Integer, numbers(files.iter().map(|f| f.error_limit))),
        ("errors_seen", SqlType::Integer, numbers(files.iter().map(|f| f.errors_seen))),
        (
            "first_error",
            SqlType::TEXT,
            optional_texts(files.iter().map(|f| f.first_error.as_deref())),
        ),
        (
            "first_error_line",
            SqlType::Integer,
            optional_numbers(files.iter().map(|f| f.first_error_line)),
        ),
        (
            "first_error_character",
            SqlType::Integer,
            optional_numbers(files.iter().map(|f| f.first_error_character)),
        ),
        (
            "first_error_column_name",
            SqlType::TEXT,
            optional_texts(files.iter().map(|f| f.first_error_column_name.as_deref())),
        ),
    ])
}

/// One row per file that was removed.
pub(super) fn removed_rows(stage: &StageFiles, removed: &[String]) -> Result<Performed> {
    let names = removed.iter().map(|name| full_name(stage, name));
    answer(vec![
        ("name", SqlType::TEXT, texts(names)),
        ("result", SqlType::TEXT, texts(removed.iter().map(|_| "removed"))),
    ])
}

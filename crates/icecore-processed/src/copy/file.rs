//! One file of a COPY.

use std::sync::Arc;

use futures::TryStreamExt;
use icecore_raw::{RowBlock, RowError, StageFile, read_file};
use icecore_types::{Error, ErrorKind, Hash, Result};

use super::Copy;
use crate::{FileResult, FileStatus, OnError};

/// Refused records of a file that are kept.
const MOST_REJECTED: usize = 1_000;

/// A file that is being loaded.
pub(super) struct FileLoad<'a> {
    file: &'a StageFile,
    on_error: OnError,
    pub(super) rows_parsed: u64,
    rows_refused: u64,
    /// Why the file could not be read to its end.
    unreadable: Option<String>,
    /// The first refused records.
    pub(super) rejected: Vec<RowError>,
}

impl<'a> FileLoad<'a> {
    pub(super) const fn new(file: &'a StageFile, on_error: OnError) -> Self {
        let (rows_parsed, rows_refused, unreadable) = (0, 0, None);
        Self { file, on_error, rows_parsed, rows_refused, unreadable, rejected: Vec::new() }
    }

    /// Reads the file to its end, and gives its rows to the sink as long as it
    /// may be kept. Returns the hash of its bytes if all of them were read.
    pub(super) async fn read(&mut self, copy: &mut Copy<'_>) -> Result<Option<Hash>> {
        let raw = copy.plan.stage.open(self.file);
        let target = Arc::clone(&copy.plan.target);
        let mut reading = read_file(raw, &copy.plan.format, target, &copy.plan.read)?;
        let before_rows = copy.rows_parsed;
        loop {
            match reading.blocks.try_next().await {
                Ok(None) => return Ok(reading.content_hash()),
                Ok(Some(block)) => self.block(block, copy).await?,
                Err(error) => return self.stopped(error).map(|()| None),
            }
            copy.rows_parsed = before_rows + self.rows_parsed;
            copy.report(&self.file.path);
        }
    }

    async fn block(&mut self, block: RowBlock, copy: &mut Copy<'_>) -> Result<()> {
        self.rows_parsed += block.rows_parsed;
        self.rows_refused += block.rows_refused();
        if let (OnError::AbortStatement, Some(error)) = (self.on_error, block.errors.first()) {
            return Err(abort(self.file, error));
        }
        let room = MOST_REJECTED.saturating_sub(self.rejected.len());
        self.rejected.extend(block.errors.into_iter().take(room));
        if self.is_skipped_already() {
            copy.sink.discard();
        } else if block.batch.num_rows() > 0 {
            copy.sink.write(copy.rows.of(&block.batch)?).await?;
        }
        Ok(())
    }

    /// A file that cannot be read is skipped like one with bad rows: its
    /// content is not to be trusted. What is no fault of the file is an error.
    fn stopped(&mut self, error: Error) -> Result<()> {
        let of_the_file = matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::ResourcesExhausted | ErrorKind::Unsupported
        );
        if self.on_error == OnError::AbortStatement || !of_the_file {
            return Err(error);
        }
        self.unreadable = Some(error.message().to_owned());
        Ok(())
    }

    /// Whether no further row can save the file.
    fn is_skipped_already(&self) -> bool {
        match self.on_error {
            OnError::SkipFile => self.rows_refused > 0,
            OnError::SkipFileCount(count) => self.rows_refused >= count.max(1),
            // Good rows may still come.
            OnError::SkipFilePercent(_) | OnError::Continue | OnError::AbortStatement => false,
        }
    }

    fn is_skipped(&self) -> bool {
        let by_percent = match self.on_error {
            OnError::SkipFilePercent(percent) => {
                self.rows_refused as f64 * 100.0 > percent * self.rows_parsed as f64
            }
            _ => false,
        };
        by_percent || self.is_skipped_already() || self.unreadable.is_some()
    }

    fn error_limit(&self) -> u64 {
        match self.on_error {
            OnError::AbortStatement | OnError::SkipFile => 1,
            OnError::SkipFileCount(count) => count.max(1),
            OnError::SkipFilePercent(percent) => {
                (percent * self.rows_parsed as f64 / 100.0).floor() as u64 + 1
            }
            OnError::Continue => self.rows_parsed,
        }
    }

    /// The file's row of the result, once it was read.
    pub(super) fn result(&self) -> FileResult {
        let good = self.rows_parsed - self.rows_refused;
        let failed = self.is_skipped() || (self.rows_refused > 0 && good == 0);
        let status = match (failed, self.rows_refused) {
            (true, _) => FileStatus::LoadFailed,
            (false, 0) => FileStatus::Loaded,
            (false, _) => FileStatus::PartiallyLoaded,
        };
        let first = self.rejected.first();
        FileResult {
            file: self.file.path.clone(),
            status,
            rows_parsed: self.rows_parsed,
            rows_loaded: if failed { 0 } else { good },
            error_limit: self.error_limit(),
            errors_seen: self.rows_refused + u64::from(self.unreadable.is_some()),
            first_error: first
                .map(|error| error.message.clone())
                .or_else(|| self.unreadable.clone()),
            first_error_line: first.map(|error| error.line),
            first_error_character: first.map(|error| error.character),
            first_error_column_name: first.and_then(|error| error.column.clone()),
        }
    }
}

/// The error that ends a COPY with ABORT_STATEMENT, as the dialect words it.
fn abort(file: &StageFile, error: &RowError) -> Error {
    let column = error.column.as_ref().map(|column| format!(", column {column}"));
    Error::new(
        error.code,
        format!(
            "{}\n  File '{}', line {}, character {}\n  Row {} starts at line {}{}\n  If you would \
             like to continue loading when an error is encountered, use other values such as \
             'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option.",
            error.message,
            file.path,
            error.line,
            error.character,
            error.row,
            error.start_line,
            column.unwrap_or_default(),
        ),
    )
}

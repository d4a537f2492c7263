//! One file of a COPY.

use icecore_raw::{ErrorCategory, RowError, StageFile};
use icecore_types::{Error, ErrorKind, Result};

use super::Copy;
use super::ahead::Reading;
use super::block::Prepared;
use super::judging::judge;
use crate::{FileResult, FileStatus, OnError, Rejected};

/// Refused records that are told at once at most.
const TOLD_AT_ONCE: usize = 4_096;

/// A file that is being loaded.
pub(super) struct FileLoad<'a> {
    file: &'a StageFile,
    on_error: OnError,
    pub(super) rows_parsed: u64,
    rows_refused: u64,
    rows_diverted: u64,
    /// Why the file could not be read to its end.
    unreadable: Option<String>,
    /// The first refused record.
    first: Option<RowError>,
}

impl<'a> FileLoad<'a> {
    pub(super) const fn new(file: &'a StageFile, on_error: OnError) -> Self {
        let (rows_parsed, rows_refused, rows_diverted) = (0, 0, 0);
        let (unreadable, first) = (None, None);
        Self { file, on_error, rows_parsed, rows_refused, rows_diverted, unreadable, first }
    }

    /// Reads the file to its end, and gives its rows to the sink as long as it
    /// may be kept.
    pub(super) async fn read(&mut self, reading: &mut Reading, copy: &mut Copy<'_>) -> Result<()> {
        let before_rows = copy.rows_parsed;
        while let Some(block) = reading.next().await {
            match block {
                Ok(block) => self.block(block, copy).await?,
                Err(error) => return self.stopped(error, copy).await,
            }
            copy.rows_parsed = before_rows + self.rows_parsed;
            copy.report(&self.file.path);
        }
        Ok(())
    }

    async fn block(&mut self, mut block: Prepared, copy: &mut Copy<'_>) -> Result<()> {
        self.rows_parsed += block.rows_parsed;
        let mut judged = judge(copy.plan, self.file, &mut block)?;
        if self.first.is_none() {
            self.first = judged.first().cloned();
        }
        self.rows_refused += block.rows_refused() + judged.rows_rejected;
        let rejected = std::mem::take(&mut judged.rejected);
        let aborting = rejected.first().filter(|_| self.on_error == OnError::AbortStatement);
        if let Some(error) = aborting.or(judged.fatal.as_ref()) {
            return Err(abort(self.file, error, judged.fatal.is_some()));
        }
        self.tell(rejected, copy).await?;
        let diverted = judged.diverted.map(|diverted| (diverted.batch, diverted.errors));
        let (batch, errors) = diverted.unzip();
        if let Some(errors) = errors {
            self.rows_diverted += errors.len() as u64;
            self.tell(errors, copy).await?;
        }
        if self.is_skipped_already() {
            copy.sink.discard();
            return Ok(());
        }
        if let Some(batch) = batch {
            copy.sink.divert(batch).await?;
        }
        match judged.rows.num_rows() {
            0 => Ok(()),
            _ => copy.sink.write(judged.rows).await,
        }
    }

    /// Tells of rows that are not loaded.
    async fn tell(&self, errors: Vec<RowError>, copy: &Copy<'_>) -> Result<()> {
        let mut errors = errors.into_iter();
        loop {
            let file = || self.file.path.clone();
            let told: Vec<_> = errors
                .by_ref()
                .take(TOLD_AT_ONCE)
                .map(|error| Rejected { file: file(), error })
                .collect();
            if told.is_empty() {
                return Ok(());
            }
            copy.watcher.rejected(told).await?;
        }
    }

    /// A file that cannot be read is skipped like one with bad rows: its
    /// content is not to be trusted. What is no fault of the file is an error.
    async fn stopped(&mut self, error: Error, copy: &Copy<'_>) -> Result<()> {
        if self.on_error == OnError::AbortStatement || !is_of_the_file(&error) {
            return Err(error);
        }
        self.unreadable = Some(error.message().to_owned());
        let rejected = Rejected { file: self.file.path.clone(), error: whole_file(&error) };
        copy.watcher.rejected(vec![rejected]).await
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
        let diverted = if failed { 0 } else { self.rows_diverted };
        let bad = self.rows_refused + self.rows_diverted;
        let status = match (failed, bad) {
            (true, _) => FileStatus::LoadFailed,
            (false, 0) => FileStatus::Loaded,
            (false, _) => FileStatus::PartiallyLoaded,
        };
        // Rows that would go elsewhere are not what an unreadable file fails for.
        let blamed = self.rows_refused > 0 || self.unreadable.is_none();
        let first = self.first.as_ref().filter(|_| blamed);
        FileResult {
            file: self.file.path.clone(),
            size_bytes: self.file.size_bytes,
            status,
            rows_parsed: self.rows_parsed,
            rows_loaded: if failed { 0 } else { good - diverted },
            rows_diverted: diverted,
            error_limit: self.error_limit(),
            errors_seen: bad + u64::from(self.unreadable.is_some()),
            first_error: first
                .map(|error| error.message.clone())
                .or_else(|| self.unreadable.clone()),
            first_error_line: first.map(|error| error.line),
            first_error_character: first.map(|error| error.character),
            first_error_column_name: first.and_then(|error| error.column.clone()),
        }
    }
}

/// Whether a file is to blame for what stopped its reading.
pub(super) fn is_of_the_file(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::ResourcesExhausted | ErrorKind::Unsupported
    )
}

/// What is wrong with a file as a whole, as an error of no record.
pub(super) fn whole_file(error: &Error) -> RowError {
    RowError {
        row: 0,
        line: 0,
        start_line: 0,
        character: 0,
        byte_offset: 0,
        column: None,
        category: ErrorCategory::Parsing,
        code: error.code(),
        message: error.message().to_owned(),
        record: String::new(),
    }
}

/// The error that ends a COPY with ABORT_STATEMENT, as the dialect words it, or
/// for a row that is fatal under each ON_ERROR.
pub(super) fn abort(file: &StageFile, error: &RowError, is_fatal: bool) -> Error {
    let column = error.column.as_ref().map(|column| format!(", column {column}"));
    let hint = "\n  If you would like to continue loading when an error is encountered, use other \
                values such as 'SKIP_FILE' or 'CONTINUE' for the ON_ERROR option.";
    Error::new(
        error.code,
        format!(
            "{}\n  File '{}', line {}, character {}\n  Row {} starts at line {}{}{}",
            error.message,
            file.path,
            error.line,
            error.character,
            error.row,
            error.start_line,
            column.unwrap_or_default(),
            if is_fatal { "" } else { hint },
        ),
    )
}

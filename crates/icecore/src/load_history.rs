//! What was loaded and what was refused: COPY_HISTORY, LOAD_HISTORY and
//! VALIDATE, in the journals `loads` and `rejected`.
//!
//! Refused records are stored in batches while files are read, and all of them
//! before the load commits; what became of the files is stored after the
//! commit and before the statement ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use icecore_processed::{CopyPlan, FileResult, FileStatus, Rejected};
use icecore_raw::StageFiles;
use icecore_snapshot::Journal;
use icecore_types::{ByteSize, Code, Env, Error, ObjectId, QueryId, Result, SqlType, Timestamp};
use object_store::path::Path;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::cells::{Cell, Columns, batch};
use crate::statement::LoadingPipe;

/// How long a load can be seen.
pub(crate) const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Refused records that wait to be stored at most.
const UNSTORED_RECORDS: usize = 8_192;

/// As many bytes of them, of which a flush holds a few copies.
const UNSTORED_BYTES: ByteSize = ByteSize::mib(2);

/// The status of a file of which nothing was loaded.
pub(crate) const FAILED: &str = "Load failed";

/// Rows of a batch of VALIDATE.
const BATCH_ROWS: usize = 8_192;

/// The loads of an account, in the order in which they ended.
pub(crate) struct LoadHistory {
    loads: Journal,
    rejected: Arc<Journal>,
    statements: RwLock<Vec<Arc<LoadRow>>>,
    /// The last load of a table that each session began.
    last: Mutex<HashMap<(u64, ObjectId), QueryId>>,
    attempts: AtomicU64,
    env: Env,
}

/// A load that runs: one attempt at it.
pub(crate) struct LoadStatement {
    query_id: QueryId,
    table: ObjectId,
    attempt: u64,
    began: Timestamp,
    records_rejected: AtomicU64,
}

/// A load that ended well.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoadRow {
    pub(crate) query_id: QueryId,
    pub(crate) table: ObjectId,
    pub(crate) attempt: u64,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    /// Whether its values were computed from fields.
    pub(crate) transformed: bool,
    pub(crate) records_rejected: u64,
    /// Where its files are, as load keys have it, and how LIST shows that.
    pub(crate) location: String,
    pub(crate) stage: String,
    /// The stage if it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage_id: Option<ObjectId>,
    /// The stage as this process opened it.
    #[serde(skip)]
    pub(crate) opened: Option<StageFiles>,
    /// Whether files that were loaded were to be removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) purged: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pipe: Option<ObjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<Timestamp>,
    pub(crate) files: Vec<FileRow>,
}

/// What became of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileRow {
    pub(crate) file: String,
    pub(crate) status: String,
    pub(crate) size_bytes: u64,
    pub(crate) rows_parsed: u64,
    pub(crate) rows_loaded: u64,
    pub(crate) errors: u64,
    pub(crate) error_limit: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_error_line: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_error_character: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_error_column: Option<String>,
}

impl FileRow {
    fn of(file: &FileResult) -> Self {
        let status = match file.status {
            FileStatus::Loaded => "Loaded",
            FileStatus::LoadFailed => FAILED,
            FileStatus::PartiallyLoaded => "Partially loaded",
        };
        Self {
            file: file.file.clone(),
            status: status.to_owned(),
            size_bytes: file.size_bytes,
            rows_parsed: file.rows_parsed,
            rows_loaded: file.rows_loaded,
            errors: file.errors_seen,
            error_limit: file.error_limit,
            first_error: file.first_error.clone(),
            first_error_line: file.first_error_line,
            first_error_character: file.first_error_character,
            first_error_column: file.first_error_column_name.clone(),
        }
    }
}

/// A refused record as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct RejectedRow {
    query_id: QueryId,
    table: ObjectId,
    attempt: u64,
    file: String,
    #[serde(flatten)]
    error: RejectedError,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RejectedError {
    error: String,
    line: u64,
    character: u64,
    byte_offset: u64,
    category: String,
    code: String,
    sql_state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    row: u64,
    start_line: u64,
    record: String,
}

impl RejectedError {
    fn of(rejected: &Rejected) -> Self {
        let error = &rejected.error;
        Self {
            error: error.message.clone(),
            line: error.line,
            character: error.character,
            byte_offset: error.byte_offset,
            category: error.category.as_str().to_owned(),
            code: error.code.number().to_owned(),
            sql_state: error.code.sqlstate().to_owned(),
            column: error.column.clone(),
            row: error.row,
            start_line: error.start_line,
            record: error.record.clone(),
        }
    }

    /// What is said of a file that is not where it was loaded from.
    fn missing(stage: &str, file: &str) -> Self {
        let code = Code::FILE_NOT_FOUND;
        Self {
            error: format!("Remote file '{stage}/{file}' was not found: it was removed since"),
            line: 0,
            character: 0,
            byte_offset: 0,
            category: String::new(),
            code: code.number().to_owned(),
            sql_state: code.sqlstate().to_owned(),
            column: None,
            row: 0,
            start_line: 0,
            record: String::new(),
        }
    }

    /// The cells of [`REJECTED`].
    fn cells(&self, file: &str) -> Vec<Cell> {
        // What is no record of the file has no place in it.
        let place = |number: u64| if number == 0 { Cell::Null } else { Cell::count(number) };
        let text = |text: &str| if text.is_empty() { Cell::Null } else { Cell::text(text) };
        vec![
            Cell::text(&self.error),
            Cell::text(file),
            place(self.line),
            place(self.character),
            if self.line == 0 { Cell::Null } else { Cell::count(self.byte_offset) },
            text(&self.category),
            Cell::text(&self.code),
            Cell::text(&self.sql_state),
            Cell::maybe_text(self.column.clone()),
            place(self.row),
            place(self.start_line),
            Cell::text(&self.record),
        ]
    }
}

/// The columns of VALIDATE.
pub(crate) const REJECTED: Columns = &[
    ("ERROR", SqlType::TEXT),
    ("FILE", SqlType::TEXT),
    ("LINE", SqlType::Integer),
    ("CHARACTER", SqlType::Integer),
    ("BYTE_OFFSET", SqlType::Integer),
    ("CATEGORY", SqlType::TEXT),
    ("CODE", SqlType::TEXT),
    ("SQL_STATE", SqlType::TEXT),
    ("COLUMN_NAME", SqlType::TEXT),
    ("ROW_NUMBER", SqlType::Integer),
    ("ROW_START_LINE", SqlType::Integer),
    ("REJECTED_RECORD", SqlType::TEXT),
];

/// The files of a load that are not there any more, as VALIDATE shows them
/// behind the refused records; not those that the load itself removed.
pub(crate) async fn missing_files(stage: &StageFiles, load: &LoadRow) -> Result<RecordBatch> {
    let files = load.files.iter().filter(|file| !load.purged || file.status == FAILED);
    let missing = stage.missing(files.map(|file| file.file.clone()).collect()).await?;
    let row = |file: &String| RejectedError::missing(&load.stage, file).cells(file);
    batch(REJECTED, missing.iter().map(row).collect())
}

/// Refused records as VALIDATE shows them.
pub(crate) fn rejected_rows(rejected: &[Rejected]) -> Result<RecordBatch> {
    let row = |rejected: &Rejected| RejectedError::of(rejected).cells(&rejected.file);
    batch(REJECTED, rejected.iter().map(row).collect())
}

impl LoadStatement {
    /// What is remembered of it now that it is done.
    pub(crate) fn done(
        &self,
        plan: &CopyPlan,
        pipe: Option<LoadingPipe>,
        files: &[FileResult],
    ) -> LoadRow {
        LoadRow {
            query_id: self.query_id,
            table: self.table,
            attempt: self.attempt,
            began: self.began,
            ended: plan.now,
            transformed: plan.transform.is_some(),
            records_rejected: self.records_rejected.load(Ordering::Relaxed),
            location: plan.stage.location().to_owned(),
            stage: plan.stage.shown().to_owned(),
            stage_id: None,
            opened: Some(plan.stage.clone()),
            purged: false,
            pipe: pipe.map(|pipe| pipe.pipe),
            received: pipe.and_then(|pipe| pipe.received),
            files: files.iter().map(FileRow::of).collect(),
        }
    }
}

impl LoadHistory {
    /// Reads what was kept.
    pub(crate) async fn open(env: Env, root: Path) -> Result<Self> {
        let loads = Journal::open(env.clone(), root.clone(), "loads").await?;
        let rejected = Arc::new(Journal::open(env.clone(), root, "rejected").await?);
        let mut statements = Vec::new();
        for stored in loads.rows_since(env.clock.now().minus(KEPT)).await? {
            let row: LoadRow = serde_json::from_value(stored).map_err(|source| {
                Error::corrupted("a row of the load history").with_source(source)
            })?;
            statements.push(Arc::new(row));
        }
        Ok(Self {
            loads,
            rejected,
            statements: RwLock::new(statements),
            last: Mutex::default(),
            attempts: AtomicU64::new(0),
            env,
        })
    }

    /// A load begins: it is from now on the session's last one of this table.
    pub(crate) fn begin(&self, session: u64, table: ObjectId, id: QueryId) -> LoadStatement {
        self.last.lock().insert((session, table), id);
        LoadStatement {
            query_id: id,
            table,
            attempt: self.attempts.fetch_add(1, Ordering::Relaxed),
            began: self.env.clock.now(),
            records_rejected: AtomicU64::new(0),
        }
    }

    /// Takes refused records, and stores them when there are many.
    pub(crate) async fn reject(
        &self,
        statement: &LoadStatement,
        rows: Vec<Rejected>,
    ) -> Result<()> {
        statement.records_rejected.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let stored = rows.into_iter().map(|rejected| RejectedRow {
            query_id: statement.query_id,
            table: statement.table,
            attempt: statement.attempt,
            error: RejectedError::of(&rejected),
            file: rejected.file,
        });
        self.rejected.append_rows(self.env.clock.now(), stored)?;
        if self.rejected.unflushed() >= UNSTORED_RECORDS
            || self.rejected.unflushed_size() >= UNSTORED_BYTES
        {
            self.rejected.flush().await?;
        }
        Ok(())
    }

    /// Stores all refused records of a load.
    pub(crate) async fn store_rejected(&self, statement: &LoadStatement) -> Result<()> {
        match statement.records_rejected.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => self.rejected.flush().await,
        }
    }

    /// Remembers a load that ended, unless it looked at no file. The load is
    /// committed: that its row cannot be stored now is no failure of it. The
    /// row can be seen at once, and the next flush stores it.
    pub(crate) async fn record(&self, row: LoadRow) {
        if row.files.is_empty() {
            return;
        }
        let value = serde_json::to_value(&row);
        self.statements.write().push(Arc::new(row));
        if let Ok(value) = value {
            self.loads.append(value);
            let _later = self.loads.flush().await;
        }
    }

    /// Stores what is not stored yet, and forgets in time.
    pub(crate) async fn flush(&self) -> Result<()> {
        let oldest = self.env.clock.now().minus(KEPT);
        self.statements.write().retain(|row| row.ended >= oldest);
        self.loads.upkeep(KEPT).await?;
        self.rejected.upkeep(KEPT).await
    }

    /// The loads of the last 14 days, oldest first.
    pub(crate) fn rows(&self) -> Vec<Arc<LoadRow>> {
        let oldest = self.env.clock.now().minus(KEPT);
        self.statements.read().iter().filter(|row| row.ended >= oldest).cloned().collect()
    }

    /// The last load of the table that the session began.
    pub(crate) fn last(&self, session: u64, table: ObjectId) -> Option<QueryId> {
        self.last.lock().get(&(session, table)).copied()
    }

    /// The load with this id.
    pub(crate) fn load(&self, id: QueryId, table: ObjectId) -> Option<Arc<LoadRow>> {
        self.rows().into_iter().rfind(|row| row.query_id == id && row.table == table)
    }

    /// The records that a load refused, read as they are asked for.
    pub(crate) fn rejected_of(&self, load: &LoadRow) -> BoxStream<'static, Result<RecordBatch>> {
        if load.records_rejected == 0 {
            return stream::empty().boxed();
        }
        let (journal, since) = (Arc::clone(&self.rejected), load.began);
        let (id, table, attempt) = (load.query_id, load.table, load.attempt);
        let batches = stream::once(async move {
            let numbers = journal.numbers_since(since).await?;
            let read = move |number| {
                let journal = Arc::clone(&journal);
                async move { journal.rows_at(number).await }
            };
            Ok::<_, Error>(stream::iter(numbers.into_iter().flatten()).then(read))
        });
        let rows = batches.try_flatten().map(move |stored| {
            let mut cells = Vec::new();
            for value in stored? {
                let row: RejectedRow = serde_json::from_value(value)
                    .map_err(|source| Error::corrupted("a refused record").with_source(source))?;
                if (row.query_id, row.table, row.attempt) == (id, table, attempt) {
                    cells.push(row.error.cells(&row.file));
                }
            }
            batch(REJECTED, cells)
        });
        rows.map_ok(split)
            .map_ok(|batches| stream::iter(batches.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }
}

/// Batches of a size that operators like.
fn split(rows: RecordBatch) -> Vec<RecordBatch> {
    let starts = (0..rows.num_rows()).step_by(BATCH_ROWS);
    starts.map(|start| rows.slice(start, BATCH_ROWS.min(rows.num_rows() - start))).collect()
}

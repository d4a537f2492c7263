//! What was loaded and what was refused: COPY_HISTORY, LOAD_HISTORY and
//! VALIDATE, in the journals `loads` and `rejected`.
//!
//! Refused records are stored in batches while files are read, and all of them
//! before the load commits; what became of the files is stored after the
//! commit and before the statement ends. A process that dies in between leaves
//! that to the next one, which finds in the commits what the journal lacks.

mod recovered;
mod rejected;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use icecore_processed::{CopyPlan, FileResult, FileStatus, Rejected};
use icecore_raw::StageFiles;
use icecore_snapshot::{Head, Journal};
use icecore_types::{ByteSize, Env, Error, ObjectId, QueryId, Result, Timestamp};
use object_store::path::Path;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::cells::batch;
use crate::statement::LoadingPipe;
pub(crate) use rejected::{REJECTED, missing_files, rejected_rows};
use rejected::{RejectedError, RejectedRow};

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
    /// Whether it was found in the commits: its process died before it wrote
    /// it down.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) recovered: bool,
    /// Whether files that were loaded were to be removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) purged: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pipe: Option<ObjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<Timestamp>,
    pub(crate) files: Vec<FileRow>,
}

/// What became of a file. A load that was recovered knows less of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileRow {
    pub(crate) file: String,
    pub(crate) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows_parsed: Option<u64>,
    pub(crate) rows_loaded: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) errors: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error_limit: Option<u64>,
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
            size_bytes: Some(file.size_bytes),
            rows_parsed: Some(file.rows_parsed),
            rows_loaded: file.rows_loaded,
            errors: Some(file.errors_seen),
            error_limit: Some(file.error_limit),
            first_error: file.first_error.clone(),
            first_error_line: file.first_error_line,
            first_error_character: file.first_error_character,
            first_error_column: file.first_error_column_name.clone(),
        }
    }
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
            recovered: false,
            pipe: pipe.map(|pipe| pipe.pipe),
            received: pipe.and_then(|pipe| pipe.received),
            files: files.iter().map(FileRow::of).collect(),
        }
    }
}

impl LoadHistory {
    /// Reads what was kept, and finds in the commits what was not.
    pub(crate) async fn open(env: Env, root: Path, head: &Head) -> Result<Self> {
        let loads = Journal::open(env.clone(), root.clone(), "loads").await?;
        let rejected = Arc::new(Journal::open(env.clone(), root.clone(), "rejected").await?);
        let mut statements = Vec::new();
        let oldest = env.clock.now().minus(KEPT);
        for stored in loads.rows_since(oldest).await? {
            let row: LoadRow = serde_json::from_value(stored).map_err(|source| {
                Error::corrupted("a row of the load history").with_source(source)
            })?;
            statements.push(Arc::new(row));
        }
        forget_recovered_twice(&mut statements);
        for row in recovered::loads(&statements, head, (&root, oldest)) {
            // The next flush stores it.
            loads.append_rows(env.clock.now(), [&row])?;
            statements.push(Arc::new(row));
        }
        statements.sort_by_key(|row| row.ended);
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
        let (id, table) = (load.query_id, load.table);
        // Which attempt was committed is not known of one that was recovered.
        let attempt = (!load.recovered).then_some(load.attempt);
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
                let is_this = attempt.is_none_or(|attempt| row.attempt == attempt);
                if is_this && (row.query_id, row.table) == (id, table) {
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

/// A load that two processes recovered, or one that its own process wrote down
/// after all, is there once.
fn forget_recovered_twice(rows: &mut Vec<Arc<LoadRow>>) {
    let own = rows.iter().filter(|row| !row.recovered);
    let own: HashSet<_> = own.map(|row| (row.query_id, row.table)).collect();
    let mut seen = HashSet::new();
    rows.retain(|row| {
        let load = (row.query_id, row.table);
        !row.recovered || (!own.contains(&load) && seen.insert((load, row.location.clone())))
    });
}

/// Batches of a size that operators like.
fn split(rows: RecordBatch) -> Vec<RecordBatch> {
    let starts = (0..rows.num_rows()).step_by(BATCH_ROWS);
    starts.map(|start| rows.slice(start, BATCH_ROWS.min(rows.num_rows() - start))).collect()
}

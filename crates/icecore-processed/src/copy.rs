//! Running a COPY: file after file, in the order of the plan.

mod ahead;
mod block;
mod check;
mod file;
mod judging;
mod known;
mod rows;
mod sink;

#[cfg(test)]
mod tests;

use icecore_raw::StageFile;
use icecore_segment::SegmentStore;
use icecore_snapshot::{TableContent, Update};
use icecore_types::{LoadKey, LoadRecord, Result};

use crate::{CopyOutcome, CopyPlan, CopyWatcher, FileResult, FileStatus, Progress};
use ahead::{Ahead, Reading};
use block::Preparing;
pub use check::{CheckMode, check_files};
use file::FileLoad;
use known::KnownFiles;
use sink::FileRows;

/// Loads the files of a plan that are not loaded yet, and says what is to be
/// committed for it. Nothing is visible before that: a COPY that fails or is
/// dropped leaves only objects that nothing names.
///
/// A file was loaded before if `content` remembers its full path with the same
/// content; a file that failed is not remembered, one that was loaded in part
/// is, for 64 days. Rows keep the order of the files and of the records in
/// them.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use arrow::datatypes::{Field, Schema};
/// use futures::FutureExt;
/// use icecore_processed::{Again, CopyPlan, CopyWatcher, OnError, Rejected, copy_into};
/// use icecore_raw::{FileFormat, FileTarget, StageFiles, TargetColumn};
/// use icecore_segment::{ColumnCache, SegmentStore};
/// use icecore_snapshot::TableContent;
/// use icecore_types::{ByteSize, ObjectId, QueryId, SegmentId, SqlType, Timestamp, WriterId};
/// use object_store::{memory::InMemory, path::Path};
///
/// let store = Arc::new(InMemory::new());
/// let stage = StageFiles::new(store.clone(), Path::from("stage/1"), "landing".to_owned());
/// stage.put_bytes("a.csv", b"1\nx\n".to_vec()).await?;
/// let column = TargetColumn {
///     name: "N".to_owned(),
///     ordinal: 1,
///     sql_type: SqlType::Integer,
///     not_null: false,
///     output: "1".to_owned(),
/// };
/// let plan = CopyPlan {
///     table: ObjectId::from_bits(1),
///     target: Arc::new(FileTarget::new("T", vec![column])),
///     transform: None,
///     schema: Arc::new(Schema::new(vec![Field::new("1", arrow::datatypes::DataType::Int64, true)])),
///     defaults: Vec::new(),
///     metadata: Vec::new(),
///     truncated: Vec::new(),
///     files: stage.list("", None).await?,
///     stage,
///     size_limit: None,
///     format: FileFormat::default(),
///     on_error: OnError::Continue,
///     again: Again::IfNotKnown,
///     judge: None,
///     diversion: None,
///     query_id: QueryId::from_bits(1),
///     now: Timestamp::from_micros(0),
///     read: Default::default(),
///     write: Default::default(),
/// };
/// # let names = || SegmentId::new(WriterId::from_bits(1), 1);
/// # let cache = Arc::new(ColumnCache::new(ByteSize::mib(1)));
/// let segments = SegmentStore::new(store, "account/1".into(), Arc::new(names), cache);
/// struct Silent;
/// impl CopyWatcher for Silent {
///     fn rejected(
///         &self,
///         rows: Vec<Rejected>,
///     ) -> futures::future::BoxFuture<'_, icecore_types::Result<()>> {
///         assert_eq!(rows[0].error.line, 2);
///         async { Ok(()) }.boxed()
///     }
/// }
/// let outcome = copy_into(&plan, &TableContent::default(), &segments, &Silent).await?;
/// let file = &outcome.files[0];
/// assert_eq!((file.status.as_str(), file.rows_loaded), ("PARTIALLY_LOADED", 1));
/// assert!(outcome.update.is_some());
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// With `ABORT_STATEMENT` the first bad record, with its file, line, character,
/// row, column and value, and a file that cannot be read; the first row that the
/// judge lets fail the load, in the same words; otherwise only what
/// is no fault of a file: `InvalidInput` if a column that refuses NULL has
/// neither a field nor a default, and the store's.
pub async fn copy_into(
    plan: &CopyPlan,
    content: &TableContent,
    segments: &SegmentStore,
    watcher: &dyn CopyWatcher,
) -> Result<CopyOutcome> {
    let preparing = Preparing::new(plan)?;
    let files = KnownFiles::new(plan, content).not_loaded().await?;
    let mut copy = Copy {
        plan,
        watcher,
        sink: FileRows::new(plan, segments),
        files: files.len(),
        rows_parsed: 0,
        bytes_loaded: 0,
        records: Vec::new(),
        outcome: CopyOutcome::default(),
    };
    let mut ahead = Ahead::new(preparing, files);
    while !copy.is_full() {
        match ahead.next() {
            Some(reading) => copy.file(reading).await?,
            None => break,
        }
    }
    copy.finish().await
}

/// A COPY that is running.
struct Copy<'a> {
    plan: &'a CopyPlan,
    watcher: &'a dyn CopyWatcher,
    sink: FileRows<'a>,
    /// Files that are to be loaded.
    files: usize,
    rows_parsed: u64,
    /// Stored bytes of the files that are loaded.
    bytes_loaded: u64,
    records: Vec<LoadRecord>,
    outcome: CopyOutcome,
}

impl Copy<'_> {
    fn is_full(&self) -> bool {
        self.plan.size_limit.is_some_and(|limit| self.bytes_loaded > limit.get())
    }

    async fn file(&mut self, mut reading: Reading) -> Result<()> {
        let file = reading.file.clone();
        self.report(&file.path);
        let mut load = FileLoad::new(&file, self.plan.on_error);
        let before_rows = self.rows_parsed;
        load.read(&mut reading, self).await?;
        self.rows_parsed = before_rows + load.rows_parsed;
        let result = load.result();
        let is_kept = result.status != FileStatus::LoadFailed;
        if let Some(judge) = &self.plan.judge {
            judge.file_ended(is_kept)?;
        }
        if !is_kept {
            self.sink.discard();
        } else {
            self.sink.keep().await?;
            self.remember(&file, &reading, &result).await?;
        }
        self.outcome.files.push(result);
        Ok(())
    }

    async fn remember(
        &mut self,
        file: &StageFile,
        reading: &Reading,
        result: &FileResult,
    ) -> Result<()> {
        let etag = match reading.hash() {
            Some(hash) => self.plan.stage.learn(file, hash),
            None => self.plan.stage.content_key(file).await?,
        };
        self.bytes_loaded += file.size_bytes;
        self.outcome.loaded.push(file.clone());
        self.records.push(LoadRecord {
            key: LoadKey { file: self.plan.stage.full_path(file).into(), etag },
            query_id: self.plan.query_id,
            loaded_at: self.plan.now,
            size_bytes: file.size_bytes,
            rows_parsed: result.rows_parsed,
            rows_loaded: result.rows_loaded,
            errors: result.errors_seen,
            first_error: result.first_error.clone(),
        });
        Ok(())
    }

    fn report(&self, file: &str) {
        self.watcher.progress(Progress {
            file: file.to_owned(),
            files_done: self.outcome.files.len(),
            files: self.files,
            rows_parsed: self.rows_parsed,
        });
    }

    async fn finish(self) -> Result<CopyOutcome> {
        let Self { plan, sink, records, mut outcome, .. } = self;
        let (segments, diverted) = sink.finish().await?;
        if !records.is_empty() {
            outcome.update = Some(Update::Load { table: plan.table, files: records, segments });
        }
        if let Some((table, segments)) = diverted {
            outcome.diverted = Some(Update::Append { table, segments });
        }
        Ok(outcome)
    }
}

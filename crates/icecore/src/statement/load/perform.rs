//! A COPY INTO a table, run and committed.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_processed::{
    CheckMode, CopyOutcome, CopyPlan, CopyWatcher, FileResult, FileStatus, Rejected, check_files,
    copy_into,
};
use icecore_raw::{ReadOptions, StageFile};
use icecore_segment::WriteOptions;
use icecore_snapshot::{Commit, Requirement, Update};
use icecore_sql::Validation;
use icecore_types::{Code, Error, QueryId, Result, TableDefinition};
use parking_lot::Mutex;

use super::copy::{Load, LoadFiles};
use super::results::load_rows;
use crate::Progress;
use crate::load_history::{LoadRow, LoadStatement, rejected_rows};
use crate::progress::Observer;
use crate::statement::Planning;
use crate::statement::expectation::FileGate;
use crate::statement::perform::Performed;
use crate::statement::write::segment_schema;

/// Errors that a VALIDATION_MODE returns at most.
const MOST_ERRORS: usize = 100_000;

/// What a load did.
pub(crate) struct LoadDone {
    /// One per file that was looked at, named by stage and path.
    pub(crate) files: Vec<FileResult>,
    /// None if nothing was to be committed.
    pub(crate) commit: Option<Commit>,
}

impl LoadDone {
    /// Rows that are in the table now.
    pub(crate) fn rows_loaded(&self) -> u64 {
        self.files.iter().map(|file| file.rows_loaded).sum()
    }
}

impl Planning {
    /// The statement COPY INTO.
    pub(in crate::statement) async fn load(
        &self,
        load: Load,
        id: QueryId,
        observer: &Observer,
    ) -> Result<Performed> {
        if let Some(validation) = load.validation {
            return self.validate(load, validation, id, observer).await;
        }
        let failed_only = load.failed_only;
        let mut done = self.run_load(load, id, observer).await?;
        if done.files.is_empty() {
            return Performed::status("Copy executed with 0 files processed.", done.commit);
        }
        let rows_affected = Some(done.rows_loaded());
        if failed_only {
            done.files.retain(|file| file.status != FileStatus::Loaded);
        }
        let rows = Performed::rows(load_rows(&done.files)?);
        Ok(Performed { rows_affected, commit: done.commit, ..rows })
    }

    /// Loads, and commits rows and load keys together. Refused records are
    /// stored before that; what is to be seen of the load in COPY_HISTORY is
    /// stored before this returns, or later if the store does not answer.
    pub(crate) async fn run_load(
        &self,
        mut load: Load,
        id: QueryId,
        observer: &Observer,
    ) -> Result<LoadDone> {
        let engine = self.session.engine();
        let statement = engine.loads.begin(self.session.shared().id, load.table, id);
        let gate = self.open_file_gate(load.gate.take()).await?;
        let plan = self.copy_plan(&load, gate.as_ref(), id).await?;
        let watcher = Watcher { planning: self, observer, statement: &statement };
        let copied = copy_into(&plan, &load.content, &engine.segments, &watcher).await;
        if let (Err(error), Some(gate)) = (&copied, &gate)
            && error.code() == Code::EXPECTATION_VIOLATED
        {
            self.measured(gate.measured(), id);
        }
        let mut outcome = copied?;
        if !load.remembered {
            outcome.update = outcome.update.map(rows_alone);
        }
        engine.loads.store_rejected(&statement).await?;
        let commit = self.commit_load(&outcome, &load, gate.as_ref(), id).await?;
        if let (Some(gate), false) = (&gate, outcome.files.is_empty()) {
            self.measured(gate.measured(), id);
        }
        let done = statement.done(&plan, load.pipe, &outcome.files);
        let done = LoadRow { stage_id: load.stage_id, purged: load.purge, ..done };
        engine.loads.record(done).await;
        if load.purge && !outcome.loaded.is_empty() {
            plan.stage.purge(&outcome.loaded).await;
        }
        for file in &mut outcome.files {
            file.file = format!("{}/{}", plan.stage.shown(), file.file);
        }
        Ok(LoadDone { files: outcome.files, commit })
    }

    async fn copy_plan(
        &self,
        load: &Load,
        gate: Option<&FileGate>,
        id: QueryId,
    ) -> Result<CopyPlan> {
        let engine = self.session.engine();
        Ok(CopyPlan {
            table: load.table,
            target: Arc::clone(&load.target),
            transform: load.transform.clone(),
            schema: segment_schema(&load.definition),
            defaults: load.defaults.clone(),
            metadata: load.metadata.clone(),
            truncated: load.truncated.clone(),
            files: files(load).await?,
            stage: load.stage.clone(),
            size_limit: load.size_limit,
            format: load.format.clone(),
            on_error: load.on_error,
            again: load.again,
            judge: gate.map(FileGate::as_judge),
            diversion: gate.map(|gate| gate.diversion(id, engine.now())),
            query_id: id,
            now: engine.now(),
            read: ReadOptions { threads: engine.settings.threads, ..ReadOptions::default() },
            write: WriteOptions::default(),
        })
    }

    async fn commit_load(
        &self,
        outcome: &CopyOutcome,
        load: &Load,
        gate: Option<&FileGate>,
        id: QueryId,
    ) -> Result<Option<Commit>> {
        let (mut updates, mut requirements) = match &load.companion {
            Some(companion) => companion(outcome)?,
            None => Default::default(),
        };
        if let Some(update) = &outcome.update {
            updates.push(update.clone());
            requirements.push(Requirement::ObjectUnchanged { id: load.table });
        }
        if let Some(gate) = gate {
            gate.commits(outcome.diverted.clone(), &mut updates, &mut requirements)?;
        }
        if updates.is_empty() {
            return Ok(None);
        }
        self.commit(updates, requirements, id).await.map(Some)
    }

    /// VALIDATION_MODE: reads, and loads nothing.
    async fn validate(
        &self,
        mut load: Load,
        validation: Validation,
        id: QueryId,
        observer: &Observer,
    ) -> Result<Performed> {
        let gate = self.open_file_gate(load.gate.take()).await?;
        let plan = self.copy_plan(&load, gate.as_ref(), id).await?;
        let mode = match validation {
            Validation::Rows(rows) => CheckMode::Rows(rows),
            Validation::Errors => CheckMode::Errors,
            Validation::AllErrors => CheckMode::AllErrors,
        };
        let watcher = Errors { observer, found: Mutex::default() };
        let rows = check_files(&plan, &load.content, mode, &watcher).await?;
        let rows = match mode {
            CheckMode::Rows(_) => named_rows(&load.definition, &rows)?,
            _ => rejected_rows(&watcher.found.into_inner())?,
        };
        Ok(Performed::rows(rows))
    }
}

/// Rows of segments under the names of the table's columns.
fn named_rows(definition: &TableDefinition, rows: &[RecordBatch]) -> Result<RecordBatch> {
    let fields = definition.columns.iter().map(|column| {
        icecore_values::field(column.name.as_str(), &column.sql_type, !column.not_null)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let failed = |source| Error::internal("rows of a validation").with_source(source);
    let named = rows.iter().map(|batch| {
        RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).map_err(failed)
    });
    let named = named.collect::<Result<Vec<_>>>()?;
    concat_batches(&schema, &named).map_err(failed)
}

/// A load that the table keeps no files of.
fn rows_alone(update: Update) -> Update {
    match update {
        Update::Load { table, segments, .. } => Update::Append { table, segments },
        other => other,
    }
}

/// The files as they are now.
async fn files(load: &Load) -> Result<Vec<StageFile>> {
    match &load.files {
        LoadFiles::Named { path, names } => load.stage.named(path, names).await,
        LoadFiles::Below { path, pattern } => load.stage.list(path, pattern.as_ref()).await,
        LoadFiles::Given(files) => Ok(files.clone()),
    }
}

fn tell(observer: &Observer, step: &icecore_processed::Progress) {
    observer.tell(Progress {
        what: format!("loading {}", step.file),
        done: step.files_done as u64,
        total: Some(step.files as u64),
        rows: step.rows_parsed,
    });
}

/// Tells of progress, and gives refused records to the journal.
struct Watcher<'a> {
    planning: &'a Planning,
    observer: &'a Observer,
    statement: &'a LoadStatement,
}

impl CopyWatcher for Watcher<'_> {
    fn progress(&self, step: icecore_processed::Progress) {
        tell(self.observer, &step);
    }

    fn rejected(&self, rows: Vec<Rejected>) -> BoxFuture<'_, Result<()>> {
        let loads = &self.planning.session.engine().loads;
        async move { loads.reject(self.statement, rows).await }.boxed()
    }
}

/// Keeps refused records.
struct Errors<'a> {
    observer: &'a Observer,
    found: Mutex<Vec<Rejected>>,
}

impl CopyWatcher for Errors<'_> {
    fn progress(&self, step: icecore_processed::Progress) {
        tell(self.observer, &step);
    }

    fn rejected(&self, rows: Vec<Rejected>) -> BoxFuture<'_, Result<()>> {
        let mut found = self.found.lock();
        found.extend(rows);
        let too_many = found.len() > MOST_ERRORS;
        async move {
            match too_many {
                false => Ok(()),
                true => Err(Error::new(
                    Code::RESOURCES_EXHAUSTED,
                    format!(
                        "the files have more errors than VALIDATION_MODE returns most={MOST_ERRORS}"
                    ),
                )
                .with_help("load with ON_ERROR = SKIP_FILE and read VALIDATE(..), or name FILES")),
            }
        }
        .boxed()
    }
}

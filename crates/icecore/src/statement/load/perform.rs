//! A COPY INTO a table, run and committed.

use icecore_processed::{CopyOutcome, CopyPlan, FileResult, copy_into};
use icecore_raw::{ReadOptions, StageFile};
use icecore_segment::WriteOptions;
use icecore_snapshot::{Commit, Requirement};
use icecore_types::{ObjectId, QueryId, Result};

use super::copy::{Companion, Load, LoadFiles};
use super::results::load_rows;
use crate::Progress;
use crate::progress::Observer;
use crate::statement::Planning;
use crate::statement::perform::Performed;
use crate::statement::write::segment_schema;

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
        let done = self.run_load(load, id, observer).await?;
        if done.files.is_empty() {
            return Performed::status("Copy executed with 0 files processed.", done.commit);
        }
        let rows_affected = Some(done.rows_loaded());
        Ok(Performed { rows: load_rows(&done.files)?, rows_affected, commit: done.commit })
    }

    /// Loads, and commits rows and load keys together.
    pub(crate) async fn run_load(
        &self,
        load: Load,
        id: QueryId,
        observer: &Observer,
    ) -> Result<LoadDone> {
        let engine = self.session.engine();
        let files = files(&load).await?;
        let plan = CopyPlan {
            table: load.table,
            target: load.target,
            schema: segment_schema(&load.definition),
            defaults: load.defaults,
            stage: load.stage,
            files,
            format: load.format,
            on_error: load.on_error,
            force: load.force,
            query_id: id,
            now: engine.now(),
            read: ReadOptions { threads: engine.settings.threads, ..ReadOptions::default() },
            write: WriteOptions::default(),
        };
        let tell = |progress: icecore_processed::Progress| {
            observer.tell(Progress {
                what: format!("loading {}", progress.file),
                done: progress.files_done as u64,
                total: Some(progress.files as u64),
                rows: progress.rows_parsed,
            });
        };
        let mut outcome = copy_into(&plan, &load.content, &engine.segments, &tell).await?;
        let commit = self.commit_load(&outcome, load.companion.as_ref(), load.table, id).await?;
        for file in &mut outcome.files {
            file.file = format!("{}/{}", plan.stage.shown(), file.file);
        }
        Ok(LoadDone { files: outcome.files, commit })
    }

    async fn commit_load(
        &self,
        outcome: &CopyOutcome,
        companion: Option<&Companion>,
        table: ObjectId,
        id: QueryId,
    ) -> Result<Option<Commit>> {
        let (mut updates, mut requirements) = match companion {
            Some(companion) => companion(outcome)?,
            None => Default::default(),
        };
        if let Some(update) = &outcome.update {
            updates.push(update.clone());
            requirements.push(Requirement::ObjectUnchanged { id: table });
        }
        if updates.is_empty() {
            return Ok(None);
        }
        self.commit(updates, requirements, id).await.map(Some)
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

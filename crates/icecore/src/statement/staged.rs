//! Stages in queries: their files are listed before the query is planned, as
//! the role of the session may read them.

use std::sync::Arc;

use icecore_governance::Verb;
use icecore_raw::{FileFormat, StageFile, StageFiles, first_record};
use icecore_sql::{FormatSpec, StageRef, Statement, staged_columns, staged_tables};
use icecore_types::{FileFormatDefinition, QualifiedName, Result};

use super::Planning;
use super::authorize::authorize;
use super::load::pattern;
use crate::plan::{StagedFiles, StagedRows};

impl Planning {
    /// Binds the stages that the queries of a statement read. Nothing of a
    /// stage is looked at before the role may read it.
    pub(crate) async fn bind_stages(&self, statement: &Statement) -> Result<()> {
        let tables = staged_tables(statement)?;
        if tables.is_empty() {
            return Ok(());
        }
        let columns = staged_columns(statement)?;
        for table in tables {
            if self.binder.staged(&table).is_some() {
                continue;
            }
            let (stage, format) = self.staged(&table.stage, table.file_format.as_ref())?;
            let matching = pattern(table.pattern.as_deref())?;
            let files = stage.list(&table.stage.path, matching.as_ref()).await?;
            let width = match columns.all {
                true => width(&stage, &files, &format).await?,
                false => 0,
            };
            let engine = self.session.engine();
            let (started, threads) = (engine.now(), engine.settings.threads);
            let files = StagedFiles { stage, files, format, started, threads };
            self.binder.bind_stage(table, Arc::new(StagedRows::new(files, &columns, width)?));
        }
        Ok(())
    }

    /// A stage that the role may read, and how its files are read.
    pub(super) fn staged(
        &self,
        stage: &StageRef,
        format: Option<&QualifiedName>,
    ) -> Result<(StageFiles, FileFormat)> {
        let (files, staged) = self.stage(stage, Verb::ReadStage)?;
        let format = match (format, staged.file_format) {
            (Some(name), _) => self.file_format(&FormatSpec::Named(name.clone()))?,
            (None, Some(format)) => format,
            (None, None) => FileFormatDefinition::default(),
        };
        let subject = &self.session.shared().subject;
        authorize(subject, &self.resolver.intents(), self.resolver.head())?;
        Ok((files, FileFormat::from_definition(&format)?))
    }
}

/// Fields of the widest first record; documents have none.
async fn width(stage: &StageFiles, files: &[StageFile], format: &FileFormat) -> Result<usize> {
    let FileFormat::Csv(format) = format else { return Ok(0) };
    let mut width = 0;
    for file in files {
        width = width.max(first_record(stage.open(file), format).await?.len());
    }
    Ok(width)
}

//! Stages in queries: their files are listed before the query is planned, as
//! the role of the session may read them.

use std::sync::Arc;

use icecore_governance::Verb;
use icecore_raw::{
    FileFormat, InferOptions, InferredColumn, StageFile, StageFiles, first_record, infer_schema,
};
use icecore_sql::{
    ColumnSpec, FormatSpec, InferSchema, StageName, StageRef, Statement, inferred_schemas,
    staged_columns, staged_tables,
};
use icecore_types::{Code, Error, FileFormatDefinition, Name, QualifiedName, Result, SqlType};

use super::Planning;
use super::authorize::authorize;
use super::load::pattern;
use crate::plan::{StagedFiles, StagedRows};

impl Planning {
    /// Binds the stages that the queries of a statement read. Nothing of a
    /// stage is looked at before the role may read it.
    pub(crate) async fn bind_stages(&self, statement: &Statement) -> Result<()> {
        for call in inferred_schemas(statement)? {
            if self.binder.inferred(&call).is_none() {
                let columns = self.infer(&call).await?;
                self.binder.bind_inferred(call, columns);
            }
        }
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

    /// INFER_SCHEMA.
    async fn infer(&self, call: &InferSchema) -> Result<Vec<InferredColumn>> {
        if matches!(call.location.stage, StageName::Table(_)) {
            return Err(Error::unsupported("INFER_SCHEMA of a table's stage"));
        }
        let (stage, format) = self.staged(&call.location, Some(&call.file_format))?;
        let mut files = match &call.files {
            Some(names) => stage.named(&call.location.path, names).await?,
            None => stage.list(&call.location.path, None).await?,
        };
        files.truncate(call.max_file_count.map_or(usize::MAX, |most| most as usize));
        let options = InferOptions {
            ignore_case: call.ignore_case,
            records_per_file: call.max_records_per_file,
        };
        infer_schema(&stage, &files, &format, &options).await
    }

    /// The columns of CREATE TABLE .. USING TEMPLATE.
    pub(super) fn template_columns(&self, call: &InferSchema) -> Result<Vec<ColumnSpec>> {
        let inferred = self
            .binder
            .inferred(call)
            .ok_or_else(|| Error::internal("the files of a template were not looked at"))?;
        if inferred.is_empty() {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                "the files of the template have no columns",
            )
            .with_help("LIST shows the files of a stage"));
        }
        let column = |column: &InferredColumn| {
            Ok(ColumnSpec {
                mask: None,
                projection: None,
                name: Name::quoted(&column.name),
                sql_type: SqlType::parse(&column.sql_type).map_err(|error| {
                    error.context(format_args!("column '{}' of the template", column.name))
                })?,
                not_null: !column.nullable,
                default: None,
                comment: None,
            })
        };
        inferred.iter().map(column).collect()
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
        authorize(&self.acting, &self.resolver.intents(), self.resolver.head())?;
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

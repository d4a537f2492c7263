//! PUT, LIST, REMOVE and COPY INTO.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringViewArray};
use icecore_governance::Verb;
use icecore_processed::{CopyOutcome, CopyPlan, FileResult, copy_into};
use icecore_raw::{
    CsvColumn, CsvFormat, CsvTarget, PutResult, ReadOptions, StageFile, StageFiles, local_files,
};
use icecore_segment::WriteOptions;
use icecore_snapshot::{Object, Requirement, TableContent};
use icecore_sql::{CopyInto, List, OnError, Put, Remove, StageRef};
use icecore_types::{
    Code, ColumnDefinition, ColumnId, Error, FileFormatDefinition, Name, ObjectId, ObjectKind,
    QueryId, Result, SqlType, StageDefinition, StageLocation, TableDefinition, Timestamp,
};
use regex::Regex;

use super::Planning;
use super::alter::no_column;
use super::perform::{Performed, named_rows};
use super::write::segment_schema;
use crate::Progress;
use crate::progress::Observer;

/// A COPY INTO whose names are bound.
pub(crate) struct Load {
    table: ObjectId,
    definition: TableDefinition,
    content: Arc<TableContent>,
    target: Arc<CsvTarget>,
    stage: StageFiles,
    path: String,
    files: Option<Vec<String>>,
    pattern: Option<Regex>,
    format: CsvFormat,
    on_error: icecore_processed::OnError,
    force: bool,
    defaults: Vec<(ColumnId, ArrayRef)>,
}

/// What is done with the files of a stage.
pub(crate) enum StageChange {
    Put { stage: StageFiles, put: Put },
    List { stage: StageFiles, path: String, pattern: Option<Regex> },
    Remove { stage: StageFiles, path: String, pattern: Option<Regex> },
}

impl Planning {
    /// The files of a stage.
    fn stage(&self, stage: &StageRef, verb: Verb) -> Result<(StageFiles, StageDefinition)> {
        let object = self.resolver.object(ObjectKind::Stage, &stage.stage)?;
        self.resolver.act(verb, object);
        let definition: StageDefinition = object.body().read()?;
        Ok((self.stage_files(object, &definition)?, definition))
    }

    fn stage_files(&self, stage: &Object, definition: &StageDefinition) -> Result<StageFiles> {
        let engine = self.session.engine();
        match &definition.location {
            StageLocation::Internal => {
                let prefix =
                    engine.account.root().clone().join("stage").join(stage.id().to_string());
                let shown = stage.name().as_str().to_lowercase();
                let keys = Arc::clone(&engine.content_keys);
                Ok(StageFiles::new(Arc::clone(&engine.env.store), prefix, shown).with_keys(keys))
            }
            StageLocation::External { url } => {
                Err(Error::unsupported(format_args!("external stage URL={url}")))
            }
        }
    }

    pub(super) fn put(&self, put: &Put) -> Result<StageChange> {
        let (stage, _) = self.stage(&put.target, Verb::PutStage)?;
        Ok(StageChange::Put { stage, put: put.clone() })
    }

    pub(super) fn list(&self, list: &List) -> Result<StageChange> {
        let (stage, _) = self.stage(&list.stage, Verb::ListStage)?;
        let pattern = pattern(list.pattern.as_deref())?;
        Ok(StageChange::List { stage, path: list.stage.path.clone(), pattern })
    }

    pub(super) fn remove(&self, remove: &Remove) -> Result<StageChange> {
        let (stage, _) = self.stage(&remove.stage, Verb::RemoveStage)?;
        let pattern = pattern(remove.pattern.as_deref())?;
        Ok(StageChange::Remove { stage, path: remove.stage.path.clone(), pattern })
    }

    /// COPY INTO a table.
    pub(super) fn copy_into(&self, copy: &CopyInto) -> Result<Load> {
        let (table, definition) = self.target(&copy.table, Verb::Load)?;
        let (stage, staged) = self.stage(&copy.from, Verb::ReadStage)?;
        let format = match (&copy.file_format, staged.file_format) {
            (Some(spec), _) => self.file_format(spec)?,
            (None, Some(format)) => format,
            (None, None) => FileFormatDefinition::default(),
        };
        let columns = copied_columns(&definition, &copy.columns)?;
        Ok(Load {
            table: table.id(),
            content: self.resolver.content(table)?,
            target: Arc::new(CsvTarget::new(table.name().as_str(), columns)),
            defaults: self.defaults(&definition, &copy.columns)?,
            stage,
            path: copy.from.path.clone(),
            files: copy.files.clone(),
            pattern: pattern(copy.pattern.as_deref())?,
            format: CsvFormat::from_definition(&format)?,
            on_error: on_error(copy.on_error),
            force: copy.force,
            definition,
        })
    }

    /// The values of columns that the files do not fill.
    fn defaults(
        &self,
        definition: &TableDefinition,
        given: &[Name],
    ) -> Result<Vec<(ColumnId, ArrayRef)>> {
        let mut defaults = Vec::new();
        for column in &definition.columns {
            if given.is_empty() || given.contains(&column.name) {
                continue;
            }
            let value = match &column.default {
                Some(default) => self.default_value(default, &column.sql_type)?,
                None => None,
            };
            match value {
                Some(text) => {
                    defaults.push((column.id, crate::text::cast_text(&text, &column.sql_type)?));
                }
                None if column.not_null => return Err(no_value(column)),
                None => {}
            }
        }
        Ok(defaults)
    }

    /// Loads, and commits rows and load keys together.
    pub(super) async fn load(
        &self,
        load: Load,
        id: QueryId,
        observer: &Observer,
    ) -> Result<Performed> {
        let engine = self.session.engine();
        let files = match &load.files {
            Some(names) => load.stage.named(&load.path, names).await?,
            None => load.stage.list(&load.path, load.pattern.as_ref()).await?,
        };
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
        for file in &mut outcome.files {
            file.file = format!("{}/{}", plan.stage.shown(), file.file);
        }
        self.commit_load(outcome, load.table, id).await
    }

    async fn commit_load(
        &self,
        outcome: CopyOutcome,
        table: ObjectId,
        id: QueryId,
    ) -> Result<Performed> {
        let rows_loaded = outcome.rows_loaded();
        if outcome.files.is_empty() {
            return Performed::status("Copy executed with 0 files processed.", None);
        }
        let commit = match outcome.update {
            Some(update) => {
                let requirements = vec![Requirement::ObjectUnchanged { id: table }];
                Some(self.commit(vec![update], requirements, id).await?)
            }
            None => None,
        };
        Ok(Performed { rows: load_rows(&outcome.files)?, rows_affected: Some(rows_loaded), commit })
    }

    /// Does what a statement says to the files of a stage.
    pub(super) async fn change_stage(
        &self,
        change: StageChange,
        observer: &Observer,
    ) -> Result<Performed> {
        match change {
            StageChange::Put { stage, put } => {
                let files = local_files(&put.source)?;
                let mut results = Vec::with_capacity(files.len());
                for (done, file) in files.iter().enumerate() {
                    observer.tell(Progress {
                        what: "uploading".into(),
                        done: done as u64,
                        total: Some(files.len() as u64),
                        rows: 0,
                    });
                    let below = put.target.path.as_str();
                    results.push(stage.put(file, below, put.auto_compress, put.overwrite).await?);
                }
                put_rows(&results)
            }
            StageChange::List { stage, path, pattern } => {
                let files = stage.list(&path, pattern.as_ref()).await?;
                list_rows(&stage, &files)
            }
            StageChange::Remove { stage, path, pattern } => {
                let removed = stage.remove(&path, pattern.as_ref()).await?;
                let names = removed.iter().map(|name| format!("{}/{name}", stage.shown()));
                let result = removed.iter().map(|_| "removed");
                answer(vec![
                    ("name", SqlType::TEXT, texts(names)),
                    ("result", SqlType::TEXT, texts(result)),
                ])
            }
        }
    }
}

/// The file fields in order: each the column that it goes to.
fn copied_columns(definition: &TableDefinition, names: &[Name]) -> Result<Vec<CsvColumn>> {
    let csv_column = |column: &ColumnDefinition| {
        let position = definition.columns.iter().position(|other| other.id == column.id);
        CsvColumn {
            name: column.name.as_str().to_owned(),
            ordinal: position.unwrap_or_default() + 1,
            sql_type: column.sql_type,
            not_null: column.not_null,
            output: column.id.stored_name(),
        }
    };
    if names.is_empty() {
        return Ok(definition.columns.iter().map(csv_column).collect());
    }
    names
        .iter()
        .map(|name| definition.column(name).map(csv_column).ok_or_else(|| no_column(name)))
        .collect()
}

fn no_value(column: &ColumnDefinition) -> Error {
    Error::new(
        Code::NULL_NOT_ALLOWED,
        format!("column '{}' is NOT NULL, has no default, and is not loaded", column.name),
    )
}

fn on_error(on_error: OnError) -> icecore_processed::OnError {
    use icecore_processed::OnError as Processed;
    match on_error {
        OnError::AbortStatement => Processed::AbortStatement,
        OnError::Continue => Processed::Continue,
        OnError::SkipFile => Processed::SkipFile,
        OnError::SkipFileCount(rows) => Processed::SkipFileCount(rows),
        OnError::SkipFilePercent(percent) => Processed::SkipFilePercent(f64::from(percent)),
    }
}

/// A PATTERN: it holds for a whole name.
fn pattern(text: Option<&str>) -> Result<Option<Regex>> {
    text.map(|text| {
        Regex::new(&format!("^(?s:{text})$")).map_err(|source| {
            Error::new(Code::INVALID_OPTION, format!("not a regular expression: PATTERN='{text}'"))
                .with_source(source)
        })
    })
    .transpose()
}

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
    Ok(Performed { rows: named_rows(columns)?, rows_affected: None, commit: None })
}

fn put_rows(results: &[PutResult]) -> Result<Performed> {
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

fn list_rows(stage: &StageFiles, files: &[StageFile]) -> Result<Performed> {
    let names = files.iter().map(|file| format!("{}/{}", stage.shown(), file.path));
    answer(vec![
        ("name", SqlType::TEXT, texts(names)),
        ("size", SqlType::Integer, numbers(files.iter().map(|file| file.size_bytes))),
        ("md5", SqlType::TEXT, optional_texts(files.iter().map(|file| file.etag.as_deref()))),
        (
            "last_modified",
            SqlType::TEXT,
            texts(files.iter().map(|file| http_date(file.last_modified))),
        ),
    ])
}

/// As in `Mon, 11 Sep 2019 16:57:43 GMT`.
fn http_date(time: Timestamp) -> String {
    let format = "%a, %d %b %Y %H:%M:%S GMT";
    time.to_utc().map(|utc| utc.format(format).to_string()).unwrap_or_default()
}

fn load_rows(files: &[FileResult]) -> Result<arrow::array::RecordBatch> {
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

//! COPY INTO a table, resolved.

use std::sync::Arc;

use arrow::array::ArrayRef;
use icecore_governance::Verb;
use icecore_processed::CopyOutcome;
use icecore_raw::{FileFormat, FileTarget, StageFile, StageFiles, TargetColumn};
use icecore_snapshot::{Requirement, TableContent, Update};
use icecore_sql::{CopyInto, OnError};
use icecore_types::{
    Code, ColumnDefinition, ColumnId, Error, FileFormatDefinition, Name, ObjectId, Result,
    TableDefinition,
};
use regex::Regex;

use super::stage::pattern;
use crate::statement::Planning;
use crate::statement::alter::no_column;

/// A COPY INTO a table whose names are bound: it can be held, and run by
/// [`Planning::run_load`].
pub(crate) struct Load {
    pub(super) table: ObjectId,
    pub(super) definition: TableDefinition,
    pub(super) content: Arc<TableContent>,
    pub(super) target: Arc<FileTarget>,
    pub(super) stage: StageFiles,
    pub(super) files: LoadFiles,
    pub(super) format: FileFormat,
    pub(super) on_error: icecore_processed::OnError,
    pub(super) force: bool,
    pub(super) defaults: Vec<(ColumnId, ArrayRef)>,
    pub(super) companion: Option<Companion>,
}

/// Which files of the stage are loaded.
pub(super) enum LoadFiles {
    /// These below the path: FILES.
    Named { path: String, names: Vec<String> },
    /// All below the path whose names match the pattern.
    Below { path: String, pattern: Option<Regex> },
    /// These, whose state is known already.
    Given(Vec<StageFile>),
}

/// What else the transaction of a load does, once it is known what is loaded:
/// a pipe remembers its files with it. Called once for each attempt.
pub(crate) type Companion =
    Arc<dyn Fn(&CopyOutcome) -> Result<(Vec<Update>, Vec<Requirement>)> + Send + Sync>;

impl Load {
    /// The stage that is loaded from.
    pub(crate) fn stage(&self) -> &StageFiles {
        &self.stage
    }

    /// Loads these files, as the stage listed them, whatever the statement says
    /// about files; `force` loads those also that the table remembers.
    pub(crate) fn with_files(mut self, files: Vec<StageFile>, force: bool) -> Self {
        (self.files, self.force) = (LoadFiles::Given(files), force);
        self
    }

    /// Commits this together with the rows.
    pub(crate) fn with_companion(mut self, companion: Companion) -> Self {
        self.companion = Some(companion);
        self
    }
}

impl Planning {
    /// COPY INTO a table.
    pub(crate) fn copy_into(&self, copy: &CopyInto) -> Result<Load> {
        let (table, definition) = self.target(&copy.table, Verb::Load)?;
        let (stage, staged) = self.stage(&copy.from, Verb::ReadStage)?;
        let format = match (&copy.file_format, staged.file_format) {
            (Some(spec), _) => self.file_format(spec)?,
            (None, Some(format)) => format,
            (None, None) => FileFormatDefinition::default(),
        };
        let columns = copied_columns(&definition, &copy.columns)?;
        let path = copy.from.path.clone();
        Ok(Load {
            table: table.id(),
            content: self.resolver.content(table)?,
            target: Arc::new(FileTarget::new(table.name().as_str(), columns)),
            defaults: self.defaults(&definition, &copy.columns)?,
            stage,
            files: match &copy.files {
                Some(names) => LoadFiles::Named { path, names: names.clone() },
                None => LoadFiles::Below { path, pattern: pattern(copy.pattern.as_deref())? },
            },
            format: FileFormat::from_definition(&format)?,
            on_error: on_error(copy.on_error),
            force: copy.force,
            companion: None,
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
}

/// The file fields in order: each the column that it goes to.
fn copied_columns(definition: &TableDefinition, names: &[Name]) -> Result<Vec<TargetColumn>> {
    let target_column = |column: &ColumnDefinition| {
        let position = definition.columns.iter().position(|other| other.id == column.id);
        TargetColumn {
            name: column.name.as_str().to_owned(),
            ordinal: position.unwrap_or_default() + 1,
            sql_type: column.sql_type,
            not_null: column.not_null,
            output: column.id.stored_name(),
        }
    };
    if names.is_empty() {
        return Ok(definition.columns.iter().map(target_column).collect());
    }
    names
        .iter()
        .map(|name| definition.column(name).map(target_column).ok_or_else(|| no_column(name)))
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

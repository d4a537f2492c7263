//! COPY INTO a table, resolved.

use std::sync::Arc;

use arrow::array::ArrayRef;
use icecore_governance::Verb;
use icecore_processed::{Again, CopyOutcome, MetadataColumn, OnError, Strictness, Transform};
use icecore_raw::{FieldMatch, FileFormat, FileTarget, StageFile, StageFiles, TargetColumn};
use icecore_snapshot::{Requirement, TableContent, Update};
use icecore_sql::{CopyInto, MatchByName, Validation};
use icecore_types::{
    ByteSize, Code, ColumnDefinition, ColumnId, Error, FileFormatDefinition, Name, ObjectId,
    ObjectKind, Result, SqlType, TableDefinition, Timestamp,
};
use regex::Regex;

use super::stage::pattern;
use super::transform::{field_target, metadata_of};
use crate::statement::Planning;
use crate::statement::alter::no_column;
use crate::statement::expectation::{Arrival, Gate};

/// A COPY INTO a table whose names are bound: it can be held, and run by
/// [`Planning::run_load`].
pub(crate) struct Load {
    pub(super) table: ObjectId,
    pub(super) definition: TableDefinition,
    pub(super) content: Arc<TableContent>,
    pub(super) target: Arc<FileTarget>,
    pub(super) transform: Option<Transform>,
    pub(super) defaults: Vec<(ColumnId, ArrayRef)>,
    pub(super) metadata: Vec<MetadataColumn>,
    pub(super) truncated: Vec<(ColumnId, u32)>,
    /// Each column that is loaded, and the fields that it is made of.
    pub(super) sources: Vec<(ColumnId, Vec<String>)>,
    pub(super) stage: StageFiles,
    /// The stage if it has a name.
    pub(super) stage_id: Option<ObjectId>,
    pub(super) files: LoadFiles,
    pub(super) size_limit: Option<ByteSize>,
    pub(super) format: FileFormat,
    pub(super) on_error: OnError,
    pub(super) again: Again,
    pub(super) companion: Option<Companion>,
    pub(super) pipe: Option<LoadingPipe>,
    pub(super) purge: bool,
    pub(super) failed_only: bool,
    pub(super) validation: Option<Validation>,
    /// Whether the table remembers the files.
    pub(super) remembered: bool,
    /// What judges the rows, if anything is expected of them.
    pub(super) gate: Option<Box<Gate>>,
}

/// The pipe that a load is for, as COPY_HISTORY shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadingPipe {
    pub(crate) pipe: ObjectId,
    /// When it was told of the files.
    pub(crate) received: Option<Timestamp>,
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

    /// The same if it has a name.
    pub(crate) fn stage_id(&self) -> Option<ObjectId> {
        self.stage_id
    }

    /// The table that is loaded into.
    pub(crate) fn table(&self) -> ObjectId {
        self.table
    }

    /// Each column that is loaded, and the fields that it is made of.
    pub(crate) fn sources(&self) -> &[(ColumnId, Vec<String>)] {
        &self.sources
    }

    /// Whether nothing is loaded: VALIDATION_MODE.
    pub(crate) fn only_validates(&self) -> bool {
        self.validation.is_some()
    }

    /// Loads these files, as the stage listed them, whatever the statement says
    /// about files; `force` loads those also that the table remembers.
    pub(crate) fn with_files(mut self, files: Vec<StageFile>, force: bool) -> Self {
        self.files = LoadFiles::Given(files);
        self.again = if force { Again::Always } else { Again::IfNotKnown };
        self
    }

    /// The table does not remember the files: whoever loads them does.
    pub(crate) fn forgotten_by_table(mut self) -> Self {
        self.remembered = false;
        self
    }

    /// Commits this together with the rows.
    pub(crate) fn with_companion(mut self, companion: Companion) -> Self {
        self.companion = Some(companion);
        self
    }

    /// Loads for a pipe.
    pub(crate) fn for_pipe(mut self, pipe: LoadingPipe) -> Self {
        self.pipe = Some(pipe);
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
        let columns = Columns::of(copy, &definition)?;
        let name = table.name().as_str();
        let read: Vec<_> = columns.read.iter().map(|(_, target)| target.clone()).collect();
        let mut sources = columns.sources(copy);
        let (target, transform) = match &copy.transform {
            Some(query) => {
                let shown = FileTarget::new(name, read);
                let made = columns.read.iter().enumerate().map(|(at, (column, target))| {
                    (*column, TargetColumn { name: shown.column_text(at), ..target.clone() })
                });
                let (transform, fields) = self.transform(query, &made.collect::<Vec<_>>())?;
                for ((_, from), fields) in sources.iter_mut().zip(fields) {
                    *from = fields;
                }
                (field_target(name, query.fields), Some(transform))
            }
            None => (FileTarget::new(name, read).matching(field_match(copy.matching)), None),
        };
        let path = copy.from.path.clone();
        let arrival = Arrival::New { strictness: Strictness::AsDeclared, replaces: false };
        Ok(Load {
            table: table.id(),
            content: self.resolver.content(table)?,
            target: Arc::new(target),
            transform,
            sources,
            defaults: match copy.matching {
                MatchByName::None => self.defaults(&definition, &copy.columns)?,
                _ => Vec::new(),
            },
            metadata: columns.metadata,
            truncated: columns.truncated,
            stage,
            stage_id: match copy.from.stage.named() {
                Some(name) => Some(self.resolver.object(ObjectKind::Stage, name)?.id()),
                None => None,
            },
            files: match &copy.files {
                Some(names) => LoadFiles::Named { path, names: names.clone() },
                None => LoadFiles::Below { path, pattern: pattern(copy.pattern.as_deref())? },
            },
            size_limit: copy.size_limit_bytes.map(ByteSize::bytes),
            format: FileFormat::from_definition(&format)?,
            on_error: on_error(copy.on_error),
            again: match (copy.force, copy.load_uncertain_files) {
                (true, _) => Again::Always,
                (false, true) => Again::IfUncertain,
                (false, false) => Again::IfNotKnown,
            },
            companion: None,
            pipe: None,
            purge: copy.purge,
            failed_only: copy.return_failed_only,
            validation: copy.validation,
            remembered: true,
            gate: self.gate(table, &definition, arrival)?,
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

/// The columns of the table, by where their values come from.
struct Columns<'a> {
    /// Fields of the files, in their order.
    read: Vec<(&'a ColumnDefinition, TargetColumn)>,
    metadata: Vec<MetadataColumn>,
    truncated: Vec<(ColumnId, u32)>,
}

impl<'a> Columns<'a> {
    fn of(copy: &CopyInto, definition: &'a TableDefinition) -> Result<Self> {
        let named = |name: &Name| definition.column(name).ok_or_else(|| no_column(name));
        let metadata = copy.include_metadata.iter().map(|included| {
            let column = named(&included.column)?;
            let item = metadata_of(included.item);
            Ok(MetadataColumn { column: column.id, sql_type: column.sql_type, item })
        });
        let metadata: Vec<MetadataColumn> = metadata.collect::<Result<_>>()?;
        let taken = |column: &ColumnDefinition| metadata.iter().any(|m| m.column == column.id);
        let columns: Vec<&ColumnDefinition> = match copy.columns.is_empty() {
            true => definition.columns.iter().filter(|column| !taken(column)).collect(),
            false => copy.columns.iter().map(named).collect::<Result<_>>()?,
        };
        let mut truncated = Vec::new();
        let read = columns.into_iter().map(|column| {
            let mut target = target_column(column, definition);
            if let (true, SqlType::Varchar { length }) = (copy.truncate_columns, column.sql_type) {
                truncated.push((column.id, length));
                target.sql_type = SqlType::TEXT;
            }
            (column, target)
        });
        let read = read.collect();
        Ok(Self { read, metadata, truncated })
    }

    /// Each column with its field, first those of the files.
    fn sources(&self, copy: &CopyInto) -> Vec<(ColumnId, Vec<String>)> {
        let field = |(at, (column, _)): (usize, &(&ColumnDefinition, TargetColumn))| {
            let name = match copy.matching {
                MatchByName::None => format!("${}", at + 1),
                _ => column.name.as_str().to_owned(),
            };
            (column.id, vec![name])
        };
        let metadata = copy.include_metadata.iter().zip(&self.metadata);
        let metadata =
            metadata.map(|(it, column)| (column.column, vec![it.item.name().to_owned()]));
        self.read.iter().enumerate().map(field).chain(metadata).collect()
    }
}

fn target_column(column: &ColumnDefinition, definition: &TableDefinition) -> TargetColumn {
    let position = definition.columns.iter().position(|other| other.id == column.id);
    TargetColumn {
        name: column.name.as_str().to_owned(),
        ordinal: position.unwrap_or_default() + 1,
        sql_type: column.sql_type,
        not_null: column.not_null,
        output: column.id.stored_name(),
    }
}

const fn field_match(matching: MatchByName) -> FieldMatch {
    match matching {
        MatchByName::None => FieldMatch::Position,
        MatchByName::CaseSensitive => FieldMatch::CaseSensitive,
        MatchByName::CaseInsensitive => FieldMatch::CaseInsensitive,
    }
}

fn no_value(column: &ColumnDefinition) -> Error {
    Error::new(
        Code::NULL_NOT_ALLOWED,
        format!("column '{}' is NOT NULL, has no default, and is not loaded", column.name),
    )
}

fn on_error(on_error: icecore_sql::OnError) -> OnError {
    use icecore_sql::OnError as Asked;
    match on_error {
        Asked::AbortStatement => OnError::AbortStatement,
        Asked::Continue => OnError::Continue,
        Asked::SkipFile => OnError::SkipFile,
        Asked::SkipFileCount(rows) => OnError::SkipFileCount(rows),
        Asked::SkipFilePercent(percent) => OnError::SkipFilePercent(f64::from(percent)),
    }
}

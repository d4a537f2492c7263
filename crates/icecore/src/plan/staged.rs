//! Files of a stage as a table: bound to the files that were there when the
//! statement began, and read when it runs.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt, stream};
use icecore_exec::{check_permit, to_datafusion};
use icecore_raw::{
    FieldMatch, FileFormat, FileTarget, FileType, ReadOptions, RowBlock, RowError, StageFile,
    StageFiles, TargetColumn, read_file,
};
use icecore_sql::StagedColumns;
use icecore_types::{Code, Error, SqlType, Timestamp};
use icecore_values::field;

use super::PlanningPermit;

/// What is said of a file besides its fields. Never part of `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metadata {
    Filename,
    RowNumber,
    ContentKey,
    LastModified,
    StartScanTime,
}

impl Metadata {
    fn named(name: &str) -> Option<(Self, SqlType)> {
        Some(match name {
            "METADATA$FILENAME" => (Self::Filename, SqlType::TEXT),
            "METADATA$FILE_ROW_NUMBER" => (Self::RowNumber, SqlType::Integer),
            "METADATA$FILE_CONTENT_KEY" => (Self::ContentKey, SqlType::TEXT),
            "METADATA$FILE_LAST_MODIFIED" => (Self::LastModified, SqlType::TimestampNtz),
            "METADATA$START_SCAN_TIME" => (Self::StartScanTime, SqlType::TimestampLtz),
            _ => return None,
        })
    }
}

/// The rows of a stage's files, for one statement.
#[derive(Debug)]
pub(crate) struct StagedRows {
    source: Arc<Source>,
}

#[derive(Debug)]
struct Source {
    stage: StageFiles,
    files: Vec<StageFile>,
    format: FileFormat,
    target: Arc<FileTarget>,
    metadata: Vec<Metadata>,
    schema: SchemaRef,
    started: Timestamp,
    read: ReadOptions,
}

/// Which files are read, and how.
pub(crate) struct StagedFiles {
    pub(crate) stage: StageFiles,
    pub(crate) files: Vec<StageFile>,
    pub(crate) format: FileFormat,
    pub(crate) started: Timestamp,
    pub(crate) threads: usize,
}

impl StagedRows {
    /// Where the files are, as LIST calls it.
    pub(crate) fn location(&self) -> String {
        self.source.stage.shown().to_owned()
    }

    /// The files with the columns that a statement reads. `width` is how many
    /// fields the files have where all are asked for.
    ///
    /// # Errors
    /// `Unsupported` for `$1` of documents, which is a VARIANT, and for `*`
    /// beside columns of metadata.
    pub(crate) fn new(
        files: StagedFiles,
        columns: &StagedColumns,
        width: usize,
    ) -> icecore_types::Result<Self> {
        let (names, matching) = fields(files.format.file_type(), columns, width)?;
        let target_column = |(index, (name, shown)): (usize, (String, String))| TargetColumn {
            name,
            ordinal: index + 1,
            sql_type: SqlType::TEXT,
            not_null: false,
            output: shown,
        };
        let target_columns: Vec<_> = names.into_iter().enumerate().map(target_column).collect();
        let found: Vec<_> = columns
            .metadata
            .iter()
            .filter_map(|name| Metadata::named(name).map(|known| (name, known)))
            .collect();
        if columns.all && !found.is_empty() {
            return Err(Error::unsupported("* beside the METADATA$ columns of a stage")
                .with_help("name the columns: $1, $2, .."));
        }
        let texts = target_columns.iter().map(|column| field(&column.output, &SqlType::TEXT, true));
        let known = found.iter().map(|(name, (_, ty))| field(name, ty, true));
        let schema = Arc::new(Schema::new(texts.chain(known).collect::<Vec<_>>()));
        let target = FileTarget::new(files.stage.shown(), target_columns).matching(matching);
        Ok(Self {
            source: Arc::new(Source {
                stage: files.stage,
                files: files.files,
                format: files.format,
                target: Arc::new(target),
                metadata: found.iter().map(|(_, (metadata, _))| *metadata).collect(),
                schema,
                started: files.started,
                read: ReadOptions { threads: files.threads, ..ReadOptions::default() },
            }),
        })
    }

    /// The same rows for another place in the statement.
    pub(crate) fn again(&self) -> Self {
        Self { source: Arc::clone(&self.source) }
    }
}

/// The fields that are read: each its name in the file and in the query.
fn fields(
    file_type: FileType,
    columns: &StagedColumns,
    width: usize,
) -> icecore_types::Result<(Vec<(String, String)>, FieldMatch)> {
    if file_type == FileType::Csv {
        if let Some(member) = columns.members.first() {
            return Err(Error::unsupported(format_args!("$1:{member} of a CSV file"))
                .with_help("the fields of CSV are $1, $2, .."));
        }
        let most = if columns.all { columns.most.max(width) } else { columns.most };
        let position = |at: usize| (format!("${at}"), format!("${at}"));
        return Ok(((1..=most).map(position).collect(), FieldMatch::Ragged));
    }
    if columns.most > 0 || columns.all {
        let what = if columns.all { "*" } else { "$1" };
        let file_type = file_type.as_str();
        return Err(Error::unsupported(format_args!("{what} of a {file_type} file: a VARIANT"))
            .with_help(
                "read members with $1:name::TYPE, or load with MATCH_BY_COLUMN_NAME in COPY INTO",
            ));
    }
    let member = |name: &String| (name.clone(), format!("$1:{name}"));
    Ok((columns.members.iter().map(member).collect(), FieldMatch::Member))
}

impl Source {
    /// The rows of one file, with what is said of it.
    async fn rows(
        self: Arc<Self>,
        file: usize,
    ) -> icecore_types::Result<stream::BoxStream<'static, icecore_types::Result<RecordBatch>>> {
        let Some(file) = self.files.get(file).cloned() else { return Ok(stream::empty().boxed()) };
        let key = match self.metadata.contains(&Metadata::ContentKey) {
            true => Some(self.stage.content_key(&file).await?),
            false => None,
        };
        let raw = self.stage.open(&file);
        let reading = read_file(raw, &self.format, Arc::clone(&self.target), &self.read)?;
        let batch = move |block: RowBlock| self.batch(block, &file, key.as_deref());
        Ok(reading.blocks.map(move |block| block.and_then(&batch)).boxed())
    }

    fn batch(
        &self,
        block: RowBlock,
        file: &StageFile,
        key: Option<&str>,
    ) -> icecore_types::Result<RecordBatch> {
        if let Some(error) = block.errors.first() {
            return Err(refused(file, error));
        }
        let rows = block.batch.num_rows();
        let text = |text: Option<&str>| -> ArrayRef {
            Arc::new(StringViewArray::from_iter(std::iter::repeat_n(text, rows)))
        };
        let time = |time: Timestamp| TimestampMicrosecondArray::from(vec![time.as_micros(); rows]);
        let metadata = self.metadata.iter().map(|metadata| -> ArrayRef {
            match metadata {
                Metadata::Filename => text(Some(&file.path)),
                Metadata::RowNumber => Arc::new(block.row_numbers()),
                Metadata::ContentKey => text(key),
                Metadata::LastModified => Arc::new(time(file.last_modified)),
                Metadata::StartScanTime => Arc::new(time(self.started).with_timezone("UTC")),
            }
        });
        let arrays: Vec<ArrayRef> = block.batch.columns().iter().cloned().chain(metadata).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| Error::internal("rows of a stage").with_source(error))
    }
}

fn refused(file: &StageFile, error: &RowError) -> Error {
    Error::new(
        error.code,
        format!(
            "{}\n  File '{}', line {}, character {}\n  Row {} starts at line {}",
            error.message, file.path, error.line, error.character, error.row, error.start_line
        ),
    )
}

/// Every so-manieth file of the stage, in order.
#[derive(Debug)]
struct Share {
    source: Arc<Source>,
    first: usize,
    step: usize,
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.source.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        if let Err(error) = check_permit(&context) {
            let refused = stream::once(async move { Err(error) });
            let schema = Arc::clone(&self.source.schema);
            return Box::pin(RecordBatchStreamAdapter::new(schema, refused));
        }
        let source = Arc::clone(&self.source);
        let files = (self.first..source.files.len()).step_by(self.step);
        let rows = stream::iter(files)
            .then(move |file| Arc::clone(&source).rows(file))
            .try_flatten()
            .map_err(to_datafusion);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.source.schema), rows))
    }
}

#[async_trait]
impl TableProvider for StagedRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.source.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        PlanningPermit::check(state)?;
        let shares = state.config().target_partitions().min(self.source.files.len()).max(1);
        let share = |first| -> Arc<dyn PartitionStream> {
            Arc::new(Share { source: Arc::clone(&self.source), first, step: shares })
        };
        let exec = StreamingTableExec::try_new(
            self.schema(),
            (0..shares).map(share).collect(),
            projection,
            std::iter::empty(),
            false,
            limit,
        )?;
        Ok(Arc::new(exec))
    }
}

/// A stage that nobody bound: in a view, or in a part of a statement that reads
/// other tables only.
pub(super) fn unbound() -> Error {
    Error::new(Code::UNSUPPORTED, "unsupported: a stage in this place of a statement")
        .with_help("read the stage in a query of its own, or load its files with COPY INTO")
}

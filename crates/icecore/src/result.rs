//! What a statement returns.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt};
use icecore_exec::from_datafusion;
use icecore_snapshot::Commit;
use icecore_types::{Error, QueryId, Result, SqlType};
use icecore_values::{format_array, sql_type};

use crate::{StatementHandle, Statistics};

/// The outcome of a statement: its id, its rows as they come, and what it
/// changed. Dropping it before its rows have been read cancels the statement, as
/// [`StatementHandle::cancel`] does.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let lake = icecore::Icecore::open("memory://").await?;
/// let session = lake.session().await?;
/// let result = session.execute("SELECT 7 / 2 AS half").await?;
/// assert_eq!(result.columns()[0].to_string(), "HALF NUMBER(38,6)");
/// let rows = result.texts().await?;
/// assert_eq!(rows[0][0].as_deref(), Some("3.500000"));
/// # Ok::<(), icecore::Error>(())
/// # }).unwrap();
/// ```
pub struct QueryResult {
    handle: StatementHandle,
    columns: Vec<ResultColumn>,
    schema: SchemaRef,
    rows_affected: Option<u64>,
    commit: Option<Commit>,
    rows: SendableRecordBatchStream,
}

/// A column of a result: its name and the dialect's type.
///
/// ```
/// use icecore::{ResultColumn, SqlType};
/// let column = ResultColumn { name: "N".into(), sql_type: SqlType::Integer };
/// assert_eq!(column.to_string(), "N NUMBER(38,0)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
}

impl fmt::Display for ResultColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.sql_type)
    }
}

/// A row as text, as `CAST(v AS VARCHAR)` gives it; NULL is `None`.
pub type TextRow = Vec<Option<String>>;

impl QueryResult {
    pub(crate) fn new(handle: StatementHandle, rows: SendableRecordBatchStream) -> Result<Self> {
        let schema = rows.schema();
        let columns = schema
            .fields()
            .iter()
            .map(|field| {
                Ok(ResultColumn { name: field.name().clone(), sql_type: sql_type(field)? })
            })
            .collect::<Result<_>>()?;
        Ok(Self { handle, columns, schema, rows_affected: None, commit: None, rows })
    }

    pub(crate) fn with_rows_affected(mut self, rows: Option<u64>) -> Self {
        self.rows_affected = rows;
        self
    }

    pub(crate) fn with_commit(mut self, commit: Option<Commit>) -> Self {
        self.commit = commit;
        self
    }

    /// The statement's id, as `LAST_QUERY_ID()` returns it.
    pub fn query_id(&self) -> QueryId {
        self.handle.query_id()
    }

    /// Watches the statement, and stops it, while its rows are read.
    pub fn handle(&self) -> StatementHandle {
        self.handle.clone()
    }

    /// What the statement has cost so far: all of it when its rows have been
    /// read, see [`QueryResult::handle`].
    pub fn statistics(&self) -> Statistics {
        self.handle.statistics()
    }

    /// Names and types of the columns.
    pub fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    /// The Arrow schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Rows inserted, updated, deleted or loaded; `None` if the statement does
    /// not change rows.
    pub fn rows_affected(&self) -> Option<u64> {
        self.rows_affected
    }

    /// What the statement committed; `None` if it changed nothing.
    pub fn commit(&self) -> Option<Commit> {
        self.commit
    }

    /// The rows as they are computed: batches of at most 8,192 rows, in the
    /// order the statement asks for.
    pub fn stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        self.rows.map_err(from_datafusion)
    }

    /// All rows.
    ///
    /// # Errors
    /// Whatever fails while the rows are computed.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.stream().try_collect().await
    }

    /// All rows as text, as `CAST(v AS VARCHAR)` gives it.
    ///
    /// # Errors
    /// Whatever fails while the rows are computed.
    pub async fn texts(self) -> Result<Vec<TextRow>> {
        let columns = self.columns.clone();
        let mut rows = self.stream().boxed();
        let mut texts = Vec::new();
        while let Some(batch) = rows.next().await {
            texts.extend(text_rows(&batch?, &columns)?);
        }
        Ok(texts)
    }
}

impl fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryResult")
            .field("query_id", &self.query_id())
            .field("columns", &self.columns)
            .field("rows_affected", &self.rows_affected)
            .field("commit", &self.commit)
            .finish_non_exhaustive()
    }
}

/// The rows of a batch as text, as `CAST(v AS VARCHAR)` gives it.
///
/// # Errors
/// `Internal` if the batch has other columns than `columns`.
pub fn text_rows(batch: &RecordBatch, columns: &[ResultColumn]) -> Result<Vec<TextRow>> {
    if batch.num_columns() != columns.len() {
        return Err(Error::internal("a batch has other columns than its result"));
    }
    let texts: Vec<StringArray> = batch
        .columns()
        .iter()
        .zip(columns)
        .map(|(array, column)| format_array(array, &column.sql_type))
        .collect::<Result<_>>()?;
    let row = |i: usize| texts.iter().map(|column| value(column, i)).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

fn value(column: &StringArray, row: usize) -> Option<String> {
    use arrow::array::Array;
    column.is_valid(row).then(|| column.value(row).to_owned())
}

//! What was loaded, and what was refused.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::{StreamExt, TryStreamExt};
use icecore_exec::to_datafusion;
use icecore_governance::Verb;
use icecore_raw::StageFiles;
use icecore_snapshot::Object;
use icecore_types::{
    Code, Error, Name, ObjectId, ObjectKind, QualifiedName, QueryId, Result, SqlType, Timestamp,
};

use super::Listing;
use super::functions::{Argument, object, text, time};
use crate::cells::{Cell, Columns, batch};
use crate::load_history::{FileRow, LoadRow, REJECTED, missing_files};
use crate::plan::{Binder, PlanningPermit, is_governed};
use crate::statement::{refuse_under_policy, stage_of_load};

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

/// Rows of LOAD_HISTORY at most.
const LOAD_HISTORY_ROWS: usize = 10_000;

const LOAD_HISTORY: Columns = &[
    ("TABLE_CATALOG", TEXT),
    ("SCHEMA_NAME", TEXT),
    ("TABLE_NAME", TEXT),
    ("FILE_NAME", TEXT),
    ("LAST_LOAD_TIME", TIME),
    ("STATUS", TEXT),
    ("ROW_COUNT", INTEGER),
    ("ROW_PARSED", INTEGER),
    ("FIRST_ERROR_MESSAGE", TEXT),
    ("FIRST_ERROR_LINE_NUMBER", INTEGER),
    ("FIRST_ERROR_CHARACTER_POSITION", INTEGER),
    ("FIRST_ERROR_COL_NAME", TEXT),
    ("ERROR_COUNT", INTEGER),
    ("ERROR_LIMIT", INTEGER),
    ("FILE_SIZE", INTEGER),
    ("QUERY_ID", TEXT),
];

/// The files that COPY INTO looked at in the last 14 days, the newest load
/// first; pipes are not shown.
pub(super) fn load_history(listing: &Listing<'_>) -> Result<RecordBatch> {
    let tables = listing.objects(&[ObjectKind::Table]);
    let mut rows = Vec::new();
    for load in listing.binder.session().engine().loads.rows().iter().rev() {
        let Some(table) = tables.iter().find(|table| table.id() == load.table) else { continue };
        if load.pipe.is_some() {
            continue;
        }
        let hidden = is_governed(listing.binder.resolver().head(), table)?;
        for file in &load.files {
            let mut row = listing.path(table);
            row.extend(load_cells(load, &shown(file, hidden), hidden));
            rows.push(row);
        }
    }
    rows.truncate(LOAD_HISTORY_ROWS);
    batch(LOAD_HISTORY, rows)
}

/// What there is to say of a file of a table whose rows are hidden or masked:
/// neither how many rows it has nor a value of one.
fn shown(file: &FileRow, hidden: bool) -> FileRow {
    let file = file.clone();
    if !hidden {
        return file;
    }
    FileRow {
        rows_parsed: None,
        first_error: None,
        first_error_line: None,
        first_error_character: None,
        first_error_column: None,
        errors: None,
        size_bytes: None,
        ..file
    }
}

fn load_cells(load: &LoadRow, file: &FileRow, hidden: bool) -> Vec<Cell> {
    let status = file.status.to_uppercase().replace(' ', "_");
    vec![
        Cell::text(format!("{}/{}", load.location, file.file)),
        Cell::Time(load.ended),
        Cell::text(status),
        if hidden { Cell::Null } else { Cell::count(file.rows_loaded) },
        file.rows_parsed.map_or(Cell::Null, Cell::count),
        Cell::maybe_text(file.first_error.clone()),
        file.first_error_line.map_or(Cell::Null, Cell::count),
        file.first_error_character.map_or(Cell::Null, Cell::count),
        Cell::maybe_text(file.first_error_column.clone()),
        file.errors.map_or(Cell::Null, Cell::count),
        file.error_limit.map_or(Cell::Null, Cell::count),
        file.size_bytes.map_or(Cell::Null, Cell::count),
        Cell::text(load.query_id.to_string()),
    ]
}

const COPY_HISTORY: Columns = &[
    ("FILE_NAME", TEXT),
    ("STAGE_LOCATION", TEXT),
    ("LAST_LOAD_TIME", TIME),
    ("ROW_COUNT", INTEGER),
    ("ROW_PARSED", INTEGER),
    ("FILE_SIZE", INTEGER),
    ("FIRST_ERROR_MESSAGE", TEXT),
    ("FIRST_ERROR_LINE_NUMBER", INTEGER),
    ("FIRST_ERROR_CHARACTER_POS", INTEGER),
    ("FIRST_ERROR_COLUMN_NAME", TEXT),
    ("ERROR_COUNT", INTEGER),
    ("ERROR_LIMIT", INTEGER),
    ("STATUS", TEXT),
    ("TABLE_CATALOG_NAME", TEXT),
    ("TABLE_SCHEMA_NAME", TEXT),
    ("TABLE_NAME", TEXT),
    ("PIPE_CATALOG_NAME", TEXT),
    ("PIPE_SCHEMA_NAME", TEXT),
    ("PIPE_NAME", TEXT),
    ("PIPE_RECEIVED_TIME", TIME),
    ("BYTES_BILLED", INTEGER),
];

/// The arguments of COPY_HISTORY.
struct CopyHistory {
    table: ObjectId,
    pipe: Option<ObjectId>,
    from: Timestamp,
    to: Option<Timestamp>,
}

impl CopyHistory {
    fn of(arguments: &[Argument], binder: &Binder) -> Result<Self> {
        let (mut table, mut pipe, mut from, mut to) = (None, None, None, None);
        for (name, value) in arguments {
            match name.as_deref() {
                Some("TABLE_NAME") => table = Some(object(ObjectKind::Table, value, binder)?),
                Some("PIPE_NAME") => pipe = Some(object(ObjectKind::Pipe, value, binder)?),
                Some("START_TIME") => from = Some(time("START_TIME", value)?),
                Some("END_TIME") => to = Some(time("END_TIME", value)?),
                other => {
                    let shown = other.unwrap_or("without a name");
                    return Err(Error::unsupported(format_args!(
                        "argument {shown} of COPY_HISTORY"
                    ))
                    .with_help("there are TABLE_NAME, START_TIME, END_TIME and PIPE_NAME"));
                }
            }
        }
        let missing = |what: &str| {
            Error::new(Code::INVALID_ARGUMENT, format!("COPY_HISTORY needs {what} => .."))
        };
        let table = table.ok_or_else(|| missing("TABLE_NAME"))?;
        Ok(Self { table, pipe, from: from.ok_or_else(|| missing("START_TIME"))?, to })
    }

    fn holds(&self, load: &LoadRow) -> bool {
        load.table == self.table
            && self.pipe.is_none_or(|pipe| load.pipe == Some(pipe))
            && load.ended >= self.from
            && self.to.is_none_or(|to| load.ended <= to)
    }
}

/// INFORMATION_SCHEMA.COPY_HISTORY: the files of a table's loads in the last
/// 14 days, oldest load first.
pub(super) fn copy_history(
    arguments: &[Argument],
    binder: &Binder,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let asked = CopyHistory::of(arguments, binder)?;
    let path_of = |id: Option<ObjectId>| -> Vec<Cell> {
        let live = |object: &&Object| object.is_live();
        match id.and_then(|id| binder.resolver().head().object(id).filter(live)) {
            Some(object) => {
                let path = binder.resolver().path(object.id());
                path.iter().map(|name: &Name| Cell::text(name.as_str())).collect()
            }
            None => vec![Cell::Null, Cell::Null, Cell::Null],
        }
    };
    let head = binder.resolver().head();
    let hidden = head.object(asked.table).map_or(Ok(true), |table| is_governed(head, table))?;
    let mut rows = Vec::new();
    for load in binder.session().engine().loads.rows() {
        if !asked.holds(&load) {
            continue;
        }
        let (table, pipe) = (path_of(Some(load.table)), path_of(load.pipe));
        for file in &load.files {
            let mut row = copy_cells(&load, &shown(file, hidden), hidden);
            row.extend(table.iter().chain(&pipe).cloned());
            row.extend([Cell::maybe_time(load.received), Cell::Null]);
            rows.push(row);
        }
    }
    let rows = batch(COPY_HISTORY, rows)?;
    Ok((rows.schema(), vec![rows]))
}

fn copy_cells(load: &LoadRow, file: &FileRow, hidden: bool) -> Vec<Cell> {
    vec![
        Cell::text(&file.file),
        Cell::text(format!("{}/", load.stage)),
        Cell::Time(load.ended),
        if hidden { Cell::Null } else { Cell::count(file.rows_loaded) },
        file.rows_parsed.map_or(Cell::Null, Cell::count),
        file.size_bytes.map_or(Cell::Null, Cell::count),
        Cell::maybe_text(file.first_error.clone()),
        file.first_error_line.map_or(Cell::Null, Cell::count),
        file.first_error_character.map_or(Cell::Null, Cell::count),
        Cell::maybe_text(file.first_error_column.clone()),
        file.errors.map_or(Cell::Null, Cell::count),
        file.error_limit.map_or(Cell::Null, Cell::count),
        Cell::text(&file.status),
    ]
}

/// The rows of `VALIDATE(table, JOB_ID => ..)`.
///
/// # Errors
/// `InvalidInput` for an id that is none of a load of the table, and for a
/// load whose values were computed from fields.
pub(crate) fn validate(
    table: &QualifiedName,
    arguments: &[Argument],
    binder: &Binder,
) -> Result<Arc<dyn TableProvider>> {
    let object = binder.resolver().object(ObjectKind::Table, table)?;
    binder.resolver().act(Verb::Select, object);
    refuse_under_policy(binder.resolver(), object, "VALIDATE of")?;
    let invalid = || {
        Error::new(
            Code::INVALID_ARGUMENT,
            "invalid argument [Invalid Job UUID provided.] for table function VALIDATE",
        )
        .with_help("write JOB_ID => '_last', or the query id of a COPY INTO the table")
    };
    let [(Some(name), value)] = arguments else { return Err(invalid()) };
    if name != "JOB_ID" {
        return Err(invalid());
    }
    let (session, job) = (binder.session(), text(value)?);
    let loads = &session.engine().loads;
    let id: Option<QueryId> = match job.as_str() {
        "_last" => loads.last(session.shared().id, object.id()),
        job => Some(job.parse().map_err(|_| invalid())?),
    };
    let load = id.and_then(|id| loads.load(id, object.id()));
    let ran = || session.engine().history.rows().iter().any(|row| Some(row.query_id) == id);
    if load.is_none() && job != "_last" && !ran() {
        return Err(invalid());
    }
    if load.as_ref().is_some_and(|load| load.transformed) {
        return Err(Error::unsupported("VALIDATE of a load with a query"));
    }
    let stage = match &load {
        Some(load) => stage_of_load(session.engine(), binder.resolver().head(), load)?,
        None => None,
    };
    let schema = batch(REJECTED, Vec::new())?.schema();
    Ok(Arc::new(Refused { binder_session: session.clone(), load, stage, schema }))
}

/// The records that a load refused and the files that went since, read when
/// they are asked for.
struct Refused {
    binder_session: crate::Session,
    load: Option<Arc<LoadRow>>,
    /// Where its files are looked for.
    stage: Option<StageFiles>,
    schema: SchemaRef,
}

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refused")
    }
}

#[async_trait]
impl TableProvider for Refused {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
    ) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
        PlanningPermit::check(state)?;
        let records = RefusedRecords {
            session: self.binder_session.clone(),
            load: self.load.clone(),
            stage: self.stage.clone(),
            schema: Arc::clone(&self.schema),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            Arc::clone(&self.schema),
            vec![Arc::new(records)],
            projection,
            [],
            false,
            limit,
        )?))
    }
}

struct RefusedRecords {
    session: crate::Session,
    load: Option<Arc<LoadRow>>,
    /// Where its files are looked for.
    stage: Option<StageFiles>,
    schema: SchemaRef,
}

impl std::fmt::Debug for RefusedRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefusedRecords")
    }
}

impl PartitionStream for RefusedRecords {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = match &self.load {
            Some(load) => self.session.engine().loads.rejected_of(load),
            None => futures::stream::empty().boxed(),
        };
        let looked_for = self.load.clone().zip(self.stage.clone());
        let missing = futures::stream::iter(looked_for)
            .then(|(load, stage)| async move { missing_files(&stage, &load).await });
        let rows = rows.chain(missing);
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, rows.map_err(to_datafusion)))
    }
}

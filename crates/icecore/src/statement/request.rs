//! What can be asked: a statement of SQL, or what a Rust builder says.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use icecore_exec::{WriteKind, from_datafusion};
use icecore_governance::Verb;
use icecore_processed::Strictness;
use icecore_snapshot::Head;
use icecore_sql::Parsed;
use icecore_types::{ColumnId, Name, ObjectId, QualifiedName, Result, TableDefinition, Version};

use super::alter::no_column;
use super::change::IfExists;
use super::expectation::Arrival;
use super::write::{Report, segment_schema};
use super::{AppendChannel, OpenChannel, Planning, Resolved, RunPipe, Write, travel};
use crate::At;
use crate::plan::RowsTable;

/// One thing to do, which passes all gates.
pub(crate) enum Request {
    Statement(Box<Parsed>),
    Append(AppendRows),
    Clone(CloneTable),
    Refresh(RefreshRequest),
    InsertFiles(InsertFiles),
    RunPipe(RunPipe),
    OpenChannel(OpenChannel),
    AppendChannel(AppendChannel),
    DropIdleChannel(ObjectId),
}

/// A refresh of a dynamic table, as the schedule asks for it.
pub(crate) struct RefreshRequest {
    table: ObjectId,
    version: Version,
    text: String,
}

impl RefreshRequest {
    /// To a version.
    pub(crate) fn new(head: &Head, table: ObjectId, version: Version) -> Self {
        let path = super::path(head, table);
        let name = path.iter().map(Name::to_string).collect::<Vec<_>>().join(".");
        Self { table, version, text: format!("ALTER DYNAMIC TABLE {name} REFRESH") }
    }
}

/// Files that a pipe is told of.
pub(crate) struct InsertFiles {
    pub(crate) pipe: QualifiedName,
    pub(crate) names: Vec<String>,
}

/// Rows of Rust into a table.
pub(crate) struct AppendRows {
    pub(crate) table: QualifiedName,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) text: String,
}

/// A clone of a table, as Rust asks for it.
pub(crate) struct CloneTable {
    pub(crate) source: QualifiedName,
    pub(crate) at: At,
    pub(crate) name: QualifiedName,
    pub(crate) text: String,
}

impl Request {
    /// The text that the query history shows.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::InsertFiles(_) => "-- insert files",
            Self::RunPipe(run) => &run.text,
            Self::OpenChannel(_) => "-- open a channel",
            Self::AppendChannel(_) => "-- append through a channel",
            Self::DropIdleChannel(_) => "-- drop an idle channel",
            Self::Statement(parsed) => &parsed.text,
            Self::Append(append) => &append.text,
            Self::Clone(clone) => &clone.text,
            Self::Refresh(refresh) => &refresh.text,
        }
    }

    /// The kind that the query history shows.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Statement(parsed) => parsed.statement.kind(),
            Self::Append(_) | Self::AppendChannel(_) => "INSERT",
            Self::InsertFiles(_) => "INSERT_FILES",
            Self::RunPipe(_) => "COPY",
            Self::OpenChannel(_) => "OPEN_CHANNEL",
            Self::DropIdleChannel(_) => "DROP",
            Self::Clone(_) => "CREATE TABLE",
            Self::Refresh(_) => "REFRESH_DYNAMIC_TABLE",
        }
    }
}

impl Planning {
    /// Binds every name of a request.
    pub(crate) fn resolve(&self, request: &Request) -> Result<Resolved> {
        match request {
            Request::Statement(parsed) => self.resolve_statement(parsed),
            Request::Refresh(refresh) => self.scheduled(refresh.table, refresh.version),
            Request::Append(append) => Ok(Resolved::Write(Box::new(self.append(append)?))),
            Request::InsertFiles(insert) => {
                self.insert_files(&insert.pipe, &insert.names).map(Resolved::from)
            }
            Request::RunPipe(run) => self.run_pipe(run),
            Request::OpenChannel(open) => self.open_channel(open).map(Resolved::Change),
            Request::AppendChannel(append) => {
                Ok(Resolved::Write(Box::new(self.append_channel(append)?)))
            }
            Request::DropIdleChannel(id) => self.drop_channel(*id).map(Resolved::Change),
            Request::Clone(clone) => {
                let source =
                    self.resolver.object(icecore_types::ObjectKind::Table, &clone.source)?;
                let engine = self.session.engine();
                let at = travel::version_of(clone.at, engine, self.resolver.head())?;
                self.clone_at(source, at, &clone.name, IfExists::Fail).map(Resolved::Change)
            }
        }
    }

    pub(super) fn append(&self, append: &AppendRows) -> Result<Write> {
        let (table, definition) = self.target(&append.table, Verb::Insert)?;
        let given = columns_by_name(&append.schema, &definition)?;
        let rows = RowsTable::new(Arc::clone(&append.schema), append.batches.clone());
        let source = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::new(rows)), None)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        let arrival = Arrival::New { strictness: Strictness::AsDeclared, replaces: false };
        Ok(Write {
            table: table.id(),
            schema: segment_schema(&definition),
            rows: self.assigned(source, &definition, &given)?,
            kind: WriteKind::Append,
            scan: None,
            before: Vec::new(),
            gate: self.gate(table, &definition, arrival)?,
            report: Report::Commit,
            assigned: given,
        })
    }
}

/// The columns that a batch gives: of the same name, or of the name that an
/// unquoted identifier means.
fn columns_by_name(schema: &SchemaRef, definition: &TableDefinition) -> Result<Vec<ColumnId>> {
    schema
        .fields()
        .iter()
        .map(|field| {
            let exact = definition.column(&Name::quoted(field.name()));
            exact
                .or_else(|| definition.column(&Name::unquoted(field.name())))
                .map(|column| column.id)
                .ok_or_else(|| no_column(&Name::quoted(field.name())))
        })
        .collect()
}

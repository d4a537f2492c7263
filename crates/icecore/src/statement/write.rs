//! INSERT, CREATE TABLE AS, DELETE, UPDATE and TRUNCATE: each a query whose
//! rows an operator of ours writes. DataFusion's own DML is never used: it
//! drops the predicates that it cannot push down, and then changes every row.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::scalar::ScalarValue;
use icecore_exec::{TableScan, WriteKind, from_datafusion};
use icecore_functions::assign;
use icecore_governance::Verb;
use icecore_processed::Strictness;
use icecore_snapshot::{Object, Update};
use icecore_sql::{
    CreateTable, Delete, Insert, InsertSource, Truncate, Update as UpdateRows, ValueExpr, ast,
};
use icecore_types::{
    Body, Code, ColumnDefinition, ColumnId, Error, ErrorKind, Name, ObjectId, ObjectKind,
    QualifiedName, Result, SqlType, TableDefinition,
};

use super::alter::no_column;
use super::change::{Change, IfExists};
use super::create::distinct_names;
use super::expectation::{Arrival, Gate};
use super::{Planning, Resolved};
use crate::plan::{Binder, TARGET, governed, original, plan_expression, plan_select, table_scan};

/// Rows on their way into a table.
pub(crate) struct Write {
    pub(crate) table: ObjectId,
    pub(crate) schema: SchemaRef,
    pub(crate) rows: LogicalPlan,
    pub(crate) kind: WriteKind,
    pub(crate) scan: Option<Arc<TableScan>>,
    /// What the same transaction does first: CREATE, or TRUNCATE.
    pub(crate) before: Vec<Update>,
    /// What judges the rows, if anything is expected of them.
    pub(crate) gate: Option<Box<Gate>>,
    pub(crate) report: Report,
    /// The columns that are given values; none by a DELETE.
    pub(crate) assigned: Vec<ColumnId>,
}

/// What is said when the rows are written.
pub(crate) enum Report {
    /// `number of rows inserted` and so on, a column each; the first counts.
    Counts(&'static [&'static str]),
    /// A sentence, for CREATE TABLE AS.
    Status(String),
    /// The commit, which there is even if there were no rows.
    Commit,
}

impl Write {
    /// The query alone, for EXPLAIN.
    pub(super) fn into_rows(self) -> LogicalPlan {
        self.rows
    }
}

/// The schema of a table's segments: its columns by their ids.
pub(crate) fn segment_schema(definition: &TableDefinition) -> SchemaRef {
    let field = |column: &ColumnDefinition| {
        Field::new(column.id.stored_name(), icecore_values::arrow_type(&column.sql_type), true)
    };
    Arc::new(Schema::new(definition.columns.iter().map(field).collect::<Vec<_>>()))
}

impl Planning {
    /// A table that a statement changes, with its definition.
    pub(super) fn target(
        &self,
        name: &QualifiedName,
        verb: Verb,
    ) -> Result<(&Object, TableDefinition)> {
        let table = self.resolver.object(ObjectKind::Table, name)?;
        self.resolver.act(verb, table);
        Ok((table, governed(self.resolver.head(), table)?))
    }

    /// INSERT.
    pub(super) fn insert(&self, insert: &Insert) -> Result<Write> {
        let (table, definition) = self.target(&insert.table, Verb::Insert)?;
        let given = given_columns(&definition, &insert.columns)?;
        let source = match &insert.source {
            InsertSource::Values(rows) => self.values(rows, &given)?,
            InsertSource::Query(query) => plan_select(&numbered(query), &self.state, &self.binder)?,
        };
        let before = match insert.overwrite {
            true => {
                self.resolver.act(Verb::Truncate, table);
                vec![Update::Truncate { table: table.id(), keep_loads: true }]
            }
            false => Vec::new(),
        };
        let given: Vec<ColumnId> = given.iter().map(|column| column.id).collect();
        // Rows that somebody wrote down are not left out without a word.
        let strictness = match &insert.source {
            InsertSource::Values(_) => Strictness::Fail,
            InsertSource::Query(_) => Strictness::AsDeclared,
        };
        let arrival = Arrival::New { strictness, replaces: insert.overwrite };
        Ok(Write {
            table: table.id(),
            schema: segment_schema(&definition),
            rows: self.assigned(source, &definition, &given)?,
            kind: WriteKind::Append,
            scan: None,
            before,
            gate: self.gate(table, &definition, arrival)?,
            report: Report::Counts(&["number of rows inserted"]),
            assigned: given,
        })
    }

    /// The plan of VALUES, with the defaults of its columns.
    fn values(&self, rows: &[Vec<ValueExpr>], given: &[&ColumnDefinition]) -> Result<LogicalPlan> {
        let mut filled = Vec::with_capacity(rows.len());
        for row in rows {
            if row.len() != given.len() {
                return Err(wrong_count(given.len(), row.len()));
            }
            let values =
                row.iter().zip(given).map(|(value, column)| value_or_default(value, column));
            filled.push(ast::Parens::with_empty_span(values.collect::<Result<Vec<_>>>()?));
        }
        let mut query = icecore_sql::parse_query("SELECT NULL")?;
        *query.body = ast::SetExpr::Values(ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: filled,
        });
        plan_select(&query, &self.state, &self.binder)
    }

    /// The rows as the table stores them: in its order, with its types, its
    /// defaults where nothing is given, checked.
    pub(crate) fn assigned(
        &self,
        source: LogicalPlan,
        definition: &TableDefinition,
        given: &[ColumnId],
    ) -> Result<LogicalPlan> {
        let columns = source.schema().columns();
        if columns.len() != given.len() {
            return Err(wrong_count(given.len(), columns.len()));
        }
        let assigned = definition
            .columns
            .iter()
            .map(|column| {
                let (value, from) = match given.iter().position(|id| *id == column.id) {
                    Some(at) => {
                        let from = source.schema().field(at).as_ref().clone();
                        (Expr::Column(columns[at].clone()), from)
                    }
                    None => self.default_of(column)?,
                };
                store(value, &from, column)
            })
            .collect::<Result<Vec<_>>>()?;
        project(source, assigned)
    }

    /// The default of a column, or NULL, with its type.
    fn default_of(&self, column: &ColumnDefinition) -> Result<(Expr, Field)> {
        let null =
            || (lit(ScalarValue::Null), Field::new("", arrow::datatypes::DataType::Null, true));
        let Some(default) = &column.default else { return Ok(null()) };
        let expression = icecore_sql::parse_expression(default)?;
        let empty = datafusion::common::DFSchema::empty();
        let value = plan_expression(&expression, &empty, &self.state, &self.binder)?;
        use datafusion::logical_expr::ExprSchemable;
        let (_, field) = value.to_field(&empty).map_err(from_datafusion)?;
        Ok((value, field.as_ref().clone()))
    }

    /// CREATE TABLE AS.
    pub(super) fn create_table_as(&self, create: &CreateTable) -> Result<Resolved> {
        let Some(query) = &create.as_query else {
            return Err(Error::internal("CREATE TABLE AS without a query"));
        };
        if !create.expectations.is_empty() {
            return Err(Error::unsupported("EXPECTATION in CREATE TABLE AS")
                .with_help("create the table first, then INSERT INTO it"));
        }
        if create.row_access.is_some() || create.columns.iter().any(|it| it.mask.is_some()) {
            return Err(Error::unsupported("a policy in CREATE TABLE AS")
                .with_help("create the table first, then attach the policy and INSERT INTO it"));
        }
        if !create.tags.is_empty() {
            return Err(Error::unsupported("a tag in CREATE TABLE AS")
                .with_help("create the table first, then ALTER TABLE .. SET TAG"));
        }
        let source = plan_select(query, &self.state, &self.binder)?;
        let mut definition = match create.columns.is_empty() {
            true => inferred(&source)?,
            false => self.table_definition(&create.columns)?,
        };
        definition.comment = create.comment.clone();
        definition.retention_days = create.retention_days;
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let body = Body::of(&definition)?;
        let (id, change) = self.create(ObjectKind::Table, &create.name, if_exists, body)?;
        let Some(table) = id else { return Ok(Resolved::Change(change)) };
        let change = self.with_copied_grants(change, create, None)?;
        let given: Vec<ColumnId> = definition.columns.iter().map(|column| column.id).collect();
        self.moving(Write {
            table,
            schema: segment_schema(&definition),
            rows: self.assigned(source, &definition, &given)?,
            kind: WriteKind::Append,
            scan: None,
            before: change.updates,
            gate: None,
            report: Report::Status(change.message),
            assigned: given,
        })
    }

    /// TRUNCATE TABLE.
    pub(super) fn truncate(&self, truncate: &Truncate) -> Result<Change> {
        let done = "Statement executed successfully.";
        let table = match self.resolver.object(ObjectKind::Table, &truncate.table) {
            Err(error) if truncate.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(Change::nothing(done));
            }
            found => found?,
        };
        self.resolver.act(Verb::Truncate, table);
        Ok(Change::one(Update::Truncate { table: table.id(), keep_loads: false }, done))
    }

    /// DELETE: the positions of the rows that the predicate holds for.
    pub(super) fn delete(&self, delete: &Delete) -> Result<Write> {
        let (table, definition) = self.target(&delete.table, Verb::Delete)?;
        let columns = vec![item(TableScan::SEGMENT), item(TableScan::POSITION)];
        let from = Target { alias: alias(&delete.alias, &delete.table), with: &delete.using };
        let (scan, rows) =
            self.changed_rows((table, &definition), from, columns, delete.predicate.as_ref())?;
        Ok(Write {
            table: table.id(),
            schema: segment_schema(&definition),
            rows,
            kind: WriteKind::Delete,
            scan: Some(scan),
            before: Vec::new(),
            gate: None,
            report: Report::Counts(&["number of rows deleted"]),
            assigned: Vec::new(),
        })
    }

    /// UPDATE: the positions of the rows, their ids, and all their columns with
    /// the new values.
    pub(super) fn update(&self, update: &UpdateRows) -> Result<Write> {
        let (table, definition) = self.target(&update.table, Verb::Update)?;
        let alias = alias(&update.alias, &update.table);
        for assignment in &update.assignments {
            if definition.column(&assignment.column).is_none() {
                return Err(no_column(&assignment.column));
            }
        }
        let mut columns =
            vec![item(TableScan::SEGMENT), item(TableScan::POSITION), item(TableScan::ROW_ID)];
        for column in &definition.columns {
            let assigned = update.assignments.iter().find(|set| set.column == column.name);
            let value = match assigned {
                Some(set) => value_or_default(&set.value, column)?,
                None => {
                    // What is not assigned stays what is stored, seen or not.
                    let is_masked = definition.policies.mask(column.id).is_some();
                    let stored = is_masked.then(|| Name::quoted(&original(column.id)));
                    let from = stored.unwrap_or_else(|| column.name.clone());
                    ast::Expr::CompoundIdentifier(vec![ident(&alias), ident(&from)])
                }
            };
            let alias = ast::Ident::with_quote('"', format!("${}", column.id.get()));
            columns.push(ast::SelectItem::ExprWithAlias { expr: value, alias });
        }
        let from = Target { alias, with: &update.from };
        let (scan, rows) =
            self.changed_rows((table, &definition), from, columns, update.predicate.as_ref())?;
        let is_set = |column: &&ColumnDefinition| {
            update.assignments.iter().any(|set| set.column == column.name)
        };
        let set: Vec<ColumnId> =
            definition.columns.iter().filter(is_set).map(|column| column.id).collect();
        Ok(Write {
            table: table.id(),
            schema: segment_schema(&definition),
            rows: stored_update(rows, &definition)?,
            kind: WriteKind::Update,
            scan: Some(scan),
            before: Vec::new(),
            gate: self.gate(table, &definition, Arrival::Changed(&set))?,
            report: Report::Counts(&[
                "number of rows updated",
                "number of multi-joined rows updated",
            ]),
            assigned: set,
        })
    }

    /// The plan of `SELECT columns FROM target WHERE predicate`, over the
    /// variant of the table that also yields the positions of its rows.
    fn changed_rows(
        &self,
        (table, definition): (&Object, &TableDefinition),
        from: Target<'_>,
        columns: Vec<ast::SelectItem>,
        predicate: Option<&ast::Expr>,
    ) -> Result<(Arc<TableScan>, LogicalPlan)> {
        let scan = table_scan(
            &self.session.engine().segments,
            (table.id(), table.name()),
            definition,
            self.resolver.content(table)?,
            true,
        )?;
        let text = format!("SELECT 1 FROM \"{TARGET}\" AS {}", from.alias);
        let mut query = icecore_sql::parse_query(&text)?;
        let ast::SetExpr::Select(select) = &mut *query.body else {
            return Err(Error::internal("SELECT is not SELECT"));
        };
        select.projection = columns;
        select.selection = predicate.cloned();
        select.from.extend(from.with.iter().cloned());
        let binder = Binder::new(self.session.clone(), Arc::clone(&self.resolver));
        let target = (table, definition);
        let source = self.binder.target_source(target, scan.clone(), &self.state)?;
        let binder = Arc::new(binder.with_target(source));
        let plan = plan_select(&query, &self.state, &binder)?;
        Ok((Arc::new(scan), plan))
    }
}

/// The query with its columns named by their position: into which column a
/// value goes does not depend on its name, so two may have the same.
fn numbered(query: &ast::Query) -> ast::Query {
    let mut query = query.clone();
    if let ast::SetExpr::Select(select) = &mut *query.body
        && query.order_by.is_none()
    {
        for (at, item) in select.projection.iter_mut().enumerate() {
            if let ast::SelectItem::UnnamedExpr(expr) = item {
                let alias = ast::Ident::with_quote('"', format!("${}", at + 1));
                *item = ast::SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
    }
    query
}

/// What stands in FROM beside the table that is changed.
struct Target<'a> {
    alias: Name,
    with: &'a [ast::TableWithJoins],
}

fn alias(alias: &Option<Name>, table: &QualifiedName) -> Name {
    alias.clone().unwrap_or_else(|| table.name.clone())
}

fn ident(name: &Name) -> ast::Ident {
    ast::Ident::with_quote('"', name.as_str())
}

fn item(column: &str) -> ast::SelectItem {
    ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(ast::Ident::with_quote('"', column)))
}

fn value_or_default(value: &ValueExpr, column: &ColumnDefinition) -> Result<ast::Expr> {
    match (value, &column.default) {
        (ValueExpr::Expr(expression), _) => Ok(expression.clone()),
        (ValueExpr::Default, Some(default)) => icecore_sql::parse_expression(default),
        (ValueExpr::Default, None) => icecore_sql::parse_expression("NULL"),
    }
}

/// The columns that an INSERT gives, all if it names none.
fn given_columns<'a>(
    definition: &'a TableDefinition,
    names: &[Name],
) -> Result<Vec<&'a ColumnDefinition>> {
    if names.is_empty() {
        return Ok(definition.columns.iter().collect());
    }
    names.iter().map(|name| definition.column(name).ok_or_else(|| no_column(name))).collect()
}

fn wrong_count(expected: usize, found: usize) -> Error {
    Error::new(
        Code::COLUMN_COUNT,
        format!(
            "insert value list does not match column list expecting {expected} but got {found}"
        ),
    )
}

/// The value as the column stores it, under the column's stored name.
fn store(value: Expr, from: &Field, column: &ColumnDefinition) -> Result<Expr> {
    let name = column.name.as_str();
    let value = assign(value, from, name, &column.sql_type, column.not_null)?;
    Ok(value.alias(column.id.stored_name()))
}

fn project(source: LogicalPlan, columns: Vec<Expr>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(source)
        .project(columns)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)
}

/// Positions as they are, then the columns as the table stores them.
fn stored_update(rows: LogicalPlan, definition: &TableDefinition) -> Result<LogicalPlan> {
    const POSITIONS: usize = 3;
    let columns = rows.schema().columns();
    let (positions, values) = columns.split_at(POSITIONS.min(columns.len()));
    let mut stored: Vec<Expr> = positions
        .iter()
        .map(|column| Expr::Column(column.clone()).alias(column.name.clone()))
        .collect();
    for (at, (value, column)) in values.iter().zip(&definition.columns).enumerate() {
        let from = rows.schema().field(at + POSITIONS).as_ref().clone();
        stored.push(store(Expr::Column(Column::clone(value)), &from, column)?);
    }
    project(rows, stored)
}

/// The columns of a table that is made from a query's result.
pub(super) fn inferred(source: &LogicalPlan) -> Result<TableDefinition> {
    let fields = source.schema().fields();
    distinct_names(fields.iter().map(|field| field.name().as_str()))?;
    let mut definition = TableDefinition { next_column: 1, ..TableDefinition::default() };
    for field in fields {
        let sql_type = match icecore_values::sql_type(field)? {
            // What is computed has no declared length.
            SqlType::Varchar { .. } if field.metadata().is_empty() => SqlType::TEXT,
            other => other,
        };
        definition.columns.push(ColumnDefinition {
            id: ColumnId::new(definition.next_column),
            name: Name::quoted(field.name()),
            sql_type,
            not_null: false,
            default: None,
            value_before: None,
            comment: None,
        });
        definition.next_column += 1;
    }
    Ok(definition)
}

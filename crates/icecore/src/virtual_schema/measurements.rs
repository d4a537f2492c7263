//! What data metric functions measured, and what they are to measure.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_governance::{RoleId, Verb};
use icecore_snapshot::Object;
use icecore_types::{
    Code, Error, MetricSource, Name, ObjectId, ObjectKind, QualifiedName, Result, SqlType,
    TableDefinition,
};

use super::functions::{Argument, named_texts};
use crate::cells::{Cell, Columns, batch};
use crate::measurements::Measurement;
use crate::plan::{Binder, system_metric};
use crate::statement::measured_name;

const TEXT: SqlType = SqlType::TEXT;
const TIME: SqlType = SqlType::TimestampLtz;

const RESULTS: Columns = &[
    ("SCHEDULED_TIME", TIME),
    ("CHANGE_COMMIT_TIME", TIME),
    ("MEASUREMENT_TIME", TIME),
    ("TABLE_ID", TEXT),
    ("TABLE_NAME", TEXT),
    ("TABLE_SCHEMA", TEXT),
    ("TABLE_DATABASE", TEXT),
    ("METRIC_ID", TEXT),
    ("METRIC_NAME", TEXT),
    ("METRIC_SCHEMA", TEXT),
    ("METRIC_DATABASE", TEXT),
    ("METRIC_RETURN_TYPE", TEXT),
    ("ARGUMENT_NAMES", TEXT),
    ("VALUE", SqlType::Float),
    ("ERROR_CODE", TEXT),
    ("ERROR_MESSAGE", TEXT),
];

const STATUS: Columns = &[
    RESULTS[0],
    RESULTS[1],
    RESULTS[2],
    RESULTS[3],
    RESULTS[4],
    RESULTS[5],
    RESULTS[6],
    RESULTS[7],
    RESULTS[8],
    RESULTS[9],
    RESULTS[10],
    RESULTS[11],
    RESULTS[12],
    RESULTS[13],
    ("EXPECTATION_NAME", TEXT),
    ("EXPECTATION_EXPRESSION", TEXT),
    ("EXPECTATION_VIOLATED", SqlType::Boolean),
];

const REFERENCES: Columns = &[
    ("METRIC_DATABASE_NAME", TEXT),
    ("METRIC_SCHEMA_NAME", TEXT),
    ("METRIC_NAME", TEXT),
    ("REF_DATABASE_NAME", TEXT),
    ("REF_SCHEMA_NAME", TEXT),
    ("REF_ENTITY_NAME", TEXT),
    ("REF_ENTITY_DOMAIN", TEXT),
    ("REF_ARGUMENTS", TEXT),
    ("SCHEDULE", TEXT),
    ("SCHEDULE_STATUS", TEXT),
    ("EXPECTATIONS", TEXT),
];

/// SNOWFLAKE.LOCAL.DATA_QUALITY_MONITORING_RESULTS.
pub(super) fn results(binder: &Binder) -> Result<RecordBatch> {
    results_of(binder, None)
}

/// SNOWFLAKE.LOCAL.DATA_QUALITY_MONITORING_EXPECTATION_STATUS.
pub(super) fn status(binder: &Binder) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for row in seen(binder, None) {
        for expectation in &row.expectations {
            let mut cells = common(binder, &row);
            cells.push(Cell::text(expectation.name.as_str()));
            cells.push(Cell::text(expectation.condition.as_str()));
            cells.push(expectation.violated.map_or(Cell::Null, Cell::Flag));
            rows.push(cells);
        }
    }
    batch(STATUS, rows)
}

fn results_of(binder: &Binder, table: Option<ObjectId>) -> Result<RecordBatch> {
    let rows = seen(binder, table).into_iter().map(|row| {
        let mut cells = common(binder, &row);
        let error = row.error.as_ref();
        cells.push(Cell::maybe_text(error.map(|(code, _)| code.as_str())));
        cells.push(Cell::maybe_text(error.map(|(_, message)| message.as_str())));
        cells
    });
    batch(RESULTS, rows.collect())
}

/// What the session may see, oldest first: what was measured of the tables that
/// its roles own, because a number says something of all rows.
fn seen(binder: &Binder, table: Option<ObjectId>) -> Vec<Arc<Measurement>> {
    let mut rows = binder.session().engine().measurements.rows();
    rows.retain(|row| table.is_none_or(|table| row.table == table) && owns(binder, row.table));
    rows
}

fn owns(binder: &Binder, table: ObjectId) -> bool {
    let resolver = binder.resolver();
    let owner = resolver.head().object(table).map(|object| RoleId::new(object.owner()));
    let acting = resolver.who();
    owner.zip(acting).is_some_and(|(owner, acting)| acting.session.has_role(owner))
}

fn common(binder: &Binder, row: &Measurement) -> Vec<Cell> {
    let path = binder.resolver().path(row.table);
    let columns: Vec<&str> = row.column_names.iter().map(Name::as_str).collect();
    let part = |names: &[Name], at: usize| Cell::maybe_text(names.get(at).map(Name::as_str));
    let id = row.source.function().map(|id| id.to_string());
    vec![
        Cell::Time(row.scheduled),
        row.changed.map_or(Cell::Null, Cell::Time),
        Cell::Time(row.measured),
        Cell::text(row.table.to_string()),
        part(&path, 2),
        part(&path, 1),
        part(&path, 0),
        Cell::maybe_text(id),
        part(&row.metric, 2),
        part(&row.metric, 1),
        part(&row.metric, 0),
        Cell::text("NUMBER"),
        Cell::text(listed(&columns)),
        row.value.map_or(Cell::Null, Cell::Float),
    ]
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", names.join(","))
}

/// `SNOWFLAKE.LOCAL.DATA_QUALITY_MONITORING_RESULTS(REF_ENTITY_NAME => ..,
/// REF_ENTITY_DOMAIN => 'TABLE')`.
pub(super) fn of_table(
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let Asked::Entity(table) = asked(arguments, binder)? else { return Err(invalid()) };
    let rows = results_of(binder, Some(table))?;
    Ok((rows.schema(), vec![rows]))
}

/// What DATA_METRIC_FUNCTION_REFERENCES is asked about.
enum Asked {
    Metric(MetricSource),
    Entity(ObjectId),
}

fn invalid() -> Error {
    Error::new(Code::INVALID_ARGUMENT, "no table or data metric function is named").with_help(
        "write REF_ENTITY_NAME => 't', REF_ENTITY_DOMAIN => 'TABLE', or METRIC_NAME => 'd.s.f'",
    )
}

fn asked(arguments: &[Argument], binder: &Binder) -> Result<Asked> {
    let names = ["METRIC_NAME", "REF_ENTITY_NAME", "REF_ENTITY_DOMAIN"];
    let [metric, entity, domain] = named_texts(arguments, names)?.ok_or_else(invalid)?;
    let resolver = binder.resolver();
    match (metric, entity, domain.map(|it| it.to_uppercase()).as_deref()) {
        (Some(metric), None, None) => {
            let name = QualifiedName::parse(&metric)?;
            if let Some(system) = system_metric(&name)? {
                return Ok(Asked::Metric(MetricSource::System(system)));
            }
            let found = resolver.object(ObjectKind::MetricFunction, &name)?;
            resolver.act(Verb::Describe, found);
            Ok(Asked::Metric(MetricSource::Function(found.id())))
        }
        (None, Some(entity), Some("TABLE")) => {
            let found = resolver.object(ObjectKind::Table, &QualifiedName::parse(&entity)?)?;
            resolver.act(Verb::Describe, found);
            Ok(Asked::Entity(found.id()))
        }
        _ => Err(invalid()),
    }
}

/// `DATA_METRIC_FUNCTION_REFERENCES(REF_ENTITY_NAME => .., REF_ENTITY_DOMAIN =>
/// 'TABLE')` or `(METRIC_NAME => ..)`: a row for each function of a table.
pub(super) fn references(
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let asked = asked(arguments, binder)?;
    let resolver = binder.resolver();
    let mut tables: Vec<&Object> = match asked {
        Asked::Entity(id) => resolver.head().object(id).into_iter().collect(),
        Asked::Metric(_) => resolver
            .head()
            .objects()
            .filter(|object| object.is_live() && object.kind() == ObjectKind::Table)
            .filter(|object| resolver.sees(object))
            .collect(),
    };
    tables.sort_by_cached_key(|object| resolver.path(object.id()));
    let mut rows = Vec::new();
    for table in tables {
        let definition: TableDefinition = table.body().read()?;
        for binding in &definition.metrics {
            if matches!(asked, Asked::Metric(only) if only != binding.source) {
                continue;
            }
            let metric = measured_name(resolver.head(), binding.source);
            let path = resolver.path(table.id());
            let columns: Vec<&str> = binding.column_names(&definition).map(Name::as_str).collect();
            let expectations: Vec<String> = binding
                .expectations
                .iter()
                .map(|it| format!("{} ({})", it.name, it.condition))
                .collect();
            let part =
                |names: &[Name], at: usize| Cell::maybe_text(names.get(at).map(Name::as_str));
            rows.push(vec![
                part(&metric, 0),
                part(&metric, 1),
                part(&metric, 2),
                part(&path, 0),
                part(&path, 1),
                part(&path, 2),
                Cell::text("TABLE"),
                Cell::text(listed(&columns)),
                Cell::text(definition.metric_schedule.unwrap_or_default().to_string()),
                Cell::text(if binding.suspended { "SUSPENDED" } else { "STARTED" }),
                Cell::text(expectations.join(", ")),
            ]);
        }
    }
    let rows = batch(REFERENCES, rows)?;
    Ok((rows.schema(), vec![rows]))
}

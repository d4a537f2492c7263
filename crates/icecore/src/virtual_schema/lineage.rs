//! GET_LINEAGE: where the values of an object or a column come from, or go to.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_types::{
    Code, Error, Name, ObjectKind, QualifiedName, Result, SemanticViewDefinition, SqlType,
};

use super::functions::{Argument, text};
use crate::cells::{Cell, Columns, batch};
use crate::lineage::{Direction, Point, Step, graph};
use crate::plan::{Binder, Source};
use crate::statement::{columns_of, split_column};

const TEXT: SqlType = SqlType::TEXT;

const LINEAGE: Columns = &[
    ("SOURCE_OBJECT_DATABASE", TEXT),
    ("SOURCE_OBJECT_SCHEMA", TEXT),
    ("SOURCE_OBJECT_NAME", TEXT),
    ("SOURCE_OBJECT_DOMAIN", TEXT),
    ("SOURCE_OBJECT_VERSION", TEXT),
    ("SOURCE_COLUMN_NAME", TEXT),
    ("SOURCE_STATUS", TEXT),
    ("TARGET_OBJECT_DATABASE", TEXT),
    ("TARGET_OBJECT_SCHEMA", TEXT),
    ("TARGET_OBJECT_NAME", TEXT),
    ("TARGET_OBJECT_DOMAIN", TEXT),
    ("TARGET_OBJECT_VERSION", TEXT),
    ("TARGET_COLUMN_NAME", TEXT),
    ("TARGET_STATUS", TEXT),
    ("DISTANCE", SqlType::Integer),
    ("PROCESS", TEXT),
    ("SOURCE_DETAILS", TEXT),
    ("TARGET_DETAILS", TEXT),
];

/// How far it is walked at most.
const MOST_STEPS: u32 = 5;

/// `GET_LINEAGE('object', 'domain', 'direction' [, distance])`: the edges, the
/// nearest first, then by the names of their sources and targets. A neighbour
/// that the session may not see has no name, and nothing is said of what is
/// behind it.
pub(super) fn get_lineage(
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let (name, domain, direction, most) = asked(arguments)?;
    let from = start(&name, &domain, binder)?;
    let graph = graph(binder);
    let steps = graph.walk(&from, (direction, most), |point| seen(point, binder).is_some());
    let mut rows: Vec<(_, Vec<Cell>)> = steps.iter().map(|step| row(step, binder)).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let rows = batch(LINEAGE, rows.into_iter().map(|(_, row)| row).collect())?;
    Ok((rows.schema(), vec![rows]))
}

fn asked(arguments: &[Argument]) -> Result<(String, String, Direction, u32)> {
    let invalid = || {
        Error::new(
            Code::INVALID_ARGUMENT,
            "GET_LINEAGE is told an object, its domain and a direction",
        )
        .with_help(
            "write GET_LINEAGE('db.schema.name', 'TABLE' or 'COLUMN' or 'STAGE' or \
                 'SEMANTIC_VIEW', 'UPSTREAM' or 'DOWNSTREAM' [, 1 to 5])",
        )
    };
    let (name, domain, direction, most) = match arguments {
        [(None, name), (None, domain), (None, direction)] => (name, domain, direction, None),
        [(None, name), (None, domain), (None, direction), (None, most)] => {
            (name, domain, direction, Some(most))
        }
        _ => return Err(invalid()),
    };
    let direction = match text(direction)?.to_uppercase().as_str() {
        "UPSTREAM" => Direction::Upstream,
        "DOWNSTREAM" => Direction::Downstream,
        _ => return Err(invalid()),
    };
    let most = match most {
        None => MOST_STEPS,
        Some(most) => match most.cast_to(&DataType::UInt32) {
            Ok(ScalarValue::UInt32(Some(most @ 1..=MOST_STEPS))) => most,
            _ => return Err(invalid()),
        },
    };
    Ok((text(name)?, text(domain)?.to_uppercase(), direction, most))
}

/// What is asked about.
fn start(name: &str, domain: &str, binder: &Arc<Binder>) -> Result<Point> {
    let resolver = binder.resolver();
    if domain == "COLUMN" {
        let (table, column) = split_column(name)?;
        let object = resolver.relation(&QualifiedName::parse(table)?)?;
        resolver.act(Verb::Show, object);
        let column = Name::parse(column)?;
        if !column_names(object, binder)?.contains(&column) {
            let what = format!("invalid identifier '{column}'");
            return Err(Error::new(Code::INVALID_IDENTIFIER, what));
        }
        return Ok(Point::column(Source::Object(object.id()), column.as_str()));
    }
    let name = QualifiedName::parse(name.trim_start_matches('@'))?;
    let kinds: &[ObjectKind] = match domain {
        "TABLE" => &[ObjectKind::Table, ObjectKind::DynamicTable, ObjectKind::View],
        "VIEW" => &[ObjectKind::View],
        "DYNAMIC_TABLE" | "DYNAMIC TABLE" => &[ObjectKind::DynamicTable],
        "SEMANTIC_VIEW" | "SEMANTIC VIEW" => &[ObjectKind::SemanticView],
        "STAGE" => &[ObjectKind::Stage],
        other => return Err(Error::unsupported(format_args!("lineage of {other}"))),
    };
    let object = match kinds {
        [ObjectKind::Stage] => resolver.object(ObjectKind::Stage, &name)?,
        _ => resolver.relation(&name)?,
    };
    if !kinds.contains(&object.kind()) {
        let what = format!("object '{name}' is a {}, not a {domain}", object.kind().sql());
        return Err(Error::new(Code::OPERATION_IMPOSSIBLE, what));
    }
    resolver.act(Verb::Show, object);
    Ok(Point::whole(Source::Object(object.id())))
}

fn column_names(object: &Object, binder: &Arc<Binder>) -> Result<Vec<Name>> {
    let state = &binder.session().engine().template;
    if object.kind() == ObjectKind::SemanticView {
        let view: SemanticViewDefinition = object.body().read()?;
        let view = binder.semantic_view((&view, Some(object)), None, state)?;
        return Ok(view.model.names().map(|(_, name, _)| name.clone()).collect());
    }
    let columns = columns_of(object, binder, state)?;
    Ok(columns.iter().map(|column| Name::quoted(&column.name)).collect())
}

/// The object of a point, if the session may see it. Files of a URL or of
/// somebody's own stage are nobody else's.
fn seen<'a>(point: &Point, binder: &'a Binder) -> Option<&'a Object> {
    let resolver = binder.resolver();
    match &point.of {
        Source::Object(id) => resolver.head().object(*id).filter(|it| resolver.sees(it)),
        Source::Stage(_) => None,
    }
}

/// The cells of an edge, and its place among others.
fn row(step: &Step<'_>, binder: &Binder) -> ((u32, [String; 2]), Vec<Cell>) {
    let sides = [step.source, step.target];
    let mut cells = Vec::with_capacity(LINEAGE.len());
    let keys = sides.map(|point| {
        let Some(object) = seen(point, binder) else {
            cells.extend(std::iter::repeat_n(Cell::Null, 6));
            cells.push(Cell::text("MASKED"));
            // Its own order would tell its name.
            return String::new();
        };
        let (domain, path) = described(point, object, binder);
        let mut parts: Vec<Cell> = path.iter().map(|name| Cell::text(name.as_str())).collect();
        parts.resize(3, Cell::Null);
        cells.extend(parts);
        cells.push(Cell::text(domain));
        cells.push(Cell::Null);
        cells.push(Cell::maybe_text(point.column.as_deref()));
        cells.push(Cell::text("ACTIVE"));
        let path: Vec<String> = path.iter().map(Name::to_string).collect();
        format!("{}\0{}", path.join("."), point.column.as_deref().unwrap_or_default())
    });
    cells.push(Cell::count(u64::from(step.distance)));
    cells.push(Cell::maybe_text(step.way.process.map(|id| id.to_string())));
    cells.extend(sides.map(|point| details(point, step, binder)));
    ((step.distance, keys), cells)
}

/// What an object is, and for a stage the files whose rows were taken.
fn details(point: &Point, step: &Step<'_>, binder: &Binder) -> Cell {
    let Some(object) = seen(point, binder) else { return Cell::Null };
    let kind = object.kind().sql();
    Cell::text(match point == step.source && !step.way.files.is_empty() {
        true => serde_json::json!({ "kind": kind, "files": step.way.files }).to_string(),
        false => serde_json::json!({ "kind": kind }).to_string(),
    })
}

/// The domain of a point that is seen, and the names of its object.
fn described(point: &Point, object: &Object, binder: &Binder) -> (&'static str, Vec<Name>) {
    let domain = match object.kind() {
        _ if point.column.is_some() => "COLUMN",
        ObjectKind::Stage => "STAGE",
        ObjectKind::SemanticView => "SEMANTIC_VIEW",
        _ => "TABLE",
    };
    (domain, binder.resolver().path(object.id()))
}

//! What the access history says of where values came from.

use std::collections::{BTreeSet, HashMap};

use icecore_snapshot::Head;
use icecore_types::{
    ColumnId, Name, ObjectId, ObjectKind, QueryId, StageDefinition, StageLocation, TableDefinition,
};

use super::graph::{Graph, Point, Way};
use crate::access_history::{AccessRow, SourceColumn, WrittenColumn};
use crate::engine::Engine;
use crate::plan::Source;

/// The files of each load of each table.
type Files = HashMap<(QueryId, ObjectId), BTreeSet<String>>;

/// Adds what statements wrote, from what.
pub(super) fn add_recorded(graph: &mut Graph, engine: &Engine, head: &Head) {
    let mut files = Files::new();
    for load in engine.loads.rows() {
        let loaded = load.files.iter().filter(|file| file.rows_loaded > 0);
        let names = files.entry((load.query_id, load.table)).or_default();
        names.extend(loaded.map(|file| file.file.clone()));
    }
    for row in engine.accesses.rows() {
        add_row(graph, &row, head, &files);
    }
}

fn add_row(graph: &mut Graph, row: &AccessRow, head: &Head, files: &Files) {
    for modified in row.access.modified.iter().filter(|modified| !modified.columns.is_empty()) {
        let Some(table) = modified.object_id.filter(|id| is_table(head, *id)) else { continue };
        let way = |of_stage: bool| Way {
            process: Some(row.query_id),
            files: match files.get(&(row.query_id, table)) {
                Some(files) if of_stage => files.clone(),
                _ => BTreeSet::new(),
            },
        };
        for read in &row.access.direct {
            let Some(source) = source((read.object_id, &read.object_name), head) else { continue };
            let target = Point::whole(Source::Object(table));
            graph.add(Point::whole(source), target, way(read.object_domain == STAGE));
        }
        for column in &modified.columns {
            let Some(target) = written(table, column, head) else { continue };
            for from in &column.direct_sources {
                let Some(source) = column_source(from, row.query_id, head) else { continue };
                graph.add(source, target.clone(), way(from.object_domain == STAGE));
            }
        }
    }
}

/// What the access history calls the files of a stage.
const STAGE: &str = "Stage";

fn is_table(head: &Head, id: ObjectId) -> bool {
    let live = head.object(id).filter(|object| object.is_live());
    live.is_some_and(|it| matches!(it.kind(), ObjectKind::Table | ObjectKind::DynamicTable))
}

/// What was read, if it is still there.
fn source((id, name): (Option<ObjectId>, &str), head: &Head) -> Option<Source> {
    match id {
        Some(id) => head.object(id).filter(|it| it.is_live()).map(|_| Source::Object(id)),
        None => Some(stage_at(name, head).unwrap_or_else(|| Source::Stage(name.to_owned()))),
    }
}

/// The stage whose files are at a URL: a query of files says where they are.
fn stage_at(shown: &str, head: &Head) -> Option<Source> {
    let stages = head.objects().filter(|it| it.is_live() && it.kind() == ObjectKind::Stage);
    let there = stages.filter(|stage| match stage.body().read::<StageDefinition>() {
        Ok(StageDefinition { location: StageLocation::External { url, .. }, .. }) => {
            url.trim_end_matches('/') == shown.trim_end_matches('/')
        }
        _ => false,
    });
    there.map(|stage| stage.id()).min().map(Source::Object)
}

/// A column that was written, as it is called now.
fn written(table: ObjectId, column: &WrittenColumn, head: &Head) -> Option<Point> {
    let name = name_now(table, column.column_id, head)?;
    Some(Point::column(Source::Object(table), name.as_str()))
}

/// A column that was read, as it is called now.
fn column_source(from: &SourceColumn, query: QueryId, head: &Head) -> Option<Point> {
    let source = source((from.object_id, &from.object_name), head)?;
    let Source::Object(id) = source else {
        return Some(Point::column(source, &from.column_name));
    };
    if !is_table(head, id) {
        return Some(Point::column(source, &from.column_name));
    }
    let then = head.version_of(query).and_then(|version| head.object_at(id, version));
    let definition: Option<TableDefinition> = then.and_then(|then| then.body().read().ok());
    let name = Name::quoted(&from.column_name);
    let now = match definition.as_ref().and_then(|then| then.column(&name)) {
        Some(column) => name_now(id, column.id, head)?,
        None => name,
    };
    Some(Point::column(source, now.as_str()))
}

fn name_now(table: ObjectId, column: ColumnId, head: &Head) -> Option<Name> {
    let definition: TableDefinition = head.object(table)?.body().read().ok()?;
    let found = definition.columns.into_iter().find(|known| known.id == column);
    found.map(|column| column.name)
}

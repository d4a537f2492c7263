//! Which objects and columns have which values of tags.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_types::{
    Code, ColumnId, Error, Name, ObjectId, ObjectKind, ObjectTags, PropagatedTag, Result, SqlType,
    TableDefinition,
};

use super::Listing;
use super::functions::{Argument, text};
use crate::cells::{Cell, Columns, batch};
use crate::plan::Binder;
use crate::statement::{tag_value, tagged};

const TEXT: SqlType = SqlType::TEXT;

const REFERENCES: Columns = &[
    ("TAG_DATABASE", TEXT),
    ("TAG_SCHEMA", TEXT),
    ("TAG_NAME", TEXT),
    ("TAG_VALUE", TEXT),
    ("LEVEL", TEXT),
    ("OBJECT_DATABASE", TEXT),
    ("OBJECT_SCHEMA", TEXT),
    ("OBJECT_NAME", TEXT),
    ("DOMAIN", TEXT),
    ("COLUMN_NAME", TEXT),
    ("APPLY_METHOD", TEXT),
];

const USAGE: Columns = &[
    ("TAG_DATABASE", TEXT),
    ("TAG_SCHEMA", TEXT),
    ("TAG_ID", TEXT),
    ("TAG_NAME", TEXT),
    ("TAG_VALUE", TEXT),
    ("OBJECT_DATABASE", TEXT),
    ("OBJECT_SCHEMA", TEXT),
    ("OBJECT_ID", TEXT),
    ("OBJECT_NAME", TEXT),
    ("DOMAIN", TEXT),
    ("COLUMN_ID", SqlType::Integer),
    ("COLUMN_NAME", TEXT),
    ("APPLY_METHOD", TEXT),
];

type Rows = (SchemaRef, Vec<RecordBatch>);

/// `TAG_REFERENCES('object', 'domain')`: the tags of one object or column, its
/// own and those that it inherits.
pub(super) fn references(arguments: &[Argument], binder: &Arc<Binder>) -> Result<Rows> {
    let (name, domain) = two(arguments, "TAG_REFERENCES")?;
    let resolver = binder.resolver();
    let (object, column) = tagged(resolver, &name, &domain)?;
    resolver.act(Verb::Show, object);
    table(rows_of(binder, object, column)?)
}

/// `TAG_REFERENCES_ALL_COLUMNS('table', 'TABLE')`: the same of each column.
pub(super) fn of_all_columns(arguments: &[Argument], binder: &Arc<Binder>) -> Result<Rows> {
    let (name, domain) = two(arguments, "TAG_REFERENCES_ALL_COLUMNS")?;
    let resolver = binder.resolver();
    let (object, _) = tagged(resolver, &name, &domain)?;
    resolver.act(Verb::Show, object);
    let mut rows = Vec::new();
    for (column, _) in columns(object)? {
        rows.extend(rows_of(binder, object, Some(column))?);
    }
    table(rows)
}

/// Every value that is given, to whatever the session may see.
pub(super) fn usage(listing: &Listing<'_>) -> Result<RecordBatch> {
    let (binder, mut rows) = (listing.binder, Vec::new());
    let resolver = binder.resolver();
    let mut objects: Vec<&Object> = resolver
        .head()
        .objects()
        .filter(|object| object.is_live() && object.kind().has_tags() && resolver.sees(object))
        .collect();
    objects.sort_by_cached_key(|object| resolver.path(object.id()));
    for object in objects {
        let tags = object.body().tags()?;
        let columns = columns(object)?;
        let own = tags.own.iter().map(|given| (None, given));
        let of_columns = columns.iter().flat_map(|(id, name)| {
            let values = tags.columns.get(id).into_iter().flatten();
            values.map(move |given| (Some((*id, name)), given))
        });
        for (column, (tag, value)) in own.chain(of_columns) {
            let method = applied(&tags, (column.map(|(id, _)| id), *tag));
            rows.extend(usage_row(binder, object, column, (*tag, value, method)));
        }
    }
    batch(USAGE, rows)
}

fn usage_row(
    binder: &Binder,
    object: &Object,
    column: Option<(ColumnId, &Name)>,
    (tag, value, method): (ObjectId, &String, &str),
) -> Option<Vec<Cell>> {
    let [tag_database, tag_schema, tag_name] = live_tag(binder, tag)?;
    let [database, schema, name] = place(binder, object);
    let domain = if column.is_some() { "COLUMN" } else { object.kind().sql() };
    Some(vec![
        tag_database,
        tag_schema,
        Cell::text(tag.to_string()),
        tag_name,
        Cell::text(value.as_str()),
        database,
        schema,
        Cell::text(object.id().to_string()),
        name,
        Cell::text(domain),
        column.map_or(Cell::Null, |(id, _)| Cell::count(u64::from(id.get()))),
        Cell::maybe_text(column.map(|(_, name)| name.as_str())),
        Cell::text(method),
    ])
}

/// How a value came to an object or a column that has it.
fn applied(tags: &ObjectTags, (column, tag): (Option<ColumnId>, ObjectId)) -> &'static str {
    match tags.propagated.contains(&PropagatedTag { column, tag }) {
        true => "PROPAGATED",
        false => "MANUAL",
    }
}

/// The tags of an object or a column, in the order of their names.
fn rows_of(binder: &Binder, object: &Object, column: Option<ColumnId>) -> Result<Vec<Vec<Cell>>> {
    let resolver = binder.resolver();
    let mut tags: Vec<&Object> = resolver
        .head()
        .objects()
        .filter(|tag| tag.is_live() && tag.kind() == ObjectKind::Tag)
        .collect();
    tags.sort_by_cached_key(|tag| resolver.path(tag.id()));
    let column_name = columns(object)?.into_iter().find(|(id, _)| Some(*id) == column);
    let mut rows = Vec::new();
    for tag in tags {
        let found = tag_value(resolver.head(), tag.id(), (object, column))?;
        let Some((value, level)) = found else { continue };
        let Some([tag_database, tag_schema, tag_name]) = live_tag(binder, tag.id()) else {
            continue;
        };
        let [database, schema, name] = place(binder, object);
        let domain = if column.is_some() { "COLUMN" } else { object.kind().sql() };
        let level = level.map_or("COLUMN", ObjectKind::sql);
        rows.push(vec![
            tag_database,
            tag_schema,
            tag_name,
            Cell::text(value),
            Cell::text(level),
            database,
            schema,
            name,
            Cell::text(domain),
            Cell::maybe_text(column_name.as_ref().map(|(_, name)| name.as_str())),
            Cell::text(match level == domain {
                true => applied(&object.body().tags()?, (column, tag.id())),
                false => "INHERITED",
            }),
        ]);
    }
    Ok(rows)
}

/// Where a tag is; of one that was dropped nothing is said.
fn live_tag(binder: &Binder, tag: ObjectId) -> Option<[Cell; 3]> {
    let tag = binder.resolver().head().object(tag).filter(|tag| tag.is_live())?;
    Some(place(binder, tag))
}

fn place(binder: &Binder, object: &Object) -> [Cell; 3] {
    let mut path = binder.resolver().path(object.id());
    let name = path.pop().map(|name| Cell::text(name.as_str()));
    let mut containers = path.iter().map(|name| Cell::text(name.as_str()));
    let [database, schema] = [containers.next(), containers.next()];
    [database, schema, name].map(|cell| cell.unwrap_or(Cell::Null))
}

fn columns(object: &Object) -> Result<Vec<(ColumnId, Name)>> {
    if !matches!(object.kind(), ObjectKind::Table | ObjectKind::DynamicTable) {
        return Ok(Vec::new());
    }
    let definition: TableDefinition = object.body().read()?;
    Ok(definition.columns.into_iter().map(|column| (column.id, column.name)).collect())
}

fn two(arguments: &[Argument], function: &str) -> Result<(String, String)> {
    match arguments {
        [(None, name), (None, domain)] => Ok((text(name)?, text(domain)?)),
        _ => Err(Error::new(
            Code::INVALID_ARGUMENT,
            format!("{function} takes the name of an object and its domain"),
        )),
    }
}

fn table(rows: Vec<Vec<Cell>>) -> Result<Rows> {
    let rows = batch(REFERENCES, rows)?;
    Ok((rows.schema(), vec![rows]))
}

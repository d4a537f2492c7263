//! What a load reads and writes.

use std::collections::BTreeSet;

use icecore_snapshot::Head;
use icecore_types::{ObjectKind, Result};

use super::{full_name, table_definition};
use crate::access_history::{Access, AccessedObject, ReadColumn, SourceColumn, WrittenColumn};
use crate::statement::change::title;
use crate::statement::load::Load;

/// The fields of the stage's files that are read, and the columns that they
/// go to.
pub(super) fn load_access(load: &Load, head: &Head) -> Result<Access> {
    let stage = load.stage_id();
    let domain = title(ObjectKind::Stage);
    let name = stage.map_or_else(|| load.stage().location().to_owned(), |id| full_name(head, id));
    let fields: BTreeSet<&String> = load.sources().iter().flat_map(|(_, fields)| fields).collect();
    let column = |field: &&String| ReadColumn { column_id: None, column_name: (*field).clone() };
    let read = AccessedObject {
        object_domain: domain.clone(),
        object_id: stage,
        object_name: name.clone(),
        columns: fields.iter().map(column).collect(),
    };
    let mut access = Access { direct: vec![read.clone()], base: vec![read], ..Access::default() };
    if load.only_validates() {
        return Ok(access);
    }
    let Some(definition) = table_definition(load.table(), head)? else { return Ok(access) };
    let written = load.sources().iter().map(|(id, fields)| {
        let from = |field: &String| SourceColumn {
            object_domain: domain.clone(),
            object_id: stage,
            object_name: name.clone(),
            column_name: field.clone(),
        };
        let sources: Vec<SourceColumn> = fields.iter().map(from).collect();
        let column = definition.columns.iter().find(|column| column.id == *id);
        WrittenColumn {
            column_id: *id,
            column_name: column.map_or_else(String::new, |it| it.name.as_str().to_owned()),
            direct_sources: sources.clone(),
            base_sources: sources,
        }
    });
    access.modified.push(AccessedObject {
        object_domain: title(ObjectKind::Table),
        object_id: Some(load.table()),
        object_name: full_name(head, load.table()),
        columns: written.collect(),
    });
    Ok(access)
}

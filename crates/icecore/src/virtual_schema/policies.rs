//! POLICY_REFERENCES: which policies are on what.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_types::{
    Code, ColumnId, Error, Name, ObjectId, ObjectKind, QualifiedName, Result, SqlType,
    TableDefinition, ViewDefinition,
};

use super::functions::{Argument, text};
use crate::cells::{Cell, Columns, batch};
use crate::plan::Binder;

const TEXT: SqlType = SqlType::TEXT;

const REFERENCES: Columns = &[
    ("POLICY_DB", TEXT),
    ("POLICY_SCHEMA", TEXT),
    ("POLICY_NAME", TEXT),
    ("POLICY_KIND", TEXT),
    ("REF_DATABASE_NAME", TEXT),
    ("REF_SCHEMA_NAME", TEXT),
    ("REF_ENTITY_NAME", TEXT),
    ("REF_ENTITY_DOMAIN", TEXT),
    ("REF_COLUMN_NAME", TEXT),
    ("REF_ARG_COLUMN_NAMES", TEXT),
    ("TAG_DATABASE", TEXT),
    ("TAG_SCHEMA", TEXT),
    ("TAG_NAME", TEXT),
    ("POLICY_STATUS", TEXT),
];

/// Where a policy is, or which policies an object has.
enum Asked {
    Policy(ObjectId),
    Entity(ObjectId),
}

/// `POLICY_REFERENCES(POLICY_NAME => ..)` or `(REF_ENTITY_NAME => ..,
/// REF_ENTITY_DOMAIN => ..)`: a row for each column that is masked, and one for
/// each row access policy of a table.
pub(super) fn references(
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let asked = asked(arguments, binder)?;
    let resolver = binder.resolver();
    let mut tables: Vec<&Object> = match &asked {
        Asked::Entity(id) => resolver.head().object(*id).into_iter().collect(),
        // Of what may not be seen nothing is said.
        Asked::Policy(_) => resolver
            .head()
            .objects()
            .filter(|object| object.is_live() && is_relation(object))
            .filter(|object| resolver.sees(object))
            .collect(),
    };
    tables.sort_by_cached_key(|object| resolver.path(object.id()));
    let mut rows = Vec::new();
    for table in tables {
        add_table(table, &asked, binder, &mut rows)?;
    }
    let rows = batch(REFERENCES, rows)?;
    Ok((rows.schema(), vec![rows]))
}

fn asked(arguments: &[Argument], binder: &Binder) -> Result<Asked> {
    let invalid = || {
        Error::new(Code::INVALID_ARGUMENT, "POLICY_REFERENCES is told a policy or an object")
            .with_help(
                "write POLICY_NAME => 'd.s.p', or REF_ENTITY_NAME => 't', \
                 REF_ENTITY_DOMAIN => 'TABLE'",
            )
    };
    let (mut policy, mut entity, mut domain) = (None, None, None);
    for (name, value) in arguments {
        let slot = match name.as_deref().map(str::to_uppercase).as_deref() {
            Some("POLICY_NAME") => &mut policy,
            Some("REF_ENTITY_NAME") => &mut entity,
            Some("REF_ENTITY_DOMAIN") => &mut domain,
            _ => return Err(invalid()),
        };
        if slot.replace(text(value)?).is_some() {
            return Err(invalid());
        }
    }
    let resolver = binder.resolver();
    match (policy, entity, domain) {
        (Some(policy), None, None) => {
            let name = QualifiedName::parse(&policy)?;
            let found = resolver.find(ObjectKind::MaskingPolicy, &name)?;
            let found = found.ok_or_else(|| crate::statement::unknown(&name))?;
            resolver.act(Verb::Describe, found);
            Ok(Asked::Policy(found.id()))
        }
        (None, Some(entity), Some(domain)) => {
            let kind = match domain.to_uppercase().as_str() {
                "TABLE" => ObjectKind::Table,
                "VIEW" => ObjectKind::View,
                other @ ("TAG" | "USER" | "ACCOUNT" | "INTEGRATION") => {
                    let what = format!("REF_ENTITY_DOMAIN => '{other}'");
                    return Err(Error::unsupported(what));
                }
                _ => return Err(invalid()),
            };
            let found = resolver.object(kind, &QualifiedName::parse(&entity)?)?;
            resolver.act(Verb::Describe, found);
            Ok(Asked::Entity(found.id()))
        }
        _ => Err(invalid()),
    }
}

fn add_table(
    table: &Object,
    asked: &Asked,
    binder: &Binder,
    rows: &mut Vec<Vec<Cell>>,
) -> Result<()> {
    let policies = table.policies()?;
    if policies.is_empty() {
        return Ok(());
    }
    let names = names(table)?;
    let wanted = |policy: ObjectId| match asked {
        Asked::Policy(id) => *id == policy,
        Asked::Entity(_) => true,
    };
    let name = |id: &ColumnId| {
        let column = names.iter().find(|(column, _)| column == id);
        column.map(|(_, name)| name.as_str().to_owned()).unwrap_or_default()
    };
    let list = |columns: &[ColumnId]| {
        let quoted: Vec<String> = columns.iter().map(|id| format!("{:?}", name(id))).collect();
        Cell::text(format!("[{}]", quoted.join(", ")))
    };
    for mask in policies.masks.iter().filter(|mask| wanted(mask.policy)) {
        let conditions = match mask.conditions.as_slice() {
            [] => Cell::Null,
            columns => list(columns),
        };
        let columns = [Cell::text(name(&mask.column)), conditions];
        rows.push(row((mask.policy, "MASKING_POLICY"), table, columns, binder));
    }
    if let Some(on) = policies.row_access.as_ref().filter(|on| wanted(on.policy)) {
        let columns = [Cell::Null, list(&on.columns)];
        rows.push(row((on.policy, "ROW_ACCESS_POLICY"), table, columns, binder));
    }
    Ok(())
}

fn is_relation(object: &Object) -> bool {
    matches!(object.kind(), ObjectKind::Table | ObjectKind::View)
}

/// The names of the columns that policies may name.
fn names(object: &Object) -> Result<Vec<(ColumnId, Name)>> {
    if object.kind() == ObjectKind::View {
        let names = object.body().read::<ViewDefinition>()?.policy_columns;
        let id = |at: usize| ColumnId::new(at as u32 + 1);
        return Ok(names.into_iter().enumerate().map(|(at, name)| (id(at), name)).collect());
    }
    let columns = object.body().read::<TableDefinition>()?.columns;
    Ok(columns.into_iter().map(|column| (column.id, column.name)).collect())
}

fn row(
    (policy, kind): (ObjectId, &str),
    table: &Object,
    columns: [Cell; 2],
    binder: &Binder,
) -> Vec<Cell> {
    let path = |id: ObjectId| {
        let path = binder.resolver().path(id);
        (0..3).map(move |at| Cell::maybe_text(path.get(at).map(|name| name.as_str().to_owned())))
    };
    let mut row: Vec<Cell> = path(policy).collect();
    row.push(Cell::text(kind));
    row.extend(path(table.id()));
    row.push(Cell::text(table.kind().sql()));
    row.extend(columns);
    row.extend([Cell::Null, Cell::Null, Cell::Null, Cell::text("ACTIVE")]);
    row
}

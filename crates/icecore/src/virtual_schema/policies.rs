//! POLICY_REFERENCES: which policies are on what.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use icecore_governance::{PolicyStatus, TagMask, Verb};
use icecore_snapshot::Object;
use icecore_types::{
    Code, ColumnId, Error, Name, ObjectId, ObjectKind, QualifiedName, Result, SqlType,
    TableDefinition, TagDefinition, ViewDefinition,
};

use super::functions::{Argument, named_texts};
use crate::cells::{Cell, Columns, batch};
use crate::plan::{Binder, TagPolicies, as_table};

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
/// REF_ENTITY_DOMAIN => ..)`: a row for each policy of a column, and one for each
/// of the rows of a table.
pub(super) fn references(
    arguments: &[Argument],
    binder: &Arc<Binder>,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let asked = asked(arguments, binder)?;
    let resolver = binder.resolver();
    let mut objects: Vec<&Object> = match &asked {
        Asked::Entity(id) => resolver.head().object(*id).into_iter().collect(),
        // Of what may not be seen nothing is said.
        Asked::Policy(_) => resolver
            .head()
            .objects()
            .filter(|object| object.is_live() && has_policies(object.kind()))
            .filter(|object| resolver.sees(object))
            .collect(),
    };
    objects.sort_by_cached_key(|object| resolver.path(object.id()));
    let mut rows = Vec::new();
    for object in objects {
        match object.kind() {
            ObjectKind::Tag => add_tag(object, &asked, binder, &mut rows)?,
            _ => {
                add_attached(object, &asked, binder, &mut rows)?;
                add_brought(object, &asked, binder, &mut rows)?;
            }
        }
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
    let names = ["POLICY_NAME", "REF_ENTITY_NAME", "REF_ENTITY_DOMAIN"];
    let [policy, entity, domain] = named_texts(arguments, names)?.ok_or_else(invalid)?;
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
                "TAG" => ObjectKind::Tag,
                other @ ("USER" | "ACCOUNT" | "INTEGRATION") => {
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

impl Asked {
    fn is_about(&self, policy: ObjectId) -> bool {
        match self {
            Self::Policy(id) => *id == policy,
            Self::Entity(_) => true,
        }
    }
}

fn has_policies(kind: ObjectKind) -> bool {
    kind == ObjectKind::Tag || is_relation(kind)
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Table | ObjectKind::DynamicTable | ObjectKind::View)
}

/// The policies of a tag.
fn add_tag(tag: &Object, asked: &Asked, binder: &Binder, rows: &mut Vec<Vec<Cell>>) -> Result<()> {
    let masks = tag.body().read::<TagDefinition>()?.masks;
    for policy in masks.into_iter().filter(|policy| asked.is_about(*policy)) {
        let use_of = Use::of((policy, "MASKING_POLICY"), [Cell::Null, Cell::Null]);
        rows.push(row(&use_of, tag, binder));
    }
    Ok(())
}

/// The policies that are attached to a table or a view.
fn add_attached(
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
    for mask in policies.masks.iter().filter(|mask| asked.is_about(mask.policy)) {
        let columns = [name(&names, mask.column), conditions(&names, &mask.conditions)];
        rows.push(row(&Use::of((mask.policy, "MASKING_POLICY"), columns), table, binder));
    }
    for on in policies.projections.iter().filter(|on| asked.is_about(on.policy)) {
        let columns = [name(&names, on.column), Cell::Null];
        rows.push(row(&Use::of((on.policy, "PROJECTION_POLICY"), columns), table, binder));
    }
    if let Some(on) = policies.aggregation.as_ref().filter(|on| asked.is_about(on.policy)) {
        let columns = [Cell::Null, conditions(&names, &on.entity)];
        rows.push(row(&Use::of((on.policy, "AGGREGATION_POLICY"), columns), table, binder));
    }
    if let Some(on) = policies.row_access.as_ref().filter(|on| asked.is_about(on.policy)) {
        let columns = [Cell::Null, list(&names, &on.columns)];
        rows.push(row(&Use::of((on.policy, "ROW_ACCESS_POLICY"), columns), table, binder));
    }
    Ok(())
}

/// The policies that tags bring to the columns of a table or a view.
fn add_brought(
    table: &Object,
    asked: &Asked,
    binder: &Binder,
    rows: &mut Vec<Vec<Cell>>,
) -> Result<()> {
    let policies = TagPolicies::of(binder.resolver().head(), table)?;
    if policies.is_empty() {
        return Ok(());
    }
    let definition = match table.kind() {
        ObjectKind::View => {
            let view: ViewDefinition = table.body().read()?;
            let state = &binder.session().engine().template;
            match binder.view_plan((&view, Some(table)), None, state) {
                Ok((plan, _)) => as_table(&view, &plan)?,
                // A view that cannot be read has no columns.
                Err(_) => return Ok(()),
            }
        }
        _ => table.body().read()?,
    };
    let columns = definition.columns.iter();
    let names: Vec<_> = columns.map(|column| (column.id, column.name.clone())).collect();
    let brought = policies.masks(&definition).into_iter();
    for TagMask { tag, mask, status } in brought.filter(|it| asked.is_about(it.mask.policy)) {
        let columns = [name(&names, mask.column), conditions(&names, &mask.conditions)];
        let use_of = Use::of((mask.policy, "MASKING_POLICY"), columns);
        rows.push(row(&Use { tag: Some(tag), status, ..use_of }, table, binder));
    }
    Ok(())
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

type ColumnNames = [(ColumnId, Name)];

fn name(names: &ColumnNames, id: ColumnId) -> Cell {
    let column = names.iter().find(|(column, _)| *column == id);
    Cell::maybe_text(column.map(|(_, name)| name.as_str()))
}

fn conditions(names: &ColumnNames, columns: &[ColumnId]) -> Cell {
    if columns.is_empty() { Cell::Null } else { list(names, columns) }
}

fn list(names: &ColumnNames, columns: &[ColumnId]) -> Cell {
    let quoted = columns.iter().map(|id| {
        let column = names.iter().find(|(column, _)| column == id);
        format!("{:?}", column.map_or("", |(_, name)| name.as_str()))
    });
    Cell::text(format!("[{}]", quoted.collect::<Vec<_>>().join(", ")))
}

/// A policy where it is used: of which column, with which others.
struct Use {
    policy: (ObjectId, &'static str),
    columns: [Cell; 2],
    tag: Option<ObjectId>,
    status: PolicyStatus,
}

impl Use {
    fn of(policy: (ObjectId, &'static str), columns: [Cell; 2]) -> Self {
        Self { policy, columns, tag: None, status: PolicyStatus::Active }
    }
}

fn row(used: &Use, on: &Object, binder: &Binder) -> Vec<Cell> {
    let path = |id: Option<ObjectId>| {
        let path = id.map(|id| binder.resolver().path(id)).unwrap_or_default();
        (0..3).map(move |at| Cell::maybe_text(path.get(at).map(|name| name.as_str().to_owned())))
    };
    let (policy, kind) = used.policy;
    let mut row: Vec<Cell> = path(Some(policy)).collect();
    row.push(Cell::text(kind));
    row.extend(path(Some(on.id())));
    row.push(Cell::text(on.kind().sql()));
    row.extend(used.columns.iter().cloned());
    row.extend(path(used.tag));
    row.push(Cell::text(used.status.as_str()));
    row
}

//! What a statement reads and writes, to the column, for the access history.

mod ddl;
mod load;

use std::collections::BTreeSet;

use datafusion::logical_expr::LogicalPlan;
use icecore_exec::from_datafusion;
use icecore_snapshot::{Head, Update};
use icecore_types::{ColumnId, Name, ObjectId, ObjectKind, Result, TableDefinition};

use self::ddl::modified_by_ddl;
use self::load::load_access;
use super::change::title;
use super::{Planning, Resolved, Write, path};
use crate::access_history::{
    Access, AccessedObject, ColumnPolicies, ReadColumn, ReferencedPolicies, ReferencedPolicy,
    SourceColumn, WrittenColumn,
};
use crate::plan::{ColumnLineage, Evaluated, Read, Source, governed};

type SourceColumns = BTreeSet<(Source, String)>;

impl Planning {
    /// What a resolved statement will read and write. What a query reads is
    /// known when it is planned: see [`crate::plan::AccessRule`].
    pub(super) fn access(&self, resolved: &Resolved) -> Result<Access> {
        match resolved {
            Resolved::Unload(unload) => read_access(unload.rows(), self.resolver.head()),
            Resolved::Write(write) => self.write_access(write),
            Resolved::Load(load) => load_access(load, self.resolver.head()),
            Resolved::Pipe(work) => match work.load() {
                Some(load) => load_access(load, self.resolver.head()),
                None => Ok(Access::default()),
            },
            Resolved::Change(change) => {
                let ddl = modified_by_ddl(&change.updates, self.resolver.head())?;
                Ok(Access { ddl, ..Access::default() })
            }
            _ => Ok(Access::default()),
        }
    }

    fn write_access(&self, write: &Write) -> Result<Access> {
        let head = self.resolver.head();
        let lineage = ColumnLineage::of(&write.rows).map_err(from_datafusion)?;
        let place = |id: &ColumnId| {
            let name = id.stored_name();
            write.rows.schema().fields().iter().position(|field| *field.name() == name)
        };
        let written: Vec<_> = write.assigned.iter().map(|id| (*id, place(id))).collect();
        let (direct, base) = lineage.read(|at| written.iter().any(|(_, place)| *place == Some(at)));
        let Some(table) = Written::find(write, head)? else { return Ok(Access::default()) };
        let columns = written.into_iter().map(|(id, at)| {
            let sources = at.and_then(|at| lineage.outputs.get(at)).cloned().unwrap_or_default();
            WrittenColumn {
                column_id: id,
                column_name: table.column(id),
                direct_sources: source_columns(&sources.direct, head),
                base_sources: source_columns(&sources.base, head),
            }
        });
        let modified = AccessedObject {
            object_domain: title(table.kind),
            object_id: Some(write.table),
            object_name: table.name.clone(),
            columns: columns.collect(),
        };
        let ddl = modified_by_ddl(&write.before, head)?;
        Ok(Access { modified: vec![modified], ddl, ..read((direct, base), &lineage, head)? })
    }
}

/// What a query reads.
pub(crate) fn read_access(plan: &LogicalPlan, head: &Head) -> Result<Access> {
    let lineage = ColumnLineage::of(plan).map_err(from_datafusion)?;
    let (direct, base) = lineage.read(|_| true);
    read((direct, base), &lineage, head)
}

fn read((direct, base): (Read, Read), lineage: &ColumnLineage, head: &Head) -> Result<Access> {
    let mut policies = policies(&base, head)?;
    policies.extend(policies_of_views(&direct, lineage, head));
    policies.sort_by(|a, b| a.object_name.cmp(&b.object_name));
    Ok(Access {
        policies,
        direct: read_objects(direct, head)?,
        base: read_objects(base, head)?,
        ..Access::default()
    })
}

/// The policies of the tables and columns that are read: they are evaluated
/// whatever the role is shown.
fn policies(read: &Read, head: &Head) -> Result<Vec<ReferencedPolicies>> {
    let mut referenced = Vec::new();
    for (source, names) in read {
        let Source::Object(id) = source else { continue };
        let Some(object) = head.object(*id) else { continue };
        let Some(definition) = table_definition(*id, head)? else { continue };
        let on = governed(head, object)?.policies;
        let rows = on.row_access.iter().map(|on| on.policy);
        let rows = rows.chain(on.aggregation.iter().map(|on| on.policy));
        let policies: Vec<_> = rows.map(|id| policy(id, head)).collect();
        let read = definition.columns.iter().filter(|column| names.contains(column.name.as_str()));
        let columns = read.filter_map(|column| {
            let projections = on.projections.iter().filter(|on| on.column == column.id);
            let masks = on.mask(column.id).into_iter().map(|mask| mask.policy);
            let of_it = masks.chain(projections.map(|on| on.policy));
            let policies: Vec<_> = of_it.map(|id| policy(id, head)).collect();
            (!policies.is_empty()).then(|| ColumnPolicies {
                column_id: Some(column.id),
                column_name: column.name.as_str().to_owned(),
                policies,
            })
        });
        let columns: Vec<_> = columns.collect();
        if policies.is_empty() && columns.is_empty() {
            continue;
        }
        let (object_domain, _, object_name) = described(source, head);
        referenced.push(ReferencedPolicies {
            object_domain,
            object_id: *id,
            object_name,
            policies,
            columns,
        });
    }
    Ok(referenced)
}

/// The policies of views, however deep these are; of one that is named only
/// those of the columns that are read.
fn policies_of_views(
    direct: &Read,
    lineage: &ColumnLineage,
    head: &Head,
) -> Vec<ReferencedPolicies> {
    let of_view = |(id, evaluated): (&ObjectId, &Vec<Evaluated>)| {
        let source = Source::Object(*id);
        let (object_domain, _, object_name) = described(&source, head);
        let named = direct.get(&source);
        let rows = evaluated.iter().filter(|(column, _)| column.is_none());
        let masks = evaluated.iter().filter_map(|(column, id)| Some((column.as_ref()?, *id)));
        let read = |column: &Name| named.is_none_or(|names| names.contains(column.as_str()));
        let masks = masks.filter(|(column, _)| read(column)).map(|(column, id)| ColumnPolicies {
            column_id: None,
            column_name: column.as_str().to_owned(),
            policies: vec![policy(id, head)],
        });
        let columns: Vec<_> = masks.collect();
        let policies: Vec<_> = rows.map(|(_, id)| policy(*id, head)).collect();
        (!policies.is_empty() || !columns.is_empty()).then_some(ReferencedPolicies {
            object_domain,
            object_id: *id,
            object_name,
            policies,
            columns,
        })
    };
    lineage.views.iter().filter_map(of_view).collect()
}

fn policy(id: ObjectId, head: &Head) -> ReferencedPolicy {
    let policy_name = full_name(head, id);
    let kind = head.object(id).map_or("POLICY", |policy| policy.kind().sql());
    ReferencedPolicy { policy_name, policy_id: id, policy_kind: kind.replace(' ', "_") }
}

fn table_definition(id: ObjectId, head: &Head) -> Result<Option<TableDefinition>> {
    match head.object(id) {
        Some(object) if matches!(object.kind(), ObjectKind::Table | ObjectKind::DynamicTable) => {
            object.body().read().map(Some)
        }
        _ => Ok(None),
    }
}

/// A table that a statement writes into, which it may make itself.
struct Written {
    kind: ObjectKind,
    name: String,
    definition: Option<TableDefinition>,
}

impl Written {
    fn find(write: &Write, head: &Head) -> Result<Option<Self>> {
        if let Some(object) = head.object(write.table) {
            // The columns of a quarantine are not its owner's.
            let definition = match object.kind() {
                ObjectKind::Table | ObjectKind::DynamicTable => Some(object.body().read()?),
                _ => None,
            };
            let name = full_name(head, write.table);
            return Ok(Some(Self { kind: object.kind(), name, definition }));
        }
        let made = write.before.iter().find_map(|update| match update {
            Update::CreateObject { id, kind, parent, name, body, .. } if *id == write.table => {
                Some((*kind, *parent, name, body))
            }
            _ => None,
        });
        let Some((kind, parent, name, body)) = made else { return Ok(None) };
        let mut parts = parent.map_or_else(Vec::new, |parent| path(head, parent));
        parts.push(name.clone());
        Ok(Some(Self { kind, name: joined(&parts), definition: Some(body.read()?) }))
    }

    fn column(&self, id: ColumnId) -> String {
        let columns = self.definition.iter().flat_map(|definition| &definition.columns);
        let found = columns.into_iter().find(|column| column.id == id);
        found.map_or_else(|| id.stored_name(), |column| column.name.as_str().to_owned())
    }
}

/// The whole name of an object, as SQL spells it.
pub(super) fn full_name(head: &Head, id: ObjectId) -> String {
    joined(&path(head, id))
}

fn joined(parts: &[Name]) -> String {
    parts.iter().map(Name::to_string).collect::<Vec<_>>().join(".")
}

fn read_objects(read: Read, head: &Head) -> Result<Vec<AccessedObject<ReadColumn>>> {
    let mut objects: Vec<_> = read
        .into_iter()
        .map(|(source, names)| {
            let (object_domain, object_id, object_name) = described(&source, head);
            let ids = column_ids(&source, head)?;
            let column = |name: String| ReadColumn {
                column_id: ids.iter().find(|(known, _)| *known == name).map(|(_, id)| *id),
                column_name: name,
            };
            let columns = names.into_iter().map(column).collect();
            Ok(AccessedObject { object_domain, object_id, object_name, columns })
        })
        .collect::<Result<_>>()?;
    objects.sort_by(|a, b| a.object_name.cmp(&b.object_name));
    Ok(objects)
}

fn source_columns(columns: &SourceColumns, head: &Head) -> Vec<SourceColumn> {
    let mut sources: Vec<_> = columns
        .iter()
        .map(|(source, column)| {
            let (object_domain, object_id, object_name) = described(source, head);
            SourceColumn { object_domain, object_id, object_name, column_name: column.clone() }
        })
        .collect();
    sources.sort_by(|a, b| (&a.object_name, &a.column_name).cmp(&(&b.object_name, &b.column_name)));
    sources
}

fn described(source: &Source, head: &Head) -> (String, Option<ObjectId>, String) {
    match source {
        Source::Object(id) => {
            let kind = head.object(*id).map_or(ObjectKind::Table, |object| object.kind());
            (title(kind), Some(*id), full_name(head, *id))
        }
        Source::Stage(location) => (title(ObjectKind::Stage), None, location.clone()),
    }
}

/// The columns of a table by their names.
fn column_ids(source: &Source, head: &Head) -> Result<Vec<(String, ColumnId)>> {
    let Source::Object(id) = source else { return Ok(Vec::new()) };
    let Some(definition) = table_definition(*id, head)? else { return Ok(Vec::new()) };
    let columns = definition.columns.into_iter();
    Ok(columns.map(|column| (column.name.as_str().to_owned(), column.id)).collect())
}

//! Values of tags that go on: to tables that rows of what has them are written
//! into, and to what is defined by a query over it. They go where the owner of
//! the tag may give it, whoever writes or defines: a tag brings policies.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::LogicalPlan;
use icecore_exec::from_datafusion;
use icecore_governance::{Access, Privilege, RoleId, Session};
use icecore_snapshot::{Head, Object, Update};
use icecore_types::{
    ColumnId, ObjectId, ObjectKind, ObjectTags, PropagatedTag, Result, TableDefinition,
    TagConflict, TagDefinition, TagPropagation,
};

use super::{Planning, Resolved, Write};
use crate::plan::{ColumnLineage, DefinedColumns, Source};

/// How values go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Dependency,
    Movement,
}

impl Way {
    fn is_of(self, propagation: &TagPropagation) -> bool {
        match self {
            Self::Dependency => propagation.on_dependency,
            Self::Movement => propagation.on_movement,
        }
    }
}

impl Planning {
    /// A statement that writes rows, and the values that go on with them.
    pub(super) fn moving(&self, mut write: Write) -> Result<Resolved> {
        self.propagate_moved(&mut write)?;
        Ok(Resolved::Write(Box::new(write)))
    }

    /// Gives a table the values that go on from what its new rows are made of.
    fn propagate_moved(&self, write: &mut Write) -> Result<()> {
        if !reads_something(&write.rows)? {
            return Ok(());
        }
        let head = self.resolver.head();
        let mut carried = Carried::new(&self.acting.access, head, Way::Movement);
        let lineage = ColumnLineage::of(&write.rows).map_err(from_datafusion)?;
        let fields = write.rows.schema().fields();
        for column in &write.assigned {
            let name = column.stored_name();
            let place = fields.iter().position(|field| *field.name() == name);
            let Some(sources) = place.and_then(|at| lineage.outputs.get(at)) else { continue };
            for (source, name) in sources.direct.iter().chain(&sources.base) {
                let Source::Object(id) = source else { continue };
                carried.meet_column(*column, *id, name)?;
                if *id != write.table {
                    carried.meet_object(*id)?;
                }
            }
        }
        if carried.met.is_empty() {
            return Ok(());
        }
        for update in &mut write.before {
            if let Update::CreateObject { id, owner, body, .. } = update
                && *id == write.table
            {
                *body = body.with_tags(&carried.given(body.tags()?, *owner)?)?;
                return Ok(());
            }
        }
        let Some(table) = head.object(write.table) else { return Ok(()) };
        let before = table.body().tags()?;
        let after = carried.given(before.clone(), table.owner())?;
        if after != before {
            let body = table.body().with_tags(&after)?;
            write.before.push(Update::ReplaceBody { id: table.id(), body });
        }
        Ok(())
    }

    /// Gives what is made by a query the values that go on from what it reads.
    pub(super) fn propagate_defined(&self, updates: &mut [Update]) -> Result<()> {
        let head = self.resolver.head();
        for update in updates {
            let Update::CreateObject { kind, owner, body, .. } = update else { continue };
            if !is_defined(*kind) || !propagates(head)? {
                continue;
            }
            let Some(defined) = self.binder.defined_columns_of(*kind, body, None)? else {
                continue;
            };
            let carried = Carried::new(&self.acting.access, head, Way::Dependency);
            let carried = carried.by_definition(body, &defined)?;
            *body = body.with_tags(&carried.given(body.tags()?.without_propagated(), *owner)?)?;
        }
        Ok(())
    }

    /// What else changes when an object has other values of tags: whatever is
    /// defined by a query over it, and so on.
    pub(super) fn propagate_given(&self, object: &Object, tags: ObjectTags) -> Result<Vec<Update>> {
        let head = self.resolver.head();
        if !propagates(head)? {
            return Ok(Vec::new());
        }
        let mut defined = Vec::new();
        for other in head.objects().filter(|it| it.is_live() && is_defined(it.kind())) {
            // What cannot be planned now gets nothing from what it reads.
            if let Ok(Some(columns)) = self.binder.defined_columns(other) {
                defined.push((other, columns));
            }
        }
        let mut carried = Carried::new(&self.acting.access, head, Way::Dependency);
        carried.changed.insert(object.id(), tags);
        let mut open = vec![object.id()];
        let mut updates = BTreeMap::new();
        while let Some(changed) = open.pop() {
            for (other, columns) in defined.iter().filter(|(_, it)| reads(it, changed)) {
                carried.met.clear();
                carried = carried.by_definition(other.body(), columns)?;
                let before = carried.tags(other.id())?;
                let after = carried.given(before.clone().without_propagated(), other.owner())?;
                if after != before {
                    let body = other.body().with_tags(&after)?;
                    updates.insert(other.id(), Update::ReplaceBody { id: other.id(), body });
                    carried.changed.insert(other.id(), after);
                    open.push(other.id());
                }
            }
        }
        Ok(updates.into_values().collect())
    }
}

/// What is defined by a query.
fn is_defined(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::View | ObjectKind::DynamicTable | ObjectKind::SemanticView)
}

fn reads(defined: &DefinedColumns, object: ObjectId) -> bool {
    let source = Source::Object(object);
    let from = |(_, sources): &(String, BTreeSet<(Source, String)>)| {
        sources.iter().any(|(it, _)| *it == source)
    };
    defined.objects.contains(&source) || defined.base.iter().any(from)
}

/// Whether values of any tag go on by dependency.
fn propagates(head: &Head) -> Result<bool> {
    for tag in head.objects().filter(|it| it.is_live() && it.kind() == ObjectKind::Tag) {
        let definition: TagDefinition = tag.body().read()?;
        if definition.propagation.is_some_and(|it| it.on_dependency) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn reads_something(plan: &LogicalPlan) -> Result<bool> {
    let scans = |node: &LogicalPlan| Ok(matches!(node, LogicalPlan::TableScan(_)));
    plan.exists(scans).map_err(from_datafusion)
}

/// The values that meet at an object and its columns.
struct Carried<'a> {
    access: &'a Access,
    head: &'a Head,
    way: Way,
    /// Of these objects they are other ones than in the snapshot.
    changed: BTreeMap<ObjectId, ObjectTags>,
    met: BTreeMap<PropagatedTag, BTreeSet<String>>,
}

impl<'a> Carried<'a> {
    fn new(access: &'a Access, head: &'a Head, way: Way) -> Self {
        Self { access, head, way, changed: BTreeMap::new(), met: BTreeMap::new() }
    }

    fn tags(&self, id: ObjectId) -> Result<ObjectTags> {
        match (self.changed.get(&id), self.head.object(id)) {
            (Some(tags), _) => Ok(tags.clone()),
            (None, Some(object)) => object.body().tags(),
            (None, None) => Ok(ObjectTags::default()),
        }
    }

    /// The tag, if its values go on this way.
    fn going(&self, tag: ObjectId) -> Result<Option<(TagDefinition, TagPropagation)>> {
        let Some(tag) = self.head.object(tag).filter(|tag| tag.is_live()) else { return Ok(None) };
        let definition: TagDefinition = tag.body().read()?;
        let propagation = definition.propagation.clone().filter(|it| self.way.is_of(it));
        Ok(propagation.map(|propagation| (definition, propagation)))
    }

    fn meet(&mut self, at: PropagatedTag, value: &str) -> Result<()> {
        if self.going(at.tag)?.is_some() {
            self.met.entry(at).or_default().insert(value.to_owned());
        }
        Ok(())
    }

    /// The object's own values come to what is made of it.
    fn meet_object(&mut self, source: ObjectId) -> Result<()> {
        for (tag, value) in self.tags(source)?.own {
            self.meet(PropagatedTag { column: None, tag }, &value)?;
        }
        Ok(())
    }

    /// A column's values come to one that is computed from it.
    fn meet_column(&mut self, to: ColumnId, source: ObjectId, name: &str) -> Result<()> {
        let tags = self.tags(source)?;
        if tags.columns.is_empty() {
            return Ok(());
        }
        let Some(object) = self.head.object(source) else { return Ok(()) };
        let definition: TableDefinition = object.body().read()?;
        let column = definition.columns.iter().find(|column| column.name.as_str() == name);
        let values = column.and_then(|column| tags.columns.get(&column.id));
        for (tag, value) in values.into_iter().flatten() {
            self.meet(PropagatedTag { column: Some(to), tag: *tag }, value)?;
        }
        Ok(())
    }

    /// What comes to something from what its definition reads.
    fn by_definition(
        mut self,
        body: &icecore_types::Body,
        defined: &DefinedColumns,
    ) -> Result<Self> {
        for source in &defined.objects {
            if let Source::Object(id) = source {
                self.meet_object(*id)?;
            }
        }
        // The columns of views have no values of their own.
        let Ok(table) = body.read::<TableDefinition>() else { return Ok(self) };
        for (name, sources) in &defined.base {
            let column = table.columns.iter().find(|column| column.name.as_str() == name);
            let Some(column) = column else { continue };
            for (source, name) in sources {
                if let Source::Object(id) = source {
                    self.meet_column(column.id, *id, name)?;
                }
            }
        }
        Ok(self)
    }

    /// Whether the owner of a tag may give it to what a role owns.
    fn may_be_given(&self, tag: ObjectId, owner: ObjectId) -> bool {
        let Some(tag) = self.head.object(tag) else { return false };
        let Ok(session) = Session::of_role(self.access, RoleId::new(tag.owner())) else {
            return false;
        };
        let everywhere = || self.access.has(&session, &self.access.account(), Privilege::ApplyTag);
        session.has_role(RoleId::new(owner)) || everywhere().unwrap_or(false)
    }

    /// The tags of what a role owns with what met: one that came earlier meets
    /// the new ones.
    fn given(&self, mut tags: ObjectTags, owner: ObjectId) -> Result<ObjectTags> {
        for (at, values) in &self.met {
            let Some((definition, propagation)) = self.going(at.tag)? else { continue };
            if !self.may_be_given(at.tag, owner) {
                continue;
            }
            let mut values = values.clone();
            if tags.propagated.contains(at) {
                values.extend(tags.values(at.column).and_then(|it| it.get(&at.tag)).cloned());
            }
            tags.propagate(at.column, at.tag, settled(&definition, &propagation, &values));
        }
        Ok(tags)
    }
}

/// The value where these meet.
fn settled(tag: &TagDefinition, how: &TagPropagation, values: &BTreeSet<String>) -> String {
    let only = (values.len() == 1).then(|| values.first()).flatten();
    let first = || tag.allowed_values.iter().find(|value| values.contains(*value));
    match (only, &how.conflict) {
        (Some(only), _) => only.clone(),
        (None, TagConflict::Value(value)) => value.clone(),
        (None, TagConflict::AllowedValuesSequence) => {
            first().or(values.first()).cloned().unwrap_or_default()
        }
    }
}

//! Cloning: states are shared, never copied, and a container is one update.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use icecore_types::{
    Body, Code, Error, MetricSource, ObjectId, ObjectKind, PipeDefinition, Result, StageDefinition,
    StageLocation, SuspendedBy, Suspension, TableDefinition, TagDefinition, Version,
    ViewDefinition,
};

use super::{Draft, missing};
use crate::Update;
use crate::object::Object;

impl Draft<'_> {
    pub(super) fn clone_object(&mut self, update: &Update) -> Result<()> {
        let Update::CloneObject { source, at, id, parent, name, owner, without } = update else {
            return Err(Error::internal("an update that clones nothing"));
        };
        if *at >= self.version {
            return Err(Error::internal("a clone of a version that is not there yet"));
        }
        let original = self.original(*source, *at)?;
        if is_internal_stage(&original)? {
            return Err(Error::unsupported("CLONE of an internal stage"));
        }
        let mut children = self.children_then(&original, *at);
        let left_out = |object: &Object| without.contains(&object.id);
        for objects in children.values_mut() {
            objects.retain(|child| is_quarantine(child) || !left_out(child));
        }
        let copied = inside(*source, &children);
        let pointed = |policy| copied.contains(&policy).then(|| policy.within_clone(*id));
        let mut top = Object { id: *id, parent: *parent, ..original };
        top.name = name.clone();
        let mut open = vec![(*source, top)];
        while let Some((from, mut copy)) = open.pop() {
            for child in children.remove(&from).unwrap_or_default() {
                if stays_behind(&child)? {
                    continue;
                }
                let place = Object {
                    id: child.id.within_clone(*id),
                    parent: Some(copy.id),
                    ..Object::clone(&child)
                };
                open.push((child.id, place));
            }
            copy.owner = *owner;
            let rows = (!without.contains(&from)).then_some(*at);
            self.create_copy(from, (copy, &pointed), (rows, from == *source))?;
        }
        Ok(())
    }

    fn original(&self, source: ObjectId, at: Version) -> Result<Object> {
        self.head.object(source).ok_or_else(|| missing(source))?;
        match self.head.object_at(source, at) {
            Some(object) if object.is_live() => Ok(object.clone()),
            _ => Err(unavailable(source)),
        }
    }

    /// Who was in which container. What is in a table is still in it.
    fn children_then(&self, original: &Object, at: Version) -> HashMap<ObjectId, Vec<Arc<Object>>> {
        let mut children: HashMap<ObjectId, Vec<Arc<Object>>> = HashMap::new();
        let mut add = |object: Option<&Arc<Object>>| {
            if let Some(object) = object.filter(|object| object.is_live())
                && let Some(parent) = object.parent
            {
                children.entry(parent).or_default().push(Arc::clone(object));
            }
        };
        match original.kind {
            ObjectKind::Database | ObjectKind::Schema => {
                self.head.objects.values().for_each(|history| add(history.at(at)));
            }
            ObjectKind::Table => {
                for child in self.head.children(Some(original.id)) {
                    add(self.head.objects.get(&child.id).and_then(|history| history.at(at)));
                }
            }
            _ => {}
        }
        children
    }

    /// Adds the copy of `source`: `copy` has its id, place and owner already.
    /// `pointed` says which of the policies and tags were copied as well, and
    /// `rows` as of when it has rows.
    fn create_copy(
        &mut self,
        source: ObjectId,
        (mut copy, pointed): (Object, &dyn Fn(ObjectId) -> Option<ObjectId>),
        (rows, is_top): (Option<Version>, bool),
    ) -> Result<()> {
        let mut content = Arc::default();
        if copy.kind == ObjectKind::DynamicTable {
            copy.body = Arc::new(suspended(&copy.body)?);
        } else if copy.kind.has_rows() || is_governing(copy.kind) {
            // Columns have ids: today's definition reads all older rows, and
            // today's policies and tags govern them.
            copy.body = self.head.object(source).ok_or_else(|| missing(source))?.body.clone();
        }
        let now = self.head.object(source).ok_or_else(|| missing(source))?;
        copy.body = governed(&copy, now, pointed)?;
        if is_top {
            self.keep_inherited(&mut copy, now.parent)?;
        }
        if let Some(at) = rows.filter(|_| copy.kind.has_rows()) {
            let then = self.head.content_at(source, at).ok_or_else(|| unavailable(source))?;
            content = if then.loads().next().is_none() { then } else { Arc::new(then.for_clone()) };
        }
        (copy.created, copy.created_at) = (self.version, self.time);
        copy.dropped = None;
        copy.cloned_from = Some(source);
        self.create(copy, content)
    }
}

/// What is in a container, however deep: `children` are those of all.
fn inside(
    container: ObjectId,
    children: &HashMap<ObjectId, Vec<Arc<Object>>>,
) -> HashSet<ObjectId> {
    let (mut found, mut open) = (HashSet::new(), vec![container]);
    while let Some(id) = open.pop() {
        for child in children.get(&id).into_iter().flatten() {
            found.insert(child.id);
            open.push(child.id);
        }
    }
    found
}

/// Whether it says what others see or mean.
fn is_governing(kind: ObjectKind) -> bool {
    kind.is_policy() || matches!(kind, ObjectKind::Tag | ObjectKind::MetricFunction)
}

/// The definition of a copy with the policies and tags of today, those that
/// were copied with it being the copies.
fn governed(
    copy: &Object,
    now: &Object,
    pointed: &dyn Fn(ObjectId) -> Option<ObjectId>,
) -> Result<Arc<Body>> {
    if copy.kind == ObjectKind::Tag {
        let mut tag: TagDefinition = copy.body.read()?;
        tag.masks.iter_mut().for_each(|mask| *mask = pointed(*mask).unwrap_or(*mask));
        return Body::of(&tag).map(Arc::new);
    }
    let body = with_functions(copy, with_policies(copy, now, pointed)?, pointed)?;
    if !copy.kind.has_tags() {
        return Ok(body);
    }
    let tags = now.body.tags()?;
    if tags.is_empty() && body.tags()?.is_empty() {
        return Ok(body);
    }
    body.with_tags(&tags.pointed(pointed)).map(Arc::new)
}

/// The definition of a copy that the copies of functions measure.
fn with_functions(
    copy: &Object,
    body: Arc<Body>,
    pointed: &dyn Fn(ObjectId) -> Option<ObjectId>,
) -> Result<Arc<Body>> {
    if !matches!(copy.kind, ObjectKind::Table | ObjectKind::DynamicTable) {
        return Ok(body);
    }
    let mut table: TableDefinition = body.read()?;
    let mut changed = false;
    for binding in &mut table.metrics {
        if let Some(copied) = binding.source.function().and_then(pointed) {
            binding.source = MetricSource::Function(copied);
            changed = true;
        }
    }
    if changed { Body::of(&table).map(Arc::new) } else { Ok(body) }
}

fn with_policies(
    copy: &Object,
    now: &Object,
    pointed: &dyn Fn(ObjectId) -> Option<ObjectId>,
) -> Result<Arc<Body>> {
    let policies = now.policies()?;
    let same = policies.is_empty() && copy.policies()?.is_empty();
    if same && now.is_secure()? == copy.is_secure()? {
        return Ok(Arc::clone(&copy.body));
    }
    let policies = policies.pointed(pointed);
    if copy.kind == ObjectKind::View {
        let mut view: ViewDefinition = copy.body.read()?;
        let today: ViewDefinition = now.body.read()?;
        view.policy_columns = today.policy_columns;
        view.secure = today.secure;
        return Body::of(&ViewDefinition { policies, ..view }).map(Arc::new);
    }
    let table: TableDefinition = copy.body.read()?;
    Body::of(&TableDefinition { policies, ..table }).map(Arc::new)
}

/// A dynamic table as its clone begins: what its rows equal is what it was at
/// that version, and nothing refreshes it until somebody says so.
fn suspended(body: &Body) -> Result<Body> {
    let mut definition: TableDefinition = body.read()?;
    if let Some(dynamic) = &mut definition.dynamic {
        dynamic.suspended = Some(Suspension { at: None, by: SuspendedBy::Clone });
    }
    Body::of(&definition)
}

/// Whether a clone of what it is in is without it: files of an internal stage
/// are not copied, so neither is what loads them; a channel is one program's
/// way into one table; who has a role of a database has it of that database.
fn stays_behind(object: &Object) -> Result<bool> {
    match object.kind {
        ObjectKind::Channel | ObjectKind::Role => Ok(true),
        ObjectKind::Pipe => {
            Ok(object.body.read::<PipeDefinition>()?.location == StageLocation::Internal)
        }
        _ => is_internal_stage(object),
    }
}

fn is_quarantine(object: &Object) -> bool {
    object.kind == ObjectKind::Quarantine
}

fn is_internal_stage(object: &Object) -> Result<bool> {
    if object.kind != ObjectKind::Stage {
        return Ok(false);
    }
    let stage: StageDefinition = object.body.read()?;
    Ok(stage.location == StageLocation::Internal)
}

fn unavailable(source: ObjectId) -> Error {
    let what = format!("time travel data is not available for object id={source}");
    Error::new(Code::TIME_TRAVEL_UNAVAILABLE, what).with_help(
        "the requested time is either beyond the allowed time travel period or before the object creation time",
    )
}

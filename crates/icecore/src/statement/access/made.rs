//! What grants say of objects that are made, and of copies.

use icecore_governance::{Access, Act, RoleId, Securable, SecurableKind, Verb};
use icecore_snapshot::{Object, Update};
use icecore_types::{Name, ObjectId, ObjectKind, QualifiedName, Result, Version, ViewDefinition};

use crate::access::{securable, updates};
use crate::statement::{Change, Planning};

impl Planning {
    /// The owner of an object that is made here, and the updates that grant on
    /// it what was granted on future ones.
    pub(in crate::statement) fn owner_of_made(
        &self,
        (kind, managed): (SecurableKind, bool),
        id: ObjectId,
        (parent, name): (Option<ObjectId>, &Name),
    ) -> Result<(ObjectId, Vec<Update>)> {
        let made = self.made(kind, id, (parent, name))?;
        let now = self.session.engine().now();
        let (mut after, owner) = self.acting.access.with_new_object(&made, now);
        if managed {
            after = after.with_managed_access(id, true);
        }
        Ok((owner.object(), updates(&self.acting.access, &after)?))
    }

    /// Makes a schema managed, or not so.
    pub(in crate::statement) fn managed(
        &self,
        schema: ObjectId,
        managed: bool,
    ) -> Result<Vec<Update>> {
        let access = &self.acting.access;
        updates(access, &access.with_managed_access(schema, managed))
    }

    fn made(
        &self,
        kind: SecurableKind,
        id: ObjectId,
        (parent, name): (Option<ObjectId>, &Name),
    ) -> Result<Securable> {
        let head = self.resolver.head();
        let mut path = parent.map(|parent| self.resolver.path(parent)).unwrap_or_default();
        path.push(name.clone());
        let owner = RoleId::new(self.acting.owner());
        let made = Securable::new(id, kind, QualifiedName::from_parts(path)?, owner);
        match parent.and_then(|parent| head.object(parent)) {
            Some(parent) => Ok(made.within(securable(head, parent)?)),
            None => Ok(made),
        }
    }

    /// What goes with a clone: a container's future grants, and the grants on
    /// all that is in it. Those on the original itself stay behind.
    pub(in crate::statement) fn grants_of_clone(
        &self,
        original: &Object,
        (at, without): (Version, &[ObjectId]),
        (id, parent, name): (ObjectId, Option<ObjectId>, &Name),
    ) -> Result<Vec<Update>> {
        let head = self.resolver.head();
        let from = securable(head, original)?;
        let copy = self.made(from.kind(), id, (parent, name))?;
        let before = &*self.acting.access;
        let mut access = before.with_clone(&from, &copy, true);
        let copied = |on: &ObjectId| *on != original.id() && !without.contains(on);
        for on in before.granted_on().filter(copied) {
            let inside = head.object_at(on, at).filter(|object| object.is_live());
            if let Some(object) = inside.filter(|object| self.was_inside(object, original, at)) {
                access = with_copy(&access, (object, at), (original.id(), &copy), self)?;
            }
        }
        updates(before, &access)
    }

    /// COPY GRANTS: what is made has the grants of what it replaces, else of
    /// what it is made like, and not those on future objects.
    pub(in crate::statement) fn copy_grants(
        &self,
        mut change: Change,
        like: Option<&Object>,
    ) -> Result<Change> {
        let head = self.resolver.head();
        let replaced = change.updates.iter().find_map(|update| match update {
            Update::DropObject { id } => head.object(*id),
            _ => None,
        });
        let made = change.updates.iter().find_map(|update| match update {
            Update::CreateObject { id, parent, name, owner, .. }
            | Update::CloneObject { id, parent, name, owner, .. } => {
                Some((*id, *parent, name.clone(), *owner))
            }
            _ => None,
        });
        let (Some(original), Some((id, parent, name, owner))) = (replaced.or(like), made) else {
            return Ok(change);
        };
        let from = securable(head, original)?;
        let copy = self.made(from.kind(), id, (parent, &name))?.owned_by(RoleId::new(owner));
        let access = self.acting.access.with_clone(&from, &copy, false);
        let of_it = |update: &Update| matches!(update, Update::SetGrants { on, .. } if *on == id);
        change.updates.retain(|update| !of_it(update));
        change.updates.extend(updates(&self.acting.access, &access)?);
        Ok(change)
    }

    /// What was in an object that is cloned and may not be cloned by itself.
    pub(in crate::statement) fn left_out(
        &self,
        original: &Object,
        at: Version,
    ) -> Result<Vec<ObjectId>> {
        let head = self.resolver.head();
        let mut without = Vec::new();
        for now in head.objects() {
            let then = head.object_at(now.id(), at).filter(|object| object.is_live());
            if !then.is_some_and(|object| self.was_inside(object, original, at)) {
                continue;
            }
            let verb = match now.kind() {
                // Its owner's alone is what it is made of.
                ObjectKind::View if now.body().read::<ViewDefinition>()?.secure => Verb::Clone,
                ObjectKind::View | ObjectKind::SemanticView | ObjectKind::Quarantine => {
                    Verb::Select
                }
                _ => Verb::Clone,
            };
            let act = Act::new(verb, securable(head, now)?);
            if self.acting.authorize(&[act]).is_err() {
                without.push(now.id());
            }
        }
        without.sort();
        Ok(without)
    }

    fn was_inside(&self, object: &Object, container: &Object, at: Version) -> bool {
        let head = self.resolver.head();
        let mut parents =
            std::iter::successors(object.parent(), |id| head.object_at(*id, at)?.parent());
        parents.any(|id| id == container.id())
    }
}

/// The grants on an object inside a container, on its copy too.
fn with_copy(
    access: &Access,
    (object, at): (&Object, Version),
    (container, copy): (ObjectId, &Securable),
    planning: &Planning,
) -> Result<Access> {
    let head = planning.resolver.head();
    let original = securable(head, object)?;
    let mut names = vec![object.name().clone()];
    let mut parent = object.parent();
    while let Some(id) = parent.filter(|id| *id != container) {
        let Some(holder) = head.object_at(id, at) else { break };
        names.push(holder.name().clone());
        parent = holder.parent();
    }
    let mut path = [&copy.name().database, &copy.name().schema]
        .into_iter()
        .flatten()
        .cloned()
        .chain([copy.name().name.clone()])
        .chain(names.into_iter().rev())
        .collect::<Vec<_>>();
    path.truncate(3);
    let id = object.id().within_clone(copy.id());
    let name = QualifiedName::from_parts(path)?;
    let inside = Securable::new(id, original.kind(), name, copy.owner()).within(copy.clone());
    Ok(access.with_clone(&original, &inside, false))
}

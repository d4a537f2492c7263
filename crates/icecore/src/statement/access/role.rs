//! CREATE, ALTER and DROP of roles.

use icecore_governance::{RoleId, Securable};
use icecore_snapshot::Update;
use icecore_sql::{AlterRole, CreateRole, DropRole, RoleAction, RoleName};
use icecore_types::{ErrorKind, Name, ObjectId, ObjectKind, Result};

use super::{DONE, created};
use crate::access::securable;
use crate::statement::change::already_there;
use crate::statement::{Change, Planning};

impl Planning {
    pub(super) fn create_role(&self, create: &CreateRole) -> Result<Change> {
        let name = own_name(&create.role);
        if create.if_not_exists && self.role(&create.role).is_ok() {
            return Ok(already_there(name));
        }
        let database = match &create.role {
            RoleName::Account(_) => None,
            RoleName::Database(name) => {
                let database = self.resolver.database(name.schema.as_ref())?;
                Some(securable(self.resolver.head(), database)?)
            }
        };
        let id = RoleId::new(self.session.engine().next_object_id());
        let (access, session) = (&self.acting.access, &self.acting.session);
        let comment = create.comment.clone();
        let after = access.create_role(session, (id, name), database.as_ref(), comment)?;
        self.accessed(&after, created(ObjectKind::Role, name))
    }

    pub(super) fn alter_role(&self, alter: &AlterRole) -> Result<Change> {
        let role = match self.role(&alter.role) {
            Err(error) if alter.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(Change::nothing(DONE));
            }
            found => found?,
        };
        let (access, session) = (&self.acting.access, &self.acting.session);
        let after = match &alter.action {
            RoleAction::Rename(name) => access.alter_role(session, role, Some(name), |_| {})?,
            RoleAction::SetComment(comment) => {
                access.alter_role(session, role, None, |it| it.comment = comment.clone())?
            }
        };
        self.accessed(&after, DONE)
    }

    /// What the role owned goes to the role that drops it, dropped objects too.
    pub(super) fn drop_role(&self, drop: &DropRole) -> Result<Change> {
        let role = match self.role(&drop.role) {
            Err(error) if drop.if_exists && error.kind() == ErrorKind::NotFound => {
                let name = own_name(&drop.role);
                return Ok(Change::nothing(format!(
                    "Drop statement executed successfully ({name} already dropped)."
                )));
            }
            found => found?,
        };
        let head = self.resolver.head();
        let owned: Vec<Securable> = head
            .objects()
            .filter(|object| object.owner() == role.object())
            .filter(|object| !matches!(object.kind(), ObjectKind::Role | ObjectKind::User))
            .map(|object| securable(head, object))
            .collect::<Result<_>>()?;
        let known = |id: ObjectId| self.securable_of(id);
        let (access, session) = (&self.acting.access, &self.acting.session);
        let (after, heir) = access.drop_role(session, role, &owned, &known)?;
        let name = own_name(&drop.role);
        let mut change = self.accessed(&after, format!("{name} successfully dropped."))?;
        let owner = heir.object();
        change.updates.extend(owned.iter().map(|one| Update::SetOwner { id: one.id(), owner }));
        Ok(change)
    }

    /// An object that something was granted on, dropped ones too.
    pub(super) fn securable_of(&self, id: ObjectId) -> Option<Securable> {
        let head = self.resolver.head();
        securable(head, head.object(id)?).ok()
    }
}

fn own_name(role: &RoleName) -> &Name {
    match role {
        RoleName::Account(name) => name,
        RoleName::Database(name) => &name.name,
    }
}

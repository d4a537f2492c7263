//! Roles, users and grants: statements become another state of access, and
//! that becomes updates of one commit.

mod explain;
mod grant;
mod made;
mod password;
mod role;
mod show;
mod target;
mod token;
mod user;
mod users;

use icecore_governance::{Access, RoleId, UserId};
use icecore_snapshot::Requirement;
use icecore_sql::{RoleName, Statement, UseSecondaryRoles};
use icecore_types::{Code, Error, Name, ObjectKind, QualifiedName, Result};

use super::resolver::Intent;
use super::{Change, Planning, Resolved, SessionChange};
use crate::access::updates;

const DONE: &str = "Statement executed successfully.";

impl Planning {
    /// A statement about roles, users or grants.
    pub(super) fn access_statement(&self, statement: &Statement) -> Result<Resolved> {
        self.resolver.intend(Intent::OnSession);
        Ok(match statement {
            Statement::CreateRole(create) => Resolved::Change(self.create_role(create)?),
            Statement::AlterRole(alter) => Resolved::Change(self.alter_role(alter)?),
            Statement::DropRole(drop) => Resolved::Change(self.drop_role(drop)?),
            Statement::CreateUser(create) => Resolved::Change(self.create_user(create)?),
            Statement::AlterUser(alter) => return self.alter_user(alter),
            Statement::DropUser(drop) => Resolved::Change(self.drop_user(drop)?),
            Statement::Grant(grant) => Resolved::Change(self.grant(grant)?),
            Statement::ShowGrants(show) => Resolved::Rows(self.show_grants(show)?),
            Statement::ShowEffectiveAccess(on) => Resolved::Rows(self.effective_access(on)?),
            Statement::UseSecondaryRoles(roles) => Resolved::Session(self.use_secondary(roles)?),
            other => return Err(Error::unsupported(other.kind())),
        })
    }

    fn use_secondary(&self, roles: &UseSecondaryRoles) -> Result<SessionChange> {
        use icecore_governance::SecondaryRoles as Roles;
        let roles = match roles {
            UseSecondaryRoles::All => Roles::All,
            UseSecondaryRoles::None => Roles::None,
            UseSecondaryRoles::These(names) => Roles::These(names.clone()),
        };
        let session = self.acting.session.use_secondary(&self.acting.access, roles)?;
        Ok(SessionChange::Act(Box::new(session)))
    }

    /// The change that makes `after` of the state that this statement found.
    fn accessed(&self, after: &Access, message: impl Into<String>) -> Result<Change> {
        let updates = updates(&self.acting.access, after)?;
        Ok(Change { updates, message: message.into(), ..Change::default() })
    }

    /// A role that is named.
    fn role(&self, name: &RoleName) -> Result<RoleId> {
        let access = &self.acting.access;
        let (found, name) = match name {
            RoleName::Account(name) => {
                (access.role_id(None, name), QualifiedName::bare(name.clone()))
            }
            RoleName::Database(name) => {
                let names = self.resolver.of_everything();
                let database = names.database(name.schema.as_ref())?;
                (access.role_id(Some(database.id()), &name.name), name.clone())
            }
        };
        found.ok_or_else(|| absent("role", &name))
    }

    fn user(&self, name: &Name) -> Result<UserId> {
        let found = self.acting.access.user_id(name);
        found.ok_or_else(|| absent("user", &QualifiedName::bare(name.clone())))
    }
}

fn absent(what: &str, name: &QualifiedName) -> Error {
    let message = format!("{what} '{name}' does not exist or not authorized");
    Error::new(Code::OBJECT_NOT_FOUND, message)
}

/// Nothing of these roles changed since they were read.
fn unchanged(roles: Vec<RoleId>) -> Vec<Requirement> {
    roles.into_iter().map(|role| Requirement::ObjectUnchanged { id: role.object() }).collect()
}

/// What CREATE ROLE and CREATE USER say.
fn created(kind: ObjectKind, name: &Name) -> String {
    super::change::created(kind, name)
}

//! Roles and users: made, dropped, granted and revoked.

use icecore_types::{
    Code, Error, MembershipRecord, Name, ObjectId, QualifiedName, Result, RoleDefinition,
    Timestamp, UserDefinition,
};

use crate::judge::Judge;
use crate::securable::absent;
use crate::{
    Access, Grantee, Privilege, Role, RoleId, Securable, SecurableKind, Session, User, UserId,
};

impl Access {
    /// CREATE ROLE, or with a database as its place CREATE DATABASE ROLE.
    ///
    /// # Errors
    /// `Denied` without the privilege, `AlreadyExists` for a taken name.
    pub fn create_role(
        &self,
        session: &Session,
        (id, name): (RoleId, &Name),
        database: Option<&Securable>,
        comment: Option<String>,
    ) -> Result<Self> {
        let kind = match database {
            Some(_) => SecurableKind::DatabaseRole,
            None => SecurableKind::Role,
        };
        self.may_create(session, kind, database)?;
        let database = database.map(Securable::id);
        if self.role_id(database, name).is_some() || self.role(id).is_some() {
            return Err(taken(name));
        }
        let owner = Some(session.primary());
        let definition = RoleDefinition { comment, roles: Vec::new() };
        let mut access = self.clone();
        access.set_role(id, Some(Role { name: name.clone(), database, owner, definition }));
        Ok(access)
    }

    /// CREATE USER. Its owner is the session's primary role.
    ///
    /// # Errors
    /// `Denied` without the privilege, `AlreadyExists` for a taken name.
    pub fn create_user(
        &self,
        session: &Session,
        (id, name): (UserId, &Name),
        definition: UserDefinition,
    ) -> Result<Self> {
        self.may_create(session, SecurableKind::User, None)?;
        let reserved = name.as_str() == crate::session::SYSTEM_USER;
        if reserved || self.user_id(name).is_some() || self.user(id).is_some() {
            return Err(taken(name));
        }
        let owner = session.primary();
        let definition = UserDefinition { roles: Vec::new(), ..definition };
        let mut access = self.clone();
        access.set_user(id, Some(User { name: name.clone(), owner, definition }));
        Ok(access)
    }

    fn may_create(
        &self,
        session: &Session,
        kind: SecurableKind,
        database: Option<&Securable>,
    ) -> Result<()> {
        let on = database.cloned().unwrap_or_else(|| self.account());
        let session = session.current(self)?;
        if Judge::new(self, &session).primary_has(&on, Privilege::Create(kind)) {
            return Ok(());
        }
        Err(if database.is_some() { on.absent() } else { on.insufficient() })
    }

    /// GRANT ROLE or GRANT DATABASE ROLE. To grant what is granted changes
    /// nothing.
    ///
    /// # Errors
    /// `NotFound` for a role or grantee that is missing, `Denied` for who
    /// neither owns the role nor manages grants, `InvalidInput` for a cycle
    /// and for a role that such a grantee cannot have.
    pub fn grant_role(
        &self,
        session: &Session,
        role: RoleId,
        to: Grantee,
        at: Timestamp,
    ) -> Result<Self> {
        self.may_give(session, role)?;
        self.fits(role, to)?;
        if self.members(role).any(|member| member == to) {
            return Ok(self.clone());
        }
        let grantor = Some(session.primary().object());
        let record = MembershipRecord { role: role.object(), grantor, at };
        self.with_memberships(to, |roles| roles.push(record))
    }

    /// REVOKE ROLE or REVOKE DATABASE ROLE. To revoke what was not granted
    /// changes nothing.
    ///
    /// # Errors
    /// As for a grant; `InvalidInput` for the system's own hierarchy.
    pub fn revoke_role(&self, session: &Session, role: RoleId, from: Grantee) -> Result<Self> {
        self.may_give(session, role)?;
        let built_in = RoleId::SYSTEM_MEMBERSHIPS
            .iter()
            .any(|(upper, lower)| Grantee::Role(*upper) == from && *lower == role);
        if built_in {
            return Err(invalid(format!(
                "role {} cannot be revoked from a system role that inherits it",
                self.role_name(role)
            )));
        }
        self.with_memberships(from, |roles| roles.retain(|one| one.role != role.object()))
    }

    fn with_memberships(
        &self,
        of: Grantee,
        change: impl FnOnce(&mut Vec<MembershipRecord>),
    ) -> Result<Self> {
        let mut access = self.clone();
        match of {
            Grantee::Role(id) => {
                let mut role = self.role(id).ok_or_else(|| self.no_role(id))?.clone();
                change(&mut role.definition.roles);
                access.set_role(id, Some(role));
            }
            Grantee::User(id) => {
                let mut user =
                    self.user(id).ok_or_else(|| self.no_role(RoleId::new(id.object())))?.clone();
                change(&mut user.definition.roles);
                access.set_user(id, Some(user));
            }
        }
        Ok(access)
    }

    fn may_give(&self, session: &Session, role: RoleId) -> Result<()> {
        let entry = self.role(role).ok_or_else(|| self.no_role(role))?;
        let session = session.current(self)?;
        if entry.owner().is_some_and(|owner| session.has_role(owner)) {
            return Ok(());
        }
        if Judge::new(self, &session).has(&self.account(), Privilege::ManageGrants) {
            return Ok(());
        }
        Err(absent(SecurableKind::Role, &QualifiedName::bare(entry.name().clone())))
    }

    /// Whether such a grantee can have the role.
    fn fits(&self, role: RoleId, to: Grantee) -> Result<()> {
        let given = self.role(role).ok_or_else(|| self.no_role(role))?;
        let upper = match to {
            Grantee::User(user) => {
                self.user(user).ok_or_else(|| self.no_role(RoleId::new(user.object())))?;
                return match given.database() {
                    Some(_) => Err(invalid("a database role cannot be granted to a user")),
                    None => Ok(()),
                };
            }
            Grantee::Role(upper) => upper,
        };
        let taker = self.role(upper).ok_or_else(|| self.no_role(upper))?;
        match (given.database(), taker.database()) {
            (None, Some(_)) => {
                return Err(invalid("an account role cannot be granted to a database role"));
            }
            (Some(one), Some(other)) if one != other => {
                return Err(invalid("a database role of another database cannot be granted"));
            }
            _ => {}
        }
        if self.inherits(role, upper) {
            return Err(invalid(format!(
                "role {} cannot be granted to role {}: it would inherit itself",
                given.name(),
                taker.name()
            )));
        }
        Ok(())
    }

    /// Whether a role is another, or inherits it by grants.
    pub fn inherits(&self, upper: RoleId, lower: RoleId) -> bool {
        let mut open = vec![upper];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(role) = open.pop() {
            if role == lower {
                return true;
            }
            if seen.insert(role) {
                open.extend(self.role(role).into_iter().flat_map(Role::inherits));
            }
        }
        false
    }

    /// DROP ROLE: its memberships and grants go with it, and so do the grants
    /// that rest on those. Returns the state and the role that takes over what
    /// it owned: roles and users here, and `owned`, the catalog's objects,
    /// whose owner the caller changes in the same commit. `securable` knows
    /// the objects that it holds grants on, dropped ones too.
    ///
    /// # Errors
    /// `NotFound` for who does not own it, `InvalidInput` for a system role.
    pub fn drop_role(
        &self,
        session: &Session,
        role: RoleId,
        owned: &[Securable],
        securable: &dyn Fn(ObjectId) -> Option<Securable>,
    ) -> Result<(Self, RoleId)> {
        let entry = self.role(role).ok_or_else(|| self.no_role(role))?;
        if role.is_system() {
            return Err(invalid(format!("system role {} cannot be dropped", entry.name())));
        }
        let session = session.current(self)?;
        if !entry.owner().is_some_and(|owner| session.has_role(owner)) {
            return Err(absent(SecurableKind::Role, &QualifiedName::bare(entry.name().clone())));
        }
        let heir = session.primary();
        if heir == role {
            return Err(invalid(format!("role {} cannot drop itself", entry.name())));
        }
        let mut access = self.clone();
        access.forget_grantee(role.object(), &|id| {
            owned.iter().find(|one| one.id() == id).cloned().or_else(|| securable(id))
        });
        owned.iter().for_each(|one| access.regrant(one.id(), role, heir));
        access.hand_over(role, heir);
        for member in self.members(role) {
            access = access.with_memberships(member, |roles| {
                roles.retain(|one| one.role != role.object());
            })?;
        }
        access.set_role(role, None);
        Ok((access, heir))
    }

    /// DROP USER.
    ///
    /// # Errors
    /// `NotFound` for who does not own it.
    pub fn drop_user(
        &self,
        session: &Session,
        user: UserId,
        securable: &dyn Fn(ObjectId) -> Option<Securable>,
    ) -> Result<Self> {
        let session = session.current(self)?;
        let entry = self.user(user).ok_or_else(|| self.no_user(user))?;
        if !session.has_role(entry.owner()) {
            return Err(absent(SecurableKind::User, &QualifiedName::bare(entry.name().clone())));
        }
        let mut access = self.clone();
        access.forget_grantee(user.object(), securable);
        access.set_user(user, None);
        Ok(access)
    }

    fn hand_over(&mut self, from: RoleId, to: RoleId) {
        let roles: Vec<_> = self
            .roles()
            .filter(|(_, role)| role.owner() == Some(from))
            .map(|(id, role)| (id, role.clone()))
            .collect();
        for (id, mut role) in roles {
            role.owner = Some(to);
            self.set_role(id, Some(role));
        }
        let users: Vec<_> = self
            .users()
            .filter(|(_, user)| user.owner() == from)
            .map(|(id, user)| (id, user.clone()))
            .collect();
        for (id, mut user) in users {
            user.owner = to;
            self.set_user(id, Some(user));
        }
    }

    pub(crate) fn no_role(&self, role: RoleId) -> Error {
        Error::new(
            Code::OBJECT_NOT_FOUND,
            format!("role or user id={} does not exist or not authorized", role.object()),
        )
    }
}

pub(crate) fn taken(name: &Name) -> Error {
    Error::new(Code::ALREADY_EXISTS, format!("object '{name}' already exists"))
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::INVALID_STATEMENT, message)
}

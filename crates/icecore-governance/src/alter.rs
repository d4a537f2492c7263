//! Roles and users get other names and properties.

use icecore_types::{Code, Error, Name, QualifiedName, Result, RoleDefinition, UserDefinition};

use crate::judge::Judge;
use crate::membership::{invalid, taken};
use crate::securable::absent;
use crate::{Access, Ground, Privilege, RoleId, Securable, SecurableKind, Session, UserId};

impl Access {
    /// ALTER ROLE: another name, if one is given, and other properties.
    ///
    /// # Errors
    /// `NotFound` for who does not own it, `AlreadyExists` for a taken name,
    /// `InvalidInput` for a system role.
    pub fn alter_role(
        &self,
        session: &Session,
        role: RoleId,
        name: Option<&Name>,
        change: impl FnOnce(&mut RoleDefinition),
    ) -> Result<Self> {
        let mut entry = self.role(role).ok_or_else(|| self.no_role(role))?.clone();
        if role.is_system() {
            return Err(invalid(format!("system role {} cannot be altered", entry.name())));
        }
        let session = session.current(self)?;
        if !entry.owner().is_some_and(|owner| session.has_role(owner)) {
            return Err(absent(SecurableKind::Role, &QualifiedName::bare(entry.name().clone())));
        }
        if let Some(name) = name {
            if self.role_id(entry.database(), name).is_some_and(|other| other != role) {
                return Err(taken(name));
            }
            entry.name = name.clone();
        }
        change(&mut entry.definition);
        let mut access = self.clone();
        access.set_role(role, Some(entry));
        Ok(access)
    }

    /// ALTER USER: another name, if one is given, and other properties.
    ///
    /// # Errors
    /// `NotFound` for who does not own it, `AlreadyExists` for a taken name;
    /// those of `change`.
    pub fn alter_user(
        &self,
        session: &Session,
        user: UserId,
        name: Option<&Name>,
        change: impl FnOnce(&mut UserDefinition) -> Result<()>,
    ) -> Result<Self> {
        let mut entry = self.user(user).ok_or_else(|| self.no_user(user))?.clone();
        let session = session.current(self)?;
        if !session.has_role(entry.owner()) {
            return Err(absent(SecurableKind::User, &QualifiedName::bare(entry.name().clone())));
        }
        if let Some(name) = name {
            let other = self.user_id(name).is_some_and(|other| other != user);
            if other || name.as_str() == crate::session::SYSTEM_USER {
                return Err(taken(name));
            }
            entry.name = name.clone();
        }
        change(&mut entry.definition)?;
        let mut access = self.clone();
        access.set_user(user, Some(entry));
        Ok(access)
    }

    /// Makes and ends tokens of a user: its own, or those of one that a role of
    /// the session owns.
    ///
    /// # Errors
    /// `NotFound` for who is neither the user nor its owner, `Denied` for a
    /// session that was opened with a token; those of `change`.
    pub fn alter_tokens(
        &self,
        session: &Session,
        user: UserId,
        change: impl FnOnce(&mut UserDefinition) -> Result<()>,
    ) -> Result<Self> {
        let mut entry = self.user(user).ok_or_else(|| self.no_user(user))?.clone();
        let session = session.current(self)?;
        if session.user() != Some(user) && !session.has_role(entry.owner()) {
            return Err(absent(SecurableKind::User, &QualifiedName::bare(entry.name().clone())));
        }
        if !session.is_free() {
            let what = "a session that a token opened makes and ends no tokens";
            return Err(Error::new(Code::INSUFFICIENT_PRIVILEGES, what)
                .with_help("log in with a password or a key"));
        }
        change(&mut entry.definition)?;
        let mut access = self.clone();
        access.set_user(user, Some(entry));
        Ok(access)
    }

    /// A role and all that it inherits: what must stay as it is for a grant of
    /// it to close no cycle.
    pub fn roles_below(&self, role: RoleId) -> Vec<RoleId> {
        let mut found = vec![role];
        let mut next = 0;
        while let Some(role) = found.get(next).copied() {
            let lower = self.role(role).into_iter().flat_map(|role| role.inherits());
            let new: Vec<RoleId> = lower.filter(|role| !found.contains(role)).collect();
            found.extend(new);
            next += 1;
        }
        found
    }

    /// Whether a session has a privilege on something, or owns it.
    ///
    /// # Errors
    /// The session's own if its role is gone.
    pub fn has(&self, session: &Session, on: &Securable, privilege: Privilege) -> Result<bool> {
        let session = session.current(self)?;
        Ok(Judge::new(self, &session).has(on, privilege))
    }

    /// Every privilege on something that a session has, and through what.
    ///
    /// # Errors
    /// The session's own if its role is gone.
    pub fn effective(&self, session: &Session, on: &Securable) -> Result<Vec<(Privilege, Ground)>> {
        let session = session.current(self)?;
        let judge = Judge::new(self, &session);
        let all = std::iter::once(Privilege::Ownership).chain(on.kind().privileges().to_vec());
        Ok(all.map(|privilege| (privilege, judge.held(on, privilege))).collect())
    }

    /// Whether a session may go through all that something is in.
    ///
    /// # Errors
    /// The session's own if its role is gone.
    pub fn reaches(&self, session: &Session, on: &Securable) -> Result<bool> {
        let mut containers = on.containers();
        containers.try_fold(true, |all, one| Ok(all && self.shows_itself(session, one)?))
    }

    fn shows_itself(&self, session: &Session, on: &Securable) -> Result<bool> {
        let session = session.current(self)?;
        Ok(Judge::new(self, &session).has_any(on))
    }

    pub(crate) fn no_user(&self, user: UserId) -> Error {
        let message = format!("user id={} does not exist or not authorized", user.object());
        Error::new(Code::OBJECT_NOT_FOUND, message)
    }
}

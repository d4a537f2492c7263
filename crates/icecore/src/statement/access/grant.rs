//! GRANT and REVOKE.

use std::borrow::Cow;

use icecore_governance::{
    Access, CurrentGrants, Dependents, Grantee, Privilege, Privileges, RoleId, Securable,
    SecurableKind,
};
use icecore_snapshot::Update;
use icecore_sql::{
    ContainerName, CurrentGrantsMode, Grant, GrantTarget, Granted, GranteeName, RevokeMode,
    RoleName,
};
use icecore_types::{Code, Error, ObjectId, ObjectKind, Result};

use super::{DONE, unchanged};
use crate::access::securable;
use crate::statement::{Change, Planning};

impl Planning {
    pub(super) fn grant(&self, grant: &Grant) -> Result<Change> {
        let to = self.grantee(&grant.to)?;
        match &grant.what {
            Granted::Role(role) => self.grant_role(role, to, grant.revoke.is_some()),
            Granted::Privileges { privileges, on } => {
                let privileges = privileges_of(privileges)?;
                let after = match on {
                    GrantTarget::Future { kind, container } => {
                        let what = (&privileges, SecurableKind::parse(kind)?);
                        self.grant_future(grant, what, container, to)?
                    }
                    on => self.grant_privileges(grant, &privileges, &self.targets(on)?, to)?,
                };
                self.accessed(&after, DONE)
            }
            Granted::Ownership { on, current } => self.grant_ownership(on, to, *current),
        }
    }

    pub(super) fn grantee(&self, name: &GranteeName) -> Result<Grantee> {
        match name {
            GranteeName::Role(role) => self.role(role).map(Grantee::Role),
            GranteeName::User(user) => self.user(user).map(Grantee::User),
        }
    }

    /// Two grants at once could close a cycle that neither sees: each holds
    /// the roles still that it found below the granted one.
    fn grant_role(&self, role: &RoleName, to: Grantee, revokes: bool) -> Result<Change> {
        let role = self.role(role)?;
        let (access, session) = (&self.acting.access, &self.acting.session);
        if revokes {
            return self.accessed(&access.revoke_role(session, role, to)?, DONE);
        }
        let after = access.grant_role(session, role, to, self.session.engine().now())?;
        let mut change = self.accessed(&after, DONE)?;
        if !change.updates.is_empty() {
            change.requirements = unchanged(access.roles_below(role));
        }
        Ok(change)
    }

    fn grant_privileges(
        &self,
        grant: &Grant,
        privileges: &Privileges,
        targets: &[Securable],
        to: Grantee,
    ) -> Result<Access> {
        let (session, now) = (&self.acting.session, self.session.engine().now());
        let mut access = Cow::Borrowed(&*self.acting.access);
        for on in targets {
            let to = (to, grant.option);
            access = Cow::Owned(match grant.revoke {
                None => access.grant(session, privileges, on, to, now)?,
                Some(mode) => access.revoke(session, privileges, on, to, dependents(mode))?,
            });
        }
        Ok(access.into_owned())
    }

    fn grant_future(
        &self,
        grant: &Grant,
        what: (&Privileges, SecurableKind),
        container: &ContainerName,
        to: Grantee,
    ) -> Result<Access> {
        let Grantee::Role(to) = to else {
            return Err(Error::unsupported("future grants to a user"));
        };
        let container = securable(self.resolver.head(), self.container(container)?)?;
        let (access, session) = (&self.acting.access, &self.acting.session);
        if grant.revoke.is_some() {
            return access.revoke_future(session, what, &container, to);
        }
        let now = self.session.engine().now();
        access.grant_future(session, what, &container, (to, grant.option), now)
    }

    fn grant_ownership(
        &self,
        on: &GrantTarget,
        to: Grantee,
        current: Option<CurrentGrantsMode>,
    ) -> Result<Change> {
        let Grantee::Role(to) = to else {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                "ownership is granted to a role, never to a user",
            ));
        };
        if let GrantTarget::Future { kind, container } = on {
            let ownership = Privileges::These(vec![Privilege::Ownership]);
            let what = (&ownership, SecurableKind::parse(kind)?);
            let container = securable(self.resolver.head(), self.container(container)?)?;
            let (access, session) = (&self.acting.access, &self.acting.session);
            let now = self.session.engine().now();
            let after = access.grant_future(session, what, &container, (to, false), now)?;
            return self.accessed(&after, DONE);
        }
        let current = match current {
            None => CurrentGrants::Refuse,
            Some(CurrentGrantsMode::Revoke) => CurrentGrants::Revoke,
            Some(CurrentGrantsMode::Copy) => CurrentGrants::Copy,
        };
        let targets = self.targets(on)?;
        let mut access = Access::clone(&self.acting.access);
        let mut owners = Vec::new();
        for on in &targets {
            access = access.grant_ownership(&self.acting.session, on, to, current)?;
            owners.extend(self.with_all_that_is_its(on, to));
        }
        let mut change = self.accessed(&access, DONE)?;
        change.updates.extend(owners);
        Ok(change)
    }

    /// The new owner of an object, and of what comes and goes with it.
    fn with_all_that_is_its(&self, on: &Securable, to: RoleId) -> Vec<Update> {
        let head = self.resolver.head();
        // The state of access says who owns roles and users.
        let is_object = |id: ObjectId| {
            head.object(id)
                .is_some_and(|it| !matches!(it.kind(), ObjectKind::Role | ObjectKind::User))
        };
        if !is_object(on.id()) {
            return Vec::new();
        }
        let owner = to.object();
        let of_table = on.kind() == SecurableKind::Table;
        let inside = head.children(Some(on.id())).filter(|_| of_table).map(|child| child.id());
        std::iter::once(on.id()).chain(inside).map(|id| Update::SetOwner { id, owner }).collect()
    }
}

fn dependents(mode: RevokeMode) -> Dependents {
    match mode {
        RevokeMode::Restrict => Dependents::Restrict,
        RevokeMode::Cascade => Dependents::Cascade,
    }
}

fn privileges_of(words: &[String]) -> Result<Privileges> {
    if words.is_empty() {
        return Ok(Privileges::All);
    }
    let read = words.iter().map(|words| Privilege::parse(words)).collect::<Result<_>>()?;
    Ok(Privileges::These(read))
}

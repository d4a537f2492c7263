//! GRANT and REVOKE of privileges, and of ownership.

use icecore_types::{Code, Error, ObjectId, Result, Timestamp};

use crate::grants::{GrantKey, Terms};
use crate::judge::Judge;
use crate::membership::invalid;
use crate::{Access, Grantee, Privilege, RoleId, Securable, SecurableKind, Session};

/// What a GRANT or a REVOKE names: ALL PRIVILEGES, or these.
///
/// ```
/// use icecore_governance::{Privilege, Privileges};
/// assert_ne!(Privileges::All, Privileges::These(vec![Privilege::Select]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Privileges {
    /// All that there are on the kind, without OWNERSHIP.
    All,
    /// These.
    These(Vec<Privilege>),
}

/// What becomes of the grants that rest on a revoked one.
///
/// ```
/// use icecore_governance::Dependents;
/// assert_eq!(Dependents::default(), Dependents::Restrict);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dependents {
    /// If there are any, nothing is revoked.
    #[default]
    Restrict,
    /// They are revoked too.
    Cascade,
}

/// What becomes of the grants on an object that gets another owner.
///
/// ```
/// use icecore_governance::CurrentGrants;
/// assert_eq!(CurrentGrants::default(), CurrentGrants::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CurrentGrants {
    /// If there are any, the owner stays.
    #[default]
    Refuse,
    /// They are revoked.
    Revoke,
    /// They stay, as if the new owner had made them.
    Copy,
}

impl Privileges {
    /// On what will be made: a stage may turn out to be of either kind.
    pub(crate) fn on_future(&self, kind: SecurableKind) -> Result<Vec<Privilege>> {
        if kind.family() != SecurableKind::InternalStage {
            return self.on(kind);
        }
        let outside = SecurableKind::ExternalStage;
        match self {
            Self::All => Ok([kind.privileges(), outside.privileges()].concat()),
            Self::These(privileges) => {
                let (theirs, ours): (Vec<_>, Vec<_>) =
                    privileges.iter().partition(|one| outside.has(**one));
                let ours = Self::These(ours).on(SecurableKind::InternalStage)?;
                Ok([ours, theirs].concat())
            }
        }
    }

    pub(crate) fn on(&self, kind: SecurableKind) -> Result<Vec<Privilege>> {
        match self {
            Self::All => Ok(kind.privileges().to_vec()),
            Self::These(privileges) => match privileges.iter().find(|one| !kind.has(**one)) {
                None => Ok(privileges.clone()),
                Some(other) => {
                    let help: Vec<_> = kind.privileges().iter().map(Privilege::to_string).collect();
                    Err(invalid(format!("there is no privilege {other} on a {kind}"))
                        .with_help(format!("one of {}", help.join(", "))))
                }
            },
        }
    }
}

/// Every object has one owner: it changes hands, and is not revoked.
fn never_ownership(privileges: &[Privilege]) -> Result<()> {
    if privileges.contains(&Privilege::Ownership) {
        return Err(invalid("ownership is granted by GRANT OWNERSHIP alone, and never revoked"));
    }
    Ok(())
}

impl Access {
    /// GRANT privileges ON one securable: for ALL IN a container, on each in
    /// turn. ALL grants what the session may grant.
    ///
    /// # Errors
    /// `Denied` without the right to grant, `NotFound` for what may not be
    /// seen, `InvalidInput` for a privilege that there is not on the kind and
    /// for a grantee that cannot have it.
    pub fn grant(
        &self,
        session: &Session,
        privileges: &Privileges,
        on: &Securable,
        (to, option): (Grantee, bool),
        at: Timestamp,
    ) -> Result<Self> {
        self.can_have(to, on, option)?;
        let session = session.current(self)?;
        let wanted = privileges.on(on.kind())?;
        never_ownership(&wanted)?;
        let mut grants = self.grants_copy(on.id());
        let mut any = false;
        for privilege in wanted {
            let grantor = match self.grantor(&session, on, privilege) {
                Ok(grantor) => grantor,
                Err(_) if *privileges == Privileges::All => continue,
                Err(error) => return Err(error),
            };
            any = true;
            let key = GrantKey { privilege, grantee: to, grantor };
            let before = grants.get(&key).copied();
            let option = option || before.is_some_and(|terms| terms.option);
            let at = before.map_or(at, |terms| terms.at);
            grants.insert(key, Terms { option, at });
        }
        if !any {
            return Err(self.refusal(&session, on));
        }
        let mut access = self.clone();
        access.set_grants(on.id(), grants);
        Ok(access)
    }

    /// REVOKE [GRANT OPTION FOR] privileges ON one securable. A role takes
    /// back what it granted; the owner of the object, or of its managed
    /// schema, and who manages grants take back anybody's.
    ///
    /// # Errors
    /// As for a grant; `InvalidInput` if other grants rest on it and it is
    /// not to cascade.
    pub fn revoke(
        &self,
        session: &Session,
        privileges: &Privileges,
        on: &Securable,
        (from, option_only): (Grantee, bool),
        dependents: Dependents,
    ) -> Result<Self> {
        let session = session.current(self)?;
        let wanted = privileges.on(on.kind())?;
        never_ownership(&wanted)?;
        let everybodys = self.controls(&session, on);
        let mut grants = self.grants_copy(on.id());
        let mut any = everybodys;
        for privilege in wanted {
            let grantor = self.grantor(&session, on, privilege).ok();
            any |= grantor.is_some();
            let found: Vec<_> = grants
                .to(privilege, from)
                .filter(|(key, _)| everybodys || Some(key.grantor) == grantor)
                .map(|(key, terms)| (*key, *terms))
                .collect();
            for (key, terms) in found {
                grants.remove(&key);
                if option_only {
                    grants.insert(key, Terms { option: false, ..terms });
                }
            }
        }
        if !any {
            return Err(self.refusal(&session, on));
        }
        let resting = grants.unsupported(on.owner());
        if let (Dependents::Restrict, Some(key)) = (dependents, resting.first()) {
            return Err(self.dependent(key, on));
        }
        grants.remove_all(&resting);
        let mut access = self.clone();
        access.set_grants(on.id(), grants);
        Ok(access)
    }

    /// GRANT OWNERSHIP: the state, after which the caller gives the object its
    /// new owner in the same commit. Roles and users get theirs here.
    ///
    /// # Errors
    /// `Denied` for who neither owns it nor manages grants, `InvalidInput` if
    /// there are grants and nothing is said of them.
    pub fn grant_ownership(
        &self,
        session: &Session,
        on: &Securable,
        to: RoleId,
        current: CurrentGrants,
    ) -> Result<Self> {
        self.can_have(Grantee::Role(to), on, false)?;
        let session = session.current(self)?;
        let owns = session.has_role(on.owner()) && !self.in_managed_schema(on);
        if !owns && !self.controls(&session, on) {
            return Err(self.refusal(&session, on));
        }
        if on.kind() == SecurableKind::Account {
            return Err(invalid("the account's owner stays"));
        }
        let mut access = self.clone();
        let grants = self.grants_copy(on.id());
        let first = grants.iter().next().map(|(key, _)| *key);
        match (current, first) {
            (CurrentGrants::Refuse, Some(key)) => return Err(self.dependent(&key, on)),
            (CurrentGrants::Revoke, _) => {
                access.set_grants(on.id(), grants.without_entries());
            }
            _ => access.regrant(on.id(), on.owner(), to),
        }
        access.set_owner(on, to);
        Ok(access)
    }

    fn set_owner(&mut self, on: &Securable, owner: RoleId) {
        match on.kind() {
            SecurableKind::Role | SecurableKind::DatabaseRole => {
                let id = RoleId::new(on.id());
                if let Some(mut role) = self.role(id).cloned() {
                    role.owner = Some(owner);
                    self.set_role(id, Some(role));
                }
            }
            SecurableKind::User => {
                let id = crate::UserId::new(on.id());
                if let Some(mut user) = self.user(id).cloned() {
                    user.owner = owner;
                    self.set_user(id, Some(user));
                }
            }
            _ => {}
        }
    }

    /// What `from` granted on a securable, it is as if `to` had granted it.
    pub(crate) fn regrant(&mut self, on: ObjectId, from: RoleId, to: RoleId) {
        let mut grants = self.grants_copy(on);
        let theirs: Vec<_> = grants
            .iter()
            .filter(|(key, _)| key.grantor == from)
            .map(|(key, terms)| (*key, *terms))
            .collect();
        for (key, terms) in theirs {
            grants.remove(&key);
            let key = GrantKey { grantor: to, ..key };
            let option = terms.option || grants.get(&key).is_some_and(|terms| terms.option);
            grants.insert(key, Terms { option, ..terms });
        }
        self.set_grants(on, grants);
    }

    /// Takes everything from a grantee that is no more, and what rested on it.
    pub(crate) fn forget_grantee(
        &mut self,
        grantee: ObjectId,
        securable: &dyn Fn(ObjectId) -> Option<Securable>,
    ) {
        for id in self.held(grantee) {
            let mut grants = self.grants_copy(id);
            let keys: Vec<_> = grants.iter().map(|(key, _)| *key).collect();
            keys.iter().filter(|key| key.grantee.object() == grantee).for_each(|key| {
                grants.remove(key);
            });
            grants.future.retain(|key, _| key.grantee.object() != grantee);
            let account = self.account();
            let owner = if id == account.id() { Some(account) } else { securable(id) };
            if let Some(owner) = owner.map(|one| one.owner()) {
                let resting = grants.unsupported(owner);
                grants.remove_all(&resting);
            }
            self.set_grants(id, grants);
        }
    }

    pub(crate) fn in_managed_schema(&self, on: &Securable) -> bool {
        on.parent().is_some_and(|parent| self.is_managed(parent.id()))
    }

    /// Whether the session grants and revokes as the object's owner would.
    fn controls(&self, session: &Session, on: &Securable) -> bool {
        let owner = match on.parent() {
            Some(schema) if self.is_managed(schema.id()) => schema.owner(),
            _ => on.owner(),
        };
        session.has_role(owner)
            || Judge::new(self, session).has(&self.account(), Privilege::ManageGrants)
    }

    /// The role that a grant is recorded as made by: the owner if the session
    /// has it, else the role with grant option, else for who manages grants
    /// the owner again.
    fn grantor(&self, session: &Session, on: &Securable, privilege: Privilege) -> Result<RoleId> {
        let managed = self.in_managed_schema(on);
        if session.has_role(on.owner()) && !managed {
            return Ok(on.owner());
        }
        let passing = self.grants(on.id()).filter(|_| !managed).and_then(|grants| {
            let holders = grants.of(privilege).filter(|(_, terms)| terms.option);
            let roles = holders.filter_map(|(key, _)| match key.grantee {
                Grantee::Role(role) => Some(role),
                Grantee::User(_) => None,
            });
            let mut mine = roles.filter(|role| session.has_role(*role));
            mine.find(|role| grants.may_pass_on(privilege, *role))
        });
        match passing {
            Some(role) => Ok(role),
            None if self.controls(session, on) => Ok(on.owner()),
            None => Err(self.refusal(session, on)),
        }
    }

    pub(crate) fn refusal(&self, session: &Session, on: &Securable) -> Error {
        match self.shows(session, on) {
            Ok(true) => on.insufficient(),
            Ok(false) if on.kind() == SecurableKind::Account => on.insufficient(),
            Ok(false) => on.absent(),
            Err(error) => error,
        }
    }

    /// Whether a grantee can hold something on a securable.
    pub(crate) fn can_have(&self, to: Grantee, on: &Securable, option: bool) -> Result<()> {
        match to {
            Grantee::User(_) if option => {
                Err(Error::unsupported("WITH GRANT OPTION to a user: only a role can grant on"))
            }
            Grantee::User(user) => match self.user(user) {
                Some(_) => Ok(()),
                None => Err(self.no_role(RoleId::new(user.object()))),
            },
            Grantee::Role(role) => {
                let entry = self.role(role).ok_or_else(|| self.no_role(role))?;
                match entry.database() {
                    Some(database) if on.database() != Some(database) => {
                        Err(invalid("a database role can only have privileges in its own database"))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn dependent(&self, key: &GrantKey, on: &Securable) -> Error {
        let (word, name) = self.grantee_name(key.grantee);
        let message = format!(
            "dependent grant of privilege '{}' on securable '{}' to {} '{name}' exists. it must be revoked first",
            key.privilege,
            on.name(),
            word.to_lowercase(),
        );
        Error::new(Code::DEPENDENT_GRANT, message)
            .with_help("SHOW GRANTS lists them; CASCADE or REVOKE CURRENT GRANTS revokes them")
    }

    pub(crate) fn grantee_name(&self, grantee: Grantee) -> (&'static str, String) {
        match grantee {
            Grantee::Role(role) => {
                (self.role(role).map_or("ROLE", |role| role.word()), self.role_name(role))
            }
            Grantee::User(user) => {
                ("USER", self.user(user).map(|user| user.name().to_string()).unwrap_or_default())
            }
        }
    }
}

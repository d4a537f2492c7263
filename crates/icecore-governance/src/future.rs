//! Grants on what will be made in a container.

use icecore_types::{Result, Timestamp};

use crate::grants::{FutureKey, GrantKey, Grants, Terms};
use crate::judge::Judge;
use crate::membership::invalid;
use crate::{Access, Grantee, Privilege, Privileges, RoleId, Securable, SecurableKind, Session};

impl Access {
    /// GRANT ON FUTURE objects of a kind in a schema or a database.
    ///
    /// # Errors
    /// `Denied` for who does not manage grants, nor owns a managed schema.
    pub fn grant_future(
        &self,
        session: &Session,
        (privileges, on): (&Privileges, SecurableKind),
        container: &Securable,
        (to, option): (RoleId, bool),
        at: Timestamp,
    ) -> Result<Self> {
        self.can_have(Grantee::Role(to), container, option)?;
        let mut grants = self.future_of(session, on, container)?;
        for privilege in privileges.on_future(on)? {
            let key = FutureKey { on: on.family(), privilege, grantee: to };
            grants.future.insert(key, Terms { option, at });
        }
        let mut access = self.clone();
        access.set_grants(container.id(), grants);
        Ok(access)
    }

    /// REVOKE ON FUTURE objects.
    ///
    /// # Errors
    /// As for the grant.
    pub fn revoke_future(
        &self,
        session: &Session,
        (privileges, on): (&Privileges, SecurableKind),
        container: &Securable,
        from: RoleId,
    ) -> Result<Self> {
        let mut grants = self.future_of(session, on, container)?;
        for privilege in privileges.on_future(on)? {
            let key = FutureKey { on: on.family(), privilege, grantee: from };
            grants.future.remove(&key);
        }
        let mut access = self.clone();
        access.set_grants(container.id(), grants);
        Ok(access)
    }

    fn future_of(
        &self,
        session: &Session,
        on: SecurableKind,
        container: &Securable,
    ) -> Result<Grants> {
        let place = container.kind();
        let holds = match place {
            SecurableKind::Database => on.has_future(),
            SecurableKind::Schema => on.has_future() && on != SecurableKind::Schema,
            _ => false,
        };
        if !holds {
            return Err(invalid(format!(
                "there are no grants on future {on} objects in a {place}"
            )));
        }
        let session = session.current(self)?;
        let manages = Judge::new(self, &session).has(&self.account(), Privilege::ManageGrants);
        let owns = self.is_managed(container.id()) && session.has_role(container.owner());
        if !manages && !owns {
            return Err(self.refusal(&session, container));
        }
        Ok(self.grants_copy(container.id()))
    }

    /// What future grants give an object that was just made: the schema's for
    /// its kind if there is one, else the database's. Returns the state and
    /// the object's owner, which a future grant of OWNERSHIP changes.
    #[must_use]
    pub fn with_new_object(&self, made: &Securable, at: Timestamp) -> (Self, RoleId) {
        let kind = made.kind().family();
        let place = made
            .containers()
            .filter_map(|container| self.grants(container.id()))
            .find(|grants| grants.future.keys().any(|key| key.on == kind));
        let Some(place) = place else { return (self.clone(), made.owner()) };
        let ours = || place.future.iter().filter(|(key, _)| key.on == kind);
        let owner = ours()
            .find(|(key, _)| key.privilege == Privilege::Ownership)
            .map_or(made.owner(), |(key, _)| key.grantee);
        let mut grants = self.grants_copy(made.id());
        let given = |key: &FutureKey| {
            key.privilege != Privilege::Ownership && made.kind().has(key.privilege)
        };
        for (key, terms) in ours().filter(|(key, _)| given(key)) {
            let grantee = Grantee::Role(key.grantee);
            let key = GrantKey { privilege: key.privilege, grantee, grantor: owner };
            grants.insert(key, Terms { option: terms.option, at });
        }
        let mut access = self.clone();
        access.set_grants(made.id(), grants);
        (access, owner)
    }
}

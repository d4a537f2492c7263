//! The access state: roles, users and grants, as one value.

use std::collections::BTreeSet;

use icecore_types::{
    Error, GrantsDefinition, MembershipRecord, Name, ObjectId, Result, RoleDefinition, Timestamp,
    UserDefinition,
};

use crate::grants::{GrantKey, Grants, Terms};
use crate::principal::ACCOUNT;
use crate::shelf::Shelf;
use crate::{Grantee, Privilege, Role, RoleId, Securable, SecurableKind, User, UserId};

/// Who has which roles, and what was granted to whom on what. A copy shares
/// everything; an operation returns a changed copy, or an error and nothing.
///
/// ```
/// use icecore_governance::{Access, Session};
/// let access = Access::default();
/// let session = Session::of_default_user(&access)?;
/// assert_eq!(session.to_string(), "user ICECORE in role SYSADMIN");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) account: Name,
    pub(crate) roles: Shelf<ObjectId, Role>,
    pub(crate) users: Shelf<ObjectId, User>,
    role_names: Shelf<(Option<ObjectId>, Name), RoleId>,
    user_names: Shelf<(Option<ObjectId>, Name), UserId>,
    grants: Shelf<ObjectId, Grants>,
    /// By role: who has it.
    members: Shelf<ObjectId, BTreeSet<Grantee>>,
    /// By grantee: the securables that something was granted on, now or in
    /// the future.
    held: Shelf<ObjectId, Shelf<ObjectId, ()>>,
}

/// The bodies that an operation changed. One that is not there any more is to
/// be dropped.
///
/// ```
/// use icecore_governance::Access;
/// let access = Access::default();
/// assert!(access.changed_since(&access).is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedBodies {
    /// Of roles.
    pub roles: Vec<RoleId>,
    /// Of users.
    pub users: Vec<UserId>,
    /// Of the grants on these securables.
    pub grants: Vec<ObjectId>,
}

impl ChangedBodies {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.users.is_empty() && self.grants.is_empty()
    }
}

impl Default for Access {
    /// The state of an account that nobody has governed yet.
    fn default() -> Self {
        Self::new(Name::quoted(Self::DEFAULT_ACCOUNT), Timestamp::from_micros(0))
    }
}

impl Access {
    /// The account that exists without being made.
    pub const DEFAULT_ACCOUNT: &str = "DEFAULT";
    /// The user that exists without being made.
    pub const DEFAULT_USER: &str = "ICECORE";
    /// The role that the default user begins in.
    pub const DEFAULT_ROLE: &str = "SYSADMIN";

    /// Nothing at all: what stored bodies are put into.
    pub fn empty(account: Name) -> Self {
        Self {
            account,
            roles: Shelf::default(),
            users: Shelf::default(),
            role_names: Shelf::default(),
            user_names: Shelf::default(),
            grants: Shelf::default(),
            members: Shelf::default(),
            held: Shelf::default(),
        }
    }

    /// The system roles, and a default user who has them all.
    pub fn new(account: Name, at: Timestamp) -> Self {
        let mut access = Self::empty(account);
        for (id, name) in RoleId::ALL_SYSTEM {
            let inherited = RoleId::SYSTEM_MEMBERSHIPS.iter().filter(|(upper, _)| *upper == id);
            let roles = inherited.map(|(_, lower)| membership(*lower, at)).collect();
            let definition = RoleDefinition { roles, ..RoleDefinition::default() };
            access.set_role(
                id,
                Some(Role { name: Name::quoted(name), database: None, owner: None, definition }),
            );
        }
        let definition = UserDefinition {
            roles: vec![membership(RoleId::ACCOUNTADMIN, at)],
            default_role: Some(Name::quoted(Self::DEFAULT_ROLE)),
            ..UserDefinition::default()
        };
        let name = Name::quoted(Self::DEFAULT_USER);
        access.set_user(
            UserId::DEFAULT,
            Some(User { name, owner: RoleId::ACCOUNTADMIN, definition }),
        );
        access.set_grants(ACCOUNT, system_grants(at));
        access
    }

    /// The account.
    pub fn account(&self) -> Securable {
        Securable::account(&self.account)
    }

    /// A role, if there is one.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.get(&id.object()).map(|role| &**role)
    }

    /// A user, if there is one.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id.object()).map(|user| &**user)
    }

    /// The account role of a name, or the role of a database.
    pub fn role_id(&self, database: Option<ObjectId>, name: &Name) -> Option<RoleId> {
        self.role_names.get(&(database, name.clone())).map(|id| **id)
    }

    /// The user of a name.
    pub fn user_id(&self, name: &Name) -> Option<UserId> {
        self.user_names.get(&(None, name.clone())).map(|id| **id)
    }

    /// Every role.
    pub fn roles(&self) -> impl Iterator<Item = (RoleId, &Role)> {
        self.roles.iter().map(|(id, role)| (RoleId::new(*id), role))
    }

    /// Every user.
    pub fn users(&self) -> impl Iterator<Item = (UserId, &User)> {
        self.users.iter().map(|(id, user)| (UserId::new(*id), user))
    }

    /// Who has a role, by grant.
    pub fn members(&self, role: RoleId) -> impl Iterator<Item = Grantee> {
        self.members.get(&role.object()).into_iter().flat_map(|members| members.iter().copied())
    }

    /// Whether a schema's owner alone grants on what is in it.
    pub fn is_managed(&self, schema: ObjectId) -> bool {
        self.grants(schema).is_some_and(|grants| grants.managed)
    }

    pub(crate) fn grants(&self, securable: ObjectId) -> Option<&Grants> {
        self.grants.get(&securable).map(|grants| &**grants)
    }

    pub(crate) fn grants_copy(&self, securable: ObjectId) -> Grants {
        self.grants(securable).cloned().unwrap_or_default()
    }

    pub(crate) fn held(&self, grantee: ObjectId) -> Vec<ObjectId> {
        self.held
            .get(&grantee)
            .map(|held| held.iter().map(|(id, ())| *id).collect())
            .unwrap_or_default()
    }

    pub(crate) fn role_name(&self, id: RoleId) -> String {
        self.role(id).map(|role| role.name.to_string()).unwrap_or_default()
    }

    /// The objects that something was granted on, now or in the future; the
    /// account too.
    pub fn granted_on(&self) -> impl Iterator<Item = ObjectId> {
        self.grants.iter().map(|(id, _)| *id)
    }

    /// The bodies that are not what they were in `earlier`.
    pub fn changed_since(&self, earlier: &Self) -> ChangedBodies {
        ChangedBodies {
            roles: self.roles.changed_since(&earlier.roles).into_iter().map(RoleId::new).collect(),
            users: self.users.changed_since(&earlier.users).into_iter().map(UserId::new).collect(),
            grants: self.grants.changed_since(&earlier.grants),
        }
    }

    /// The stored body of the grants on a securable, if there are any.
    pub fn grants_definition(&self, securable: ObjectId) -> Option<GrantsDefinition> {
        self.grants(securable).map(Grants::definition)
    }

    /// The id that the account's own grants are stored under.
    pub fn account_id() -> ObjectId {
        ACCOUNT
    }

    /// Takes over a stored role, or that it is no more.
    #[must_use]
    pub fn with_role(mut self, id: RoleId, role: Option<Role>) -> Self {
        self.set_role(id, role);
        self
    }

    /// Takes over a stored user, or that it is no more.
    #[must_use]
    pub fn with_user(mut self, id: UserId, user: Option<User>) -> Self {
        self.set_user(id, user);
        self
    }

    /// Takes over the stored grants on a securable, or that there are none.
    ///
    /// # Errors
    /// `Corrupted` if they name a privilege or a kind that there is not.
    pub fn with_grants(
        mut self,
        securable: ObjectId,
        grants: Option<&GrantsDefinition>,
    ) -> Result<Self> {
        let read =
            grants.map_or_else(|| Ok(Grants::default()), Grants::read).map_err(|source| {
                Error::corrupted(format!("the grants on object={securable}")).with_source(source)
            })?;
        self.set_grants(securable, read);
        Ok(self)
    }

    pub(crate) fn set_role(&mut self, id: RoleId, role: Option<Role>) {
        let before = self.roles.get(&id.object()).cloned();
        if let Some(before) = &before {
            self.role_names.set((before.database, before.name.clone()), None);
        }
        let was = before.iter().flat_map(|role| role.inherits()).collect();
        let is = role.iter().flat_map(Role::inherits).collect();
        self.set_members(Grantee::Role(id), &was, &is);
        if let Some(role) = &role {
            self.role_names.set((role.database, role.name.clone()), Some(id));
        }
        self.roles.set(id.object(), role);
    }

    pub(crate) fn set_user(&mut self, id: UserId, user: Option<User>) {
        let before = self.users.get(&id.object()).cloned();
        if let Some(before) = &before {
            self.user_names.set((None, before.name.clone()), None);
        }
        let was = before.iter().flat_map(|user| user.has()).collect();
        let is = user.iter().flat_map(User::has).collect();
        self.set_members(Grantee::User(id), &was, &is);
        if let Some(user) = &user {
            self.user_names.set((None, user.name.clone()), Some(id));
        }
        self.users.set(id.object(), user);
    }

    fn set_members(&mut self, who: Grantee, was: &BTreeSet<RoleId>, is: &BTreeSet<RoleId>) {
        for role in was.symmetric_difference(is) {
            let key = role.object();
            let mut members = self.members.get(&key).map(|set| (**set).clone()).unwrap_or_default();
            if is.contains(role) {
                members.insert(who)
            } else {
                members.remove(&who)
            };
            self.members.set(key, (!members.is_empty()).then_some(members));
        }
    }

    pub(crate) fn set_grants(&mut self, securable: ObjectId, grants: Grants) {
        let was = self.grants(securable).map(grantees).unwrap_or_default();
        let is = grantees(&grants);
        for grantee in was.symmetric_difference(&is) {
            let mut held = self.held.get(grantee).map(|held| (**held).clone()).unwrap_or_default();
            held.set(securable, is.contains(grantee).then_some(()));
            self.held.set(*grantee, Some(held));
        }
        self.grants.set(securable, (!grants.is_empty()).then_some(grants));
    }
}

fn grantees(grants: &Grants) -> BTreeSet<ObjectId> {
    let future = grants.future.keys().map(|key| key.grantee.object());
    grants.holders().keys().map(|grantee| grantee.object()).chain(future).collect()
}

fn membership(role: RoleId, at: Timestamp) -> MembershipRecord {
    MembershipRecord { role: role.object(), grantor: None, at }
}

/// What the system roles hold on the account; ACCOUNTADMIN owns it.
fn system_grants(at: Timestamp) -> Grants {
    let held = [
        (RoleId::SECURITYADMIN, Privilege::ManageGrants),
        (RoleId::SECURITYADMIN, Privilege::AttachPolicy),
        (RoleId::SECURITYADMIN, Privilege::Create(SecurableKind::NetworkPolicy)),
        (RoleId::USERADMIN, Privilege::Create(SecurableKind::User)),
        (RoleId::USERADMIN, Privilege::Create(SecurableKind::Role)),
        (RoleId::SYSADMIN, Privilege::Create(SecurableKind::Database)),
        (RoleId::SYSADMIN, Privilege::Create(SecurableKind::Warehouse)),
    ];
    let mut grants = Grants::default();
    for (role, privilege) in held {
        let grantee = Grantee::Role(role);
        let key = GrantKey { privilege, grantee, grantor: RoleId::ACCOUNTADMIN };
        grants.insert(key, Terms { option: false, at });
    }
    grants
}

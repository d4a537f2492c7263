//! What SHOW GRANTS lists.

use icecore_types::{ObjectId, Timestamp};

use crate::grants::GrantKey;
use crate::{Access, Grantee, RoleId, Securable};

/// One row of SHOW GRANTS ON, and of SHOW GRANTS TO a role.
///
/// ```
/// use icecore_governance::Access;
/// use icecore_types::Timestamp;
/// let access = Access::default();
/// assert_eq!(access.show_grants_on(&access.account(), Timestamp::from_micros(0)).len(), 8);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of SHOW GRANTS")]
pub struct GrantRow {
    pub created_on: Timestamp,
    pub privilege: String,
    pub granted_on: String,
    pub name: String,
    pub granted_to: &'static str,
    pub grantee_name: String,
    pub grant_option: bool,
    pub granted_by: String,
}

/// One row of SHOW GRANTS OF a role, and of SHOW GRANTS TO a user.
///
/// ```
/// use icecore_governance::{Access, RoleId};
/// let access = Access::default();
/// let of = access.show_grants_of(RoleId::USERADMIN);
/// assert_eq!((of[0].granted_to, &*of[0].grantee_name), ("ROLE", "SECURITYADMIN"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of SHOW GRANTS OF")]
pub struct MemberRow {
    pub created_on: Timestamp,
    pub role: String,
    pub granted_to: &'static str,
    pub grantee_name: String,
    pub granted_by: String,
}

/// One row of SHOW FUTURE GRANTS.
///
/// ```
/// use icecore_governance::Access;
/// let access = Access::default();
/// assert!(access.show_future_in(&access.account()).is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of SHOW FUTURE GRANTS")]
pub struct FutureRow {
    pub created_on: Timestamp,
    pub privilege: String,
    pub grant_on: String,
    pub name: String,
    pub grant_to: &'static str,
    pub grantee_name: String,
    pub grant_option: bool,
}

impl Access {
    /// SHOW GRANTS ON one securable: its owner first, then by privilege.
    pub fn show_grants_on(&self, on: &Securable, owned_since: Timestamp) -> Vec<GrantRow> {
        let mut rows = vec![self.ownership_row(on, owned_since)];
        let grants = self.grants(on.id()).into_iter().flat_map(|grants| grants.iter());
        rows.extend(grants.map(|(key, terms)| self.grant_row(on, key, (terms.option, terms.at))));
        rows
    }

    /// SHOW GRANTS TO a role or a user: what was granted to it, by name.
    /// `owned` is what it owns, `securable` knows what it holds grants on.
    pub fn show_grants_to(
        &self,
        to: Grantee,
        owned: &[(Securable, Timestamp)],
        securable: &dyn Fn(ObjectId) -> Option<Securable>,
    ) -> Vec<GrantRow> {
        let mut rows: Vec<GrantRow> =
            owned.iter().map(|(one, since)| self.ownership_row(one, *since)).collect();
        for id in self.held(to.object()) {
            let account = self.account();
            let on = if id == account.id() { Some(account) } else { securable(id) };
            let (Some(on), Some(grants)) = (on, self.grants(id)) else { continue };
            let mine = grants.iter().filter(|(key, _)| key.grantee == to);
            rows.extend(
                mine.map(|(key, terms)| self.grant_row(&on, key, (terms.option, terms.at))),
            );
        }
        if let Grantee::Role(role) = to {
            rows.extend(self.inherited_rows(role));
        }
        rows.sort_by(|a, b| {
            (&a.granted_on, &a.name, &a.privilege).cmp(&(&b.granted_on, &b.name, &b.privilege))
        });
        rows
    }

    /// SHOW GRANTS OF a role: who has it.
    pub fn show_grants_of(&self, role: RoleId) -> Vec<MemberRow> {
        let rows = self.members(role).filter_map(|member| self.member_row(role, member));
        let mut rows: Vec<MemberRow> = rows.collect();
        rows.sort_by(|a, b| (a.granted_to, &a.grantee_name).cmp(&(b.granted_to, &b.grantee_name)));
        rows
    }

    /// The roles that a user has, as SHOW GRANTS TO USER lists them.
    pub fn show_roles_of(&self, user: crate::UserId) -> Vec<MemberRow> {
        let roles = self.user(user).into_iter().flat_map(|user| user.has());
        let rows = roles.filter_map(|role| self.member_row(role, Grantee::User(user)));
        let mut rows: Vec<MemberRow> = rows.collect();
        rows.sort_by(|a, b| a.role.cmp(&b.role));
        rows
    }

    /// SHOW FUTURE GRANTS IN a database or a schema.
    pub fn show_future_in(&self, container: &Securable) -> Vec<FutureRow> {
        let grants = self.grants(container.id()).into_iter();
        let future = grants.flat_map(|grants| grants.future.iter());
        future
            .map(|(key, terms)| {
                let (grant_to, grantee_name) = self.grantee_name(Grantee::Role(key.grantee));
                FutureRow {
                    created_on: terms.at,
                    privilege: key.privilege.to_string(),
                    grant_on: key.on.to_string(),
                    name: format!("{}.<{}>", container.name(), key.on),
                    grant_to,
                    grantee_name,
                    grant_option: terms.option,
                }
            })
            .collect()
    }

    /// The containers that a role has future grants in.
    pub fn future_containers(&self, role: RoleId) -> Vec<ObjectId> {
        let held = self.held(role.object()).into_iter();
        held.filter(|id| {
            let grants = self.grants(*id);
            grants.is_some_and(|grants| grants.future.keys().any(|key| key.grantee == role))
        })
        .collect()
    }

    fn ownership_row(&self, on: &Securable, since: Timestamp) -> GrantRow {
        let owner = on.owner();
        let key = GrantKey {
            privilege: crate::Privilege::Ownership,
            grantee: Grantee::Role(owner),
            grantor: owner,
        };
        self.grant_row(on, &key, (true, since))
    }

    fn grant_row(
        &self,
        on: &Securable,
        key: &GrantKey,
        (grant_option, created_on): (bool, Timestamp),
    ) -> GrantRow {
        let (granted_to, grantee_name) = self.grantee_name(key.grantee);
        GrantRow {
            created_on,
            privilege: key.privilege.to_string(),
            granted_on: on.kind().to_string(),
            name: on.name().to_string(),
            granted_to,
            grantee_name,
            grant_option,
            granted_by: self.role_name(key.grantor),
        }
    }

    /// The roles that a role inherits are privileges of it too.
    fn inherited_rows(&self, role: RoleId) -> Vec<GrantRow> {
        let Some(entry) = self.role(role) else { return Vec::new() };
        let (granted_to, grantee_name) = self.grantee_name(Grantee::Role(role));
        let records = entry.definition.roles.iter();
        let rows = records.filter_map(|record| {
            let lower = RoleId::new(record.role);
            let word = self.role(lower)?.word();
            Some(GrantRow {
                created_on: record.at,
                privilege: "USAGE".to_owned(),
                granted_on: word.to_owned(),
                name: self.role_name(lower),
                granted_to,
                grantee_name: grantee_name.clone(),
                grant_option: false,
                granted_by: self.grantor_name(record.grantor),
            })
        });
        rows.collect()
    }

    fn member_row(&self, role: RoleId, member: Grantee) -> Option<MemberRow> {
        let records = match member {
            Grantee::Role(upper) => &self.role(upper)?.definition.roles,
            Grantee::User(user) => &self.user(user)?.definition.roles,
        };
        let record = records.iter().find(|record| record.role == role.object())?;
        let (granted_to, grantee_name) = self.grantee_name(member);
        Some(MemberRow {
            created_on: record.at,
            role: self.role_name(role),
            granted_to,
            grantee_name,
            granted_by: self.grantor_name(record.grantor),
        })
    }

    fn grantor_name(&self, grantor: Option<ObjectId>) -> String {
        grantor.map(|role| self.role_name(RoleId::new(role))).unwrap_or_default()
    }
}

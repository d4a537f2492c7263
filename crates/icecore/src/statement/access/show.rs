//! SHOW GRANTS, SHOW ROLES and SHOW USERS.

use arrow::array::RecordBatch;
use icecore_governance::{
    FutureRow, GrantRow, Grantee, MemberRow, Privilege, Role, RoleId, Securable, SecurableKind,
    UserId, Verb,
};
use icecore_sql::{GrantTarget, GranteeName, Show, ShowGrants};
use icecore_types::{Error, ObjectId, ObjectKind, QualifiedName, Result, SqlType, Timestamp};

use super::absent;
use crate::access::securable;
use crate::cells::{Cell, Columns, batch};
use crate::statement::Planning;
use crate::statement::show::{cut, selected, shown};

const TEXT: SqlType = SqlType::TEXT;
const TIME: SqlType = SqlType::TimestampLtz;

const GRANTS: Columns = &[
    ("created_on", TIME),
    ("privilege", TEXT),
    ("granted_on", TEXT),
    ("name", TEXT),
    ("granted_to", TEXT),
    ("grantee_name", TEXT),
    ("grant_option", TEXT),
    ("granted_by", TEXT),
];
const MEMBERS: Columns = &[
    ("created_on", TIME),
    ("role", TEXT),
    ("granted_to", TEXT),
    ("grantee_name", TEXT),
    ("granted_by", TEXT),
];
const FUTURE: Columns = &[
    ("created_on", TIME),
    ("privilege", TEXT),
    ("grant_on", TEXT),
    ("name", TEXT),
    ("grant_to", TEXT),
    ("grantee_name", TEXT),
    ("grant_option", TEXT),
];
const ROLES: Columns = &[
    ("created_on", TIME),
    ("name", TEXT),
    ("is_default", TEXT),
    ("is_current", TEXT),
    ("is_inherited", TEXT),
    ("assigned_to_users", SqlType::Integer),
    ("granted_to_roles", SqlType::Integer),
    ("granted_roles", SqlType::Integer),
    ("owner", TEXT),
    ("comment", TEXT),
];
impl Planning {
    pub(super) fn show_grants(&self, show: &ShowGrants) -> Result<RecordBatch> {
        match show {
            ShowGrants::Mine => match self.acting.session.user() {
                Some(user) => self.roles_of(user),
                None => batch(MEMBERS, Vec::new()),
            },
            ShowGrants::On(on) => self.grants_on(on),
            ShowGrants::To(to) => self.grants_to(to),
            ShowGrants::Of(role) => {
                let role = self.role(role)?;
                self.may_see_role(role)?;
                batch(MEMBERS, members(self.acting.access.show_grants_of(role)))
            }
            ShowGrants::FutureIn(container) => {
                let container = self.container(container)?;
                self.resolver.act(Verb::Show, container);
                let container = securable(self.resolver.head(), container)?;
                batch(FUTURE, future(self.acting.access.show_future_in(&container)))
            }
            ShowGrants::FutureTo(role) => {
                let role = self.role(role)?;
                self.may_see_role(role)?;
                let access = &self.acting.access;
                let name = access.role(role).map(|it| it.name().to_string()).unwrap_or_default();
                let places = access.future_containers(role).into_iter();
                let rows = places
                    .filter_map(|id| self.securable_of(id))
                    .flat_map(|container| access.show_future_in(&container))
                    .filter(|row| row.grantee_name == name);
                batch(FUTURE, future(rows.collect()))
            }
        }
    }

    fn grants_on(&self, on: &GrantTarget) -> Result<RecordBatch> {
        let access = &self.acting.access;
        let targets = self.targets(on)?;
        let Some(on) = targets.first() else {
            return Err(Error::internal("grants on nothing"));
        };
        let seen = on.kind() == SecurableKind::Account
            || access.shows(&self.acting.session, on)?
            || self.manages()?;
        if !seen {
            return Err(on.absent());
        }
        batch(GRANTS, grants(access.show_grants_on(on, self.made_at(on.id()))))
    }

    fn grants_to(&self, to: &GranteeName) -> Result<RecordBatch> {
        match self.grantee(to)? {
            Grantee::User(user) => {
                let own = self.acting.session.user() == Some(user);
                let access = &self.acting.access;
                let entry = access.user(user).ok_or_else(|| Error::internal("a user is gone"))?;
                if !own && !self.acting.session.has_role(entry.owner()) && !self.manages()? {
                    let name = QualifiedName::bare(entry.name().clone());
                    return Err(absent("user", &name));
                }
                self.roles_of(user)
            }
            Grantee::Role(role) => {
                self.may_see_role(role)?;
                let known = |id: ObjectId| self.securable_of(id);
                let owned = self.owned_by(role)?;
                let rows = self.acting.access.show_grants_to(Grantee::Role(role), &owned, &known);
                batch(GRANTS, grants(rows))
            }
        }
    }

    fn roles_of(&self, user: UserId) -> Result<RecordBatch> {
        batch(MEMBERS, members(self.acting.access.show_roles_of(user)))
    }

    /// The live objects that a role owns, and since when they are there.
    fn owned_by(&self, role: RoleId) -> Result<Vec<(Securable, Timestamp)>> {
        let head = self.resolver.head();
        let owned = head.objects().filter(|it| it.owner() == role.object() && it.is_live());
        let listed = owned.filter(|object| {
            let system = object.kind() == ObjectKind::Role && RoleId::new(object.id()).is_system();
            !system && !matches!(object.kind(), ObjectKind::Channel | ObjectKind::Quarantine)
        });
        listed.map(|object| Ok((securable(head, object)?, object.created_at()))).collect()
    }

    pub(super) fn made_at(&self, id: ObjectId) -> Timestamp {
        let object = self.resolver.head().object(id);
        object.map_or_else(|| self.account_since(), |object| object.created_at())
    }

    fn account_since(&self) -> Timestamp {
        self.made_at_version_one().unwrap_or_else(|| Timestamp::from_micros(0))
    }

    fn made_at_version_one(&self) -> Option<Timestamp> {
        self.resolver.head().time_of(icecore_types::Version::new(1))
    }

    pub(super) fn manages(&self) -> Result<bool> {
        let (access, session) = (&self.acting.access, &self.acting.session);
        access.has(session, &access.account(), Privilege::ManageGrants)
    }

    /// Who has a role, owns it or manages grants sees what it has.
    fn may_see_role(&self, role: RoleId) -> Result<()> {
        let access = &self.acting.access;
        let entry = access.role(role).ok_or_else(|| Error::internal("a role is gone"))?;
        if self.sees_role(role, entry) || self.manages()? {
            return Ok(());
        }
        Err(absent("role", &QualifiedName::bare(entry.name().clone())))
    }

    fn sees_role(&self, role: RoleId, entry: &Role) -> bool {
        let session = &self.acting.session;
        session.has_role(role) || entry.owner().is_some_and(|owner| session.has_role(owner))
    }

    pub(in crate::statement) fn show_roles(
        &self,
        show: &Show,
        of_databases: bool,
    ) -> Result<RecordBatch> {
        let access = &self.acting.access;
        let all = self.manages()?;
        let database = match (of_databases, &show.scope) {
            (true, _) => Some(self.database_of_roles(show)?),
            (false, None) => None,
            (false, Some(_)) => return Err(Error::unsupported("SHOW ROLES IN")),
        };
        let mut found: Vec<(RoleId, &Role)> = access
            .roles()
            .filter(|(_, role)| role.database() == database)
            .filter(|(id, role)| all || self.sees_role(*id, role))
            .filter(|(_, role)| selected(show, role.name().as_str()))
            .collect();
        found.sort_by(|a, b| a.1.name().cmp(b.1.name()));
        let rows = cut(show, found).into_iter().map(|(id, role)| self.role_row(id, role));
        shown(show, ROLES, rows.collect())
    }

    fn database_of_roles(&self, show: &Show) -> Result<ObjectId> {
        use icecore_sql::Scope;
        let database = match &show.scope {
            None => self.resolver.database(None)?,
            Some(Scope::Database(name)) => self.resolver.database(name.as_ref())?,
            Some(Scope::Named(name)) if name.schema.is_none() => {
                self.resolver.database(Some(&name.name))?
            }
            Some(_) => return Err(Error::unsupported("SHOW DATABASE ROLES IN this")),
        };
        self.resolver.act(Verb::Show, database);
        Ok(database.id())
    }

    fn role_row(&self, id: RoleId, role: &Role) -> Vec<Cell> {
        let (access, session) = (&self.acting.access, &self.acting.session);
        let members: Vec<Grantee> = access.members(id).collect();
        let users = members.iter().filter(|it| matches!(it, Grantee::User(_))).count();
        let default = session
            .user()
            .and_then(|user| access.user(user))
            .and_then(|user| user.definition().default_role.as_ref());
        let flag = |is: bool| Cell::text(if is { "Y" } else { "N" });
        let owner = role.owner().and_then(|owner| access.role(owner));
        vec![
            Cell::Time(self.made_at(id.object())),
            Cell::text(role.name().as_str()),
            flag(default == Some(role.name()) && role.database().is_none()),
            flag(session.primary() == id),
            flag(session.primary() != id && session.has_role(id)),
            Cell::count(users as u64),
            Cell::count((members.len() - users) as u64),
            Cell::count(role.definition().roles.len() as u64),
            Cell::text(owner.map(|owner| owner.name().as_str()).unwrap_or_default()),
            Cell::text(role.definition().comment.clone().unwrap_or_default()),
        ]
    }
}

fn grants(rows: Vec<GrantRow>) -> Vec<Vec<Cell>> {
    let cells = rows.into_iter().map(|row| {
        vec![
            Cell::Time(row.created_on),
            Cell::text(row.privilege),
            Cell::text(row.granted_on),
            Cell::text(row.name),
            Cell::text(row.granted_to),
            Cell::text(row.grantee_name),
            Cell::text(row.grant_option.to_string()),
            Cell::text(row.granted_by),
        ]
    });
    cells.collect()
}

fn members(rows: Vec<MemberRow>) -> Vec<Vec<Cell>> {
    let cells = rows.into_iter().map(|row| {
        vec![
            Cell::Time(row.created_on),
            Cell::text(row.role),
            Cell::text(row.granted_to),
            Cell::text(row.grantee_name),
            Cell::text(row.granted_by),
        ]
    });
    cells.collect()
}

fn future(rows: Vec<FutureRow>) -> Vec<Vec<Cell>> {
    let cells = rows.into_iter().map(|row| {
        vec![
            Cell::Time(row.created_on),
            Cell::text(row.privilege),
            Cell::text(row.grant_on),
            Cell::text(row.name),
            Cell::text(row.grant_to),
            Cell::text(row.grantee_name),
            Cell::text(row.grant_option.to_string()),
        ]
    });
    cells.collect()
}

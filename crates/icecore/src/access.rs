//! Who asks: the access state that goes with a head, and a session's user in
//! its roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use icecore_governance::{
    Access, Act, ChangedBodies, Privilege, Role, RoleId, Securable, SecurableKind, Session, User,
    UserId, Verb,
};
use icecore_snapshot::{Head, Object, Update};
use icecore_types::{
    Body, GrantsDefinition, Name, ObjectId, ObjectKind, QualifiedName, Result, StageDefinition,
    StageLocation, Timestamp,
};
use parking_lot::Mutex;

use crate::statement::path;

/// The access state of the newest head that was asked about, so that the next
/// one is made of it and not from nothing.
pub(crate) struct AccessOfHead(Mutex<Known>);

struct Known {
    /// How many changes of roles, users and grants are in it.
    changes: usize,
    access: Arc<Access>,
}

impl AccessOfHead {
    pub(crate) fn new() -> Self {
        let access = Arc::new(Access::empty(Name::quoted(Access::DEFAULT_ACCOUNT)));
        Self(Mutex::new(Known { changes: 0, access }))
    }

    /// The state as of a head, or as of a newer one: privileges are today's,
    /// whatever is read.
    ///
    /// # Errors
    /// `Corrupted` if a stored body is none of a role, a user or grants.
    pub(crate) fn of(&self, head: &Head) -> Result<Arc<Access>> {
        let mut known = self.0.lock();
        let changes = head.access_changes();
        if changes > known.changes {
            let changed: BTreeSet<ObjectId> = head.access_changed_after(known.changes).collect();
            let mut access = Access::clone(&known.access);
            for id in changed {
                access = with_stored(access, head, id)?;
            }
            *known = Known { changes, access: Arc::new(access) };
        }
        Ok(Arc::clone(&known.access))
    }
}

/// Takes over what a head says of a role, a user, or what is granted on an
/// object.
fn with_stored(mut access: Access, head: &Head, id: ObjectId) -> Result<Access> {
    if let Some(object) = head.object(id) {
        let owner = RoleId::new(object.owner());
        match object.kind() {
            ObjectKind::Role => {
                let id = RoleId::new(id);
                let place = (object.name().clone(), object.parent());
                let role = match object.is_live() {
                    true => Some(Role::new(id, place, owner, object.body().read()?)),
                    false => None,
                };
                access = access.with_role(id, role);
            }
            ObjectKind::User => {
                let user = match object.is_live() {
                    true => Some(User::new(object.name().clone(), owner, object.body().read()?)),
                    false => None,
                };
                access = access.with_user(UserId::new(id), user);
            }
            _ => {}
        }
    }
    let grants = head.grants(id).map(|body| body.read::<GrantsDefinition>()).transpose()?;
    access.with_grants(id, grants.as_ref())
}

/// The updates that make `before` into `after`.
///
/// # Errors
/// `Internal` if a definition cannot be stored, which is a defect.
pub(crate) fn updates(before: &Access, after: &Access) -> Result<Vec<Update>> {
    let ChangedBodies { roles, users, grants } = after.changed_since(before);
    let mut updates = Vec::new();
    for id in roles {
        let stored = |access: &Access| access.role(id).map(Stored::of_role).transpose();
        changed(&mut updates, id.object(), (stored(before)?, stored(after)?));
    }
    for id in users {
        let stored = |access: &Access| access.user(id).map(Stored::of_user).transpose();
        changed(&mut updates, id.object(), (stored(before)?, stored(after)?));
    }
    for on in grants {
        let grants = after.grants_definition(on).map(|it| Body::of(&it)).transpose()?;
        updates.push(Update::SetGrants { on, grants });
    }
    Ok(updates)
}

/// A role or a user as an object of the catalog.
struct Stored {
    kind: ObjectKind,
    parent: Option<ObjectId>,
    name: Name,
    owner: ObjectId,
    body: Body,
}

impl Stored {
    fn of_role(role: &Role) -> Result<Self> {
        Ok(Self {
            kind: ObjectKind::Role,
            parent: role.database(),
            name: role.name().clone(),
            owner: role.owner().unwrap_or(RoleId::ACCOUNTADMIN).object(),
            body: Body::of(role.definition())?,
        })
    }

    fn of_user(user: &User) -> Result<Self> {
        Ok(Self {
            kind: ObjectKind::User,
            parent: None,
            name: user.name().clone(),
            owner: user.owner().object(),
            body: Body::of(user.definition())?,
        })
    }
}

fn changed(updates: &mut Vec<Update>, id: ObjectId, states: (Option<Stored>, Option<Stored>)) {
    match states {
        (None, Some(Stored { kind, parent, name, owner, body })) => {
            updates.push(Update::CreateObject { id, kind, parent, name, owner, body });
        }
        (Some(_), None) => updates.push(Update::DropObject { id }),
        (Some(before), Some(after)) => {
            if before.name != after.name {
                let (parent, name) = (after.parent, after.name);
                updates.push(Update::RenameObject { id, parent, name });
            }
            if before.owner != after.owner {
                updates.push(Update::SetOwner { id, owner: after.owner });
            }
            if before.body != after.body {
                updates.push(Update::ReplaceBody { id, body: after.body });
            }
        }
        (None, None) => {}
    }
}

/// What a new account knows of access.
///
/// # Errors
/// As [`updates`].
pub(crate) fn of_new_account(at: Timestamp) -> Result<Vec<Update>> {
    let account = Name::quoted(Access::DEFAULT_ACCOUNT);
    updates(&Access::empty(account.clone()), &Access::new(account, at))
}

/// A user in its roles, and the state that decides what they may.
#[derive(Clone)]
pub(crate) struct Acting {
    pub(crate) access: Arc<Access>,
    pub(crate) session: Arc<Session>,
}

impl Acting {
    /// Whether all of this may be done.
    ///
    /// # Errors
    /// The decision's, if it refuses.
    pub(crate) fn authorize(&self, acts: &[Act]) -> Result<()> {
        self.access.authorize(&self.session, acts).map(drop)
    }

    /// The same on behalf of the role that owns something.
    pub(crate) fn as_owner(&self, role: RoleId) -> Result<Self> {
        let session = Arc::new(Session::of_role(&self.access, role)?);
        Ok(Self { access: Arc::clone(&self.access), session })
    }

    /// CURRENT_SECONDARY_ROLES: those in use and how they were chosen, as JSON.
    pub(crate) fn secondary_roles(&self) -> String {
        use icecore_governance::SecondaryRoles as Roles;
        let value = match self.session.secondary() {
            Roles::All => "ALL",
            Roles::None => "NONE",
            Roles::These(_) => "",
        };
        let mut names: Vec<String> = match self.session.secondary() {
            Roles::None => Vec::new(),
            Roles::These(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            Roles::All => {
                let user = self.session.user().and_then(|user| self.access.user(user));
                let records = user.map(|user| &*user.definition().roles).unwrap_or_default();
                let roles = records.iter().filter_map(|it| self.access.role(RoleId::new(it.role)));
                roles.map(|role| role.name().as_str().to_owned()).collect()
            }
        };
        names.sort();
        serde_json::json!({ "roles": names.join(","), "value": value }).to_string()
    }

    /// CURRENT_AVAILABLE_ROLES, as a JSON list.
    pub(crate) fn available_roles(&self) -> String {
        let names = self.session.available(&self.access);
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        serde_json::json!(names).to_string()
    }

    /// IS_ROLE_IN_SESSION, of a role of the account or of a database.
    pub(crate) fn has_role(&self, database: Option<ObjectId>, role: &str) -> bool {
        let role = self.access.role_id(database, &Name::quoted(role));
        role.is_some_and(|role| self.session.has_role(role))
    }

    /// The role that owns what is made.
    pub(crate) fn owner(&self) -> ObjectId {
        self.session.primary().object()
    }

    /// Whether the session sees what all users of the account do.
    pub(crate) fn monitors(&self) -> Result<bool> {
        self.access.has(&self.session, &self.access.account(), Privilege::MonitorUsage)
    }

    /// Whether a listing shows an object.
    pub(crate) fn sees(&self, head: &Head, object: &Object) -> bool {
        let shown = securable(head, object).and_then(|on| {
            let act = Act::new(Verb::Show, on);
            self.access.authorize(&self.session, &[act])
        });
        shown.is_ok()
    }

    /// The name of the role that owns an object.
    pub(crate) fn owner_name(&self, object: &Object) -> String {
        let owner = self.access.role(RoleId::new(object.owner()));
        owner.map(|role| role.name().as_str().to_owned()).unwrap_or_default()
    }
}

/// Who may use a stage goes by where its files are.
pub(crate) fn stage_kind(location: StageLocation) -> SecurableKind {
    match location {
        StageLocation::Internal => SecurableKind::InternalStage,
        StageLocation::External { .. } => SecurableKind::ExternalStage,
    }
}

/// An object with what it is in, as decisions see it.
///
/// # Errors
/// `Internal` for a path of no or too many parts, `Corrupted` for a stage whose
/// definition is none.
pub(crate) fn securable(head: &Head, object: &Object) -> Result<Securable> {
    let kind = match object.kind() {
        ObjectKind::Stage => stage_kind(object.body().read::<StageDefinition>()?.location),
        ObjectKind::Role if object.parent().is_some() => SecurableKind::DatabaseRole,
        kind => kind.into(),
    };
    let mut names = path(head, object.id());
    // What is inside a table is named by the table's schema and itself.
    if names.len() > 3 {
        names.remove(2);
    }
    let name = QualifiedName::from_parts(names)?;
    let owner = RoleId::new(object.owner());
    let securable = Securable::new(object.id(), kind, name, owner);
    match object.parent().and_then(|parent| head.object(parent)) {
        Some(parent) => Ok(securable.within(self::securable(head, parent)?)),
        None => Ok(securable),
    }
}

//! Which roles a session acts in.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use icecore_types::{Code, Error, Name, ObjectId, QualifiedName, Result};

use crate::securable::absent;
use crate::shelf::Shelf;
use crate::{Access, Role, RoleId, RolePath, SecurableKind, User, UserId};

/// Ids are random bits already: mixing their halves is enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// The name that the engine itself acts under; no user can have it.
pub(crate) const SYSTEM_USER: &str = "SYSTEM";

/// Every role that some roles inherit, with the role that it was reached from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(HashMap<RoleId, Option<RoleId>, BuildHasherDefault<IdHasher>>);

impl Reach {
    /// The roots come first, so that each role is reached by a shortest path.
    fn of(access: &Access, roots: impl IntoIterator<Item = RoleId>) -> Self {
        let mut reached = Self::default();
        let mut open: VecDeque<(RoleId, Option<RoleId>)> =
            roots.into_iter().chain([RoleId::PUBLIC]).map(|root| (root, None)).collect();
        while let Some((role, from)) = open.pop_front() {
            let Some(entry) = access.role(role) else { continue };
            if reached.contains(role) {
                continue;
            }
            reached.0.insert(role, from);
            open.extend(entry.inherits().map(|lower| (lower, Some(role))));
        }
        reached
    }

    pub(crate) fn contains(&self, role: RoleId) -> bool {
        self.0.contains_key(&role)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = RoleId> {
        self.0.keys().copied()
    }

    pub(crate) fn path(&self, access: &Access, role: RoleId) -> RolePath {
        let steps = std::iter::successors(Some(role), |role| self.0.get(role).copied().flatten());
        let mut names: Vec<Name> =
            steps.filter_map(|role| access.role(role)).map(|role| role.name().clone()).collect();
        names.reverse();
        RolePath::new(names)
    }
}

/// The roles besides the primary one whose privileges a session uses.
///
/// ```
/// use icecore_governance::SecondaryRoles;
/// assert_eq!(SecondaryRoles::default(), SecondaryRoles::All);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecondaryRoles {
    /// All that the user has, and what was granted to the user itself.
    #[default]
    All,
    /// None.
    None,
    /// These.
    These(Vec<Name>),
}

/// What the way in which a session was opened keeps it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Free,
    /// A token makes no tokens.
    ByToken,
    /// A token of one role is for that alone; what acts for an owner, too.
    ToRole,
}

/// A user in its roles, with all that they inherit worked out once.
///
/// ```
/// use icecore_governance::{Access, SecondaryRoles, Session, UserId};
/// use icecore_types::Name;
///
/// let access = Access::default();
/// let role = Name::unquoted("public");
/// let session = Session::open(&access, UserId::DEFAULT, Some(&role), SecondaryRoles::None)?;
/// assert_eq!(session.primary(), access.role_id(None, &role).expect("a system role"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    /// Nobody, when the engine itself acts for an owner.
    user: Option<UserId>,
    name: Name,
    primary: RoleId,
    primary_name: Name,
    secondary: SecondaryRoles,
    held: Held,
    pub(crate) of_primary: Reach,
    pub(crate) of_all: Reach,
    roles: Shelf<ObjectId, Role>,
    users: Shelf<ObjectId, User>,
}

impl Session {
    /// A session of the user that exists without being made.
    ///
    /// # Errors
    /// `NotFound` if somebody dropped it.
    pub fn of_default_user(access: &Access) -> Result<Self> {
        Self::open(access, UserId::DEFAULT, None, SecondaryRoles::All)
    }

    /// What the engine does on behalf of a role that owns something.
    ///
    /// # Errors
    /// `Denied` if there is no such role any more.
    pub fn of_role(access: &Access, role: RoleId) -> Result<Self> {
        let entry = access.role(role).ok_or_else(|| not_assigned(&role.object()))?;
        Ok(Self {
            user: None,
            name: Name::quoted(SYSTEM_USER),
            primary: role,
            primary_name: entry.name().clone(),
            secondary: SecondaryRoles::None,
            held: Held::ToRole,
            of_primary: Reach::of(access, [role]),
            of_all: Reach::of(access, [role]),
            roles: access.roles.clone(),
            users: access.users.clone(),
        })
    }

    /// A session in the role that is asked for, else in the user's default
    /// role if it has that, else in PUBLIC.
    ///
    /// # Errors
    /// `NotFound` for an unknown user, `Denied` for a role it does not have.
    pub fn open(
        access: &Access,
        user: UserId,
        role: Option<&Name>,
        secondary: SecondaryRoles,
    ) -> Result<Self> {
        let entry = enabled(access, user)?;
        let mine = Reach::of(access, entry.has());
        let primary = match role {
            Some(name) => assigned(access, &mine, name)?,
            None => {
                let default = entry.definition.default_role.as_ref();
                default
                    .and_then(|name| assigned(access, &mine, name).ok())
                    .unwrap_or(RoleId::PUBLIC)
            }
        };
        Self::in_role(access, user, primary, secondary)
    }

    /// A session that may use one role and nothing else: of a token that says so.
    ///
    /// # Errors
    /// `NotFound` for an unknown user, `Denied` for a role it does not have.
    pub fn restricted_to(access: &Access, user: UserId, role: RoleId) -> Result<Self> {
        let name = access.role(role).map(|role| role.name().clone());
        let name = name.ok_or_else(|| not_assigned(&role.object()))?;
        let session = Self::open(access, user, Some(&name), SecondaryRoles::None)?;
        Ok(Self { held: Held::ToRole, ..session })
    }

    fn in_role(
        access: &Access,
        user: UserId,
        primary: RoleId,
        secondary: SecondaryRoles,
    ) -> Result<Self> {
        let entry = access.user(user).ok_or_else(|| unknown_user(user))?;
        let mine = Reach::of(access, entry.has());
        let more: Vec<RoleId> = match &secondary {
            SecondaryRoles::All => entry.has().collect(),
            SecondaryRoles::None => Vec::new(),
            SecondaryRoles::These(names) => {
                names.iter().map(|name| assigned(access, &mine, name)).collect::<Result<_>>()?
            }
        };
        let primary_name = access.role(primary).map(|role| role.name().clone());
        Ok(Self {
            user: Some(user),
            name: entry.name().clone(),
            primary,
            primary_name: primary_name.ok_or_else(|| not_assigned(&primary.object()))?,
            secondary,
            held: Held::Free,
            of_primary: Reach::of(access, [primary]),
            of_all: Reach::of(access, std::iter::once(primary).chain(more)),
            roles: access.roles.clone(),
            users: access.users.clone(),
        })
    }

    /// Opened with a token: it makes no others.
    pub(crate) fn by_token(self) -> Self {
        let held = if self.held == Held::Free { Held::ByToken } else { self.held };
        Self { held, ..self }
    }

    /// Whether it may make and end tokens.
    pub(crate) fn is_free(&self) -> bool {
        self.held == Held::Free
    }

    /// USE ROLE.
    ///
    /// # Errors
    /// `Denied` for a role that the user does not have, or if a token holds
    /// the session to its role.
    pub fn use_role(&self, access: &Access, role: &Name) -> Result<Self> {
        if self.held == Held::ToRole && *role != self.primary_name {
            return Err(not_assigned(role));
        }
        let user = self.user.ok_or_else(|| not_assigned(role))?;
        let session = Self::open(access, user, Some(role), self.secondary.clone())?;
        Ok(Self { held: self.held, ..session })
    }

    /// USE SECONDARY ROLES.
    ///
    /// # Errors
    /// `Denied` for a role that the user does not have, or if a token holds
    /// the session to its role.
    pub fn use_secondary(&self, access: &Access, secondary: SecondaryRoles) -> Result<Self> {
        if self.held == Held::ToRole && secondary != SecondaryRoles::None {
            return Err(Error::new(
                Code::ROLE_NOT_ASSIGNED,
                format!("the token of this session is for role {} alone", self.primary_name),
            ));
        }
        let user = self.user.ok_or_else(|| not_assigned(&self.primary_name))?;
        let session = Self::in_role(access, user, self.primary, secondary)?;
        Ok(Self { held: self.held, ..session })
    }

    /// The session as `access` has it: itself unless roles or users changed.
    ///
    /// # Errors
    /// `Denied` if the user has lost its role or is disabled, `NotFound` if it
    /// is no more.
    pub fn current(&self, access: &Access) -> Result<Cow<'_, Self>> {
        if self.roles.same(&access.roles) && self.users.same(&access.users) {
            return Ok(Cow::Borrowed(self));
        }
        let Some(user) = self.user else {
            return Self::of_role(access, self.primary).map(Cow::Owned);
        };
        let entry = enabled(access, user)?;
        if !Reach::of(access, entry.has()).contains(self.primary) {
            return Err(not_assigned(&self.primary_name));
        }
        // A secondary role that was lost is no error: it gives nothing more.
        let secondary = match &self.secondary {
            SecondaryRoles::These(names) => {
                let mine = Reach::of(access, entry.has());
                let kept = names.iter().filter(|name| assigned(access, &mine, name).is_ok());
                SecondaryRoles::These(kept.cloned().collect())
            }
            other => other.clone(),
        };
        let session = Self::in_role(access, user, self.primary, secondary)?;
        Ok(Cow::Owned(Self { held: self.held, ..session }))
    }

    /// The user; nobody, when the engine itself acts for an owner.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The user's name; SYSTEM for the engine itself.
    pub fn user_name(&self) -> &Name {
        &self.name
    }

    /// The primary role's name.
    pub fn role_name(&self) -> &Name {
        &self.primary_name
    }

    /// The roles that USE ROLE takes, in the order of their names.
    pub fn available(&self, access: &Access) -> Vec<Name> {
        let entry = self.user.and_then(|user| access.user(user));
        let mine = match entry {
            Some(entry) if self.held != Held::ToRole => Reach::of(access, entry.has()),
            _ => Reach::of(access, [self.primary]),
        };
        let mut names: Vec<Name> = mine
            .iter()
            .filter_map(|role| access.role(role))
            .filter(|role| role.database().is_none())
            .map(|role| role.name().clone())
            .collect();
        names.sort();
        names
    }

    /// The role that owns what the session makes.
    pub fn primary(&self) -> RoleId {
        self.primary
    }

    /// The roles besides.
    pub fn secondary(&self) -> &SecondaryRoles {
        &self.secondary
    }

    /// IS_ROLE_IN_SESSION, for account and database roles: whether the
    /// session uses the role's privileges.
    pub fn has_role(&self, role: RoleId) -> bool {
        self.of_all.contains(role)
    }

    /// The user, if what was granted to it directly counts.
    pub(crate) fn counting_user(&self) -> Option<UserId> {
        self.user.filter(|_| self.secondary == SecondaryRoles::All)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {} in role {}", self.name, self.primary_name)
    }
}

/// The account role of a name, if it is among these. A database role is none
/// to be in.
fn assigned(access: &Access, mine: &Reach, name: &Name) -> Result<RoleId> {
    access.role_id(None, name).filter(|role| mine.contains(*role)).ok_or_else(|| not_assigned(name))
}

fn not_assigned(role: &impl fmt::Display) -> Error {
    Error::new(
        Code::ROLE_NOT_ASSIGNED,
        format!("requested role '{role}' is not assigned to the executing user"),
    )
    .with_help("specify another role to activate")
}

fn enabled(access: &Access, user: UserId) -> Result<&User> {
    let entry = access.user(user).ok_or_else(|| unknown_user(user))?;
    match entry.definition.disabled {
        true => {
            let what = format!("user {} is disabled", entry.name());
            Err(Error::new(Code::LOGIN_FAILED, what))
        }
        false => Ok(entry),
    }
}

fn unknown_user(user: UserId) -> Error {
    match Name::parse(&format!("\"{}\"", user.object())) {
        Ok(name) => absent(SecurableKind::User, &QualifiedName::bare(name)),
        Err(error) => error,
    }
}

//! Whom privileges are granted to.

use std::fmt;

use icecore_types::{
    GranteeRecord, MembershipRecord, Name, ObjectId, RoleDefinition, UserDefinition,
};

macro_rules! principal_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ObjectId);

        impl $name {
            /// The one that is stored as this object.
            pub const fn new(id: ObjectId) -> Self {
                Self(id)
            }

            /// The object that it is stored as.
            pub const fn object(self) -> ObjectId {
                self.0
            }
        }
    };
}

principal_id! {
    /// An account role or a database role: it stays through a rename.
    ///
    /// ```
    /// use icecore_governance::RoleId;
    /// assert_ne!(RoleId::SYSADMIN, RoleId::ACCOUNTADMIN);
    /// ```
    RoleId
}
principal_id! {
    /// A user: it stays through a rename.
    ///
    /// ```
    /// use icecore_governance::UserId;
    /// use icecore_types::ObjectId;
    /// let user = UserId::new(ObjectId::from_bits(9));
    /// assert_eq!(user.object(), ObjectId::from_bits(9));
    /// ```
    UserId
}

/// Ids that no generator makes: the version digit of a made one is never 0.
const SYSTEM: u128 = 0x1CEC_08E0_0000_0000_0000_0000_0000_0000;

impl RoleId {
    /// The role of what concerns the whole account.
    pub const ACCOUNTADMIN: RoleId = RoleId(ObjectId::from_bits(SYSTEM + 1));
    /// The role that manages grants.
    pub const SECURITYADMIN: RoleId = RoleId(ObjectId::from_bits(SYSTEM + 2));
    /// The role that makes users and roles.
    pub const USERADMIN: RoleId = RoleId(ObjectId::from_bits(SYSTEM + 3));
    /// The role that makes databases and warehouses.
    pub const SYSADMIN: RoleId = RoleId(ObjectId::from_bits(SYSTEM + 4));
    /// The role that everybody has.
    pub const PUBLIC: RoleId = RoleId(ObjectId::from_bits(SYSTEM + 5));

    /// The roles that exist without being made, and their names.
    pub const ALL_SYSTEM: [(RoleId, &'static str); 5] = [
        (Self::ACCOUNTADMIN, "ACCOUNTADMIN"),
        (Self::SECURITYADMIN, "SECURITYADMIN"),
        (Self::USERADMIN, "USERADMIN"),
        (Self::SYSADMIN, "SYSADMIN"),
        (Self::PUBLIC, "PUBLIC"),
    ];

    /// Which of them inherits which.
    pub(crate) const SYSTEM_MEMBERSHIPS: [(RoleId, RoleId); 3] = [
        (Self::ACCOUNTADMIN, Self::SECURITYADMIN),
        (Self::ACCOUNTADMIN, Self::SYSADMIN),
        (Self::SECURITYADMIN, Self::USERADMIN),
    ];

    /// Whether it exists without being made.
    pub fn is_system(self) -> bool {
        Self::ALL_SYSTEM.iter().any(|(id, _)| *id == self)
    }
}

impl UserId {
    /// The user that exists without being made.
    pub const DEFAULT: UserId = UserId(ObjectId::from_bits(SYSTEM + 6));
}

/// The account as a thing that privileges are on.
pub(crate) const ACCOUNT: ObjectId = ObjectId::from_bits(SYSTEM);

/// Who may hold a privilege or a role.
///
/// ```
/// use icecore_governance::{Grantee, RoleId};
/// assert_eq!(Grantee::Role(RoleId::PUBLIC).object(), RoleId::PUBLIC.object());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// An account or a database role.
    Role(RoleId),
    /// A user.
    User(UserId),
}

impl Grantee {
    /// The object that it is stored as.
    pub fn object(self) -> ObjectId {
        match self {
            Self::Role(role) => role.object(),
            Self::User(user) => user.object(),
        }
    }

    pub(crate) fn record(self) -> GranteeRecord {
        match self {
            Self::Role(role) => GranteeRecord::Role(role.object()),
            Self::User(user) => GranteeRecord::User(user.object()),
        }
    }

    pub(crate) fn of(record: GranteeRecord) -> Self {
        match record {
            GranteeRecord::Role(id) => Self::Role(RoleId::new(id)),
            GranteeRecord::User(id) => Self::User(UserId::new(id)),
        }
    }
}

/// A role of the access state.
///
/// ```
/// use icecore_governance::{Access, RoleId};
/// let access = Access::default();
/// let role = access.role(RoleId::SYSADMIN).expect("it is a system role");
/// assert_eq!((role.name().as_str(), role.owner()), ("SYSADMIN", None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub(crate) name: Name,
    pub(crate) database: Option<ObjectId>,
    pub(crate) owner: Option<RoleId>,
    pub(crate) definition: RoleDefinition,
}

impl Role {
    /// A role as it is stored: the owner of a system role counts for nothing.
    pub fn new(
        id: RoleId,
        (name, database): (Name, Option<ObjectId>),
        owner: RoleId,
        definition: RoleDefinition,
    ) -> Self {
        let owner = (!id.is_system()).then_some(owner);
        Self { name, database, owner, definition }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its database, if it is a database role.
    pub fn database(&self) -> Option<ObjectId> {
        self.database
    }

    /// The role that owns it; nobody owns a system role.
    pub fn owner(&self) -> Option<RoleId> {
        self.owner
    }

    /// Its stored body.
    pub fn definition(&self) -> &RoleDefinition {
        &self.definition
    }

    pub(crate) fn inherits(&self) -> impl Iterator<Item = RoleId> {
        roles_of(&self.definition.roles)
    }

    pub(crate) fn word(&self) -> &'static str {
        if self.database.is_some() { "DATABASE_ROLE" } else { "ROLE" }
    }
}

/// A user of the access state.
///
/// ```
/// use icecore_governance::{Access, UserId};
/// let access = Access::default();
/// let user = access.user(UserId::DEFAULT).expect("it exists without being made");
/// assert_eq!(user.name().as_str(), "ICECORE");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub(crate) name: Name,
    pub(crate) owner: RoleId,
    pub(crate) definition: UserDefinition,
}

impl User {
    /// A user as it is stored.
    pub fn new(name: Name, owner: RoleId, definition: UserDefinition) -> Self {
        Self { name, owner, definition }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The role that owns it.
    pub fn owner(&self) -> RoleId {
        self.owner
    }

    /// Its stored body.
    pub fn definition(&self) -> &UserDefinition {
        &self.definition
    }

    pub(crate) fn has(&self) -> impl Iterator<Item = RoleId> {
        roles_of(&self.definition.roles)
    }
}

fn roles_of(records: &[MembershipRecord]) -> impl Iterator<Item = RoleId> {
    records.iter().map(|record| RoleId::new(record.role))
}

/// A path of roles: the one that the session has, and each that the one before
/// inherits.
///
/// ```
/// use icecore_governance::RolePath;
/// use icecore_types::Name;
/// let path = RolePath::new(vec![Name::unquoted("a"), Name::unquoted("b")]);
/// assert_eq!(path.to_string(), "A > B");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePath(Vec<Name>);

impl RolePath {
    /// The roles in order.
    pub fn new(roles: Vec<Name>) -> Self {
        Self(roles)
    }

    /// The roles in order.
    pub fn roles(&self) -> &[Name] {
        &self.0
    }
}

impl fmt::Display for RolePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, role) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " > " };
            write!(f, "{separator}{role}")?;
        }
        Ok(())
    }
}

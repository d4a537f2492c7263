//! One thing that privileges are on, with what it is in.

use std::fmt;
use std::sync::Arc;

use icecore_types::{Code, Error, Name, ObjectId, QualifiedName};

use crate::principal::ACCOUNT;
use crate::{RoleId, SecurableKind};

/// A securable as the catalog has it in the version that is decided on. Its
/// owner is the catalog's: the access state keeps no second copy.
///
/// ```
/// use icecore_governance::{RoleId, Securable, SecurableKind};
/// use icecore_types::{ObjectId, QualifiedName};
///
/// let id = ObjectId::from_bits;
/// let name = QualifiedName::parse;
/// let owner = RoleId::SYSADMIN;
/// let database = Securable::new(id(1), SecurableKind::Database, name("d")?, owner);
/// let schema = Securable::new(id(2), SecurableKind::Schema, name("d.s")?, owner).within(database);
/// assert_eq!(schema.database(), Some(id(1)));
/// assert_eq!(schema.to_string(), "SCHEMA D.S");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Securable {
    id: ObjectId,
    kind: SecurableKind,
    name: QualifiedName,
    owner: RoleId,
    parent: Option<Arc<Securable>>,
}

impl Securable {
    /// One that is in nothing but the account.
    pub fn new(id: ObjectId, kind: SecurableKind, name: QualifiedName, owner: RoleId) -> Self {
        Self { id, kind, name, owner, parent: None }
    }

    /// The account itself.
    pub fn account(name: &Name) -> Self {
        let name = QualifiedName::bare(name.clone());
        Self::new(ACCOUNT, SecurableKind::Account, name, RoleId::ACCOUNTADMIN)
    }

    /// The same inside a container.
    #[must_use]
    pub fn within(mut self, parent: impl Into<Arc<Securable>>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// The same with another owner.
    #[must_use]
    pub fn owned_by(mut self, owner: RoleId) -> Self {
        self.owner = owner;
        self
    }

    /// Its id.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Its kind.
    pub fn kind(&self) -> SecurableKind {
        self.kind
    }

    /// Its full name.
    pub fn name(&self) -> &QualifiedName {
        &self.name
    }

    /// The role that owns it.
    pub fn owner(&self) -> RoleId {
        self.owner
    }

    /// What it is in.
    pub fn parent(&self) -> Option<&Securable> {
        self.parent.as_deref()
    }

    /// The databases and schemas that it is in, innermost first.
    pub fn containers(&self) -> impl Iterator<Item = &Securable> {
        std::iter::successors(self.parent(), |inner| inner.parent()).filter(|container| {
            matches!(container.kind, SecurableKind::Database | SecurableKind::Schema)
        })
    }

    /// The database that it is, or is in.
    pub fn database(&self) -> Option<ObjectId> {
        std::iter::once(self)
            .chain(self.containers())
            .find(|one| one.kind == SecurableKind::Database)
            .map(|database| database.id)
    }

    /// The one error of a securable that is missing and of one that may not
    /// be seen.
    pub fn absent(&self) -> Error {
        absent(self.kind, &self.name)
    }

    /// The error of one that may be seen, but not so used.
    pub fn insufficient(&self) -> Error {
        let what = self.kind.to_string().to_lowercase();
        Error::new(
            Code::INSUFFICIENT_PRIVILEGES,
            format!("insufficient privileges to operate on {what} '{}'", self.name),
        )
    }
}

/// The one error of a securable that is missing and of one that may not be
/// seen, for a name that nothing was found for.
pub(crate) fn absent(kind: SecurableKind, name: &QualifiedName) -> Error {
    use SecurableKind as K;
    let (code, what) = match kind {
        K::Database => (Code::OPERATION_IMPOSSIBLE, "database"),
        K::Schema => (Code::OPERATION_IMPOSSIBLE, "schema"),
        K::Account => (Code::OPERATION_IMPOSSIBLE, "account"),
        K::Role | K::DatabaseRole => (Code::OBJECT_NOT_FOUND, "role"),
        K::User => (Code::OBJECT_NOT_FOUND, "user"),
        // A name does not say which of the others it would be.
        _ => (Code::OBJECT_NOT_FOUND, "object"),
    };
    Error::new(code, format!("{what} '{name}' does not exist or not authorized"))
}

impl fmt::Display for Securable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

//! Catalog objects as a version has them.

use std::sync::Arc;

use icecore_types::{
    Body, Name, NameSpace, NetworkPolicyDefinition, ObjectId, ObjectKind, Result, TableDefinition,
    TablePolicies, TagDefinition, Timestamp, UserDefinition, Version, ViewDefinition,
};

/// A catalog object at a version. The log does not interpret its body.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// # use icecore_snapshot::{Account, OpenOptions, Transaction, Update};
/// # use icecore_types::{AccountId, Body, Name, ObjectId, ObjectKind, TransactionId, Version};
/// # let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
/// # let (id, name, owner) = (ObjectId::from_bits(2), Name::unquoted("d"), ObjectId::from_bits(1));
/// # let (kind, parent, body) = (ObjectKind::Database, None, Body::default());
/// let create = Update::CreateObject { id, kind, parent, name, owner, body };
/// let transaction = Transaction::new(TransactionId::from_bits(3), Version::ZERO);
/// account.commit(transaction.update(create)).await?;
/// let head = account.head();
/// let database = head.object(id).expect("it was just made");
/// assert!(database.is_live());
/// assert_eq!((database.created(), database.clone_group()), (Version::new(1), id));
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: ObjectKind,
    pub(crate) parent: Option<ObjectId>,
    pub(crate) name: Name,
    pub(crate) owner: ObjectId,
    pub(crate) body: Arc<Body>,
    pub(crate) created: Version,
    pub(crate) created_at: Timestamp,
    pub(crate) changed: Version,
    pub(crate) changed_at: Timestamp,
    pub(crate) dropped: Option<Dropped>,
    pub(crate) cloned_from: Option<ObjectId>,
    pub(crate) clone_group: ObjectId,
}

/// When and with what an object was dropped.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// # use icecore_snapshot::{Account, OpenOptions, Transaction, Update};
/// # use icecore_types::{AccountId, Body, Name, ObjectId, ObjectKind, TransactionId, Version};
/// # let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
/// # let (id, name, owner) = (ObjectId::from_bits(2), Name::unquoted("d"), ObjectId::from_bits(1));
/// # let (kind, parent, body) = (ObjectKind::Database, None, Body::default());
/// let create = Update::CreateObject { id, kind, parent, name, owner, body };
/// let transaction = Transaction::new(TransactionId::from_bits(3), Version::ZERO).update(create);
/// account.commit(transaction.update(Update::DropObject { id })).await?;
/// let head = account.head();
/// let dropped = head.object(id).and_then(|object| object.dropped()).expect("it was dropped");
/// assert_eq!((dropped.with(), dropped.at()), (id, head.time()));
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub(crate) version: Version,
    pub(crate) at: Timestamp,
    pub(crate) with: ObjectId,
}

impl Object {
    /// Its id for ever.
    pub const fn id(&self) -> ObjectId {
        self.id
    }

    /// What it is.
    pub const fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// The container it is in; for a dropped one, was in.
    pub const fn parent(&self) -> Option<ObjectId> {
        self.parent
    }

    /// Its name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The role that owns it.
    pub const fn owner(&self) -> ObjectId {
        self.owner
    }

    /// Its definition.
    pub const fn body(&self) -> &Arc<Body> {
        &self.body
    }

    /// The policies that are attached to it.
    ///
    /// # Errors
    /// `Corrupted` if its definition cannot be read.
    pub fn policies(&self) -> Result<TablePolicies> {
        match self.kind {
            ObjectKind::Table | ObjectKind::DynamicTable => {
                Ok(self.body.read::<TableDefinition>()?.policies)
            }
            ObjectKind::View => Ok(self.body.read::<ViewDefinition>()?.policies),
            _ => Ok(TablePolicies::default()),
        }
    }

    /// Whether it is a secure view.
    ///
    /// # Errors
    /// `Corrupted` if its definition cannot be read.
    pub fn is_secure(&self) -> Result<bool> {
        match self.kind {
            ObjectKind::View => Ok(self.body.read::<ViewDefinition>()?.secure),
            _ => Ok(false),
        }
    }

    /// The policies that it needs: those attached to it, those of the columns
    /// that have it as their tag, a user's network policy, the rules of one, the
    /// functions that measure it.
    ///
    /// # Errors
    /// `Corrupted` if its definition cannot be read.
    pub fn needed_policies(&self) -> Result<Vec<ObjectId>> {
        match self.kind {
            ObjectKind::Tag => Ok(self.body.read::<TagDefinition>()?.masks),
            ObjectKind::NetworkPolicy => {
                Ok(self.body.read::<NetworkPolicyDefinition>()?.rules().collect())
            }
            ObjectKind::User => {
                Ok(self.body.read::<UserDefinition>()?.network_policy.into_iter().collect())
            }
            ObjectKind::Table | ObjectKind::DynamicTable => {
                let table: TableDefinition = self.body.read()?;
                let functions = table.metrics.iter().filter_map(|it| it.source.function());
                Ok(table.policies.policies().chain(functions).collect())
            }
            _ => Ok(self.policies()?.policies().collect()),
        }
    }

    /// The version that made it.
    pub const fn created(&self) -> Version {
        self.created
    }

    /// When it was made.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The version that last changed its definition, name or place.
    pub const fn changed(&self) -> Version {
        self.changed
    }

    /// When that was.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// Whether and when it was dropped.
    pub const fn dropped(&self) -> Option<&Dropped> {
        self.dropped.as_ref()
    }

    /// Whether it can be found by its name.
    pub const fn is_live(&self) -> bool {
        self.dropped.is_none()
    }

    /// What it was copied from.
    pub const fn cloned_from(&self) -> Option<ObjectId> {
        self.cloned_from
    }

    /// Its oldest ancestor among clones; itself if it is no clone.
    pub const fn clone_group(&self) -> ObjectId {
        self.clone_group
    }

    /// What its name is unique among.
    pub(crate) fn place(&self) -> Place {
        (self.parent, self.kind.name_space(), self.name.clone())
    }
}

impl Dropped {
    /// The version that dropped it.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// When that was.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What the statement dropped: the object itself or a container of it.
    pub const fn with(&self) -> ObjectId {
        self.with
    }
}

/// Where a live object is found: container, kind of name, name.
pub(crate) type Place = (Option<ObjectId>, NameSpace, Name);

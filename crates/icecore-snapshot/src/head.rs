//! An account at a version, with its history: a value that never changes.

use std::sync::Arc;

use icecore_types::{
    AccountId, Body, Hash, Name, NameSpace, ObjectId, QueryId, RecordNumber, Timestamp,
    TransactionId, Version,
};
use rpds::RedBlackTreeMapSync;

use crate::access::AccessBodies;
use crate::apply::Effect;
use crate::blocks::Blocks;
use crate::content::ContentHistory;
use crate::history::History;
use crate::ids::Ids;
use crate::object::{Object, Place};
use crate::{Commit, PipeFiles, TableContent};

/// An account at a version, with its history. Reading it does no I/O, and
/// holding it keeps that version readable whatever is committed meanwhile.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// use icecore_snapshot::{Account, OpenOptions};
/// use icecore_types::{AccountId, Version};
///
/// let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
/// let head = account.head();
/// assert_eq!(head.version(), Version::ZERO);
/// assert_eq!(head.objects().count(), 0);
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Head {
    pub(crate) store: u128,
    pub(crate) account: AccountId,
    pub(crate) record: RecordNumber,
    pub(crate) record_hash: Option<Hash>,
    /// What each version was, from version 1.
    commits: Blocks<Committed>,
    /// The versions of transactions and of statements.
    ids: Ids,
    pub(crate) objects: RedBlackTreeMapSync<ObjectId, History<Arc<Object>>>,
    pub(crate) names: RedBlackTreeMapSync<Place, ObjectId>,
    pub(crate) dropped: RedBlackTreeMapSync<DroppedPlace, ()>,
    pub(crate) tables: RedBlackTreeMapSync<ObjectId, ContentHistory>,
    pub(crate) access: AccessBodies,
    /// Only what they know now: nobody reads it as of a version.
    pub(crate) pipes: RedBlackTreeMapSync<ObjectId, Arc<PipeFiles>>,
}

/// Where a dropped object is found: container, version of the drop, itself.
pub(crate) type DroppedPlace = (Option<ObjectId>, Version, ObjectId);

/// A version's transaction.
#[derive(Clone, Debug)]
struct Committed {
    time: Timestamp,
    record: RecordNumber,
    transaction: TransactionId,
    queries: Queries,
}

/// Mostly one: kept without an allocation of its own.
#[derive(Clone, Debug)]
enum Queries {
    One(QueryId),
    Many(Box<[QueryId]>),
}

impl Queries {
    fn of(queries: &[QueryId]) -> Self {
        match queries {
            [query] => Self::One(*query),
            many => Self::Many(many.into()),
        }
    }

    fn first(&self) -> Option<QueryId> {
        match self {
            Self::One(one) => Some(*one),
            Self::Many(many) => many.first().copied(),
        }
    }

    fn contains(&self, query: QueryId) -> bool {
        match self {
            Self::One(one) => *one == query,
            Self::Many(many) => many.contains(&query),
        }
    }
}

/// The kinds of change that one version made to a table's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(u8);

impl Changes {
    pub(crate) const APPEND: Self = Self(1);
    pub(crate) const DELETE: Self = Self(2);
    pub(crate) const TRUNCATE: Self = Self(4);
    pub(crate) const FOLD: Self = Self(8);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the rows are others than before; folding only moves them.
    pub(crate) const fn rows_differ(self) -> bool {
        self.0 & !Self::FOLD.0 != 0
    }
}

impl Head {
    /// An account before its first commit.
    pub(crate) fn empty(store: u128, account: AccountId) -> Self {
        Self {
            store,
            account,
            record: RecordNumber::ZERO,
            record_hash: None,
            commits: Blocks::new(),
            ids: Ids::default(),
            objects: RedBlackTreeMapSync::new_sync(),
            names: RedBlackTreeMapSync::new_sync(),
            dropped: RedBlackTreeMapSync::new_sync(),
            tables: RedBlackTreeMapSync::new_sync(),
            pipes: RedBlackTreeMapSync::new_sync(),
            access: AccessBodies::new(),
        }
    }

    /// Whose it is.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The latest version; 0 before the first commit.
    pub fn version(&self) -> Version {
        Version::new(self.commits.len() as u64)
    }

    /// The latest record.
    pub fn record(&self) -> RecordNumber {
        self.record
    }

    /// When the latest version was made; the epoch before the first commit.
    pub fn time(&self) -> Timestamp {
        self.commits.last().map_or(Timestamp::default(), |commit| commit.time)
    }

    /// The object as it is now, live or dropped.
    pub fn object(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(&id)?.last().map(|object| &**object)
    }

    /// The object as it was at a version, live or dropped.
    pub fn object_at(&self, id: ObjectId, version: Version) -> Option<&Object> {
        self.objects.get(&id)?.at(version).map(|object| &**object)
    }

    /// The live object of this name.
    pub fn lookup(
        &self,
        parent: Option<ObjectId>,
        space: NameSpace,
        name: &Name,
    ) -> Option<&Object> {
        self.object(*self.names.get(&(parent, space, name.clone()))?)
    }

    /// The live objects in a container, ordered by kind of name, then name.
    pub fn children(&self, parent: Option<ObjectId>) -> impl Iterator<Item = &Object> {
        let first: Place = (parent, NameSpace::Database, Name::quoted(""));
        self.names
            .range(first..)
            .take_while(move |(place, _)| place.0 == parent)
            .filter_map(|(_, id)| self.object(*id))
    }

    /// The dropped objects of a container, the most recently dropped first.
    pub fn dropped(&self, parent: Option<ObjectId>) -> Vec<&Object> {
        let first: DroppedPlace = (parent, Version::ZERO, ObjectId::from_bits(0));
        let mut found: Vec<&Object> = self
            .dropped
            .range(first..)
            .take_while(|(place, ())| place.0 == parent)
            .filter_map(|(place, ())| self.object(place.2))
            .collect();
        found.reverse();
        found
    }

    /// All objects as they are now, live and dropped, ordered by id.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().filter_map(|history| history.last()).map(|object| &**object)
    }

    /// The objects that were live in a container at a version, ordered by id.
    pub fn children_at(
        &self,
        parent: Option<ObjectId>,
        version: Version,
    ) -> impl Iterator<Item = &Object> {
        self.objects
            .values()
            .filter_map(move |history| history.at(version))
            .map(|object| &**object)
            .filter(move |object| object.parent == parent && object.is_live())
    }

    /// The object that had this name at a version.
    pub(crate) fn lookup_at(&self, place: &Place, version: Version) -> Option<&Object> {
        // A name that was never given or taken since means what it means now.
        let now = self.names.get(place).and_then(|id| self.object_at(*id, version));
        if now.is_some_and(|object| object.is_live() && object.place() == *place) {
            return now;
        }
        self.children_at(place.0, version).find(|object| object.place() == *place)
    }

    /// A table's content now; a dropped table's too.
    pub fn content(&self, table: ObjectId) -> Option<&Arc<TableContent>> {
        self.tables.get(&table).map(ContentHistory::last)
    }

    /// A table's content at a version; none before the table existed. The
    /// history of a clone begins with the clone.
    pub fn content_at(&self, table: ObjectId, version: Version) -> Option<Arc<TableContent>> {
        self.tables.get(&table)?.at(version)
    }

    /// The files that a pipe has dealt with; none if it has had none yet.
    pub fn pipe_files(&self, pipe: ObjectId) -> Option<&PipeFiles> {
        self.pipes.get(&pipe).map(|files| &**files)
    }

    /// What is granted on an object, or on the account.
    pub fn grants(&self, on: ObjectId) -> Option<&Arc<Body>> {
        self.access.grants(on)
    }

    /// How often a role, a user or what is granted on an object changed: the
    /// same number, the same access.
    pub fn access_changes(&self) -> usize {
        self.access.changes()
    }

    /// The roles, users and objects granted on that changed after the first
    /// `known` of these changes, in order; one may occur more than once.
    pub fn access_changed_after(&self, known: usize) -> impl Iterator<Item = ObjectId> {
        self.access.changed_after(known)
    }

    /// When the rows that a table had at a version were first changed after
    /// it; none if they are still current.
    pub fn superseded_at(&self, table: ObjectId, version: Version) -> Option<Timestamp> {
        let mut later = self.tables.get(&table)?.after(version);
        let (changed, _) = later.find(|(_, changes)| changes.rows_differ())?;
        self.time_of(changed)
    }

    /// The kinds of change that were made to a table's content after a version.
    pub(crate) fn changes_since(&self, table: ObjectId, version: Version) -> Changes {
        let Some(history) = self.tables.get(&table) else { return Changes::default() };
        history.after(version).fold(Changes::default(), |all, (_, changes)| all.with(changes))
    }

    /// The last version whose time is not after `time`; none if all are.
    pub fn version_at(&self, time: Timestamp) -> Option<Version> {
        let made = self.commits.partition(|commit| commit.time <= time);
        (made > 0).then(|| Version::new(made as u64))
    }

    /// When a version was made; none for version 0 and those to come.
    pub fn time_of(&self, version: Version) -> Option<Timestamp> {
        self.committed(version).map(|commit| commit.time)
    }

    /// The version that a statement committed, the latest if there are
    /// several. It looks at about as many versions as there are such.
    pub fn version_of(&self, query: QueryId) -> Option<Version> {
        self.latest(query.to_bits(), |commit| commit.queries.contains(query))
    }

    /// The statement that committed a version, the first if there are several.
    pub fn query_of(&self, version: Version) -> Option<QueryId> {
        self.committed(version).and_then(|commit| commit.queries.first())
    }

    /// The version that a transaction made. It looks at about one version.
    pub fn transaction_version(&self, transaction: TransactionId) -> Option<Version> {
        self.latest(transaction.to_bits(), |commit| commit.transaction == transaction)
    }

    fn latest(&self, id: u128, is: impl Fn(&Committed) -> bool) -> Option<Version> {
        let committed = |version| self.committed(Version::new(version)).is_some_and(&is);
        self.ids.latest(id, committed).map(Version::new)
    }

    /// The commit of a transaction that landed after `read`, which it must if
    /// it was planned at `read`.
    pub(crate) fn landed(&self, transaction: TransactionId, read: Version) -> Option<Commit> {
        let version = self.transaction_version(transaction).filter(|version| *version > read)?;
        let commit = self.committed(version)?;
        Some(Commit::new(transaction, version, commit.record, commit.time))
    }

    /// Makes the next version.
    pub(crate) fn push_commit(&mut self, effect: Effect) {
        self.commits.push(Committed {
            time: effect.time,
            record: self.record,
            transaction: effect.id,
            queries: Queries::of(effect.queries),
        });
        let version = self.version().get();
        self.ids.push(effect.id.to_bits(), version);
        effect.queries.iter().for_each(|query| self.ids.push(query.to_bits(), version));
    }

    fn committed(&self, version: Version) -> Option<&Committed> {
        let index = usize::try_from(version.previous()?.get()).ok()?;
        self.commits.get(index)
    }
}

#[cfg(test)]
mod memory;

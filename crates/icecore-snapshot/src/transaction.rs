//! A transaction is data: updates, and requirements on what it was planned
//! against.

use icecore_types::{
    Body, ChunkRef, Deletes, LoadRecord, Name, NameSpace, ObjectId, ObjectKind, PipeFile, QueryId,
    RecordNumber, SegmentId, SegmentRef, Timestamp, TransactionId, Version,
};
use serde::{Deserialize, Serialize};

/// One change of an account. The updates of a transaction apply in order, and
/// all or none of them.
///
/// ```
/// use icecore_snapshot::Update;
/// use icecore_types::ObjectId;
///
/// let table = ObjectId::from_bits(7);
/// let truncate = Update::Truncate { table, keep_loads: false };
/// assert_eq!(truncate.content_of(), Some(table));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Update {
    /// Makes an object; a table is empty.
    CreateObject {
        /// Its id for ever; never used before.
        id: ObjectId,
        /// What it is.
        kind: ObjectKind,
        /// A database has none, a schema its database, all else its schema.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<ObjectId>,
        /// Its name, free in its parent.
        name: Name,
        /// The role that owns it.
        owner: ObjectId,
        /// Its definition.
        body: Body,
    },
    /// Gives an object another definition.
    ReplaceBody {
        /// The object.
        id: ObjectId,
        /// The new definition.
        body: Body,
    },
    /// Gives an object another name, and perhaps another container.
    RenameObject {
        /// The object.
        id: ObjectId,
        /// The container it is in afterwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<ObjectId>,
        /// Its new name.
        name: Name,
    },
    /// Drops an object, and with a container all that is in it.
    DropObject {
        /// The object.
        id: ObjectId,
    },
    /// Puts a dropped object back, and with a container what was dropped with
    /// it.
    UndropObject {
        /// The object.
        id: ObjectId,
    },
    /// Copies an object, and with a container all that was in it, as of a
    /// version: rows as they were then, a table's definition as it is now.
    CloneObject {
        /// What is copied.
        source: ObjectId,
        /// The version that is copied.
        at: Version,
        /// The copy's id; copies inside it have [`ObjectId::within_clone`].
        id: ObjectId,
        /// The container of the copy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<ObjectId>,
        /// The copy's name.
        name: Name,
        /// The role that owns the copy and all in it.
        owner: ObjectId,
        /// What was in it and is not copied, since who clones it may not; of a
        /// quarantine the rows.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        without: Vec<ObjectId>,
    },
    /// Gives an object another owner.
    SetOwner {
        /// The object.
        id: ObjectId,
        /// The role that owns it afterwards.
        owner: ObjectId,
    },
    /// Says what is granted on an object: all of it, in place of what was.
    SetGrants {
        /// The object, or the account.
        on: ObjectId,
        /// Nothing, or what is granted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grants: Option<Body>,
    },
    /// Exchanges the places of two objects: ids keep content and history.
    SwapObjects {
        /// The one.
        a: ObjectId,
        /// The other.
        b: ObjectId,
    },
    /// Adds rows to a table.
    Append {
        /// The table.
        table: ObjectId,
        /// The rows.
        segments: Vec<SegmentRef>,
    },
    /// Adds rows that came from files, and remembers the files.
    Load {
        /// The table.
        table: ObjectId,
        /// The files.
        files: Vec<LoadRecord>,
        /// The rows.
        segments: Vec<SegmentRef>,
    },
    /// Replaces the deletion vectors of segments.
    SetDeletes {
        /// The table.
        table: ObjectId,
        /// Which segments, and all their deleted rows.
        deletes: Vec<(SegmentId, Deletes)>,
    },
    /// Removes whole segments.
    RemoveSegments {
        /// The table.
        table: ObjectId,
        /// The segments.
        segments: Vec<RemovedSegment>,
    },
    /// Removes all rows.
    Truncate {
        /// The table.
        table: ObjectId,
        /// Whether the files that were loaded stay known.
        keep_loads: bool,
    },
    /// Remembers files that a pipe has dealt with, by rows that the same
    /// transaction adds or by finding them unfit.
    PipeFiles {
        /// The pipe.
        pipe: ObjectId,
        /// The files.
        files: Vec<PipeFile>,
    },
    /// Moves segments into manifest chunks: the rows stay as they are.
    Fold {
        /// The table.
        table: ObjectId,
        /// The segments that are in the new chunks, or removed for good.
        folded: Vec<SegmentId>,
        /// The new chunks.
        chunks: Vec<ChunkRef>,
        /// Paths of the chunks that the new ones replace.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        replaced: Vec<String>,
    },
}

impl Update {
    /// The table whose rows this changes or rearranges.
    pub fn content_of(&self) -> Option<ObjectId> {
        match self {
            Self::Append { table, .. }
            | Self::Load { table, .. }
            | Self::SetDeletes { table, .. }
            | Self::RemoveSegments { table, .. }
            | Self::Truncate { table, .. }
            | Self::Fold { table, .. } => Some(*table),
            _ => None,
        }
    }
}

/// A segment that is taken out of a table, with what the log must know of it
/// when it stands in a chunk.
///
/// ```
/// use icecore_snapshot::RemovedSegment;
/// use icecore_types::{ObjectId, SegmentId, WriterId};
///
/// let id = SegmentId::new(WriterId::from_bits(1), 1);
/// let removed = RemovedSegment { id, table: ObjectId::from_bits(7), rows: 10, stored_bytes: 900 };
/// assert_eq!(removed.rows, 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedSegment {
    /// The segment.
    pub id: SegmentId,
    /// The table that first wrote it.
    pub table: ObjectId,
    /// Rows in it, deleted ones included.
    pub rows: u64,
    /// Bytes that storing it takes.
    pub stored_bytes: u64,
}

impl From<&SegmentRef> for RemovedSegment {
    fn from(segment: &SegmentRef) -> Self {
        Self {
            id: segment.id,
            table: segment.table,
            rows: segment.rows,
            stored_bytes: segment.stored_bytes(),
        }
    }
}

/// What must still be so when the transaction takes effect, besides what its
/// updates require by themselves. Never stored.
///
/// ```
/// use icecore_snapshot::{Requirement, Transaction};
/// use icecore_types::{ObjectId, TransactionId, Version};
///
/// let unchanged = Requirement::ContentUnchanged { table: ObjectId::from_bits(7) };
/// let transaction = Transaction::new(TransactionId::from_bits(1), Version::new(3)).require(unchanged);
/// assert_eq!(transaction.requirements.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// No live object has this name.
    NameFree {
        /// In this container.
        parent: Option<ObjectId>,
        /// Among these.
        space: NameSpace,
        /// The name.
        name: Name,
    },
    /// The name means the same object, or none, as at the read version.
    NameUnchanged {
        /// In this container.
        parent: Option<ObjectId>,
        /// Among these.
        space: NameSpace,
        /// The name.
        name: Name,
    },
    /// The object is live, with the definition and place it had at the read
    /// version.
    ObjectUnchanged {
        /// The object.
        id: ObjectId,
    },
    /// The table has the rows that it had at the read version.
    ContentUnchanged {
        /// The table.
        table: ObjectId,
    },
    /// No object that was changed since the read version has this policy, or a
    /// value of this tag.
    PolicyUnattached {
        /// The policy, or the tag.
        policy: ObjectId,
    },
}

/// What one commit does: built by a statement, validated against the head that
/// it meets.
///
/// ```
/// use icecore_snapshot::{Transaction, Update};
/// use icecore_types::{ObjectId, TransactionId, Version};
///
/// let transaction = Transaction::new(TransactionId::from_bits(1), Version::new(7))
///     .update(Update::DropObject { id: ObjectId::from_bits(2) });
/// assert_eq!(transaction.updates.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id before and after it has a version.
    pub id: TransactionId,
    /// The version that it was planned against.
    pub read_version: Version,
    /// The statements that it is the effect of.
    pub queries: Vec<QueryId>,
    /// What it changes, in order.
    pub updates: Vec<Update>,
    /// What must still hold.
    pub requirements: Vec<Requirement>,
    /// Segments of tables whose deletes among its own add to these, and not to
    /// those of the read version.
    pub(crate) extends: Vec<((ObjectId, SegmentId), Option<Deletes>)>,
}

impl Transaction {
    /// One that changes nothing yet.
    pub fn new(id: TransactionId, read_version: Version) -> Self {
        let (queries, updates, requirements) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, read_version, queries, updates, requirements, extends: Vec::new() }
    }

    /// Names a statement that this is the effect of.
    #[must_use]
    pub fn query(mut self, id: QueryId) -> Self {
        self.queries.push(id);
        self
    }

    /// Adds a change.
    #[must_use]
    pub fn update(mut self, update: Update) -> Self {
        self.updates.push(update);
        self
    }

    /// Adds a requirement.
    #[must_use]
    pub fn require(mut self, requirement: Requirement) -> Self {
        self.requirements.push(requirement);
        self
    }
}

/// A transaction that took effect.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// use icecore_snapshot::{Account, OpenOptions, Transaction};
/// use icecore_types::{AccountId, TransactionId, Version};
///
/// let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
/// let transaction = Transaction::new(TransactionId::from_bits(2), Version::ZERO);
/// assert_eq!(account.commit(transaction).await?.version(), Version::new(1));
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    transaction: TransactionId,
    version: Version,
    record: RecordNumber,
    time: Timestamp,
}

impl Commit {
    pub(crate) const fn new(
        transaction: TransactionId,
        version: Version,
        record: RecordNumber,
        time: Timestamp,
    ) -> Self {
        Self { transaction, version, record, time }
    }

    /// Which transaction.
    pub const fn transaction(&self) -> TransactionId {
        self.transaction
    }

    /// The version that it made.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The record that carries it.
    pub const fn record(&self) -> RecordNumber {
        self.record
    }

    /// When it took effect.
    pub const fn time(&self) -> Timestamp {
        self.time
    }
}

//! Versions: log, commit, head, clone, time travel, undrop, retention and collection.
//!
//! An account is a value that changes by commits. Its log is the truth, and a
//! [`Head`] is the account at a version, with its history: reading one does no
//! I/O. `docs/format.md` describes every stored byte, `docs/reliability.md`
//! what is promised and what proves it.
//!
//! ```
//! # futures::executor::block_on(async {
//! # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
//! use icecore_snapshot::{Account, OpenOptions, Transaction, Update};
//! use icecore_types::{AccountId, Body, Name, NameSpace, ObjectId, ObjectKind, TransactionId};
//!
//! let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
//! let (id, owner) = (ObjectId::from_bits(2), ObjectId::from_bits(1));
//! let (kind, name) = (ObjectKind::Database, Name::unquoted("retail"));
//! let body = Body::default();
//! let create = Update::CreateObject { id, kind, parent: None, name: name.clone(), owner, body };
//! let created = account
//!     .commit(Transaction::new(TransactionId::from_bits(3), account.head().version()).update(create))
//!     .await?;
//! account
//!     .commit(Transaction::new(TransactionId::from_bits(4), created.version())
//!         .update(Update::DropObject { id }))
//!     .await?;
//!
//! let head = account.head();
//! assert!(head.lookup(None, NameSpace::Database, &name).is_none());
//! assert!(head.object_at(id, created.version()).is_some_and(|object| object.is_live()));
//! # Ok::<(), icecore_types::Error>(()) }).unwrap();
//! ```

mod access;
mod account;
mod apply;
mod blocks;
mod checkpoint;
mod committer;
mod conflict;
mod content;
mod durable;
mod fold;
mod format;
mod frame;
mod head;
mod history;
mod ids;
mod journal;
mod log;
mod merging;
mod metrics;
mod object;
mod pipe;
mod record;
mod store;
mod timeline;
mod transaction;

pub use account::{Account, OpenOptions};
pub use apply::apply;
pub use conflict::{Verdict, validate};
pub use content::{SegmentGroup, TableContent};
pub use fold::{ChunkWriter, FoldedSegment};
pub use head::Head;
pub use journal::{AuditKey, Journal, JournalCheck, SealCheck};
pub use merging::{DeletesConflict, DeletesMerger};
pub use metrics::StorageMetrics;
pub use object::{Dropped, Object};
pub use pipe::{KnownFile, PipeFiles};
pub use record::Record;
pub use store::{Durability, StoreOptions, clocked_store, open_store, open_store_with};
pub use transaction::{Commit, RemovedSegment, Requirement, Transaction, Update};

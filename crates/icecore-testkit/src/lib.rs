//! Development only: an environment that stands still, and object stores that
//! count what is asked of them or fail on purpose.
//!
//! ```
//! use std::sync::Arc;
//! use icecore_testkit::{CountingStore, Verb, test_env};
//! use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = CountingStore::new(Arc::new(InMemory::new()));
//! let env = test_env(Arc::new(store.clone()));
//! env.store.put(&Path::from("a/b"), "rows".into()).await.unwrap();
//! assert_eq!(store.counts().of(Verb::Put).under("a").requests(), 1);
//! assert_eq!(store.counts().bytes(), 4);
//! # });
//! ```

mod counting;
mod environment;
mod fault;
mod faulty;
mod moto;
mod plan;
mod upload;

pub use counting::{CountingStore, Counts, Request, Verb};
pub use environment::{ImpatientTimer, TestEnv, test_env};
pub use fault::{Chances, Fault, Rule};
pub use faulty::FaultyStore;
pub use moto::Moto;

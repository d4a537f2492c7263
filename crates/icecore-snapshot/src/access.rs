//! What a head knows of roles, users and grants besides the objects themselves.

use std::sync::Arc;

use icecore_types::{Body, ObjectId, Version};
use rpds::RedBlackTreeMapSync;

use crate::blocks::Blocks;

/// The grants on each object, as they are now: nobody reads them as of a
/// version. And in which order roles, users and grants changed, so that
/// whoever keeps something made of them can follow.
#[derive(Clone, Debug)]
pub(crate) struct AccessBodies {
    grants: RedBlackTreeMapSync<ObjectId, (Version, Option<Arc<Body>>)>,
    changed: Blocks<ObjectId>,
}

impl AccessBodies {
    pub(crate) fn new() -> Self {
        Self { grants: RedBlackTreeMapSync::new_sync(), changed: Blocks::new() }
    }

    pub(crate) fn set_grants(&mut self, on: ObjectId, version: Version, grants: Option<&Body>) {
        self.grants.insert_mut(on, (version, grants.cloned().map(Arc::new)));
        self.touch(on);
    }

    /// A role, a user or the grants on an object are others now.
    pub(crate) fn touch(&mut self, id: ObjectId) {
        self.changed.push(id);
    }

    pub(crate) fn grants(&self, on: ObjectId) -> Option<&Arc<Body>> {
        self.grants.get(&on)?.1.as_ref()
    }

    /// The version that last said what is granted on an object.
    pub(crate) fn granted_at(&self, on: ObjectId) -> Option<Version> {
        self.grants.get(&on).map(|(version, _)| *version)
    }

    /// How often something of it changed.
    pub(crate) fn changes(&self) -> usize {
        self.changed.len()
    }

    /// What changed after the first `known` changes, in order.
    pub(crate) fn changed_after(&self, known: usize) -> impl Iterator<Item = ObjectId> {
        (known..self.changed.len()).filter_map(|index| self.changed.get(index).copied())
    }
}

//! What becomes of grants when objects are copied and go.

use icecore_types::ObjectId;

use crate::grants::Grants;
use crate::{Access, Securable};

impl Access {
    /// ALTER SCHEMA ENABLE or DISABLE MANAGED ACCESS, once it was authorised.
    #[must_use]
    pub fn with_managed_access(&self, schema: ObjectId, managed: bool) -> Self {
        let mut access = self.clone();
        let mut grants = self.grants_copy(schema);
        grants.managed = managed;
        access.set_grants(schema, grants);
        access
    }

    /// The grants of a copy: those of the original, made by the copy's owner
    /// where they were made by the original's. For a table with COPY GRANTS,
    /// and for everything inside a clone of a container; `future` for the
    /// container itself, whose own grants stay behind. What a role of another
    /// database held stays behind too.
    #[must_use]
    pub fn with_clone(&self, original: &Securable, copy: &Securable, future: bool) -> Self {
        let from = self.grants_copy(original.id());
        let mut access = self.clone();
        if future {
            let kept = from.without_entries();
            access.set_grants(copy.id(), kept);
        } else {
            let fits = |grantee| self.can_have(grantee, copy, false).is_ok();
            let gone: Vec<_> =
                from.iter().map(|(key, _)| *key).filter(|key| !fits(key.grantee)).collect();
            let mut kept = from;
            kept.remove_all(&gone);
            kept.future.retain(|key, _| fits(crate::Grantee::Role(key.grantee)));
            access.set_grants(copy.id(), kept);
            access.regrant(copy.id(), original.owner(), copy.owner());
        }
        access
    }

    /// An object that is gone for good. A dropped one keeps its grants, so
    /// that it comes back with them.
    #[must_use]
    pub fn without_object(&self, id: ObjectId) -> Self {
        let mut access = self.clone();
        access.set_grants(id, Grants::default());
        access
    }
}

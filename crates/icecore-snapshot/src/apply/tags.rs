//! Tags of what is copied or moved: a value that an object inherited protects
//! it wherever it goes.

use std::sync::Arc;

use icecore_types::{ObjectId, Result, TagValues};

use super::Draft;
use crate::object::Object;

impl Draft<'_> {
    /// Gives an object the values that it inherited from `from`, if what it is
    /// in now has others or none.
    pub(super) fn keep_inherited(&self, object: &mut Object, from: Option<ObjectId>) -> Result<()> {
        if from == object.parent || !object.kind.has_tags() {
            return Ok(());
        }
        let here = self.inherited(object.parent)?;
        let mut tags = object.body.tags()?;
        let before = tags.clone();
        for (tag, value) in self.inherited(from)? {
            if here.get(&tag) != Some(&value) {
                tags.own.entry(tag).or_insert(value);
            }
        }
        if tags != before {
            object.body = Arc::new(object.body.with_tags(&tags)?);
        }
        Ok(())
    }

    /// What is inherited by whatever is in a container; the nearest value wins.
    fn inherited(&self, container: Option<ObjectId>) -> Result<TagValues> {
        let mut values = TagValues::new();
        let mut next = container.and_then(|id| self.head.object(id));
        while let Some(object) = next {
            for (tag, value) in object.body.tags()?.own {
                values.entry(tag).or_insert(value);
            }
            next = object.parent.and_then(|id| self.head.object(id));
        }
        Ok(values)
    }
}

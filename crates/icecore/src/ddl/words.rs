//! How names and values are written in statements.

use icecore_snapshot::Object;
use icecore_types::{Name, ObjectId};

use crate::statement::Resolver;

/// How objects are named: those in the schema of what is described by their
/// own names, others in full.
pub(super) struct Words<'a> {
    pub(super) resolver: &'a Resolver,
    /// The schema whose objects need no more than their names.
    schema: Option<ObjectId>,
    full: bool,
}

impl<'a> Words<'a> {
    pub(super) fn new(resolver: &'a Resolver, of: &Object, full: bool) -> Self {
        Self { resolver, schema: of.parent(), full }
    }

    /// The same inside of a schema.
    pub(super) fn within(&self, schema: ObjectId) -> Self {
        Self { resolver: self.resolver, schema: Some(schema), full: self.full }
    }

    /// The name of an object that a statement makes or changes.
    pub(super) fn name(&self, object: &Object) -> String {
        self.name_of(object.id())
    }

    pub(super) fn name_of(&self, id: ObjectId) -> String {
        let path = self.resolver.path(id);
        let near = self.resolver.head().object(id).is_some_and(|it| it.parent() == self.schema);
        match (path.last(), near && !self.full) {
            (Some(name), true) => name.to_string(),
            _ => path.iter().map(Name::to_string).collect::<Vec<_>>().join("."),
        }
    }
}

/// A string constant.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// ` COMMENT = '..'`, if there is one.
pub(super) fn comment(comment: Option<&String>) -> String {
    comment.map(|text| format!(" COMMENT = {}", quoted(text))).unwrap_or_default()
}

/// ` DATA_RETENTION_TIME_IN_DAYS = n`, if it is said.
pub(super) fn retention(days: Option<u32>) -> String {
    days.map(|days| format!(" DATA_RETENTION_TIME_IN_DAYS = {days}")).unwrap_or_default()
}

/// `(a, b)`, or nothing.
pub(super) fn names(names: &[Name]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!(" ({})", names.iter().map(Name::to_string).collect::<Vec<_>>().join(", "))
}

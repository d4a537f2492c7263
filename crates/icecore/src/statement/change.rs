//! What a statement does to the catalog, as data: nothing is done yet.

use icecore_governance::Verb;
use icecore_snapshot::{Object, Requirement, Update};
use icecore_types::{
    Body, Code, Error, Name, ObjectId, ObjectKind, QualifiedName, Result, Secret, StageDefinition,
};

use super::Planning;
use super::resolver::Intent;
use crate::access::stage_kind;

/// Updates for one transaction, and what to say when they are committed.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) updates: Vec<Update>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) message: String,
    /// A table and a column of it that must hold no NULL.
    pub(crate) without_nulls: Option<(QualifiedName, Name)>,
    /// The database and schema that the session goes on in, if they change.
    pub(crate) go_to: Option<(Name, Option<Name>)>,
    /// A token that is made, and its text, which is shown this once.
    pub(crate) issued: Option<(Name, Secret)>,
}

impl Change {
    /// Nothing to do, and why.
    pub(crate) fn nothing(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(crate) fn one(update: Update, message: impl Into<String>) -> Self {
        Self { updates: vec![update], message: message.into(), ..Self::default() }
    }

    /// Holds only while the object's definition is the one that was read.
    pub(crate) fn requires_unchanged(mut self, id: ObjectId) -> Self {
        self.requirements.push(Requirement::ObjectUnchanged { id });
        self
    }
}

/// Where an object that is created goes.
pub(crate) enum Place {
    /// It is there already and stays.
    Taken,
    /// Below this parent, after dropping what has the name.
    Free { parent: Option<ObjectId>, replaced: Option<ObjectId> },
}

/// OR REPLACE and IF NOT EXISTS exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfExists {
    Fail,
    Replace,
    Keep,
}

impl IfExists {
    pub(crate) fn of(or_replace: bool, if_not_exists: bool) -> Self {
        match (or_replace, if_not_exists) {
            (true, _) => Self::Replace,
            (_, true) => Self::Keep,
            _ => Self::Fail,
        }
    }
}

impl Planning {
    /// Where a new object of this kind and name goes.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken and nothing else is said.
    pub(crate) fn place(
        &self,
        kind: ObjectKind,
        name: &QualifiedName,
        if_exists: IfExists,
    ) -> Result<Place> {
        reserved(kind, &name.name)?;
        let parent = self.resolver.parent_of(kind, name)?;
        match parent {
            Some(parent) => self.resolver.act(Verb::Create(kind), parent),
            None => self.resolver.intend(Intent::OnAccount(Verb::Create(kind))),
        }
        let taken =
            || Error::new(Code::ALREADY_EXISTS, format!("object '{}' already exists", name.name));
        let replaced = match (self.resolver.find(kind, name)?, if_exists) {
            (None, _) => None,
            (Some(_), IfExists::Keep) => return Ok(Place::Taken),
            (Some(found), IfExists::Replace) if found.kind() == kind => {
                self.resolver.act(Verb::Drop, found);
                self.refuse_needed(found)?;
                Some(found.id())
            }
            (Some(found), IfExists::Replace) => {
                return Err(
                    taken().with_help(format!("it is a {}: drop it first", found.kind().sql()))
                );
            }
            (Some(_), IfExists::Fail) => {
                return Err(
                    taken().with_help("CREATE OR REPLACE drops it first, IF NOT EXISTS keeps it")
                );
            }
        };
        Ok(Place::Free { parent: parent.map(Object::id), replaced })
    }

    /// The change that creates an object, unless it is there and stays.
    pub(crate) fn create(
        &self,
        kind: ObjectKind,
        name: &QualifiedName,
        if_exists: IfExists,
        body: Body,
    ) -> Result<(Option<ObjectId>, Change)> {
        self.create_managed((kind, false), name, if_exists, body)
    }

    /// The same; a schema can be one of managed access.
    pub(crate) fn create_managed(
        &self,
        (kind, managed): (ObjectKind, bool),
        name: &QualifiedName,
        if_exists: IfExists,
        body: Body,
    ) -> Result<(Option<ObjectId>, Change)> {
        let made_kind = match kind {
            ObjectKind::Stage => stage_kind(body.read::<StageDefinition>()?.location),
            kind => kind.into(),
        };
        let (parent, replaced) = match self.place(kind, name, if_exists)? {
            Place::Taken => return Ok((None, already_there(&name.name))),
            Place::Free { parent, replaced } => (parent, replaced),
        };
        let id = self.session.engine().next_object_id();
        let (owner, granted) =
            self.owner_of_made((made_kind, managed), id, (parent, &name.name))?;
        let mut updates: Vec<Update> =
            replaced.map(|id| Update::DropObject { id }).into_iter().collect();
        updates.push(Update::CreateObject {
            id,
            kind,
            parent,
            name: name.name.clone(),
            owner,
            body,
        });
        updates.extend(granted);
        let message = created(kind, &name.name);
        let mut requirements = vec![same_meaning(kind, parent, name)];
        if let Some(replaced) = replaced.and_then(|id| self.resolver.head().object(id)) {
            requirements.extend(self.refuse_needed(replaced)?);
        }
        Ok((Some(id), Change { updates, requirements, message, ..Change::default() }))
    }
}

/// The name means when the change is committed what it meant when it was read:
/// nothing, or the object that is replaced.
pub(crate) fn same_meaning(
    kind: ObjectKind,
    parent: Option<ObjectId>,
    name: &QualifiedName,
) -> Requirement {
    Requirement::NameUnchanged { parent, space: kind.name_space(), name: name.name.clone() }
}

/// Schemas and databases that the engine itself fills.
fn reserved(kind: ObjectKind, name: &Name) -> Result<()> {
    let taken = match kind {
        ObjectKind::Database => name.as_str() == crate::virtual_schema::SNOWFLAKE,
        ObjectKind::Schema => name.as_str() == crate::virtual_schema::INFORMATION_SCHEMA,
        _ => false,
    };
    if taken {
        return Err(Error::new(Code::ALREADY_EXISTS, format!("object '{name}' already exists"))
            .with_help("the engine keeps this name for itself"));
    }
    Ok(())
}

/// What CREATE .. IF NOT EXISTS says of an object that is there.
pub(crate) fn already_there(name: &Name) -> Change {
    Change::nothing(format!("{name} already exists, statement succeeded."))
}

/// What CREATE says.
pub(crate) fn created(kind: ObjectKind, name: &Name) -> String {
    match kind {
        ObjectKind::Stage => format!("Stage area {name} successfully created."),
        _ => format!("{} {name} successfully created.", title(kind)),
    }
}

/// The kind with a capital, as messages begin.
pub(crate) fn title(kind: ObjectKind) -> String {
    let lower = kind.sql().to_lowercase();
    let mut chars = lower.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

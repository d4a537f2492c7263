//! Looks names up in the snapshot that a statement reads, and remembers what
//! it is about to do with what it found.

use std::sync::Arc;
use std::time::Duration;

use icecore_governance::{RoleId, Verb};
use icecore_snapshot::{Head, Object, TableContent};
use icecore_types::{
    Code, ContainerDefinition, Error, Name, NameSpace, ObjectId, ObjectKind, QualifiedName, Result,
    TableDefinition, Timestamp, Version,
};
use parking_lot::Mutex;

use crate::access::{Acting, securable};

/// Days that history is kept if nobody says otherwise.
pub(crate) const DEFAULT_RETENTION_DAYS: u32 = 1;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A snapshot with the database and schema that complete a name.
pub(crate) struct Resolver {
    head: Arc<Head>,
    acting: Option<Arc<Acting>>,
    /// Whose rights count, if not the session's: the owner of the view that is
    /// being planned.
    owner: Option<RoleId>,
    database: Option<Name>,
    schema: Option<Name>,
    intents: Mutex<Vec<Intent>>,
}

/// What a statement is about to do; its decision is asked with the owners of
/// whichever version is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    On(Verb, ObjectId),
    /// With the rights of a role, and not the session's.
    OnAs(RoleId, Verb, ObjectId),
    OnAccount(Verb),
    OnSession,
}

impl Resolver {
    /// For names that the engine itself looks up: nobody asks, and nobody sees.
    pub(crate) fn new(head: Arc<Head>, database: Option<Name>, schema: Option<Name>) -> Self {
        Self { head, acting: None, owner: None, database, schema, intents: Mutex::default() }
    }

    /// For the names of somebody's statement.
    pub(crate) fn acting(mut self, acting: Arc<Acting>) -> Self {
        self.acting = Some(acting);
        self
    }

    /// The same snapshot, with other completions.
    pub(crate) fn in_schema(&self, (database, schema): (Option<Name>, Option<Name>)) -> Self {
        let (head, acting) = (Arc::clone(&self.head), self.acting.clone());
        let owner = self.owner;
        Self { head, acting, owner, database, schema, intents: Mutex::default() }
    }

    /// The same, with the rights of a role that owns something.
    pub(crate) fn with_rights_of(mut self, owner: ObjectId) -> Self {
        self.owner = Some(RoleId::new(owner));
        self
    }

    /// Who asks, if somebody does.
    pub(crate) fn who(&self) -> Option<&Arc<Acting>> {
        self.acting.as_ref()
    }

    /// Whether a listing of the session shows an object.
    pub(crate) fn sees(&self, object: &Object) -> bool {
        self.acting.as_ref().is_some_and(|acting| acting.sees(&self.head, object))
    }

    /// Asks for APPLY on a policy of a table that the statement does not name.
    ///
    /// # Errors
    /// That of the table, if the session does not see the policy.
    pub(crate) fn act_on_policy(&self, policy: &Object, table: &Object) -> Result<()> {
        if self.acting.is_some() && !self.sees(policy) {
            return Err(securable(&self.head, table)?.insufficient());
        }
        self.intend(Intent::On(Verb::Apply, policy.id()));
        Ok(())
    }

    /// Whether a name means an object to who asks: what they may not see is not
    /// there. A view's owner is asked when the statement is authorised, and
    /// the engine itself sees everything.
    fn is_visible(&self, object: &Object) -> bool {
        self.owner.is_some() || self.acting.is_none() || self.sees(object)
    }

    /// The same names for who grants on what they may not see.
    pub(crate) fn of_everything(&self) -> Self {
        Self::new(Arc::clone(&self.head), self.database.clone(), self.schema.clone())
    }

    /// The name of the role that owns an object.
    pub(crate) fn owner_name(&self, object: &Object) -> String {
        self.acting.as_ref().map(|acting| acting.owner_name(object)).unwrap_or_default()
    }

    pub(crate) fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// Remembers that the statement will do this to the object.
    pub(crate) fn act(&self, verb: Verb, object: &Object) {
        self.intend(match self.owner {
            Some(owner) => Intent::OnAs(owner, verb, object.id()),
            None => Intent::On(verb, object.id()),
        });
    }

    /// Remembers what the statement will do.
    pub(crate) fn intend(&self, intent: Intent) {
        self.intents.lock().push(intent);
    }

    /// Takes over what another resolver of the same statement remembered.
    pub(crate) fn take_intents(&self, other: &Resolver) {
        let taken = std::mem::take(&mut *other.intents.lock());
        self.intents.lock().extend(taken);
    }

    /// Forgets what a statement would do that is only explained.
    pub(crate) fn drain_intents(&self) -> Vec<Intent> {
        std::mem::take(&mut *self.intents.lock())
    }

    /// What the statement will do, as far as it was resolved.
    pub(crate) fn intents(&self) -> Vec<Intent> {
        self.intents.lock().clone()
    }

    fn current_database(&self) -> Result<&Name> {
        self.database.as_ref().ok_or_else(|| {
            Error::new(Code::OPERATION_IMPOSSIBLE, "this session has no current database")
                .with_help("choose one with USE DATABASE, or write database.schema.object")
        })
    }

    fn current_schema(&self) -> Result<&Name> {
        self.schema.as_ref().ok_or_else(|| {
            Error::new(Code::OPERATION_IMPOSSIBLE, "this session has no current schema")
                .with_help("choose one with USE SCHEMA, or write schema.object")
        })
    }

    /// The database of this name, or the current one.
    ///
    /// # Errors
    /// `NotFound` for one that is missing or not seen.
    pub(crate) fn database(&self, name: Option<&Name>) -> Result<&Object> {
        let name = name.map_or_else(|| self.current_database(), Ok)?;
        self.head
            .lookup(None, NameSpace::Database, name)
            .filter(|database| self.is_visible(database))
            .ok_or_else(|| missing(Code::OPERATION_IMPOSSIBLE, "database", name))
    }

    /// The schema of this name (a container's name: the database is its middle
    /// part), or the current one.
    pub(crate) fn schema(&self, name: Option<&QualifiedName>) -> Result<&Object> {
        let (database, schema) = match name {
            Some(name) => (name.schema.as_ref(), &name.name),
            None => (None, self.current_schema()?),
        };
        let database = self.database(database)?;
        self.head
            .lookup(Some(database.id()), NameSpace::Schema, schema)
            .filter(|schema| self.is_visible(schema))
            .ok_or_else(|| missing(Code::OPERATION_IMPOSSIBLE, "schema", schema))
    }

    /// The schema that an object of this name is or would be in.
    pub(crate) fn schema_of(&self, name: &QualifiedName) -> Result<&Object> {
        match &name.schema {
            None => self.schema(None),
            Some(schema) => self.schema(Some(&QualifiedName {
                database: None,
                schema: name.database.clone(),
                name: schema.clone(),
            })),
        }
    }

    /// The parent of an object of this kind and name: nothing for a database.
    pub(crate) fn parent_of(
        &self,
        kind: ObjectKind,
        name: &QualifiedName,
    ) -> Result<Option<&Object>> {
        match kind {
            ObjectKind::Database | ObjectKind::NetworkPolicy => Ok(None),
            ObjectKind::Schema => self.database(name.schema.as_ref()).map(Some),
            _ => self.schema_of(name).map(Some),
        }
    }

    /// The object of this kind and name, if it is there.
    ///
    /// # Errors
    /// `NotFound` if its parent is not there.
    pub(crate) fn find(&self, kind: ObjectKind, name: &QualifiedName) -> Result<Option<&Object>> {
        let parent = self.parent_of(kind, name)?.map(Object::id);
        Ok(self.head.lookup(parent, kind.name_space(), &name.name))
    }

    /// The object of this kind and name.
    ///
    /// # Errors
    /// `NotFound` if there is none, `InvalidInput` if the name is of another
    /// kind.
    pub(crate) fn object(&self, kind: ObjectKind, name: &QualifiedName) -> Result<&Object> {
        let found = match self.find(kind, name) {
            Ok(found) => found.filter(|object| self.is_visible(object)),
            Err(error) if kind.name_space() == NameSpace::Relation && name.schema.is_some() => {
                tracing::debug!(%error, "a container of the name is missing");
                return Err(unknown(name));
            }
            Err(error) => return Err(error),
        };
        match found {
            Some(object) if object.kind() == kind => Ok(object),
            Some(object) => Err(Error::new(
                Code::OPERATION_IMPOSSIBLE,
                format!("object '{name}' is a {}, not a {}", object.kind().sql(), kind.sql()),
            )),
            None => Err(unknown(name)),
        }
    }

    /// The table or view of this name.
    pub(crate) fn relation(&self, name: &QualifiedName) -> Result<&Object> {
        let found = self.find(ObjectKind::Table, name);
        match found.map(|found| found.filter(|object| self.is_visible(object))) {
            Ok(Some(object)) => Ok(object),
            Ok(None) => Err(unknown(name)),
            Err(_) if name.schema.is_some() => Err(unknown(name)),
            Err(error) => Err(error),
        }
    }

    /// A table's rows now.
    pub(crate) fn content(&self, table: &Object) -> Result<Arc<TableContent>> {
        self.head
            .content(table.id())
            .cloned()
            .ok_or_else(|| Error::internal(format_args!("table {} has no content", table.name())))
    }

    /// A table's rows at an earlier version.
    ///
    /// # Errors
    /// `SnapshotExpired` if it is older than the table, or than its retention.
    pub(crate) fn content_at(
        &self,
        table: &Object,
        version: Version,
        now: Timestamp,
    ) -> Result<Arc<TableContent>> {
        let content =
            self.head.content_at(table.id(), version).ok_or_else(|| unavailable(table))?;
        if let Some(superseded) = self.head.superseded_at(table.id(), version)
            && now.since(superseded) >= self.retention(table)
        {
            return Err(unavailable(table));
        }
        Ok(content)
    }

    /// How long the history of an object is kept: its own setting, or the
    /// nearest container's.
    pub(crate) fn retention(&self, object: &Object) -> Duration {
        DAY * self.retention_days(object)
    }

    /// The same in days.
    pub(crate) fn retention_days(&self, object: &Object) -> u32 {
        let mut next = Some(object);
        while let Some(object) = next {
            if let Some(days) = own_retention(object) {
                return days;
            }
            next = object.parent().and_then(|id| self.head.object(id));
        }
        DEFAULT_RETENTION_DAYS
    }

    /// The names of an object and what it is in, outermost first.
    pub(crate) fn path(&self, id: ObjectId) -> Vec<Name> {
        path(&self.head, id)
    }
}

/// The names of an object and what it is in, outermost first.
pub(crate) fn path(head: &Head, id: ObjectId) -> Vec<Name> {
    let mut path = Vec::new();
    let mut next = head.object(id);
    while let Some(object) = next {
        path.push(object.name().clone());
        next = object.parent().and_then(|id| head.object(id));
    }
    path.reverse();
    path
}

fn own_retention(object: &Object) -> Option<u32> {
    match object.kind() {
        ObjectKind::Table | ObjectKind::DynamicTable => {
            object.body().read::<TableDefinition>().ok()?.retention_days
        }
        ObjectKind::Database | ObjectKind::Schema => {
            object.body().read::<ContainerDefinition>().ok()?.retention_days
        }
        _ => None,
    }
}

fn missing(code: Code, what: &str, name: &Name) -> Error {
    Error::new(code, format!("{what} '{name}' does not exist or not authorized"))
}

/// A table, view, stage or format that is missing or may not be seen.
pub(crate) fn unknown(name: &QualifiedName) -> Error {
    Error::new(Code::OBJECT_NOT_FOUND, format!("object '{name}' does not exist or not authorized"))
}

/// No history at that point.
pub(crate) fn unavailable(object: &Object) -> Error {
    Error::new(
        Code::TIME_TRAVEL_UNAVAILABLE,
        format!(
            "time travel data is not available for {} {}: the requested time is either beyond \
             the allowed time travel period or before the object creation time",
            object.kind().sql().to_lowercase(),
            object.name()
        ),
    )
}

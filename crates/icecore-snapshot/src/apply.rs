//! What a record does to a head: pure, mechanical, the same on every replay.

mod clone;
mod tags;

use std::sync::Arc;

use icecore_types::{
    Body, Code, Error, Name, ObjectId, ObjectKind, PipeFile, Result, Timestamp, TransactionId,
    Version,
};

use crate::content::ContentHistory;
use crate::head::{Changes, Head};
use crate::history::History;
use crate::object::{Dropped, Object, Place};
use crate::{PipeFiles, Record, TableContent, Update};

/// The head after a record.
///
/// # Errors
/// `Corrupted` if the record does not follow this head or cannot be applied to
/// it: what was committed was validated, so its bytes or the log are damaged.
pub fn apply(head: &Head, record: &Record) -> Result<Head> {
    let mut next = head.clone();
    next.absorb(record)?;
    Ok(next)
}

impl Head {
    /// Becomes the head after `record`; after an error it is of no more use.
    pub(crate) fn absorb(&mut self, record: &Record) -> Result<()> {
        self.check_follows(record)?;
        self.record = record.number;
        self.record_hash = Some(record.hash);
        for transaction in &record.transactions {
            let effect = Effect {
                id: transaction.id,
                time: transaction.time,
                queries: &transaction.queries,
                updates: &transaction.updates,
            };
            self.take_effect(effect).map_err(|source| {
                let what = format!("record {} does not apply", record.number);
                Error::corrupted(what).with_source(source)
            })?;
        }
        Ok(())
    }

    fn check_follows(&self, record: &Record) -> Result<()> {
        let damaged =
            |what: &str| Err(Error::corrupted(format!("record {}: {what}", record.number)));
        if record.store != self.store || record.account != self.account {
            return damaged("it belongs to another store or account");
        }
        if record.number != self.record.next() || record.first_version != self.version().next() {
            return damaged("it is out of its place");
        }
        if record.previous != self.record_hash {
            return damaged("the record before it is not the one it followed");
        }
        if record.transactions.is_empty() {
            return damaged("it carries no transaction");
        }
        Ok(())
    }

    /// Makes the next version of it; after an error it is of no more use.
    pub(crate) fn take_effect(&mut self, effect: Effect) -> Result<Version> {
        let version = self.version().next();
        if version > Version::new(1) && effect.time <= self.time() {
            return Err(Error::internal("time did not go on between two versions"));
        }
        let mut draft = Draft { head: self, version, time: effect.time };
        for update in effect.updates {
            draft.update(update)?;
        }
        self.push_commit(effect);
        Ok(version)
    }
}

/// A transaction with its time: all that decides what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect<'a> {
    pub(crate) id: TransactionId,
    pub(crate) time: Timestamp,
    pub(crate) queries: &'a [icecore_types::QueryId],
    pub(crate) updates: &'a [Update],
}

/// A version in the making.
struct Draft<'a> {
    head: &'a mut Head,
    version: Version,
    time: Timestamp,
}

impl Draft<'_> {
    fn update(&mut self, update: &Update) -> Result<()> {
        match update {
            Update::CreateObject { id, kind, parent, name, owner, body } => {
                let new = self.new_object(*id, *kind, (*parent, name, *owner), body);
                self.create(new, Arc::default())
            }
            Update::ReplaceBody { id, body } => {
                let mut object = self.live(*id)?;
                object.body = Arc::new(body.clone());
                self.store(object);
                Ok(())
            }
            Update::SetOwner { id, owner } => {
                // A dropped object has an owner too: it may come back.
                let object = self.head.object(*id).cloned();
                let mut object = object.ok_or_else(|| missing(*id))?;
                object.owner = *owner;
                self.store(object);
                Ok(())
            }
            Update::SetGrants { on, grants } => {
                self.head.access.set_grants(*on, self.version, grants.as_ref());
                Ok(())
            }
            Update::RenameObject { id, parent, name } => self.rename(*id, *parent, name),
            Update::DropObject { id } => self.drop_object(*id),
            Update::UndropObject { id } => self.undrop(*id),
            Update::CloneObject { .. } => self.clone_object(update),
            Update::SwapObjects { a, b } => self.swap(*a, *b),
            Update::PipeFiles { pipe, files } => self.remember(*pipe, files),
            _ => self.update_content(update),
        }
    }

    fn update_content(&mut self, update: &Update) -> Result<()> {
        match update {
            Update::Append { table, segments } => {
                self.content(*table, Changes::APPEND, |content| content.append(segments))
            }
            Update::Load { table, files, segments } => {
                self.content(*table, Changes::APPEND, |content| {
                    content.remember(files);
                    content.append(segments)
                })
            }
            Update::SetDeletes { table, deletes } => {
                self.content(*table, Changes::DELETE, |content| content.set_deletes(deletes))
            }
            Update::RemoveSegments { table, segments } => {
                self.content(*table, Changes::DELETE, |content| content.remove(segments))
            }
            Update::Truncate { table, keep_loads } => {
                self.content(*table, Changes::TRUNCATE, |content| {
                    content.truncate(*keep_loads);
                    Ok(())
                })
            }
            Update::Fold { table, folded, chunks, replaced } => {
                self.content(*table, Changes::FOLD, |content| {
                    content.fold(folded, chunks, replaced)
                })
            }
            _ => Err(Error::internal("an update that changes no content")),
        }
    }

    fn new_object(
        &self,
        id: ObjectId,
        kind: ObjectKind,
        (parent, name, owner): (Option<ObjectId>, &Name, ObjectId),
        body: &Body,
    ) -> Object {
        Object {
            id,
            kind,
            parent,
            name: name.clone(),
            owner,
            body: Arc::new(body.clone()),
            created: self.version,
            created_at: self.time,
            changed: self.version,
            changed_at: self.time,
            dropped: None,
            cloned_from: None,
            clone_group: id,
        }
    }

    /// Adds an object; `content` is a table's first.
    fn create(&mut self, object: Object, content: Arc<TableContent>) -> Result<()> {
        if self.head.objects.contains_key(&object.id) {
            return Err(Error::internal(format!("the id is taken id={}", object.id)));
        }
        self.check_place(&object, &object.place())?;
        if object.kind.has_rows() {
            let history = ContentHistory::new(self.version, content);
            self.head.tables.insert_mut(object.id, history);
        }
        self.store(object);
        Ok(())
    }

    fn rename(&mut self, id: ObjectId, parent: Option<ObjectId>, name: &Name) -> Result<()> {
        let mut object = self.live(id)?;
        let place = (parent, object.kind.name_space(), name.clone());
        self.check_place(&object, &place)?;
        let from = std::mem::replace(&mut object.parent, parent);
        object.name = name.clone();
        self.keep_inherited(&mut object, from)?;
        self.store(object);
        Ok(())
    }

    fn swap(&mut self, a: ObjectId, b: ObjectId) -> Result<()> {
        let (mut first, mut second) = (self.live(a)?, self.live(b)?);
        if first.kind != second.kind {
            return Err(Error::new(Code::OPERATION_IMPOSSIBLE, "objects of two kinds cannot swap"));
        }
        std::mem::swap(&mut first.parent, &mut second.parent);
        std::mem::swap(&mut first.name, &mut second.name);
        self.keep_inherited(&mut first, second.parent)?;
        self.keep_inherited(&mut second, first.parent)?;
        self.store(first);
        self.store(second);
        Ok(())
    }

    fn drop_object(&mut self, id: ObjectId) -> Result<()> {
        let dropped = Dropped { version: self.version, at: self.time, with: id };
        let mut open = vec![self.live(id)?];
        while let Some(mut object) = open.pop() {
            open.extend(self.head.children(Some(object.id)).cloned());
            object.dropped = Some(dropped);
            self.store(object);
        }
        Ok(())
    }

    fn undrop(&mut self, id: ObjectId) -> Result<()> {
        let object = self.head.object(id).cloned().ok_or_else(|| missing(id))?;
        match object.dropped {
            None => return Err(taken(&object.name)),
            Some(dropped) if dropped.with != id => {
                let what = format!(
                    "{} '{}' was dropped with its container",
                    object.kind.sql(),
                    object.name
                );
                return Err(
                    Error::new(Code::OPERATION_IMPOSSIBLE, what).with_help("undrop the container")
                );
            }
            Some(_) => self.check_place(&object, &object.place())?,
        }
        let mut open = vec![object];
        while let Some(mut object) = open.pop() {
            let inside = self.head.dropped(Some(object.id)).into_iter();
            open.extend(
                inside.filter(|child| child.dropped.is_some_and(|it| it.with == id)).cloned(),
            );
            object.dropped = None;
            self.store(object);
        }
        Ok(())
    }

    /// Whether an object can stand at a place: the container is a live one of
    /// the right kind, and nothing else has the name.
    fn check_place(&self, object: &Object, place: &Place) -> Result<()> {
        let holder = match place.0 {
            None => None,
            Some(parent) => Some(self.live(parent)?.kind),
        };
        let fits = match object.kind {
            ObjectKind::Database | ObjectKind::User | ObjectKind::NetworkPolicy => holder.is_none(),
            ObjectKind::Schema => holder == Some(ObjectKind::Database),
            ObjectKind::Role => holder.is_none_or(|kind| kind == ObjectKind::Database),
            ObjectKind::Channel | ObjectKind::Quarantine => holder == Some(ObjectKind::Table),
            _ => holder == Some(ObjectKind::Schema),
        };
        if !fits {
            let what = format!("a {} cannot stand there", object.kind.sql());
            return Err(Error::internal(what));
        }
        match self.head.names.get(place) {
            Some(other) if *other != object.id => Err(taken(&place.2)),
            _ => Ok(()),
        }
    }

    fn live(&self, id: ObjectId) -> Result<Object> {
        let object = self.head.object(id).ok_or_else(|| missing(id))?;
        if object.is_live() { Ok(object.clone()) } else { Err(gone(object)) }
    }

    /// Records a new state of an object and keeps the indexes of names right.
    fn store(&mut self, mut object: Object) {
        (object.changed, object.changed_at) = (self.version, self.time);
        if let Some(before) = self.head.object(object.id) {
            let (place, dropped) = (before.place(), before.dropped);
            // Two objects that swap have each other's place for a moment.
            if dropped.is_none() && self.head.names.get(&place) == Some(&object.id) {
                self.head.names.remove_mut(&place);
            }
            if let Some(dropped) = dropped {
                self.head.dropped.remove_mut(&(place.0, dropped.version, object.id));
            }
        }
        match object.dropped {
            None => self.head.names.insert_mut(object.place(), object.id),
            Some(dropped) => {
                self.head.dropped.insert_mut((object.parent, dropped.version, object.id), ());
            }
        }
        if matches!(object.kind, ObjectKind::Role | ObjectKind::User) {
            self.head.access.touch(object.id);
        }
        let (id, object) = (object.id, Arc::new(object));
        match self.head.objects.get_mut(&id) {
            Some(history) => history.push(self.version, object),
            None => self.head.objects.insert_mut(id, History::new(self.version, object)),
        }
    }

    fn remember(&mut self, pipe: ObjectId, files: &[PipeFile]) -> Result<()> {
        if self.live(pipe)?.kind != ObjectKind::Pipe {
            return Err(Error::internal(format!("not a pipe id={pipe}")));
        }
        let known = self.head.pipes.get(&pipe);
        let mut known = known.map_or_else(PipeFiles::default, |known| PipeFiles::clone(known));
        known.remember(files, self.version, self.time);
        self.head.pipes.insert_mut(pipe, Arc::new(known));
        Ok(())
    }

    /// Records a new state of a table's content.
    fn content(
        &mut self,
        table: ObjectId,
        changes: Changes,
        change: impl FnOnce(&mut TableContent) -> Result<()>,
    ) -> Result<()> {
        self.live(table)?;
        let history = self.head.tables.get_mut(&table).ok_or_else(|| missing(table))?;
        let mut content = TableContent::clone(history.last());
        change(&mut content)?;
        history.push(self.version, Arc::new(content), changes);
        Ok(())
    }
}

pub(crate) fn missing(id: ObjectId) -> Error {
    Error::new(Code::OBJECT_NOT_FOUND, format!("object id={id} does not exist or not authorized"))
}

pub(crate) fn gone(object: &Object) -> Error {
    let what = format!("{} '{}' does not exist or not authorized", object.kind.sql(), object.name);
    Error::new(Code::OBJECT_NOT_FOUND, what).with_help("it was dropped: UNDROP puts it back")
}

pub(crate) fn taken(name: &Name) -> Error {
    Error::new(Code::ALREADY_EXISTS, format!("object '{name}' already exists"))
        .with_help("choose another name, or drop or rename the object that has it")
}

//! Whether a transaction may take effect on a head that others have changed
//! since it was planned: the conflict matrix.

mod merge;

use icecore_types::{
    Body, Code, Deletes, Error, LoadKey, LoadRecord, ObjectId, SegmentId, TableDefinition,
    Timestamp, Version,
};

use self::merge::Merged;
use crate::apply::{Effect, gone, taken};
use crate::head::{Changes, Head};
use crate::object::Object;
use crate::{DeletesConflict, Requirement, Transaction, Update};

/// What becomes of a transaction on a head.
///
/// ```
/// # futures::executor::block_on(async {
/// # let env = icecore_testkit::test_env(std::sync::Arc::new(object_store::memory::InMemory::new()));
/// use icecore_snapshot::{Account, OpenOptions, Transaction, Update, Verdict, validate};
/// use icecore_types::{AccountId, ObjectId, TransactionId, Version};
///
/// let account = Account::open(env, AccountId::from_bits(1), OpenOptions::default()).await?;
/// let drop_nothing = Transaction::new(TransactionId::from_bits(2), Version::ZERO)
///     .update(Update::DropObject { id: ObjectId::from_bits(3) });
/// assert!(matches!(validate(&account.head(), &drop_nothing), Verdict::Fail(_)));
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It takes effect at whatever version comes next: it names no position.
    /// If others deleted other rows of the same segments, its vectors are
    /// rebased on theirs.
    Ok,
    /// The statement must be run again: what it read has changed. Says what.
    Retry(String),
    /// It can never take effect.
    Fail(Error),
}

/// Why a transaction does not take effect.
pub(crate) enum Refusal {
    Retry(String),
    Fail(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Retry(what) => Self::new(Code::CONFLICT, what)
                .with_help("another transaction came first: run the statement again"),
            Refusal::Fail(error) => error,
        }
    }
}

/// What becomes of a transaction on this head. Pure: the same head and the
/// same transaction have the same verdict.
pub fn validate(head: &Head, transaction: &Transaction) -> Verdict {
    match attempt(head, transaction, head.time().plus(std::time::Duration::from_micros(1))) {
        Ok(_) => Verdict::Ok,
        Err(Refusal::Retry(what)) => Verdict::Retry(what),
        Err(Refusal::Fail(error)) => Verdict::Fail(error),
    }
}

/// A transaction that may take effect.
pub(crate) struct Accepted {
    /// The head after it.
    pub(crate) head: Head,
    /// Its updates as they take effect, if that is not as they were planned.
    pub(crate) rebased: Option<Vec<Update>>,
}

/// What comes of the transaction, if it may take effect.
pub(crate) fn attempt(
    head: &Head,
    transaction: &Transaction,
    time: Timestamp,
) -> Result<Accepted, Refusal> {
    if transaction.read_version > head.version() {
        return Err(Refusal::Fail(Error::internal("planned against a version to come")));
    }
    let since = Since::new(head, transaction);
    transaction.requirements.iter().try_for_each(|requirement| since.require(requirement))?;
    let mut rebased = None;
    if head.version() > transaction.read_version {
        for (at, update) in transaction.updates.iter().enumerate() {
            let Some(other) = since.check(update)? else { continue };
            let updates = rebased.get_or_insert_with(|| transaction.updates.clone());
            updates.splice(at..=at, [other]);
        }
    }
    let mut next = head.clone();
    next.take_effect(Effect {
        id: transaction.id,
        time,
        queries: &transaction.queries,
        updates: rebased.as_ref().unwrap_or(&transaction.updates),
    })?;
    Ok(Accepted { head: next, rebased })
}

/// The deletes of the transaction that cannot be judged before somebody has
/// read their vectors and those of others; none if one of them has to start
/// over anyway.
pub(crate) fn in_the_way(
    head: &Head,
    transaction: &Transaction,
) -> Option<Vec<(ObjectId, SegmentId, DeletesConflict)>> {
    let since = Since::new(head, transaction);
    let mut found = Vec::new();
    for update in &transaction.updates {
        let Update::SetDeletes { table, deletes } = update else { continue };
        let (now, then) = (head.content(*table)?, head.content_at(*table, since.read)?);
        for (segment, ours) in deletes {
            let before = since.extended(*table, *segment, then.deletes(*segment));
            let theirs = now.deletes(*segment);
            if before == theirs {
                continue;
            }
            match merge::merged(before, ours, theirs) {
                Merged::Both(_) => {}
                Merged::SameRow => return None,
                Merged::Elsewhere => {
                    let (before, theirs) = (before.cloned(), theirs.cloned());
                    let conflict = DeletesConflict { before, ours: ours.clone(), theirs };
                    found.push((*table, *segment, conflict));
                }
            }
        }
    }
    Some(found)
}

/// A head, seen from a version that somebody read.
struct Since<'a> {
    head: &'a Head,
    read: Version,
    extends: &'a [((ObjectId, SegmentId), Option<Deletes>)],
}

impl<'a> Since<'a> {
    fn new(head: &'a Head, transaction: &'a Transaction) -> Self {
        Self { head, read: transaction.read_version, extends: &transaction.extends }
    }

    /// What the transaction's deletes of a segment add to, if it is not what
    /// the read version had.
    fn extended<'b>(
        &'b self,
        table: ObjectId,
        segment: SegmentId,
        then: Option<&'b Deletes>,
    ) -> Option<&'b Deletes> {
        let later = self.extends.iter().find(|(of, _)| *of == (table, segment));
        later.map_or(then, |(_, deletes)| deletes.as_ref())
    }

    fn require(&self, requirement: &Requirement) -> Result<(), Refusal> {
        match requirement {
            Requirement::NameFree { parent, space, name } => {
                match self.head.lookup(*parent, *space, name) {
                    Some(_) => Err(taken(name).into()),
                    None => Ok(()),
                }
            }
            Requirement::NameUnchanged { parent, space, name } => {
                let place = (*parent, *space, name.clone());
                let now = self.head.lookup(*parent, *space, name).map(Object::id);
                let unchanged = self.head.version() == self.read
                    || self.head.lookup_at(&place, self.read).map(Object::id) == now;
                retry_unless(unchanged, || format!("the name was given or taken name={name}"))
            }
            Requirement::ObjectUnchanged { id } => {
                let Some(object) = self.existing(*id)? else {
                    return Err(crate::apply::missing(*id).into());
                };
                self.same_definition(object)?;
                self.same_place(object)
            }
            Requirement::PolicyUnattached { policy } => self.not_attached(*policy),
            Requirement::ContentUnchanged { table } => {
                let changed = self.head.changes_since(*table, self.read).rows_differ();
                retry_unless(!changed, || format!("the table was changed table={table}"))
            }
        }
    }

    fn not_attached(&self, policy: ObjectId) -> Result<(), Refusal> {
        for object in self.head.objects().filter(|object| object.changed() > self.read) {
            let attached = object.needed_policies()?.contains(&policy)
                || object.kind().has_tags() && object.body().tags()?.gives(policy);
            retry_unless(!attached, || format!("the policy was attached policy={policy}"))?;
        }
        Ok(())
    }

    /// One row of the matrix, by what was committed since. Gives the update as
    /// it must be now, if it is another.
    fn check(&self, update: &Update) -> Result<Option<Update>, Refusal> {
        if let Update::SetDeletes { table, deletes } = update {
            let merged = self.check_deletes(*table, deletes)?;
            return Ok(merged.map(|deletes| Update::SetDeletes { table: *table, deletes }));
        }
        self.check_object(update).map(|()| None)
    }

    fn check_object(&self, update: &Update) -> Result<(), Refusal> {
        match update {
            Update::CreateObject { .. } | Update::CloneObject { .. } => Ok(()),
            Update::UndropObject { .. } => Ok(()),
            Update::ReplaceBody { id, .. } => match self.existing(*id)? {
                Some(object) => self.same_definition(object),
                None => Ok(()),
            },
            Update::SetGrants { on, .. } => {
                let since = self.head.access.granted_at(*on);
                let same = since.is_none_or(|granted| granted <= self.read);
                retry_unless(same, || format!("the grants were changed object={on}"))
            }
            Update::SetOwner { id, .. } => match self.head.object(*id) {
                Some(object) => self.same_owner(object),
                None => Ok(()),
            },
            Update::DropObject { id } | Update::RenameObject { id, .. } => self.still_there(*id),
            Update::SwapObjects { a, b } => {
                self.still_there(*a)?;
                self.still_there(*b)
            }
            Update::PipeFiles { pipe, files } => {
                self.existing(*pipe)?;
                files.iter().try_for_each(|file| self.not_dealt_with(*pipe, &file.path))
            }
            _ => self.check_content(update),
        }
    }

    /// Of two transactions that deal with the same file, the second starts
    /// over, and finds that it is done.
    fn not_dealt_with(&self, pipe: ObjectId, path: &str) -> Result<(), Refusal> {
        let known = self.head.pipe_files(pipe).and_then(|files| files.file(path));
        let fine = known.is_none_or(|known| known.version <= self.read);
        retry_unless(fine, || format!("the pipe dealt with the file meanwhile file={path}"))
    }

    fn check_content(&self, update: &Update) -> Result<(), Refusal> {
        let Some(table) = update.content_of() else { return Ok(()) };
        let Some(object) = self.existing(table)? else { return Ok(()) };
        let changes = self.head.changes_since(table, self.read);
        match update {
            Update::Append { .. } => self.not_narrowed(object),
            Update::Load { files, .. } => {
                self.not_narrowed(object)?;
                files.iter().try_for_each(|file| self.not_loaded(table, file))
            }
            Update::RemoveSegments { segments, .. } => {
                self.rows_in_place(object, changes, segments.iter().map(|segment| segment.id))
            }
            Update::Truncate { .. } => {
                retry_unless(!changes.rows_differ(), || changed(object))?;
                self.same_definition(object)
            }
            Update::Fold { folded, .. } => {
                retry_unless(!changes.contains(Changes::FOLD), || changed(object))?;
                self.rows_in_place(object, changes, folded.iter().copied())
            }
            _ => Ok(()),
        }
    }

    /// Deletes of rows, merged with those that came since of other rows of the
    /// same segments; none if there were none.
    fn check_deletes(
        &self,
        table: ObjectId,
        deletes: &[(SegmentId, Deletes)],
    ) -> Result<Option<Vec<(SegmentId, Deletes)>>, Refusal> {
        let Some(object) = self.existing(table)? else { return Ok(None) };
        let changes = self.head.changes_since(table, self.read);
        self.not_narrowed(object)?;
        retry_unless(!changes.contains(Changes::TRUNCATE), || changed(object))?;
        let (true, Some(now), Some(then)) = (
            changes.contains(Changes::DELETE),
            self.head.content(table),
            self.head.content_at(table, self.read),
        ) else {
            return Ok(None);
        };
        let mut all = Vec::with_capacity(deletes.len());
        let mut is_merged = false;
        for (segment, ours) in deletes {
            retry_unless(!now.is_removed(*segment), || changed(object))?;
            let before = self.extended(table, *segment, then.deletes(*segment));
            let theirs = now.deletes(*segment);
            let mut ours = ours.clone();
            if before != theirs {
                let Merged::Both(both) = merge::merged(before, &ours, theirs) else {
                    return Err(Refusal::Retry(changed(object)));
                };
                (ours, is_merged) = (both, true);
            }
            all.push((*segment, ours));
        }
        Ok(is_merged.then_some(all))
    }

    /// The object, unless the transaction itself makes it.
    fn existing(&self, id: ObjectId) -> Result<Option<&Object>, Refusal> {
        match self.head.object(id) {
            Some(object) if !object.is_live() => Err(gone(object).into()),
            object => Ok(object),
        }
    }

    /// Live, and under the name by which it was found.
    fn still_there(&self, id: ObjectId) -> Result<(), Refusal> {
        self.existing(id)?.map_or(Ok(()), |object| self.same_place(object))
    }

    fn same_place(&self, object: &Object) -> Result<(), Refusal> {
        let before = self.head.object_at(object.id, self.read);
        let same = before.is_none_or(|before| before.place() == object.place());
        retry_unless(same, || format!("the object was renamed name={}", object.name))
    }

    fn same_definition(&self, object: &Object) -> Result<(), Refusal> {
        let before = self.head.object_at(object.id, self.read);
        let same = before.is_none_or(|before| before.body == object.body);
        retry_unless(same, || format!("the object was altered name={}", object.name))
    }

    fn same_owner(&self, object: &Object) -> Result<(), Refusal> {
        let before = self.head.object_at(object.id, self.read);
        let same = before.is_none_or(|before| before.owner == object.owner);
        retry_unless(same, || format!("the object has another owner name={}", object.name))
    }

    fn not_narrowed(&self, object: &Object) -> Result<(), Refusal> {
        let before = self.head.object_at(object.id, self.read);
        let fits = before.is_none_or(|before| takes_rows_of(&object.body, &before.body));
        retry_unless(fits, || format!("columns were dropped or changed name={}", object.name))
    }

    fn not_loaded(&self, table: ObjectId, file: &LoadRecord) -> Result<(), Refusal> {
        let key: &LoadKey = &file.key;
        let now = self.head.content(table).and_then(|content| content.load(key));
        let then = self.head.content_at(table, self.read);
        let then = then.as_ref().and_then(|content| content.load(key));
        retry_unless(now == then, || format!("the file was loaded meanwhile file={}", key.file))
    }

    /// Whether the rows of these segments are where and what they were.
    fn rows_in_place(
        &self,
        object: &Object,
        changes: Changes,
        mut segments: impl Iterator<Item = SegmentId>,
    ) -> Result<(), Refusal> {
        self.not_narrowed(object)?;
        retry_unless(!changes.contains(Changes::TRUNCATE), || changed(object))?;
        if !changes.contains(Changes::DELETE) {
            return Ok(());
        }
        let (Some(now), Some(then)) =
            (self.head.content(object.id), self.head.content_at(object.id, self.read))
        else {
            return Ok(());
        };
        let same = segments.all(|segment| {
            now.deletes(segment) == then.deletes(segment)
                && now.is_removed(segment) == then.is_removed(segment)
        });
        retry_unless(same, || changed(object))
    }
}

/// Whether rows that were made for the definition `before` fit into a table
/// that has the definition `now`: columns were at most added, with a value
/// for rows that lack them.
fn takes_rows_of(now: &Body, before: &Body) -> bool {
    if now == before {
        return true;
    }
    let (Ok(now), Ok(before)) = (now.read::<TableDefinition>(), before.read::<TableDefinition>())
    else {
        return false;
    };
    let kept = before.columns.iter().all(|old| {
        now.columns.iter().any(|new| {
            new.id == old.id && new.sql_type == old.sql_type && (old.not_null || !new.not_null)
        })
    });
    let filled = now.columns.iter().all(|new| {
        !new.not_null
            || new.value_before.is_some()
            || before.columns.iter().any(|old| old.id == new.id)
    });
    kept && filled
}

fn changed(object: &Object) -> String {
    format!("rows were changed meanwhile table={}", object.name)
}

fn retry_unless(fine: bool, why: impl FnOnce() -> String) -> Result<(), Refusal> {
    if fine { Ok(()) } else { Err(Refusal::Retry(why())) }
}

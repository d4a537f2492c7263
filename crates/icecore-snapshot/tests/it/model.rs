//! Random histories against a plain model: a map per version.

use std::collections::BTreeMap;
use std::sync::Arc;

use icecore_snapshot::{OpenOptions, Update};
use icecore_testkit::TestEnv;
use icecore_types::{NameSpace, ObjectId, ObjectKind, Version};
use object_store::memory::InMemory;
use proptest::prelude::*;

use crate::lab::{Lab, clone, create, deletes, image, name};

/// What a random step does; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Create { kind: usize, parent: usize, name: usize },
    Append { table: usize, rows: u64 },
    Delete { table: usize },
    Truncate { table: usize },
    Clone { source: usize, back: u64, parent: usize, name: usize },
    Drop { object: usize },
    Undrop { object: usize },
    Rename { object: usize, parent: usize, name: usize },
    Swap { a: usize, b: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0..64_usize;
    prop_oneof![
        4 => (0..3_usize, n(), 0..4_usize)
            .prop_map(|(kind, parent, name)| Step::Create { kind, parent, name }),
        6 => (n(), 1..9_u64).prop_map(|(table, rows)| Step::Append { table, rows }),
        2 => n().prop_map(|table| Step::Delete { table }),
        1 => n().prop_map(|table| Step::Truncate { table }),
        4 => (n(), 0..9_u64, n(), 0..4_usize).prop_map(|(source, back, parent, name)| {
            Step::Clone { source, back, parent, name }
        }),
        3 => n().prop_map(|object| Step::Drop { object }),
        3 => n().prop_map(|object| Step::Undrop { object }),
        2 => (n(), n(), 0..4_usize)
            .prop_map(|(object, parent, name)| Step::Rename { object, parent, name }),
        1 => (n(), n()).prop_map(|(a, b)| Step::Swap { a, b }),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    kind: ObjectKind,
    parent: Option<ObjectId>,
    name: usize,
    dropped_with: Option<ObjectId>,
    /// Rows of each segment, less the deleted ones.
    segments: Vec<u64>,
}

type State = BTreeMap<ObjectId, Entry>;

const KINDS: [ObjectKind; 3] = [ObjectKind::Database, ObjectKind::Schema, ObjectKind::Table];
const NAMES: [&str; 4] = ["A", "B", "C", "D"];

/// The model: all states there ever were.
struct Model {
    states: Vec<State>,
    next: u128,
}

impl Model {
    fn now(&self) -> &State {
        self.states.last().unwrap()
    }

    fn fits(kind: ObjectKind, parent: Option<ObjectKind>) -> bool {
        matches!(
            (kind, parent),
            (ObjectKind::Database, None)
                | (ObjectKind::Schema, Some(ObjectKind::Database))
                | (ObjectKind::Table, Some(ObjectKind::Schema))
        )
    }

    /// Whether an object may be called that there.
    fn free(state: &State, id: ObjectId, entry: &Entry) -> bool {
        let parent = match entry.parent {
            None => None,
            Some(parent) => match state.get(&parent) {
                Some(it) if it.dropped_with.is_none() => Some(it.kind),
                _ => return false,
            },
        };
        Self::fits(entry.kind, parent)
            && !state.iter().any(|(other, it)| {
                *other != id
                    && it.dropped_with.is_none()
                    && (it.kind, it.parent, it.name) == (entry.kind, entry.parent, entry.name)
            })
    }

    fn inside(state: &State, id: ObjectId) -> Vec<ObjectId> {
        let mut found = vec![id];
        let mut at = 0;
        while at < found.len() {
            let parent = found[at];
            found.extend(state.iter().filter(|(_, it)| it.parent == Some(parent)).map(|it| it.0));
            at += 1;
        }
        found
    }

    /// Makes the copies of a clone, or says that it cannot be made.
    fn cloned(
        then: &State,
        next: &mut State,
        source: ObjectId,
        id: ObjectId,
        (parent, name): (Option<ObjectId>, usize),
    ) -> bool {
        let Some(original) = then.get(&source).filter(|it| it.dropped_with.is_none()) else {
            return false;
        };
        let top = Entry { parent, name, ..original.clone() };
        if !Self::free(next, id, &top) {
            return false;
        }
        next.insert(id, top);
        for (child, entry) in then.iter().filter(|(_, it)| it.dropped_with.is_none()) {
            if *child == source || !Self::inside(then, source).contains(child) {
                continue;
            }
            let of = |it: ObjectId| if it == source { id } else { it.within_clone(id) };
            let copy = Entry { parent: entry.parent.map(of), ..entry.clone() };
            next.insert(child.within_clone(id), copy);
        }
        true
    }

    /// The update of a step with the state after it; none if the model says
    /// that it must be refused.
    fn plan(&mut self, step: &Step, lab: &Lab) -> (Update, Option<State>) {
        let now = self.now().clone();
        let ids: Vec<ObjectId> = now.keys().copied().collect();
        let nobody = ObjectId::from_bits(0);
        let any = |index: usize| ids.get(index % ids.len().max(1)).copied().unwrap_or(nobody);
        let holder = |kind: ObjectKind, index: usize| {
            let wanted = match kind {
                ObjectKind::Database => return None,
                ObjectKind::Schema => ObjectKind::Database,
                _ => ObjectKind::Schema,
            };
            let all: Vec<_> = now.iter().filter(|(_, it)| it.kind == wanted).collect();
            Some(all.get(index % all.len().max(1)).map_or(nobody, |(id, _)| **id))
        };
        let tables: Vec<ObjectId> =
            now.iter().filter(|(_, it)| it.kind == ObjectKind::Table).map(|(id, _)| *id).collect();
        let table =
            |index: usize| tables.get(index % tables.len().max(1)).copied().unwrap_or(nobody);
        let live = |id: ObjectId| now.get(&id).is_some_and(|it| it.dropped_with.is_none());
        self.next += 1;
        let fresh = ObjectId::from_bits(self.next);
        let mut next = now.clone();
        match step {
            Step::Create { kind, parent, name } => {
                let (kind, called) = (KINDS[*kind], NAMES[*name]);
                let parent = holder(kind, *parent);
                let entry =
                    Entry { kind, parent, name: *name, dropped_with: None, segments: Vec::new() };
                let fine = Self::free(&now, fresh, &entry);
                next.insert(fresh, entry);
                (create(fresh, kind, parent, called), fine.then_some(next))
            }
            Step::Append { table: index, rows } => {
                let table = table(*index);
                let update = Update::Append { table, segments: vec![lab.segment(table, *rows)] };
                let fine = live(table);
                if let Some(entry) = next.get_mut(&table) {
                    entry.segments.push(*rows);
                }
                (update, fine.then_some(next))
            }
            Step::Delete { table: index } => {
                let table = table(*index);
                let head = lab.head();
                let segments: Vec<_> = head
                    .content(table)
                    .map(|content| content.unfolded().cloned().collect())
                    .unwrap_or_default();
                let mut picked = Vec::new();
                for (at, segment) in segments.iter().enumerate().step_by(2) {
                    let entry = next.get_mut(&table).unwrap();
                    if entry.segments[at] > 0 {
                        entry.segments[at] -= 1;
                        picked.push(deletes(segment.id, segment.rows - entry.segments[at]));
                    }
                }
                let fine = live(table);
                (Update::SetDeletes { table, deletes: picked }, fine.then_some(next))
            }
            Step::Truncate { table: index } => {
                let table = table(*index);
                let fine = live(table);
                if let Some(entry) = next.get_mut(&table) {
                    entry.segments.clear();
                }
                (Update::Truncate { table, keep_loads: false }, fine.then_some(next))
            }
            Step::Clone { source, back, parent, name } => {
                let source = any(*source);
                let latest = self.states.len() as u64 - 1;
                let at = latest.saturating_sub(*back);
                let then = &self.states[at as usize];
                let kind = now.get(&source).map_or(ObjectKind::Table, |it| it.kind);
                let parent = holder(kind, *parent);
                let fine = Self::cloned(then, &mut next, source, fresh, (parent, *name));
                let update = clone(source, Version::new(at), fresh, parent, NAMES[*name]);
                (update, fine.then_some(next))
            }
            Step::Drop { object } => {
                let id = any(*object);
                for inside in Self::inside(&now, id) {
                    if let Some(entry) =
                        next.get_mut(&inside).filter(|it| it.dropped_with.is_none())
                    {
                        entry.dropped_with = Some(id);
                    }
                }
                (Update::DropObject { id }, live(id).then_some(next))
            }
            Step::Undrop { object } => {
                let dropped: Vec<_> = now
                    .iter()
                    .filter(|(_, it)| it.dropped_with.is_some())
                    .map(|it| *it.0)
                    .collect();
                let id = dropped.get(object % dropped.len().max(1)).copied().unwrap_or(nobody);
                let fine = now
                    .get(&id)
                    .is_some_and(|it| it.dropped_with == Some(id) && Self::free(&now, id, it));
                for entry in next.values_mut().filter(|it| it.dropped_with == Some(id)) {
                    entry.dropped_with = None;
                }
                (Update::UndropObject { id }, fine.then_some(next))
            }
            Step::Rename { object, parent, name: called } => {
                let id = any(*object);
                let kind = now.get(&id).map_or(ObjectKind::Table, |it| it.kind);
                let parent = holder(kind, *parent);
                let mut fine = false;
                if let Some(entry) = next.get_mut(&id) {
                    (entry.parent, entry.name) = (parent, *called);
                    fine = live(id) && Self::free(&now, id, entry);
                }
                let update = Update::RenameObject { id, parent, name: name(NAMES[*called]) };
                (update, fine.then_some(next))
            }
            Step::Swap { a, b } => {
                let (a, b) = (any(*a), any(*b));
                let fine = live(a) && live(b) && now[&a].kind == now[&b].kind;
                if fine {
                    let place = |id: ObjectId| (now[&id].parent, now[&id].name);
                    for (id, (parent, name)) in [(a, place(b)), (b, place(a))] {
                        if let Some(entry) = next.get_mut(&id) {
                            (entry.parent, entry.name) = (parent, name);
                        }
                    }
                }
                (Update::SwapObjects { a, b }, fine.then_some(next))
            }
        }
    }

    /// Every version reads as the model's.
    fn check(&self, lab: &Lab) {
        let head = lab.head();
        assert_eq!(head.version().get() as usize, self.states.len() - 1);
        for (version, state) in self.states.iter().enumerate() {
            let version = Version::new(version as u64);
            let there = head.objects().filter_map(|it| head.object_at(it.id(), version)).count();
            assert_eq!(there, state.len());
            for (id, entry) in state {
                let object = head.object_at(*id, version).unwrap();
                assert_eq!((object.kind(), object.parent()), (entry.kind, entry.parent));
                assert_eq!(object.name().as_str(), NAMES[entry.name]);
                assert_eq!(object.dropped().map(|it| it.with()), entry.dropped_with);
                if entry.kind == ObjectKind::Table {
                    let content = head.content_at(*id, version).unwrap();
                    assert_eq!(content.rows(), entry.segments.iter().sum::<u64>());
                    let rows = |it: &Arc<icecore_types::SegmentRef>| {
                        it.rows - content.deletes(it.id).map_or(0, |deletes| deletes.rows)
                    };
                    assert_eq!(content.unfolded().map(rows).collect::<Vec<_>>(), entry.segments);
                }
            }
        }
        for (id, entry) in self.now() {
            let found = head.lookup(entry.parent, space(entry.kind), &name(NAMES[entry.name]));
            let is_it = found.is_some_and(|it| it.id() == *id);
            assert_eq!(is_it, entry.dropped_with.is_none());
            let listed = head.dropped(entry.parent).iter().any(|it| it.id() == *id);
            assert_eq!(listed, entry.dropped_with.is_some());
        }
        let live = self.now().values().filter(|it| it.dropped_with.is_none()).count();
        let parents = head.objects().map(|it| Some(it.id())).chain([None]);
        assert_eq!(parents.map(|parent| head.children(parent).count()).sum::<usize>(), live);
    }
}

fn space(kind: ObjectKind) -> NameSpace {
    kind.name_space()
}

async fn run(steps: Vec<Step>) {
    let memory = Arc::new(InMemory::new());
    let options = OpenOptions { checkpoint_every_records: 5, ..OpenOptions::default() };
    let lab = Lab::with(TestEnv::new(memory.clone(), 1).env, options).await.unwrap();
    let mut model = Model { states: vec![State::new()], next: 0xABC0 };
    for step in &steps {
        let (update, next) = model.plan(step, &lab);
        match (lab.try_run(update.clone()).await, next) {
            (Ok(_), Some(next)) => model.states.push(next),
            (Err(_), None) => {}
            (Ok(_), None) => panic!("accepted, and should be refused: {update:?}"),
            (Err(error), Some(_)) => panic!("refused, and should be accepted: {update:?}: {error}"),
        }
    }
    model.check(&lab);
    assert_eq!(image(&Lab::open(memory, 2).await.head()), image(&lab.head()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
    #[test]
    fn random_histories_read_as_the_model_at_every_version(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(steps));
    }
}

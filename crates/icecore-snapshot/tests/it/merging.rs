//! Rows deleted of one segment by transactions that do not know each other,
//! against a plain set of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_snapshot::{DeletesConflict, DeletesMerger, Transaction, Update};
use icecore_types::{Deletes, DeletesRef, ErrorKind, Hash, ObjectRef, Result, SegmentId, Version};
use object_store::memory::InMemory;
use proptest::prelude::*;
use roaring::RoaringBitmap;

use crate::lab::{Lab, TABLE, image, positions};

const ROWS: u32 = 40;

/// Deletes `rows` as of the version `back` versions ago.
#[derive(Clone, Debug)]
struct Deleter {
    back: u64,
    segment: usize,
    rows: BTreeSet<u32>,
}

fn deleter() -> impl Strategy<Value = Deleter> {
    (0..5_u64, 0..2_usize, proptest::collection::btree_set(0..ROWS, 1..5))
        .prop_map(|(back, segment, rows)| Deleter { back, segment, rows })
}

fn deleted(lab: &Lab, segment: SegmentId, at: Version) -> BTreeSet<u32> {
    let content = lab.head().content_at(TABLE, at).unwrap();
    let Some(deletes) = content.deletes(segment) else { return BTreeSet::new() };
    let DeletesRef::Inline { bytes } = &deletes.location else { panic!("an object") };
    let rows = RoaringBitmap::deserialize_from(&bytes[..]).unwrap();
    assert_eq!(rows.len(), deletes.rows);
    rows.into_iter().collect()
}

async fn play(deleters: &[Deleter]) {
    let store = Arc::new(InMemory::new());
    let lab = Lab::open(store.clone(), 1).await;
    lab.furnish().await;
    let segments = [lab.segment(TABLE, u64::from(ROWS)), lab.segment(TABLE, u64::from(ROWS))];
    let first = lab.run(Update::Append { table: TABLE, segments: segments.to_vec() }).await;
    let mut model = [BTreeSet::<u32>::new(), BTreeSet::new()];
    for Deleter { back, segment, rows } in deleters {
        let now = lab.head().version();
        let read = Version::new(now.get().saturating_sub(*back)).max(first);
        let id = segments[*segment].id;
        let known = deleted(&lab, id, read);
        let ours: BTreeSet<u32> = rows.difference(&known).copied().collect();
        if ours.is_empty() {
            continue;
        }
        let deletes = vec![positions(id, known.union(&ours).copied())];
        let transaction = lab.transaction_at(read);
        let transaction = transaction.update(Update::SetDeletes { table: TABLE, deletes });
        let since = model[*segment].difference(&known);
        let overlap = since.copied().any(|row| ours.contains(&row));
        match lab.account.commit(transaction).await {
            Ok(_) => {
                assert!(!overlap, "a row was deleted twice");
                model[*segment].extend(ours);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict);
                assert!(overlap, "{error}: no row was deleted twice");
            }
        }
        for (segment, model) in segments.iter().zip(&model) {
            assert_eq!(&deleted(&lab, segment.id, lab.head().version()), model);
        }
        let left = 2 * u64::from(ROWS) - (model[0].len() + model[1].len()) as u64;
        assert_eq!(lab.rows(TABLE), left);
    }
    // What was merged stands in the log as it took effect.
    let again = Lab::open(store, 2).await;
    assert_eq!(image(&again.head()), image(&lab.head()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn other_rows_merge_and_the_same_row_is_deleted_once(
        deleters in proptest::collection::vec(deleter(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(&deleters));
    }
}

/// Two writers of one store: the second one's record is taken, and what it
/// puts at the next place is rebased.
#[tokio::test]
async fn two_processes_delete_of_one_segment() {
    let store = Arc::new(InMemory::new());
    let one = Lab::open(store.clone(), 1).await;
    one.furnish().await;
    let segment = one.segment(TABLE, 10);
    one.run(Update::Append { table: TABLE, segments: vec![segment.clone()] }).await;
    let two = Lab::open(store.clone(), 2).await;
    let delete = |lab: &Lab, row| -> Transaction {
        let deletes = vec![positions(segment.id, [row])];
        lab.transaction().update(Update::SetDeletes { table: TABLE, deletes })
    };
    let (first, second, same) = (delete(&one, 1), delete(&two, 2), delete(&two, 1));
    one.account.commit(first).await.unwrap();
    let landed = two.account.commit(second.clone()).await.unwrap();
    assert_eq!(deleted(&two, segment.id, landed.version()), [1, 2].into());
    assert_eq!(two.account.commit(same).await.unwrap_err().kind(), ErrorKind::Conflict);
    // Asked again, as after a lost answer: it is the one that landed.
    assert_eq!(two.account.commit(second).await.unwrap(), landed);
    one.account.refresh().await.unwrap();
    assert_eq!(image(&one.head()), image(&two.head()));
    assert_eq!(image(&Lab::open(store, 3).await.head()), image(&two.head()));
}

/// Vectors in objects, told apart by their paths.
#[derive(Default)]
struct Vectors(Mutex<BTreeMap<String, BTreeSet<u32>>>);

impl Vectors {
    fn store(&self, rows: BTreeSet<u32>) -> Deletes {
        let mut known = self.0.lock().unwrap();
        let path = format!("deletes/{}", known.len());
        let object = ObjectRef {
            path: path.as_str().into(),
            size_bytes: 1,
            hash: Hash::of(path.as_bytes()),
        };
        let deletes = Deletes { location: DeletesRef::Object(object), rows: rows.len() as u64 };
        known.insert(path, rows);
        deletes
    }

    fn read(&self, deletes: Option<&Deletes>) -> BTreeSet<u32> {
        match deletes.map(|deletes| &deletes.location) {
            None => BTreeSet::new(),
            Some(DeletesRef::Object(object)) => self.0.lock().unwrap()[&*object.path].clone(),
            Some(DeletesRef::Inline { bytes }) => {
                RoaringBitmap::deserialize_from(&bytes[..]).unwrap().into_iter().collect()
            }
        }
    }
}

impl DeletesMerger for Vectors {
    fn merge(&self, conflict: DeletesConflict) -> BoxFuture<'_, Result<Option<Deletes>>> {
        let before = self.read(conflict.before.as_ref());
        let ours = self.read(Some(&conflict.ours));
        let theirs = self.read(conflict.theirs.as_ref());
        let apart = ours.intersection(&theirs).copied().collect::<BTreeSet<_>>() == before;
        let both = apart.then(|| self.store(ours.union(&theirs).copied().collect()));
        async move { Ok(both) }.boxed()
    }
}

/// As vectors in records merge, so do those in objects, of whoever.
#[tokio::test]
async fn vectors_in_objects_merge_too() {
    let lab = Lab::open(Arc::new(InMemory::new()), 1).await;
    lab.furnish().await;
    let segment = lab.segment(TABLE, 20);
    let id = segment.id;
    lab.run(Update::Append { table: TABLE, segments: vec![segment] }).await;
    let vectors = Vectors::default();
    let planned = |deletes| {
        let deletes = vec![(id, deletes)];
        lab.transaction().update(Update::SetDeletes { table: TABLE, deletes })
    };
    let left = || vectors.read(lab.head().content(TABLE).unwrap().deletes(id));
    let object = |rows: &[u32]| planned(vectors.store(rows.iter().copied().collect()));
    let inline = |rows: &[u32]| planned(positions(id, rows.iter().copied()).1);
    // All of them planned before any of them is there.
    let plans = [object(&[1, 2]), object(&[3]), inline(&[4]), object(&[5, 6])];
    let (again, same) = (object(&[7, 3]), inline(&[6]));
    for plan in plans {
        lab.account.commit_merging(plan, &vectors).await.unwrap();
    }
    assert_eq!(left(), (1..7).collect());
    for refused in [again, same] {
        let error = lab.account.commit_merging(refused, &vectors).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "the same row");
    }
    // What adds to a vector that was merged, and what does not merge by itself.
    let (one, two) = (object(&[1, 2, 3, 4, 5, 6, 8]), object(&[1, 2, 3, 4, 5, 6, 9]));
    lab.account.commit(one).await.unwrap();
    assert_eq!(lab.account.commit(two.clone()).await.unwrap_err().kind(), ErrorKind::Conflict);
    lab.account.commit_merging(two, &vectors).await.unwrap();
    assert_eq!(left(), [1, 2, 3, 4, 5, 6, 8, 9].into());
    assert_eq!(lab.rows(TABLE), 12);
    // Deletes are not what a truncated table refuses.
    let late = object(&[1, 2, 3, 4, 5, 6, 8, 9, 10]);
    lab.run(Update::Truncate { table: TABLE, keep_loads: false }).await;
    let error = lab.account.commit_merging(late, &vectors).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_does_not_stand_in_the_record_is_not_merged() {
    let lab = Lab::open(Arc::new(InMemory::new()), 1).await;
    lab.furnish().await;
    let segment = lab.segment(TABLE, 10);
    lab.run(Update::Append { table: TABLE, segments: vec![segment.clone()] }).await;
    let object = ObjectRef { path: "deletes/1".into(), size_bytes: 1, hash: Hash::of(b"d") };
    let far = (segment.id, Deletes { location: DeletesRef::Object(object), rows: 1 });
    let planned = |deletes| {
        lab.transaction().update(Update::SetDeletes { table: TABLE, deletes: vec![deletes] })
    };
    let (far, near) = (planned(far), planned(positions(segment.id, [3])));
    lab.run(Update::SetDeletes { table: TABLE, deletes: vec![positions(segment.id, [2])] }).await;
    assert_eq!(lab.account.commit(far).await.unwrap_err().kind(), ErrorKind::Conflict);
    lab.account.commit(near).await.unwrap();
    assert_eq!(lab.rows(TABLE), 8);
}

//! The conflict matrix: every pair of what a transaction does and what was
//! committed since it was planned, in both orders.

use std::sync::Arc;

use icecore_snapshot::{RemovedSegment, Requirement, Transaction, Update, Verdict, validate};
use icecore_types::{
    Body, ChunkRef, ErrorKind, Hash, NameSpace, ObjectId, ObjectKind, ObjectRef, SegmentRef,
};
use object_store::memory::InMemory;

use crate::lab::{Lab, SCHEMA, TABLE, clone, columns, create, file, name, positions};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Append,
    Load,
    Delete,
    DeleteOtherRows,
    DeleteElsewhere,
    Remove,
    Fold,
    Truncate,
    AddColumn,
    DropColumn,
    Drop,
    Rename,
    Clone,
}

use Does::*;

const ALL: [Does; 13] = [
    Append,
    Load,
    Delete,
    DeleteOtherRows,
    DeleteElsewhere,
    Remove,
    Fold,
    Truncate,
    AddColumn,
    DropColumn,
    Drop,
    Rename,
    Clone,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fine,
    Retry,
    Fail,
}

/// STORAGE.md 4, written as rules over what exists: ours, theirs already there.
fn expected(ours: Does, theirs: Does) -> Outcome {
    let rewrites = |it: Does| matches!(it, Delete | DeleteOtherRows | DeleteElsewhere | Remove);
    match (ours, theirs) {
        (Clone, _) => Outcome::Fine,
        // A compaction that comes too late is dropped whatever the reason.
        (_, Drop) => Outcome::Fail,
        (Drop, Rename) | (Rename, Rename) => Outcome::Retry,
        (Drop | Rename, _) | (_, Rename | Clone) => Outcome::Fine,
        (AddColumn | DropColumn, AddColumn | DropColumn) => Outcome::Retry,
        (AddColumn | DropColumn, _) => Outcome::Fine,
        (Truncate, Fold) => Outcome::Fine,
        (Truncate, _) => Outcome::Retry,
        (_, DropColumn) => Outcome::Retry,
        (_, AddColumn) => Outcome::Fine,
        (Load, Load) => Outcome::Retry,
        (Append | Load, _) => Outcome::Fine,
        (Fold, Fold) => Outcome::Retry,
        (_, Truncate) => Outcome::Retry,
        (_, Append | Load | Fold) => Outcome::Fine,
        (DeleteElsewhere, DeleteElsewhere) => Outcome::Retry,
        (DeleteElsewhere, Delete | DeleteOtherRows | Remove) => Outcome::Fine,
        (Delete | DeleteOtherRows | Remove, DeleteElsewhere) => Outcome::Fine,
        (Delete, DeleteOtherRows) | (DeleteOtherRows, Delete) => Outcome::Fine,
        (ours, theirs) if rewrites(ours) && rewrites(theirs) => Outcome::Retry,
        (Fold, theirs) if rewrites(theirs) => Outcome::Retry,
        (ours, theirs) => panic!("not in the matrix: {ours:?} {theirs:?}"),
    }
}

/// Two segments of ten rows; what each does touches the first or the second.
fn update(lab: &Lab, does: Does, [one, two]: &[SegmentRef; 2], salt: u128) -> Update {
    let table = TABLE;
    let id = ObjectId::from_bits(1000 + salt);
    let set = |deletes| Update::SetDeletes { table, deletes };
    match does {
        Append => Update::Append { table, segments: vec![lab.segment(table, 1)] },
        Load => {
            let (files, segments) = (vec![file("same.csv")], vec![lab.segment(table, 1)]);
            Update::Load { table, files, segments }
        }
        // Both orders have a row in common.
        Delete => set(vec![positions(one.id, [1, 2 + salt as u32])]),
        DeleteOtherRows => set(vec![positions(one.id, [5, 6 + salt as u32])]),
        DeleteElsewhere => set(vec![positions(two.id, [1])]),
        Remove => Update::RemoveSegments { table, segments: vec![RemovedSegment::from(one)] },
        Fold => fold(&[one.clone(), two.clone()], salt),
        Truncate => Update::Truncate { table, keep_loads: false },
        AddColumn => Update::ReplaceBody { id: table, body: columns(&[1, 2, 3 + salt as u32]) },
        DropColumn => Update::ReplaceBody { id: table, body: columns(&[1]) },
        Drop => Update::DropObject { id: table },
        Rename => {
            let (parent, called) = (Some(SCHEMA), name(&format!("N{salt}")));
            Update::RenameObject { id: table, parent, name: called }
        }
        Clone => {
            let at = lab.head().object(table).unwrap().created();
            clone(table, at, id, Some(SCHEMA), &format!("C{salt}"))
        }
    }
}

fn fold(segments: &[SegmentRef], salt: u128) -> Update {
    let object = ObjectRef {
        path: format!("manifest/{salt}").into(),
        size_bytes: 1,
        hash: Hash::of(b"chunk"),
    };
    let chunk = ChunkRef {
        table: TABLE,
        object,
        footer_bytes: 1,
        footer_hash: Hash::of(b"footer"),
        segments: segments.len() as u64,
        rows: segments.iter().map(|it| it.rows).sum(),
        stored_bytes: segments.iter().map(SegmentRef::stored_bytes).sum(),
        statistics: "".into(),
    };
    let folded = segments.iter().map(|it| it.id).collect();
    Update::Fold { table: TABLE, folded, chunks: vec![chunk], replaced: Vec::new() }
}

async fn pair(ours: Does, theirs: Does) -> (Outcome, Outcome) {
    let lab = Lab::open(Arc::new(InMemory::new()), 1).await;
    lab.furnish().await;
    let segments = [lab.segment(TABLE, 10), lab.segment(TABLE, 10)];
    lab.run(Update::Append { table: TABLE, segments: segments.to_vec() }).await;

    let mine = lab.transaction().update(update(&lab, ours, &segments, 0));
    let other = lab.transaction().update(update(&lab, theirs, &segments, 1));
    assert!(matches!(validate(&lab.head(), &mine), Verdict::Ok), "{ours:?} alone");
    assert!(matches!(validate(&lab.head(), &other), Verdict::Ok), "{theirs:?} alone");
    lab.account.commit(other).await.unwrap();
    let verdict = match validate(&lab.head(), &mine) {
        Verdict::Ok => Outcome::Fine,
        Verdict::Retry(_) => Outcome::Retry,
        Verdict::Fail(_) => Outcome::Fail,
    };
    let outcome = match lab.account.commit(mine).await {
        Ok(_) => Outcome::Fine,
        Err(error) if error.kind() == ErrorKind::Conflict => Outcome::Retry,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{ours:?} {theirs:?} {error}");
            Outcome::Fail
        }
    };
    (verdict, outcome)
}

#[tokio::test]
async fn every_pair_in_both_orders() {
    for ours in ALL {
        for theirs in ALL {
            let expected = expected(ours, theirs);
            assert_eq!(pair(ours, theirs).await, (expected, expected), "{ours:?} {theirs:?}");
        }
    }
}

async fn lab() -> (Lab, Transaction) {
    let lab = Lab::open(Arc::new(InMemory::new()), 1).await;
    lab.furnish().await;
    let transaction = lab.transaction();
    (lab, transaction)
}

fn verdict(lab: &Lab, transaction: &Transaction) -> Outcome {
    match validate(&lab.head(), transaction) {
        Verdict::Ok => Outcome::Fine,
        Verdict::Retry(_) => Outcome::Retry,
        Verdict::Fail(_) => Outcome::Fail,
    }
}

#[tokio::test]
async fn requirements_hold_or_refuse() {
    let (lab, planned) = lab().await;
    let (parent, space) = (Some(SCHEMA), NameSpace::Relation);
    let free = |called| Requirement::NameFree { parent, space, name: name(called) };
    let same = |called| Requirement::NameUnchanged { parent, space, name: name(called) };
    let definition = Requirement::ObjectUnchanged { id: TABLE };
    let content = Requirement::ContentUnchanged { table: TABLE };
    let judge = |lab: &Lab, requirement: &Requirement| {
        verdict(lab, &planned.clone().require(requirement.clone()))
    };
    assert_eq!(judge(&lab, &free("U")), Outcome::Fine);
    assert_eq!(judge(&lab, &free("T")), Outcome::Fail);
    for fine in [same("T"), same("U"), definition.clone(), content.clone()] {
        assert_eq!(judge(&lab, &fine), Outcome::Fine, "{fine:?}");
    }

    lab.append(TABLE, 1).await;
    assert_eq!(judge(&lab, &content), Outcome::Retry);
    assert_eq!(judge(&lab, &definition), Outcome::Fine);
    lab.run(create(ObjectId::from_bits(50), ObjectKind::Table, parent, "U")).await;
    assert_eq!(judge(&lab, &same("U")), Outcome::Retry);
    assert_eq!(judge(&lab, &same("T")), Outcome::Fine);
    lab.run(Update::ReplaceBody { id: TABLE, body: columns(&[1]) }).await;
    assert_eq!(judge(&lab, &definition), Outcome::Retry);
    lab.run(Update::DropObject { id: TABLE }).await;
    assert_eq!(judge(&lab, &definition), Outcome::Fail);
    assert_eq!(judge(&lab, &same("T")), Outcome::Retry);
    lab.run(create(ObjectId::from_bits(51), ObjectKind::Table, parent, "T")).await;
    assert_eq!(judge(&lab, &same("T")), Outcome::Retry, "another object by the same name");
}

#[tokio::test]
async fn a_file_is_loaded_once_or_by_force() {
    let (lab, planned) = lab().await;
    let load = |lab: &Lab, rows| {
        let (files, segments) = (vec![file("a.csv")], vec![lab.segment(TABLE, rows)]);
        Update::Load { table: TABLE, files, segments }
    };
    let late = planned.update(load(&lab, 2));
    lab.run(load(&lab, 1)).await;
    assert_eq!(verdict(&lab, &late), Outcome::Retry);
    // Who knows that it was loaded, and loads it all the same, means it.
    lab.run(load(&lab, 4)).await;
    assert_eq!(lab.rows(TABLE), 5);
    assert_eq!(lab.head().content(TABLE).unwrap().loads().count(), 1);
}

#[tokio::test]
async fn a_transaction_conflicts_with_no_change_of_its_own() {
    let (lab, planned) = lab().await;
    let id = ObjectId::from_bits(60);
    lab.append(TABLE, 1).await;
    let whole = planned
        .update(create(id, ObjectKind::Table, Some(SCHEMA), "NEW"))
        .update(Update::Append { table: id, segments: vec![lab.segment(id, 5)] })
        .update(Update::Truncate { table: id, keep_loads: false })
        .update(Update::Append { table: id, segments: vec![lab.segment(id, 7)] })
        .update(Update::ReplaceBody { id, body: Body::default() });
    lab.account.commit(whole).await.unwrap();
    assert_eq!(lab.rows(id), 7);
}

#[tokio::test]
async fn nothing_of_a_refused_transaction_is_visible() {
    let (lab, planned) = lab().await;
    let half = planned
        .update(Update::Append { table: TABLE, segments: vec![lab.segment(TABLE, 5)] })
        .update(Update::DropObject { id: ObjectId::from_bits(70) });
    assert!(lab.account.commit(half).await.is_err());
    assert_eq!(lab.rows(TABLE), 0);
}

//! Creating, changing, cloning, dropping, restoring and travelling, read back
//! after opening again, in memory and on a local disk.

use std::sync::Arc;

use icecore_snapshot::{Durability, Update, open_store};
use icecore_types::{
    Body, Code, NameSpace, ObjectId, ObjectKind, QueryId, StageDefinition, StageLocation,
    Timestamp, Version,
};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::lab::{
    DATABASE, Lab, OTHER_ROLE, ROLE, SCHEMA, TABLE, clone, columns, create, deletes, file, image,
    name,
};

const COPY: ObjectId = ObjectId::from_bits(0xC0);
const OTHER: ObjectId = ObjectId::from_bits(0x0E);

#[tokio::test]
async fn a_story_reads_the_same_after_opening_again_in_memory() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    story(store).await;
}

#[tokio::test]
async fn a_story_reads_the_same_after_opening_again_on_a_local_disk() {
    for durability in [Durability::Full, Durability::Os] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lake");
        story(open_store(path.to_str().unwrap(), durability).unwrap()).await;
    }
}

async fn story(store: Arc<dyn ObjectStore>) {
    let lab = Lab::open_slow(store.clone(), 1).await;
    assert_eq!(lab.head().version(), Version::ZERO);
    lab.furnish().await;
    let before = lab.append(TABLE, 3).await;
    let stage = StageDefinition {
        location: StageLocation::Internal,
        file_format: None,
        comment: None,
        tags: Default::default(),
    };
    let body = Body::of(&stage).unwrap();
    let (id, kind, parent) = (OTHER, ObjectKind::Stage, Some(SCHEMA));
    let (stage, owner) = (name("LANDING"), ROLE);
    lab.run(Update::CreateObject { id, kind, parent, name: stage, owner, body }).await;
    let segments = vec![lab.segment(TABLE, 4)];
    let first = segments[0].id;
    lab.run(Update::Load { table: TABLE, files: vec![file("a.csv")], segments }).await;
    lab.run(Update::SetDeletes { table: TABLE, deletes: vec![deletes(first, 1)] }).await;
    lab.run(Update::ReplaceBody { id: TABLE, body: columns(&[1, 2, 3]) }).await;
    let now = lab.head().version();
    lab.run(clone(DATABASE, now, COPY, None, "COPY")).await;
    lab.run(clone(TABLE, before, ObjectId::from_bits(0xC1), Some(SCHEMA), "THEN")).await;
    lab.run(Update::SwapObjects { a: TABLE, b: ObjectId::from_bits(0xC1) }).await;
    let (parent, called) = (Some(SCHEMA), name("RENAMED"));
    lab.run(Update::RenameObject { id: TABLE, parent, name: called }).await;
    lab.run(Update::DropObject { id: SCHEMA }).await;
    lab.run(Update::UndropObject { id: SCHEMA }).await;
    lab.run(Update::Truncate { table: TABLE, keep_loads: true }).await;
    lab.account.checkpoint().await.unwrap();
    lab.append(TABLE, 1).await;

    let again = Lab::open_slow(store, 2).await;
    assert_eq!(image(&again.head()), image(&lab.head()));
    let head = again.head();
    assert_eq!(head.content_at(TABLE, now).unwrap().rows(), 6);
    let copied = TABLE.within_clone(COPY);
    assert_eq!(head.content(copied).unwrap().rows(), 6);
    assert_eq!(head.content(copied).unwrap().loads().count(), 0, "loads are not cloned");
    assert!(head.object(OTHER.within_clone(COPY)).is_none(), "internal stages are not cloned");
    assert_eq!(head.object(copied).unwrap().owner(), OTHER_ROLE);
    assert_eq!(head.object(copied).unwrap().clone_group(), TABLE);
}

async fn furnished() -> Lab {
    let lab = Lab::open(Arc::new(InMemory::new()), 1).await;
    lab.furnish().await;
    lab
}

#[tokio::test]
async fn a_clone_has_the_rows_of_then_and_the_columns_of_now() {
    let lab = furnished().await;
    let then = lab.append(TABLE, 3).await;
    lab.append(TABLE, 5).await;
    lab.run(Update::ReplaceBody { id: TABLE, body: columns(&[1, 2, 3]) }).await;
    lab.run(clone(TABLE, then, COPY, Some(SCHEMA), "COPY")).await;

    let head = lab.head();
    let (copy, source) = (head.object(COPY).unwrap(), head.object(TABLE).unwrap());
    assert_eq!(copy.body(), source.body());
    assert_eq!(copy.cloned_from(), Some(TABLE));
    let (of_copy, of_source) = (head.content(COPY).unwrap(), head.content_at(TABLE, then).unwrap());
    assert_eq!(of_copy.rows(), 3);
    // Nothing is copied: the very same segment stands in both.
    let mut shared = of_copy.unfolded().zip(of_source.unfolded());
    assert!(shared.all(|(a, b)| Arc::ptr_eq(a, b)));
    assert!(head.content_at(COPY, then).is_none(), "its history begins with it");

    lab.append(COPY, 1).await;
    assert_eq!((lab.rows(COPY), lab.rows(TABLE)), (4, 8));
}

#[tokio::test]
async fn a_container_is_cloned_as_it_was() {
    let lab = furnished().await;
    lab.append(TABLE, 3).await;
    let then = lab.run(create(OTHER, ObjectKind::Table, Some(SCHEMA), "GONE")).await;
    lab.run(Update::DropObject { id: OTHER }).await;
    lab.run(create(ObjectId::from_bits(0xF), ObjectKind::Table, Some(SCHEMA), "LATER")).await;
    lab.run(clone(SCHEMA, then, COPY, Some(DATABASE), "COPY")).await;
    let head = lab.head();
    let names: Vec<_> = head.children(Some(COPY)).map(|it| it.name().as_str()).collect();
    assert_eq!(names, ["GONE", "T"]);
    assert_eq!(head.content(TABLE.within_clone(COPY)).unwrap().rows(), 3);
}

#[tokio::test]
async fn a_clone_of_what_was_not_there_is_no_empty_table() {
    let lab = furnished().await;
    let created = lab.head().object(TABLE).unwrap().created();
    let early = created.previous().unwrap();
    let error = lab.try_run(clone(TABLE, early, COPY, Some(SCHEMA), "COPY")).await.unwrap_err();
    assert_eq!(error.code(), Code::TIME_TRAVEL_UNAVAILABLE);
    assert!(lab.head().content_at(TABLE, early).is_none());
}

#[tokio::test]
async fn dropping_and_restoring_a_container_leaves_what_was_dropped_before() {
    let lab = furnished().await;
    lab.run(create(OTHER, ObjectKind::Table, Some(SCHEMA), "OTHER")).await;
    lab.run(Update::DropObject { id: OTHER }).await;
    lab.run(Update::DropObject { id: DATABASE }).await;
    let head = lab.head();
    assert_eq!(head.children(None).count(), 0);
    assert_eq!(head.object(TABLE).unwrap().dropped().unwrap().with(), DATABASE);
    let error = lab.try_run(Update::UndropObject { id: TABLE }).await.unwrap_err();
    assert_eq!(error.code(), Code::OPERATION_IMPOSSIBLE);

    lab.run(Update::UndropObject { id: DATABASE }).await;
    let head = lab.head();
    assert!(head.lookup(Some(SCHEMA), NameSpace::Relation, &name("T")).is_some());
    assert!(head.lookup(Some(SCHEMA), NameSpace::Relation, &name("OTHER")).is_none());
    let dropped: Vec<_> = head.dropped(Some(SCHEMA)).iter().map(|it| it.id()).collect();
    assert_eq!(dropped, [OTHER]);
    lab.run(Update::UndropObject { id: OTHER }).await;
    assert!(lab.head().dropped(Some(SCHEMA)).is_empty());
}

#[tokio::test]
async fn the_same_name_can_be_dropped_and_restored_one_after_the_other() {
    let lab = furnished().await;
    lab.run(Update::DropObject { id: TABLE }).await;
    lab.run(create(OTHER, ObjectKind::Table, Some(SCHEMA), "T")).await;
    let error = lab.try_run(Update::UndropObject { id: TABLE }).await.unwrap_err();
    assert_eq!(error.code(), Code::ALREADY_EXISTS);
    lab.run(Update::DropObject { id: OTHER }).await;
    let dropped: Vec<_> = lab.head().dropped(Some(SCHEMA)).iter().map(|it| it.id()).collect();
    assert_eq!(dropped, [OTHER, TABLE], "the most recently dropped first");
}

#[tokio::test]
async fn replacing_a_table_by_a_clone_of_itself_is_one_transaction() {
    let lab = furnished().await;
    let good = lab.append(TABLE, 3).await;
    let bad = lab.append(TABLE, 5).await;
    let replace = lab.transaction().update(Update::DropObject { id: TABLE }).update(clone(
        TABLE,
        good,
        COPY,
        Some(SCHEMA),
        "T",
    ));
    lab.account.commit(replace).await.unwrap();
    let head = lab.head();
    let found = head.lookup(Some(SCHEMA), NameSpace::Relation, &name("T")).unwrap();
    assert_eq!((found.id(), lab.rows(found.id())), (COPY, 3));
    assert_eq!(head.content_at(TABLE, bad).unwrap().rows(), 8);
}

#[tokio::test]
async fn swapping_exchanges_names_and_keeps_histories() {
    let lab = furnished().await;
    let one = lab.append(TABLE, 1).await;
    lab.run(create(OTHER, ObjectKind::Table, Some(SCHEMA), "U")).await;
    lab.append(OTHER, 2).await;
    lab.run(Update::SwapObjects { a: TABLE, b: OTHER }).await;
    let head = lab.head();
    let rows_of = |called: &str| {
        let found = head.lookup(Some(SCHEMA), NameSpace::Relation, &name(called)).unwrap();
        lab.rows(found.id())
    };
    assert_eq!((rows_of("T"), rows_of("U")), (2, 1));
    assert_eq!(head.object_at(TABLE, one).unwrap().name(), &name("T"));
    assert_eq!(head.children(Some(SCHEMA)).count(), 2);
}

#[tokio::test]
async fn time_goes_on_whatever_the_clock_does() {
    let world = icecore_testkit::TestEnv::new(Arc::new(InMemory::new()), 1);
    let lab = Lab::with(world.env.clone(), Default::default()).await.unwrap();
    lab.furnish().await;
    let start = lab.head().time();
    world.clock.set(Timestamp::from_micros(0));
    let version = lab.append(TABLE, 1).await;
    let head = lab.head();
    assert!(head.time() > start);
    assert_eq!(head.version_at(head.time()), Some(version));
    assert_eq!(head.version_at(start), version.previous());
    assert_eq!(head.version_at(Timestamp::from_micros(-1)), None);
    world.clock.set(start.plus(std::time::Duration::from_secs(3600)));
    assert_eq!(head.superseded_at(TABLE, version), None);
    lab.append(TABLE, 1).await;
    assert_eq!(lab.head().superseded_at(TABLE, version), Some(lab.head().time()));
}

#[tokio::test]
async fn a_statement_is_found_by_its_id() {
    let lab = furnished().await;
    let query = QueryId::from_bits(77);
    let segments = vec![lab.segment(TABLE, 1)];
    let transaction = lab.transaction().query(query).query(QueryId::from_bits(78));
    let append = Update::Append { table: TABLE, segments };
    let commit = lab.account.commit(transaction.update(append)).await.unwrap();
    lab.append(TABLE, 1).await;
    let head = lab.head();
    assert_eq!(head.version_of(query), Some(commit.version()));
    assert_eq!(head.transaction_version(commit.transaction()), Some(commit.version()));
    assert_eq!(head.version_of(QueryId::from_bits(79)), None);
}

#[tokio::test]
async fn names_and_places_are_kept_right() {
    let lab = furnished().await;
    let refused = [
        create(OTHER, ObjectKind::View, Some(SCHEMA), "T"),
        create(OTHER, ObjectKind::Table, Some(OTHER), "U"),
        create(OTHER, ObjectKind::Table, Some(DATABASE), "U"),
        create(OTHER, ObjectKind::Schema, None, "U"),
        create(TABLE, ObjectKind::Table, Some(SCHEMA), "U"),
        Update::DropObject { id: OTHER },
        Update::UndropObject { id: TABLE },
        Update::Append { table: SCHEMA, segments: Vec::new() },
        clone(OTHER, Version::new(1), COPY, Some(SCHEMA), "U"),
        clone(TABLE, Version::new(100), COPY, Some(SCHEMA), "U"),
    ];
    for update in refused {
        let version = lab.head().version();
        assert!(lab.try_run(update.clone()).await.is_err(), "{update:?}");
        assert_eq!(lab.head().version(), version);
    }
    // Another kind of name, and another letter case, are other names.
    lab.run(create(OTHER, ObjectKind::FileFormat, Some(SCHEMA), "T")).await;
    lab.run(create(COPY, ObjectKind::Table, Some(SCHEMA), "t")).await;
}

#[tokio::test]
async fn a_row_id_is_given_once() {
    let lab = furnished().await;
    let segments = vec![lab.segment(TABLE, 3), lab.segment(TABLE, 4)];
    lab.run(Update::Append { table: TABLE, segments }).await;
    let first_ids = |table: ObjectId| -> Vec<u64> {
        let head = lab.head();
        head.content(table).unwrap().unfolded().map(|it| it.first_row_id.get()).collect()
    };
    assert_eq!(first_ids(TABLE), [0, 3]);
    lab.run(Update::Truncate { table: TABLE, keep_loads: false }).await;
    lab.append(TABLE, 5).await;
    assert_eq!(first_ids(TABLE), [7], "not again after truncating");
    lab.run(clone(TABLE, lab.head().version(), COPY, Some(SCHEMA), "COPY")).await;
    lab.append(COPY, 1).await;
    assert_eq!(first_ids(COPY), [7, 12], "nor in a clone");
}

//! Files that pipes have dealt with: once each, whoever races for them.

use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::{Requirement, Transaction, Update, Verdict, validate};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv};
use icecore_types::{
    Body, Name, ObjectId, ObjectKind, PipeDefinition, PipeFile, StageLocation, Timestamp,
};
use object_store::memory::InMemory;

use crate::lab::{DATABASE, Lab, ROLE, SCHEMA, TABLE, clone, image, name};

const PIPE: ObjectId = ObjectId::from_bits(0x91);
const OTHER: ObjectId = ObjectId::from_bits(0x92);
const CLONE: ObjectId = ObjectId::from_bits(0x93);

fn pipe(id: ObjectId, called: &str, location: StageLocation) -> Update {
    let definition = PipeDefinition {
        copy: "COPY INTO t FROM @s".to_owned(),
        table: TABLE,
        stage: ObjectId::from_bits(1),
        location,
        file_format: None,
        auto_ingest: false,
        notification_channel: None,
        since: Timestamp::default(),
        paused: None,
        comment: None,
    };
    let (kind, parent, body) = (ObjectKind::Pipe, Some(SCHEMA), Body::of(&definition).unwrap());
    Update::CreateObject { id, kind, parent, name: name(called), owner: ROLE, body }
}

fn bucket() -> StageLocation {
    StageLocation::External {
        url: "s3://b/".to_owned(),
        endpoint: None,
        region: None,
        credentials: None,
    }
}

fn files(paths: &[&str], loaded: bool) -> Vec<PipeFile> {
    paths
        .iter()
        .map(|path| PipeFile { path: (*path).into(), loaded, rows: 1, error: None, event: None })
        .collect()
}

/// Rows of a file, and the pipe's memory of it, in one transaction.
fn load(lab: &Lab, pipe: ObjectId, path: &str, transaction: Transaction) -> Transaction {
    transaction
        .update(Update::Append { table: TABLE, segments: vec![lab.segment(TABLE, 1)] })
        .update(Update::PipeFiles { pipe, files: files(&[path], true) })
        .require(Requirement::ObjectUnchanged { id: pipe })
}

async fn lab() -> Lab {
    let lab = Lab::open(Arc::new(InMemory::new()), 1).await;
    lab.furnish().await;
    lab.run(pipe(PIPE, "P", bucket())).await;
    lab
}

#[tokio::test]
async fn of_two_loads_of_one_file_the_second_starts_over() {
    let lab = lab().await;
    let (first, second) = (lab.transaction(), lab.transaction());
    lab.account.commit(load(&lab, PIPE, "a.csv", first)).await.unwrap();
    let late = load(&lab, PIPE, "a.csv", second.clone());
    assert!(matches!(validate(&lab.head(), &late), Verdict::Retry(_)));
    assert!(lab.account.commit(late).await.is_err());
    let other = load(&lab, PIPE, "b.csv", second);
    lab.account.commit(other).await.unwrap();
    assert_eq!(lab.rows(TABLE), 2);
    let head = lab.head();
    let known: Vec<_> = head.pipe_files(PIPE).unwrap().files().map(|(path, _)| path).collect();
    assert_eq!(known, ["a.csv", "b.csv"]);
    assert_eq!(head.pipe_files(PIPE).unwrap().last_loaded().unwrap().0, "b.csv");
}

#[tokio::test]
async fn pipes_know_nothing_of_each_other_and_a_new_one_knows_nothing() {
    let lab = lab().await;
    lab.run(pipe(OTHER, "Q", bucket())).await;
    let transaction = load(&lab, PIPE, "a.csv", lab.transaction());
    lab.account.commit(transaction).await.unwrap();
    let transaction = load(&lab, OTHER, "a.csv", lab.transaction());
    lab.account.commit(transaction).await.unwrap();
    assert_eq!(lab.rows(TABLE), 2, "two pipes, two loads");
    let head = lab.head();
    lab.run(clone(SCHEMA, head.version(), CLONE, Some(DATABASE), "COPY")).await;
    let head = lab.head();
    assert!(head.object(PIPE.within_clone(CLONE)).is_some());
    assert!(head.pipe_files(PIPE.within_clone(CLONE)).is_none());
    lab.run(Update::DropObject { id: PIPE }).await;
    let error = lab.account.commit(load(&lab, PIPE, "b.csv", lab.transaction())).await;
    assert_eq!(error.unwrap_err().kind(), icecore_types::ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_not_copied_is_not_loaded_by_a_clone() {
    let lab = lab().await;
    lab.run(pipe(OTHER, "Q", StageLocation::Internal)).await;
    let channel = Update::CreateObject {
        id: ObjectId::from_bits(0x94),
        kind: ObjectKind::Channel,
        parent: Some(TABLE),
        name: name("C"),
        owner: ROLE,
        body: Body::default(),
    };
    lab.run(channel.clone()).await;
    let misplaced = match channel {
        Update::CreateObject { kind, name, owner, body, .. } => Update::CreateObject {
            id: ObjectId::from_bits(0x95),
            kind,
            parent: Some(SCHEMA),
            name,
            owner,
            body,
        },
        other => other,
    };
    assert!(lab.try_run(misplaced).await.is_err(), "a channel is of a table");
    lab.run(clone(SCHEMA, lab.head().version(), CLONE, Some(DATABASE), "COPY")).await;
    lab.run(clone(TABLE, lab.head().version(), ObjectId::from_bits(0x96), Some(SCHEMA), "T2"))
        .await;
    let head = lab.head();
    let mut copied: Vec<&Name> = head.children(Some(CLONE)).map(|object| object.name()).collect();
    copied.sort();
    assert_eq!(copied, [&name("P"), &name("T")]);
    assert_eq!(head.objects().filter(|it| it.kind() == ObjectKind::Channel).count(), 1);
    lab.run(Update::DropObject { id: TABLE }).await;
    lab.run(Update::UndropObject { id: TABLE }).await;
    assert!(lab.head().object(ObjectId::from_bits(0x94)).unwrap().is_live(), "with its table");
}

#[tokio::test]
async fn a_file_is_remembered_for_fourteen_days() {
    let world = TestEnv::new(Arc::new(InMemory::new()), 1);
    let lab = Lab::with(world.env.clone(), Default::default()).await.unwrap();
    lab.furnish().await;
    lab.run(pipe(PIPE, "P", bucket())).await;
    let remember = |paths: &[&str]| Update::PipeFiles { pipe: PIPE, files: files(paths, true) };
    lab.run(remember(&["a", "b"])).await;
    world.clock.advance(Duration::from_secs(7 * 86_400));
    lab.run(Update::PipeFiles { pipe: PIPE, files: files(&["b", "c"], false) }).await;
    world.clock.advance(Duration::from_secs(7 * 86_400 + 1));
    lab.run(remember(&["d"])).await;
    let head = lab.head();
    let known: Vec<_> =
        head.pipe_files(PIPE).unwrap().files().map(|(path, file)| (path, file.loaded)).collect();
    assert_eq!(known, [("b", false), ("c", false), ("d", true)]);
}

/// Two writers load the same files, each trying again until it is told that
/// the file is done, and every answer is lost once.
#[tokio::test]
async fn every_file_is_loaded_once_whatever_answer_is_lost() {
    for lost in 1..40 {
        let memory = Arc::new(InMemory::new());
        let faulty = FaultyStore::new(memory.clone());
        let lab = Lab::with(TestEnv::new(Arc::new(faulty.clone()), 1).env, Default::default())
            .await
            .unwrap();
        lab.furnish().await;
        lab.run(pipe(PIPE, "P", bucket())).await;
        let other = Lab::open(memory.clone(), 2).await;
        faulty.inject(Rule::nth(lost, Fault::FailAfter));
        for path in ["a", "b", "c"] {
            for who in [&lab, &other, &lab] {
                let _ = who.account.refresh().await;
                let done = who.head().pipe_files(PIPE).is_some_and(|it| it.file(path).is_some());
                if !done {
                    let _ = who.account.commit(load(who, PIPE, path, who.transaction())).await;
                }
            }
        }
        let reopened = Lab::open(memory, 3).await;
        assert_eq!(reopened.rows(TABLE), 3, "lost={lost}");
        let known = reopened.head().pipe_files(PIPE).unwrap().files().count();
        assert_eq!(known, 3, "lost={lost}");
        lab.account.refresh().await.unwrap();
        assert_eq!(image(&reopened.head()), image(&lab.head()), "lost={lost}");
    }
}

//! The format document is enough to read a store: a script that was written
//! from it alone, in another language, sees what the engine sees.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use icecore_snapshot::{Durability, Head, Object, Update, open_store};
use icecore_types::{
    Body, ObjectId, ObjectKind, PipeFile, StageDefinition, StageLocation, Version,
};

use crate::lab::{
    ACCOUNT, DATABASE, Lab, ROLE, SCHEMA, TABLE, clone, columns, create, deletes, file, name,
};

const BACKUP: ObjectId = ObjectId::from_bits(0xB0);
const AGAIN: ObjectId = ObjectId::from_bits(0xB1);
const THEN: ObjectId = ObjectId::from_bits(0xB2);
const STAGE: ObjectId = ObjectId::from_bits(0xB3);
const PIPE: ObjectId = ObjectId::from_bits(0xB4);
const CHANNEL: ObjectId = ObjectId::from_bits(0xB5);

fn list(folder: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/format/list_store.py");
    Command::new("python3").arg(script).arg(folder).output().expect("python3 runs")
}

fn path(head: &Head, object: &Object) -> String {
    let own = object.name().as_str().to_owned();
    match object.parent().and_then(|parent| head.object(parent)) {
        Some(parent) => format!("{}.{own}", path(head, parent)),
        None => own,
    }
}

/// What the script should print, from the engine's own memory.
fn expected(head: &Head) -> String {
    let mut tables: Vec<_> = head.objects().filter(|o| o.kind() == ObjectKind::Table).collect();
    tables.sort_by_cached_key(|table| (path(head, table), table.id().to_string()));
    let mut text = String::new();
    for table in tables {
        let dropped = if table.is_live() { "" } else { " dropped" };
        let rows = head.content(table.id()).unwrap().rows();
        writeln!(text, "{ACCOUNT} {} {rows} rows{dropped}", path(head, table)).unwrap();
        let mut before = None;
        for version in (1..=head.version().get()).map(Version::new) {
            let Some(content) = head.content_at(table.id(), version) else { continue };
            let shown = format!("{content:?}");
            if before.is_none_or(|before| before != shown) {
                let time = head.time_of(version).unwrap().to_utc().unwrap();
                let time = time.format("%Y-%m-%dT%H:%M:%S%.6fZ");
                writeln!(text, "  version {version} {time} {} rows", content.rows()).unwrap();
            }
            before = Some(shown);
        }
    }
    text
}

async fn story(lab: &Lab) {
    lab.furnish().await;
    let early = lab.append(TABLE, 3).await;
    let body = Body::of(&StageDefinition {
        location: StageLocation::Internal,
        file_format: None,
        comment: None,
        tags: Default::default(),
    });
    let (id, kind, parent) = (STAGE, ObjectKind::Stage, Some(SCHEMA));
    let (called, owner, body) = (name("LANDING"), ROLE, body.unwrap());
    lab.run(Update::CreateObject { id, kind, parent, name: called, owner, body }).await;
    let segments = vec![lab.segment(TABLE, 10), lab.segment(TABLE, 20)];
    let (first, second) = (segments[0].id, segments[1].clone());
    lab.run(Update::Load { table: TABLE, files: vec![file("a.csv")], segments }).await;
    lab.run(Update::SetDeletes { table: TABLE, deletes: vec![deletes(first, 4)] }).await;
    lab.run(create(PIPE, ObjectKind::Pipe, Some(SCHEMA), "P")).await;
    let files =
        vec![PipeFile { path: "a.csv".into(), loaded: true, rows: 1, error: None, event: None }];
    lab.run(Update::PipeFiles { pipe: PIPE, files }).await;
    lab.run(Update::DropObject { id: PIPE }).await;
    lab.run(create(CHANNEL, ObjectKind::Channel, Some(TABLE), "C")).await;
    let now = lab.head().version();
    lab.run(clone(DATABASE, now, BACKUP, None, "BACKUP")).await;
    lab.run(Update::SetDeletes {
        table: TABLE,
        deletes: vec![deletes(first, 5), deletes(second.id, 1)],
    })
    .await;
    let copy = TABLE.within_clone(BACKUP);
    lab.run(Update::SetDeletes { table: copy, deletes: vec![deletes(first, 10)] }).await;
    lab.append(copy, 7).await;
    lab.run(clone(BACKUP, lab.head().version(), AGAIN, None, "AGAIN")).await;
    lab.run(Update::Truncate { table: copy.within_clone(AGAIN), keep_loads: false }).await;
    lab.run(Update::DropObject { id: copy }).await;
    lab.run(clone(TABLE, early, THEN, Some(SCHEMA), "THEN")).await;
    lab.run(Update::SwapObjects { a: TABLE, b: THEN }).await;
    lab.run(create(ObjectId::from_bits(0xF), ObjectKind::Schema, Some(DATABASE), "OTHER")).await;
    let other = Some(ObjectId::from_bits(0xF));
    lab.run(Update::RenameObject { id: TABLE, parent: other, name: name("MOVED") }).await;
    lab.run(Update::ReplaceBody { id: TABLE, body: columns(&[1, 2, 3]) }).await;
    lab.run(Update::DropObject { id: DATABASE }).await;
    lab.run(Update::UndropObject { id: DATABASE }).await;
    lab.run(Update::DropObject { id: AGAIN }).await;
}

#[tokio::test]
async fn a_script_written_from_the_document_reads_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(folder.path().to_str().unwrap(), Durability::Os).unwrap();
    let lab = Lab::open_slow(store, 1).await;
    story(&lab).await;
    let listed = list(folder.path());
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed, expected(&lab.head()));
    assert!(listed.contains(" D.OTHER.MOVED 27 rows\n"), "{listed}");
    assert!(listed.contains(" AGAIN.S.T 0 rows dropped\n"), "{listed}");
}

#[tokio::test]
async fn the_script_refuses_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!list(folder.path()).status.success(), "there is no store");
    let store = open_store(folder.path().to_str().unwrap(), Durability::Os).unwrap();
    Lab::open_slow(store, 1).await.furnish().await;
    assert!(list(folder.path()).status.success());
    let record = folder.path().join(format!("account/{ACCOUNT}/log/0/{:020}.rec", 2));
    let mut bytes = std::fs::read(&record).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&record, &bytes).unwrap();
    let refused = list(folder.path());
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("checksum"));
}

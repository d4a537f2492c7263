//! What a version takes in memory, in a process that does nothing else.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use icecore_types::{
    Body, Name, ObjectId, ObjectKind, QueryId, RowId, SegmentId, SegmentLocation, SegmentRef,
    TransactionId, WriterId,
};

use super::*;
use crate::Update;

const VERSIONS: u64 = 100_000;
/// Set in the process that measures.
const ALONE: &str = "ICECORE_MEASURE_VERSIONS";
const TABLE: ObjectId = ObjectId::from_bits(3);

fn segment(number: u64) -> SegmentRef {
    SegmentRef {
        id: SegmentId::new(WriterId::from_bits(1), number),
        table: TABLE,
        rows: 1,
        first_row_id: RowId::new(0),
        location: SegmentLocation::Inline { bytes: vec![7; 100].into() },
        statistics: vec![7; 50].into(),
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

fn commit(head: &mut Head, number: u64, updates: &[Update]) {
    let bits = |salt: u128| (u128::from(number) << 3 | salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let effect = Effect {
        id: TransactionId::from_bits(bits(1)),
        time: Timestamp::default().plus(Duration::from_secs(number)),
        queries: &[QueryId::from_bits(bits(2))],
        updates,
    };
    head.take_effect(effect).unwrap();
}

fn table() -> Head {
    let mut head = Head::empty(1, AccountId::from_bits(1));
    let object = |id, kind, parent: Option<u128>| Update::CreateObject {
        id: ObjectId::from_bits(id),
        kind,
        parent: parent.map(ObjectId::from_bits),
        name: Name::unquoted("n"),
        owner: ObjectId::from_bits(1),
        body: Body::default(),
    };
    let updates = [
        object(1, ObjectKind::Database, None),
        object(2, ObjectKind::Schema, Some(1)),
        object(3, ObjectKind::Table, Some(2)),
    ];
    commit(&mut head, 1, &updates);
    head
}

fn measure() {
    let before = resident_bytes();
    // As a head takes it from a record: shared bytes take a little more.
    let taken = |number| Arc::new(SegmentRef::clone(&segment(number)));
    let segments: Vec<_> = (0..VERSIONS).map(taken).collect();
    let of_segments = resident_bytes() - before;
    // Pages that are given back would be counted as given anew.
    std::mem::forget(segments);
    let mut head = table();
    let before = resident_bytes();
    for number in 0..VERSIONS {
        let update = Update::Append { table: TABLE, segments: vec![segment(number)] };
        commit(&mut head, number + 2, &[update]);
    }
    let all = resident_bytes() - before;
    let each = all.saturating_sub(of_segments) / VERSIONS;
    println!("a version takes {each} bytes, its segment {} bytes", of_segments / VERSIONS);
    assert!(each <= 160, "{each} bytes");
    let middle = Version::new(VERSIONS / 2);
    assert_eq!(head.content_at(TABLE, middle).unwrap().rows(), VERSIONS / 2 - 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_version_takes_about_150_bytes_besides_its_segment() {
    if std::env::var_os(ALONE).is_some() {
        measure();
        return;
    }
    let name = "head::memory::a_version_takes_about_150_bytes_besides_its_segment";
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("1 passed") && said.contains("a version takes"), "{said}");
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    println!("{said}");
}

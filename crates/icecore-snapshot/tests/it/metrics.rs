//! Storage accounting: bytes belong to whoever first wrote them.

use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::{RemovedSegment, StorageMetrics, Update};
use icecore_testkit::TestEnv;
use icecore_types::{ObjectId, SegmentLocation, SegmentRef, SimulatedClock};
use object_store::memory::InMemory;

use crate::lab::{Lab, SCHEMA, TABLE, clone};

const DAY: Duration = Duration::from_secs(24 * 3600);
const COPY: ObjectId = ObjectId::from_bits(0xC1);
const COPY_OF_COPY: ObjectId = ObjectId::from_bits(0xC2);

async fn furnished() -> (Lab, SimulatedClock) {
    let world = TestEnv::new(Arc::new(InMemory::new()), 1);
    let lab = Lab::with(world.env, Default::default()).await.unwrap();
    lab.furnish().await;
    (lab, world.clock)
}

fn sized(lab: &Lab, table: ObjectId, bytes: usize) -> SegmentRef {
    let location = SegmentLocation::Inline { bytes: vec![0; bytes].into() };
    SegmentRef { location, ..lab.segment(table, 1) }
}

async fn append(lab: &Lab, table: ObjectId, bytes: usize) -> SegmentRef {
    let segment = sized(lab, table, bytes);
    lab.run(Update::Append { table, segments: vec![segment.clone()] }).await;
    segment
}

/// Active, time travel and retained for clone, of the table.
fn bytes(lab: &Lab, table: ObjectId) -> (u64, u64, u64) {
    let metrics = metrics(lab, table);
    (metrics.active_bytes, metrics.time_travel_bytes, metrics.retained_for_clone_bytes)
}

fn metrics(lab: &Lab, table: ObjectId) -> StorageMetrics {
    let now = lab.account.env().clock.now();
    let all = lab.head().storage_metrics(now, |_| DAY);
    *all.iter().find(|metrics| metrics.table == table).unwrap()
}

#[tokio::test]
async fn a_clone_costs_nothing_until_it_changes() {
    let (lab, _) = furnished().await;
    append(&lab, TABLE, 100).await;
    lab.run(clone(TABLE, lab.head().version(), COPY, Some(SCHEMA), "C")).await;
    assert_eq!((bytes(&lab, TABLE), bytes(&lab, COPY)), ((100, 0, 0), (0, 0, 0)));
    append(&lab, COPY, 7).await;
    assert_eq!((bytes(&lab, TABLE), bytes(&lab, COPY)), ((100, 0, 0), (7, 0, 0)));
}

#[tokio::test]
async fn a_clone_group_is_the_oldest_ancestor_even_when_it_is_dropped() {
    let (lab, clock) = furnished().await;
    append(&lab, TABLE, 100).await;
    lab.run(clone(TABLE, lab.head().version(), COPY, Some(SCHEMA), "C")).await;
    lab.run(clone(COPY, lab.head().version(), COPY_OF_COPY, Some(SCHEMA), "CC")).await;
    lab.run(Update::DropObject { id: TABLE }).await;
    for table in [TABLE, COPY, COPY_OF_COPY] {
        assert_eq!(metrics(&lab, table).clone_group, TABLE);
    }
    assert_eq!(bytes(&lab, TABLE), (0, 100, 0));
    clock.advance(DAY * 2);
    assert_eq!(bytes(&lab, TABLE), (0, 0, 100), "only its clones have them now");
    lab.run(Update::DropObject { id: COPY }).await;
    lab.run(Update::DropObject { id: COPY_OF_COPY }).await;
    clock.advance(DAY * 2);
    assert_eq!(bytes(&lab, TABLE), (0, 0, 0));
}

#[tokio::test]
async fn changed_rows_are_kept_as_long_as_the_retention() {
    let (lab, clock) = furnished().await;
    append(&lab, TABLE, 100).await;
    let second = append(&lab, TABLE, 10).await;
    let segments = vec![RemovedSegment::from(&second)];
    lab.run(Update::RemoveSegments { table: TABLE, segments }).await;
    assert_eq!(bytes(&lab, TABLE), (100, 10, 0));
    lab.run(Update::Truncate { table: TABLE, keep_loads: false }).await;
    append(&lab, TABLE, 1).await;
    assert_eq!(bytes(&lab, TABLE), (1, 110, 0));
    clock.advance(DAY * 2);
    assert_eq!(bytes(&lab, TABLE), (1, 0, 0));
}

#[tokio::test]
async fn folding_moves_no_bytes_from_one_owner_to_another() {
    let (lab, clock) = furnished().await;
    append(&lab, TABLE, 100).await;
    let second = append(&lab, TABLE, 10).await;
    lab.run(clone(TABLE, lab.head().version(), COPY, Some(SCHEMA), "C")).await;
    append(&lab, COPY, 5).await;
    for table in [TABLE, COPY] {
        lab.account.fold(table, 0, &crate::numbers::Chunks).await.unwrap().unwrap();
    }
    clock.advance(DAY * 2);
    // The clone has a chunk of its own that names the source's segments.
    assert_eq!((bytes(&lab, TABLE), bytes(&lab, COPY)), ((110, 0, 0), (5, 0, 0)));

    let segments = vec![RemovedSegment::from(&second)];
    lab.run(Update::RemoveSegments { table: TABLE, segments }).await;
    assert_eq!(lab.head().content(TABLE).unwrap().stored_bytes(), 100);
    assert_eq!(bytes(&lab, TABLE), (100, 10, 0));
    clock.advance(DAY * 2);
    assert_eq!(bytes(&lab, TABLE), (100, 0, 10), "the clone still has it");
}

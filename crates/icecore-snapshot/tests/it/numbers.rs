//! Counts that are promised: requests and bytes per operation.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_snapshot::{ChunkWriter, FoldedSegment, OpenOptions, Update};
use icecore_testkit::{CountingStore, TestEnv, Verb};
use icecore_types::{
    ChunkRef, Hash, ObjectId, ObjectKind, ObjectRef, Result, SegmentId, SegmentRef, Version,
    WriterId,
};
use object_store::memory::InMemory;

use crate::lab::{DATABASE, Lab, SCHEMA, TABLE, clone, create, deletes, image, segment};

async fn counted() -> (Lab, CountingStore) {
    let counting = CountingStore::new(Arc::new(InMemory::new()));
    let lab = Lab::open(Arc::new(counting.clone()), 1).await;
    lab.furnish().await;
    (lab, counting)
}

fn many(table: ObjectId, count: u64) -> Update {
    let writer = WriterId::from_bits(0xF00D);
    let segments = (0..count).map(|n| segment(SegmentId::new(writer, n), table, 1)).collect();
    Update::Append { table, segments }
}

#[tokio::test]
async fn a_warm_commit_is_one_put_and_nothing_else() {
    let (lab, counting) = counted().await;
    for _ in 0..3 {
        counting.reset();
        lab.append(TABLE, 1).await;
        assert_eq!(counting.counts().requests(), 1);
        assert_eq!(counting.counts().of(Verb::Put).under("log/0/").requests(), 1);
    }
}

#[tokio::test]
async fn looking_for_others_is_one_request_and_reading_is_none() {
    let (lab, counting) = counted().await;
    counting.reset();
    lab.account.refresh().await.unwrap();
    assert_eq!(counting.counts().requests(), 1);
    counting.reset();
    let head = lab.head();
    let _ = (head.content_at(TABLE, Version::new(3)), head.version_at(head.time()));
    assert_eq!(counting.counts().requests(), 0);
}

/// Bytes of each operation on an account whose table has so many segments.
async fn bytes_of(segments: u64) -> Vec<u64> {
    let (lab, counting) = counted().await;
    lab.run(many(TABLE, segments)).await;
    let now = lab.head().version();
    let [a, b, c] = [0xC1, 0xC2, 0xC3].map(ObjectId::from_bits);
    let operations = [
        Update::Append { table: TABLE, segments: vec![lab.segment(TABLE, 1)] },
        clone(TABLE, now, a, Some(SCHEMA), "CLONE"),
        clone(SCHEMA, now, b, Some(DATABASE), "CLONE"),
        clone(DATABASE, now, c, None, "CLONE"),
    ];
    let mut bytes = Vec::new();
    for operation in operations {
        counting.reset();
        lab.run(operation).await;
        let counts = counting.counts();
        assert_eq!((counts.requests(), counts.of(Verb::Put).requests()), (1, 1));
        bytes.push(counts.bytes());
    }
    let expected = segments + 1;
    assert_eq!(lab.rows(TABLE), expected);
    for copy in [a, TABLE.within_clone(b), TABLE.within_clone(c)] {
        assert_eq!(lab.rows(copy), segments);
    }
    bytes
}

#[tokio::test]
async fn commits_and_clones_cost_the_same_at_any_size() {
    let small = bytes_of(1).await;
    assert!(small.iter().all(|bytes| *bytes < 1_024), "{small:?}");
    assert_eq!(small, bytes_of(1_000).await);
    assert_eq!(small, bytes_of(100_000).await);
}

#[tokio::test]
async fn opening_after_many_records_reads_few_objects() {
    let counting = CountingStore::new(Arc::new(InMemory::new()));
    let store = Arc::new(counting.clone());
    let options = OpenOptions { checkpoint_every_records: 100, ..OpenOptions::default() };
    let world = TestEnv::new(store.clone(), 1);
    let lab = Lab::with(world.env, options).await.unwrap();
    lab.furnish().await;
    for _ in 0..2_047 {
        lab.append(TABLE, 1).await;
    }
    let written = counting.counts().of(Verb::Put).under("checkpoint/");
    let log = counting.counts().of(Verb::Put).under("log/");
    assert!(written.bytes() < 7 * log.bytes(), "{} {}", written.bytes(), log.bytes());
    counting.reset();
    let again = Lab::open(store, 2).await;
    assert_eq!(again.head().version(), Version::new(2_050));
    assert_eq!(counting.counts().of(Verb::List).requests(), 0);
    assert!(counting.counts().under("checkpoint/").requests() <= 6);
    assert!(counting.counts().requests() < 150, "{}", counting.counts().requests());
    let versions = [3, 1_000, 2_050].map(Version::new);
    let rows = versions.map(|it| again.head().content_at(TABLE, it).unwrap().rows());
    assert_eq!(rows, [0, 997, 2_047]);
}

pub struct Chunks;

impl ChunkWriter for Chunks {
    fn write_chunk(
        &self,
        table: ObjectId,
        segments: Vec<FoldedSegment>,
    ) -> BoxFuture<'_, Result<ChunkRef>> {
        let first = segments[0].0.id;
        assert!(segments.iter().all(|(segment, _)| segment.table == table));
        let object = ObjectRef {
            path: format!("manifest/{}/{first}", first.spread()).into(),
            size_bytes: 1,
            hash: Hash::of(b"chunk"),
        };
        let chunk = ChunkRef {
            table,
            object,
            footer_bytes: 1,
            footer_hash: Hash::of(b"footer"),
            segments: segments.len() as u64,
            rows: segments.iter().map(|(segment, _)| segment.rows).sum(),
            stored_bytes: segments.iter().map(|(segment, _)| segment.stored_bytes()).sum(),
            statistics: "".into(),
        };
        async { Ok(chunk) }.boxed()
    }
}

#[tokio::test]
async fn folding_moves_segments_and_changes_no_row() {
    let (lab, _) = counted().await;
    lab.run(many(TABLE, 5_000)).await;
    let copy = ObjectId::from_bits(0xC1);
    lab.run(clone(TABLE, lab.head().version(), copy, Some(SCHEMA), "COPY")).await;
    lab.append(copy, 1).await;
    let head = lab.head();
    let touched = head.content(copy).unwrap().unfolded().next().unwrap().clone();
    lab.run(Update::SetDeletes { table: copy, deletes: vec![deletes(touched.id, 1)] }).await;
    let before = lab.head().version();
    let (rows, bytes) = {
        let content = lab.head().content(copy).unwrap().clone();
        (content.rows(), content.stored_bytes())
    };
    assert!(lab.account.fold(copy, 5_001, &Chunks).await.unwrap().is_none());
    let commit = lab.account.fold(copy, 100, &Chunks).await.unwrap().unwrap();
    let head = lab.head();
    let content = head.content(copy).unwrap();
    assert_eq!((content.rows(), content.stored_bytes()), (rows, bytes));
    assert_eq!(content.unfolded_count(), 0);
    // At most 4,096 in one, and no chunk mixes what two tables wrote.
    let sizes: Vec<_> = content.chunks().map(|chunk| (chunk.table, chunk.segments)).collect();
    assert_eq!(sizes, [(TABLE, 4_096), (TABLE, 904), (copy, 1)]);
    assert_eq!(content.deletes(touched.id).unwrap().rows, 1, "known wherever it stands");
    assert_eq!(head.superseded_at(copy, before), None, "the rows are the same");
    assert_eq!(head.content_at(copy, before).unwrap().unfolded_count(), 5_001);
    assert_eq!(commit.version(), head.version());
    assert_eq!(head.content(TABLE).unwrap().unfolded_count(), 5_000);
}

#[tokio::test]
async fn folding_gives_way_to_users() {
    struct Meddling<'a>(&'a Lab, SegmentRef);
    impl ChunkWriter for Meddling<'_> {
        fn write_chunk(
            &self,
            table: ObjectId,
            segments: Vec<FoldedSegment>,
        ) -> BoxFuture<'_, Result<ChunkRef>> {
            async move {
                let deletes = vec![deletes(self.1.id, 1)];
                self.0.try_run(Update::SetDeletes { table, deletes }).await?;
                Chunks.write_chunk(table, segments).await
            }
            .boxed()
        }
    }
    let (lab, _) = counted().await;
    lab.run(many(TABLE, 10)).await;
    let first = lab.head().content(TABLE).unwrap().unfolded().next().unwrap().clone();
    let folded = lab.account.fold(TABLE, 1, &Meddling(&lab, (*first).clone())).await.unwrap();
    assert!(folded.is_none());
    assert_eq!(lab.head().content(TABLE).unwrap().unfolded_count(), 10);
}

#[tokio::test]
async fn ten_thousand_versions_open_from_checkpoints() {
    let counting = CountingStore::new(Arc::new(InMemory::new()));
    let lab = Lab::open(Arc::new(counting.clone()), 1).await;
    lab.furnish().await;
    for n in 0..100_u128 {
        let id = ObjectId::from_bits(10_000 + n);
        lab.run(create(id, ObjectKind::Table, Some(SCHEMA), &format!("T{n}"))).await;
    }
    for n in 0..9_897_u128 {
        lab.append(ObjectId::from_bits(10_000 + n % 100), 1).await;
    }
    counting.reset();
    let again = Lab::open(Arc::new(counting.clone()), 2).await;
    assert_eq!(again.head().version(), Version::new(10_000));
    assert!(counting.counts().requests() < 520, "{}", counting.counts().requests());
    let at = Version::new(5_000);
    let id = ObjectId::from_bits(10_000);
    assert_eq!(
        again.head().content_at(id, at).unwrap().rows(),
        lab.head().content_at(id, at).unwrap().rows()
    );
}

#[tokio::test]
async fn a_checkpoint_and_the_log_say_the_same() {
    let memory = Arc::new(InMemory::new());
    let options = OpenOptions { checkpoint_every_records: 3, ..OpenOptions::default() };
    let lab = Lab::with(TestEnv::new(memory.clone(), 1).env, options).await.unwrap();
    lab.furnish().await;
    for _ in 0..40 {
        lab.append(TABLE, 2).await;
    }
    let with = image(&Lab::open(memory.clone(), 2).await.head());
    crate::damage::remove_under(&memory, "checkpoint/").await;
    assert_eq!(image(&Lab::open(memory, 3).await.head()), with);
    assert_eq!(image(&lab.head()), with);
}

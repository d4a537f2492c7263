use std::sync::Arc;

use arrow::array::Array;
use icecore_testkit::{CountingStore, Verb};
use icecore_types::{ColumnId, Deletes, DeletesRef, ErrorKind, RowId, SegmentLocation, SegmentRef};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::samples::{counted, every_type, ids, read, segment_store, small, write};
use crate::{Compression, DeletionVector, SegmentStore, WriteOptions};

fn path(segment: &SegmentRef) -> Path {
    match &segment.location {
        SegmentLocation::Object { object, .. } => Path::from(format!("account/1/{}", object.path)),
        SegmentLocation::Inline { .. } => panic!("a segment inline"),
    }
}

#[tokio::test]
async fn every_type_comes_back_from_many_segments() {
    for compression in [Compression::Zstd, Compression::Lz4] {
        let (store, _) = counted();
        let batches: Vec<_> = (0..9).map(|i| every_type(i * 73, 73)).collect();
        let segments = write(&store, &batches, WriteOptions { compression, ..small() }).await;
        assert_eq!(segments.iter().map(|s| s.rows).collect::<Vec<_>>(), [200, 200, 200, 57]);
        let found = read(&store, &segments, &batches[0]).await.unwrap();
        assert_eq!(found, every_type(0, 657));
        let segment = store.open(&segments[1]).await.unwrap();
        assert_eq!(segment.columns(), ids(&batches[0]));
        assert_eq!(segment.row_groups().iter().map(|g| g.first_row).collect::<Vec<_>>(), [0, 100]);
        assert_eq!(segment.row_group_statistics(1).map(|known| known.rows), Some(100));
        assert_eq!(segment.statistics().columns.len(), 15);
    }
}

#[tokio::test]
async fn few_rows_stand_in_the_reference_and_need_no_request() {
    let (store, counting) = counted();
    let batch = every_type(0, 40).slice(10, 3);
    let segments = write(&store, std::slice::from_ref(&batch), WriteOptions::default()).await;
    assert!(matches!(segments[0].location, SegmentLocation::Inline { .. }));
    assert!(segments[0].stored_bytes() < 6_000, "{} bytes", segments[0].stored_bytes());
    assert_eq!(read(&store, &segments, &batch).await.unwrap(), batch);
    let segment = store.open(&segments[0]).await.unwrap();
    assert_eq!(segment.statistics(), segment.row_group_statistics(0).unwrap());
    assert_eq!(counting.counts().requests(), 0);
}

#[tokio::test]
async fn a_segment_of_rewritten_rows_lacks_other_columns() {
    let (store, _) = counted();
    let batch = every_type(0, 500).project(&[6, 0]).unwrap();
    let segments = write(&store, &[batch], small()).await;
    let segment = store.open(&segments[0]).await.unwrap();
    let columns = [ColumnId::new(9), ColumnId::ROW_ID, ColumnId::new(6)];
    let found = store.read(&segment, 1, &columns).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
    assert!(store.read(&segment, 2, &columns).await.is_err());
}

#[tokio::test]
async fn a_second_read_is_the_same_allocation_without_a_request() {
    let (store, counting) = counted();
    let batch = every_type(0, 150);
    let segments = write(&store, std::slice::from_ref(&batch), small()).await;
    counting.reset();
    let segment = store.open(&segments[0]).await.unwrap();
    assert_eq!(counting.counts().of(Verb::GetRange).requests(), 1);
    let first = store.read(&segment, 0, &ids(&batch)).await.unwrap();
    assert_eq!(counting.counts().requests(), 2, "adjacent chunks are one request");
    let clone = SegmentRef { first_row_id: RowId::new(99), ..segments[0].clone() };
    let again = store.clone().open(&clone).await.unwrap();
    let second = store.clone().read(&again, 0, &ids(&batch)).await.unwrap();
    for (first, second) in first.iter().zip(&second) {
        assert!(Arc::ptr_eq(first.as_ref().unwrap(), second.as_ref().unwrap()));
    }
    assert_eq!(counting.counts().requests(), 2);
    assert_eq!(store.cache().statistics().misses, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_at_the_same_time_load_once() {
    let (store, counting) = counted();
    let batch = every_type(0, 150);
    let segments = write(&store, std::slice::from_ref(&batch), small()).await;
    counting.reset();
    let readers = (0..16).map(|reader| {
        let (store, segment, ids) = (store.clone(), segments[0].clone(), ids(&batch));
        tokio::spawn(async move {
            let segment = store.open(&segment).await.unwrap();
            // Every reader asks for some columns that others ask for too.
            let columns: Vec<_> = ids.into_iter().skip(reader % 4).collect();
            store.read(&segment, 1, &columns).await.unwrap().len()
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert!(reader.await.unwrap() >= 12);
    }
    assert_eq!(store.cache().statistics().misses, 16, "one footer and fifteen columns");
    assert!(counting.counts().requests() <= 5);
}

#[tokio::test]
async fn a_flipped_or_missing_byte_is_an_error_or_changes_nothing() {
    let objects = Arc::new(InMemory::new());
    let store = segment_store(objects.clone());
    let batch = every_type(0, 12);
    let segments = write(&store, std::slice::from_ref(&batch), small()).await;
    let path = path(&segments[0]);
    let good = objects.get(&path).await.unwrap().bytes().await.unwrap();
    let mut harmless = Vec::new();
    for at in 0..good.len() {
        let mut damaged = good.to_vec();
        damaged[at] ^= 1 << (at % 8);
        objects.put(&path, damaged.into()).await.unwrap();
        match read(&segment_store(objects.clone()), &segments, &batch).await {
            Ok(found) => {
                assert_eq!(found, batch, "byte {at}");
                harmless.push(at);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupted, "byte {at}: {error}"),
        }
    }
    assert_eq!(harmless, [0, 1, 2, 3], "only the magic that nobody reads");
    for length in (0..good.len()).step_by(61) {
        objects.put(&path, good.slice(..length).into()).await.unwrap();
        let error = read(&segment_store(objects.clone()), &segments, &batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "length {length}: {error}");
    }
    objects.delete(&path).await.unwrap();
    let error = read(&segment_store(objects), &segments, &batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
}

#[tokio::test]
async fn a_damaged_inline_segment_is_an_error() {
    let (store, _) = counted();
    let batch = every_type(0, 2);
    let segments = write(&store, std::slice::from_ref(&batch), WriteOptions::default()).await;
    let SegmentLocation::Inline { bytes } = &segments[0].location else { panic!("an object") };
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x10;
        let location = SegmentLocation::Inline { bytes: damaged.into() };
        let damaged = SegmentRef { location, ..segments[0].clone() };
        let (store, _) = counted();
        let error = store.open(&damaged).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "byte {at}");
    }
}

#[tokio::test]
async fn a_swapped_segment_is_an_error() {
    let objects = Arc::new(InMemory::new());
    let store = segment_store(objects.clone());
    let batch = every_type(0, 400);
    let segments = write(&store, std::slice::from_ref(&batch), small()).await;
    objects.copy(&path(&segments[0]), &path(&segments[1])).await.unwrap();
    let error = store.open(&segments[1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    let wrong = SegmentRef { rows: 199, ..segments[0].clone() };
    assert_eq!(store.open(&wrong).await.unwrap_err().kind(), ErrorKind::Corrupted);
}

#[tokio::test]
async fn short_deletion_vectors_are_inline_and_long_ones_are_objects() {
    let (store, counting) = counted();
    let short: DeletionVector = (0..100_000).step_by(100).collect();
    let long: DeletionVector = (0..100_000).step_by(3).collect();
    for (vector, requests) in [(short, 0), (long, 1)] {
        counting.reset();
        let deletes = store.write_deletes(&vector).await.unwrap();
        assert_eq!(deletes.rows, vector.len());
        assert_eq!(counting.counts().of(Verb::Put).requests(), requests);
        for _ in 0..2 {
            assert_eq!(*store.read_deletes(&deletes).await.unwrap(), vector);
        }
        assert_eq!(counting.counts().of(Verb::Get).requests(), requests);
        let wrong = Deletes { rows: vector.len() + 1, ..deletes };
        assert_eq!(store.read_deletes(&wrong).await.unwrap_err().kind(), ErrorKind::Corrupted);
    }
}

#[tokio::test]
async fn a_damaged_deletion_vector_is_an_error() {
    let objects = Arc::new(InMemory::new());
    let store = segment_store(objects.clone());
    let vector: DeletionVector = (0..100_000).step_by(3).collect();
    let deletes = store.write_deletes(&vector).await.unwrap();
    let DeletesRef::Object(object) = &deletes.location else { panic!("deletes inline") };
    let path = Path::from(format!("account/1/{}", object.path));
    let mut bytes = objects.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
    bytes[5_000] ^= 1;
    objects.put(&path, bytes.into()).await.unwrap();
    assert_eq!(store.read_deletes(&deletes).await.unwrap_err().kind(), ErrorKind::Corrupted);
}

#[tokio::test]
async fn a_clone_that_is_read_after_the_cache_was_cleared_loads_again() {
    let counting = CountingStore::new(Arc::new(InMemory::new()));
    let store: SegmentStore = segment_store(Arc::new(counting.clone()) as Arc<dyn ObjectStore>);
    let batch = every_type(0, 300);
    let segments = write(&store, std::slice::from_ref(&batch), small()).await;
    read(&store, &segments, &batch).await.unwrap();
    assert!(store.cache().statistics().bytes > 10_000);
    store.cache().clear();
    assert_eq!(store.cache().statistics().bytes, 0);
    counting.reset();
    assert_eq!(read(&store, &segments, &batch).await.unwrap(), batch);
    assert_eq!(counting.counts().requests(), 5, "two footers and three row groups");
}

#[tokio::test]
async fn a_column_without_null_has_no_mask() {
    let (store, _) = counted();
    let batch = every_type(0, 100).project(&[0]).unwrap();
    let segments = write(&store, &[batch], small()).await;
    let segment = store.open(&segments[0]).await.unwrap();
    let found = store.read(&segment, 0, &[ColumnId::ROW_ID]).await.unwrap();
    assert!(found[0].as_ref().unwrap().nulls().is_none());
}

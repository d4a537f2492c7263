use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use icecore_testkit::{CountingStore, Fault, FaultyStore, Rule, Verb};
use icecore_types::{ByteSize, ErrorKind, SegmentLocation};
use object_store::memory::InMemory;
use proptest::prelude::*;

use crate::samples::{TABLE, counted, every_type, read, segment_store, small, write};
use crate::{Statistics, WriteOptions};

#[tokio::test]
async fn nothing_written_is_no_segment() {
    let (store, counting) = counted();
    let batch = every_type(0, 0);
    let mut writer = store.writer(TABLE, batch.schema(), WriteOptions::default());
    writer.write(batch).await.unwrap();
    assert_eq!(writer.rows(), 0);
    assert_eq!(writer.finish().await.unwrap(), []);
    assert_eq!(counting.counts().requests(), 0);
}

#[tokio::test]
async fn a_segment_is_one_put() {
    let (store, counting) = counted();
    let segments = write(&store, &[every_type(0, 450)], small()).await;
    assert_eq!(segments.len(), 3);
    assert_eq!(counting.counts().requests(), 3);
    let written: u64 = segments.iter().map(|segment| segment.stored_bytes()).sum();
    assert_eq!(counting.counts().of(Verb::Put).bytes(), written);
    let known = Statistics::decode(&segments[2].statistics).unwrap();
    assert_eq!((known.rows, known.columns.len()), (50, 15));
}

#[tokio::test]
async fn bytes_end_row_groups_and_segments_too() {
    let (store, _) = counted();
    let text = "x".repeat(100);
    let rows = |count: i64| -> RecordBatch {
        let long = (0..count).map(|row| Some(format!("{row}{text}")));
        let array: ArrayRef = Arc::new(arrow::array::StringViewArray::from_iter(long));
        RecordBatch::try_from_iter_with_nullable([("1", array, true)]).unwrap()
    };
    let options = WriteOptions {
        row_group_bytes: ByteSize::kib(12),
        segment_bytes: ByteSize::kib(36),
        ..small()
    };
    let options = WriteOptions { row_group_rows: 1 << 20, segment_rows: 1 << 20, ..options };
    let segments = write(&store, &[rows(1_000)], options).await;
    assert!((3..=6).contains(&segments.len()), "{} segments", segments.len());
    let segment = store.open(&segments[0]).await.unwrap();
    assert!(segment.row_groups().len() >= 3);
    assert!(segment.row_groups().iter().all(|group| group.rows <= 110));
    assert_eq!(read(&store, &segments, &rows(1)).await.unwrap(), rows(1_000));
}

#[tokio::test]
async fn what_segments_cannot_hold_is_refused() {
    let (store, _) = counted();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(1)]));
    let missing: ArrayRef = Arc::new(Int64Array::from(vec![None]));
    for columns in [
        vec![("1", text)],
        vec![("DELAY", number.clone())],
        vec![("01", number.clone())],
        vec![("1", number.clone()), ("1", number.clone())],
        vec![("0", missing)],
    ] {
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, array)| (name, array, true)),
        )
        .unwrap();
        let mut writer = store.writer(TABLE, batch.schema(), small());
        let error = writer.write(batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
    let batch = RecordBatch::try_from_iter([("1", number)]).unwrap();
    let mut writer = store.writer(TABLE, every_type(0, 1).schema(), small());
    assert!(writer.write(batch).await.is_err());
}

/// Whatever operation fails, the writer says so, and nothing that was stored
/// is deleted.
#[tokio::test]
async fn a_failing_store_is_an_error_and_nothing_is_deleted() {
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::SpuriousConflict] {
        for n in 1..=4 {
            let counting = CountingStore::new(Arc::new(InMemory::new()));
            let faulty = FaultyStore::new(Arc::new(counting.clone()));
            faulty.inject(Rule::nth(n, fault).of(Verb::Put));
            let store = segment_store(Arc::new(faulty));
            let batch = every_type(0, 450);
            let mut writer = store.writer(TABLE, batch.schema(), small());
            let written = async {
                writer.write(batch.clone()).await?;
                writer.finish().await
            };
            match written.await {
                Ok(segments) => {
                    assert!(n == 4 || fault == Fault::SpuriousConflict);
                    assert_eq!(read(&store, &segments, &batch).await.unwrap(), batch);
                }
                Err(error) => {
                    assert!(n < 4 && fault != Fault::SpuriousConflict);
                    assert_eq!(error.kind(), ErrorKind::Unavailable);
                }
            }
            assert_eq!(counting.counts().of(Verb::Delete).requests(), 0);
        }
    }
}

#[tokio::test]
async fn a_name_given_twice_never_replaces_an_object() {
    let objects = Arc::new(InMemory::new());
    let first = every_type(0, 150);
    let segments =
        write(&segment_store(objects.clone()), std::slice::from_ref(&first), small()).await;
    // The same bytes under the same name are a lost acknowledgement.
    let again = write(&segment_store(objects.clone()), std::slice::from_ref(&first), small()).await;
    assert_eq!(segments, again);
    let other = segment_store(objects.clone());
    let mut writer = other.writer(TABLE, first.schema(), small());
    writer.write(every_type(1_000, 150)).await.unwrap();
    assert_eq!(writer.finish().await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(read(&segment_store(objects), &segments, &first).await.unwrap(), first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn rows_keep_their_order_however_they_are_cut(
        sizes in proptest::collection::vec(0_usize..90, 1..12),
        row_group_rows in 1_usize..70,
        segment_rows in 1_usize..200,
        inline in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let (store, _) = counted();
            let mut first = 0;
            let batches: Vec<_> = sizes
                .iter()
                .map(|rows| {
                    first += rows;
                    every_type(first - rows, *rows)
                })
                .collect();
            let inline_bytes = ByteSize::kib(if inline { 32 } else { 0 });
            let options =
                WriteOptions { row_group_rows, segment_rows, inline_bytes, ..Default::default() };
            let segments = write(&store, &batches, options).await;
            let found = read(&store, &segments, &every_type(0, 1)).await.unwrap();
            assert_eq!(found, every_type(0, first));
            for (index, segment) in segments.iter().enumerate() {
                if let SegmentLocation::Object { .. } = segment.location {
                    assert!(segment.rows < (segment_rows + row_group_rows) as u64);
                    assert!(
                        index + 1 == segments.len() || segment.rows >= segment_rows as u64
                    );
                }
            }
        });
    }
}

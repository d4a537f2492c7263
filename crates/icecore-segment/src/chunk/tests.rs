use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use icecore_testkit::{CountingStore, Verb};
use icecore_types::{
    ColumnId, Deletes, ErrorKind, Hash, ObjectId, ObjectRef, RowId, SegmentId, SegmentLocation,
    SegmentRef, WriterId,
};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::chunk::segment_path;
use crate::samples::{TABLE, counted, every_type, segment_store, small, write};
use crate::{
    ColumnStatistics, DeletionVector, Scalar, SegmentStore, Statistics, WriteOptions, bounds,
};

type Entry = (Arc<SegmentRef>, Option<Deletes>);

/// A segment that is only a reference, with statistics of `columns` columns.
fn made_up(number: u64, columns: u32) -> Entry {
    let id = SegmentId::new(WriterId::from_bits(9), number);
    let first = number as i64 * 1_000;
    let mut statistics = Statistics { rows: 1_000, ..Statistics::default() };
    for column in 1..=columns {
        let integers = column % 3 != 0;
        let bound = |value: i64| match integers {
            true => Scalar::Integer(value),
            false => Scalar::Text(format!("{value:020}")),
        };
        let known = ColumnStatistics {
            null_count: u64::from(column),
            min: Some(bound(first)),
            max: (number % 7 != 3).then(|| bound(first + 999)),
            min_exact: true,
            distinct: Some(995),
            total_bytes: 8_000,
            ..ColumnStatistics::default()
        };
        statistics.columns.insert(ColumnId::new(column), known);
    }
    let segment = SegmentRef {
        id,
        table: TABLE,
        rows: 1_000,
        first_row_id: RowId::new(number * 1_000),
        location: SegmentLocation::Object {
            object: ObjectRef {
                path: segment_path(id).into(),
                size_bytes: 12_345 + number,
                hash: Hash::of(&number.to_le_bytes()),
            },
            footer_bytes: 345,
            footer_hash: Hash::of(b"footer"),
        },
        statistics: statistics.encode(),
    };
    (Arc::new(segment), None)
}

#[tokio::test]
async fn everything_comes_back() {
    let (store, _) = counted();
    let mut entries: Vec<Entry> = Vec::new();
    for segment in write(&store, &[every_type(0, 650)], small()).await {
        entries.push((Arc::new(segment), None));
    }
    for segment in write(&store, &[every_type(0, 3)], WriteOptions::default()).await {
        entries.push((Arc::new(segment), None));
    }
    // A column that was added later, a segment without statistics, an object
    // of an unusual name.
    let (later, _) = made_up(5, 17);
    let mut known = Statistics::decode(&later.statistics).unwrap();
    known.columns.retain(|id, _| id.get() == 17);
    entries.push((Arc::new(SegmentRef { statistics: known.encode(), ..(*later).clone() }), None));
    let mut bare = SegmentRef::clone(&entries[0].0);
    bare.statistics = Statistics { rows: bare.rows, ..Statistics::default() }.encode();
    if let SegmentLocation::Object { object, .. } = &mut bare.location {
        object.path = "segment/elsewhere".into();
    }
    entries.push((Arc::new(bare), None));
    for (index, step) in [(0, 50), (1, 3)] {
        let vector: DeletionVector = (0..100_000).step_by(step).collect();
        entries[index].1 = Some(store.write_deletes(&vector).await.unwrap());
    }

    let written = store.write_chunk(TABLE, entries.clone()).await.unwrap();
    assert_eq!(written.segments, entries.len() as u64);
    assert_eq!(written.rows, entries.iter().map(|(segment, _)| segment.rows).sum::<u64>());
    assert_eq!(written.table, TABLE);
    let chunk = store.open_chunk(&written).await.unwrap();
    assert_eq!(chunk.segments().await.unwrap(), entries);
    for (index, (segment, deletes)) in entries.iter().enumerate() {
        let found = chunk.segment(index).unwrap();
        assert_eq!(found.location, segment.location);
        assert_eq!(&chunk.deletes(index).unwrap(), deletes);
        assert_eq!(Statistics::decode(&found.statistics).unwrap().rows, segment.rows);
    }
    assert!(chunk.segment(entries.len()).is_err());
}

#[tokio::test]
async fn pruning_reads_one_column_of_many() {
    let (store, counting) = counted();
    let entries: Vec<_> = (0..4_096).map(|number| made_up(number, 30)).collect();
    let chunk = store.write_chunk(TABLE, entries.clone()).await.unwrap();
    assert_eq!(counting.counts().requests(), 1);
    counting.reset();
    let chunk = store.open_chunk(&chunk).await.unwrap();
    assert_eq!(counting.counts().of(Verb::GetRange).requests(), 2, "footer and references");
    assert_eq!(chunk.len(), 4_096);

    counting.reset();
    let column = ColumnId::new(2);
    let found = chunk.bounds(column, &DataType::Int64).await.unwrap();
    let read = counting.counts();
    assert_eq!(read.requests(), 1);
    assert!(read.bytes() * 10 < chunk.content.object.size_bytes, "{} bytes", read.bytes());
    let known: Vec<_> = entries
        .iter()
        .map(|(segment, _)| Statistics::decode(&segment.statistics).unwrap())
        .collect();
    let expected = bounds(&known.iter().collect::<Vec<_>>(), column, &DataType::Int64);
    assert_eq!(&found.mins, &expected.mins);
    assert_eq!(&found.maxes, &expected.maxes);
    assert_eq!(found.null_counts, expected.null_counts);
    assert_eq!(found.rows, expected.rows);
    assert_eq!(found.mins.as_primitive::<Int64Type>().value(77), 77_000);

    chunk.bounds(column, &DataType::Int64).await.unwrap();
    assert_eq!(counting.counts().requests(), 1, "the second time from the cache");
    let unknown = chunk.bounds(ColumnId::new(99), &DataType::Utf8View).await.unwrap();
    assert_eq!(unknown.mins.null_count(), 4_096);
    assert_eq!(unknown.null_counts.null_count(), 4_096);
}

#[tokio::test]
async fn its_own_statistics_are_those_of_all_segments() {
    let (store, _) = counted();
    let entries: Vec<_> = (10..20).map(|number| made_up(number, 4)).collect();
    let chunk = store.write_chunk(TABLE, entries).await.unwrap();
    let known = Statistics::decode(&chunk.statistics).unwrap();
    let column = &known.columns[&ColumnId::new(1)];
    assert_eq!((known.rows, column.null_count), (10_000, 10));
    assert_eq!(column.min, Some(Scalar::Integer(10_000)));
    assert_eq!(column.max, None, "segments 10 and 17 do not know theirs");
}

#[tokio::test]
async fn what_is_no_chunk_is_refused() {
    let (store, _) = counted();
    let refused = [
        (TABLE, vec![]),
        (TABLE, (0..4_097).map(|number| made_up(number, 1)).collect()),
        (ObjectId::from_bits(8), vec![made_up(0, 1)]),
    ];
    for (table, entries) in refused {
        let error = store.write_chunk(table, entries).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}

async fn everything(
    store: SegmentStore,
    chunk: &icecore_types::ChunkRef,
) -> Result<Vec<Entry>, icecore_types::Error> {
    store.open_chunk(chunk).await?.segments().await
}

#[tokio::test]
async fn damage_is_an_error_or_changes_nothing() {
    let objects = Arc::new(InMemory::new());
    let store = segment_store(objects.clone());
    let entries = vec![made_up(1, 3), made_up(2, 2)];
    let chunk = store.write_chunk(TABLE, entries.clone()).await.unwrap();
    let path = Path::from(format!("account/1/{}", chunk.object.path));
    let good = objects.get(&path).await.unwrap().bytes().await.unwrap();
    for at in (0..good.len()).step_by(3) {
        let mut damaged = good.to_vec();
        damaged[at] ^= 0x40;
        objects.put(&path, damaged.into()).await.unwrap();
        match everything(segment_store(objects.clone()), &chunk).await {
            Ok(found) => assert_eq!(found, entries, "byte {at}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupted, "byte {at}: {error}"),
        }
    }
    objects.put(&path, good.slice(..good.len() - 10).into()).await.unwrap();
    assert!(everything(segment_store(objects), &chunk).await.is_err());
}

/// One segment with a hundred columns: bytes in the chunk and bytes that
/// pruning on two of them reads.
#[tokio::test]
async fn a_wide_table_stays_small() {
    let counting = CountingStore::new(Arc::new(InMemory::new()));
    let store = segment_store(Arc::new(counting.clone()));
    let entries: Vec<_> = (0..1_024).map(|number| made_up(number, 100)).collect();
    let chunk = store.write_chunk(TABLE, entries).await.unwrap();
    let per_segment = chunk.object.size_bytes / chunk.segments;
    assert!(per_segment < 1_500, "{per_segment} bytes a segment");
    let chunk = store.open_chunk(&chunk).await.unwrap();
    counting.reset();
    for column in [1, 50] {
        chunk.bounds(ColumnId::new(column), &DataType::Int64).await.unwrap();
    }
    assert!(counting.counts().bytes() < 1_024 * 30, "{} bytes", counting.counts().bytes());
}

//! Rows and stores for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
    Int64Array, RecordBatch, StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::compute::concat_batches;
use icecore_testkit::CountingStore;
use icecore_types::{ByteSize, ColumnId, ObjectId, SegmentId, SegmentRef, WriterId};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::{ColumnCache, SegmentStore, WriteOptions};

pub(crate) const TABLE: ObjectId = ObjectId::from_bits(7);

pub(crate) fn segment_store(store: Arc<dyn ObjectStore>) -> SegmentStore {
    let counter = AtomicU64::new(0);
    let names =
        move || SegmentId::new(WriterId::from_bits(1), counter.fetch_add(1, Ordering::Relaxed));
    let cache = Arc::new(ColumnCache::new(ByteSize::mib(256)));
    SegmentStore::new(store, "account/1".into(), Arc::new(names), cache)
}

pub(crate) fn counted() -> (SegmentStore, CountingStore) {
    let store = CountingStore::new(Arc::new(InMemory::new()));
    (segment_store(Arc::new(store.clone())), store)
}

/// Never inline, small row groups, two row groups a segment.
pub(crate) fn small() -> WriteOptions {
    WriteOptions {
        segment_rows: 200,
        row_group_rows: 100,
        inline_bytes: ByteSize::bytes(0),
        ..WriteOptions::default()
    }
}

/// Rows `first` and following, with a column of every type: ids 0 to 12.
pub(crate) fn every_type(first: usize, rows: usize) -> RecordBatch {
    let each = || (first..first + rows).map(|row| row as i64);
    // Each column has its NULLs in other rows.
    let some = |column: i64, row: i64| ((row + column) % 5 != 0).then_some(row);
    let longs = |column| each().map(move |row| some(column, row).map(|row| row * 1_000_003 - 7));
    let decimals = |column| each().map(move |row| some(column, row).map(|row| i128::from(row) - 4));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(each().map(|row| Some(row as u64)).collect::<UInt64Array>()),
        Arc::new(longs(1).collect::<Int64Array>()),
        Arc::new(decimals(2).collect::<Decimal128Array>().with_precision_and_scale(7, 2).unwrap()),
        Arc::new(decimals(3).collect::<Decimal128Array>().with_precision_and_scale(18, 3).unwrap()),
        Arc::new(
            decimals(4)
                .map(|value| value.map(|value| value * 10_i128.pow(30)))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(38, 10)
                .unwrap(),
        ),
        Arc::new(
            each().map(|row| some(5, row).map(|row| row as f64 * 0.37)).collect::<Float64Array>(),
        ),
        Arc::new(StringViewArray::from_iter(
            each().map(|row| some(6, row).map(|row| format!("text {}", row % 17))),
        )),
        Arc::new(StringViewArray::from_iter(each().map(|row| {
            some(7, row).map(|row| format!("a comment that is longer than a view: é {row}"))
        }))),
        Arc::new(BinaryViewArray::from_iter(
            each().map(|row| some(8, row).map(|row| (row * row).to_le_bytes())),
        )),
        Arc::new(each().map(|row| some(9, row).map(|row| row % 3 == 0)).collect::<BooleanArray>()),
        Arc::new(each().map(|row| some(10, row).map(|row| row as i32)).collect::<Date32Array>()),
        Arc::new(longs(11).collect::<Time64MicrosecondArray>()),
        Arc::new(longs(12).collect::<TimestampMicrosecondArray>()),
        Arc::new(longs(13).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(Int64Array::new_null(rows)),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().enumerate().map(|(id, array)| (id.to_string(), array, id != 0)),
    )
    .unwrap()
}

pub(crate) fn ids(batch: &RecordBatch) -> Vec<ColumnId> {
    crate::segment::column_ids(&batch.schema()).unwrap()
}

pub(crate) async fn write(
    store: &SegmentStore,
    batches: &[RecordBatch],
    options: WriteOptions,
) -> Vec<SegmentRef> {
    let mut writer = store.writer(TABLE, batches[0].schema(), options);
    for batch in batches {
        writer.write(batch.clone()).await.unwrap();
    }
    writer.finish().await.unwrap()
}

/// All rows of the segments, in order.
pub(crate) async fn read(
    store: &SegmentStore,
    segments: &[SegmentRef],
    like: &RecordBatch,
) -> icecore_types::Result<RecordBatch> {
    let mut batches = Vec::new();
    for segment in segments {
        let segment = store.open(segment).await?;
        for row_group in 0..segment.row_groups().len() {
            let columns = store.read(&segment, row_group, &ids(like)).await?;
            let columns = columns.into_iter().map(Option::unwrap).collect();
            batches.push(RecordBatch::try_new(like.schema(), columns).unwrap());
        }
    }
    Ok(concat_batches(&like.schema(), &batches).unwrap())
}

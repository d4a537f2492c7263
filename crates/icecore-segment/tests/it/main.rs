//! A process of its own, so that its memory is the writer's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use icecore_segment::{ColumnCache, SegmentStore, WriteOptions};
use icecore_types::{ByteSize, ObjectId, SegmentId, WriterId};
use object_store::memory::InMemory;

/// The most memory that this process ever held, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    peak.expect("a peak in kB") * 1024
}

fn batch(first: i64) -> RecordBatch {
    let rows = first..first + 8_192;
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone()));
    let text: ArrayRef = Arc::new(StringViewArray::from_iter_values(
        rows.map(|row| format!("the {}th of two hundred and twenty comments", row % 220)),
    ));
    RecordBatch::try_from_iter([("1", number), ("2", text)]).expect("two columns of equal length")
}

/// 190 MiB of values through a writer whose segments are 8 MiB.
#[cfg(target_os = "linux")]
#[test]
fn writing_much_takes_little_memory() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let counter = AtomicU64::new(0);
        let names =
            move || SegmentId::new(WriterId::from_bits(1), counter.fetch_add(1, Ordering::Relaxed));
        let cache = Arc::new(ColumnCache::new(ByteSize::mib(1)));
        let store =
            SegmentStore::new(Arc::new(InMemory::new()), "a".into(), Arc::new(names), cache);
        let options = WriteOptions {
            segment_bytes: ByteSize::mib(8),
            row_group_bytes: ByteSize::mib(2),
            ..WriteOptions::default()
        };
        let first = batch(0);
        let value_bytes = 8_192 * (8 + 16 + 44);
        let mut writer = store.writer(ObjectId::from_bits(1), first.schema(), options);
        let before = peak_bytes();
        let batches = (190 << 20) / value_bytes;
        for index in 0..batches {
            writer.write(batch(index * 8_192)).await.unwrap();
        }
        let segments = writer.finish().await.unwrap();
        let stored: u64 = segments.iter().map(|segment| segment.stored_bytes()).sum();
        assert!(segments.len() > 20, "{} segments", segments.len());
        // What the memory store keeps is not the writer's.
        let grown = peak_bytes() - before - stored;
        assert!(grown < 40 << 20, "{} MiB", grown >> 20);
    });
}

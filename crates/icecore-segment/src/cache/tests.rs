use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::Int64Array;
use futures::FutureExt;
use icecore_types::{Code, SegmentId, WriterId};
use tokio::sync::Notify;

use super::*;

fn key(column: u32) -> Key {
    let segment = SegmentId::new(WriterId::from_bits(1), 0);
    Key::Column(segment, 0, ColumnId::new(column))
}

fn value(rows: usize) -> Value {
    Value::Array(Arc::new(Int64Array::from_value(1, rows)))
}

async fn ask(cache: &ColumnCache, column: u32, rows: usize) -> ArrayRef {
    let load = || async move { Ok(value(rows)) }.boxed();
    cache.get(key(column), load).await.unwrap().into_array().unwrap()
}

#[tokio::test]
async fn the_longest_unused_is_dropped_first() {
    let cache = ColumnCache::new(ByteSize::kib(30));
    for column in 0..3 {
        ask(&cache, column, 1_000).await;
    }
    ask(&cache, 0, 1_000).await;
    ask(&cache, 3, 1_000).await;
    let before = cache.statistics();
    assert_eq!((before.hits, before.misses), (1, 4));
    assert!(before.bytes <= 30 * 1024);
    ask(&cache, 0, 1_000).await;
    assert_eq!(cache.statistics().misses, 4, "used again, so kept");
    ask(&cache, 1, 1_000).await;
    assert_eq!(cache.statistics().misses, 5, "unused, so dropped");
}

#[tokio::test]
async fn what_is_larger_than_the_cache_is_not_kept() {
    let cache = ColumnCache::new(ByteSize::kib(30));
    ask(&cache, 0, 100).await;
    let kept = cache.statistics().bytes;
    assert_eq!(ask(&cache, 1, 100_000).await.len(), 100_000);
    assert_eq!(cache.statistics().bytes, kept);
}

#[tokio::test]
async fn many_that_miss_at_once_load_once_and_share() {
    let cache = Arc::new(ColumnCache::new(ByteSize::bytes(0)));
    let (loads, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let readers: Vec<_> = (0..10)
        .map(|_| {
            let (cache, loads, go) = (cache.clone(), loads.clone(), go.clone());
            tokio::spawn(async move {
                let load = || {
                    let (loads, go) = (loads.clone(), go.clone());
                    async move {
                        loads.fetch_add(1, Ordering::Relaxed);
                        go.notified().await;
                        Ok(value(10))
                    }
                    .boxed()
                };
                cache.get(key(1), load).await.unwrap().into_array().unwrap()
            })
        })
        .collect();
    while cache.statistics().hits < 9 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    let mut arrays = Vec::new();
    for reader in readers {
        arrays.push(reader.await.unwrap());
    }
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    assert!(arrays.iter().all(|array| Arc::ptr_eq(array, &arrays[0])));
    assert_eq!(cache.statistics().bytes, 0, "nothing fits, and it was shared all the same");
}

#[tokio::test]
async fn a_cancelled_or_failed_load_is_taken_over() {
    let cache = Arc::new(ColumnCache::new(ByteSize::kib(10)));
    let stuck = || std::future::pending::<Result<Value>>().boxed();
    let mut first = Box::pin(cache.get(key(1), stuck));
    assert!(first.as_mut().now_or_never().is_none());
    let other = tokio::spawn({
        let cache = cache.clone();
        async move { ask(&cache, 1, 10).await }
    });
    while cache.statistics().hits < 1 {
        tokio::task::yield_now().await;
    }
    drop(first);
    assert_eq!(other.await.unwrap().len(), 10);

    let failing = || async { Err(Error::new(Code::STORE_UNAVAILABLE, "away")) }.boxed();
    assert!(cache.get(key(2), failing).await.is_err());
    assert_eq!(ask(&cache, 2, 20).await.len(), 20);
}

//! What the catalog costs: a clone, a commit, an opening, a plan.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use icecore_benches::{Counted, fake_segments};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEGMENTS: [u64; 3] = [1, 1_000, 100_000];

/// An engine whose table T has this many segments.
async fn world(segments: u64) -> Counted {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    fake_segments(&store, segments).await.unwrap();
    let world = Counted::open(store).await.unwrap();
    world
        .session
        .execute("CREATE DATABASE other; CREATE TABLE other.public.u (n INT)")
        .await
        .unwrap();
    world
}

fn clone(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("clone a table");
    for segments in SEGMENTS {
        let world = runtime.block_on(world(segments));
        let next = AtomicU64::new(0);
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let name = next.fetch_add(1, Ordering::Relaxed);
                let sql = format!("CREATE TABLE other.public.t{name} CLONE icecore.public.t");
                world.session.execute(&sql).await.unwrap();
            });
        });
    }
}

fn commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("insert a row");
    for segments in SEGMENTS {
        let world = runtime.block_on(world(segments));
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                world.session.execute("INSERT INTO icecore.public.t VALUES (7)").await.unwrap();
            });
        });
    }
}

fn open(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("open");
    for segments in SEGMENTS {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        runtime.block_on(fake_segments(&store, segments)).unwrap();
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                Counted::open(Arc::clone(&store)).await.unwrap();
            });
        });
    }
}

fn plan(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("plan a point query");
    for segments in SEGMENTS {
        let world = runtime.block_on(world(segments));
        group.bench_function(BenchmarkId::from_parameter(segments), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let query =
                    world.session.sql("SELECT n FROM icecore.public.t WHERE n = 42").await.unwrap();
                query.create_physical_plan().await.unwrap()
            });
        });
    }
}

criterion_group!(metadata, clone, commit, open, plan);
criterion_main!(metadata);

//! What a commit of one row costs, however large its table is.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use icecore_benches::{Counted, Outcome, Report, Rounds, fake_segments, millis, number};
use icecore_snapshot::{Durability, open_store};
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::rate;

const SEGMENTS: [u64; 2] = [1, 100_000];

#[derive(Args)]
pub struct Options {
    /// Commits whose requests and bytes are counted.
    #[arg(long, default_value_t = 101)]
    rounds: usize,
    /// Seconds for each commit rate.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

pub async fn run(options: Options) -> Outcome {
    sizes(options.rounds).await?;
    rates(Duration::from_secs_f64(options.seconds)).await
}

async fn sizes(rounds: usize) -> Outcome {
    let mut worlds = Vec::new();
    for segments in SEGMENTS {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        fake_segments(&store, segments).await?;
        worlds.push((segments, Counted::open(store).await?, Rounds::default(), Vec::new()));
    }
    for _ in 0..rounds {
        for (_, world, times, bytes) in &mut worlds {
            let put = world.one_put("INSERT INTO t VALUES (7)").await?;
            times.add(put.time);
            bytes.push(put.bytes);
        }
    }
    let mut report = Report::new(
        "Commit of one row: one PUT, no other request, equal bytes",
        &["segments of the table", "INSERT", "record, bytes"],
    );
    for (segments, _, times, bytes) in &worlds {
        assert_eq!(*bytes, worlds[0].3, "bytes of a commit depend on the table's size");
        let most = bytes.iter().copied().max().unwrap_or_default();
        report.row(&[&number(*segments), &millis(times.median()), &number(most)]);
    }
    report.print();
    println!("medians of {rounds} rounds, in memory\n");
    Ok(())
}

async fn rates(span: Duration) -> Outcome {
    let folder = tempfile::tempdir()?;
    let url = folder.path().to_str().ok_or("a folder whose name is no text")?;
    let stores: [(&str, Arc<dyn ObjectStore>); 2] = [
        ("memory", Arc::new(InMemory::new())),
        ("durable folder", open_store(url, Durability::Full)?),
    ];
    let mut report = Report::new(
        "Commits per second",
        &["INSERT of one row", "sessions", "commits/s", "commits per PUT", "median"],
    );
    for (name, store) in stores {
        let world = Counted::open(store).await?;
        for sessions in [1, 16] {
            let rate = rate::measure(&world, sessions, span).await?;
            report.row(&[
                &name,
                &sessions,
                &number(rate.per_second() as u64),
                &format!("{:.1}", rate.per_put()),
                &millis(rate.times.median()),
            ]);
        }
    }
    report.print();
    println!(
        "{:.0} s each; durable: file and folder synced before each answer\n",
        span.as_secs_f64()
    );
    Ok(())
}

//! What a clone costs, however much it is a clone of.

use std::sync::Arc;

use clap::Args;
use icecore_benches::{Counted, Outcome, Report, Rounds, fake_segments, millis, number};
use object_store::ObjectStore;
use object_store::memory::InMemory;

const SEGMENTS: [u64; 3] = [1, 1_000, 100_000];
const KINDS: [&str; 3] = ["table", "schema", "database"];

#[derive(Args)]
pub struct Options {
    /// Clones of each kind and size.
    #[arg(long, default_value_t = 41)]
    rounds: usize,
}

/// An account whose table has so many segments, and what its clones cost.
struct Size {
    world: Counted,
    times: [Rounds; 3],
    /// Bytes of each record, in the order of the clones.
    bytes: [Vec<u64>; 3],
}

impl Size {
    async fn new(segments: u64) -> Outcome<Self> {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        fake_segments(&store, segments).await?;
        let world = Counted::open(store).await?;
        // Clones go elsewhere, so that what is cloned stays as it is.
        world.session.execute("CREATE DATABASE other; CREATE SCHEMA other.s").await?;
        Ok(Self { world, times: Default::default(), bytes: Default::default() })
    }

    async fn round(&mut self, round: usize) -> Outcome {
        let statements = [
            format!("CREATE TABLE other.s.t{round:04} CLONE icecore.public.t"),
            format!("CREATE SCHEMA other.s{round:04} CLONE icecore.public"),
            format!("CREATE DATABASE d{round:04} CLONE icecore"),
        ];
        for (kind, sql) in statements.iter().enumerate() {
            let put = self.world.one_put(sql).await?;
            self.times[kind].add(put.time);
            self.bytes[kind].push(put.bytes);
        }
        Ok(())
    }
}

pub async fn run(options: Options) -> Outcome {
    let mut sizes = Vec::new();
    for segments in SEGMENTS {
        sizes.push(Size::new(segments).await?);
    }
    for round in 0..options.rounds {
        for size in &mut sizes {
            size.round(round).await?;
        }
    }
    let mut report = Report::new(
        "Clone: one PUT, no other request, equal bytes",
        &["clone of a", "1 segment", "1,000", "100,000", "100,000 : 1", "record, bytes"],
    );
    for (kind, name) in KINDS.iter().enumerate() {
        let bytes = &sizes[0].bytes[kind];
        for size in &sizes {
            assert_eq!(&size.bytes[kind], bytes, "bytes of a {name}'s clone differ");
        }
        let medians: Vec<_> = sizes.iter().map(|size| size.times[kind].median()).collect();
        let ratio = medians[2].as_secs_f64() / medians[0].as_secs_f64();
        report.row(&[
            name,
            &millis(medians[0]),
            &millis(medians[1]),
            &millis(medians[2]),
            &format!("{ratio:.2}"),
            &number(bytes.iter().copied().max().unwrap_or_default()),
        ]);
    }
    report.print();
    println!("medians of {} rounds, in memory\n", options.rounds);
    Ok(())
}

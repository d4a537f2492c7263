//! Commits per second of sessions that insert at the same time.

use std::time::Duration;

use futures::future::try_join_all;
use icecore::Session;
use icecore_benches::{Counted, Failure, Outcome, Rounds, Stopwatch};
use icecore_testkit::Verb;

/// How many commits there were in some time.
pub struct Rate {
    /// What each of them took.
    pub times: Rounds,
    span: Duration,
    puts: usize,
}

impl Rate {
    pub fn per_second(&self) -> f64 {
        self.times.count() as f64 / self.span.as_secs_f64()
    }

    pub fn per_put(&self) -> f64 {
        self.times.count() as f64 / self.puts.max(1) as f64
    }
}

/// Inserts a row at a time for `span`, from so many sessions, each into a
/// table of its own.
pub async fn measure(world: &Counted, sessions: usize, span: Duration) -> Outcome<Rate> {
    let mut ready = Vec::new();
    for table in 0..sessions {
        let session = world.lake.session().await?;
        session.execute(&format!("CREATE OR REPLACE TABLE t{table} (n INT)")).await?;
        ready.push((session, format!("INSERT INTO t{table} VALUES (7)")));
    }
    world.store.reset();
    let watch = Stopwatch::start();
    let running = ready.into_iter().map(|(session, sql)| {
        let work = insert(session, sql, watch, span);
        async move { tokio::spawn(work).await.map_err(Failure::from)? }
    });
    let times = try_join_all(running).await?.into_iter().flatten().collect();
    let puts = world.store.counts().of(Verb::Put).under("/log/").requests();
    Ok(Rate { times, span: watch.elapsed(), puts })
}

async fn insert(
    session: Session,
    sql: String,
    watch: Stopwatch,
    span: Duration,
) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    while watch.elapsed() < span {
        let one = Stopwatch::start();
        session.execute(&sql).await?;
        times.push(one.elapsed());
    }
    Ok(times)
}

//! Channels: rows and offset token are one commit.

use std::sync::Arc;
use std::time::Duration;

use icecore::arrow::array::{Int64Array, RecordBatch};
use icecore::{Channel, ErrorKind, Icecore, Settings};
use icecore_testkit::{Fault, FaultyStore, Rule, TestEnv};
use object_store::memory::InMemory;

use crate::{engine, rows};

fn batch(numbers: impl IntoIterator<Item = i64>) -> RecordBatch {
    let column = Arc::new(Int64Array::from_iter_values(numbers)) as _;
    RecordBatch::try_from_iter([("n", column)]).unwrap()
}

async fn channel(lake: &Icecore, name: &str) -> icecore::Result<Channel> {
    lake.session().await?.table("t").await?.channel(name).await
}

#[tokio::test]
async fn a_channel_goes_on_where_it_was() {
    let lake = engine().await;
    let session = lake.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT)").await.unwrap();
    let first = channel(&lake, "c1").await.unwrap();
    assert_eq!(first.latest_committed_offset_token().await.unwrap(), None);
    first.append([batch(1..=3)]).offset_token("3").await.unwrap();
    first.append([batch(4..=4)]).await.unwrap();
    assert_eq!(first.latest_committed_offset_token().await.unwrap().as_deref(), Some("3"));
    first.buffer([batch(5..=6)], Some("6")).await.unwrap();
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, ["4"]);

    // Whoever opens it has it, without what was not flushed.
    let second = channel(&lake, "C1").await.unwrap();
    assert_eq!(second.latest_committed_offset_token().await.unwrap().as_deref(), Some("3"));
    let error = first.flush().await.unwrap_err();
    assert!(error.message().contains("somebody else has opened it"), "{error}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    second.append([batch(5..=5)]).offset_token("5").await.unwrap();
    second.buffer([batch(6..=6)], Some("6")).await.unwrap();
    second.buffer([batch(7..=7)], Some("7")).await.unwrap();
    let commit = second.flush().await.unwrap().unwrap();
    assert_eq!(commit.version(), lake.version(), "one commit for both");
    assert_eq!(second.latest_committed_offset_token().await.unwrap().as_deref(), Some("7"));
    let found = rows(&session, "SELECT n FROM t ORDER BY n").await;
    assert_eq!(found, ["1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn channels_are_shown_and_dropped_when_idle() {
    let lake = engine().await;
    let session = lake.session().await.unwrap();
    session.execute("CREATE TABLE t (n INT); CREATE TABLE u (n INT)").await.unwrap();
    let one = channel(&lake, "c1").await.unwrap();
    channel(&lake, "c2").await.unwrap();
    session.table("u").await.unwrap().channel("c1").await.unwrap();
    one.append([batch(1..=2)]).offset_token("x").await.unwrap();
    let shown = "SELECT \"name\", \"table_name\", \"offset_token\", \"rows_inserted\", \"client_sequencer\" \
                 FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))";
    session.execute("SHOW CHANNELS").await.unwrap();
    assert_eq!(rows(&session, shown).await, ["C1|T|x|2|1", "C2|T|NULL|0|1", "C1|U|NULL|0|1"]);
    session.execute("SHOW CHANNELS LIKE 'c1' IN TABLE t").await.unwrap();
    assert_eq!(rows(&session, shown).await, ["C1|T|x|2|1"]);

    lake.advance(Duration::from_secs(29 * 86_400)).await.unwrap();
    one.append([batch(3..=3)]).offset_token("y").await.unwrap();
    lake.advance(Duration::from_secs(2 * 86_400)).await.unwrap();
    session.execute("SHOW CHANNELS IN ACCOUNT").await.unwrap();
    assert_eq!(rows(&session, shown).await, ["C1|T|y|3|1"], "the others were idle for 31 days");
    // A table takes its channels along.
    session.execute("DROP TABLE t").await.unwrap();
    let error = one.append([batch(4..=4)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(one.latest_committed_offset_token().await.is_err());
    session.execute("UNDROP TABLE t").await.unwrap();
    assert_eq!(one.latest_committed_offset_token().await.unwrap().as_deref(), Some("y"));
}

async fn open(store: &FaultyStore, seed: u64) -> icecore::Result<Icecore> {
    let env = TestEnv::new(Arc::new(store.clone()), seed).env;
    Icecore::builder("memory://")
        .env(env)
        .settings(Settings { threads: 1, ..Settings::default() })
        .await
}

/// A program that sends 1 to 8 and says how far it has come; after a failure
/// it starts again from what the channel says.
async fn send(lake: &Icecore) -> icecore::Result<()> {
    let channel = channel(lake, "c").await?;
    let token = channel.latest_committed_offset_token().await?;
    let done: i64 = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    for n in done + 1..=8 {
        if n % 3 == 0 {
            channel.buffer([batch(n..=n)], Some(&n.to_string())).await?;
        } else {
            channel.append([batch(n..=n)]).offset_token(&n.to_string()).await?;
        }
    }
    channel.flush().await.map(drop)
}

/// One fault at each operation in turn: every row arrives once.
async fn at_every_operation(fault: Fault) {
    let mut n = 0;
    loop {
        n += 1;
        let store = FaultyStore::new(Arc::new(InMemory::new()));
        let lake = open(&store, 1).await.unwrap();
        lake.session().await.unwrap().execute("CREATE TABLE t (n INT)").await.unwrap();
        let before = store.operations();
        store.inject(Rule::nth(n, fault));
        let sent = send(&lake).await;
        let operations = store.operations() - before;
        drop(lake);
        store.heal();
        let lake = open(&store, 2 + n).await.unwrap();
        if sent.is_err() {
            send(&lake).await.unwrap();
        }
        let session = lake.session().await.unwrap();
        let found = rows(&session, "SELECT n FROM t ORDER BY n").await;
        assert_eq!(found, ["1", "2", "3", "4", "5", "6", "7", "8"], "{fault:?} n={n} {sent:?}");
        if operations < n {
            return;
        }
    }
}

#[tokio::test]
async fn every_row_arrives_once_whatever_operation_fails() {
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::Crash] {
        at_every_operation(fault).await;
    }
}

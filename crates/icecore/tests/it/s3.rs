//! Engines in a bucket of S3.

use std::sync::Arc;

use icecore::{Icecore, Session, Settings};
use icecore_snapshot::{Durability, StoreOptions, open_store_with};
use icecore_testkit::Moto;
use icecore_types::{Env, RandomIds, SystemClock, SystemTimer};

use crate::rows;

async fn open(server: &Moto, url: &str) -> Session {
    let options = StoreOptions::new(Durability::Full);
    let options = server
        .settings()
        .iter()
        .fold(options, |options, (key, value)| options.s3_setting(key, value));
    let env = Env {
        store: open_store_with(url, &options).unwrap(),
        clock: Arc::new(SystemClock),
        timer: Arc::new(SystemTimer::default()),
        ids: Arc::new(RandomIds),
    };
    let settings = Settings { threads: 1, ..Settings::default() };
    let lake = Icecore::builder(url).env(env).settings(settings).await.unwrap();
    lake.session().await.unwrap()
}

async fn run(session: &Session, sql: &str) {
    session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_lives_in_a_bucket_and_two_engines_lose_nothing() {
    let server = Moto::start().unwrap();
    server.create_bucket("lakes").unwrap();
    let url = "s3://lakes/team/one";
    let one = open(&server, url).await;
    run(&one, "CREATE TABLE t (k INT, n INT)").await;
    run(&one, "INSERT INTO t SELECT SEQ4(), 0 FROM TABLE(GENERATOR(ROWCOUNT => 20000))").await;
    run(&one, "CREATE TABLE c CLONE t").await;
    run(&one, "DELETE FROM t WHERE k < 10").await;
    run(&one, "UPDATE c SET n = 1 WHERE k = 7").await;

    let two = open(&server, url).await;
    let sums = "SELECT (SELECT COUNT(*) FROM t), (SELECT SUM(n) FROM c), (SELECT COUNT(*) FROM c)";
    assert_eq!(rows(&two, sums).await, ["19990|1|20000"]);
    for k in 0..5 {
        let (a, b) =
            (format!("INSERT INTO t VALUES ({k}, 1)"), format!("INSERT INTO t VALUES ({k}, 2)"));
        tokio::join!(run(&one, &a), run(&two, &b));
    }
    let added = "SELECT n, COUNT(*) FROM t WHERE n > 0 GROUP BY n ORDER BY n";
    for session in [&one, &two, &open(&server, url).await] {
        assert_eq!(rows(session, added).await, ["1|5", "2|5"]);
    }
    // Another prefix is another lake.
    let other = open(&server, "s3://lakes/team/two").await;
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'PUBLIC'";
    assert_eq!(rows(&other, tables).await, ["0"]);
}

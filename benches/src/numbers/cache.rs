//! The second run of a query, and that of a clone.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;
use icecore::arrow::array::{Array, RecordBatch};
use icecore_benches::{Counted, Outcome, Report, Rounds, bytes, millis, number};
use icecore_snapshot::{Durability, open_store};

const QUERIES: [(&str, &str); 3] = [
    ("sum of a column", "SELECT SUM(amount) FROM t"),
    ("groups", "SELECT region, COUNT(*), SUM(amount) FROM t GROUP BY region"),
    ("filter on text", "SELECT COUNT(*) FROM t WHERE note LIKE '%99%'"),
];

#[derive(Args)]
pub struct Options {
    /// Rows of the table.
    #[arg(long, default_value_t = 4_000_000)]
    rows: u64,
    /// Openings for the cold runs; ten times as many hot runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

pub async fn run(options: Options) -> Outcome {
    let folder = tempfile::tempdir()?;
    create(folder.path(), options.rows).await?;
    let mut report = Report::new(
        format!("Cache: {} rows on a local folder", number(options.rows)),
        &["query", "cold", "requests", "read", "hot", "requests", "clone", "requests"],
    );
    for (name, sql) in QUERIES {
        let mut cold = Rounds::default();
        for _ in 1..options.rounds {
            let world = open(folder.path()).await?;
            cold.add(world.time_query(sql, 1).await?.median());
        }
        let world = open(folder.path()).await?;
        world.store.reset();
        cold.add(world.time_query(sql, 1).await?.median());
        let first = world.store.counts().under("/segment/");
        assert!(first.requests() > 0, "a cold query reads segments");
        let (again, requests) = hot(&world, sql, options.rounds * 10).await?;
        world.session.execute("CREATE TABLE copy CLONE t").await?;
        let (clone, cloned) = hot(&world, &sql.replace(" t", " copy"), options.rounds * 10).await?;
        world.session.execute("DROP TABLE copy").await?;
        report.row(&[
            &name,
            &millis(cold.median()),
            &first.requests(),
            &bytes(first.bytes()),
            &millis(again.median()),
            &requests,
            &millis(clone.median()),
            &cloned,
        ]);
    }
    report.print();
    let shared = same_allocation(&open(folder.path()).await?).await?;
    println!(
        "medians of {} cold and {} hot runs; the operating system's cache is warm throughout",
        options.rounds,
        options.rounds * 10
    );
    println!("a clone's columns are its source's: {shared} of {shared} allocations are the same\n");
    Ok(())
}

async fn create(folder: &Path, rows: u64) -> Outcome {
    let world = open(folder).await?;
    let create = format!(
        "CREATE TABLE t AS
         SELECT SEQ4() AS id, SEQ4() % 1000 * 1.25 AS amount, SEQ4() % 17 AS region,
                'note ' || (SEQ4() % 5000) AS note
         FROM TABLE(GENERATOR(ROWCOUNT => {rows}))"
    );
    world.session.execute(&create).await?;
    world.lake.close().await?;
    Ok(())
}

async fn open(folder: &Path) -> Outcome<Counted> {
    let url = folder.to_str().ok_or("a folder whose name is no text")?;
    Counted::open(open_store(url, Durability::Full)?).await
}

/// Hot runs, of which none may ask the store for anything.
async fn hot(world: &Counted, sql: &str, rounds: usize) -> Outcome<(Rounds, usize)> {
    world.store.reset();
    let times = world.time_query(sql, rounds).await?;
    let requests = world.store.counts().requests();
    assert_eq!(requests, 0, "a hot query asked the store: {:?}", world.store.counts());
    Ok((times, requests))
}

/// The addresses of a clone's columns in memory and of its source's: as many
/// as there are, and they are the same.
async fn same_allocation(world: &Counted) -> Outcome<usize> {
    world.session.execute("CREATE TABLE copy CLONE t").await?;
    let source = addresses(&rows(world, "t").await?);
    let clone = addresses(&rows(world, "copy").await?);
    assert!(!source.is_empty());
    assert_eq!(source, clone, "a clone's columns were read or copied again");
    world.session.execute("DROP TABLE copy").await?;
    Ok(source.len())
}

async fn rows(world: &Counted, table: &str) -> Outcome<Vec<RecordBatch>> {
    Ok(world.session.execute(&format!("SELECT id, amount FROM {table}")).await?.collect().await?)
}

/// Where the values of all columns begin in memory, slices not told apart.
fn addresses(batches: &[RecordBatch]) -> BTreeSet<usize> {
    let columns = batches.iter().flat_map(RecordBatch::columns);
    let buffers = columns.flat_map(|column| column.to_data().buffers().to_vec());
    buffers.map(|buffer| buffer.data_ptr().as_ptr() as usize).collect()
}

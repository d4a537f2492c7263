use std::collections::BTreeSet;

use super::*;
use crate::fixture::{Row, World, run, some_rows, sorted};

/// The ids of a part's rows, and that its count of them is right.
async fn ids(world: &World, content: &Arc<TableContent>, part: &ScanPart) -> Vec<i64> {
    let scan = TableScan::clone(&world.scan(false));
    let scan = Arc::new(TableScan { content: Arc::clone(content), ..scan });
    let plan = plan_part_scan(scan, part, None, &[], (1, 7)).await.unwrap();
    let found: Vec<i64> = sorted(&run(plan.as_ref()).await).iter().map(|row| row.0).collect();
    assert!(part.rows().is_none_or(|rows| rows == found.len() as u64));
    found
}

async fn assert_between(world: &World, from: (&Arc<TableContent>, &BTreeSet<i64>)) {
    let to = world.content();
    let now: BTreeSet<i64> =
        ids(world, &to, &ScanPart(Part::Without(HashSet::new()))).await.into_iter().collect();
    let changes = table_changes(&world.segments, from.0, &to).await.unwrap();
    let came: Vec<i64> = now.difference(from.1).copied().collect();
    let went: Vec<i64> = from.1.difference(&now).copied().collect();
    let stayed: Vec<i64> = now.intersection(from.1).copied().collect();
    assert_eq!(ids(world, &to, &changes.inserted).await, came);
    assert_eq!(ids(world, from.0, &changes.deleted).await, went);
    assert_eq!(ids(world, &to, &changes.kept).await, stayed);
}

/// Rows that come and go, in segments of their own, of chunks and of both;
/// each version against every later one.
#[tokio::test]
async fn what_came_and_went_is_found_across_folds() {
    let world = World::new().await;
    let mut versions: Vec<(Arc<TableContent>, BTreeSet<i64>)> = Vec::new();
    let mut rows: BTreeSet<i64> = BTreeSet::new();
    versions.push((world.content(), rows.clone()));
    for step in 0..8_i64 {
        let first = step * 100;
        world.append(&some_rows(first..first + 100)).await;
        rows.extend(first..first + 100);
        versions.push((world.content(), rows.clone()));
        let goes = move |row: &Row| row.0 % 13 == step || (row.0 >= first && row.0 < first + 70);
        world.delete(goes).await;
        rows.retain(|id| !(id % 13 == step || (*id >= first && *id < first + 70)));
        versions.push((world.content(), rows.clone()));
        if step % 3 == 2 {
            world.fold().await;
            versions.push((world.content(), rows.clone()));
        }
        for (content, ids) in &versions {
            assert_between(&world, (content, ids)).await;
        }
    }
}

#[tokio::test]
async fn deleted_rows_that_came_back_are_refused() {
    let world = World::new().await;
    world.append(&some_rows(0..10)).await;
    let before = world.content();
    world.delete(|row| row.0 < 5).await;
    let backwards = table_changes(&world.segments, &world.content(), &before).await;
    assert!(backwards.is_err_and(|error| error.message().contains("came back")));
}

use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{BinaryExpr, Column, lit};

use super::*;
use crate::fixture::{World, some_rows};

/// Rows of a group of segments: one each.
const GROUP: i64 = 64;

fn equals(id: i64) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(Arc::new(Column::new("ID", 0)), Operator::Eq, lit(id)))
}

async fn append_singly(world: &World, ids: std::ops::Range<i64>) {
    for id in ids {
        world.append(&some_rows(id..id + 1)).await;
    }
}

async fn listing(scan: &Arc<TableScan>, filters: &[Arc<dyn PhysicalExpr>]) -> Listing {
    Listing::read(scan, filters).await.unwrap()
}

/// What planning looks at does not grow with the segments in no chunk: those of
/// full groups are looked at once, whoever plans next, at whatever version.
#[tokio::test]
async fn statistics_of_segments_are_looked_at_once() {
    let world = World::new().await;
    append_singly(&world, 0..4 * GROUP + 10).await;
    let then = world.scan(false);
    append_singly(&world, 4 * GROUP + 10..6 * GROUP + 5).await;
    let now = world.scan(false);
    assert_eq!(listing(&now, &[]).await.decoded, 6 * GROUP as usize + 5, "all of them, once");
    for filters in [vec![], vec![equals(100)]] {
        let again = listing(&now, &filters).await;
        assert_eq!(again.decoded, 5, "those that are in no full group");
        assert_eq!(again.total, 6 * GROUP as usize + 5);
        // The version in between ends within a group that is full by now.
        assert_eq!(listing(&then, &filters).await.decoded, 10);
    }
}

#[tokio::test]
async fn a_whole_table_is_planned_without_listing_its_segments() {
    let world = World::new().await;
    append_singly(&world, 0..2 * GROUP).await;
    for folded in [false, true] {
        if folded {
            world.fold().await;
        }
        let scan = world.scan(false);
        let whole = listing(&scan, &[]).await;
        assert!(whole.segments.get().is_none());
        assert_eq!((whole.kept, whole.live_rows()), (128, 128));
        assert!(!whole.has_deletes);
        assert_eq!(whole.segments(&scan).await.unwrap().len(), 128);
        let one = listing(&scan, &[equals(100)]).await;
        assert_eq!((one.kept, one.live_rows(), one.total), (1, 1, 128));
    }
}

/// Segments that went are neither counted nor known; their places are not
/// taken by others' ordinals.
#[tokio::test]
async fn removed_segments_are_left_out_of_their_group() {
    let world = World::new().await;
    append_singly(&world, 0..GROUP + 20).await;
    world.delete(|row| row.0 < 10 || row.0 == 70).await;
    let scan = world.scan(true);
    assert_eq!(scan.content.removed_count(), 11);
    let whole = listing(&scan, &[]).await;
    assert_eq!((whole.kept, whole.live_rows(), whole.total), (73, 73, 73));
    assert!(!whole.has_deletes, "what went is not in the statistics either");
    for segment in whole.segments(&scan).await.unwrap() {
        let (found, _) = scan.segment(segment.ordinal).await.unwrap();
        assert_eq!(found.id, segment.reference.id);
    }
    assert!(listing(&scan, &[equals(70)]).await.segments.get().unwrap().is_empty());
    let some = listing(&scan, &[equals(71)]).await;
    let [segment] = some.segments(&scan).await.unwrap() else { panic!("one segment") };
    assert_eq!(scan.segment(segment.ordinal).await.unwrap().0.id, segment.reference.id);
}

#[tokio::test]
async fn deleted_rows_make_counts_estimates_folded_or_not() {
    let world = World::new().await;
    world.append(&some_rows(0..256)).await;
    world.delete(|row| row.0 % 10 == 0).await;
    for folded in [false, true] {
        if folded {
            world.fold().await;
        }
        let scan = world.scan(false);
        let whole = listing(&scan, &[]).await;
        assert!(whole.has_deletes);
        let segments = whole.segments(&scan).await.unwrap();
        let live: u64 = segments.iter().map(ListedSegment::live_rows).sum();
        assert_eq!((whole.live_rows(), live), (230, 230));
    }
}

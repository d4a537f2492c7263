use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt64Type};
use icecore_types::ErrorKind;
use proptest::prelude::*;

use super::*;
use crate::fixture::{
    Row, World, batch, memory, partitioned, rows_of, rows_schema, run, some_rows, sorted,
};

/// Rows of a scan with places, each with `change` applied, as an Update takes
/// them.
fn updates(places: &[RecordBatch], change: impl Fn(Row) -> Row) -> Vec<RecordBatch> {
    let schema = |places: &RecordBatch| {
        let fields = places.schema();
        let (columns, places) = fields.fields().split_at(3);
        Arc::new(Schema::new([places, columns].concat()))
    };
    places
        .iter()
        .map(|places| {
            let rows: Vec<_> = rows_of(places).into_iter().map(&change).collect();
            let columns = [&places.columns()[3..], batch(&rows).columns()].concat();
            RecordBatch::try_new(schema(places), columns).unwrap()
        })
        .collect()
}

async fn contents(world: &World) -> Vec<Row> {
    sorted(&run(world.plan(&[], (2, 8192)).await.as_ref()).await)
}

/// Row ids by the rows' own ids.
async fn row_ids(world: &World) -> BTreeMap<i64, u64> {
    let plan = partitioned(world.scan(true), &[], (1, 8192)).await;
    let mut found = BTreeMap::new();
    for batch in run(plan.as_ref()).await {
        let ids = batch.column(0).as_primitive::<Int64Type>().values().clone();
        let row_ids = batch.column(5).as_primitive::<UInt64Type>().values().clone();
        found.extend(ids.iter().copied().zip(row_ids.iter().copied()));
    }
    found
}

#[tokio::test]
async fn appended_rows_are_there_in_order() {
    let world = World::new().await;
    let rows = some_rows(0..150);
    let batches = |rows: &[Row]| vec![batch(rows), batch(&[])];
    let parts = [batches(&rows[..70]), batches(&rows[70..])];
    let changes = world.write(memory(&parts), WriteKind::Append, None).await;
    assert_eq!((changes.rows, changes.segments.len()), (150, 3));
    assert!(changes.deletes.is_empty() && changes.removed.is_empty());
    assert_eq!(contents(&world).await, rows);

    let nothing = world.write(memory(&[vec![]]), WriteKind::Append, None).await;
    assert_eq!((nothing.rows, nothing.segments.len()), (0, 0));
}

#[tokio::test]
async fn deletes_add_up_and_end_with_the_segment() {
    let world = World::new().await;
    world.append(&some_rows(0..100)).await;
    let first = world.delete(|row| row.0 < 10).await;
    assert_eq!((first.rows, first.deletes.len(), first.removed.len()), (10, 1, 0));
    let second = world.delete(|row| (5..20).contains(&row.0)).await;
    assert_eq!((second.rows, second.deletes[0].1.rows), (10, 20));
    assert_eq!(contents(&world).await, some_rows(20..100));
    let last = world.delete(|row| row.0 < 64).await;
    assert_eq!((last.rows, last.deletes.len(), last.removed.len()), (44, 0, 1));
    assert_eq!(contents(&world).await, some_rows(64..100));
    assert_eq!(world.content().rows(), 36);
    let none = world.delete(|_| false).await;
    assert_eq!((none.rows, none.deletes.len(), none.removed.len()), (0, 0, 0));
}

#[tokio::test]
async fn a_row_that_is_named_twice_goes_once() {
    let world = World::new().await;
    world.append(&some_rows(0..40)).await;
    let scan = world.scan(true);
    let places = world.places(&scan, |row| row.0 % 4 == 0).await;
    let places: Vec<_> = places.iter().map(|batch| batch.project(&[3, 4]).unwrap()).collect();
    let twice = [places.clone(), places];
    let changes = world.write(memory(&twice), WriteKind::Delete, Some(scan)).await;
    assert_eq!((changes.rows, changes.multi_joined_rows), (10, 10));
    assert_eq!(contents(&world).await.len(), 30);
}

#[tokio::test]
async fn updated_rows_keep_their_row_ids() {
    let world = World::new().await;
    world.append(&some_rows(0..100)).await;
    let before = row_ids(&world).await;
    // Twice: the second finds the ids in the hidden column.
    for round in 1..=2 {
        let scan = world.scan(true);
        let places = world.places(&scan, |row| row.0 % 3 == 0).await;
        let change = |row: Row| Row(row.0, Some(format!("round {round}")), None);
        let input = updates(&places, change);
        let changes = world.write(memory(&[input]), WriteKind::Update, Some(scan)).await;
        assert_eq!((changes.rows, changes.multi_joined_rows), (34, 0));
        let rows = contents(&world).await;
        assert_eq!(rows.len(), 100);
        let changed = rows.iter().filter(|row| row.1 == Some(format!("round {round}")));
        assert_eq!(changed.count(), 34);
    }
    assert_eq!(row_ids(&world).await, before);
}

#[tokio::test]
async fn of_several_new_rows_for_one_the_first_counts() {
    let world = World::new().await;
    world.append(&some_rows(0..40)).await;
    let scan = world.scan(true);
    let places = world.places(&scan, |row| row.0 < 5).await;
    let named = |name: &'static str| move |row: Row| Row(row.0, Some(name.into()), None);
    let input = [updates(&places, named("first")), updates(&places, named("second"))].concat();
    let changes = world.write(memory(&[input]), WriteKind::Update, Some(scan)).await;
    assert_eq!((changes.rows, changes.multi_joined_rows), (5, 5));
    let rows = contents(&world).await;
    assert_eq!(rows.len(), 40);
    assert!(rows[..5].iter().all(|row| row.1.as_deref() == Some("first")));
}

#[tokio::test]
async fn an_input_of_other_columns_is_refused() {
    let world = World::new().await;
    let target = |scan| WriteTarget {
        table: crate::fixture::TABLE,
        segments: world.segments.clone(),
        schema: rows_schema(),
        options: WriteOptions::default(),
        scan,
        judge: None,
    };
    let rows = || memory(&[vec![batch(&some_rows(0..1))]]);
    let new = |kind, scan| WriteExec::new(rows(), kind, target(scan), ChangesSlot::default());
    assert!(new(WriteKind::Append, None).is_ok());
    for kind in [WriteKind::Delete, WriteKind::Update] {
        assert_eq!(new(kind, Some(world.scan(true))).unwrap_err().kind(), ErrorKind::Internal);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Delete(i64),
    Update(i64),
    Fold,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..90u8).prop_map(Step::Append),
        2 => (2..6i64).prop_map(Step::Delete),
        2 => (2..6i64).prop_map(Step::Update),
        1 => Just(Step::Fold),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The table after any changes is what a plain list would be.
    #[test]
    fn changes_are_what_a_list_would_do(steps in prop::collection::vec(step(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mut model: Vec<Row> = Vec::new();
            let mut next = 0;
            for (number, step) in (0i64..).zip(steps) {
                match step {
                    Step::Append(count) => {
                        let rows = some_rows(next..next + i64::from(count));
                        next += i64::from(count);
                        world.append(&rows).await;
                        model.extend(rows);
                    }
                    Step::Delete(n) => {
                        let goes = |row: &Row| (row.0 + number) % n == 0;
                        let changes = world.delete(goes).await;
                        assert_eq!(changes.rows as usize, model.iter().filter(|r| goes(r)).count());
                        model.retain(|row| !goes(row));
                    }
                    Step::Update(n) => {
                        let hit = |row: &Row| (row.0 + number) % n == 0;
                        let change = |row: Row| Row(row.0, row.1, Some(number as f64));
                        let scan = world.scan(true);
                        let input = updates(&world.places(&scan, hit).await, change);
                        world.write(memory(&[input]), WriteKind::Update, Some(scan)).await;
                        for row in model.iter_mut().filter(|row| hit(row)) {
                            *row = change(row.clone());
                        }
                    }
                    Step::Fold => {
                        world.account.fold(crate::fixture::TABLE, 0, &world).await.unwrap();
                    }
                }
                assert_eq!(contents(&world).await, model);
                assert_eq!(world.content().rows(), model.len() as u64);
            }
        });
    }
}

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion_common::stats::Precision;
use datafusion_common::{ScalarValue, Statistics};
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, is_null, lit,
};
use datafusion_physical_expr::projection::ProjectionExprs;
use datafusion_physical_plan::common::collect;
use datafusion_physical_plan::filter::FilterExec;
use datafusion_physical_plan::projection::ProjectionExec;
use proptest::prelude::*;

use super::*;
use crate::fixture::{
    Row, World, context, context_with_batch_size, partitioned, places_of, rows_schema, run,
    run_with, some_rows, sorted, source,
};

type Expr = Arc<dyn PhysicalExpr>;

fn column(index: usize) -> Expr {
    Arc::new(Column::new(rows_schema().field(index).name(), index))
}

fn compare(index: usize, operator: Operator, value: impl Into<ScalarValue>) -> Expr {
    Arc::new(BinaryExpr::new(column(index), operator, lit(value.into())))
}

fn metric(plan: &Arc<dyn ExecutionPlan>, name: &str) -> usize {
    plan.metrics().unwrap().sum_by_name(name).map_or(0, |value| value.as_usize())
}

fn statistics(plan: &Arc<dyn ExecutionPlan>) -> Statistics {
    let context = datafusion_physical_plan::StatisticsContext::new();
    let arguments = datafusion_physical_plan::StatisticsArgs::new();
    context.compute(plan.as_ref(), &arguments).unwrap().as_ref().clone()
}

#[tokio::test]
async fn every_row_comes_once_however_the_work_is_shared() {
    let world = World::new().await;
    let rows = some_rows(0..333);
    world.append(&rows[..200]).await;
    world.append(&rows[200..]).await;
    world.delete(|row| row.0 % 10 == 0 || (64..128).contains(&row.0)).await;
    let left: Vec<_> =
        rows.into_iter().filter(|row| row.0 % 10 != 0 && !(64..128).contains(&row.0)).collect();
    for folded in [false, true] {
        if folded {
            world.fold().await;
        }
        for partitions in [1, 2, 7] {
            for batch_size in [1, 7, 8192] {
                let plan = world.plan(&[], (partitions, batch_size)).await;
                let batches = run_with(plan.as_ref(), &context_with_batch_size(batch_size)).await;
                let how = format!("folded={folded} partitions={partitions} size={batch_size}");
                assert_eq!(sorted(&batches), left, "{how}");
                assert!(batches.iter().all(|batch| (1..=batch_size).contains(&batch.num_rows())));
                let counted = plan.metrics().unwrap().output_rows();
                assert_eq!(counted, Some(left.len()), "{how}");
            }
        }
    }
}

#[tokio::test]
async fn a_plan_can_be_executed_again_and_twice_at_once() {
    let world = World::new().await;
    let rows = some_rows(0..100);
    world.append(&rows).await;
    let plan = world.plan(&[], (3, 8)).await;
    let (a, b) = (context(), context());
    for context in [&a, &a, &b] {
        assert_eq!(sorted(&run_with(plan.as_ref(), context).await), rows);
    }
    // The partitions of two executions, begun in turns and each at its end
    // before the next one begins.
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for partition in [2, 0, 1] {
        for (context, batches) in [(&a, &mut of_a), (&b, &mut of_b)] {
            let stream = plan.execute(partition, Arc::clone(context)).unwrap();
            batches.extend(collect(stream).await.unwrap());
        }
    }
    assert_eq!(sorted(&of_a), rows);
    assert_eq!(sorted(&of_b), rows);
}

#[tokio::test]
async fn a_partition_that_is_dropped_leaves_the_rest_to_the_others() {
    let world = World::new().await;
    world.append(&some_rows(0..200)).await;
    let plan = world.plan(&[], (2, 4)).await;
    let context = context();
    let dropped = plan.execute(0, Arc::clone(&context)).unwrap();
    let kept = plan.execute(1, context).unwrap();
    drop(dropped);
    let rows: usize = collect(kept).await.unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 200);
}

#[tokio::test]
async fn only_what_may_match_is_read() {
    let world = World::new().await;
    world.append(&some_rows(0..256)).await;
    world.append(&some_rows(1000..1256)).await;
    for folded in [false, true] {
        if folded {
            world.fold().await;
        }
        let filter = compare(0, Operator::Eq, 1100i64);
        let plan = world.plan(&[filter], (1, 8192)).await;
        let text = datafusion_physical_plan::displayable(plan.as_ref()).one_line().to_string();
        assert!(text.contains("IcecoreScan: table=T, segments=1/8, rows=64"), "{text}");
        let rows = sorted(&run(plan.as_ref()).await);
        assert_eq!(rows, some_rows(1096..1112), "one row group of sixteen rows");
        assert_eq!(metric(&plan, "row_groups_read"), 1);
        assert_eq!(metric(&plan, "row_groups_pruned"), 3);
        assert_eq!(metric(&plan, "segments_pruned"), 7);
    }
}

#[tokio::test]
async fn a_filter_that_changes_prunes_what_was_not_read_yet() {
    let world = World::new().await;
    world.append(&some_rows(0..256)).await;
    let dynamic = Arc::new(DynamicFilterPhysicalExpr::new(vec![column(0)], lit(true)));
    let plan = world.plan(&[Arc::clone(&dynamic) as Expr], (1, 16)).await;
    let mut stream = plan.execute(0, context()).unwrap();
    let first = futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(sorted(&[first]), some_rows(0..16));
    // Those of the segment that is open, and those of segments that are not.
    dynamic.update(compare(0, Operator::Gt, 200i64)).unwrap();
    let rest = sorted(&collect(stream).await.unwrap());
    assert_eq!(rest, some_rows(192..256));
    assert_eq!(metric(&plan, "row_groups_read"), 5);
    assert_eq!(metric(&plan, "row_groups_pruned"), 3);
    assert_eq!(metric(&plan, "segments_pruned"), 2);
}

#[tokio::test]
async fn small_batches_are_put_together_and_large_ones_are_not_touched() {
    let world = World::new().await;
    for id in 0..50 {
        world.append(&some_rows(id..id + 1)).await;
    }
    let plan = world.plan(&[], (1, 20)).await;
    let batches = run_with(plan.as_ref(), &context_with_batch_size(20)).await;
    let sizes: Vec<_> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [20, 20, 10]);
    assert_eq!(sorted(&batches), some_rows(0..50));

    world.delete(|_| true).await;
    world.append(&some_rows(0..64)).await;
    let plan = world.plan(&[], (1, 16)).await;
    let columns = |batches: Vec<RecordBatch>| -> Vec<_> {
        let ids =
            |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().as_ptr();
        batches.iter().map(ids).collect()
    };
    let (first, second) = (run(plan.as_ref()).await, run(plan.as_ref()).await);
    assert_eq!(columns(first), columns(second), "both read the same allocation");
}

#[tokio::test]
async fn a_sort_above_is_served_its_end_first() {
    let world = World::new().await;
    world.append(&some_rows(0..256)).await;
    let plan = world.plan(&[], (1, 16)).await;
    let options = arrow::compute::SortOptions { descending: true, nulls_first: true };
    let order = datafusion_physical_expr::PhysicalSortExpr::new(column(0), options);
    let pushed = plan.try_pushdown_sort(&[order]).unwrap();
    let datafusion_physical_plan::SortOrderPushdownResult::Inexact { inner } = pushed else {
        panic!("a sort must be kept")
    };
    let batches = run(inner.as_ref()).await;
    assert_eq!(sorted(&batches[..1]), some_rows(240..256));
    assert_eq!(sorted(&batches), some_rows(0..256));
}

#[tokio::test]
async fn pushed_filters_prune_and_stay_with_whoever_pushed_them() {
    let world = World::new().await;
    world.append(&some_rows(0..256)).await;
    let plan = world.plan(&[], (1, 8192)).await;
    let swapped = ProjectionExprs::from_indices(&[2, 0], &rows_schema());
    use datafusion_datasource::source::DataSource;
    let projected = source(&plan).try_swapping_with_projection(&swapped).unwrap().unwrap();
    let id: Expr = Arc::new(Column::new("ID", 1));
    let filter: Expr = Arc::new(BinaryExpr::new(id, Operator::Lt, lit(10i64)));
    let config = datafusion_common::config::ConfigOptions::default();
    let pushed = projected.try_pushdown_filters(vec![filter], &config).unwrap();
    assert!(matches!(
        pushed.filters.as_slice(),
        [datafusion_physical_plan::filter_pushdown::PushedDown::No]
    ));
    let plan: Arc<dyn ExecutionPlan> = Arc::new(DataSourceExec::new(pushed.updated_node.unwrap()));
    let batches = run(plan.as_ref()).await;
    let ids: Vec<_> = batches
        .iter()
        .flat_map(|batch| batch.column(1).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(ids, (0..16).collect::<Vec<_>>());
    let limited = plan.with_fetch(Some(3));
    assert!(limited.is_none(), "a limit below a filter would be a limit on what was pruned");
}

#[tokio::test]
async fn projections_are_taken_over_if_they_only_choose() {
    let world = World::new().await;
    world.append(&some_rows(0..40)).await;
    let plan = world.plan(&[], (1, 8192)).await;
    let choose = |indices: &[usize], alias: Option<&str>| {
        let exprs = indices.iter().map(|index| {
            let name = alias.unwrap_or(rows_schema().field(*index).name()).to_owned();
            (column(*index), name)
        });
        ProjectionExec::try_new(exprs.collect::<Vec<_>>(), Arc::clone(&plan)).unwrap()
    };
    let swapped = plan.try_swapping_with_projection(&choose(&[2, 2, 0], None)).unwrap().unwrap();
    let batches = run(swapped.as_ref()).await;
    assert_eq!(batches[0].num_columns(), 3);
    assert_eq!(batches[0].column(1).as_primitive::<Float64Type>().value(2), 0.5);
    assert_eq!(batches[0].column(2).as_primitive::<Int64Type>().value(2), 2);
    assert!(plan.try_swapping_with_projection(&choose(&[0], Some("OTHER"))).unwrap().is_none());

    let none = crate::plan_scan(world.scan(false), Some(&vec![]), &[], None, 1, 8192).await;
    let batches = run(none.unwrap().as_ref()).await;
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 40);
    assert_eq!(batches[0].num_columns(), 0);
}

#[tokio::test]
async fn a_limit_ends_the_reading() {
    let world = World::new().await;
    world.append(&some_rows(0..256)).await;
    let plan = crate::plan_scan(world.scan(false), None, &[], Some(20), 1, 8192).await.unwrap();
    assert_eq!(sorted(&run(plan.as_ref()).await), some_rows(0..20));
    assert_eq!(metric(&plan, "row_groups_read"), 2);
    assert_eq!(statistics(&plan).num_rows, Precision::Exact(20));
    let filter = compare(0, Operator::GtEq, 0i64);
    let scan = world.scan(false);
    let filtered = crate::plan_scan(scan, None, &[filter], Some(20), 1, 8192).await.unwrap();
    assert_eq!(sorted(&run(filtered.as_ref()).await).len(), 256, "whoever filters wants more");
}

#[tokio::test]
async fn statistics_are_exact_only_while_they_are() {
    let world = World::new().await;
    let rows = some_rows(0..100);
    world.append(&rows).await;
    let plan = world.plan(&[], (2, 8192)).await;
    let all = statistics(&plan);
    let missing = rows.iter().filter(|row| row.1.is_none()).count();
    assert_eq!(all.num_rows, Precision::Exact(100));
    assert_eq!(all.column_statistics[1].null_count, Precision::Exact(missing));
    assert_eq!(all.column_statistics[0].min_value, Precision::Exact(0i64.into()));
    assert_eq!(all.column_statistics[0].max_value, Precision::Exact(99i64.into()));

    let context = datafusion_physical_plan::StatisticsContext::new();
    let one = datafusion_physical_plan::StatisticsArgs::new().with_partition(Some(1));
    let one = context.compute(plan.as_ref(), &one).unwrap();
    assert_eq!(one.num_rows, Precision::Inexact(50), "who gets which row is not known");

    let filtered = world.plan(&[compare(0, Operator::Gt, 95i64)], (1, 8192)).await;
    assert_inexact(&statistics(&filtered));
    let limited = plan.with_fetch(Some(10)).unwrap();
    assert_eq!(statistics(&limited).num_rows, Precision::Inexact(20), "each of two partitions");
    assert_inexact(&statistics(&limited));

    world.delete(|row| row.0 == 99).await;
    let deleted = statistics(&world.plan(&[], (1, 8192)).await);
    assert_eq!(deleted.num_rows, Precision::Inexact(99));
    assert_inexact(&deleted);
    world.fold().await;
    assert_inexact(&statistics(&world.plan(&[], (1, 8192)).await));
}

fn assert_inexact(statistics: &Statistics) {
    assert_ne!(statistics.num_rows.is_exact(), Some(true));
    for column in &statistics.column_statistics {
        assert_ne!(column.null_count.is_exact(), Some(true));
        assert_ne!(column.min_value.is_exact(), Some(true));
        assert_ne!(column.max_value.is_exact(), Some(true));
    }
}

#[tokio::test]
async fn rows_of_before_a_column_have_the_value_of_before() {
    let world = World::new().await;
    world.append(&some_rows(0..20)).await;
    let mut columns = World::columns();
    let added = |id, name: &str, value_before| ScanColumn {
        id: ColumnId::new(id),
        field: Arc::new(Field::new(name, DataType::Int64, true)),
        value_before,
    };
    columns.push(added(8, "WITH", Some(ScalarValue::Int64(Some(7)))));
    columns.push(added(9, "WITHOUT", None));
    let scan = Arc::new(TableScan { columns, ..world.scan(false).as_ref().clone() });
    let with: Expr = Arc::new(Column::new("WITH", 3));
    let filter: Expr = Arc::new(BinaryExpr::new(with, Operator::Eq, lit(7i64)));
    let plan = partitioned(Arc::clone(&scan), &[filter], (1, 8192)).await;
    let batches = run(plan.as_ref()).await;
    assert_eq!(sorted(&batches), some_rows(0..20), "nothing is pruned by it");
    for batch in &batches {
        let with = batch.column(3).as_primitive::<Int64Type>();
        assert!(with.iter().all(|value| value == Some(7)));
        assert_eq!(batch.column(4).null_count(), batch.num_rows());
    }
    let known = statistics(&plan);
    assert_eq!(known.column_statistics[3].null_count, Precision::Absent);
}

#[tokio::test]
async fn a_column_of_another_type_than_stored_is_damage() {
    let world = World::new().await;
    world.append(&some_rows(0..20)).await;
    let mut columns = World::columns();
    columns[0].field = Arc::new(Field::new("ID", DataType::Utf8View, true));
    let scan = Arc::new(TableScan { columns, ..world.scan(false).as_ref().clone() });
    let plan = partitioned(scan, &[], (1, 8192)).await;
    let error = collect(plan.execute(0, context()).unwrap()).await.unwrap_err();
    let error = crate::from_datafusion(error);
    assert_eq!(error.code(), icecore_types::Code::CORRUPTED, "{error}");
}

#[tokio::test]
async fn places_lead_back_to_their_segments() {
    let world = World::new().await;
    world.append(&some_rows(0..100)).await;
    world.append(&some_rows(100..200)).await;
    world.delete(|row| row.0 < 64 || row.0 == 150).await;
    for folded in [false, true] {
        if folded {
            world.fold().await;
            world.append(&some_rows(200..210)).await;
        }
        let scan = world.scan(true);
        let filter = compare(0, Operator::Gt, 120i64);
        for filters in [vec![], vec![filter]] {
            let plan = partitioned(Arc::clone(&scan), &filters, (2, 5)).await;
            let batches = run(plan.as_ref()).await;
            assert!(sorted(&batches).len() >= 49);
            for batch in batches {
                let ids = batch.column(0).as_primitive::<Int64Type>();
                let row_ids = batch.column(5).as_primitive::<UInt64Type>();
                for (i, (ordinal, position)) in places_of(&batch).into_iter().enumerate() {
                    let (segment, _) = scan.segment(ordinal).await.unwrap();
                    let id = segment.first_row_id.get() + u64::from(position);
                    assert_eq!(ids.value(i), id as i64, "row ids follow the order of appending");
                    assert_eq!(row_ids.value(i), id);
                }
            }
        }
        let beyond = scan.segment(10_000).await.unwrap_err();
        assert_eq!(beyond.kind(), icecore_types::ErrorKind::Internal);
    }
}

/// Numbers that bounds get wrong easily.
fn number() -> impl Strategy<Value = Option<f64>> {
    let special = prop::sample::select(vec![
        Some(f64::NAN),
        Some(0.0),
        Some(-0.0),
        Some(f64::INFINITY),
        Some(f64::NEG_INFINITY),
        None,
    ]);
    prop_oneof![2 => special, 3 => (-5..5).prop_map(|n| Some(f64::from(n) / 2.0))]
}

fn name() -> impl Strategy<Value = Option<String>> {
    let long = "[aä]{60,70}[a-c]?";
    prop_oneof![1 => Just(None), 3 => "[a-d]{0,2}".prop_map(Some), 1 => long.prop_map(Some)]
}

fn filter() -> impl Strategy<Value = Expr> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let operator = prop::sample::select(vec![Eq, NotEq, Lt, LtEq, Gt, GtEq]);
    let leaf = (operator, 0..4usize, -10i64..60, name(), number()).prop_map(
        |(operator, index, id, name, number)| match index {
            0 => compare(0, operator, id),
            1 => compare(1, operator, ScalarValue::Utf8View(name)),
            2 => compare(2, operator, ScalarValue::Float64(number)),
            _ => is_null(column(1 + (id.unsigned_abs() as usize) % 2)).unwrap(),
        },
    );
    leaf.prop_recursive(2, 6, 2, |inner| {
        let operator = prop::sample::select(vec![Operator::And, Operator::Or]);
        (inner.clone(), operator, inner)
            .prop_map(|(a, operator, b)| Arc::new(BinaryExpr::new(a, operator, b)) as Expr)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is filtered, pruning leaves out no row that passes.
    #[test]
    fn pruning_makes_no_difference(
        values in prop::collection::vec((name(), number()), 1..80),
        filters in prop::collection::vec(filter(), 1..8),
        deleted in 0..7i64,
        fold: bool,
    ) {
        let rows: Vec<_> =
            values.into_iter().zip(0..).map(|((name, x), id)| Row(id, name, x)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            world.options.segment_rows = 8;
            world.options.row_group_rows = 4;
            world.append(&rows).await;
            world.delete(|row| row.0 % 7 == deleted).await;
            if fold {
                world.fold().await;
            }
            for filter in filters {
                let mut found = Vec::new();
                for filters in [vec![], vec![Arc::clone(&filter)]] {
                    let plan = world.plan(&filters, (2, 3)).await;
                    let plan = FilterExec::try_new(Arc::clone(&filter), plan).unwrap();
                    found.push(format!("{:?}", sorted(&run(&plan).await)));
                }
                assert_eq!(found[0], found[1], "{filter}");
            }
        });
    }
}

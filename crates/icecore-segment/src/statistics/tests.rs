use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, Decimal128Array, Float64Array, Int64Array, StringViewArray,
};
use arrow::compute::kernels::cmp;
use arrow::datatypes::DataType;
use icecore_types::{ColumnId, ErrorKind};
use proptest::prelude::*;

use super::*;
use crate::bounds;
use crate::samples::every_type;

const ID: ColumnId = ColumnId::new(3);

fn of(array: &ArrayRef) -> ColumnStatistics {
    let mut collector = Collector::default();
    collector.add(array).unwrap();
    collector.finish().0
}

fn known(array: &ArrayRef) -> Statistics {
    let columns = [(ID, of(array))].into();
    Statistics { rows: array.len() as u64, columns }
}

/// Every value lies within the bounds, by the kernels that pruning uses.
fn assert_contains(statistics: &Statistics, array: &ArrayRef) {
    let bounds = bounds(&[statistics], ID, array.data_type());
    let all = |compared: arrow::array::BooleanArray| compared.iter().flatten().all(|yes| yes);
    if bounds.mins.is_valid(0) {
        let min = arrow::array::Scalar::new(bounds.mins);
        assert!(all(cmp::gt_eq(array, &min).unwrap()), "{statistics:?}");
    }
    if bounds.maxes.is_valid(0) {
        let max = arrow::array::Scalar::new(bounds.maxes);
        assert!(all(cmp::lt_eq(array, &max).unwrap()), "{statistics:?}");
    }
    assert_eq!(bounds.null_counts.value(0), array.null_count() as u64);
    assert_eq!(bounds.rows.value(0), array.len() as u64);
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => any::<f64>(),
        2 => prop_oneof![Just(0.0), Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        4 => -5.0..5.0_f64,
        1 => Just(f64::NAN),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "\\PC{0,20}",
        1 => (60_usize..70, "\\PC{0,9}").prop_map(|(n, end)| "z".repeat(n) + &end),
        1 => (10_usize..40).prop_map(|n| "\u{10FFFF}".repeat(n)),
        1 => (30_usize..70).prop_map(|n| "\u{D7FF}".repeat(n)),
    ]
}

/// An array of one of the types with bounds of every kind.
fn any_array() -> impl Strategy<Value = ArrayRef> {
    use proptest::collection::vec;
    use proptest::option::of;
    let bytes = || prop_oneof![3 => vec(any::<u8>(), 0..9), 1 => vec(254_u8..=255, 60..70)];
    let digits = -10_i128.pow(37)..10_i128.pow(37);
    prop_oneof![
        vec(of(any::<i64>()), 0..30).prop_map(|v| Arc::new(Int64Array::from(v)) as ArrayRef),
        vec(of(any_float()), 0..30).prop_map(|v| Arc::new(Float64Array::from(v)) as ArrayRef),
        vec(of(any_text()), 0..30).prop_map(|v| Arc::new(StringViewArray::from(v)) as ArrayRef),
        vec(of(bytes()), 0..30).prop_map(|v| Arc::new(BinaryViewArray::from_iter(v)) as ArrayRef),
        vec(of(digits), 0..30)
            .prop_map(|v| { Arc::new(v.into_iter().collect::<Decimal128Array>()) as ArrayRef }),
    ]
}

proptest! {
    #[test]
    fn bounds_contain_every_value(array in any_array()) {
        let known = known(&array);
        assert_contains(&known, &array);
        prop_assert_eq!(&Statistics::decode(&known.encode()).unwrap(), &known);
        if let Some(min) = known.columns[&ID].min.clone().filter(|_| known.columns[&ID].min_exact) {
            let exact = arrow::array::Scalar::new(min.to_array(array.data_type()));
            prop_assert!(cmp::eq(&array, &exact).unwrap().true_count() > 0);
        }
    }

    #[test]
    fn merged_bounds_contain_the_values_of_both(array in any_array(), at in 0_usize..30) {
        let at = at.min(array.len());
        let (left, right) = (array.slice(0, at), array.slice(at, array.len() - at));
        let mut merged = known(&left);
        merged.merge(&known(&right));
        if !array.is_empty() {
            assert_contains(&merged, &array);
        }
        let whole = known(&array);
        prop_assert_eq!(merged.rows, whole.rows);
        if let (Some(merged), Some(whole)) = (merged.columns.get(&ID), whole.columns.get(&ID)) {
            prop_assert_eq!(merged.null_count, whole.null_count);
            prop_assert_eq!(merged.has_nan, whole.has_nan);
            // A bound that was cut in a part may lie below that of the whole.
            let is_cut = matches!(merged.min, Some(Scalar::Text(_) | Scalar::Binary(_)));
            if merged.min_exact || !is_cut {
                prop_assert_eq!(&merged.min, &whole.min);
                prop_assert_eq!(merged.min_exact, whole.min_exact);
            }
        }
    }

    #[test]
    fn garbage_is_refused_or_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(known) = Statistics::decode(&bytes) {
            prop_assert_eq!(Statistics::decode(&known.encode()).unwrap(), known);
        }
    }
}

#[test]
fn nan_leaves_no_bounds() {
    let array: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN]));
    let known = of(&array);
    assert_eq!((known.min, known.max, known.has_nan), (None, None, true));
}

#[test]
fn zeros_are_bounded_by_both_zeros() {
    let array: ArrayRef = Arc::new(Float64Array::from(vec![0.0]));
    let column = of(&array);
    let Some(Scalar::Float(min)) = column.min else { panic!("no bound") };
    assert!(min.is_sign_negative() && !column.min_exact);
}

#[test]
fn long_text_has_short_bounds() {
    let text = |c: char| c.to_string().repeat(90);
    let array: ArrayRef = Arc::new(StringViewArray::from(vec![text('b'), text('é')]));
    let column = of(&array);
    assert_eq!(column.min, Some(Scalar::Text("b".repeat(64))));
    assert_eq!(column.max, Some(Scalar::Text("é".repeat(31) + "ê")));
    assert!(!column.min_exact && !column.max_exact);
    let highest: ArrayRef = Arc::new(StringViewArray::from(vec![text('\u{10FFFF}')]));
    assert_eq!(of(&highest).max, None);
}

#[test]
fn truncated_and_trailing_bytes_are_refused() {
    let known = known(&(Arc::new(Int64Array::from(vec![-300, 5])) as ArrayRef));
    let bytes = known.encode();
    for cut in 0..bytes.len() {
        let error = Statistics::decode(&bytes[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(Statistics::decode(&longer).is_err());
}

/// With two texts of 45 bytes and 128-bit decimals among fifteen columns; a
/// record with a hundred columns can afford them.
#[test]
fn they_are_small() {
    let batch = every_type(0, 10_000);
    let columns = batch.columns().iter().enumerate();
    let columns = columns.map(|(id, array)| (ColumnId::new(id as u32), of(array))).collect();
    let known = Statistics { rows: 10_000, columns };
    let per_column = known.encode().len() / batch.num_columns();
    assert!(per_column <= 24, "{per_column} bytes");
    assert_eq!(Statistics::decode(&known.encode()).unwrap(), known);
}

#[test]
fn a_column_that_one_side_does_not_know_is_unknown() {
    let mut ours = known(&(Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef));
    ours.merge(&Statistics { rows: 5, ..Statistics::default() });
    assert_eq!((ours.rows, ours.columns.len()), (7, 0));
}

#[test]
fn only_null_leaves_the_other_sides_bounds() {
    let nulls: ArrayRef = Arc::new(Int64Array::new_null(4));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    for (mut ours, theirs) in [(known(&nulls), known(&values)), (known(&values), known(&nulls))] {
        ours.merge(&theirs);
        let column = &ours.columns[&ID];
        assert_eq!(
            (&column.min, &column.max),
            (&Some(Scalar::Integer(1)), &Some(Scalar::Integer(2)))
        );
        assert_eq!((column.null_count, column.distinct), (4, Some(2)));
    }
}

#[test]
fn a_bound_of_another_type_is_unknown() {
    let known = known(&(Arc::new(Int64Array::from(vec![1])) as ArrayRef));
    let bounds = bounds(&[&known, &known], ID, &DataType::Utf8View);
    assert_eq!((bounds.mins.null_count(), bounds.mins.len()), (2, 2));
    assert_eq!(bounds.mins.data_type(), &DataType::Utf8View);
    let bounds = crate::bounds(&[&known], ColumnId::new(99), &DataType::Int64);
    assert_eq!(bounds.null_counts.null_count(), 1);
}

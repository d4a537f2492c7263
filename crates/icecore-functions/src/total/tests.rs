use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use arrow::datatypes::Decimal128Type;
use datafusion_common::ScalarValue;
use datafusion_expr::EmitTo;
use proptest::prelude::*;

use super::*;

fn finish(kind: Kind, from: &DataType) -> Finish {
    let to = Total::new(kind).return_type(std::slice::from_ref(from)).unwrap();
    Finish::new(kind, from, &to).unwrap()
}

fn integers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

/// The total of one group, in two halves that are merged.
fn single(
    finish: &Finish,
    make: fn(Finish) -> Box<dyn Accumulator>,
    values: &ArrayRef,
) -> Result<ScalarValue> {
    let middle = values.len() / 2;
    let mut whole = make(finish.clone());
    for part in [values.slice(0, middle), values.slice(middle, values.len() - middle)] {
        let mut half = make(finish.clone());
        half.update_batch(&[part])?;
        let state: Vec<_> =
            half.state()?.iter().map(|value| value.to_array()).collect::<Result<_>>()?;
        whole.merge_batch(&state)?;
    }
    whole.evaluate()
}

fn running(finish: Finish) -> Box<dyn Accumulator> {
    Box::new(RunningTotal::new(finish))
}

fn distinct(finish: Finish) -> Box<dyn Accumulator> {
    Box::new(DistinctTotal::new(finish))
}

#[test]
fn a_sum_of_integers_does_not_wrap() {
    let values = integers(&[Some(i64::MAX), Some(i64::MAX), None, Some(1)]);
    let sum = single(&finish(Kind::Sum, &DataType::Int64), running, &values).unwrap();
    let expected = i128::from(i64::MAX) * 2 + 1;
    assert_eq!(sum, ScalarValue::Decimal128(Some(expected), 38, 0));
}

#[test]
fn a_mean_has_six_digits_more() {
    let values = integers(&[Some(1), Some(0), Some(1), None]);
    let mean = single(&finish(Kind::Average, &DataType::Int64), running, &values).unwrap();
    assert_eq!(mean, ScalarValue::Decimal128(Some(666_667), 38, 6));
    let decimal = DataType::Decimal128(15, 2);
    assert_eq!(
        Total::new(Kind::Average).return_type(&[decimal]).unwrap(),
        DataType::Decimal128(38, 8)
    );
}

#[test]
fn nothing_has_no_total() {
    for kind in [Kind::Sum, Kind::Average] {
        let total = single(&finish(kind, &DataType::Int64), running, &integers(&[None, None]));
        assert!(total.unwrap().is_null());
    }
}

#[test]
fn distinct_values_count_once() {
    let values = integers(&[Some(2), Some(2), Some(3), None]);
    let sum = single(&finish(Kind::Sum, &DataType::Int64), distinct, &values).unwrap();
    assert_eq!(sum, ScalarValue::Decimal128(Some(5), 38, 0));
}

#[test]
fn a_sum_beyond_38_digits_is_an_error_and_never_another_number() {
    let largest = DataType::Decimal128(38, 0);
    let values =
        Decimal128Array::from(vec![10_i128.pow(38) - 1; 2]).with_data_type(largest.clone());
    let values: ArrayRef = Arc::new(values);
    let finish = finish(Kind::Sum, &largest);
    assert!(single(&finish, running, &values).is_err());
    let mut groups = GroupTotals::new(finish);
    let added = groups.update_batch(&[values], &[0, 0], None, 1);
    assert!(added.is_err() || groups.evaluate(EmitTo::All).is_err());
}

#[test]
fn a_window_forgets_what_leaves_it() {
    let mut window = RunningTotal::new(finish(Kind::Sum, &DataType::Int64));
    window.update_batch(&[integers(&[Some(1), None, Some(5)])]).unwrap();
    window.retract_batch(&[integers(&[Some(1), None])]).unwrap();
    assert_eq!(window.evaluate().unwrap(), ScalarValue::Decimal128(Some(5), 38, 0));
    window.retract_batch(&[integers(&[Some(5)])]).unwrap();
    assert!(window.evaluate().unwrap().is_null());
}

#[test]
fn arguments_that_are_no_numbers_are_named() {
    let error = Total::new(Kind::Sum).coerce_types(&[DataType::Boolean]).unwrap_err();
    assert!(error.to_string().contains("SUM does not take a BOOLEAN"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Many groups at once, in batches, with a filter, through states, equal
    /// the plain sum of each group.
    #[test]
    fn groups_agree_with_plain_addition(
        rows in prop::collection::vec((0_usize..5, prop::option::of(any::<i64>()), prop::option::of(any::<bool>())), 0..60),
        cut in 0_usize..60,
    ) {
        let finish = finish(Kind::Sum, &DataType::Int64);
        let mut expected = [None::<i128>; 5];
        for (group, value, passes) in &rows {
            if let (Some(value), Some(true)) = (value, passes) {
                *expected[*group].get_or_insert(0) += i128::from(*value);
            }
        }
        let mut merged = GroupTotals::new(finish.clone());
        for (number, part) in [&rows[..cut.min(rows.len())], &rows[cut.min(rows.len())..]].into_iter().enumerate() {
            let values = integers(&part.iter().map(|row| row.1).collect::<Vec<_>>());
            let filter: BooleanArray = part.iter().map(|row| row.2).collect();
            let indices: Vec<usize> = part.iter().map(|row| row.0).collect();
            // One part goes through a group's state, the other through a row's.
            if number == 0 {
                let mut half = GroupTotals::new(finish.clone());
                half.update_batch(&[values], &indices, Some(&filter), 5).unwrap();
                let state = half.state(EmitTo::All).unwrap();
                merged.merge_batch(&state, &[0, 1, 2, 3, 4], 5).unwrap();
            } else {
                let state = merged.convert_to_state(&[values], Some(&filter)).unwrap();
                merged.merge_batch(&state, &indices, 5).unwrap();
            }
        }
        let result = merged.evaluate(EmitTo::All).unwrap();
        let result: Vec<_> = result.as_primitive::<Decimal128Type>().iter().collect();
        prop_assert_eq!(result, expected);
    }
}

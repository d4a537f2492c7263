use arrow::array::{Date32Array, Float64Array, Int64Array, NullArray, Scalar, StringViewArray};
use arrow::datatypes::{Date32Type, i256};
use proptest::prelude::*;

use super::*;
use ArithmeticOp::*;

const OPS: [ArithmeticOp; 5] = [Add, Subtract, Multiply, Divide, Modulo];

fn decimal(value: i128, precision: u8, scale: i8) -> ArrayRef {
    let array = Decimal128Array::from(vec![value]);
    Arc::new(array.with_data_type(DataType::Decimal128(precision, scale)))
}

fn integer(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

fn float(value: f64) -> ArrayRef {
    Arc::new(Float64Array::from(vec![value]))
}

fn date(day: i32) -> ArrayRef {
    Arc::new(Date32Array::from(vec![day]))
}

fn shown(op: ArithmeticOp, left: &ArrayRef, right: &ArrayRef) -> Result<String> {
    let result = compute(op, left, right)?;
    let expected = result_type(op, left.data_type(), right.data_type())?;
    assert_eq!(*result.data_type(), expected);
    let ty = sql_type_of(result.data_type())?;
    Ok(crate::format_array(&result, &ty)?.value(0).to_owned())
}

#[test]
fn what_the_dialect_says() {
    let price = || decimal(100_050, 15, 2);
    for (left, op, right, expected) in [
        (integer(7), Divide, integer(2), "3.500000"),
        (integer(-2), Divide, integer(3), "-0.666667"),
        (integer(7), Modulo, integer(-2), "1"),
        (integer(-7), Modulo, integer(2), "-1"),
        (integer(i64::MIN), Modulo, integer(-1), "0"),
        (decimal(11, 2, 1), Add, decimal(22, 2, 1), "3.3"),
        (decimal(11, 2, 1), Add, integer(1), "2.1"),
        (price(), Multiply, decimal(95, 3, 2), "950.4750"),
        (price(), Divide, integer(3), "333.50000000"),
        (decimal(10, 2, 1), Divide, decimal(30, 3, 1), "0.3333333"),
        (decimal(75, 3, 1), Modulo, decimal(20, 3, 1), "1.5"),
        (integer(1), Divide, float(4.0), "0.25"),
        (date(15_706), Add, integer(31), "2013-02-01"),
        (integer(31), Add, date(15_706), "2013-02-01"),
        (date(15_706), Subtract, integer(1), "2012-12-31"),
        (date(15_706), Subtract, date(15_700), "6"),
        (Arc::new(StringViewArray::from(vec!["1.5"])), Add, integer(1), "2.50000"),
    ] {
        assert_eq!(shown(op, &left, &right).unwrap(), expected, "{left:?} {op:?} {right:?}");
    }
}

#[test]
fn what_has_no_result() {
    let largest = || decimal(10_i128.pow(38) - 1, 38, 0);
    for (left, op, right, code) in [
        (integer(i64::MAX), Add, integer(1), Code::OUT_OF_RANGE),
        (integer(i64::MIN), Subtract, integer(1), Code::OUT_OF_RANGE),
        (integer(i64::MAX), Multiply, integer(2), Code::OUT_OF_RANGE),
        (largest(), Add, decimal(1, 1, 0), Code::OUT_OF_RANGE),
        (largest(), Multiply, decimal(2, 1, 0), Code::OUT_OF_RANGE),
        (largest(), Divide, decimal(1, 2, 2), Code::OUT_OF_RANGE),
        (integer(1), Divide, integer(0), Code::DIVISION_BY_ZERO),
        (integer(1), Modulo, integer(0), Code::DIVISION_BY_ZERO),
        (decimal(1, 1, 0), Divide, decimal(0, 2, 1), Code::DIVISION_BY_ZERO),
        (decimal(1, 1, 0), Modulo, decimal(0, 2, 1), Code::DIVISION_BY_ZERO),
        (float(1.0), Divide, float(0.0), Code::DIVISION_BY_ZERO),
        (float(1.0), Divide, integer(0), Code::DIVISION_BY_ZERO),
        (float(1.0), Modulo, float(-0.0), Code::DIVISION_BY_ZERO),
        (date(crate::MAX_DAY), Add, integer(1), Code::OUT_OF_RANGE),
        (date(0), Add, integer(i64::MAX), Code::OUT_OF_RANGE),
        (date(0), Add, date(0), Code::TYPE_MISMATCH),
        (integer(1), Subtract, date(0), Code::TYPE_MISMATCH),
        (Arc::new(StringViewArray::from(vec!["x"])), Add, integer(1), Code::NOT_A_NUMBER),
    ] {
        let error = compute(op, &left, &right).unwrap_err();
        assert_eq!(error.code(), code, "{left:?} {op:?} {right:?}");
    }
}

#[test]
fn a_result_that_only_its_operands_at_one_scale_exceed() {
    let (left, right) =
        (decimal(9 * 10_i128.pow(37), 38, 0), decimal(-9 * 10_i128.pow(37), 38, 10));
    // 9e37 - 9e27, of which 38 digits at scale 10 cannot hold a digit too many.
    assert_eq!(shown(Add, &left, &right).unwrap_err().code(), Code::OUT_OF_RANGE);
    let (left, right) = (decimal(5, 38, 0), decimal(-9 * 10_i128.pow(37), 38, 37));
    assert!(shown(Add, &left, &right).unwrap().starts_with("-4.0"));
}

#[test]
fn null_on_either_side_is_null_even_over_zero() {
    let values = Int64Array::from(vec![Some(1), None, Some(3)]);
    let zeros = Int64Array::from(vec![None, Some(0), None]);
    for op in OPS {
        let result = compute(op, &values, &zeros).unwrap();
        assert_eq!(result.null_count(), 3, "{op:?}");
        let nothing = Scalar::new(Int64Array::from(vec![None]));
        assert_eq!(compute(op, &values, &nothing).unwrap().null_count(), 3);
        assert_eq!(compute(op, &nothing, &values).unwrap().null_count(), 3);
        assert_eq!(compute(op, &values, &NullArray::new(3)).unwrap().logical_null_count(), 3);
    }
    let floats = Float64Array::from(vec![Some(1.0), None]);
    let zeros = Float64Array::from(vec![None, Some(0.0)]);
    assert_eq!(compute(Divide, &floats, &zeros).unwrap().null_count(), 2);
}

#[test]
fn negatives() {
    assert_eq!(negate(&integer(5)).unwrap().as_primitive::<Int64Type>().value(0), -5);
    assert_eq!(negate(&integer(i64::MIN)).unwrap_err().code(), Code::OUT_OF_RANGE);
    assert_eq!(negate(&decimal(15, 3, 1)).unwrap().as_ref(), decimal(-15, 3, 1).as_ref());
    assert_eq!(negate(&decimal(15, 5, 0)).unwrap().as_ref(), decimal(-15, 5, 0).as_ref());
    assert_eq!(negate(&decimal(1, 1, -3)).unwrap().as_ref(), decimal(-1000, 4, 0).as_ref());
    assert_eq!(negate(&date(0)).unwrap_err().code(), Code::TYPE_MISMATCH);
}

#[test]
fn days_are_days() {
    let days = Date32Array::from(vec![Some(1), None]);
    let later = compute(Add, &days, &Int64Array::new_scalar(1)).unwrap();
    assert_eq!(later.as_primitive::<Date32Type>(), &Date32Array::from(vec![Some(2), None]));
}

/// The exact result in 256 bits, rounded half away from zero, at the scale of
/// the result; none if it has more digits than the result or divides by zero.
fn oracle(op: ArithmeticOp, a: (i128, u32), b: (i128, u32), result: (u8, u32)) -> Option<i128> {
    let ten = |exponent: u32| i256::from_i128(10).checked_pow(exponent).unwrap();
    let (left, right) = (i256::from_i128(a.0), i256::from_i128(b.0));
    let common = a.1.max(b.1);
    let (l, r) = (left * ten(common - a.1), right * ten(common - b.1));
    let (numerator, denominator) = match op {
        Add => (l + r, ten(common)),
        Subtract => (l - r, ten(common)),
        Multiply => (left * right, ten(a.1 + b.1)),
        Divide => (left * ten(b.1), right * ten(a.1)),
        Modulo => (l.checked_rem(r)?, ten(common)),
    };
    let scaled = numerator * ten(result.1);
    let quotient = scaled.checked_div(denominator)?;
    let rest = scaled.checked_rem(denominator)?;
    let away = rest.wrapping_abs() + rest.wrapping_abs() >= denominator.wrapping_abs();
    let negative = scaled.is_negative() != denominator.is_negative();
    let step = match (away, negative) {
        (false, _) => i256::ZERO,
        (true, true) => i256::MINUS_ONE,
        (true, false) => i256::ONE,
    };
    let value = (quotient + step).to_i128()?;
    (value.unsigned_abs() < 10_u128.pow(u32::from(result.0))).then_some(value)
}

fn any_decimal(most: u8) -> impl Strategy<Value = (i128, u8, u8)> {
    (1..=most).prop_flat_map(|precision| {
        let limit = 10_i128.pow(u32::from(precision)) - 1;
        (
            prop_oneof![-limit..=limit, -9..=9_i128.min(limit), Just(limit)],
            Just(precision),
            0..=precision,
        )
            .prop_map(|(value, precision, scale)| {
                (
                    value.clamp(
                        -(10_i128.pow(u32::from(precision)) - 1),
                        10_i128.pow(u32::from(precision)) - 1,
                    ),
                    precision,
                    scale.min(37),
                )
            })
    })
}

proptest! {
    #[test]
    fn decimals_agree_with_wide_arithmetic(a in any_decimal(24), b in any_decimal(24)) {
        for op in OPS {
            let (left, right) = (decimal(a.0, a.1, a.2 as i8), decimal(b.0, b.1, b.2 as i8));
            let DataType::Decimal128(precision, scale) = result_type(op, left.data_type(), right.data_type()).unwrap() else {
                panic!("not a decimal");
            };
            let expected = oracle(op, (a.0, a.2.into()), (b.0, b.2.into()), (precision, scale as u32));
            let got = compute(op, &left, &right);
            match expected {
                Some(value) => prop_assert_eq!(got.unwrap().as_primitive::<Decimal128Type>().value(0), value, "{:?}", op),
                None => prop_assert!(got.is_err(), "{:?}", op),
            }
        }
    }

    #[test]
    fn the_widest_decimals_never_wrap(a in any_decimal(38), b in any_decimal(38)) {
        for op in [Add, Subtract, Multiply] {
            let (left, right) = (decimal(a.0, a.1, a.2 as i8), decimal(b.0, b.1, b.2 as i8));
            let Ok(result) = compute(op, &left, &right) else { continue };
            let exact = |value: (i128, u8, u8)| value.0 as f64 / 10_f64.powi(value.2.into());
            let expected = match op {
                Add => exact(a) + exact(b),
                Subtract => exact(a) - exact(b),
                _ => exact(a) * exact(b),
            };
            let DataType::Decimal128(_, scale) = *result.data_type() else { panic!("not a decimal") };
            let got = exact((result.as_primitive::<Decimal128Type>().value(0), 0, scale as u8));
            let largest = exact(a).abs().max(exact(b).abs()).max(expected.abs()).max(1e-12);
            prop_assert!((got - expected).abs() <= largest * 1e-9 + 0.5 / 10_f64.powi(scale.into()), "{op:?} {got} {expected}");
        }
    }

    #[test]
    fn integers_agree_with_checked_arithmetic(a: i64, b: i64) {
        let value = |op| compute(op, &integer(a), &integer(b)).ok().map(|array| array.as_primitive::<Int64Type>().value(0));
        prop_assert_eq!(value(Add), a.checked_add(b));
        prop_assert_eq!(value(Subtract), a.checked_sub(b));
        prop_assert_eq!(value(Multiply), a.checked_mul(b));
        prop_assert_eq!(value(Modulo), (b != 0).then(|| a.wrapping_rem(b)));
    }

    /// One value for all rows means the same as the value in every row.
    #[test]
    fn scalars_agree_with_arrays(values in prop::collection::vec(prop::option::of(-1000_i64..1000), 1..20), one in prop::option::of(-3_i64..3)) {
        let array = Int64Array::from(values.clone());
        let repeated = Int64Array::from(vec![one; values.len()]);
        let scalar = Scalar::new(Int64Array::from(vec![one]));
        for op in OPS {
            let same = |a: Result<ArrayRef>, b: Result<ArrayRef>| match (a, b) {
                (Ok(a), Ok(b)) => a == b,
                (Err(a), Err(b)) => a.code() == b.code(),
                _ => false,
            };
            prop_assert!(same(compute(op, &array, &scalar), compute(op, &array, &repeated)));
            prop_assert!(same(compute(op, &scalar, &array), compute(op, &repeated, &array)));
        }
    }
}

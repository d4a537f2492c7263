use std::sync::Arc;

use arrow::array::{
    BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use proptest::prelude::*;

use super::*;
use crate::calendar::{MAX_MICROS, MIN_MICROS};
use crate::{ParseOptions, arrow_type, parse_texts};

fn shown(array: impl Array + 'static, ty: &str) -> Vec<Option<String>> {
    let texts = format_array(&array, &SqlType::parse(ty).unwrap()).unwrap();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

fn one(array: impl Array + 'static, ty: &str) -> String {
    shown(array, ty).remove(0).unwrap()
}

#[test]
fn null_stays_null() {
    assert_eq!(shown(Int64Array::from(vec![None, Some(1)]), "INT"), [None, Some("1".to_owned())]);
}

#[test]
fn numbers() {
    assert_eq!(one(Int64Array::from(vec![i64::MIN]), "INT"), "-9223372036854775808");
    for (value, expected) in [(150, "1.50"), (-5, "-0.05"), (0, "0.00"), (12_345, "123.45")] {
        let array = Decimal128Array::from(vec![value]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(one(array, "NUMBER(10,2)"), expected);
    }
    let largest = Decimal128Array::from(vec![10_i128.pow(38) - 1]).with_precision_and_scale(38, 37);
    assert_eq!(one(largest.unwrap(), "NUMBER(38,37)"), format!("9.{}", "9".repeat(37)));
}

#[test]
fn floats() {
    for (value, expected) in [
        (1.0, "1"),
        (1.5, "1.5"),
        (-0.1, "-0.1"),
        (1e20, "1e+20"),
        (1.5e-7, "1.5e-07"),
        (0.00001, "0.00001"),
        (0.000001, "1e-06"),
        (123_456_789_012_345.0, "123456789012345"),
        (1e15, "1e+15"),
        (1e100, "1e+100"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (-0.0, "-0"),
        (0.1 + 0.2, "0.30000000000000004"),
    ] {
        assert_eq!(one(Float64Array::from(vec![value]), "FLOAT"), expected);
    }
}

#[test]
fn the_rest() {
    assert_eq!(one(BooleanArray::from(vec![true]), "BOOLEAN"), "true");
    assert_eq!(one(BinaryViewArray::from(vec![&[0x0f_u8, 0xa0][..]]), "BINARY"), "0FA0");
    assert_eq!(one(StringViewArray::from(vec!["x"]), "VARCHAR"), "x");
    assert_eq!(one(Date32Array::from(vec![15_706]), "DATE"), "2013-01-01");
    for (micros, expected) in
        [(0, "00:00:00"), (3_600_000_001, "01:00:00.000001"), (1_500_000, "00:00:01.500")]
    {
        assert_eq!(one(Time64MicrosecondArray::from(vec![micros]), "TIME"), expected);
    }
    let moment = 1_357_016_400_000_000;
    for (micros, expected) in [
        (moment, "2013-01-01 05:00:00.000"),
        (moment + 1, "2013-01-01 05:00:00.000001"),
        (moment + 120_000, "2013-01-01 05:00:00.120"),
    ] {
        let plain = TimestampMicrosecondArray::from(vec![micros]);
        assert_eq!(one(plain.clone(), "TIMESTAMP_NTZ"), expected);
        let zoned = plain.with_timezone("UTC");
        assert_eq!(one(zoned, "TIMESTAMP_LTZ"), format!("{expected} +0000"));
    }
}

#[test]
fn an_array_of_another_type_is_refused() {
    let error = format_array(&BooleanArray::from(vec![true]), &SqlType::Date).unwrap_err();
    assert_eq!(error.code(), Code::TYPE_MISMATCH);
}

/// Text of an array read back is the array.
fn reads_back(array: ArrayRef, ty: &str) {
    let ty = SqlType::parse(ty).unwrap();
    let texts = format_array(&array, &ty).unwrap();
    let (read, rejected) = parse_texts(&(&texts).into(), &ty, &ParseOptions::default());
    assert_eq!(rejected, [], "{ty}");
    assert_eq!(&read, &array);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back(
        integers in prop::collection::vec(any::<Option<i64>>(), 0..20),
        decimals in prop::collection::vec(prop::option::of(-10_i128.pow(38) + 1..10_i128.pow(38)), 0..20),
        floats in prop::collection::vec(prop::option::of(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL), 0..20),
        moments in prop::collection::vec(prop::option::of(MIN_MICROS..=MAX_MICROS), 0..20),
        bytes in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), 0..20),
    ) {
        reads_back(Arc::new(Int64Array::from(integers)), "INT");
        for scale in [0, 5, 37] {
            let array = Decimal128Array::from(decimals.clone()).with_precision_and_scale(38, scale).unwrap();
            reads_back(Arc::new(array), &format!("NUMBER(38,{scale})"));
        }
        reads_back(Arc::new(Float64Array::from(floats)), "FLOAT");
        let times: Vec<_> = moments.iter().map(|m| m.map(|m| split(m).1)).collect();
        let days: Vec<_> = moments.iter().map(|m| m.map(|m| split(m).0)).collect();
        reads_back(Arc::new(Time64MicrosecondArray::from(times)), "TIME");
        reads_back(Arc::new(Date32Array::from(days)), "DATE");
        let plain = TimestampMicrosecondArray::from(moments);
        reads_back(Arc::new(plain.clone()), "TIMESTAMP_NTZ");
        reads_back(Arc::new(plain.with_data_type(arrow_type(&SqlType::TimestampLtz))), "TIMESTAMP_LTZ");
        reads_back(Arc::new(BinaryViewArray::from_iter(bytes)), "BINARY");
    }
}

use arrow::array::{Date32Array, Decimal128Array, Float64Array, TimestampMicrosecondArray};
use proptest::prelude::*;

use super::*;

fn ty(text: &str) -> SqlType {
    SqlType::parse(text).unwrap()
}

/// Casts one text through `from` to `to`, and shows the result.
fn through(text: &str, from: &str, to: &str, on_error: OnCastError) -> Result<Option<String>> {
    let texts: ArrayRef = Arc::new(StringViewArray::from(vec![text]));
    let value = cast_array(&texts, &SqlType::TEXT, &ty(from), OnCastError::Fail)?;
    let cast = cast_array(&value, &ty(from), &ty(to), on_error)?;
    assert_eq!(*cast.data_type(), arrow_type(&ty(to)), "{from} to {to}");
    let shown = format_array(&cast, &ty(to))?;
    Ok(shown.iter().next().flatten().map(str::to_owned))
}

#[test]
fn values_that_have_a_place_in_the_target() {
    for (text, from, to, expected) in [
        ("0.7", "FLOAT", "INT", "1"),
        ("-0.5", "FLOAT", "INT", "-1"),
        ("2.5", "NUMBER(5,2)", "INT", "3"),
        ("2.449", "NUMBER(5,3)", "NUMBER(5,1)", "2.4"),
        ("2.45", "NUMBER(5,2)", "NUMBER(5,1)", "2.5"),
        ("-2.45", "NUMBER(5,2)", "NUMBER(5,1)", "-2.5"),
        ("7", "INT", "NUMBER(3,2)", "7.00"),
        ("7", "INT", "NUMBER(38,10)", "7.0000000000"),
        ("1.25", "NUMBER(5,2)", "FLOAT", "1.25"),
        ("1.005", "FLOAT", "NUMBER(10,3)", "1.005"),
        ("2", "INT", "BOOLEAN", "true"),
        ("0", "FLOAT", "BOOLEAN", "false"),
        ("true", "BOOLEAN", "INT", "1"),
        ("yes", "VARCHAR", "BOOLEAN", "true"),
        ("2013-01-31", "DATE", "TIMESTAMP_NTZ", "2013-01-31 00:00:00.000"),
        ("2013-01-31 23:59:59.999999", "TIMESTAMP_NTZ", "DATE", "2013-01-31"),
        ("1969-12-31 23:59:59", "TIMESTAMP_NTZ", "DATE", "1969-12-31"),
        ("1969-12-31 23:59:59", "TIMESTAMP_LTZ", "TIME", "23:59:59"),
        ("2013-01-31 10:00:00 +0200", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "2013-01-31 08:00:00.000"),
        ("86400", "INT", "TIMESTAMP_NTZ", "1970-01-02 00:00:00.000"),
        ("1.5", "NUMBER(5,2)", "TIMESTAMP_NTZ", "1970-01-01 00:00:01.500"),
        ("1.50", "NUMBER(5,2)", "VARCHAR(4)", "1.50"),
        ("ab", "VARCHAR(10)", "VARCHAR(2)", "ab"),
        ("0AFF", "BINARY", "VARCHAR", "0AFF"),
        ("12", "NUMBER(5,0)", "NUMBER(2,0)", "12"),
    ] {
        let cast = through(text, from, to, OnCastError::Fail).unwrap();
        assert_eq!(cast.as_deref(), Some(expected), "{text} {from} to {to}");
    }
}

#[test]
fn values_that_have_none() {
    for (text, from, to, code) in [
        ("123", "NUMBER(5,0)", "NUMBER(2,0)", Code::OUT_OF_RANGE),
        ("1e30", "FLOAT", "INT", Code::OUT_OF_RANGE),
        ("NaN", "FLOAT", "INT", Code::OUT_OF_RANGE),
        ("inf", "FLOAT", "NUMBER(38,0)", Code::OUT_OF_RANGE),
        ("99.95", "NUMBER(5,2)", "NUMBER(3,1)", Code::OUT_OF_RANGE),
        ("9223372036854775808", "NUMBER(38,0)", "INT", Code::OUT_OF_RANGE),
        ("abc", "VARCHAR", "INT", Code::NOT_A_NUMBER),
        ("abc", "VARCHAR", "DATE", Code::NOT_A_DATE),
        ("abc", "VARCHAR", "VARCHAR(2)", Code::STRING_TOO_LONG),
        ("123", "INT", "VARCHAR(2)", Code::STRING_TOO_LONG),
        ("true", "BOOLEAN", "NUMBER(2,2)", Code::OUT_OF_RANGE),
        ("9223372036854775807", "INT", "TIMESTAMP_NTZ", Code::OUT_OF_RANGE),
    ] {
        let error = through(text, from, to, OnCastError::Fail).unwrap_err();
        assert_eq!(error.code(), code, "{text} {from} to {to}");
        assert!(error.message().contains(text.split('e').next().unwrap()), "{error}");
        let tried = through(text, from, to, OnCastError::Null).unwrap();
        assert_eq!(tried, None, "{text} {from} to {to}");
    }
}

#[test]
fn casts_that_are_none() {
    for (from, to) in [("DATE", "BOOLEAN"), ("TIME", "DATE"), ("FLOAT", "DATE"), ("BINARY", "INT")]
    {
        assert!(!can_cast(&ty(from), &ty(to)));
        let array = arrow::array::new_null_array(&arrow_type(&ty(from)), 1);
        let error = cast_array(&array, &ty(from), &ty(to), OnCastError::Null).unwrap_err();
        assert_eq!(error.code(), Code::TYPE_MISMATCH);
    }
}

#[test]
fn every_cast_that_there_is_takes_null() {
    let all = [
        "INT",
        "NUMBER(5,0)",
        "NUMBER(20,4)",
        "FLOAT",
        "VARCHAR(9)",
        "BINARY(9)",
        "BOOLEAN",
        "DATE",
        "TIME",
        "TIMESTAMP_NTZ",
        "TIMESTAMP_LTZ",
    ];
    for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (ty(from), ty(to)))) {
        if !can_cast(&from, &to) {
            continue;
        }
        let array = arrow::array::new_null_array(&arrow_type(&from), 3);
        let cast = cast_array(&array, &from, &to, OnCastError::Fail).unwrap();
        assert_eq!((cast.len(), cast.null_count()), (3, 3), "{from} to {to}");
        assert_eq!(*cast.data_type(), arrow_type(&to), "{from} to {to}");
    }
}

#[test]
fn a_cast_that_changes_nothing_copies_nothing() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let cast =
        cast_array(&array, &ty("NUMBER(5,0)"), &SqlType::Integer, OnCastError::Fail).unwrap();
    assert!(Arc::ptr_eq(&array, &cast));
}

proptest! {
    #[test]
    fn floats_round_as_the_standard_library_does(value in -1e18..1e18_f64) {
        let array: ArrayRef = Arc::new(Float64Array::from(vec![value]));
        let cast = cast_array(&array, &SqlType::Float, &SqlType::Integer, OnCastError::Fail).unwrap();
        prop_assert_eq!(cast.as_primitive::<Int64Type>().value(0), value.round() as i64);
    }

    #[test]
    fn a_wider_decimal_is_the_same_number(value in -10_i128.pow(12)..10_i128.pow(12), scale in 0_i8..6) {
        let array: ArrayRef = Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(12 + scale as u8, scale).unwrap());
        let from = SqlType::Number { precision: 12 + scale as u8, scale: scale as u8 };
        let wide = SqlType::Number { precision: 38, scale: 10 };
        let there = cast_array(&array, &from, &wide, OnCastError::Fail);
        let back = cast_array(&there.unwrap(), &wide, &from, OnCastError::Fail).unwrap();
        prop_assert_eq!(&back, &held_as(&array, &from).unwrap());
    }

    #[test]
    fn days_and_moments_agree(micros in MIN_MICROS..=MAX_MICROS) {
        let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![micros]));
        let days = cast_array(&moments, &SqlType::TimestampNtz, &SqlType::Date, OnCastError::Fail).unwrap();
        let expected = Date32Array::from(vec![split(micros).0]);
        prop_assert_eq!(days.as_primitive::<Date32Type>(), &expected);
        let back = cast_array(&days, &SqlType::Date, &SqlType::TimestampNtz, OnCastError::Fail).unwrap();
        prop_assert_eq!(back.as_primitive::<TimestampMicrosecondType>().value(0), micros - split(micros).1);
    }
}

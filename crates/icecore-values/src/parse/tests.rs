use arrow::array::AsArray;
use proptest::prelude::*;

use super::*;

fn texts(values: &[Option<&str>]) -> StringViewArray {
    StringViewArray::from(values.to_vec())
}

fn parse(values: &[Option<&str>], ty: &str) -> (ArrayRef, Vec<Rejection>) {
    let ty = SqlType::parse(ty).unwrap();
    let (array, rejected) = parse_texts(&texts(values), &ty, &ParseOptions::default());
    assert_eq!(*array.data_type(), arrow_type(&ty));
    (array, rejected)
}

#[test]
fn rejections_name_their_rows_and_null_stays_null() {
    let values = [Some("1"), None, Some("NA"), Some(""), Some("4")];
    let (array, rejected) = parse(&values, "INT");
    let read: Vec<_> = array.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(read, [Some(1), None, None, None, Some(4)]);
    let rows: Vec<_> = rejected.iter().map(|rejection| rejection.row).collect();
    assert_eq!(rows, [2, 3]);
    assert_eq!(rejected[0].message, "Numeric value 'NA' is not recognized");
    assert_eq!(rejected[0].code, Code::NOT_A_NUMBER);
}

#[test]
fn nulls_of_a_slice_are_those_of_the_slice() {
    let sliced = texts(&[None, Some("1"), Some("x"), None, Some("5")]).slice(1, 4);
    let (array, rejected) = parse_texts(&sliced, &SqlType::Integer, &ParseOptions::default());
    let read: Vec<_> = array.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(read, [Some(1), None, None, Some(5)]);
    assert_eq!(rejected[0].row, 1);
}

#[test]
fn each_type_has_its_code_and_words() {
    for (ty, text, code, message) in [
        ("INT", "9223372036854775808", Code::OUT_OF_RANGE, "declare NUMBER(38,0)"),
        ("NUMBER(3,0)", "1000", Code::OUT_OF_RANGE, "type NUMBER(3,0), value 1000"),
        ("NUMBER(4,2)", "100", Code::OUT_OF_RANGE, "type NUMBER(4,2), value 100"),
        ("FLOAT", "abc", Code::NOT_A_NUMBER, "Numeric value 'abc' is not recognized"),
        ("BOOLEAN", "maybe", Code::NOT_A_BOOLEAN, "Boolean value 'maybe' is not recognized"),
        ("DATE", "2013-02-29", Code::NOT_A_DATE, "Date '2013-02-29' is not recognized"),
        ("TIME", "25:00", Code::NOT_A_TIME, "Time '25:00' is not recognized"),
        ("TIMESTAMP", "x", Code::NOT_A_TIMESTAMP, "Timestamp 'x' is not recognized"),
        (
            "VARCHAR(2)",
            "abc",
            Code::STRING_TOO_LONG,
            "String 'abc' is too long and would be truncated",
        ),
        ("BINARY(1)", "0102", Code::STRING_TOO_LONG, "is too long"),
        ("BINARY", "0g", Code::NOT_BINARY, "Binary value '0g' is not recognized"),
        ("BINARY", "012", Code::NOT_BINARY, "Binary value '012' is not recognized"),
    ] {
        let (array, rejected) = parse(&[Some(text)], ty);
        assert!(array.is_null(0), "{ty}");
        assert_eq!(rejected[0].code, code, "{ty}");
        assert!(rejected[0].message.contains(message), "{ty}: {}", rejected[0].message);
    }
}

#[test]
fn strings_are_taken_over_without_a_copy() {
    let long = "a text that is longer than twelve bytes";
    let source = texts(&[Some(long), Some("b")]);
    for ty in [SqlType::TEXT, SqlType::Varchar { length: 3 }] {
        let (array, _) = parse_texts(&source, &ty, &ParseOptions::default());
        let taken = array.as_string_view().data_buffers()[0].as_ptr();
        assert_eq!(taken, source.data_buffers()[0].as_ptr());
    }
}

#[test]
fn a_message_shows_the_beginning_of_a_long_text() {
    let (_, rejected) = parse(&[Some(&"x".repeat(100_000))], "INT");
    assert!(rejected[0].message.len() < 300);
}

#[test]
fn options_apply_to_their_types() {
    let options = ParseOptions {
        date: InputFormat::parse("DD/MM/YYYY").unwrap(),
        time: InputFormat::parse("HH24MI").unwrap(),
        timestamp: InputFormat::parse("YYYYMMDD HH24").unwrap(),
        binary: BinaryFormat::Base64,
    };
    for (ty, text, shown) in [
        (SqlType::Date, "31/01/2013", "2013-01-31"),
        (SqlType::Time, "0905", "09:05:00"),
        (SqlType::TimestampNtz, "20130131 07", "2013-01-31 07:00:00.000"),
        (SqlType::Binary { length: 9 }, "AQI=", "0102"),
    ] {
        let (array, rejected) = parse_texts(&texts(&[Some(text)]), &ty, &options);
        assert_eq!(rejected, []);
        assert_eq!(crate::format_array(&array, &ty).unwrap().value(0), shown);
    }
}

proptest! {
    /// A row is NULL exactly where the text was NULL or has a rejection.
    #[test]
    fn null_or_rejected(values in prop::collection::vec(prop::option::of("[-0-9a-z. :]{0,12}"), 0..40)) {
        let source = StringViewArray::from_iter(values.iter().map(Option::as_deref));
        for ty in ["INT", "NUMBER(6,2)", "NUMBER(30,5)", "FLOAT", "VARCHAR(4)", "BINARY(4)", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_LTZ"] {
            let ty = SqlType::parse(ty).unwrap();
            let (array, rejected) = parse_texts(&source, &ty, &ParseOptions::default());
            prop_assert_eq!(array.len(), values.len());
            for (row, value) in values.iter().enumerate() {
                let bad = rejected.iter().any(|rejection| rejection.row == row);
                prop_assert_eq!(array.is_null(row), value.is_none() || bad);
                prop_assert!(!(bad && value.is_none()));
            }
        }
    }
}

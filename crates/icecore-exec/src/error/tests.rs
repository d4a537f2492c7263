use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use icecore_types::{ErrorKind, QueryId};

use super::*;

fn sample() -> Error {
    Error::new(Code::STRING_TOO_LONG, "string too long column=A")
        .with_help("make the column longer")
        .with_query_id(QueryId::from_bits(7))
}

fn assert_is_sample(error: DataFusionError, how: &str) {
    let back = from_datafusion(error);
    assert_eq!(back.code(), Code::STRING_TOO_LONG, "{how}");
    assert_eq!(back.message(), sample().message(), "{how}");
    assert_eq!(back.help(), sample().help(), "{how}");
    assert_eq!(back.query_id(), sample().query_id(), "{how}");
}

#[test]
fn ours_comes_back_whole_through_every_wrapper() {
    let plain = || to_datafusion(sample());
    let in_arrow = || ArrowError::ExternalError(Box::new(sample()));
    assert_is_sample(plain(), "plain");
    assert_is_sample(plain().context("a").context("b"), "context");
    assert_is_sample(DataFusionError::Shared(Arc::new(plain().context("a"))), "shared");
    assert_is_sample(DataFusionError::ArrowError(Box::new(in_arrow()), None), "arrow");
    assert_is_sample(
        DataFusionError::ArrowError(
            Box::new(ArrowError::ExternalError(Box::new(DataFusionError::Shared(Arc::new(
                plain(),
            ))))),
            None,
        ),
        "arrow around datafusion",
    );
    assert_is_sample(DataFusionError::External(Box::new(in_arrow())), "external arrow");
    assert_is_sample(
        DataFusionError::External(Box::new(Arc::new(plain().context("x")))),
        "an arc of an error",
    );
    assert_is_sample(
        DataFusionError::Collection(vec![DataFusionError::Plan("x".into()), plain()]),
        "second of a collection",
    );
    let diagnostic = datafusion_common::Diagnostic::new_error("x", None);
    assert_is_sample(plain().with_diagnostic(diagnostic), "diagnostic");
    assert_is_sample(
        DataFusionError::Context(
            "x".into(),
            Box::new(DataFusionError::Collection(vec![DataFusionError::Shared(Arc::new(plain()))])),
        ),
        "collection behind a context",
    );
}

#[test]
fn foreign_errors_get_our_codes() {
    let missing = SchemaError::FieldNotFound {
        field: Box::new(Column::new(Some("T"), "X")),
        valid_fields: vec![Column::new(Some("T"), "Y")],
    };
    let cases = [
        (DataFusionError::ResourcesExhausted("No memory".into()), Code::RESOURCES_EXHAUSTED),
        (DataFusionError::SchemaError(Box::new(missing), Box::new(None)), Code::INVALID_IDENTIFIER),
        (DataFusionError::NotImplemented("PIVOT".into()), Code::UNSUPPORTED),
        (
            DataFusionError::Plan("Invalid function 'f'.\nDid you mean".into()),
            Code::UNKNOWN_FUNCTION,
        ),
        (DataFusionError::Plan("table 'a.b' not found".into()), Code::OBJECT_NOT_FOUND),
        (DataFusionError::Plan("Cannot coerce arithmetic".into()), Code::TYPE_MISMATCH),
        (DataFusionError::Plan("anything else".into()), Code::INVALID_STATEMENT),
        (DataFusionError::Execution("anything".into()), Code::INVALID_VALUE),
        (DataFusionError::Execution("Divide by zero".into()), Code::DIVISION_BY_ZERO),
        (
            DataFusionError::Execution("Scalar subquery returned more than one row".into()),
            Code::SUBQUERY_ROWS,
        ),
        (DataFusionError::Internal("broken".into()), Code::INTERNAL),
        (
            DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None),
            Code::DIVISION_BY_ZERO,
        ),
        (
            DataFusionError::IoError(std::io::ErrorKind::StorageFull.into()),
            Code::RESOURCES_EXHAUSTED,
        ),
        (
            DataFusionError::External(Box::new(object_store::Error::NotImplemented {
                operation: "x".into(),
                implementer: "y".into(),
            })),
            Code::STORE_UNAVAILABLE,
        ),
    ];
    for (error, code) in cases {
        let text = error.to_string();
        let back = from_datafusion(error.context("while running"));
        assert_eq!(back.code(), code, "{text}: {back}");
    }
}

#[test]
fn a_missing_column_is_told_as_sql_writes_it() {
    let missing = SchemaError::FieldNotFound {
        field: Box::new(Column::new_unqualified("we ird")),
        valid_fields: vec![],
    };
    let error = from_datafusion(DataFusionError::SchemaError(Box::new(missing), Box::new(None)));
    assert_eq!(error.message(), "invalid identifier '\"we ird\"'");
}

/// Each failing cast of arrow, and what it must become.
#[test]
fn no_failing_cast_prints_its_value() {
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let cases = [
        (text("secret 4711"), DataType::Int64, Code::NOT_A_NUMBER),
        (text("secret 4711"), DataType::Float64, Code::NOT_A_NUMBER),
        (text("secret 4711"), DataType::Date32, Code::NOT_A_DATE),
        (text("secret 4711"), DataType::Boolean, Code::NOT_A_BOOLEAN),
        (
            text("secret 4711"),
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None),
            Code::NOT_A_TIMESTAMP,
        ),
        (Arc::new(Int64Array::from(vec![4711])), DataType::Int8, Code::OUT_OF_RANGE),
        (Arc::new(Float64Array::from(vec![4711e30])), DataType::Int64, Code::OUT_OF_RANGE),
        (Arc::new(Int64Array::from(vec![4711])), DataType::Decimal128(3, 0), Code::OUT_OF_RANGE),
    ];
    for (array, to, code) in cases {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let failure = cast_with_options(&array, &to, &options).unwrap_err();
        let error = from_datafusion(DataFusionError::from(failure));
        let shown = format!("{error} {:?} {:?}", error.help(), std::error::Error::source(&error));
        assert!(!shown.contains("secret") && !shown.contains("4711"), "{to}: {shown}");
        assert_eq!(error.code(), code, "{to}: {shown}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn quoted_text_and_digits_are_left_out() {
    assert_eq!(
        without_values("Cannot use 'ab c' with 12.5 of \"x\""),
        "Cannot use '..' with . of \"..\""
    );
    assert_eq!(lower_first("SQL text"), "SQL text");
    assert_eq!(lower_first("A thing"), "a thing");
}

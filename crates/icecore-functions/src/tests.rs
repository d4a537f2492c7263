//! Calls of functions by name, with constants, as the analyzer rewrites them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, DataFusionError, ScalarValue};
use datafusion_expr::expr::{BinaryExpr, Case, Cast, ScalarFunction};
use datafusion_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, lit,
};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{format_array, sql_type_of};

/// Our error out of DataFusion's.
fn ours(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(source) => *source.downcast::<Error>().expect("our error"),
        other => panic!("not our error: {other}"),
    }
}

fn rewritten(expr: Expr) -> Result<Expr, Error> {
    let rewrites = crate::rewrites();
    let options = ConfigOptions::default();
    let rewritten = rewrites[0].rewrite(expr, &DFSchema::empty(), &options);
    rewritten.map(|transformed| transformed.data).map_err(ours)
}

/// Evaluates an expression over constants as DataFusion would: the branches of
/// a CASE one after the other.
fn evaluate(expr: &Expr) -> Result<ScalarValue, Error> {
    match expr {
        Expr::Literal(value, _) => Ok(value.clone()),
        Expr::ScalarFunction(function) => invoke(function),
        Expr::IsNotNull(value) => Ok((!evaluate(value)?.is_null()).into()),
        Expr::IsNotTrue(value) => Ok((evaluate(value)? != ScalarValue::from(true)).into()),
        Expr::Not(value) => Ok((evaluate(value)? != ScalarValue::from(true)).into()),
        Expr::Cast(Cast { expr, field }) => {
            Ok(evaluate(expr)?.cast_to(field.data_type()).expect("arrow's cast"))
        }
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            for (condition, then) in when_then_expr {
                if evaluate(condition)? == ScalarValue::from(true) {
                    return evaluate(then);
                }
            }
            else_expr.as_ref().map_or(Ok(ScalarValue::Null), |value| evaluate(value))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            binary(evaluate(left)?, *op, evaluate(right)?)
        }
        other => panic!("not evaluated: {other}"),
    }
}

fn binary(left: ScalarValue, op: Operator, right: ScalarValue) -> Result<ScalarValue, Error> {
    let null = left.is_null() || right.is_null();
    let text = |value: &ScalarValue| value.try_as_str().flatten().unwrap_or_default().to_owned();
    let right = match left.data_type() {
        DataType::Null => right,
        data_type => right.cast_to(&data_type).expect("arrow's cast"),
    };
    Ok(match op {
        Operator::IsNotDistinctFrom => {
            (left == right || (left.is_null() && right.is_null())).into()
        }
        Operator::And => (left == true.into() && right == true.into()).into(),
        _ if null => ScalarValue::Null,
        Operator::Eq => (left == right).into(),
        Operator::NotEq => (left != right).into(),
        Operator::Gt => (left > right).into(),
        Operator::Lt => (left < right).into(),
        Operator::StringConcat => ScalarValue::from(text(&left) + &text(&right)),
        other => panic!("not evaluated: {other}"),
    })
}

fn invoke(function: &ScalarFunction) -> Result<ScalarValue, Error> {
    let values = function.args.iter().map(evaluate).collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<_> =
        values.iter().map(|value| Arc::new(Field::new("a", value.data_type(), true))).collect();
    let constants: Vec<_> = values.iter().map(Some).collect();
    let args = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &constants };
    let return_field = function.func.return_field_from_args(args).map_err(ours)?;
    let data_type = return_field.data_type().clone();
    let args = ScalarFunctionArgs {
        args: values.iter().cloned().map(ColumnarValue::Scalar).collect(),
        arg_fields: fields,
        number_rows: 1,
        return_field,
        config_options: Arc::new(ConfigOptions::default()),
    };
    let result = function.func.invoke_with_args(args).map_err(ours)?;
    let array = result.into_array(1).expect("an array of one");
    assert_eq!((array.len(), array.data_type()), (1, &data_type), "{}", function.func.name());
    Ok(ScalarValue::try_from_array(&array, 0).expect("a value"))
}

fn call(name: &str, args: Vec<Expr>) -> Result<String, Error> {
    let known = crate::scalar_functions();
    let named = |f: &&Arc<datafusion_expr::ScalarUDF>| {
        f.name() == name || f.aliases().iter().any(|alias| alias == name)
    };
    let function = Arc::clone(known.iter().rfind(named).expect("a function"));
    let call = Expr::ScalarFunction(ScalarFunction::new_udf(function, args));
    // The planner asks for the type before anything is rewritten.
    call.get_type(&DFSchema::empty()).map_err(ours)?;
    shown(&evaluate(&rewritten(call)?)?)
}

fn shown(value: &ScalarValue) -> Result<String, Error> {
    if value.is_null() {
        return Ok("NULL".to_owned());
    }
    let array = value.to_array().expect("an array of one");
    let text = format_array(&array, &sql_type_of(array.data_type())?)?;
    Ok(text.value(0).to_owned())
}

fn date(day: i32) -> Expr {
    lit(ScalarValue::Date32(Some(day)))
}

fn moment(micros: i64) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(micros), None))
}

fn decimal(value: i128, precision: u8, scale: i8) -> Expr {
    lit(ScalarValue::Decimal128(Some(value), precision, scale))
}

fn null() -> Expr {
    lit(ScalarValue::Null)
}

/// 2013-01-31
const LAST_OF_JANUARY: i32 = 15_736;
/// 2013-01-31 12:00
const NOON: i64 = 1_359_633_600_000_000;

#[test]
fn conditions() {
    for (name, args, expected) in [
        ("iff", vec![lit(true), lit(1_i64), lit(2_i64)], "1"),
        ("iff", vec![null(), lit(1_i64), lit(2_i64)], "2"),
        ("iff", vec![lit(true), lit(1_i64), decimal(25, 2, 1)], "1"),
        ("nvl", vec![null(), lit("x")], "x"),
        ("ifnull", vec![lit("y"), lit("x")], "y"),
        ("nvl2", vec![null(), lit(1_i64), lit(2_i64)], "2"),
        ("coalesce", vec![null(), null(), lit(3_i64)], "3"),
        ("zeroifnull", vec![null()], "0"),
        ("nullifzero", vec![lit(0_i64)], "NULL"),
        ("nullifzero", vec![lit(5_i64)], "5"),
        ("nullif", vec![lit(5_i64), lit(5_i64)], "NULL"),
        ("nullif", vec![lit(5_i64), null()], "5"),
        ("iff", vec![lit(true), decimal(15, 2, 1), lit(1e20)], "1.5"),
        ("coalesce", vec![null(), lit(1e20), decimal(15, 2, 1)], "1e+20"),
        ("div0", vec![lit(1_i64), lit(0_i64)], "0"),
        ("div0", vec![lit(1_i64), lit(4_i64)], "0.250000"),
        ("div0null", vec![lit(1_i64), null()], "0"),
        ("equal_null", vec![null(), null()], "true"),
        ("equal_null", vec![lit(1_i64), null()], "false"),
        ("greatest", vec![lit(1_i64), null()], "NULL"),
        ("least", vec![null(), lit(1_i64)], "NULL"),
        ("decode", vec![null(), lit(1_i64), lit("a"), null(), lit("b")], "b"),
        ("decode", vec![lit(9_i64), lit(1_i64), lit("a"), lit("z")], "z"),
        ("mod", vec![lit(7_i64), lit(4_i64)], "3"),
        ("concat", vec![lit("a"), lit(1.5_f64)], "a1.5"),
        ("concat", vec![lit("a"), null()], "NULL"),
    ] {
        assert_eq!(call(name, args.clone()).unwrap(), expected, "{name} {args:?}");
    }
}

#[test]
fn dates() {
    let last = || date(LAST_OF_JANUARY);
    for (name, args, expected) in [
        ("year", vec![last()], "2013"),
        ("dayofmonth", vec![lit("2013-01-31")], "31"),
        ("weekofyear", vec![last()], "5"),
        ("dayofweek", vec![last()], "4"),
        ("hour", vec![moment(NOON)], "12"),
        ("date_part", vec![lit("epoch"), moment(NOON)], "1359633600"),
        ("dateadd", vec![lit("month"), lit(1_i64), last()], "2013-02-28"),
        ("dateadd", vec![lit("hour"), lit(1_i64), last()], "2013-01-31 01:00:00.000"),
        ("dateadd", vec![lit("day"), null(), last()], "NULL"),
        ("timestampadd", vec![lit("day"), lit(-1_i64), moment(NOON)], "2013-01-30 12:00:00.000"),
        ("datediff", vec![lit("month"), last(), date(LAST_OF_JANUARY + 1)], "1"),
        ("date_trunc", vec![lit("month"), last()], "2013-01-01"),
        ("date_trunc", vec![lit("day"), moment(NOON)], "2013-01-31 00:00:00.000"),
        ("last_day", vec![moment(NOON)], "2013-01-31"),
        ("add_months", vec![date(LAST_OF_JANUARY + 28), lit(1_i64)], "2013-03-31"),
        ("dayname", vec![last()], "Thu"),
        ("monthname", vec![last()], "Jan"),
        ("date_from_parts", vec![lit(2013_i64), lit(14_i64), lit(0_i64)], "2014-01-31"),
        (
            "timestamp_from_parts",
            [2013, 1, 31, 12, 0, 0].map(|part: i64| lit(part)).to_vec(),
            "2013-01-31 12:00:00.000",
        ),
        ("time_from_parts", [25, 0, 1].map(|part: i64| lit(part)).to_vec(), "01:00:01"),
        ("months_between", vec![date(LAST_OF_JANUARY + 28), last()], "1"),
        ("to_date", vec![lit("31/01/2013"), lit("DD/MM/YYYY")], "2013-01-31"),
        ("to_timestamp", vec![lit(1_359_633_600_000_i64), lit(3_i64)], "2013-01-31 12:00:00.000"),
        ("to_char", vec![moment(NOON), lit("MON DD, YYYY HH12 AM")], "Jan 31, 2013 12 PM"),
        ("try_to_date", vec![lit("x")], "NULL"),
        ("try_to_timestamp", vec![lit("x"), lit("YYYY")], "NULL"),
    ] {
        assert_eq!(call(name, args.clone()).unwrap(), expected, "{name} {args:?}");
    }
}

#[test]
fn numbers() {
    for (name, args, expected) in [
        ("round", vec![decimal(12_345, 5, 3), lit(1_i64)], "12.3"),
        ("round", vec![decimal(25, 2, 1)], "3"),
        ("round", vec![decimal(-25, 2, 1)], "-3"),
        ("round", vec![decimal(995, 3, 1), lit(0_i64)], "100"),
        ("round", vec![lit(1250_i64), lit(-2_i64)], "1300"),
        ("round", vec![lit(2.5_f64)], "3"),
        ("trunc", vec![decimal(-199, 3, 2), lit(1_i64)], "-1.9"),
        ("floor", vec![decimal(-15, 2, 1)], "-2"),
        ("ceil", vec![decimal(12, 2, 1)], "2"),
        ("ceiling", vec![lit(i64::MAX)], "9223372036854775807"),
        ("abs", vec![decimal(-150, 3, 2)], "1.50"),
        ("abs", vec![lit(-7_i64)], "7"),
        ("to_number", vec![lit("12.5"), lit(10_i64), lit(2_i64)], "12.50"),
        ("to_number", vec![lit("12.5")], "13"),
        ("try_to_number", vec![lit("x")], "NULL"),
        ("to_double", vec![lit("1.5")], "1.5"),
        ("to_boolean", vec![lit("yes")], "true"),
        ("square", vec![lit(12_i64)], "144"),
        ("sign", vec![decimal(-150, 3, 2)], "-1"),
        ("sign", vec![lit(0.0_f64)], "0"),
        ("sign", vec![null()], "NULL"),
        ("power", vec![lit(2_i64), lit(10_i64)], "1024"),
    ] {
        assert_eq!(call(name, args.clone()).unwrap(), expected, "{name} {args:?}");
    }
}

#[test]
fn texts() {
    for (name, args, expected) in [
        ("len", vec![lit("äb")], "2"),
        ("length", vec![lit(12_i64)], "2"),
        ("charindex", vec![lit("b"), lit("abcb")], "2"),
        ("charindex", vec![lit("b"), lit("abcb"), lit(3_i64)], "4"),
        ("contains", vec![lit("abc"), lit("b")], "true"),
        ("starts_with", vec![lit("abc"), lit("b")], "false"),
        ("endswith", vec![lit("abc"), null()], "NULL"),
        ("substring", vec![lit("snow"), lit(-2_i64)], "ow"),
        ("left", vec![lit("snow"), lit(2_i64)], "sn"),
        ("right", vec![lit("snow"), lit(9_i64)], "snow"),
        ("split_part", vec![lit("a/b/c"), lit("/"), lit(2_i64)], "b"),
    ] {
        assert_eq!(call(name, args.clone()).unwrap(), expected, "{name} {args:?}");
    }
}

#[test]
fn calls_that_have_no_result() {
    for (name, args, code) in [
        ("iff", vec![lit(true)], Code::UNKNOWN_FUNCTION),
        ("year", vec![lit(true)], Code::TYPE_MISMATCH),
        ("year", vec![lit("x")], Code::NOT_A_TIMESTAMP),
        ("dateadd", vec![lit("fortnight"), lit(1_i64), date(0)], Code::INVALID_ARGUMENT),
        ("dateadd", vec![lit("year"), lit(9999_i64), date(0)], Code::OUT_OF_RANGE),
        ("date_trunc", vec![lit("dow"), date(0)], Code::INVALID_ARGUMENT),
        ("abs", vec![lit(i64::MIN)], Code::OUT_OF_RANGE),
        ("to_number", vec![lit("x")], Code::NOT_A_NUMBER),
        ("to_number", vec![lit("1"), lit("999")], Code::UNSUPPORTED),
        ("to_number", vec![lit("1"), lit(99_i64)], Code::INVALID_STATEMENT),
        ("to_date", vec![lit("1"), lit("QQ")], Code::INVALID_OPTION),
        ("to_date", vec![date(0), null()], Code::INVALID_ARGUMENT),
        ("to_binary", vec![lit("x"), lit("ROT13")], Code::UNSUPPORTED),
    ] {
        let error = call(name, args.clone()).unwrap_err();
        assert_eq!(error.code(), code, "{name} {args:?}: {error}");
    }
}

#[test]
fn operators_of_a_dataframe_are_rewritten() {
    let seven = || lit(7_i64);
    for (expr, expected) in [
        (seven() / lit(2_i64), "3.500000"),
        (seven() % lit(4_i64), "3"),
        (decimal(11, 2, 1) + decimal(22, 2, 1), "3.3"),
        (date(0) + lit(1_i64), "1970-01-02"),
        (Expr::Negative(Box::new(seven())), "-7"),
        (datafusion_expr::cast(lit(0.7_f64), DataType::Int32), "1"),
        (datafusion_expr::cast(lit("12"), DataType::Int64), "12"),
        (datafusion_expr::try_cast(lit("x"), DataType::Int64), "NULL"),
    ] {
        let named = expr.schema_name().to_string();
        assert_eq!(
            shown(&evaluate(&rewritten(expr).unwrap()).unwrap()).unwrap(),
            expected,
            "{named}"
        );
    }
    let zero = evaluate(&rewritten(seven() / lit(0_i64)).unwrap()).unwrap_err();
    assert_eq!(zero.code(), Code::DIVISION_BY_ZERO);
    let mismatch = rewritten(lit(true) + seven()).unwrap_err();
    assert_eq!(mismatch.code(), Code::TYPE_MISMATCH);
}

#[test]
fn an_operator_keeps_its_name() {
    let expr = datafusion_expr::col("a") * lit(2_i64);
    let arithmetic = crate::arithmetic::arithmetic(
        icecore_values::ArithmeticOp::Multiply,
        (datafusion_expr::col("a"), &DataType::Int64),
        (lit(2_i64), &DataType::Int64),
    );
    assert_eq!(arithmetic.schema_name().to_string(), expr.schema_name().to_string());
}

#[test]
fn different_operations_have_different_names() {
    let multiply = |left, right| {
        let op = icecore_values::ArithmeticOp::Multiply;
        crate::arithmetic::arithmetic(op, (left, &DataType::Int64), (right, &DataType::Int64))
    };
    let (a, b, c) = (|| datafusion_expr::col("a"), || lit(2_i64), || lit(3_i64));
    let left = multiply(multiply(a(), b()), c()).schema_name().to_string();
    let right = multiply(a(), multiply(b(), c())).schema_name().to_string();
    assert_ne!(left, right);
}

#[test]
fn text_is_compared_as_the_other_side() {
    let day = || date(LAST_OF_JANUARY);
    let text = || lit("2013-01-31");
    for expr in [
        day().eq(text()),
        text().lt(day()),
        day().between(text(), text()),
        day().in_list(vec![text()], false),
        lit(5_i64).eq(lit("5.5")),
        lit(1e20).gt(decimal(15, 2, 1)),
        decimal(15, 2, 1).in_list(vec![lit(1e20)], false),
        decimal(15, 2, 1).between(lit(0_i64), lit(1e20)),
        Expr::Case(Case::new(
            None,
            vec![(Box::new(lit(true)), Box::new(lit(1e20)))],
            Some(Box::new(decimal(15, 2, 1))),
        )),
    ] {
        let named = expr.to_string();
        let rewritten = rewritten(expr).unwrap().schema_name().to_string();
        assert!(rewritten.contains("CAST("), "{named}: {rewritten}");
    }
    let same = rewritten(lit("a").eq(lit("b"))).unwrap();
    assert!(!same.schema_name().to_string().contains("CAST("));
}

#[test]
fn storing_checks_the_column() {
    let store = |value: ScalarValue, ty: &str, not_null| {
        let from = Field::new("v", value.data_type(), true);
        let ty = SqlType::parse(ty).unwrap();
        let stored = crate::assign(lit(value), &from, "C", &ty, not_null)?;
        evaluate(&stored).and_then(|value| shown(&value))
    };
    assert_eq!(store("12.5".into(), "NUMBER(5,1)", true).unwrap(), "12.5");
    assert_eq!(store(ScalarValue::Null, "INT", false).unwrap(), "NULL");
    for (value, ty, code) in [
        (ScalarValue::Null, "INT", Code::NULL_NOT_ALLOWED),
        ("abcd".into(), "VARCHAR(3)", Code::STRING_TOO_LONG),
        ("x".into(), "INT", Code::NOT_A_NUMBER),
        (ScalarValue::Int64(Some(100)), "NUMBER(2,0)", Code::OUT_OF_RANGE),
        (ScalarValue::Date32(Some(0)), "BOOLEAN", Code::TYPE_MISMATCH),
    ] {
        let error = store(value, ty, true).unwrap_err();
        assert_eq!(error.code(), code, "{ty}");
    }
    let error = store(ScalarValue::Null, "INT", true).unwrap_err();
    assert!(error.message().contains("column=C"), "{error}");
}

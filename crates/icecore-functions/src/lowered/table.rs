//! The functions, one line each.

use datafusion_expr::{Operator, binary_expr, lit, when};
use icecore_types::SqlType;
use icecore_values::{ArithmeticOp, OnCastError};

use super::conversions::{number, text, timestamp, to};
use super::forms::{
    arithmetic, bits, both, call, choose, coalesce, concat, concat_ws, decode, hex, iff, integer,
    or_null, sha2, sha2_bytes, take, uniform,
};
use super::{BINARY, Entry, MANY, entry};
use crate::cast::cast_to;
use crate::formatted::written_as;

/// One line each: the name, other names, how many arguments, and what it is.
pub(super) const ENTRIES: [Entry; 54] = [
    entry("iff", &["if"], (3, 3), iff),
    entry("nvl", &["ifnull"], (2, 2), coalesce),
    entry("nvl2", &[], (3, 3), |args| {
        let [value, then, other] = take(args)?;
        Ok(choose(value.is_not_null(), then, Some(other)))
    }),
    entry("zeroifnull", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(choose(value.clone().is_not_null(), value, Some(lit(0_i64))))
    }),
    entry("nullifzero", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(choose(value.clone().not_eq(lit(0_i64)), value, None))
    }),
    entry("nullif", &[], (2, 2), |args| {
        let [value, other] = take(args)?;
        let equal = value.clone().eq(other);
        Ok(choose(equal.is_not_true(), value, None))
    }),
    entry("div0", &[], (2, 2), |args| {
        let [dividend, divisor] = take(args)?;
        let is_zero = divisor.clone().eq(lit(0_i64));
        let quotient = arithmetic(ArithmeticOp::Divide, dividend, divisor);
        Ok(choose(is_zero.is_not_true(), quotient, Some(lit(0_i64))))
    }),
    entry("div0null", &[], (2, 2), |args| {
        let [dividend, divisor] = take(args)?;
        let usable = divisor.clone().not_eq(lit(0_i64));
        let quotient = arithmetic(ArithmeticOp::Divide, dividend, divisor);
        Ok(choose(usable, quotient, Some(lit(0_i64))))
    }),
    entry("mod", &[], (2, 2), |args| {
        let [left, right] = take(args)?;
        Ok(arithmetic(ArithmeticOp::Modulo, left, right))
    }),
    entry("equal_null", &[], (2, 2), |args| {
        let [left, right] = take(args)?;
        Ok(binary_expr(left, Operator::IsNotDistinctFrom, right))
    }),
    entry("concat", &[], (1, MANY), concat),
    entry("greatest", &[], (1, MANY), |args| or_null(args, datafusion_functions::core::greatest())),
    entry("least", &[], (1, MANY), |args| or_null(args, datafusion_functions::core::least())),
    entry("greatest_ignore_nulls", &[], (1, MANY), |args| {
        Ok(call(datafusion_functions::core::greatest(), args))
    }),
    entry("least_ignore_nulls", &[], (1, MANY), |args| {
        Ok(call(datafusion_functions::core::least(), args))
    }),
    entry("concat_ws", &[], (2, MANY), concat_ws),
    entry("boolxor", &[], (2, 2), |args| {
        let [left, right] = take(args)?;
        let truth = |expr| cast_to(expr, SqlType::Boolean, OnCastError::Fail);
        Ok(truth(left).not_eq(truth(right)))
    }),
    entry("bitand", &["bit_and"], (2, 2), |args| bits(args, Operator::BitwiseAnd)),
    entry("bitor", &["bit_or"], (2, 2), |args| bits(args, Operator::BitwiseOr)),
    entry("bitxor", &["bit_xor"], (2, 2), |args| bits(args, Operator::BitwiseXor)),
    entry("bitnot", &["bit_not"], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(binary_expr(integer(value), Operator::BitwiseXor, lit(-1_i64)))
    }),
    entry("md5_hex", &[], (1, 1), |args| Ok(call(datafusion_functions::crypto::md5(), args))),
    entry("sha2", &["sha2_hex"], (1, 2), sha2),
    entry("sha2_binary", &[], (1, 2), sha2_bytes),
    entry("uniform", &[], (3, 3), uniform),
    entry("char", &[], (1, 1), |args| Ok(call(datafusion_functions::string::chr(), args))),
    entry("unicode", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(cast_to(
            call(datafusion_functions::string::ascii(), vec![value]),
            SqlType::Integer,
            OnCastError::Fail,
        ))
    }),
    entry("hex_encode", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(call(datafusion_functions::string::upper(), vec![hex(value)]))
    }),
    entry("base64_encode", &[], (1, 1), |args| {
        let [value] = take(args)?;
        let args = vec![value, lit("base64pad")];
        Ok(call(datafusion_functions::encoding::encode(), args))
    }),
    entry("power", &["pow"], (2, 2), |args| {
        let float = |expr| cast_to(expr, SqlType::Float, OnCastError::Fail);
        let args = args.into_iter().map(float).collect();
        Ok(call(datafusion_functions::math::power(), args))
    }),
    entry("to_number", &["to_decimal", "to_numeric"], (1, 3), |a| number(a, OnCastError::Fail)),
    entry("try_to_number", &["try_to_decimal", "try_to_numeric"], (1, 3), |args| {
        number(args, OnCastError::Null)
    }),
    entry("to_double", &[], (1, 1), |args| to(args, SqlType::Float, OnCastError::Fail)),
    entry("try_to_double", &[], (1, 1), |args| to(args, SqlType::Float, OnCastError::Null)),
    entry("to_boolean", &[], (1, 1), |args| to(args, SqlType::Boolean, OnCastError::Fail)),
    entry("try_to_boolean", &[], (1, 1), |args| to(args, SqlType::Boolean, OnCastError::Null)),
    entry("to_binary", &[], (1, 2), |args| to(args, BINARY, OnCastError::Fail)),
    entry("try_to_binary", &[], (1, 2), |args| to(args, BINARY, OnCastError::Null)),
    entry("to_date", &["date"], (1, 2), |args| to(args, SqlType::Date, OnCastError::Fail)),
    entry("try_to_date", &[], (1, 2), |args| to(args, SqlType::Date, OnCastError::Null)),
    entry("to_time", &["time"], (1, 2), |args| to(args, SqlType::Time, OnCastError::Fail)),
    entry("try_to_time", &[], (1, 2), |args| to(args, SqlType::Time, OnCastError::Null)),
    entry("to_timestamp", &["to_timestamp_ntz"], (1, 2), |a| {
        timestamp(a, false, OnCastError::Fail)
    }),
    entry("try_to_timestamp", &["try_to_timestamp_ntz"], (1, 2), |args| {
        timestamp(args, false, OnCastError::Null)
    }),
    entry("to_timestamp_ltz", &[], (1, 2), |args| timestamp(args, true, OnCastError::Fail)),
    entry("try_to_timestamp_ltz", &[], (1, 2), |args| timestamp(args, true, OnCastError::Null)),
    entry("to_varchar", &["to_char"], (1, 2), |args| match take::<2>(args.clone()) {
        Ok([value, format]) => written_as(value, &text(format)?),
        Err(_) => to(args, SqlType::TEXT, OnCastError::Fail),
    }),
    entry("decode", &[], (3, MANY), decode),
    entry("square", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(arithmetic(ArithmeticOp::Multiply, value.clone(), value))
    }),
    entry("sign", &[], (1, 1), |args| {
        let [value] = take(args)?;
        let zero = || lit(0_i64);
        when(value.clone().gt(zero()), lit(1_i64))
            .when(value.clone().lt(zero()), lit(-1_i64))
            .when(value.eq(zero()), zero())
            .end()
    }),
    entry("coalesce", &[], (1, MANY), coalesce),
    entry("booland", &[], (2, 2), |args| both(args, Operator::And)),
    entry("boolor", &[], (2, 2), |args| both(args, Operator::Or)),
    entry("boolnot", &[], (1, 1), |args| {
        let [value] = take(args)?;
        Ok(datafusion_expr::not(cast_to(value, SqlType::Boolean, OnCastError::Fail)))
    }),
];

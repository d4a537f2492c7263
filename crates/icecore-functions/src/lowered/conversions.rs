//! Conversions with formats, digits and scales.

use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Expr, lit};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{ArithmeticOp, OnCastError};

use super::forms::{arithmetic, take};
use crate::bridge::{external, wrong_arguments};
use crate::cast::cast_to;
use crate::formatted::parse_as;

/// A constant argument as text.
pub(super) fn text(expr: Expr) -> Result<String> {
    let found = match &expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    found.ok_or_else(|| not_constant("a format", &expr))
}

pub(super) fn not_constant(what: &str, expr: &Expr) -> datafusion_common::DataFusionError {
    let message = format!("{what} must be a constant argument={}", expr.schema_name());
    external(Error::new(Code::INVALID_ARGUMENT, message))
}

pub(super) fn digits(expr: Expr) -> Result<u8> {
    let found = match &expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), _) => u8::try_from(*value).ok(),
        _ => None,
    };
    found.ok_or_else(|| not_constant("a precision or scale", &expr))
}

pub(super) fn number(args: Vec<Expr>, on_error: OnCastError) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else { return Err(wrong_arguments("to_number", "1 to 3", 0)) };
    let mut args = args.peekable();
    if let Some(Expr::Literal(format, _)) = args.peek()
        && format.try_as_str().is_some()
    {
        return Err(external(Error::unsupported("a number format in TO_NUMBER")));
    }
    let precision = args.next().map_or(Ok(38), digits)?;
    let scale = args.next().map_or(Ok(0), digits)?;
    let ty = SqlType::parse(&format!("NUMBER({precision},{scale})")).map_err(external)?;
    Ok(cast_to(value, ty, on_error))
}

/// A cast, or with a second argument a reading of text in that format.
pub(super) fn to(args: Vec<Expr>, ty: SqlType, on_error: OnCastError) -> Result<Expr> {
    let mut args = args.into_iter();
    match (args.next(), args.next()) {
        (Some(value), None) => Ok(cast_to(value, ty, on_error)),
        (Some(value), Some(format)) => parse_as(value, &text(format)?, ty, on_error),
        (None, _) => Err(wrong_arguments("conversion", "1 or 2", 0)),
    }
}

/// As `to`; a scale instead of a format says that a number counts 10^-scale seconds.
pub(super) fn timestamp(args: Vec<Expr>, local: bool, on_error: OnCastError) -> Result<Expr> {
    let ty = if local { SqlType::TimestampLtz } else { SqlType::TimestampNtz };
    let Ok([value, second]) = take::<2>(args.clone()) else { return to(args, ty, on_error) };
    if !matches!(&second, Expr::Literal(ScalarValue::Int64(_), _)) {
        return parse_as(value, &text(second)?, ty, on_error);
    }
    let scale = digits(second)?;
    if scale > 9 {
        return Err(external(Error::new(Code::INVALID_ARGUMENT, "a scale is from 0 to 9")));
    }
    let unit = lit(ScalarValue::Decimal128(Some(1), scale + 1, scale as i8));
    Ok(cast_to(arithmetic(ArithmeticOp::Multiply, value, unit), ty, on_error))
}

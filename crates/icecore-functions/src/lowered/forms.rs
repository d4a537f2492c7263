//! What the functions are written as: branches, text, bits and digests.

use std::sync::Arc;

use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::{Case, ScalarFunction};
use datafusion_expr::{Expr, Operator, ScalarUDF, binary_expr, lit};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{ArithmeticOp, OnCastError};

use super::BINARY;
use super::conversions::not_constant;
use crate::arithmetic::Arithmetic;
use crate::bridge::{external, wrong_arguments};
use crate::cast::cast_to;
use crate::chance;
use crate::spec::Tabled;

/// Exactly `N` arguments.
pub(super) fn take<const N: usize>(args: Vec<Expr>) -> Result<[Expr; N]> {
    let found = args.len();
    args.try_into().map_err(|_| wrong_arguments("function", &N.to_string(), found))
}

pub(super) fn call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

pub(super) fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    call(Arc::new(ScalarUDF::from(Arithmetic::new(op))), vec![left, right])
}

/// A CASE whose branches may still have different types.
pub(super) fn choose(condition: Expr, then: Expr, other: Option<Expr>) -> Expr {
    let branches = vec![(Box::new(condition), Box::new(then))];
    Expr::Case(Case::new(None, branches, other.map(Box::new)))
}

pub(super) fn iff(args: Vec<Expr>) -> Result<Expr> {
    let [condition, then, other] = take(args)?;
    Ok(choose(condition, then, Some(other)))
}

pub(super) fn coalesce(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter().rev();
    let Some(last) = args.next() else { return Err(wrong_arguments("coalesce", "1 or more", 0)) };
    let branches: Vec<_> =
        args.rev().map(|value| (Box::new(value.clone().is_not_null()), Box::new(value))).collect();
    if branches.is_empty() {
        return Ok(last);
    }
    Ok(Expr::Case(Case::new(None, branches, Some(Box::new(last)))))
}

/// NULL if any of its arguments is, as the dialect's CONCAT.
pub(super) fn concat(args: Vec<Expr>) -> Result<Expr> {
    let text = |expr| cast_to(expr, SqlType::TEXT, OnCastError::Fail);
    args.into_iter()
        .map(text)
        .reduce(|left, right| binary_expr(left, Operator::StringConcat, right))
        .ok_or_else(|| wrong_arguments("concat", "1 or more", 0))
}

/// NULL if any argument is, else the function.
pub(super) fn or_null(args: Vec<Expr>, function: Arc<ScalarUDF>) -> Result<Expr> {
    let all = args.iter().map(|value| value.clone().is_not_null()).reduce(Expr::and);
    let all = all.ok_or_else(|| wrong_arguments(function.name(), "1 or more", 0))?;
    Ok(choose(all, call(function, args), None))
}

/// As CONCAT, with a text between each two.
pub(super) fn concat_ws(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(between) = args.next() else {
        return Err(wrong_arguments("concat_ws", "2 or more", 0));
    };
    let mut parts = Vec::new();
    for value in args {
        if !parts.is_empty() {
            parts.push(between.clone());
        }
        parts.push(value);
    }
    let alone = parts.len() == 1;
    let joined = concat(parts)?;
    // The text between is not in it, and still makes it NULL.
    Ok(if alone { choose(between.is_not_null(), joined, None) } else { joined })
}

pub(super) fn integer(expr: Expr) -> Expr {
    cast_to(expr, SqlType::Integer, OnCastError::Fail)
}

pub(super) fn bits(args: Vec<Expr>, op: Operator) -> Result<Expr> {
    let [left, right] = take(args)?;
    Ok(binary_expr(integer(left), op, integer(right)))
}

pub(super) fn hex(value: Expr) -> Expr {
    call(datafusion_functions::encoding::encode(), vec![value, lit("hex")])
}

/// `SHA2(text [, bits])` in lower-case hexadecimal.
pub(super) fn sha2(args: Vec<Expr>) -> Result<Expr> {
    digest(args).map(hex)
}

pub(super) fn sha2_bytes(args: Vec<Expr>) -> Result<Expr> {
    digest(args).map(|digest| cast_to(digest, BINARY, OnCastError::Fail))
}

fn digest(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else { return Err(wrong_arguments("sha2", "1 to 2", 0)) };
    let bits = match args.next() {
        None | Some(Expr::Literal(ScalarValue::Int64(Some(0)), _)) => 256,
        Some(Expr::Literal(ScalarValue::Int64(Some(bits)), _)) => bits,
        Some(other) => return Err(not_constant("the number of bits of SHA2", &other)),
    };
    let function = match bits {
        224 => datafusion_functions::crypto::sha224(),
        256 => datafusion_functions::crypto::sha256(),
        384 => datafusion_functions::crypto::sha384(),
        512 => datafusion_functions::crypto::sha512(),
        other => {
            let message = format!("SHA2 has 224, 256, 384 and 512 bits bits={other}");
            return Err(external(Error::new(Code::INVALID_ARGUMENT, message)));
        }
    };
    Ok(call(function, vec![value]))
}

pub(super) fn both(args: Vec<Expr>, op: Operator) -> Result<Expr> {
    let [left, right] = take(args)?;
    let truth = |expr| cast_to(expr, SqlType::Boolean, OnCastError::Fail);
    Ok(binary_expr(truth(left), op, truth(right)))
}

/// `DECODE(v, a, x, b, y, .., other)`: as CASE, but NULL equals NULL.
pub(super) fn decode(args: Vec<Expr>) -> Result<Expr> {
    let mut args = args.into_iter();
    let Some(value) = args.next() else { return Err(wrong_arguments("decode", "3 or more", 0)) };
    let rest: Vec<_> = args.collect();
    let (pairs, other) = rest.as_chunks::<2>();
    let branches = pairs.iter().map(|[candidate, then]| {
        let equal = binary_expr(value.clone(), Operator::IsNotDistinctFrom, candidate.clone());
        (Box::new(equal), Box::new(then.clone()))
    });
    let other = other.first().cloned().map(Box::new);
    Ok(Expr::Case(Case::new(None, branches.collect(), other)))
}

/// `UNIFORM(least, greatest, random)`: a whole number between whole numbers.
pub(super) fn uniform(args: Vec<Expr>) -> Result<Expr> {
    let is_whole = |value: &Expr| matches!(value, Expr::Literal(ScalarValue::Int64(_), _));
    if args.iter().take(2).all(is_whole) {
        return Ok(call(Arc::new(ScalarUDF::from(Tabled::new(&chance::INTEGERS))), args));
    }
    Ok(call(crate::registry::own("uniform_float"), args))
}

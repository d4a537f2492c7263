//! Two types side by side, where DataFusion would choose another common type:
//! text as the other side, and exact numbers as floats beside a float.

use arrow::datatypes::DataType;
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr, ExprSchemable, Operator};
use icecore_types::SqlType;
use icecore_values::{OnCastError, sql_type_of};

use crate::cast::cast_to;
use crate::common::beside_text;

/// Digits behind the point of a number that was text, beside a whole number.
const TEXT_SCALE: u8 = 12;

pub(crate) fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(sql_type_of(data_type), Ok(SqlType::Varchar { .. })) && *data_type != DataType::Null
}

fn is_float(data_type: &DataType) -> bool {
    matches!(sql_type_of(data_type), Ok(SqlType::Float))
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(sql_type_of(data_type), Ok(SqlType::Number { .. }))
}

/// A value that is compared with one of another type, as what it is compared
/// as; none if it stays.
pub(crate) fn beside(expr: &Expr, own: &DataType, other: &DataType) -> Option<Expr> {
    if is_decimal(own) && is_float(other) {
        return Some(cast_to(expr.clone(), SqlType::Float, OnCastError::Fail));
    }
    if !is_text(own) || is_text(other) || *other == DataType::Null {
        return None;
    }
    let to = match sql_type_of(other).ok()? {
        SqlType::Integer => match expr {
            Expr::Literal(value, _) if is_whole(value) => SqlType::Integer,
            _ => SqlType::Number { precision: 38, scale: TEXT_SCALE },
        },
        SqlType::Number { scale, .. } => {
            SqlType::Number { precision: 38, scale: scale.max(TEXT_SCALE) }
        }
        SqlType::Binary { .. } => return None,
        other => other,
    };
    Some(cast_to(expr.clone(), to, OnCastError::Fail))
}

fn is_whole(value: &ScalarValue) -> bool {
    let text = value.try_as_str().flatten();
    text.is_some_and(|text| text.trim().parse::<i64>().is_ok())
}

/// Both sides of a comparison; none if both stay.
pub(crate) fn both(
    (left, left_type): (&Expr, &DataType),
    (right, right_type): (&Expr, &DataType),
) -> Option<(Expr, Expr)> {
    let new_left = beside(left, left_type, right_type);
    let new_right = beside(right, right_type, left_type);
    if new_left.is_none() && new_right.is_none() {
        return None;
    }
    let left = new_left.unwrap_or_else(|| left.clone());
    Some((left, new_right.unwrap_or_else(|| right.clone())))
}

/// Whether one type for all of these must be FLOAT, because one is and another
/// is a decimal.
pub(crate) fn are_floats(types: &[DataType]) -> bool {
    types.iter().any(is_float) && types.iter().any(is_decimal)
}

/// Values that become one column, as floats or as what stands beside text if
/// they must be; whether they did.
pub(crate) fn unify(values: &mut [&mut Expr], schema: &DFSchema) -> bool {
    let types: Result<Vec<_>> = values.iter().map(|value| value.get_type(schema)).collect();
    let Ok(types) = types else { return false };
    if let Some(all) = beside_text(&types) {
        let differs = |data_type: &DataType| {
            *data_type != DataType::Null && sql_type_of(data_type).is_ok_and(|ty| ty != all)
        };
        for (value, data_type) in values.iter_mut().zip(&types) {
            if differs(data_type) {
                **value = cast_to(value.clone(), all, OnCastError::Fail);
            }
        }
        return true;
    }
    if !are_floats(&types) {
        return false;
    }
    for (value, data_type) in values.iter_mut().zip(&types) {
        if is_decimal(data_type) {
            **value = cast_to(value.clone(), SqlType::Float, OnCastError::Fail);
        }
    }
    true
}

/// The branches of a CASE as one type, and what its operand is compared with
/// as the operand; whether anything changed.
pub(crate) fn case(case: &mut Case, schema: &DFSchema) -> bool {
    let thens = case.when_then_expr.iter_mut().map(|(_, then)| then.as_mut());
    let mut branches: Vec<_> = thens.chain(case.else_expr.as_deref_mut()).collect();
    let mut changed = unify(&mut branches, schema);
    let Some(Ok(operand)) = case.expr.as_ref().map(|operand| operand.get_type(schema)) else {
        return changed;
    };
    for (candidate, _) in &mut case.when_then_expr {
        let Ok(data_type) = candidate.get_type(schema) else { continue };
        if let Some(cast) = beside(candidate, &data_type, &operand) {
            **candidate = cast;
            changed = true;
        }
    }
    changed
}

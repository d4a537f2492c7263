//! Integers, floats and dates.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use icecore_types::{Code, Error, Result, SqlType};

use super::{ArithmeticOp, Sides, carried, division_by_zero, to_type};
use crate::calendar::{MAX_DAY, MIN_DAY};

#[cold]
fn integer_overflow() -> ArrowError {
    carried(
        Error::new(
            Code::OUT_OF_RANGE,
            "integer out of representable range: type INTEGER of 64 bits",
        )
        .with_help("declare NUMBER(38,0), or cast one side to it"),
    )
}

pub(super) fn integers(op: ArithmeticOp, sides: &Sides) -> Result<ArrayRef> {
    let values = match op {
        ArithmeticOp::Add => checked(sides, i64::checked_add),
        ArithmeticOp::Subtract => checked(sides, i64::checked_sub),
        ArithmeticOp::Multiply => checked(sides, i64::checked_mul),
        ArithmeticOp::Modulo => sides.try_each::<Int64Type, Int64Type>(|a, b| match b {
            0 => Err(division_by_zero()),
            _ => Ok(a.wrapping_rem(b)),
        }),
        ArithmeticOp::Divide => return Err(Error::internal("integers divide as decimals")),
    };
    values.map(|values| Arc::new(values) as ArrayRef)
}

/// Generic over the operation, so that it is inlined into the loop.
fn checked(sides: &Sides, op: impl Fn(i64, i64) -> Option<i64>) -> Result<Int64Array> {
    sides.try_each::<Int64Type, Int64Type>(|a, b| op(a, b).ok_or_else(integer_overflow))
}

pub(super) fn floats(op: ArithmeticOp, sides: &Sides) -> Result<ArrayRef> {
    let values = match op {
        ArithmeticOp::Add => sides.each::<Float64Type, Float64Type>(|a, b| a + b),
        ArithmeticOp::Subtract => sides.each::<Float64Type, Float64Type>(|a, b| a - b),
        ArithmeticOp::Multiply => sides.each::<Float64Type, Float64Type>(|a, b| a * b),
        ArithmeticOp::Divide => {
            refuse_zero(sides)?;
            sides.each::<Float64Type, Float64Type>(|a, b| a / b)
        }
        ArithmeticOp::Modulo => {
            refuse_zero(sides)?;
            sides.each::<Float64Type, Float64Type>(|a, b| a % b)
        }
    };
    values.map(|values| Arc::new(values) as ArrayRef)
}

/// A zero divisor counts only where there is something to divide.
fn refuse_zero(sides: &Sides) -> Result<()> {
    let divisors = sides.right.as_primitive::<Float64Type>();
    if !divisors.values().contains(&0.0) || sides.is_null() {
        return Ok(());
    }
    sides
        .try_each::<Float64Type, Float64Type>(|_, b| match b {
            0.0 => Err(division_by_zero()),
            _ => Ok(b),
        })
        .map(|_| ())
}

/// DATE and a number of days; a fraction of a day is rounded.
pub(super) fn date_and_days(op: ArithmeticOp, sides: &Sides) -> Result<ArrayRef> {
    let days = |array: &ArrayRef| -> Result<ArrayRef> {
        if *array.data_type() == DataType::Date32 {
            let days = array.as_primitive::<Date32Type>().unary::<_, Int64Type>(i64::from);
            return Ok(Arc::new(days));
        }
        to_type(array, &SqlType::Integer)
    };
    let sides = sides.with(days(&sides.left)?, days(&sides.right)?);
    let within = |day: Option<i64>| {
        let range = i64::from(MIN_DAY)..=i64::from(MAX_DAY);
        day.filter(|day| range.contains(day)).map(|day| day as i32).ok_or_else(|| {
            carried(Error::new(Code::OUT_OF_RANGE, "date is not between the years 1 and 9999"))
        })
    };
    let values = match op {
        ArithmeticOp::Subtract => {
            sides.try_each::<Int64Type, Date32Type>(|a, b| within(a.checked_sub(b)))
        }
        _ => sides.try_each::<Int64Type, Date32Type>(|a, b| within(a.checked_add(b))),
    };
    Ok(Arc::new(values?))
}

pub(super) fn days_between(sides: &Sides) -> Result<ArrayRef> {
    let sides = sides.as_type(&SqlType::Date)?;
    let values = sides.each::<Date32Type, Int64Type>(|a, b| i64::from(a) - i64::from(b))?;
    Ok(Arc::new(values))
}

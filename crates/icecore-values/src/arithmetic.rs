//! `+ - * / %` by the dialect's rules: checked, exact where the types are.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Datum, Decimal128Array, PrimitiveArray,
    new_null_array,
};
use arrow::compute::{binary, try_binary};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use icecore_types::{Code, Error, Result, SqlType};

use crate::types::sql_type_of;
use crate::{OnCastError, cast_array};

mod decimal;
mod plain;

use decimal::DecimalRule;
pub use decimal::mean;

/// An arithmetic operator.
///
/// ```
/// assert_eq!(icecore_values::ArithmeticOp::Modulo.symbol(), "%");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl ArithmeticOp {
    /// As SQL writes it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

/// What arithmetic sees of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Integer,
    Decimal(u8, u8),
    Float,
    Date,
    Null,
}

/// Text in arithmetic is a number of this type, as in Snowflake.
const TEXT_NUMBER: (u8, u8) = (18, 5);
/// The digits of a 64-bit integer.
const INTEGER_DIGITS: u8 = 19;

impl Operand {
    fn of(data_type: &DataType) -> Option<Self> {
        if *data_type == DataType::Null {
            return Some(Self::Null);
        }
        Some(match sql_type_of(data_type).ok()? {
            SqlType::Integer => Self::Integer,
            SqlType::Number { precision, scale } => Self::Decimal(precision, scale),
            SqlType::Float => Self::Float,
            SqlType::Varchar { .. } => Self::Decimal(TEXT_NUMBER.0, TEXT_NUMBER.1),
            SqlType::Date => Self::Date,
            _ => return None,
        })
    }

    /// Precision and scale as a decimal.
    fn digits(self) -> (u8, u8) {
        match self {
            Self::Decimal(precision, scale) => (precision, scale),
            _ => (INTEGER_DIGITS, 0),
        }
    }
}

/// How an operation is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    Integers,
    Decimals(DecimalRule),
    Floats,
    DateAndDays,
    DaysBetween,
    Null,
}

impl Kernel {
    fn choose(op: ArithmeticOp, left: &DataType, right: &DataType) -> Result<Self> {
        let no = || {
            let (symbol, help) = (op.symbol(), "CAST one side to the type that is meant");
            let message =
                format!("no operator {symbol} for types {} and {}", name(left), name(right));
            Error::new(Code::TYPE_MISMATCH, message).with_help(help)
        };
        let left_operand = Operand::of(left).ok_or_else(no)?;
        let right_operand = Operand::of(right).ok_or_else(no)?;
        Self::of(op, left_operand, right_operand).ok_or_else(no)
    }

    fn of(op: ArithmeticOp, left: Operand, right: Operand) -> Option<Self> {
        use Operand::*;
        Some(match (left, right) {
            (Date, Date) if op == ArithmeticOp::Subtract => Self::DaysBetween,
            (Date, Integer | Decimal(..) | Null)
                if matches!(op, ArithmeticOp::Add | ArithmeticOp::Subtract) =>
            {
                Self::DateAndDays
            }
            (Integer | Decimal(..) | Null, Date) if op == ArithmeticOp::Add => Self::DateAndDays,
            (Date, _) | (_, Date) => return None,
            (Null, Null) => Self::Null,
            (Float, _) | (_, Float) => Self::Floats,
            (Integer | Null, Integer | Null) if op != ArithmeticOp::Divide => Self::Integers,
            (Integer | Null, Integer | Null) => Self::Decimals(DecimalRule::INTEGER_QUOTIENT),
            (left, right) => Self::Decimals(DecimalRule::of(op, left.digits(), right.digits())),
        })
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Integers | Self::DaysBetween | Self::Null => DataType::Int64,
            Self::Decimals(rule) => DataType::Decimal128(rule.precision, rule.scale as i8),
            Self::Floats => DataType::Float64,
            Self::DateAndDays => DataType::Date32,
        }
    }
}

fn name(data_type: &DataType) -> String {
    sql_type_of(data_type).map_or_else(|_| data_type.to_string(), |ty| ty.to_string())
}

/// The Arrow type of `left op right`, by Snowflake's rules:
/// - 64-bit integers give 64-bit integers, and `/` of two NUMBER(38,6);
/// - decimals: `+ -` keep the larger scale, `*` the sum of the scales up to 12
///   or the larger one, `/` six more digits up to 12; at most 38 digits;
/// - a FLOAT on one side makes a FLOAT; text is a NUMBER(18,5);
/// - DATE and a number of days give a DATE, two dates the days between.
///
/// # Errors
/// `InvalidInput`, naming the types, if there is no such operation.
///
/// ```
/// use arrow::datatypes::DataType;
/// use icecore_values::{ArithmeticOp, result_type};
/// let price = DataType::Decimal128(15, 2);
/// assert_eq!(result_type(ArithmeticOp::Multiply, &price, &price)?, DataType::Decimal128(30, 4));
/// assert!(result_type(ArithmeticOp::Add, &price, &DataType::Boolean).is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn result_type(op: ArithmeticOp, left: &DataType, right: &DataType) -> Result<DataType> {
    Kernel::choose(op, left, right).map(Kernel::data_type)
}

/// `left op right` for every row; NULL on either side gives NULL.
///
/// # Errors
/// `InvalidInput`: 100051 for a division by zero (of floats too), 100039 for a
/// result that its type does not hold, 002016 for types that do not go together.
///
/// ```
/// use arrow::array::{AsArray, Int64Array};
/// use arrow::datatypes::Decimal128Type;
/// use icecore_types::Code;
/// use icecore_values::{ArithmeticOp, compute};
///
/// let seven = Int64Array::new_scalar(7);
/// let half = compute(ArithmeticOp::Divide, &seven, &Int64Array::new_scalar(2))?;
/// assert_eq!(half.as_primitive::<Decimal128Type>().value_as_string(0), "3.500000");
///
/// let top = Int64Array::new_scalar(i64::MAX);
/// let error = compute(ArithmeticOp::Add, &top, &seven).unwrap_err();
/// assert_eq!(error.code(), Code::OUT_OF_RANGE);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn compute(op: ArithmeticOp, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef> {
    let (left, left_scalar) = left.get();
    let (right, right_scalar) = right.get();
    let kernel = Kernel::choose(op, left.data_type(), right.data_type())?;
    let rows = if left_scalar { right.len() } else { left.len() };
    if *left.data_type() == DataType::Null || *right.data_type() == DataType::Null {
        return Ok(new_null_array(&kernel.data_type(), rows));
    }
    let sides = Sides {
        left: left.slice(0, left.len()),
        left_scalar,
        right: right.slice(0, right.len()),
        right_scalar,
    };
    match kernel {
        Kernel::Null => Ok(new_null_array(&kernel.data_type(), rows)),
        Kernel::Integers => plain::integers(op, &sides.as_type(&SqlType::Integer)?),
        Kernel::Floats => plain::floats(op, &sides.as_type(&SqlType::Float)?),
        Kernel::Decimals(rule) => decimal::decimals(op, rule, &sides.as_decimals()?),
        Kernel::DateAndDays => plain::date_and_days(op, &sides),
        Kernel::DaysBetween => plain::days_between(&sides),
    }
}

/// `-values`; text is a number as in `compute`.
///
/// # Errors
/// `InvalidInput`: 100039 for the smallest 64-bit integer, 002016 for a type
/// that has no negative.
pub fn negate(values: &ArrayRef) -> Result<ArrayRef> {
    let zero = arrow::array::Int64Array::new_scalar(0);
    match Operand::of(values.data_type()) {
        Some(Operand::Float) => {
            let floats = to_type(values, &SqlType::Float)?;
            Ok(Arc::new(floats.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| -v)))
        }
        Some(Operand::Decimal(..)) => {
            let decimals = as_decimal(values)?;
            let negative = decimals.as_primitive_opt::<Decimal128Type>().map(|values| {
                let negative = values.unary::<_, Decimal128Type>(i128::wrapping_neg);
                Arc::new(negative.with_data_type(decimals.data_type().clone())) as ArrayRef
            });
            negative.ok_or_else(|| Error::internal("a decimal is not held as one"))
        }
        Some(Operand::Integer | Operand::Null) => compute(ArithmeticOp::Subtract, &zero, values),
        _ => Err(Error::new(
            Code::TYPE_MISMATCH,
            format!("no operator - for type {}", name(values.data_type())),
        )),
    }
}

/// An array as values of one type, by cast.
fn to_type(array: &ArrayRef, ty: &SqlType) -> Result<ArrayRef> {
    let from = sql_type_of(array.data_type())?;
    cast_array(array, &from, ty, OnCastError::Fail)
}

/// The two operands, each an array or one value for all rows.
struct Sides {
    left: ArrayRef,
    left_scalar: bool,
    right: ArrayRef,
    right_scalar: bool,
}

impl Sides {
    fn as_type(&self, ty: &SqlType) -> Result<Self> {
        Ok(self.with(to_type(&self.left, ty)?, to_type(&self.right, ty)?))
    }

    fn as_decimals(&self) -> Result<Self> {
        Ok(self.with(as_decimal(&self.left)?, as_decimal(&self.right)?))
    }

    fn with(&self, left: ArrayRef, right: ArrayRef) -> Self {
        Self { left, right, left_scalar: self.left_scalar, right_scalar: self.right_scalar }
    }

    fn rows(&self) -> usize {
        if self.left_scalar { self.right.len() } else { self.left.len() }
    }

    /// Whether one value for all rows is NULL, which makes every result NULL.
    fn is_null(&self) -> bool {
        (self.left_scalar && self.left.is_null(0)) || (self.right_scalar && self.right.is_null(0))
    }

    /// Runs an operation that cannot fail, on the values of NULL rows too.
    fn each<T: ArrowPrimitiveType, O: ArrowPrimitiveType>(
        &self,
        op: impl Fn(T::Native, T::Native) -> O::Native,
    ) -> Result<PrimitiveArray<O>> {
        let (left, right) = (self.left.as_primitive::<T>(), self.right.as_primitive::<T>());
        if self.is_null() {
            return Ok(PrimitiveArray::new_null(self.rows()));
        }
        match (self.left_scalar, self.right_scalar) {
            (false, true) => {
                let right = right.value(0);
                Ok(left.unary(|left| op(left, right)))
            }
            (true, false) => {
                let left = left.value(0);
                Ok(right.unary(|right| op(left, right)))
            }
            _ => binary(left, right, op).map_err(unwrap),
        }
    }

    /// Runs an operation that can fail, on the rows that are not NULL.
    fn try_each<T: ArrowPrimitiveType, O: ArrowPrimitiveType>(
        &self,
        op: impl Fn(T::Native, T::Native) -> Result<O::Native, ArrowError>,
    ) -> Result<PrimitiveArray<O>> {
        let (left, right) = (self.left.as_primitive::<T>(), self.right.as_primitive::<T>());
        if self.is_null() {
            return Ok(PrimitiveArray::new_null(self.rows()));
        }
        let result = match (self.left_scalar, self.right_scalar) {
            (false, true) => {
                let right = right.value(0);
                left.try_unary(|left| op(left, right))
            }
            (true, false) => {
                let left = left.value(0);
                right.try_unary(|right| op(left, right))
            }
            _ => try_binary(left, right, op),
        };
        result.map_err(unwrap)
    }
}

/// Integers, decimals and text as decimals of their own scale.
fn as_decimal(array: &ArrayRef) -> Result<ArrayRef> {
    let held = |precision, scale| {
        let values = to_type(array, &SqlType::Integer)?;
        let wide: Decimal128Array = values.as_primitive::<Int64Type>().unary(i128::from);
        Ok(Arc::new(wide.with_data_type(DataType::Decimal128(precision, scale))) as ArrayRef)
    };
    match Operand::of(array.data_type()) {
        Some(Operand::Integer) => held(INTEGER_DIGITS, 0),
        Some(Operand::Decimal(precision, scale)) => match array.data_type() {
            DataType::Decimal128(_, 0..) => Ok(Arc::clone(array)),
            DataType::UInt64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..) => {
                let data_type = DataType::Decimal128(precision, scale as i8);
                arrow::compute::cast(array, &data_type).map_err(unwrap)
            }
            _ => to_type(array, &SqlType::Number { precision, scale }),
        },
        _ => Err(Error::internal("a decimal operation on another type")),
    }
}

/// Our error out of Arrow's, which carries it.
fn unwrap(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(source) => match source.downcast::<Error>() {
            Ok(error) => *error,
            Err(source) => Error::internal("arithmetic").with_source(Foreign(source)),
        },
        other => Error::internal("arithmetic").with_source(other),
    }
}

/// A boxed error as an error.
#[derive(Debug)]
struct Foreign(Box<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Foreign {}

#[cold]
fn carried(error: Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

#[cold]
fn division_by_zero() -> ArrowError {
    carried(Error::new(Code::DIVISION_BY_ZERO, "Division by zero"))
}

#[cfg(test)]
mod tests;

//! ROUND, TRUNC, FLOOR, CEIL and ABS, exact for exact numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal128Type, FieldRef, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{
    OnCastError, Rounding, arrow_type, cast_array, field, round_decimal, round_float,
    round_integer, sql_type_of,
};

use crate::bridge::{Argument, arguments, external, result, rows_of, wrong_arguments};

/// The functions of this file.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let round = |name, aliases: &[&str], rounding| {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Arc::new(ScalarUDF::from(Round::new(name, aliases, rounding)))
    };
    vec![
        round("round", &[], Rounding::HalfAwayFromZero),
        round("trunc", &["truncate"], Rounding::TowardZero),
        round("floor", &[], Rounding::Floor),
        round("ceil", &["ceiling"], Rounding::Ceiling),
        Arc::new(ScalarUDF::from(Absolute::default())),
    ]
}

/// Whether the type of a call follows from its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Digits {
    /// From a constant, which leaves as many digits after the point.
    Constant,
    /// Not, since they differ by row: the scale stays.
    Varying,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round {
    name: &'static str,
    aliases: Vec<String>,
    rounding: Kind,
    digits: Digits,
    signature: Signature,
}

/// A `Rounding` that can be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Half,
    Down,
    Up,
    Inward,
}

impl Round {
    fn new(name: &'static str, aliases: Vec<String>, rounding: Rounding) -> Self {
        let rounding = match rounding {
            Rounding::HalfAwayFromZero => Kind::Half,
            Rounding::Floor => Kind::Down,
            Rounding::Ceiling => Kind::Up,
            Rounding::TowardZero => Kind::Inward,
        };
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { name, aliases, rounding, digits: Digits::Constant, signature }
    }

    fn rounding(&self) -> Rounding {
        match self.rounding {
            Kind::Half => Rounding::HalfAwayFromZero,
            Kind::Down => Rounding::Floor,
            Kind::Up => Rounding::Ceiling,
            Kind::Inward => Rounding::TowardZero,
        }
    }

    /// The type of the result, if the digits are a constant or left out.
    fn result_type(&self, data_type: &DataType, digits: Option<i64>) -> Result<SqlType> {
        let ty = sql_type_of(data_type).map_err(external)?;
        Ok(match (ty, digits) {
            (SqlType::Integer, _) => SqlType::Integer,
            (SqlType::Number { precision, scale }, digits) => {
                let kept = match (self.digits, digits) {
                    (Digits::Constant, Some(digits)) => digits.clamp(0, i64::from(scale)) as u8,
                    _ => scale,
                };
                // A carry can add a digit before the point.
                let precision = (precision - scale + kept + 1).min(38);
                SqlType::Number { precision, scale: kept }
            }
            _ => SqlType::Float,
        })
    }
}

/// A call whose digits are no constant, marked so, that its type does not
/// change when they turn out to be one; none if nothing is to be marked.
pub(crate) fn settle(function: &ScalarFunction) -> Option<Expr> {
    let inner: &dyn std::any::Any = function.func.inner().as_ref();
    let round = inner.downcast_ref::<Round>()?;
    let constant = match function.args.get(1) {
        None | Some(Expr::Literal(..)) => true,
        Some(_) => false,
    };
    if constant || round.digits == Digits::Varying {
        return None;
    }
    let settled = Round {
        name: round.name,
        aliases: round.aliases.clone(),
        rounding: round.rounding,
        digits: Digits::Varying,
        signature: round.signature.clone(),
    };
    let function = ScalarFunction::new_udf(Arc::new(settled.into()), function.args.clone());
    Some(Expr::ScalarFunction(function))
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [value] => Ok(vec![value.clone()]),
            [value, _] => Ok(vec![value.clone(), DataType::Int64]),
            _ => Err(wrong_arguments(self.name, "1 to 2", arg_types.len())),
        }
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [value] => self.result_type(value, Some(0)).map(|ty| arrow_type(&ty)),
            [value, _] => self.result_type(value, None).map(|ty| arrow_type(&ty)),
            _ => Err(wrong_arguments(self.name, "1 to 2", arg_types.len())),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let (value, digits) = match (args.arg_fields, args.scalar_arguments) {
            ([value], _) => (value, Some(0)),
            ([value, _], [_, Some(digits)]) => (value, constant_digits(digits)),
            ([value, _], _) => (value, None),
            (other, _) => return Err(wrong_arguments(self.name, "1 to 2", other.len())),
        };
        let ty = self.result_type(value.data_type(), digits)?;
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(field(self.name, &ty, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let Some(value) = values.first() else {
            return Err(wrong_arguments(self.name, "1 to 2", 0));
        };
        let digits = values.get(1).map(|digits| digits.cast(&SqlType::Integer)).transpose()?;
        let rows = rows_of(&values, args.number_rows);
        let rounded = self.round(value, digits.as_ref(), rows)?;
        let to = sql_type_of(args.return_field.data_type()).map_err(external)?;
        let from = sql_type_of(rounded.data_type()).map_err(external)?;
        // Drops the digits that are zero now.
        let array = cast_array(&rounded, &from, &to, OnCastError::Fail).map_err(external)?;
        result(&values, array)
    }
}

fn constant_digits(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(digits) => *digits,
        ScalarValue::Int32(digits) => digits.map(i64::from),
        _ => None,
    }
}

impl Round {
    fn round(&self, value: &Argument, digits: Option<&Argument>, rows: usize) -> Result<ArrayRef> {
        let rounding = self.rounding();
        let ty = sql_type_of(value.array.data_type()).map_err(external)?;
        let array = match ty {
            SqlType::Integer | SqlType::Number { .. } => value.array.clone(),
            _ => value.cast(&SqlType::Float)?.array,
        };
        let value = Argument { array, is_scalar: value.is_scalar };
        match value.array.data_type() {
            DataType::Decimal128(_, scale) => {
                let (data_type, scale) = (value.array.data_type().clone(), *scale);
                let round = |v, digits| round_decimal(v, scale, digits, rounding);
                let array = each::<Decimal128Type>(&value, digits, rows, round)?;
                // One digit more than the input may be needed by a carry.
                let wider = match data_type {
                    DataType::Decimal128(p, s) => DataType::Decimal128((p + 1).min(38), s),
                    other => other,
                };
                Ok(Arc::new(array.with_data_type(wider)))
            }
            DataType::Float64 => {
                let round = |v, digits| Ok(round_float(v, digits, rounding));
                Ok(Arc::new(each::<Float64Type>(&value, digits, rows, round)?))
            }
            _ => {
                let value = value.cast(&SqlType::Integer)?;
                let round = |v, digits| round_integer(v, digits, rounding);
                Ok(Arc::new(each::<Int64Type>(&value, digits, rows, round)?))
            }
        }
    }
}

fn each<T: arrow::datatypes::ArrowPrimitiveType>(
    value: &Argument,
    digits: Option<&Argument>,
    rows: usize,
    round: impl Fn(T::Native, i64) -> icecore_types::Result<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let values = value.array.as_primitive::<T>();
    let digits = digits.map(|digits| (digits.array.as_primitive::<Int64Type>(), digits));
    (0..rows)
        .map(|row| {
            let place = value.place(row);
            let digits = match &digits {
                None => Some(0),
                Some((array, digits)) => {
                    let place = digits.place(row);
                    array.is_valid(place).then(|| array.value(place))
                }
            };
            match digits.filter(|_| values.is_valid(place)) {
                Some(digits) => round(values.value(place), digits).map(Some),
                None => Ok(None),
            }
        })
        .collect::<icecore_types::Result<_>>()
        .map_err(external)
}

/// ABS: of the type of its argument; the smallest integer has no result.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Absolute {
    signature: Signature,
}

impl Default for Absolute {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Absolute {
    fn name(&self) -> &str {
        "abs"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let [data_type] = arg_types else {
            return Err(wrong_arguments(self.name(), "1", arg_types.len()));
        };
        Ok(match sql_type_of(data_type).map_err(external)? {
            SqlType::Integer => DataType::Int64,
            SqlType::Number { precision, scale } => DataType::Decimal128(precision, scale as i8),
            _ => DataType::Float64,
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        let data_type = self.return_type(&types)?;
        Ok(Arc::new(arrow::datatypes::Field::new(self.name(), data_type, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [value] = values.as_slice() else {
            return Err(wrong_arguments(self.name(), "1", values.len()));
        };
        let array: ArrayRef = match args.return_field.data_type() {
            DataType::Decimal128(p, s) => {
                let decimals = arrow::compute::cast(&value.array, &DataType::Decimal128(*p, *s))?;
                let absolute: PrimitiveArray<Decimal128Type> =
                    decimals.as_primitive::<Decimal128Type>().unary(i128::wrapping_abs);
                Arc::new(absolute.with_data_type(DataType::Decimal128(*p, *s)))
            }
            DataType::Int64 => {
                let integers = value.cast(&SqlType::Integer)?;
                let absolute = integers.array.as_primitive::<Int64Type>().iter().map(|value| {
                    value.map(|value| value.checked_abs().ok_or_else(overflow)).transpose()
                });
                let absolute: PrimitiveArray<Int64Type> = absolute.collect::<Result<_>>()?;
                Arc::new(absolute)
            }
            _ => {
                let floats = value.cast(&SqlType::Float)?;
                let absolute: PrimitiveArray<Float64Type> =
                    floats.array.as_primitive::<Float64Type>().unary(f64::abs);
                Arc::new(absolute)
            }
        };
        result(&values, array)
    }
}

fn overflow() -> datafusion_common::DataFusionError {
    let error = Error::new(Code::OUT_OF_RANGE, "integer out of representable range");
    external(error.with_help("CAST it to NUMBER(38,0)"))
}

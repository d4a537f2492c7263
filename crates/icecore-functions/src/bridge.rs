//! Between DataFusion's values and errors and ours.

use arrow::array::{Array, ArrayRef, Datum, Scalar};
use datafusion_common::{DataFusionError, Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{OnCastError, cast_array, sql_type_of};

/// Our error through DataFusion, which keeps its structure.
pub(crate) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A call with the wrong number of arguments.
pub(crate) fn wrong_arguments(name: &str, expected: &str, found: usize) -> DataFusionError {
    external(Error::new(
        Code::UNKNOWN_FUNCTION,
        format!("{} takes {expected} arguments and not {found}", name.to_uppercase()),
    ))
}

/// An argument: an array with a value for each row, or one value for all.
pub(crate) struct Argument {
    pub(crate) array: ArrayRef,
    pub(crate) is_scalar: bool,
}

impl Argument {
    pub(crate) fn new(value: &ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(array) => Self { array: array.clone(), is_scalar: false },
            ColumnarValue::Scalar(scalar) => Self { array: scalar.to_array()?, is_scalar: true },
        })
    }

    /// The place in the array of a row's value.
    pub(crate) fn place(&self, row: usize) -> usize {
        if self.is_scalar { 0 } else { row }
    }

    /// The argument as values of a type, by the dialect's cast.
    pub(crate) fn cast(&self, to: &SqlType) -> Result<Self> {
        let from = sql_type_of(self.array.data_type()).map_err(external)?;
        let array = cast_array(&self.array, &from, to, OnCastError::Fail).map_err(external)?;
        Ok(Self { array, is_scalar: self.is_scalar })
    }

    /// As Arrow's kernels take it.
    pub(crate) fn datum(&self) -> Box<dyn Datum> {
        if self.is_scalar {
            Box::new(Scalar::new(self.array.clone()))
        } else {
            Box::new(self.array.clone())
        }
    }
}

pub(crate) fn arguments(args: &ScalarFunctionArgs) -> Result<Vec<Argument>> {
    args.args.iter().map(Argument::new).collect()
}

/// The rows that a function computes: one if all arguments are constants.
pub(crate) fn rows_of(arguments: &[Argument], rows: usize) -> usize {
    if arguments.iter().all(|argument| argument.is_scalar) { 1 } else { rows }
}

/// The result of a function: a constant if all arguments are.
pub(crate) fn result(arguments: &[Argument], array: ArrayRef) -> Result<ColumnarValue> {
    if arguments.iter().all(|argument| argument.is_scalar) && array.len() == 1 {
        return ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar);
    }
    Ok(ColumnarValue::Array(array))
}

//! Dates and times by a format string.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::{DataType, FieldRef, TimestampMicrosecondType};
use datafusion_common::Result;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::{Error, SqlType};
use icecore_values::{
    BinaryFormat, InputFormat, OnCastError, ParseOptions, Pattern, arrow_type, field, parse_texts,
};

use crate::bridge::{arguments, external, result, wrong_arguments};

/// Text in a format, read as a value of `ty`.
pub(crate) fn parse_as(
    value: Expr,
    format: &str,
    ty: SqlType,
    on_error: OnCastError,
) -> Result<Expr> {
    let function = Formatted::new(format, Direction::Read { ty, on_error })?;
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::from(function)),
        vec![value],
    )))
}

/// A date or timestamp as text in a format.
pub(crate) fn written_as(value: Expr, format: &str) -> Result<Expr> {
    let function = Formatted::new(format, Direction::Write)?;
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::from(function)),
        vec![value],
    )))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Direction {
    Read { ty: SqlType, on_error: OnCastError },
    Write,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Formatted {
    format: String,
    direction: Direction,
    signature: Signature,
}

impl Formatted {
    /// Refuses a format that cannot be used while the statement is planned.
    fn new(format: &str, direction: Direction) -> Result<Self> {
        let formatted = Self {
            format: format.to_owned(),
            direction,
            signature: Signature::user_defined(Volatility::Immutable),
        };
        match direction {
            Direction::Write => Pattern::parse(format).map(|_| ()).map_err(external)?,
            Direction::Read { ty, .. } => formatted.options(&ty).map(|_| ()).map_err(external)?,
        }
        Ok(formatted)
    }

    fn options(&self, ty: &SqlType) -> icecore_types::Result<ParseOptions> {
        let mut options = ParseOptions::default();
        match ty {
            SqlType::Date => options.date = InputFormat::parse(&self.format)?,
            SqlType::Time => options.time = InputFormat::parse(&self.format)?,
            SqlType::Binary { .. } => {
                options.binary = match self.format.to_ascii_uppercase().as_str() {
                    "HEX" => BinaryFormat::Hex,
                    "BASE64" => BinaryFormat::Base64,
                    "UTF-8" | "UTF8" => BinaryFormat::Utf8,
                    other => {
                        return Err(Error::unsupported(format_args!("binary format '{other}'")));
                    }
                }
            }
            _ => options.timestamp = InputFormat::parse(&self.format)?,
        }
        Ok(options)
    }

    fn read(
        &self,
        texts: &StringViewArray,
        ty: &SqlType,
        on_error: OnCastError,
    ) -> Result<ArrayRef> {
        let options = self.options(ty).map_err(external)?;
        let (values, rejected) = parse_texts(texts, ty, &options);
        match (rejected.into_iter().next(), on_error) {
            (Some(first), OnCastError::Fail) => Err(external(first.into())),
            _ => Ok(values),
        }
    }

    fn write(&self, moments: &ArrayRef) -> Result<ArrayRef> {
        let pattern = Pattern::parse(&self.format).map_err(external)?;
        let micros = moments.as_primitive::<TimestampMicrosecondType>();
        let texts: StringViewArray =
            micros.iter().map(|micros| micros.map(|micros| pattern.write(micros))).collect();
        Ok(Arc::new(texts))
    }
}

impl ScalarUDFImpl for Formatted {
    fn name(&self) -> &str {
        match self.direction {
            Direction::Read { .. } => "read_as",
            Direction::Write => "written_as",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [value] => Ok(format!("{}({}, '{}')", self.name(), value.schema_name(), self.format)),
            _ => Err(wrong_arguments(self.name(), "1", args.len())),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&match self.direction {
            Direction::Read { ty, .. } => ty,
            Direction::Write => SqlType::TEXT,
        }))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        if let (Direction::Write, [value]) = (self.direction, args.arg_fields)
            && value.data_type().is_numeric()
        {
            return Err(external(Error::unsupported("a number format in TO_CHAR")));
        }
        let ty = match self.direction {
            Direction::Read { ty, .. } => ty,
            Direction::Write => SqlType::TEXT,
        };
        Ok(Arc::new(field(self.name(), &ty, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let [value] = values.as_slice() else {
            return Err(wrong_arguments(self.name(), "1", values.len()));
        };
        let array = match self.direction {
            Direction::Read { ty, on_error } => {
                let texts = value.cast(&SqlType::TEXT)?;
                self.read(texts.array.as_string_view(), &ty, on_error)?
            }
            Direction::Write => {
                let moments = value.cast(&SqlType::TimestampNtz)?;
                self.write(&moments.array)?
            }
        };
        debug_assert_eq!(array.len(), value.array.len());
        result(&values, array)
    }
}

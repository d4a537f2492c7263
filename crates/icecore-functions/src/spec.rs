//! Functions by table: what they take, what they give, and how it is computed.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, PrimitiveArray, StringViewArray,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Field, FieldRef, Float64Type, Int64Type,
    TimestampMicrosecondType,
};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::{Code, Error, SqlType};
use icecore_values::{arrow_type, field, sql_type_of};

use crate::bridge::{Argument, arguments, external, result, rows_of, wrong_arguments};

/// What an argument is cast to before the function sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    Text,
    Integer,
    Binary,
    /// Text or binary as it is: the bytes of either.
    Bytes,
    Float,
    /// A DATE or a timestamp, as it is; text becomes a TIMESTAMP_NTZ.
    Moment,
}

impl Param {
    fn accepts(self, found: SqlType) -> SqlType {
        match (self, found) {
            (Self::Text, _) => SqlType::TEXT,
            (Self::Integer, _) => SqlType::Integer,
            (Self::Binary, _) => SqlType::Binary { length: SqlType::MAX_BINARY },
            (Self::Bytes, SqlType::Binary { .. }) => found,
            (Self::Bytes, _) => SqlType::TEXT,
            (Self::Float, _) => SqlType::Float,
            (Self::Moment, SqlType::Date | SqlType::TimestampLtz) => found,
            (Self::Moment, _) => SqlType::TimestampNtz,
        }
    }
}

/// What is known of a call while it is planned.
pub(crate) struct Shape<'a> {
    pub(crate) types: &'a [SqlType],
    pub(crate) constants: &'a [Option<&'a ScalarValue>],
}

impl Shape<'_> {
    /// A constant argument that is text.
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        self.constants.get(index).copied().flatten()?.try_as_str().flatten()
    }

    pub(crate) fn ty(&self, index: usize) -> SqlType {
        self.types.get(index).copied().unwrap_or(SqlType::TEXT)
    }
}

/// A function.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) params: &'static [Param],
    /// How many of the parameters a call may leave out, from the end.
    pub(crate) optional: usize,
    pub(crate) result: fn(&Shape<'_>) -> icecore_types::Result<SqlType>,
    pub(crate) compute: fn(&Call) -> icecore_types::Result<ArrayRef>,
}

/// A call with its arguments cast.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) rows: usize,
    pub(crate) result: SqlType,
}

impl Call {
    fn argument(&self, index: usize) -> icecore_types::Result<&Argument> {
        self.arguments
            .get(index)
            .ok_or_else(|| Error::internal(format_args!("{} lacks an argument", self.name)))
    }

    /// Whether the call has an argument at this place.
    pub(crate) fn has(&self, index: usize) -> bool {
        index < self.arguments.len()
    }

    pub(crate) fn text(&self, index: usize, row: usize) -> icecore_types::Result<&str> {
        let argument = self.argument(index)?;
        let texts: &StringViewArray = argument
            .array
            .as_string_view_opt()
            .ok_or_else(|| Error::internal("an argument is not text"))?;
        Ok(texts.value(argument.place(row)))
    }

    pub(crate) fn integer(&self, index: usize, row: usize) -> icecore_types::Result<i64> {
        let argument = self.argument(index)?;
        let values = argument
            .array
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| Error::internal("an argument is not an integer"))?;
        Ok(values.value(argument.place(row)))
    }

    pub(crate) fn float(&self, index: usize, row: usize) -> icecore_types::Result<f64> {
        let argument = self.argument(index)?;
        let values = argument
            .array
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| Error::internal("an argument is not a float"))?;
        Ok(values.value(argument.place(row)))
    }

    pub(crate) fn binary(&self, index: usize, row: usize) -> icecore_types::Result<&[u8]> {
        let argument = self.argument(index)?;
        let values = argument
            .array
            .as_binary_view_opt()
            .ok_or_else(|| Error::internal("an argument is not binary"))?;
        Ok(values.value(argument.place(row)))
    }

    /// The bytes of a text or of a binary value.
    pub(crate) fn bytes(&self, index: usize, row: usize) -> icecore_types::Result<&[u8]> {
        match self.argument(index)?.array.as_string_view_opt() {
            Some(_) => self.text(index, row).map(str::as_bytes),
            None => self.binary(index, row),
        }
    }

    /// A DATE or a timestamp in microseconds.
    pub(crate) fn micros(&self, index: usize, row: usize) -> icecore_types::Result<i64> {
        let argument = self.argument(index)?;
        let place = argument.place(row);
        if let Some(days) = argument.array.as_primitive_opt::<Date32Type>() {
            return Ok(i64::from(days.value(place)) * 86_400_000_000);
        }
        argument
            .array
            .as_primitive_opt::<TimestampMicrosecondType>()
            .map(|moments| moments.value(place))
            .ok_or_else(|| Error::internal("an argument is no moment"))
    }

    fn is_null(&self, row: usize) -> bool {
        self.arguments.iter().any(|argument| argument.array.is_null(argument.place(row)))
    }

    /// Runs `compute` for every row without a NULL argument.
    pub(crate) fn each<T>(
        &self,
        mut compute: impl FnMut(usize) -> icecore_types::Result<T>,
    ) -> icecore_types::Result<Vec<Option<T>>> {
        (0..self.rows)
            .map(|row| if self.is_null(row) { Ok(None) } else { compute(row).map(Some) })
            .collect()
    }

    pub(crate) fn integers(
        &self,
        compute: impl FnMut(usize) -> icecore_types::Result<i64>,
    ) -> icecore_types::Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(self.each(compute)?)))
    }

    pub(crate) fn texts(
        &self,
        compute: impl FnMut(usize) -> icecore_types::Result<String>,
    ) -> icecore_types::Result<ArrayRef> {
        Ok(Arc::new(StringViewArray::from_iter(self.each(compute)?)))
    }

    pub(crate) fn booleans(
        &self,
        compute: impl FnMut(usize) -> icecore_types::Result<bool>,
    ) -> icecore_types::Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::from(self.each(compute)?)))
    }

    /// Moments in microseconds as the DATE or timestamp that the call gives.
    pub(crate) fn moments(
        &self,
        compute: impl FnMut(usize) -> icecore_types::Result<i64>,
    ) -> icecore_types::Result<ArrayRef> {
        let micros = self.each(compute)?;
        if self.result == SqlType::Date {
            let days = micros.into_iter().map(|micros| micros.map(to_day));
            return Ok(Arc::new(days.collect::<PrimitiveArray<Date32Type>>()));
        }
        Ok(self.primitive::<TimestampMicrosecondType>(micros))
    }

    pub(crate) fn primitive<T: ArrowPrimitiveType>(
        &self,
        values: Vec<Option<T::Native>>,
    ) -> ArrayRef {
        let array: PrimitiveArray<T> = values.into_iter().collect();
        Arc::new(array.with_data_type(arrow_type(&self.result)))
    }
}

fn to_day(micros: i64) -> i32 {
    micros.div_euclid(86_400_000_000) as i32
}

/// A function of a table, as DataFusion sees it.
pub(crate) struct Tabled {
    spec: &'static Spec,
    aliases: Vec<String>,
    signature: Signature,
}

impl Tabled {
    pub(crate) fn functions(specs: &'static [Spec]) -> Vec<Arc<ScalarUDF>> {
        specs.iter().map(|spec| Arc::new(ScalarUDF::from(Self::new(spec)))).collect()
    }

    pub(crate) fn new(spec: &'static Spec) -> Self {
        Self {
            spec,
            aliases: spec.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn check_count(&self, count: usize) -> Result<()> {
        let most = self.spec.params.len();
        let least = most - self.spec.optional;
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let expected = if least == most { most.to_string() } else { format!("{least} to {most}") };
        Err(wrong_arguments(self.spec.name, &expected, count))
    }

    /// The types that the arguments are cast to.
    fn types(&self, fields: &[FieldRef]) -> Result<Vec<SqlType>> {
        self.check_count(fields.len())?;
        let types = self.spec.params.iter().zip(fields).map(|(param, field)| {
            let found = sql_type_of(field.data_type())?;
            let to = param.accepts(found);
            let possible =
                *field.data_type() == DataType::Null || icecore_values::can_cast(&found, &to);
            if possible { Ok(to) } else { Err(self.mismatch(found)) }
        });
        types.collect::<icecore_types::Result<_>>().map_err(external)
    }

    fn mismatch(&self, found: SqlType) -> Error {
        let name = self.spec.name.to_uppercase();
        Error::new(Code::TYPE_MISMATCH, format!("{name} does not take a {found}"))
    }
}

impl std::fmt::Debug for Tabled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.spec.name)
    }
}

impl PartialEq for Tabled {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for Tabled {}

impl Hash for Tabled {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl ScalarUDFImpl for Tabled {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.check_count(arg_types.len())?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let fields: Vec<_> = arg_types
            .iter()
            .map(|data_type| Arc::new(Field::new("", data_type.clone(), true)))
            .collect();
        let constants = vec![None; fields.len()];
        let shape = Shape { types: &self.types(&fields)?, constants: &constants };
        Ok(arrow_type(&(self.spec.result)(&shape).map_err(external)?))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types = self.types(args.arg_fields)?;
        let shape = Shape { types: &types, constants: args.scalar_arguments };
        let ty = (self.spec.result)(&shape).map_err(external)?;
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(field(self.spec.name, &ty, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types = self.types(&args.arg_fields)?;
        let given = arguments(&args)?;
        let cast = given
            .iter()
            .zip(&types)
            .map(|(argument, ty)| match argument.array.data_type() {
                DataType::Null => Ok(Argument {
                    array: arrow::array::new_null_array(&arrow_type(ty), argument.array.len()),
                    is_scalar: argument.is_scalar,
                }),
                _ => argument.cast(ty),
            })
            .collect::<Result<Vec<_>>>()?;
        let rows = rows_of(&cast, args.number_rows);
        let ty = sql_type_of(args.return_field.data_type()).map_err(external)?;
        let call = Call { name: self.spec.name, arguments: cast, rows, result: ty };
        let array = (self.spec.compute)(&call).map_err(external)?;
        result(&given, array)
    }
}

//! One value of a column, without its type.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    Float64Array, Int64Array, PrimitiveArray, StringViewArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use bytes::Bytes;

/// A value of a column; the column's type says how to read it.
///
/// ```
/// use arrow::datatypes::DataType;
/// use icecore_segment::Scalar;
///
/// let array = Scalar::Integer(7).to_array(&DataType::Int64);
/// assert_eq!((array.len(), array.null_count()), (1, 0));
/// assert_eq!(Scalar::Integer(7).to_array(&DataType::Utf8View).null_count(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Scalar {
    /// BOOLEAN.
    Boolean(bool),
    /// Integers, dates, times and timestamps, in the column's own unit.
    Integer(i64),
    /// A decimal without its point: the column's type says where that is.
    Decimal(i128),
    /// A double, never NaN in a bound.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Scalar {
    /// It as an array of one value of this type; NULL if the type cannot hold
    /// it.
    pub fn to_array(&self, data_type: &DataType) -> ArrayRef {
        array_of(std::iter::once(Some(self)), data_type)
    }

    pub(crate) fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    fn decimal(&self) -> Option<i128> {
        match self {
            Self::Decimal(value) => Some(*value),
            _ => None,
        }
    }
}

/// The values as an array of this type: NULL for none and for a value that is
/// not of this type.
pub(crate) fn array_of<'a>(
    values: impl ExactSizeIterator<Item = Option<&'a Scalar>>,
    data_type: &DataType,
) -> ArrayRef {
    let integers = |values: &mut dyn Iterator<Item = Option<&'a Scalar>>| -> Vec<Option<i64>> {
        values.map(|value| value?.integer()).collect()
    };
    let count = values.len();
    let mut values = values;
    match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from_iter(values.map(|value| match value? {
            Scalar::Boolean(value) => Some(*value),
            _ => None,
        }))),
        DataType::Int64 => Arc::new(Int64Array::from(integers(&mut values))),
        DataType::UInt64 => Arc::new(
            values.map(|value| u64::try_from(value?.integer()?).ok()).collect::<UInt64Array>(),
        ),
        DataType::Date32 => Arc::new(
            values.map(|value| i32::try_from(value?.integer()?).ok()).collect::<Date32Array>(),
        ),
        DataType::Time64(TimeUnit::Microsecond) => {
            Arc::new(Time64MicrosecondArray::from(integers(&mut values)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => Arc::new(
            TimestampMicrosecondArray::from(integers(&mut values)).with_timezone_opt(zone.clone()),
        ),
        DataType::Decimal128(..) => Arc::new(
            values
                .map(|value| value?.decimal())
                .collect::<Decimal128Array>()
                .with_data_type(data_type.clone()),
        ),
        DataType::Float64 => Arc::new(Float64Array::from_iter(values.map(|value| match value? {
            Scalar::Float(value) => Some(*value),
            _ => None,
        }))),
        DataType::Utf8View => {
            Arc::new(StringViewArray::from_iter(values.map(|value| match value? {
                Scalar::Text(value) => Some(value.as_str()),
                _ => None,
            })))
        }
        DataType::BinaryView => {
            Arc::new(BinaryViewArray::from_iter(values.map(|value| match value? {
                Scalar::Binary(value) => Some(value.as_ref()),
                _ => None,
            })))
        }
        other => new_null_array(other, count),
    }
}

/// The value at `index`; none for NULL, for an index out of range and for a
/// type that segments do not hold.
pub(crate) fn scalar_at(array: &dyn Array, index: usize) -> Option<Scalar> {
    if index >= array.len() || array.is_null(index) {
        return None;
    }
    fn primitive<T: ArrowPrimitiveType>(array: &dyn Array, index: usize) -> Option<T::Native> {
        array.as_primitive_opt::<T>().map(|array: &PrimitiveArray<T>| array.value(index))
    }
    match array.data_type() {
        DataType::Boolean => Some(Scalar::Boolean(array.as_boolean().value(index))),
        DataType::Int64 => primitive::<Int64Type>(array, index).map(Scalar::Integer),
        DataType::UInt64 => {
            { primitive::<UInt64Type>(array, index).and_then(|value| i64::try_from(value).ok()) }
                .map(Scalar::Integer)
        }
        DataType::Date32 => {
            primitive::<Date32Type>(array, index).map(|value| Scalar::Integer(i64::from(value)))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            primitive::<Time64MicrosecondType>(array, index).map(Scalar::Integer)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive::<TimestampMicrosecondType>(array, index).map(Scalar::Integer)
        }
        DataType::Decimal128(..) => primitive::<Decimal128Type>(array, index).map(Scalar::Decimal),
        DataType::Float64 => primitive::<Float64Type>(array, index).map(Scalar::Float),
        DataType::Utf8View => Some(Scalar::Text(array.as_string_view().value(index).to_owned())),
        DataType::BinaryView => {
            Some(Scalar::Binary(Bytes::copy_from_slice(array.as_binary_view().value(index))))
        }
        _ => None,
    }
}

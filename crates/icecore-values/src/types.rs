//! Declared types and the Arrow types that hold them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, TimeUnit, TimestampNanosecondType};
use icecore_types::{Code, Error, Result, SqlType};

/// The key of a field's metadata that holds the declared type.
pub const TYPE_KEY: &str = "icecore.type";

/// The largest precision of a NUMBER that is held in 64 bits.
pub(crate) const MAX_INT_DIGITS: u8 = 18;

/// The Arrow type that holds values of a declared type, in tables, results and
/// the Rust API alike.
///
/// ```
/// use arrow::datatypes::DataType;
/// use icecore_types::SqlType;
/// assert_eq!(icecore_values::arrow_type(&SqlType::parse("NUMBER(18)")?), DataType::Int64);
/// assert_eq!(
///     icecore_values::arrow_type(&SqlType::parse("NUMBER(38)")?),
///     DataType::Decimal128(38, 0)
/// );
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn arrow_type(ty: &SqlType) -> DataType {
    match *ty {
        SqlType::Integer => DataType::Int64,
        SqlType::Number { precision, scale: 0 } if precision <= MAX_INT_DIGITS => DataType::Int64,
        SqlType::Number { precision, scale } => DataType::Decimal128(precision, scale as i8),
        SqlType::Float => DataType::Float64,
        SqlType::Varchar { .. } => DataType::Utf8View,
        SqlType::Binary { .. } => DataType::BinaryView,
        SqlType::Boolean => DataType::Boolean,
        SqlType::Date => DataType::Date32,
        SqlType::Time => DataType::Time64(TimeUnit::Microsecond),
        SqlType::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
        SqlType::TimestampLtz => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
    }
}

/// A field of a declared type; its metadata carries the declaration.
pub fn field(name: &str, ty: &SqlType, nullable: bool) -> Field {
    Field::new(name, arrow_type(ty), nullable)
        .with_metadata(HashMap::from([(TYPE_KEY.to_owned(), ty.declaration())]))
}

/// The declared type of a field: what its metadata says, as long as its Arrow
/// type agrees, else the widest type of the dialect that holds its Arrow type.
///
/// # Errors
/// `Unsupported` for an Arrow type that the dialect does not have.
pub fn sql_type(field: &Field) -> Result<SqlType> {
    let declared = field.metadata().get(TYPE_KEY).and_then(|text| SqlType::parse(text).ok());
    match declared {
        Some(ty) if arrow_type(&ty) == *field.data_type() => Ok(ty),
        _ => sql_type_of(field.data_type())
            .map_err(|error| error.context(format_args!("column={}", field.name()))),
    }
}

/// The widest type of the dialect that holds an Arrow type.
///
/// # Errors
/// `Unsupported` for an Arrow type that the dialect does not have.
pub fn sql_type_of(data_type: &DataType) -> Result<SqlType> {
    use DataType::*;
    Ok(match data_type {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 => SqlType::Integer,
        UInt64 => SqlType::Number { precision: 20, scale: 0 },
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) if *s >= 0 && (*s as u8) <= *p => {
            SqlType::Number { precision: *p, scale: *s as u8 }
        }
        // Digits before the point that are all zero, as of the literal 1e3.
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s)
            if *s < 0 && p.saturating_add(s.unsigned_abs()) <= 38 =>
        {
            SqlType::Number { precision: p + s.unsigned_abs(), scale: 0 }
        }
        Float16 | Float32 | Float64 => SqlType::Float,
        Utf8 | LargeUtf8 | Utf8View | Null => SqlType::TEXT,
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => {
            SqlType::Binary { length: SqlType::MAX_BINARY }
        }
        Boolean => SqlType::Boolean,
        Date32 | Date64 => SqlType::Date,
        Time32(_) | Time64(_) => SqlType::Time,
        Timestamp(_, None) => SqlType::TimestampNtz,
        Timestamp(_, Some(_)) => SqlType::TimestampLtz,
        Dictionary(_, value) => return sql_type_of(value),
        RunEndEncoded(_, values) => return sql_type_of(values.data_type()),
        other => return Err(Error::unsupported(format_args!("arrow type {other}"))),
    })
}

/// An array of any Arrow type in the one form that the dialect gives it, with
/// its type.
///
/// # Errors
/// `Unsupported` for an Arrow type that the dialect does not have;
/// `InvalidInput` for a timestamp finer than a microsecond.
pub fn canonical(array: &ArrayRef) -> Result<(ArrayRef, SqlType)> {
    let ty = sql_type_of(array.data_type())?;
    Ok((held_as(array, &ty)?, ty))
}

/// `array` in the Arrow type of `ty`, where that only changes the form and
/// never a value.
pub(crate) fn held_as(array: &ArrayRef, ty: &SqlType) -> Result<ArrayRef> {
    let target = arrow_type(ty);
    if *array.data_type() == target {
        return Ok(Arc::clone(array));
    }
    if let DataType::Timestamp(TimeUnit::Nanosecond, _) = array.data_type() {
        refuse_nanoseconds(array.as_ref())?;
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(array, &target, &options).map_err(|source| {
        Error::new(Code::TYPE_MISMATCH, format!("arrow type {} is not {ty}", array.data_type()))
            .with_source(source)
    })?;
    Ok(cast)
}

fn refuse_nanoseconds(array: &dyn Array) -> Result<()> {
    let values = array.as_primitive::<TimestampNanosecondType>();
    let finer = values.iter().flatten().any(|nanos| nanos % 1000 != 0);
    if finer {
        return Err(Error::new(Code::INVALID_VALUE, "timestamp finer than a microsecond")
            .with_help("round it to microseconds first"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARATIONS: [&str; 14] = [
        "INT",
        "NUMBER(18,0)",
        "NUMBER(19,0)",
        "NUMBER(38,0)",
        "NUMBER(10,2)",
        "FLOAT",
        "VARCHAR",
        "VARCHAR(3)",
        "BINARY(8)",
        "BOOLEAN",
        "DATE",
        "TIME",
        "TIMESTAMP_NTZ",
        "TIMESTAMP_LTZ",
    ];

    #[test]
    fn a_field_remembers_its_declaration() {
        for text in DECLARATIONS {
            let ty = SqlType::parse(text).unwrap();
            assert_eq!(sql_type(&field("C", &ty, true)).unwrap(), ty, "{text}");
        }
    }

    #[test]
    fn metadata_that_contradicts_the_arrow_type_is_not_believed() {
        let metadata = HashMap::from([(TYPE_KEY.to_owned(), "DATE".to_owned())]);
        let field = Field::new("C", DataType::Int64, true).with_metadata(metadata);
        assert_eq!(sql_type(&field).unwrap(), SqlType::Integer);
    }

    #[test]
    fn a_decimal_with_zeros_before_its_point_is_a_whole_number() {
        use arrow::array::{ArrayRef, Decimal128Array};
        let thousand = Decimal128Array::from(vec![1]).with_data_type(DataType::Decimal128(1, -3));
        let thousand: ArrayRef = Arc::new(thousand);
        let (held, ty) = canonical(&thousand).unwrap();
        assert_eq!(ty, SqlType::Number { precision: 4, scale: 0 });
        assert_eq!(held.as_primitive::<arrow::datatypes::Int64Type>().value(0), 1000);
        let sum = crate::compute(crate::ArithmeticOp::Add, &thousand, &thousand).unwrap();
        let sum = crate::format_array(&sum, &sql_type_of(sum.data_type()).unwrap()).unwrap();
        assert_eq!(sum.value(0), "2000");
    }

    #[test]
    fn every_inferred_type_holds_its_arrow_type() {
        for ty in DECLARATIONS.map(|text| SqlType::parse(text).unwrap()) {
            let inferred = sql_type_of(&arrow_type(&ty)).unwrap();
            assert_eq!(arrow_type(&inferred), arrow_type(&ty), "{ty}");
        }
        assert!(sql_type_of(&DataType::Duration(TimeUnit::Second)).is_err());
    }
}

//! Digests as bytes, as text and as numbers, and what is decoded into bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryViewArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use icecore_types::SqlType;
use icecore_values::{combined, fingerprints, sql_type_of};
use md5::{Digest, Md5};
use sha1::Sha1;

use crate::bridge::{arguments, external, result, rows_of, wrong_arguments};
use crate::encodings::{from_base64, from_hex};
use crate::spec::Param::{Bytes, Text};
use crate::spec::{Call, Shape, Spec};

#[cfg(test)]
mod tests;

const BYTES: SqlType = SqlType::Binary { length: SqlType::MAX_BINARY };

/// A number of 64 bits without a sign.
const UNSIGNED: SqlType = SqlType::Number { precision: 20, scale: 0 };

fn bytes(_: &Shape<'_>) -> icecore_types::Result<SqlType> {
    Ok(BYTES)
}

fn text(_: &Shape<'_>) -> icecore_types::Result<SqlType> {
    Ok(SqlType::TEXT)
}

fn unsigned(_: &Shape<'_>) -> icecore_types::Result<SqlType> {
    Ok(UNSIGNED)
}

macro_rules! of_one {
    ($name:literal, $aliases:expr, $param:expr, $result:expr, $compute:expr) => {
        Spec {
            name: $name,
            aliases: $aliases,
            params: &[$param],
            optional: 0,
            result: $result,
            compute: $compute,
        }
    };
}

/// The functions of this file that take one value.
pub(crate) static SPECS: [Spec; 11] = [
    of_one!("sha1", &["sha1_hex"], Bytes, text, |call| {
        call.texts(|row| Ok(hex(&Sha1::digest(call.bytes(0, row)?))))
    }),
    of_one!("sha1_binary", &[], Bytes, bytes, |call| {
        binaries(call, |row| Ok(Some(Sha1::digest(call.bytes(0, row)?).to_vec())))
    }),
    of_one!("md5_binary", &[], Bytes, bytes, |call| {
        binaries(call, |row| Ok(Some(Md5::digest(call.bytes(0, row)?).to_vec())))
    }),
    of_one!("md5_number_lower64", &[], Bytes, unsigned, |call| half(call, 8)),
    of_one!("md5_number_upper64", &[], Bytes, unsigned, |call| half(call, 0)),
    of_one!("hex_decode_binary", &[], Text, bytes, |call| {
        binaries(call, |row| known(from_hex(call.text(0, row)?), "hexadecimal"))
    }),
    of_one!("try_hex_decode_binary", &[], Text, bytes, |call| {
        binaries(call, |row| Ok(from_hex(call.text(0, row)?)))
    }),
    of_one!("base64_decode_binary", &[], Text, bytes, |call| {
        binaries(call, |row| known(from_base64(call.text(0, row)?), "base64"))
    }),
    of_one!("try_base64_decode_binary", &[], Text, bytes, |call| {
        binaries(call, |row| Ok(from_base64(call.text(0, row)?)))
    }),
    of_one!("try_hex_decode_string", &[], Text, text, |call| {
        texts(call, |row| Ok(from_hex(call.text(0, row)?)))
    }),
    of_one!("try_base64_decode_string", &[], Text, text, |call| {
        texts(call, |row| Ok(from_base64(call.text(0, row)?)))
    }),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn known(bytes: Option<Vec<u8>>, encoding: &str) -> icecore_types::Result<Option<Vec<u8>>> {
    match bytes {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(icecore_types::Error::new(
            icecore_types::Code::INVALID_ARGUMENT,
            format!("the argument is not {encoding}"),
        )),
    }
}

fn binaries(
    call: &Call,
    compute: impl FnMut(usize) -> icecore_types::Result<Option<Vec<u8>>>,
) -> icecore_types::Result<ArrayRef> {
    let values = call.each(compute)?.into_iter().map(Option::flatten);
    Ok(Arc::new(values.collect::<BinaryViewArray>()))
}

/// NULL for what is no text.
fn texts(
    call: &Call,
    compute: impl FnMut(usize) -> icecore_types::Result<Option<Vec<u8>>>,
) -> icecore_types::Result<ArrayRef> {
    let values = call.each(compute)?.into_iter().map(Option::flatten);
    let texts = values.map(|bytes| bytes.and_then(|bytes| String::from_utf8(bytes).ok()));
    Ok(Arc::new(texts.collect::<StringViewArray>()))
}

/// Eight bytes of an MD5 from this one on, as a number without a sign.
fn half(call: &Call, from: usize) -> icecore_types::Result<ArrayRef> {
    let numbers = call.each(|row| {
        let digest = Md5::digest(call.bytes(0, row)?);
        let half = digest.iter().skip(from).take(8);
        Ok(half.fold(0_i128, |number, byte| number << 8 | i128::from(*byte)))
    })?;
    Ok(call.primitive::<Decimal128Type>(numbers))
}

/// HASH: a number for values in their order, NULL among them. Equal numbers
/// have one whatever their type; it is not the number that Snowflake gives.
pub(crate) fn hash() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::from(HashOf { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct HashOf {
    signature: Signature,
}

impl ScalarUDFImpl for HashOf {
    fn name(&self) -> &str {
        "hash"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [] => Err(wrong_arguments("hash", "1 or more", 0)),
            types => Ok(types.to_vec()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        for field in args.arg_fields {
            sql_type_of(field.data_type()).map_err(external)?;
        }
        Ok(Arc::new(Field::new(self.name(), DataType::Int64, false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arguments(&args)?;
        let prints = values.iter().map(|value| match value.array.data_type() {
            DataType::Null => Ok(vec![None; value.array.len()]),
            data_type => fingerprints(&value.array, &sql_type_of(data_type)?),
        });
        let prints = prints.collect::<icecore_types::Result<Vec<_>>>().map_err(external)?;
        let rows = rows_of(&values, args.number_rows);
        let hashes = (0..rows).map(|row| {
            let of_row = values.iter().zip(&prints);
            combined(of_row.map(|(value, prints)| prints.get(value.place(row)).copied().flatten()))
                as i64
        });
        result(&values, Arc::new(Int64Array::from_iter_values(hashes)))
    }
}

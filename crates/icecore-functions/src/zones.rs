//! CONVERT_TIMEZONE.

use arrow::datatypes::TimestampMicrosecondType;
use icecore_types::{Error, SqlType};
use icecore_values::convert_zone;

use crate::spec::Param::{Moment, Text};
use crate::spec::{Call, Shape, Spec};

/// With both zones named: the time on the clocks of the second. With one it
/// would be a TIMESTAMP_TZ.
pub(crate) static SPECS: [Spec; 1] = [Spec {
    name: "convert_timezone",
    aliases: &[],
    params: &[Text, Text, Moment],
    optional: 1,
    result,
    compute,
}];

fn result(shape: &Shape<'_>) -> icecore_types::Result<SqlType> {
    match shape.types.len() {
        3 => Ok(SqlType::TimestampNtz),
        _ => Err(Error::unsupported("CONVERT_TIMEZONE to a TIMESTAMP_TZ")
            .with_help("write CONVERT_TIMEZONE('UTC', 'zone', time)")),
    }
}

fn compute(call: &Call) -> icecore_types::Result<arrow::array::ArrayRef> {
    let micros = call
        .each(|row| convert_zone(call.micros(2, row)?, call.text(0, row)?, call.text(1, row)?))?;
    Ok(call.primitive::<TimestampMicrosecondType>(micros))
}

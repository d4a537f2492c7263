//! A 64-bit number for a value, the same in every version and on every machine.

use arrow::array::Array;
use icecore_types::{Result, SqlType};

use crate::format_array;

/// FNV-1a's, 64 bits.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The fingerprints of an array's values; none for NULL.
///
/// Numbers that are equal have one fingerprint whatever their type: `10`,
/// `10.00` and `1e1`. A text is no number, so `'10'` has another. Sketches store
/// what follows from these, so they never change.
///
/// # Errors
/// `InvalidInput` if the array does not hold values of `ty`.
///
/// ```
/// use arrow::array::{Float64Array, Int64Array};
/// use icecore_types::SqlType;
/// let whole = icecore_values::fingerprints(&Int64Array::from(vec![10]), &SqlType::Integer)?;
/// let float = icecore_values::fingerprints(&Float64Array::from(vec![10.0]), &SqlType::Float)?;
/// assert_eq!(whole, float);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn fingerprints(array: &dyn Array, ty: &SqlType) -> Result<Vec<Option<u64>>> {
    let texts = format_array(array, ty)?;
    let family = family(ty);
    Ok(texts
        .iter()
        .map(|text| {
            text.map(|text| match family {
                Family::Number => fingerprint(b'n', plain_number(text).as_bytes()),
                Family::Other(tag) => fingerprint(tag, text.as_bytes()),
            })
        })
        .collect())
}

/// The fingerprint of a row: of its values' in their order.
///
/// ```
/// let [one, two] = [Some(1), Some(2)];
/// let row = icecore_values::combined([one, two]);
/// assert_ne!(row, icecore_values::combined([two, one]));
/// ```
pub fn combined(values: impl IntoIterator<Item = Option<u64>>) -> u64 {
    let mut hash = OFFSET;
    for value in values {
        hash = match value {
            Some(value) => bytes(bytes(hash, &[1]), &value.to_le_bytes()),
            None => bytes(hash, &[0]),
        };
    }
    mixed(hash)
}

enum Family {
    Number,
    Other(u8),
}

fn family(ty: &SqlType) -> Family {
    match ty {
        SqlType::Integer | SqlType::Number { .. } | SqlType::Float => Family::Number,
        SqlType::Varchar { .. } => Family::Other(b't'),
        SqlType::Binary { .. } => Family::Other(b'x'),
        SqlType::Boolean => Family::Other(b'b'),
        SqlType::Date => Family::Other(b'd'),
        SqlType::Time => Family::Other(b'c'),
        _ => Family::Other(b'm'),
    }
}

/// A number without what does not change its value: zeros behind the point, and
/// the exponent of a whole number that has few enough digits.
fn plain_number(text: &str) -> String {
    if text.contains(['e', 'E'])
        && let Ok(value) = text.parse::<f64>()
        && value.fract() == 0.0
        && value.abs() < 1e38
    {
        return (value as i128).to_string();
    }
    match text.contains('.') && !text.contains(['e', 'E']) {
        true => match text.trim_end_matches('0').trim_end_matches('.') {
            "-0" | "" => "0".to_owned(),
            short => short.to_owned(),
        },
        false if text == "-0" => "0".to_owned(),
        false => text.to_owned(),
    }
}

fn fingerprint(tag: u8, value: &[u8]) -> u64 {
    mixed(bytes(bytes(OFFSET, &[tag]), value))
}

fn bytes(hash: u64, value: &[u8]) -> u64 {
    value.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// The finaliser of MurmurHash3: every bit depends on every other.
fn mixed(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_written_alike() {
        for (text, plain) in [
            ("10.00", "10"),
            ("10", "10"),
            ("0.50", "0.5"),
            ("1e+20", "100000000000000000000"),
            ("-0", "0"),
            ("-0.00", "0"),
            ("100", "100"),
            ("1.5e-7", "1.5e-7"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(plain_number(text), plain, "{text}");
        }
    }

    #[test]
    fn fingerprints_are_stored_and_stay_what_they_are() {
        assert_eq!(fingerprint(b't', b"abc"), FINGERPRINT_OF_ABC);
        assert_ne!(fingerprint(b't', b"10"), fingerprint(b'n', b"10"));
    }

    const FINGERPRINT_OF_ABC: u64 = 7_619_515_619_987_740_206;
}

//! Text out of its encodings, parts of text between delimiters, and shifts.

use icecore_types::{Code, Error, Result, SqlType};

use crate::spec::Param::{Integer, Text};
use crate::spec::Spec;

/// The functions of this file.
pub(crate) static SPECS: [Spec; 5] = [
    Spec {
        name: "hex_decode_string",
        aliases: &[],
        params: &[Text],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| call.texts(|row| unicode(from_hex(call.text(0, row)?), "hexadecimal")),
    },
    Spec {
        name: "base64_decode_string",
        aliases: &[],
        params: &[Text],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| call.texts(|row| unicode(from_base64(call.text(0, row)?), "base64")),
    },
    Spec {
        name: "strtok",
        aliases: &[],
        params: &[Text, Text, Integer],
        optional: 2,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            let parts = call.each(|row| {
                let delimiters = if call.has(1) { call.text(1, row)? } else { " " };
                let index = if call.has(2) { call.integer(2, row)? } else { 1 };
                token(call.text(0, row)?, delimiters, index)
            })?;
            let parts = parts.into_iter().map(Option::flatten);
            Ok(std::sync::Arc::new(parts.collect::<arrow::array::StringViewArray>()))
        },
    },
    Spec {
        name: "bitshiftleft",
        aliases: &["bit_shiftleft"],
        params: &[Integer, Integer],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| Ok(call.integer(0, row)? << places(call.integer(1, row)?)?))
        },
    },
    Spec {
        name: "bitshiftright",
        aliases: &["bit_shiftright"],
        params: &[Integer, Integer],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| Ok(call.integer(0, row)? >> places(call.integer(1, row)?)?))
        },
    },
];

fn places(count: i64) -> Result<u32> {
    u32::try_from(count).ok().filter(|count| *count < 64).ok_or_else(|| {
        let message = format!("bits are shifted by 0 to 63 places places={count}");
        Error::new(Code::INVALID_ARGUMENT, message)
    })
}

fn unicode(bytes: Option<Vec<u8>>, encoding: &str) -> Result<String> {
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        let message = format!("the argument is not the {encoding} form of a text");
        Error::new(Code::INVALID_ARGUMENT, message)
    })
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()).collect()
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        })
    };
    let (groups, []) = text.as_bytes().as_chunks::<4>() else { return None };
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in digits.bytes() {
        held = (held << 6 | u32::from(value(byte)?)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    Some(bytes)
}

/// Parts from 1 on between any of the delimiters; empty ones do not count.
fn token(text: &str, delimiters: &str, index: i64) -> Result<Option<String>> {
    let Some(skipped) = index.checked_sub(1).and_then(|skipped| usize::try_from(skipped).ok())
    else {
        let message = format!("STRTOK counts parts from 1 on part={index}");
        return Err(Error::new(Code::INVALID_ARGUMENT, message));
    };
    let mut parts = text.split(|c| delimiters.contains(c)).filter(|part| !part.is_empty());
    Ok(parts.nth(skipped).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read_and_nothing_else() {
        for (text, bytes) in [
            ("", Some("")),
            ("YQ==", Some("a")),
            ("YWI=", Some("ab")),
            ("YWJj", Some("abc")),
            ("U25vd2ZsYWtl", Some("Snowflake")),
            ("YQ", None),
            ("====", None),
            ("Y-==", None),
        ] {
            let found = from_base64(text).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(found.as_deref(), bytes, "{text}");
        }
        assert_eq!(from_hex("4a4B"), Some(b"JK".to_vec()));
        assert_eq!(from_hex("4"), None);
        assert_eq!(from_hex("+1"), None);
    }

    #[test]
    fn parts_are_counted_without_the_empty_ones() {
        assert_eq!(token("a.b@c", "@.", 3).unwrap().as_deref(), Some("c"));
        assert_eq!(token("..a", ".", 1).unwrap().as_deref(), Some("a"));
        assert_eq!(token("", "", 1).unwrap(), None);
        assert!(token("a", ".", 0).is_err());
    }
}

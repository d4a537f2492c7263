//! Escapes in the text of a delimiter.

use icecore_types::Result;

use super::option::invalid;

/// Resolves `\n`, `\t`, `\r`, `\\`, octal `\136`, hexadecimal `\x5e` and
/// `0x5e`. A backslash in front of anything else is itself.
///
/// # Errors
/// `InvalidInput` if the bytes are no valid UTF-8.
pub(super) fn unescape(text: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let mut resolved = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (byte, length) = one(rest);
        resolved.push(byte);
        at += length;
    }
    String::from_utf8(resolved)
        .map_err(|_| invalid(format!("delimiter is not valid UTF-8 value='{text}'")))
}

/// The first byte that `rest` stands for, and how many bytes say so.
fn one(rest: &[u8]) -> (u8, usize) {
    let plain = (rest.first().copied().unwrap_or_default(), 1);
    match rest {
        [b'0', b'x' | b'X', high, low, ..] | [b'\\', b'x' | b'X', high, low, ..] => {
            hex(*high, *low).map_or(plain, |byte| (byte, 4))
        }
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            ((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'), 4)
        }
        [b'\\', letter, ..] => match letter {
            b'n' => (b'\n', 2),
            b't' => (b'\t', 2),
            b'r' => (b'\r', 2),
            b'f' => (0x0c, 2),
            b'b' => (0x08, 2),
            b'0' => (0, 2),
            b'\\' | b'\'' | b'"' => (*letter, 2),
            _ => plain,
        },
        _ => plain,
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

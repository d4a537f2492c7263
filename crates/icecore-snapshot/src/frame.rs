//! The one form of every stored text: a header line that a person can read,
//! then a body of exactly the length and checksum that the header says.

use icecore_types::{Code, Error, Result};

/// The version of everything stored until the format is promised.
pub(crate) const FORMAT_VERSION: u32 = 0;

const MAGIC: &str = "ICECORE";
/// No header is longer: a bound on the search for its end.
const LONGEST_HEADER: usize = 64;

/// Puts the header before a body: `ICECORE <what> 0 <crc32> <length>\n<body>`.
pub(crate) fn encode(what: &str, body: &[u8]) -> Vec<u8> {
    let header =
        format!("{MAGIC} {what} {FORMAT_VERSION} {:08x} {}\n", crc32fast::hash(body), body.len());
    let mut bytes = Vec::with_capacity(header.len() + body.len());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The body of a frame that is all of `bytes`.
pub(crate) fn decode<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let (body, rest) = split(what, bytes)?;
    if !rest.is_empty() {
        return Err(Error::corrupted(format!("{what}: {} bytes too many", rest.len())));
    }
    Ok(body)
}

/// The body of the frame at the start of `bytes`, and what follows it.
pub(crate) fn split<'a>(what: &str, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
    let damaged = |why: &str| Error::corrupted(format!("{what}: {why}"));
    let window = bytes.get(..bytes.len().min(LONGEST_HEADER)).unwrap_or_default();
    let end = window.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("no header"))?;
    let header = window.get(..end).and_then(|line| std::str::from_utf8(line).ok());
    let header = header.ok_or_else(|| damaged("the header is no text"))?;
    let (crc, length) = fields(what, header)?;

    let after = bytes.get(end + 1..).unwrap_or_default();
    let (body, rest) = after.split_at_checked(length).ok_or_else(|| damaged("cut short"))?;
    if crc32fast::hash(body) != crc {
        return Err(damaged("wrong checksum"));
    }
    Ok((body, rest))
}

/// Checksum and length of the body, if the header is of this kind and version.
fn fields(what: &str, header: &str) -> Result<(u32, usize)> {
    let damaged = || Error::corrupted(format!("{what}: not a header: '{}'", header.escape_debug()));
    let parts: Vec<&str> = header.split(' ').collect();
    let &[magic, kind, version, crc, length] = parts.as_slice() else {
        return Err(damaged());
    };
    if magic != MAGIC || kind != what || crc.len() != 8 {
        return Err(damaged());
    }
    if version != FORMAT_VERSION.to_string() {
        return Err(unknown_format(format!("{what} of format version {version}")));
    }
    let crc = u32::from_str_radix(crc, 16).map_err(|_| damaged())?;
    let length = length.parse().map_err(|_| damaged())?;
    Ok((crc, length))
}

/// Something written by another version of the engine: never guessed.
pub(crate) fn unknown_format(what: impl std::fmt::Display) -> Error {
    Error::new(Code::UNKNOWN_FORMAT, format!("unknown format: {what}"))
        .with_help("open the store with the version of the engine that wrote it")
}

#[cfg(test)]
mod tests {
    use icecore_types::ErrorKind;

    use super::*;

    #[test]
    fn frames_round_trip_and_follow_each_other() {
        let mut bytes = encode("record", b"{}");
        assert_eq!(decode("record", &bytes).unwrap(), b"{}");
        bytes.extend(encode("record", b""));
        let (first, rest) = split("record", &bytes).unwrap();
        assert_eq!((first, decode("record", rest).unwrap()), (&b"{}"[..], &b""[..]));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode("record", br#"{"a":1}"#);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                // The case of the checksum's digits is the one harmless bit.
                let same = decode("record", &damaged).is_ok_and(|body| body == br#"{"a":1}"#);
                assert!(decode("record", &damaged).is_err() || same, "{at} {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert!(decode("record", &bytes[..length]).is_err());
        }
    }

    #[test]
    fn another_version_is_refused_as_such() {
        let error = decode("record", b"ICECORE record 1 00000000 0\n").unwrap_err();
        assert_eq!((error.code(), error.kind()), (Code::UNKNOWN_FORMAT, ErrorKind::Unsupported));
    }
}

//! Functions of text whose meaning or type differs from DataFusion's.

use icecore_types::{Error, Result, SqlType};

use crate::spec::Param::{Integer, Text};
use crate::spec::Spec;

/// The functions of this file.
pub(crate) static SPECS: [Spec; 9] = [
    Spec {
        name: "character_length",
        aliases: &["length", "len", "char_length"],
        params: &[Text],
        optional: 0,
        result: |_| Ok(SqlType::Integer),
        compute: |call| call.integers(|row| Ok(call.text(0, row)?.chars().count() as i64)),
    },
    Spec {
        name: "charindex",
        aliases: &["position"],
        params: &[Text, Text, Integer],
        optional: 1,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            call.integers(|row| {
                let start = if call.has(2) { call.integer(2, row)? } else { 1 };
                Ok(position(call.text(1, row)?, call.text(0, row)?, start))
            })
        },
    },
    Spec {
        name: "contains",
        aliases: &[],
        params: &[Text, Text],
        optional: 0,
        result: |_| Ok(SqlType::Boolean),
        compute: |call| call.booleans(|row| Ok(call.text(0, row)?.contains(call.text(1, row)?))),
    },
    Spec {
        name: "startswith",
        aliases: &["starts_with"],
        params: &[Text, Text],
        optional: 0,
        result: |_| Ok(SqlType::Boolean),
        compute: |call| call.booleans(|row| Ok(call.text(0, row)?.starts_with(call.text(1, row)?))),
    },
    Spec {
        name: "endswith",
        aliases: &["ends_with"],
        params: &[Text, Text],
        optional: 0,
        result: |_| Ok(SqlType::Boolean),
        compute: |call| call.booleans(|row| Ok(call.text(0, row)?.ends_with(call.text(1, row)?))),
    },
    Spec {
        name: "substr",
        aliases: &["substring"],
        params: &[Text, Integer, Integer],
        optional: 1,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            call.texts(|row| {
                let length = if call.has(2) { call.integer(2, row)? } else { i64::MAX };
                Ok(substring(call.text(0, row)?, call.integer(1, row)?, length))
            })
        },
    },
    Spec {
        name: "left",
        aliases: &[],
        params: &[Text, Integer],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            call.texts(|row| Ok(substring(call.text(0, row)?, 1, call.integer(1, row)?)))
        },
    },
    Spec {
        name: "right",
        aliases: &[],
        params: &[Text, Integer],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            call.texts(|row| {
                let text = call.text(0, row)?;
                let length = text.chars().count() as i64;
                let kept = call.integer(1, row)?.clamp(0, length);
                Ok(substring(text, length - kept + 1, kept))
            })
        },
    },
    Spec {
        name: "split_part",
        aliases: &[],
        params: &[Text, Text, Integer],
        optional: 0,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            call.texts(|row| {
                split_part(call.text(0, row)?, call.text(1, row)?, call.integer(2, row)?)
            })
        },
    },
];

/// The first place of `needle`, in characters from 1 on; 0 if there is none.
fn position(text: &str, needle: &str, start: i64) -> i64 {
    let skipped = start.max(1) as usize - 1;
    let Some(offset) = offset_of(text, skipped) else { return 0 };
    let (before, rest) = text.split_at(offset);
    match rest.find(needle) {
        Some(found) => {
            let (between, _) = rest.split_at(found);
            (before.chars().count() + between.chars().count()) as i64 + 1
        }
        None => 0,
    }
}

/// Where a character begins, in bytes; the end of the text is a place too.
fn offset_of(text: &str, characters: usize) -> Option<usize> {
    let ends = std::iter::once(text.len());
    text.char_indices().map(|(offset, _)| offset).chain(ends).nth(characters)
}

/// Characters from 1 on; a negative start counts from the end, and 0 is 1.
fn substring(text: &str, start: i64, length: i64) -> String {
    let skipped = match start {
        0 => 0,
        1.. => start as usize - 1,
        _ => {
            let all = text.chars().count() as i64;
            match all.checked_add(start) {
                Some(skipped) if skipped >= 0 => skipped as usize,
                _ => return String::new(),
            }
        }
    };
    let length = usize::try_from(length).unwrap_or(0);
    text.chars().skip(skipped).take(length).collect()
}

/// The parts from 1 on; negative ones count from the end, and 0 is 1.
fn split_part(text: &str, delimiter: &str, index: i64) -> Result<String> {
    if delimiter.is_empty() {
        return Ok(if index.unsigned_abs() <= 1 { text.to_owned() } else { String::new() });
    }
    let nth = usize::try_from(index.unsigned_abs().max(1) - 1)
        .map_err(|_| Error::internal("a part beyond the address space"))?;
    let part =
        if index < 0 { text.rsplit(delimiter).nth(nth) } else { text.split(delimiter).nth(nth) };
    Ok(part.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_characters_from_one_on() {
        assert_eq!(position("äbcäb", "b", 1), 2);
        assert_eq!(position("äbcäb", "b", 3), 5);
        assert_eq!(position("abc", "x", 1), 0);
        assert_eq!(position("abc", "a", 9), 0);
        assert_eq!(position("abc", "", 1), 1);
    }

    #[test]
    fn substrings_count_from_either_end() {
        for (start, length, expected) in [
            (1, 2, "äb"),
            (2, 9, "bc"),
            (-2, 1, "b"),
            (0, 1, "ä"),
            (-9, 2, ""),
            (9, 1, ""),
            (1, -1, ""),
            (i64::MIN, 1, ""),
        ] {
            assert_eq!(substring("äbc", start, length), expected, "{start} {length}");
        }
    }

    #[test]
    fn parts_count_from_either_end() {
        for (index, expected) in [(1, "a"), (0, "a"), (3, ""), (-1, "b"), (-2, "a"), (-3, "")] {
            assert_eq!(split_part("a.b", ".", index).unwrap(), expected, "{index}");
        }
        assert_eq!(split_part("a.b", "", 1).unwrap(), "a.b");
    }
}

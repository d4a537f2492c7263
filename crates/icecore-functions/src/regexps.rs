//! Regular expressions: REGEXP_LIKE, REGEXP_REPLACE, REGEXP_SUBSTR,
//! REGEXP_COUNT and REGEXP_INSTR, in the syntax of the `regex` crate.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use icecore_types::{Code, Error, Result, SqlType};
use regex::{Captures, Regex, RegexBuilder};

use crate::spec::Param::{Integer, Text};
use crate::spec::{Call, Spec};

/// The most bytes that a compiled expression may take.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// The functions of this file.
pub(crate) static SPECS: [Spec; 5] = [
    Spec {
        name: "regexp_like",
        aliases: &["rlike"],
        params: &[Text, Text, Text],
        optional: 1,
        result: |_| Ok(SqlType::Boolean),
        compute: |call| {
            let mut compiled = Compiled::whole();
            call.booleans(|row| {
                let expression = compiled.of(call, row, 2)?;
                Ok(expression.is_match(call.text(0, row)?))
            })
        },
    },
    Spec {
        name: "regexp_replace",
        aliases: &[],
        params: &[Text, Text, Text, Integer, Integer, Text],
        optional: 4,
        result: |_| Ok(SqlType::TEXT),
        compute: |call| {
            let mut compiled = Compiled::part();
            call.texts(|row| replaced(call, row, compiled.of(call, row, 5)?))
        },
    },
    Spec {
        name: "regexp_substr",
        aliases: &[],
        params: &[Text, Text, Integer, Integer, Text, Integer],
        optional: 4,
        result: |_| Ok(SqlType::TEXT),
        compute: substring,
    },
    Spec {
        name: "regexp_count",
        aliases: &[],
        params: &[Text, Text, Integer, Text],
        optional: 2,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            let mut compiled = Compiled::part();
            call.integers(|row| {
                let expression = compiled.of(call, row, 3)?;
                let (text, start) = from_position(call, row, 2)?;
                let rest = text.get(start..).unwrap_or_default();
                Ok(expression.find_iter(rest).count() as i64)
            })
        },
    },
    Spec {
        name: "regexp_instr",
        aliases: &[],
        params: &[Text, Text, Integer, Integer, Integer, Text, Integer],
        optional: 5,
        result: |_| Ok(SqlType::Integer),
        compute: |call| {
            let mut compiled = Compiled::part();
            call.integers(|row| place(call, row, compiled.of(call, row, 5)?))
        },
    },
];

/// The last expression that was compiled: most often that of all rows.
struct Compiled {
    is_whole: bool,
    last: Option<(String, String, Regex)>,
}

impl Compiled {
    fn whole() -> Self {
        Self { is_whole: true, last: None }
    }

    fn part() -> Self {
        Self { is_whole: false, last: None }
    }

    /// The expression of a row, with its parameters in the argument `letters`.
    fn of(&mut self, call: &Call, row: usize, letters: usize) -> Result<&Regex> {
        let pattern = call.text(1, row)?;
        let letters = if call.has(letters) { call.text(letters, row)? } else { "c" };
        let is_last = self.last.as_ref().is_some_and(|(p, l, _)| p == pattern && l == letters);
        if !is_last {
            let compiled = self.compile(pattern, letters)?;
            self.last = Some((pattern.to_owned(), letters.to_owned(), compiled));
        }
        let compiled = self.last.as_ref().map(|(_, _, compiled)| compiled);
        compiled.ok_or_else(|| Error::internal("an expression was not compiled"))
    }

    fn compile(&self, pattern: &str, letters: &str) -> Result<Regex> {
        let text = match self.is_whole {
            true => format!("^(?:{pattern})$"),
            false => pattern.to_owned(),
        };
        let mut builder = RegexBuilder::new(&text);
        builder.size_limit(MAX_COMPILED_BYTES);
        for letter in letters.chars() {
            match letter {
                'c' => builder.case_insensitive(false),
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'e' => &mut builder,
                other => {
                    let message = format!("unknown parameter of a regular expression '{other}'");
                    return Err(Error::new(Code::INVALID_ARGUMENT, message));
                }
            };
        }
        builder.build().map_err(|source| {
            let message = format!("invalid regular expression '{pattern}'");
            Error::new(Code::INVALID_ARGUMENT, message).with_source(source)
        })
    }
}

fn number(call: &Call, row: usize, index: usize, default: i64, least: i64) -> Result<usize> {
    let value = if call.has(index) { call.integer(index, row)? } else { default };
    usize::try_from(value).ok().filter(|_| value >= least).ok_or_else(|| {
        let name = call.name.to_uppercase();
        let message = format!("argument out of range function={name} value={value}");
        Error::new(Code::INVALID_ARGUMENT, message)
    })
}

/// The text, and where in it, in bytes, the position of an argument is.
fn from_position(call: &Call, row: usize, index: usize) -> Result<(&str, usize)> {
    let text = call.text(0, row)?;
    let position = number(call, row, index, 1, 1)?;
    let start = text.char_indices().nth(position - 1).map_or(text.len(), |(at, _)| at);
    Ok((text, start))
}

/// Snowflake's `\1` for a group, as the crate writes it; a `$` is itself.
fn template(replacement: &str) -> String {
    let mut written = String::with_capacity(replacement.len());
    let mut letters = replacement.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                written.push_str(&format!("${{{digit}}}"));
                letters.next();
            }
            ('\\', Some('\\')) => {
                written.push('\\');
                letters.next();
            }
            ('$', _) => written.push_str("$$"),
            (other, _) => written.push(other),
        }
    }
    written
}

fn replaced(call: &Call, row: usize, expression: &Regex) -> Result<String> {
    let replacement = if call.has(2) { template(call.text(2, row)?) } else { String::new() };
    let (text, start) = from_position(call, row, 3)?;
    let occurrence = number(call, row, 4, 0, 0)?;
    let (before, rest) = text.split_at(start);
    let mut seen = 0;
    let changed = expression.replace_all(rest, |found: &Captures<'_>| {
        seen += 1;
        let mut written = String::new();
        if occurrence == 0 || seen == occurrence {
            found.expand(&replacement, &mut written);
        } else {
            written.push_str(found.get(0).map_or("", |all| all.as_str()));
        }
        written
    });
    Ok(format!("{before}{changed}"))
}

/// The bytes of a group of the n-th match.
fn found(
    expression: &Regex,
    (text, start): (&str, usize),
    occurrence: usize,
    group: usize,
) -> Option<(usize, usize)> {
    let rest = text.get(start..)?;
    let captures = expression.captures_iter(rest).nth(occurrence - 1)?;
    captures.get(group).map(|found| (start + found.start(), start + found.end()))
}

/// The group that is asked for: the first with the parameter `e`, else all.
fn group(call: &Call, row: usize, letters: usize, index: usize) -> Result<usize> {
    let extracts = call.has(letters) && call.text(letters, row)?.contains('e');
    number(call, row, index, i64::from(extracts), 0)
}

fn substring(call: &Call) -> Result<ArrayRef> {
    let mut compiled = Compiled::part();
    let texts = call.each(|row| {
        let expression = compiled.of(call, row, 4)?;
        let (text, start) = from_position(call, row, 2)?;
        let occurrence = number(call, row, 3, 1, 1)?;
        let group = group(call, row, 4, 5)?;
        let place = found(expression, (text, start), occurrence, group);
        Ok(place.and_then(|(start, end)| text.get(start..end)).map(str::to_owned))
    })?;
    Ok(Arc::new(texts.into_iter().map(Option::flatten).collect::<StringViewArray>()))
}

fn place(call: &Call, row: usize, expression: &Regex) -> Result<i64> {
    let (text, start) = from_position(call, row, 2)?;
    let occurrence = number(call, row, 3, 1, 1)?;
    let wants_end = number(call, row, 4, 0, 0)? == 1;
    let group = group(call, row, 5, 6)?;
    let Some((start, end)) = found(expression, (text, start), occurrence, group) else {
        return Ok(0);
    };
    let before = text.get(..if wants_end { end } else { start }).unwrap_or_default();
    Ok(before.chars().count() as i64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_with_a_backslash_and_a_dollar_is_itself() {
        assert_eq!(template(r"\2-\1"), "${2}-${1}");
        assert_eq!(template(r"$1\\x"), r"$$1\x");
    }

    #[test]
    fn expressions_that_are_wrong_or_too_large_are_errors() {
        for (pattern, letters) in [("(", "c"), ("a", "q"), ("(a{1000}){1000}", "c")] {
            assert!(Compiled::part().compile(pattern, letters).is_err(), "{pattern}");
        }
    }
}

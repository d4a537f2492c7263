//! The reader against a parser that looks at one byte after the other.

use proptest::prelude::*;

use super::{Row, format, read, target};
use crate::CsvFormat;

#[derive(Debug, Default, PartialEq)]
struct Expected {
    rows: Vec<Row>,
    bad: Vec<u64>,
}

/// A byte of a field, and whether it was escaped.
type Bytes = Vec<(u8, bool)>;

struct Model<'a> {
    text: &'a [u8],
    at: usize,
    format: &'a CsvFormat,
}

enum Stop {
    Field,
    Record,
}

impl Model<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn take_record_end(&mut self) -> bool {
        let length = match (self.peek(0), self.peek(1)) {
            (Some(b'\n'), _) => 1,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 0,
        };
        self.at += length;
        length > 0
    }

    fn skip_blanks(&mut self) {
        while self.format.trim_space && matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// The fields of the next record, and whether it is well formed.
    fn record(&mut self) -> (Row, bool) {
        let (mut fields, mut good) = (Vec::new(), true);
        loop {
            let start = self.at;
            self.skip_blanks();
            let stop =
                if self.format.enclosed_by.is_some() && self.peek(0) == self.format.enclosed_by {
                    let (value, stop, closed) = self.enclosed();
                    good &= closed;
                    fields.push(value);
                    stop
                } else {
                    self.at = start;
                    let (value, stop) = self.unenclosed();
                    fields.push(value);
                    stop
                };
            if matches!(stop, Stop::Record) {
                return (fields, good);
            }
        }
    }

    fn enclosed(&mut self) -> (Option<String>, Stop, bool) {
        let quote = self.format.enclosed_by;
        let mut value = Vec::new();
        self.at += 1;
        let start = self.at;
        loop {
            let Some(byte) = self.peek(0) else { return (None, Stop::Record, false) };
            self.at += 1;
            if Some(byte) == quote {
                if self.peek(0) != quote {
                    break;
                }
                self.at += 1;
                value.push((byte, true));
            } else if Some(byte) == self.format.escape {
                value.extend(self.peek(0).map(|byte| (byte, true)));
                self.at += 1;
            } else {
                value.push((byte, false));
            }
        }
        let raw = &self.text[start..self.at - 1];
        let value = self.value(value, raw, true);
        self.skip_blanks();
        if self.at >= self.text.len() || self.take_record_end() {
            return (value, Stop::Record, true);
        }
        if self.peek(0) == Some(b',') {
            self.at += 1;
            return (value, Stop::Field, true);
        }
        while self.at < self.text.len() && !self.take_record_end() {
            self.at += 1;
        }
        (None, Stop::Record, false)
    }

    fn unenclosed(&mut self) -> (Option<String>, Stop) {
        let (start, mut value) = (self.at, Bytes::new());
        loop {
            let raw = &self.text[start..self.at.min(self.text.len())];
            let Some(byte) = self.peek(0) else {
                return (self.value(value, raw, false), Stop::Record);
            };
            if byte == b',' {
                self.at += 1;
                return (self.value(value, raw, false), Stop::Field);
            }
            if self.take_record_end() {
                return (self.value(value, raw, false), Stop::Record);
            }
            self.at += 1;
            if Some(byte) != self.format.escape_unenclosed {
                value.push((byte, false));
                continue;
            }
            match (self.peek(0), self.peek(1)) {
                (None, _) => value.push((byte, true)),
                (Some(b'\r'), Some(b'\n')) => {
                    value.extend([(b'\r', true), (b'\n', true)]);
                    self.at += 2;
                }
                (Some(next), _) => {
                    value.push((next, true));
                    self.at += 1;
                }
            }
        }
    }

    /// A text of NULL_IF means what is written as well as what that stands for:
    /// `\N` is NULL though its escape would make it `N`, in quotes too.
    fn value(&self, mut value: Bytes, raw: &[u8], enclosed: bool) -> Option<String> {
        if self.format.trim_space && !enclosed {
            let blank = |byte: &(u8, bool)| matches!(byte, (b' ' | b'\t', false));
            while value.last().is_some_and(blank) {
                value.pop();
            }
            while value.first().is_some_and(blank) {
                value.remove(0);
            }
        }
        let text: Vec<u8> = value.into_iter().map(|(byte, _)| byte).collect();
        let text = String::from_utf8(text).unwrap();
        let raw = String::from_utf8_lossy(raw);
        let trimmed = self.format.trim_space && !enclosed;
        let raw = if trimmed { raw.trim_matches([' ', '\t']) } else { &raw };
        let is_null = |null: &String| *null == text || null == raw;
        let empty = text.is_empty() && !enclosed && self.format.empty_field_as_null;
        (!empty && !self.format.null_if.iter().any(is_null)).then_some(text)
    }
}

fn model(text: &[u8], format: &CsvFormat, columns: usize) -> Expected {
    let mut model = Model { text, at: 0, format };
    let (mut expected, mut number) = (Expected::default(), 0);
    let mut width = format.error_on_column_count_mismatch.then_some(columns);
    while model.at < text.len() {
        let start = model.at;
        let (mut fields, good) = model.record();
        let line: &[u8] = &text[start..model.at.min(text.len())];
        let content = String::from_utf8_lossy(line);
        let content =
            content.strip_suffix('\n').map_or(&*content, |c| c.strip_suffix('\r').unwrap_or(c));
        let blanks = if format.trim_space { [' ', '\t'] } else { ['\n', '\n'] };
        let is_blank = content.trim_matches(blanks).is_empty() && (good && fields.len() == 1);
        if format.skip_blank_lines && is_blank {
            continue;
        }
        number += 1;
        if fields.len() == *width.get_or_insert(fields.len()) && good {
            fields.resize(columns, None);
            expected.rows.push(fields);
        } else {
            expected.bad.push(number);
        }
    }
    expected
}

fn formats() -> impl Strategy<Value = CsvFormat> {
    let flags = proptest::array::uniform6(any::<bool>());
    (flags, 0..3_usize, any::<bool>()).prop_map(|(flags, escape, quoted)| {
        let mut csv = format(&[]);
        [
            csv.trim_space,
            csv.skip_blank_lines,
            csv.empty_field_as_null,
            csv.error_on_column_count_mismatch,
            _,
            _,
        ] = flags;
        csv.enclosed_by = quoted.then_some(b'"');
        csv.escape = if flags[4] { Some(b'\\') } else { None };
        csv.escape_unenclosed = [None, Some(b'\\'), Some(b'|')][escape];
        csv.null_if = if flags[5] { vec!["a".to_owned(), "\\N".to_owned()] } else { Vec::new() };
        csv
    })
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("a"), 2 => Just("bcdefghijklmnop"), 6 => Just(","), 4 => Just("\n"),
        1 => Just("\r\n"), 1 => Just("\r"), 3 => Just("\""), 1 => Just("\\"), 1 => Just("|"),
        1 => Just(" "), 1 => Just("é"), 1 => Just("\\N"), 1 => Just("\"\""),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn reads_as_the_model_does(
        text in texts(),
        csv in formats(),
        columns in 1..4_usize,
        block in prop_oneof![1..40_u64, Just(1 << 20)],
    ) {
        let target = target(&vec![("VARCHAR", false); columns]);
        let loaded = read(text.as_bytes(), &csv, &target, block).unwrap();
        let expected = model(text.as_bytes(), &csv, columns);
        let bad: Vec<u64> = loaded.errors.iter().map(|error| error.row).collect();
        prop_assert_eq!(&loaded.rows, &expected.rows);
        prop_assert_eq!(&bad, &expected.bad);
        prop_assert_eq!(loaded.parsed as usize, expected.rows.len() + expected.bad.len());
    }
}

//! A block of records as the places of its fields.

use std::sync::Arc;

use super::header::Layout;
use super::quick::Delimiters;
use super::quoted::Quotes;
use super::record::{Field, Grammar, Malformed, Record, scan_record};
use crate::{CsvFormat, FileTarget};

/// Everything that reading the blocks of one file shares.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) format: Arc<CsvFormat>,
    pub(super) grammar: Grammar,
    pub(super) target: Arc<FileTarget>,
    pub(super) parse: icecore_values::ParseOptions,
}

/// Where a field is: 8 bytes, so that a block's fields stay in the processor's
/// cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    length_and_flags: u32,
}

const ENCLOSED: u32 = 1 << 31;
const DECODED: u32 = 1 << 30;
const NULL: u32 = 1 << 29;
const LENGTH: u32 = NULL - 1;

impl Span {
    /// A field that stands in the block as it is. A block is shorter than
    /// 4 GiB and a record than 512 MiB, so that nothing is cut.
    pub(super) const fn plain(start: usize, end: usize) -> Self {
        Self { start: start as u32, length_and_flags: (end - start) as u32 & LENGTH }
    }

    /// As [`Span::plain`], without the quotes that are around it.
    pub(super) const fn enclosed(start: usize, end: usize) -> Self {
        Self::plain(start, end).with(ENCLOSED, true)
    }

    /// Says that it is NULL.
    pub(super) const fn nullify(&mut self) {
        self.length_and_flags |= NULL;
    }

    pub(super) const fn start(self) -> usize {
        self.start as usize
    }

    pub(super) const fn end(self) -> usize {
        self.start as usize + self.len()
    }

    pub(super) const fn len(self) -> usize {
        (self.length_and_flags & LENGTH) as usize
    }

    /// Whether it was enclosed in quotes: then it may be empty without being
    /// NULL.
    pub(super) const fn is_enclosed(self) -> bool {
        self.length_and_flags & ENCLOSED != 0
    }

    /// Whether it stands among the decoded bytes and not in the block.
    pub(super) const fn is_decoded(self) -> bool {
        self.length_and_flags & DECODED != 0
    }

    /// Whether it is NULL, as it was written or because of what it says.
    pub(super) const fn is_null(self) -> bool {
        self.length_and_flags & NULL != 0
    }

    /// NULL where a record ends too early.
    const fn missing() -> Self {
        Self { start: 0, length_and_flags: NULL }
    }

    const fn with(self, flag: u32, on: bool) -> Self {
        let flags = if on { self.length_and_flags | flag } else { self.length_and_flags };
        Self { start: self.start, length_and_flags: flags }
    }
}

/// What is wrong with a record, before a value of it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadForm {
    /// Another number of fields than expected.
    Count,
    /// Quotes.
    Quotes(Malformed),
    /// Bytes that are no text.
    Text,
}

/// A record of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its number in the block, from 0.
    pub(super) number: u32,
    /// Its first byte in the block.
    pub(super) start: u32,
}

/// The records of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Fields of the good records, `width` of each, record by record.
    pub(super) spans: Vec<Span>,
    /// The good records.
    pub(super) good: Vec<Place>,
    /// The bad ones.
    pub(super) bad: Vec<(Place, BadForm)>,
    /// How many there are, blank ones that are skipped not counted.
    pub(super) records: u32,
    /// The contents of fields whose quotes or escapes had to be resolved.
    pub(super) decoded: Vec<u8>,
    /// Whether records are cut or filled with NULL to their width.
    ragged: bool,
}

impl Tokens {
    /// None yet, for records of this layout.
    pub(super) fn empty(layout: &Layout) -> Self {
        Self { ragged: layout.ragged, ..Self::default() }
    }

    /// Finds the fields of a block that holds whole records, each of the
    /// layout's width. `is_text` says that all its bytes are valid UTF-8.
    pub(super) fn of(data: &[u8], layout: &Layout, is_text: bool, reading: &Reading) -> Self {
        let mut tokens = Self::empty(layout);
        let width = layout.width;
        let grammar = &reading.grammar;
        let quick = if is_text { Delimiters::of(grammar) } else { None };
        let plain = quick.filter(|_| grammar.is_plain(data));
        let quoted = if is_text { Quotes::of(grammar, data) } else { None };
        if let Some(delimiters) = plain {
            tokens.spans.reserve(data.len() / 8);
            delimiters.tokenize(data, width, reading.format.skip_blank_lines, &mut tokens);
        } else if let Some(quotes) = quoted {
            tokens.spans.reserve(data.len() / 8);
            quotes.tokenize(data, width, reading, &mut tokens);
        } else {
            tokens.tokenize(data, (width, is_text), reading);
        }
        tokens
    }

    /// Ends a record whose fields were pushed since there were `before`.
    pub(super) fn end(&mut self, start: usize, before: usize, width: usize) {
        let place = self.place(start);
        if self.ragged {
            self.spans.resize(before + width, Span::missing());
            self.good.push(place);
        } else if self.spans.len() - before == width {
            self.good.push(place);
        } else {
            self.spans.truncate(before);
            self.bad.push((place, BadForm::Count));
        }
    }

    fn place(&mut self, start: usize) -> Place {
        let place = Place { number: self.records, start: start as u32 };
        self.records += 1;
        place
    }

    /// Finds the fields record by record, whatever the format.
    pub(super) fn tokenize(&mut self, data: &[u8], shape: (usize, bool), reading: &Reading) {
        let mut at = 0;
        let mut fields = Vec::with_capacity(shape.0);
        while at < data.len() {
            at = self.careful(data, at, shape, reading, &mut fields);
        }
    }

    /// Takes the record at `at`, and returns where the next one starts. `shape`
    /// is the width of records, and whether all of `data` is text.
    pub(super) fn careful(
        &mut self,
        data: &[u8],
        at: usize,
        (width, is_text): (usize, bool),
        reading: &Reading,
        fields: &mut Vec<Field>,
    ) -> usize {
        fields.clear();
        let scanned = scan_record(data, at, true, &reading.grammar, |field| {
            // One more than expected is enough to be wrong.
            if fields.len() <= width {
                fields.push(field);
            }
        });
        // The last record ends with the data: there is always one.
        let Some(record) = scanned else { return data.len() };
        if !(reading.format.skip_blank_lines && is_blank(&record, fields)) {
            self.record(data, at, (&record, fields), (width, is_text), reading);
        }
        record.next
    }

    fn record(
        &mut self,
        data: &[u8],
        start: usize,
        (record, fields): (&Record, &[Field]),
        (width, is_text): (usize, bool),
        reading: &Reading,
    ) {
        let bytes = data.get(start..record.end).unwrap_or_default();
        let wrong = if !is_text && std::str::from_utf8(bytes).is_err() {
            Some(BadForm::Text)
        } else {
            record.malformed.map(BadForm::Quotes)
        };
        if let Some(wrong) = wrong {
            let place = self.place(start);
            self.bad.push((place, wrong));
            return;
        }
        let before = self.spans.len();
        for field in fields {
            let span = self.span(data, field, reading);
            self.spans.push(span);
        }
        self.end(start, before, width);
    }

    fn span(&mut self, data: &[u8], field: &Field, reading: &Reading) -> Span {
        if !field.coded {
            return Span::plain(field.start, field.end).with(ENCLOSED, field.enclosed);
        }
        let raw = data.get(field.start..field.end).unwrap_or_default();
        let is_null = reading.format.null_if.iter().any(|text| text.as_bytes() == raw);
        let start = self.decoded.len();
        decode(raw, field.enclosed, &reading.grammar, &mut self.decoded);
        Span::plain(start, self.decoded.len())
            .with(ENCLOSED, field.enclosed)
            .with(DECODED, true)
            .with(NULL, is_null)
    }
}

/// Whether a record is a line without anything on it.
pub(super) fn is_blank(record: &Record, fields: &[Field]) -> bool {
    record.malformed.is_none()
        && matches!(fields, [field] if field.start == field.end && !field.enclosed)
}

/// Resolves doubled quotes and escapes.
pub(super) fn decode(raw: &[u8], enclosed: bool, grammar: &Grammar, decoded: &mut Vec<u8>) {
    let escape = if enclosed { grammar.escape } else { grammar.escape_unenclosed };
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let is_quote = enclosed && Some(byte) == grammar.quote;
        if is_quote && bytes.peek() == Some(&byte) {
            bytes.next();
            decoded.push(byte);
        } else if Some(byte) == escape {
            // An escape at the end of the file has nothing to escape.
            decoded.push(bytes.next().unwrap_or(byte));
        } else {
            decoded.push(byte);
        }
    }
}

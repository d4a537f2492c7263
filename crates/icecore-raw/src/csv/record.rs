//! Where a record and its fields end: the one definition of the grammar. The
//! splitter finds whole records with it, the careful tokenizer their fields,
//! and an error its exact place.

use memchr::{memchr, memchr2, memchr3};

use crate::{CsvFormat, RecordDelimiter};

/// A format as the scanner needs it.
#[derive(Clone, Debug)]
pub(super) struct Grammar {
    /// None: a record is one field.
    pub(super) field: Option<Vec<u8>>,
    /// None: a file is one record.
    pub(super) record: Option<Vec<u8>>,
    /// Whether a carriage return in front of the record delimiter belongs to
    /// it.
    pub(super) newline: bool,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    pub(super) escape_unenclosed: Option<u8>,
    pub(super) trim: bool,
    pub(super) multi_line: bool,
}

impl Grammar {
    pub(super) fn new(format: &CsvFormat) -> Self {
        Self {
            field: format.field_delimiter.as_ref().map(|text| text.as_bytes().to_vec()),
            record: match &format.record_delimiter {
                RecordDelimiter::Newline => Some(vec![b'\n']),
                RecordDelimiter::Text(text) => Some(text.as_bytes().to_vec()),
                RecordDelimiter::None => None,
            },
            newline: format.record_delimiter == RecordDelimiter::Newline,
            quote: format.enclosed_by,
            escape: format.escape,
            escape_unenclosed: format.escape_unenclosed,
            trim: format.trim_space,
            multi_line: format.multi_line,
        }
    }

    /// Whether these bytes hold nothing that gives a delimiter another meaning.
    pub(super) fn is_plain(&self, bytes: &[u8]) -> bool {
        match (self.quote, self.escape_unenclosed) {
            (None, None) => true,
            (Some(one), None) | (None, Some(one)) => memchr(one, bytes).is_none(),
            (Some(one), Some(other)) => memchr2(one, other, bytes).is_none(),
        }
    }
}

/// A field as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its first byte, behind the quote if it is enclosed.
    pub(super) start: usize,
    /// Behind its last byte.
    pub(super) end: usize,
    /// Whether it is enclosed in quotes.
    pub(super) enclosed: bool,
    /// Whether quotes are doubled or characters escaped in it.
    pub(super) coded: bool,
}

/// What is wrong with the form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Something else than a delimiter behind an enclosed field.
    BehindQuote {
        /// Where it is.
        at: usize,
        /// Which field it is behind.
        field: usize,
    },
    /// An enclosed field that does not end in its record.
    Unterminated {
        /// Where the field starts.
        at: usize,
        /// Which field it is.
        field: usize,
    },
}

/// A whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Behind its last byte, the delimiter not counted.
    pub(super) end: usize,
    /// Where the next one starts.
    pub(super) next: usize,
    /// How many fields it has.
    pub(super) fields: usize,
    /// What is wrong with it, if anything.
    pub(super) malformed: Option<Malformed>,
}

/// What stopped the scan of a field: the record goes on at, or ended.
#[derive(Clone, Copy)]
enum Stop {
    Field { next: usize },
    Record { end: usize, next: usize },
}

/// Scans the record that starts at `start` and gives its fields, in order, to
/// `sink`. None if its end is not in `bytes`, which cannot be if they are the
/// `last` ones of the file.
pub(super) fn scan_record(
    bytes: &[u8],
    start: usize,
    last: bool,
    grammar: &Grammar,
    mut sink: impl FnMut(Field),
) -> Option<Record> {
    let scanner = Scanner { bytes, last, grammar };
    let (mut at, mut fields, mut malformed) = (start, 0, None);
    loop {
        let opening = scanner.opening(at);
        let (field, stop) = match opening {
            Some(inside) => scanner.enclosed(inside, fields, &mut malformed)?,
            None => scanner.unenclosed(at)?,
        };
        sink(field);
        fields += 1;
        match stop {
            Stop::Field { next } => at = next,
            Stop::Record { end, next } => return Some(Record { end, next, fields, malformed }),
        }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    last: bool,
    grammar: &'a Grammar,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// The first byte inside the quotes of the field that starts at `at`.
    fn opening(&self, at: usize) -> Option<usize> {
        let quote = self.grammar.quote?;
        let at = if self.grammar.trim { self.behind_blanks(at) } else { at };
        (self.byte(at) == Some(quote)).then_some(at + 1)
    }

    /// Behind the blanks at `at`, unless a delimiter is made of them.
    fn behind_blanks(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(is_blank) && self.delimiter(at).is_none() {
            at += 1;
        }
        at
    }

    /// The delimiter that starts at `at`; `end` of a record is `at` itself.
    fn delimiter(&self, at: usize) -> Option<Stop> {
        let rest = self.rest(at);
        let starts = |delimiter: &Option<Vec<u8>>| {
            delimiter.as_ref().filter(|bytes| rest.starts_with(bytes)).map(Vec::len)
        };
        if let Some(length) = starts(&self.grammar.record) {
            return Some(Stop::Record { end: at, next: at + length });
        }
        if self.grammar.newline && rest.starts_with(b"\r\n") {
            return Some(Stop::Record { end: at, next: at + 2 });
        }
        starts(&self.grammar.field).map(|length| Stop::Field { next: at + length })
    }

    /// The first byte from `at` on that may begin a delimiter, or is `special`.
    fn interesting(&self, at: usize, special: Option<u8>, fields: bool) -> Option<usize> {
        let first = |bytes: &Option<Vec<u8>>| bytes.as_ref().and_then(|b| b.first().copied());
        let record = first(&self.grammar.record);
        let field = if fields { first(&self.grammar.field) } else { None };
        let rest = self.rest(at);
        let found = match (record, field, special) {
            (Some(a), Some(b), Some(c)) => memchr3(a, b, c, rest),
            (Some(a), Some(b), None) | (Some(a), None, Some(b)) | (None, Some(a), Some(b)) => {
                memchr2(a, b, rest)
            }
            (Some(a), None, None) | (None, Some(a), None) | (None, None, Some(a)) => {
                memchr(a, rest)
            }
            (None, None, None) => None,
        };
        found.map(|offset| at + offset)
    }

    fn unenclosed(&self, start: usize) -> Option<(Field, Stop)> {
        let (mut at, mut coded) = (start, false);
        let escape = self.grammar.escape_unenclosed;
        let stop = loop {
            let Some(found) = self.interesting(at, escape, true) else {
                if !self.last {
                    return None;
                }
                let end = self.bytes.len();
                break Stop::Record { end, next: end };
            };
            if self.byte(found) == escape && escape.is_some() {
                coded = true;
                at = found + 1 + self.escaped_bytes(found + 1);
            } else if let Some(stop) = self.delimiter(found) {
                break stop;
            } else {
                at = found + 1;
            }
        };
        // A carriage return that was escaped is behind `at` and stays.
        let stop = match stop {
            Stop::Record { end, next }
                if self.grammar.newline
                    && next > end
                    && end > at
                    && self.byte(end - 1) == Some(b'\r') =>
            {
                Stop::Record { end: end - 1, next }
            }
            stop => stop,
        };
        let end = match stop {
            Stop::Field { next } => next - self.grammar.field.as_ref().map_or(0, Vec::len),
            Stop::Record { end, .. } => end,
        };
        Some((self.trimmed(Field { start, end, enclosed: false, coded }, at), stop))
    }

    /// How many bytes an escape in front of `at` makes data: one, or a whole
    /// carriage return and line feed, or none at the end of the file.
    fn escaped_bytes(&self, at: usize) -> usize {
        match self.rest(at) {
            [] => 0,
            [b'\r', b'\n', ..] if self.grammar.newline => 2,
            _ => 1,
        }
    }

    /// Without the blanks around it; what was escaped before `kept` stays.
    fn trimmed(&self, field: Field, kept: usize) -> Field {
        if !self.grammar.trim {
            return field;
        }
        let (mut start, mut end) = (field.start, field.end);
        while start < end && self.byte(start).is_some_and(is_blank) {
            start += 1;
        }
        while end > start.max(kept) && self.byte(end - 1).is_some_and(is_blank) {
            end -= 1;
        }
        Field { start, end, ..field }
    }

    fn enclosed(
        &self,
        start: usize,
        index: usize,
        malformed: &mut Option<Malformed>,
    ) -> Option<(Field, Stop)> {
        let (mut coded, mut at) = (false, start);
        let end = loop {
            let Some(found) = self.inside(at) else {
                if !self.last {
                    return None;
                }
                malformed.get_or_insert(Malformed::Unterminated { at: start, field: index });
                let end = self.bytes.len();
                let field = Field { start, end, enclosed: true, coded };
                return Some((field, Stop::Record { end, next: end }));
            };
            let byte = self.byte(found);
            if byte == self.grammar.quote {
                if self.byte(found + 1) == self.grammar.quote {
                    (coded, at) = (true, found + 2);
                } else if found + 1 == self.bytes.len() && !self.last {
                    return None;
                } else {
                    break found;
                }
            } else if byte == self.grammar.escape && byte.is_some() {
                (coded, at) = (true, found + 2);
            } else if let Some(stop @ Stop::Record { end, .. }) = self.delimiter(found) {
                malformed.get_or_insert(Malformed::Unterminated { at: start, field: index });
                return Some((Field { start, end, enclosed: true, coded }, stop));
            } else {
                at = found + 1;
            }
        };
        let field = Field { start, end, enclosed: true, coded };
        let behind = if self.grammar.trim { self.behind_blanks(end + 1) } else { end + 1 };
        if behind >= self.bytes.len() {
            let stop = Stop::Record { end: self.bytes.len(), next: self.bytes.len() };
            return self.last.then_some((field, stop));
        }
        if let Some(stop) = self.delimiter(behind) {
            return Some((field, stop));
        }
        malformed.get_or_insert(Malformed::BehindQuote { at: behind, field: index });
        Some((field, self.record_end(behind)?))
    }

    /// The next byte inside quotes that may end them.
    fn inside(&self, at: usize) -> Option<usize> {
        let quote = self.grammar.quote?;
        if !self.grammar.multi_line {
            // Fewer than three different bytes only make the search find less.
            let special = self.grammar.escape.unwrap_or(quote);
            let record = self.grammar.record.as_ref().and_then(|b| b.first().copied());
            return memchr3(quote, special, record.unwrap_or(quote), self.rest(at))
                .map(|offset| at + offset);
        }
        match self.grammar.escape {
            Some(escape) => memchr2(quote, escape, self.rest(at)),
            None => memchr(quote, self.rest(at)),
        }
        .map(|offset| at + offset)
    }

    /// The end of a record that is malformed at `at`: its next delimiter,
    /// whatever stands before it.
    fn record_end(&self, mut at: usize) -> Option<Stop> {
        while let Some(found) = self.interesting(at, None, false) {
            if let Some(stop @ Stop::Record { .. }) = self.delimiter(found) {
                return Some(stop);
            }
            at = found + 1;
        }
        let end = self.bytes.len();
        self.last.then_some(Stop::Record { end, next: end })
    }
}

pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

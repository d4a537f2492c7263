//! Fields of records in which quotes may enclose delimiters, eight bytes at a
//! time. A record with doubled quotes or misplaced ones is left to the careful
//! scan, which alone says what they mean.

use memchr::memchr;

use super::quick::{Cursor, Delimiters, each};
use super::record::{Field, Grammar, scan_record};
use super::tokens::{Reading, Span, Tokens};

/// Delimiters and quotes of one byte each, all different.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quotes {
    delimiters: Delimiters,
    quote: u8,
}

impl Quotes {
    /// Those of the grammar, if nothing else in `data` gives a delimiter
    /// another meaning.
    pub(super) fn of(grammar: &Grammar, data: &[u8]) -> Option<Self> {
        let delimiters = Delimiters::of(grammar)?;
        let quote = grammar.quote?;
        let simple = !grammar.trim
            && grammar.multi_line
            && quote != delimiters.field
            && quote != delimiters.record
            && !(delimiters.newline && delimiters.field == b'\r');
        let escapes = [grammar.escape, grammar.escape_unenclosed];
        let plain = || escapes.iter().flatten().all(|escape| memchr(*escape, data).is_none());
        (simple && plain()).then_some(Self { delimiters, quote })
    }

    /// Behind the last whole record of bytes that start with one.
    pub(super) fn boundary(self, data: &[u8], grammar: &Grammar) -> Option<usize> {
        let Delimiters { field, record: record_end, newline, .. } = self.delimiters;
        let (mut record, mut inside) = (0, false);
        each(data, [record_end, self.quote], |at, byte| {
            if byte == record_end {
                record = if inside { record } else { at + 1 };
                return 0;
            }
            if !inside {
                // Behind a delimiter a field starts: outside of quotes each is one.
                inside = at == record || data.get(at - 1) == Some(&field);
                return 0;
            }
            match data.get(at + 1..).unwrap_or_default() {
                [next, ..] if *next == self.quote => return at + 2,
                [next, ..] if *next == field || *next == record_end => inside = false,
                [b'\r', b'\n', ..] if newline => inside = false,
                _ => {
                    inside = false;
                    return match scan_record(data, record, false, grammar, |_| {}) {
                        Some(found) => {
                            record = found.next;
                            record
                        }
                        None => data.len(),
                    };
                }
            }
            0
        });
        (record > 0).then_some(record)
    }

    /// Finds the fields of whole records of `width` fields each.
    pub(super) fn tokenize(
        self,
        data: &[u8],
        width: usize,
        reading: &Reading,
        tokens: &mut Tokens,
    ) {
        let shape = (width, reading.format.skip_blank_lines);
        let cursor = Cursor::new(self.delimiters, data, shape, tokens);
        let mut scan = Scan {
            quotes: self,
            data,
            width,
            reading,
            cursor,
            state: State::Outside,
            fields: Vec::new(),
        };
        let Delimiters { field, record, .. } = self.delimiters;
        each(data, [field, record, self.quote], |at, byte| scan.found(at, byte));
        if scan.cursor.record < data.len() {
            scan.end();
        }
    }
}

/// Where a scan is in the current field.
#[derive(Clone, Copy)]
enum State {
    /// Not in quotes.
    Outside,
    /// In quotes.
    Inside,
    /// Behind the quote that closed it, which is there.
    Closed(usize),
}

struct Scan<'a> {
    quotes: Quotes,
    data: &'a [u8],
    width: usize,
    reading: &'a Reading,
    cursor: Cursor<'a>,
    state: State,
    fields: Vec<Field>,
}

impl Scan<'_> {
    /// Takes a delimiter or a quote; returns where to go on.
    #[inline]
    fn found(&mut self, at: usize, byte: u8) -> usize {
        let is_quote = byte == self.quotes.quote;
        match self.state {
            State::Outside if !is_quote => self.cursor.delimiter(at, byte),
            State::Outside if at == self.cursor.field => self.state = State::Inside,
            State::Inside if is_quote => {
                if self.data.get(at + 1) == Some(&byte) {
                    return self.carefully();
                }
                self.state = State::Closed(at);
            }
            // A quote in the middle of a field, or a delimiter inside quotes.
            State::Outside | State::Inside => {}
            State::Closed(end) => {
                let Delimiters { record, newline, .. } = self.quotes.delimiters;
                let returns = newline
                    && byte == record
                    && at == end + 2
                    && self.data.get(end + 1) == Some(&b'\r');
                if is_quote || !(at == end + 1 || returns) {
                    return self.carefully();
                }
                self.close_field(end);
                if byte == record {
                    self.cursor.close_record(at + 1);
                } else {
                    self.cursor.field = at + 1;
                }
            }
        }
        0
    }

    fn close_field(&mut self, end: usize) {
        self.cursor.tokens.spans.push(Span::enclosed(self.cursor.field + 1, end));
        self.state = State::Outside;
    }

    /// The last record has no delimiter behind it.
    fn end(&mut self) {
        let end = self.data.len();
        match self.state {
            State::Outside => self.cursor.end_record(end, end),
            State::Closed(quote) if quote + 1 == end => {
                self.close_field(quote);
                self.cursor.close_record(end);
            }
            State::Inside | State::Closed(_) => {
                self.carefully();
            }
        }
    }

    /// Scans the current record anew; returns where the next one starts.
    #[cold]
    fn carefully(&mut self) -> usize {
        let start = self.cursor.record;
        self.cursor.tokens.spans.truncate(self.cursor.before);
        let shape = (self.width, true);
        let next =
            self.cursor.tokens.careful(self.data, start, shape, self.reading, &mut self.fields);
        self.cursor.before = self.cursor.tokens.spans.len();
        (self.cursor.field, self.cursor.record) = (next, next);
        self.state = State::Outside;
        next
    }
}

#[cfg(test)]
mod tests;

//! Fields of records in which a delimiter is always a delimiter: eight bytes
//! are compared at a time.

use super::record::{Grammar, is_blank};
use super::tokens::{Span, Tokens};

/// Delimiters of one byte each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delimiters {
    field: u8,
    record: u8,
    newline: bool,
    trim: bool,
}

const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// The high bit of every byte of `word` that equals the byte `pattern` repeats.
const fn equal_bytes(word: u64, pattern: u64) -> u64 {
    let difference = word ^ pattern;
    !(((difference & LOW_BITS) + LOW_BITS) | difference | LOW_BITS)
}

const fn repeated(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

impl Delimiters {
    /// Those of the grammar, if each is one byte.
    pub(super) fn of(grammar: &Grammar) -> Option<Self> {
        let Some([record]) = grammar.record.as_deref() else { return None };
        let field = match grammar.field.as_deref() {
            None => *record,
            Some([field]) => *field,
            Some(_) => return None,
        };
        Some(Self { field, record: *record, newline: grammar.newline, trim: grammar.trim })
    }

    /// Finds the fields of whole records of `width` fields each.
    pub(super) fn tokenize(self, data: &[u8], width: usize, skip_blank: bool, tokens: &mut Tokens) {
        let mut cursor = Cursor {
            delimiters: self,
            data,
            width,
            skip_blank,
            tokens,
            field: 0,
            record: 0,
            before: 0,
        };
        let (fields, records) = (repeated(self.field), repeated(self.record));
        let (words, rest) = data.as_chunks::<8>();
        for (index, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut found = equal_bytes(word, fields) | equal_bytes(word, records);
            while found != 0 {
                let byte = found.trailing_zeros() / 8;
                cursor.delimiter(index * 8 + byte as usize, (word >> (byte * 8)) as u8);
                found &= found - 1;
            }
        }
        for (index, byte) in rest.iter().enumerate() {
            if *byte == self.field || *byte == self.record {
                cursor.delimiter(words.len() * 8 + index, *byte);
            }
        }
        if cursor.record < data.len() {
            cursor.end_record(data.len(), data.len());
        }
    }
}

struct Cursor<'a> {
    delimiters: Delimiters,
    data: &'a [u8],
    width: usize,
    skip_blank: bool,
    tokens: &'a mut Tokens,
    /// Where the current field starts.
    field: usize,
    /// Where the current record starts.
    record: usize,
    /// Spans before the current record.
    before: usize,
}

impl Cursor<'_> {
    #[inline]
    fn delimiter(&mut self, at: usize, byte: u8) {
        if byte == self.delimiters.record {
            let returns =
                self.delimiters.newline && at > self.field && self.data.get(at - 1) == Some(&b'\r');
            self.end_record(if returns { at - 1 } else { at }, at + 1);
        } else {
            self.push(at);
            self.field = at + 1;
        }
    }

    #[inline]
    fn push(&mut self, end: usize) {
        let (mut start, mut end) = (self.field, end);
        if self.delimiters.trim {
            let blank = |at: usize| self.data.get(at).copied().is_some_and(is_blank);
            while start < end && blank(start) {
                start += 1;
            }
            while start < end && blank(end - 1) {
                end -= 1;
            }
        }
        self.tokens.spans.push(Span::plain(start, end));
    }

    #[inline]
    fn end_record(&mut self, end: usize, next: usize) {
        self.push(end);
        let is_blank = self.tokens.spans.len() == self.before + 1
            && self.tokens.spans.last().is_some_and(|span| span.len() == 0);
        if self.skip_blank && is_blank {
            self.tokens.spans.truncate(self.before);
        } else {
            self.tokens.end(self.record, self.before, self.width);
        }
        self.before = self.tokens.spans.len();
        (self.field, self.record) = (next, next);
    }
}

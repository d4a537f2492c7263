//! Fields of records in which a delimiter is always a delimiter: eight bytes
//! are compared at a time.

use super::record::{Grammar, is_blank};
use super::tokens::{Span, Tokens};

/// Delimiters of one byte each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delimiters {
    pub(super) field: u8,
    pub(super) record: u8,
    pub(super) newline: bool,
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

/// Calls `found` for every place of one of these bytes, in order. It says
/// before which place nothing more is to be found.
#[inline]
pub(super) fn each<const N: usize>(
    data: &[u8],
    bytes: [u8; N],
    mut found: impl FnMut(usize, u8) -> usize,
) {
    let patterns = bytes.map(repeated);
    let (words, rest) = data.as_chunks::<8>();
    let mut resume = 0;
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let mut hits = patterns.iter().fold(0, |hits, pattern| hits | equal_bytes(word, *pattern));
        while hits != 0 {
            let byte = hits.trailing_zeros() / 8;
            let at = index * 8 + byte as usize;
            if at >= resume {
                resume = found(at, (word >> (byte * 8)) as u8);
            }
            hits &= hits - 1;
        }
    }
    for (index, byte) in rest.iter().enumerate() {
        let at = words.len() * 8 + index;
        if bytes.contains(byte) && at >= resume {
            resume = found(at, *byte);
        }
    }
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
        let mut cursor = Cursor::new(self, data, (width, skip_blank), tokens);
        each(data, [self.field, self.record], |at, byte| {
            cursor.delimiter(at, byte);
            0
        });
        if cursor.record < data.len() {
            cursor.end_record(data.len(), data.len());
        }
    }
}

/// Where a scan of a block is.
pub(super) struct Cursor<'a> {
    delimiters: Delimiters,
    data: &'a [u8],
    width: usize,
    skip_blank: bool,
    pub(super) tokens: &'a mut Tokens,
    /// Where the current field starts.
    pub(super) field: usize,
    /// Where the current record starts.
    pub(super) record: usize,
    /// Spans before the current record.
    pub(super) before: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a block whose records have `width` fields.
    pub(super) const fn new(
        delimiters: Delimiters,
        data: &'a [u8],
        (width, skip_blank): (usize, bool),
        tokens: &'a mut Tokens,
    ) -> Self {
        let (field, record, before) = (0, 0, 0);
        Self { delimiters, data, width, skip_blank, tokens, field, record, before }
    }

    /// A delimiter ends the field, and perhaps the record.
    #[inline]
    pub(super) fn delimiter(&mut self, at: usize, byte: u8) {
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

    /// The last field of a record ends at `end`.
    #[inline]
    pub(super) fn end_record(&mut self, end: usize, next: usize) {
        self.push(end);
        self.close_record(next);
    }

    /// A record whose fields are all there; another starts at `next`.
    #[inline]
    pub(super) fn close_record(&mut self, next: usize) {
        let is_blank = self.tokens.spans.len() == self.before + 1
            && self.tokens.spans.last().is_some_and(|span| span.len() == 0 && !span.is_enclosed());
        if self.skip_blank && is_blank {
            self.tokens.spans.truncate(self.before);
        } else {
            self.tokens.end(self.record, self.before, self.width);
        }
        self.before = self.tokens.spans.len();
        (self.field, self.record) = (next, next);
    }
}

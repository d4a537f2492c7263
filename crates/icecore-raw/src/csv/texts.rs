//! The fields of a block as texts, column by column, where they stand.

use arrow::array::{StringViewArray, StringViewBuilder};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use icecore_types::{Error, Result};
use icecore_values::ColumnTexts;

use super::tokens::{Span, Tokens};
use crate::CsvFormat;

/// The same bytes with those replaced that are no text. Only records that are
/// refused have any.
pub(super) fn masked(mut data: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(data.get(at..).unwrap_or_default()) {
        let wrong = at + error.valid_up_to();
        at = error.error_len().map_or(data.len(), |length| wrong + length);
        data.get_mut(wrong..at).unwrap_or_default().fill(b'?');
    }
    data
}

/// Which texts mean NULL.
pub(super) struct NullRules<'a> {
    empty: bool,
    texts: Vec<&'a [u8]>,
    /// A bit for each length of such a text; the last for all longer ones.
    lengths: u64,
}

impl<'a> NullRules<'a> {
    pub(super) fn new(format: &'a CsvFormat) -> Self {
        let texts: Vec<&[u8]> = format.null_if.iter().map(String::as_bytes).collect();
        let lengths = texts.iter().fold(0, |lengths, text| lengths | length_bit(text.len()));
        Self { empty: format.empty_field_as_null, texts, lengths }
    }

    /// Marks the fields that are NULL; returns how many each column has.
    pub(super) fn apply(&self, tokens: &mut Tokens, data: &[u8], width: usize) -> Vec<usize> {
        let mut nulls = vec![0; width];
        let Tokens { spans, decoded, .. } = tokens;
        for record in spans.chunks_exact_mut(width.max(1)) {
            for (span, nulls) in record.iter_mut().zip(&mut nulls) {
                if span.is_null() || self.applies(*span, data, decoded) {
                    span.nullify();
                    *nulls += 1;
                }
            }
        }
        nulls
    }

    #[inline]
    fn applies(&self, span: Span, data: &[u8], decoded: &[u8]) -> bool {
        if span.len() == 0 && self.empty && !span.is_enclosed() {
            return true;
        }
        if self.lengths & length_bit(span.len()) == 0 {
            return false;
        }
        let bytes = if span.is_decoded() { decoded } else { data };
        let bytes = bytes.get(span.start()..span.end()).unwrap_or_default();
        self.texts.iter().any(|text| text.first() == bytes.first() && *text == bytes)
    }
}

const fn length_bit(length: usize) -> u64 {
    1 << if length < 63 { length } else { 63 }
}

/// The fields of the good records of a block.
pub(super) struct Texts<'a> {
    data: &'a str,
    decoded: &'a str,
    spans: &'a [Span],
    rows: usize,
    width: usize,
}

impl<'a> Texts<'a> {
    /// # Errors
    /// `Internal` if `data` is no text.
    pub(super) fn new(data: &'a [u8], tokens: &'a Tokens, width: usize) -> Result<Self> {
        let text = |bytes: &'a [u8]| {
            std::str::from_utf8(bytes)
                .map_err(|error| Error::internal("texts of a block").with_source(error))
        };
        let (data, decoded) = (text(data)?, text(&tokens.decoded)?);
        Ok(Self { data, decoded, spans: &tokens.spans, rows: tokens.good.len(), width })
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// The texts of one field of each record, of which so many are NULL.
    pub(super) const fn column(&self, field: usize, nulls: usize) -> FieldTexts<'_> {
        FieldTexts { texts: self, field, nulls }
    }
}

/// The texts of one column.
pub(super) struct FieldTexts<'a> {
    texts: &'a Texts<'a>,
    field: usize,
    nulls: usize,
}

impl FieldTexts<'_> {
    /// Those of the rows, in order.
    fn spans(&self) -> impl Iterator<Item = Span> {
        let spans = self.texts.spans.iter().skip(self.field);
        spans.step_by(self.texts.width.max(1)).take(self.texts.rows).copied()
    }
}

impl ColumnTexts for FieldTexts<'_> {
    fn rows(&self) -> usize {
        self.texts.rows
    }

    #[inline]
    fn text(&self, row: usize) -> Option<&str> {
        let span = self.texts.spans.get(row * self.texts.width + self.field)?;
        if span.is_null() {
            return None;
        }
        let text = if span.is_decoded() { self.texts.decoded } else { self.texts.data };
        // Delimiters are whole characters, so that a field is cut between some.
        Some(text.get(span.start()..span.end()).unwrap_or_default())
    }

    fn nulls(&self) -> Option<NullBuffer> {
        if self.nulls == 0 {
            return None;
        }
        let valid = BooleanBuffer::from_iter(self.spans().map(|span| !span.is_null()));
        Some(NullBuffer::new(valid))
    }

    fn longest_bytes(&self) -> usize {
        self.spans().filter(|span| !span.is_null()).map(Span::len).max().unwrap_or(0)
    }

    /// Lets go of the block: the strings have their own bytes only.
    fn to_strings(&self, nulls: Option<NullBuffer>) -> StringViewArray {
        let outside = |span: Span| if span.len() > VIEW_BYTES { span.len() } else { 0 };
        let bytes: usize = self.spans().map(outside).sum();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        let mut strings =
            StringViewBuilder::with_capacity(self.texts.rows).with_fixed_block_size(bytes);
        for row in 0..self.texts.rows {
            match self.text(row) {
                Some(text) if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) => {
                    strings.append_value(text);
                }
                _ => strings.append_null(),
            }
        }
        strings.finish()
    }
}

/// Longer texts than this are not in their view.
const VIEW_BYTES: usize = 12;

//! A file's bytes cut into blocks of whole records.

use std::sync::Arc;

use icecore_types::{Code, Error, Hash, Result};
use memchr::{memchr, memchr_iter, memrchr};

use super::record::scan_record;
use super::source::Source;
use super::tokens::{Reading, is_blank};

/// A record is at most this long.
const MOST_RECORD_BYTES: usize = 16 << 20;
/// A record has at most so many fields.
const MOST_FIELDS: usize = 10_000;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole records.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) data: Vec<u8>,
    /// Whether it is the file's first.
    pub(super) first: bool,
    /// The line in which it starts, from 1.
    pub(super) line: u64,
    /// Where it starts in the file.
    pub(super) offset_bytes: u64,
    /// Fields that each record must have.
    pub(super) width: usize,
}

/// Cuts blocks of about `block_bytes`.
pub(super) struct Splitter {
    source: Source,
    reading: Arc<Reading>,
    block_bytes: usize,
    /// Bytes that were read and not cut off yet.
    pending: Vec<u8>,
    /// Whether `pending` are the last bytes of the file.
    at_end: bool,
    /// The line and the place in the file where `pending` starts.
    line: u64,
    offset_bytes: u64,
    /// Known once the first record was seen.
    width: Option<usize>,
}

impl Splitter {
    /// Skips what is no data at the start of the file.
    pub(super) fn new(source: Source, reading: Arc<Reading>, block_bytes: usize) -> Result<Self> {
        let (pending, at_end, line, offset_bytes) = (Vec::new(), false, 1, 0);
        let mut splitter =
            Self { source, reading, block_bytes, pending, at_end, line, offset_bytes, width: None };
        if splitter.reading.format.skip_byte_order_mark {
            splitter.fill(BYTE_ORDER_MARK.len())?;
            if splitter.pending.starts_with(BYTE_ORDER_MARK) {
                splitter.cut(BYTE_ORDER_MARK.len());
            }
        }
        for _ in 0..splitter.reading.format.skip_header {
            if !splitter.skip_line()? {
                break;
            }
        }
        Ok(splitter)
    }

    /// The next records; none at the end of the file.
    ///
    /// # Errors
    /// The source's; `ResourcesExhausted` for a record that is too long or has
    /// too many fields.
    pub(super) fn next(&mut self) -> Result<Option<Block>> {
        let mut wanted = self.block_bytes.max(1);
        loop {
            self.fill(wanted)?;
            if self.pending.is_empty() {
                return Ok(None);
            }
            if let Some(end) = self.boundary() {
                return self.block(end).map(Some);
            }
            if self.pending.len() > MOST_RECORD_BYTES {
                return Err(self.too_long("a record"));
            }
            wanted = (self.pending.len() * 2).min(MOST_RECORD_BYTES + 1);
        }
    }

    /// The hash of the stored bytes, once there are no more blocks.
    pub(super) fn hash(&self) -> Hash {
        Hash::from_bytes(*self.source.hash().as_bytes())
    }

    fn block(&mut self, end: usize) -> Result<Block> {
        let first = self.width.is_none();
        let width = match self.width {
            Some(width) => width,
            None => self.first_width(end)?,
        };
        let (line, offset_bytes) = (self.line, self.offset_bytes);
        let data = self.cut(end);
        Ok(Block { data, first, line, offset_bytes, width })
    }

    /// How many fields every record must have: as many as there are columns,
    /// or as the first record has.
    fn first_width(&mut self, end: usize) -> Result<usize> {
        let columns = self.reading.target.columns().len();
        if self.reading.format.error_on_column_count_mismatch {
            self.width = Some(columns);
            return Ok(columns);
        }
        let data = self.pending.get(..end).unwrap_or_default();
        let (mut at, mut fields) = (0, Vec::new());
        while at < end {
            fields.clear();
            let scanned = scan_record(data, at, true, &self.reading.grammar, |field| {
                if fields.len() < 2 {
                    fields.push(field);
                }
            });
            let Some(record) = scanned else { break };
            if record.fields > MOST_FIELDS {
                return Err(Error::new(
                    Code::RESOURCES_EXHAUSTED,
                    format!("a record has more than {MOST_FIELDS} fields line={}", self.line),
                ));
            }
            if !(self.reading.format.skip_blank_lines && is_blank(&record, &fields)) {
                self.width = Some(record.fields);
                return Ok(record.fields);
            }
            at = record.next;
        }
        // Only blank lines so far: the next block says.
        Ok(columns)
    }

    /// Behind the last whole record that is pending.
    fn boundary(&self) -> Option<usize> {
        if self.at_end {
            return Some(self.pending.len());
        }
        let grammar = &self.reading.grammar;
        match grammar.record.as_deref() {
            None => None,
            Some([delimiter]) if grammar.is_plain(&self.pending) => {
                memrchr(*delimiter, &self.pending).map(|end| end + 1)
            }
            Some(_) => {
                let mut end = 0;
                while let Some(record) = scan_record(&self.pending, end, false, grammar, |_| {}) {
                    end = record.next;
                }
                (end > 0).then_some(end)
            }
        }
    }

    fn skip_line(&mut self) -> Result<bool> {
        let mut searched = 0;
        loop {
            let rest = self.pending.get(searched..).unwrap_or_default();
            if let Some(found) = memchr(b'\n', rest) {
                self.cut(searched + found + 1);
                return Ok(true);
            }
            searched = self.pending.len();
            if self.at_end {
                self.cut(searched);
                return Ok(false);
            }
            if searched > MOST_RECORD_BYTES {
                return Err(self.too_long("a header line"));
            }
            self.fill(searched + self.block_bytes.max(1))?;
        }
    }

    /// Reads until so many bytes are pending, or the file ends.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        let missing = wanted.saturating_sub(self.pending.len());
        if missing > 0 && !self.at_end {
            self.pending.reserve(missing);
            self.at_end = self.source.read_into(&mut self.pending, missing)? < missing;
        }
        Ok(())
    }

    fn cut(&mut self, end: usize) -> Vec<u8> {
        let rest = self.pending.split_off(end);
        let data = std::mem::replace(&mut self.pending, rest);
        self.line += memchr_iter(b'\n', &data).count() as u64;
        self.offset_bytes += end as u64;
        data
    }

    fn too_long(&self, what: &str) -> Error {
        Error::new(
            Code::RESOURCES_EXHAUSTED,
            format!("{what} is longer than {MOST_RECORD_BYTES} bytes line={}", self.line),
        )
        .with_help("check the record delimiter and the quotes of the file format")
    }
}

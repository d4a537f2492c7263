//! A file's bytes cut into blocks of whole records.

use std::sync::Arc;

use icecore_types::{Code, Error, Hash, Result};
use memchr::{memchr, memchr_iter, memrchr};

use super::header::Layout;
use super::quoted::Quotes;
use super::record::scan_record;
use super::tokens::{Reading, decode, is_blank};
use crate::FieldMatch;
use crate::lines::BlockStart;
use crate::reading::Split;
use crate::source::Source;

/// A record is at most this long.
const MOST_RECORD_BYTES: usize = 16 << 20;
/// A record has at most so many fields.
const MOST_FIELDS: usize = 10_000;
/// A block has at most so many records, blank ones counted.
const MOST_BLOCK_RECORDS: usize = 128 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole records.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) data: Vec<u8>,
    /// Whether it is the file's first.
    pub(super) first: bool,
    /// Where it starts in the file.
    pub(super) start: BlockStart,
    /// The fields that each record has, and their columns.
    pub(super) layout: Arc<Layout>,
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
    /// Where `pending` starts.
    start: BlockStart,
    /// The names in the file's first record, if it has names.
    names: Vec<String>,
    /// Known once the first record was seen.
    layout: Option<Arc<Layout>>,
}

impl Splitter {
    /// Skips what is no data at the start of the file.
    pub(super) fn new(source: Source, reading: Arc<Reading>, block_bytes: usize) -> Result<Self> {
        let mut splitter = Self {
            source,
            reading,
            block_bytes,
            pending: Vec::new(),
            at_end: false,
            start: BlockStart::FILE,
            names: Vec::new(),
            layout: None,
        };
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
        if splitter.reading.format.parse_header {
            splitter.names = splitter.read_names()?;
        }
        Ok(splitter)
    }

    /// The names of the fields, if the file's first record has them.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }
}

impl Split for Splitter {
    type Block = Block;

    /// # Errors
    /// The source's; `ResourcesExhausted` for a record that is too long or has
    /// too many fields.
    fn next(&mut self) -> Result<Option<Block>> {
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

    fn hash(&self) -> Hash {
        self.source.hash()
    }
}

impl Splitter {
    fn block(&mut self, end: usize) -> Result<Block> {
        let first = self.layout.is_none();
        let layout = match &self.layout {
            Some(layout) => Arc::clone(layout),
            None => self.first_layout(end)?,
        };
        let start = self.start;
        let data = self.cut(end);
        Ok(Block { data, first, start, layout })
    }

    /// The layout of all records, as the first one shows it if it must.
    fn first_layout(&mut self, end: usize) -> Result<Arc<Layout>> {
        let target = &self.reading.target;
        let columns = target.columns().len();
        let (mut layout, expected) = match target.field_match() {
            FieldMatch::Ragged => (Layout::by_position(columns, columns, true), true),
            FieldMatch::Position => (
                Layout::by_position(columns, columns, false),
                self.reading.format.error_on_column_count_mismatch,
            ),
            FieldMatch::CaseSensitive | FieldMatch::Member | FieldMatch::CaseInsensitive => (
                Layout::by_name(&self.names, target)?,
                self.reading.format.error_on_column_count_mismatch,
            ),
        };
        let found = if expected { Some(layout.width) } else { self.first_width(end)? };
        layout.set_width(found.unwrap_or(layout.width), target.field_match());
        let layout = Arc::new(layout);
        // Only blank lines so far: the next block says.
        if found.is_some() {
            self.layout = Some(Arc::clone(&layout));
        }
        Ok(layout)
    }

    /// How many fields the first record has that is not blank.
    fn first_width(&self, end: usize) -> Result<Option<usize>> {
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
                return Err(self.too_many());
            }
            if !(self.reading.format.skip_blank_lines && is_blank(&record, &fields)) {
                return Ok(Some(record.fields));
            }
            at = record.next;
        }
        Ok(None)
    }

    /// Takes the first record, and decodes its fields.
    fn read_names(&mut self) -> Result<Vec<String>> {
        let mut wanted = self.block_bytes.max(1);
        let mut fields = Vec::new();
        let next = loop {
            self.fill(wanted)?;
            fields.clear();
            let found =
                scan_record(&self.pending, 0, self.at_end, &self.reading.grammar, |field| {
                    if fields.len() <= MOST_FIELDS {
                        fields.push(field);
                    }
                });
            if let Some(record) = found {
                if record.malformed.is_some() {
                    return Err(self.header("its quotes do not end"));
                }
                break record.next;
            }
            if self.pending.len() > MOST_RECORD_BYTES {
                return Err(self.too_long("the header"));
            }
            wanted = (self.pending.len() * 2).min(MOST_RECORD_BYTES + 1);
        };
        if fields.len() > MOST_FIELDS {
            return Err(self.too_many());
        }
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let name = |field: &super::record::Field| {
            let raw = self.pending.get(field.start..field.end).unwrap_or_default();
            let mut bytes = Vec::new();
            match field.coded {
                true => decode(raw, field.enclosed, &self.reading.grammar, &mut bytes),
                false => bytes.extend_from_slice(raw),
            }
            match String::from_utf8(bytes) {
                Ok(name) => Ok(name),
                Err(error) if self.reading.format.replace_invalid_characters => {
                    Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
                }
                Err(_) => Err(self.header("it is not valid UTF-8")),
            }
        };
        let names = fields.iter().map(name).collect::<Result<_>>()?;
        self.cut(next);
        Ok(names)
    }

    fn header(&self, why: &str) -> Error {
        Error::new(
            Code::UNREADABLE_FILE,
            format!("the names in the header cannot be read: {why} line={}", self.start.line()),
        )
    }

    fn too_many(&self) -> Error {
        Error::new(
            Code::RESOURCES_EXHAUSTED,
            format!("a record has more than {MOST_FIELDS} fields line={}", self.start.line()),
        )
    }

    /// Behind the last whole record that is pending.
    fn boundary(&self) -> Option<usize> {
        let grammar = &self.reading.grammar;
        let last = grammar.record.as_deref().and_then(<[u8]>::last);
        // Short records: a block of them takes little memory even if each is
        // an error. Few delimiters are few records, wherever they stand.
        let most = last.and_then(|last| {
            memchr_iter(*last, &self.pending).nth(MOST_BLOCK_RECORDS - 1).map(|end| end + 1)
        });
        if self.at_end && most.is_none() {
            return Some(self.pending.len());
        }
        let delimiter = grammar.record.as_deref()?;
        if let [delimiter] = delimiter
            && grammar.is_plain(&self.pending)
        {
            return most.or_else(|| memrchr(*delimiter, &self.pending).map(|end| end + 1));
        }
        let quotes = if most.is_none() { Quotes::of(grammar, &self.pending) } else { None };
        match quotes {
            Some(quotes) => quotes.boundary(&self.pending, grammar),
            None => self.scanned_boundary(),
        }
    }

    /// The boundary where delimiters may stand inside fields.
    fn scanned_boundary(&self) -> Option<usize> {
        let (mut end, mut records) = (0, 0);
        while records < MOST_BLOCK_RECORDS {
            let found = scan_record(&self.pending, end, self.at_end, &self.reading.grammar, |_| {});
            let Some(record) = found.filter(|record| record.next > end) else { break };
            end = record.next;
            records += 1;
        }
        (end > 0).then_some(end)
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
        // Room for the next block at once: it would be moved to grow.
        let left = self.pending.len().saturating_sub(end);
        let mut rest = Vec::with_capacity(if self.at_end { left } else { left + self.block_bytes });
        rest.extend_from_slice(self.pending.get(end..).unwrap_or_default());
        let mut data = std::mem::replace(&mut self.pending, rest);
        data.truncate(end);
        self.start = self.start.behind(&data);
        data
    }

    fn too_long(&self, what: &str) -> Error {
        Error::new(
            Code::RESOURCES_EXHAUSTED,
            format!("{what} is longer than {MOST_RECORD_BYTES} bytes line={}", self.start.line()),
        )
        .with_help("check the record delimiter and the quotes of the file format")
    }
}

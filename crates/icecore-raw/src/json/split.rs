//! A file's bytes cut into blocks of whole documents.

use std::sync::Arc;

use crate::JsonFormat;
use crate::lines::BlockStart;
use crate::reading::Split;
use crate::source::Source;
use icecore_types::{Code, Error, Hash, Result};

/// A document is at most this long.
const MOST_RECORD_BYTES: usize = 16 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole documents.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) data: Vec<u8>,
    /// Where each document starts and ends in the data.
    pub(super) records: Vec<(u32, u32)>,
    /// Where it starts in the file.
    pub(super) start: BlockStart,
}

/// Cuts blocks of about `block_bytes`.
pub(super) struct Splitter {
    source: Source,
    format: Arc<JsonFormat>,
    block_bytes: usize,
    /// Bytes that were read and not cut off yet.
    pending: Vec<u8>,
    at_end: bool,
    /// Where `pending` starts.
    start: BlockStart,
    scanner: Scanner,
}

impl Splitter {
    /// Skips the byte order mark.
    pub(super) fn new(source: Source, format: Arc<JsonFormat>, block_bytes: usize) -> Result<Self> {
        let scanner = Scanner {
            strip_outer_array: format.strip_outer_array,
            multi_line: format.multi_line,
            ..Scanner::default()
        };
        let mut splitter = Self {
            source,
            format,
            block_bytes: block_bytes.max(1),
            pending: Vec::new(),
            at_end: false,
            start: BlockStart::FILE,
            scanner,
        };
        if splitter.format.skip_byte_order_mark {
            splitter.fill(BYTE_ORDER_MARK.len())?;
            if splitter.pending.starts_with(BYTE_ORDER_MARK) {
                splitter.cut(BYTE_ORDER_MARK.len());
            }
        }
        Ok(splitter)
    }

    fn fill(&mut self, wanted: usize) -> Result<()> {
        let missing = wanted.saturating_sub(self.pending.len());
        if missing > 0 && !self.at_end {
            self.at_end = self.source.read_into(&mut self.pending, missing)? < missing;
        }
        Ok(())
    }

    fn cut(&mut self, end: usize) -> Vec<u8> {
        let rest = self.pending.split_off(end);
        let data = std::mem::replace(&mut self.pending, rest);
        self.start = self.start.behind(&data);
        data
    }

    /// Cuts off everything behind which no document is open.
    fn block(&mut self) -> Block {
        let end = self.scanner.record.unwrap_or(self.pending.len());
        let start = self.start;
        let data = self.cut(end);
        self.scanner.record = self.scanner.record.map(|_| 0);
        self.scanner.at -= end;
        Block { data, records: std::mem::take(&mut self.scanner.found), start }
    }
}

impl Split for Splitter {
    type Block = Block;

    /// # Errors
    /// The source's; `ResourcesExhausted` for a document that is too long.
    fn next(&mut self) -> Result<Option<Block>> {
        let mut wanted = self.block_bytes;
        loop {
            self.fill(wanted)?;
            self.scanner.scan(&self.pending);
            if self.at_end {
                self.scanner.end(self.pending.len());
            }
            if self.pending.is_empty() {
                return Ok(None);
            }
            if self.at_end || !self.scanner.found.is_empty() {
                return Ok(Some(self.block()));
            }
            let open = self.scanner.record.map_or(0, |start| self.pending.len() - start);
            if open > MOST_RECORD_BYTES {
                return Err(Error::new(
                    Code::RESOURCES_EXHAUSTED,
                    format!(
                        "a document is longer than {MOST_RECORD_BYTES} bytes line={}",
                        self.start.line()
                    ),
                )
                .with_help("for an array of records set STRIP_OUTER_ARRAY = TRUE"));
            }
            if self.scanner.record.is_none() {
                // Blanks only: nothing of them is needed.
                self.block();
            }
            wanted = (self.pending.len() * 2).clamp(self.block_bytes, MOST_RECORD_BYTES + 2);
        }
    }

    fn hash(&self) -> Hash {
        self.source.hash()
    }
}

/// Finds where documents start and end, and nothing else: brackets are counted,
/// strings are passed over.
#[derive(Debug, Default)]
struct Scanner {
    strip_outer_array: bool,
    multi_line: bool,
    /// How far the pending bytes have been looked at.
    at: usize,
    /// Where the document starts that is open.
    record: Option<usize>,
    /// Brackets that are open in it.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether the array around the records is open.
    in_array: bool,
    found: Vec<(u32, u32)>,
}

impl Scanner {
    fn scan(&mut self, bytes: &[u8]) {
        while let Some(byte) = bytes.get(self.at).copied() {
            match self.record {
                None => self.outside(byte),
                Some(start) => self.inside(start, byte),
            }
        }
    }

    /// The file ends: so does what is open.
    fn end(&mut self, length: usize) {
        if let Some(start) = self.record {
            self.close(start, length);
        }
    }

    fn close(&mut self, start: usize, end: usize) {
        self.found.push((start as u32, end as u32));
        (self.record, self.depth, self.in_string, self.escaped) = (None, 0, false, false);
    }

    /// One byte between documents.
    fn outside(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
            b'[' if self.strip_outer_array && !self.in_array => self.in_array = true,
            b']' if self.in_array => self.in_array = false,
            b'{' | b'[' => (self.record, self.depth) = (Some(self.at), 1),
            b'"' => (self.record, self.in_string) = (Some(self.at), true),
            // A bracket that closes nothing is a document of its own, and bad.
            b'}' | b']' => self.close(self.at, self.at + 1),
            _ => self.record = Some(self.at),
        }
        self.at += 1;
    }

    /// One byte of a document.
    fn inside(&mut self, start: usize, byte: u8) {
        if byte == b'\n' && !self.multi_line {
            self.close(start, self.at);
            return;
        }
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = byte == b'\\' && !self.escaped;
            self.at += 1;
            if !self.in_string && self.depth == 0 {
                self.close(start, self.at);
            }
            return;
        }
        match byte {
            // A number or a word ends before what cannot be part of it.
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b'{' | b'[' | b'}' | b']' | b'"'
                if self.depth == 0 =>
            {
                self.close(start, self.at);
                return;
            }
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.at += 1;
        if self.depth == 0 && matches!(byte, b'}' | b']') {
            self.close(start, self.at);
        }
    }
}

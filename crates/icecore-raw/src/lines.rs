//! Which line and character a byte of a block is.

/// Counts the lines of a block, forwards.
pub(crate) struct Lines<'a> {
    data: &'a [u8],
    /// The line that has been counted to, from 1, and where it starts.
    line: u64,
    line_start: usize,
    counted_to: usize,
    start: BlockStart,
}

/// Where a block starts in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockStart {
    /// Its line, from 1.
    line: u64,
    /// Characters of that line before it.
    characters: u64,
    /// Bytes of the file before it.
    offset_bytes: u64,
}

impl BlockStart {
    /// The start of a file.
    pub(crate) const FILE: Self = Self { line: 1, characters: 0, offset_bytes: 0 };

    /// Its line, from 1.
    pub(crate) const fn line(self) -> u64 {
        self.line
    }

    /// Where what follows these bytes starts.
    pub(crate) fn behind(self, data: &[u8]) -> Self {
        // Bytes that go on with a character are none of their own.
        let characters =
            |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
        let (line, characters) = match memchr::memrchr(b'\n', data) {
            Some(last) => {
                let lines = memchr::memchr_iter(b'\n', data).count() as u64;
                (self.line + lines, characters(data.get(last + 1..).unwrap_or_default()))
            }
            None => (self.line, self.characters + characters(data)),
        };
        Self { line, characters, offset_bytes: self.offset_bytes + data.len() as u64 }
    }
}

/// Where something stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The line in which the record starts, from 1.
    pub(crate) start_line: u64,
    /// The line, from 1.
    pub(crate) line: u64,
    /// The position in the line, in characters from 1.
    pub(crate) character: u64,
    /// The position in the file, in bytes from 0.
    pub(crate) byte_offset: u64,
}

impl<'a> Lines<'a> {
    /// For a block that starts there.
    pub(crate) const fn new(data: &'a [u8], start: BlockStart) -> Self {
        Self { data, line: start.line, line_start: 0, counted_to: 0, start }
    }

    /// The spot of the byte at `at` in the record that starts at `start`.
    /// Records must come in order: lines are counted on from the last one.
    pub(crate) fn spot(&mut self, start: usize, at: usize) -> Spot {
        let start_line = self.count_to(start);
        let counted = (self.line, self.line_start, self.counted_to);
        let line = self.count_to(at);
        let in_line = self.data.get(self.line_start..at).unwrap_or_default();
        let before = if line == self.start.line { self.start.characters } else { 0 };
        let character = before + String::from_utf8_lossy(in_line).chars().count() as u64 + 1;
        (self.line, self.line_start, self.counted_to) = counted;
        Spot { start_line, line, character, byte_offset: self.start.offset_bytes + at as u64 }
    }

    fn count_to(&mut self, at: usize) -> u64 {
        let passed = self.data.get(self.counted_to..at).unwrap_or_default();
        for line_end in memchr::memchr_iter(b'\n', passed) {
            self.line += 1;
            self.line_start = self.counted_to + line_end + 1;
        }
        self.counted_to = self.counted_to.max(at);
        self.line
    }
}

/// Bytes of a bad record that an error shows.
const SHOWN_BYTES: usize = 1024;

/// A record as an error shows it: cut after 1 KiB.
pub(crate) fn shown(record: &[u8]) -> String {
    let cut = record.get(..SHOWN_BYTES).unwrap_or(record);
    let text = String::from_utf8_lossy(cut);
    // A character that the cut went through is no part of what is shown.
    match std::str::from_utf8(cut) {
        Err(error) if error.error_len().is_none() && cut.len() < record.len() => {
            String::from_utf8_lossy(cut.get(..error.valid_up_to()).unwrap_or(cut)).into_owned()
        }
        _ => text.into_owned(),
    }
}

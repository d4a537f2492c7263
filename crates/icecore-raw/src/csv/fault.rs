//! Bad records as errors with their exact place.

use icecore_types::Code;

use super::record::{Malformed, scan_record};
use super::target::{ErrorCategory, RowError};
use super::tokens::{BadForm, Place, Reading};

/// Bytes of a bad record that an error shows.
const SHOWN_BYTES: usize = 1024;

/// Why a record is refused.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Its form.
    Form(BadForm),
    /// A field that is no value of its column.
    Value { field: usize, code: Code, message: String },
}

/// Makes errors of the records of one block. Records must come in order: lines
/// are counted on from the last one.
pub(super) struct Report<'a> {
    pub(super) reading: &'a Reading,
    pub(super) data: &'a [u8],
    /// Fields that a record must have.
    pub(super) width: usize,
    /// Whether the block is the file's first: only there a wrong count of the
    /// first record speaks of the whole file.
    pub(super) first: bool,
    /// The line that has been counted to, from 1, and where it starts.
    line: u64,
    line_start: usize,
    counted_to: usize,
    offset_bytes: u64,
}

impl<'a> Report<'a> {
    /// For a block that starts in `line`, `offset_bytes` into the file.
    pub(super) fn new(
        reading: &'a Reading,
        data: &'a [u8],
        (width, first): (usize, bool),
        (line, offset_bytes): (u64, u64),
    ) -> Self {
        let (line_start, counted_to) = (0, 0);
        Self { reading, data, width, first, line, line_start, counted_to, offset_bytes }
    }

    /// The error for a record of the block; its `row` counts from 1 within the
    /// block.
    pub(super) fn error(&mut self, place: Place, fault: &Fault) -> RowError {
        let start = place.start as usize;
        let start_line = self.count_to(start);
        let found = self.find(start, place, fault);
        let before_start = (self.line, self.line_start, self.counted_to);
        let line = self.count_to(found.at);
        let in_line = self.data.get(self.line_start..found.at).unwrap_or_default();
        let character = String::from_utf8_lossy(in_line).chars().count() as u64 + 1;
        (self.line, self.line_start, self.counted_to) = before_start;
        RowError {
            row: u64::from(place.number) + 1,
            line,
            start_line,
            character,
            byte_offset: self.offset_bytes + found.at as u64,
            column: found.field.map(|field| self.reading.target.column_text(field)),
            category: match fault {
                Fault::Form(_) => ErrorCategory::Parsing,
                Fault::Value { .. } => ErrorCategory::Conversion,
            },
            code: found.code,
            message: found.message,
            record: shown(self.data.get(start..found.end).unwrap_or_default()),
        }
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

    fn find(&self, start: usize, place: Place, fault: &Fault) -> Found {
        let wanted = match fault {
            Fault::Value { field, .. } => *field,
            Fault::Form(_) => self.width,
        };
        // Where the wanted field starts, and the end of the one before it.
        let (mut index, mut at, mut behind) = (0, start, start);
        let record = scan_record(self.data, start, true, &self.reading.grammar, |field| {
            if index == wanted {
                at = field.start;
            } else if index + 1 == wanted {
                behind = field.end;
            }
            index += 1;
        });
        let end = record.map_or(self.data.len(), |record| record.end);
        match fault {
            Fault::Value { field, code, message } => {
                Found { at, end, field: Some(*field), code: *code, message: message.clone() }
            }
            Fault::Form(BadForm::Count) => {
                self.wrong_count(index, (behind, end), place.number == 0 && self.first)
            }
            Fault::Form(BadForm::Quotes(malformed)) => self.malformed(*malformed, end),
            Fault::Form(BadForm::Text) => self.not_text(start, end),
        }
    }

    fn wrong_count(&self, found: usize, (behind, end): (usize, usize), first: bool) -> Found {
        let width = self.width;
        let columns = self.reading.target.columns().len();
        let mut message = if self.reading.format.error_on_column_count_mismatch {
            format!(
                "Number of columns in file ({found}) does not match that of the corresponding \
                 table ({columns}), use file format option error_on_column_count_mismatch=false \
                 to ignore this error"
            )
        } else {
            format!(
                "Number of columns in record ({found}) does not match that of the first record \
                 of the file ({width})"
            )
        };
        let mut code = Code::FIELD_COUNT;
        if found > width && !first {
            code = Code::MALFORMED_RECORD;
            let (field, record) = self.delimiters();
            message = format!(
                "Field delimiter '{field}' found while expecting record delimiter '{record}'. \
                 {message}"
            );
        }
        let (at, field) = if found > width { (behind, width) } else { (end, found) };
        Found { at, end, field: Some(field), code, message }
    }

    fn delimiters(&self) -> (String, String) {
        let text = |bytes: &Option<Vec<u8>>| {
            String::from_utf8_lossy(bytes.as_deref().unwrap_or_default())
                .escape_default()
                .to_string()
        };
        (text(&self.reading.grammar.field), text(&self.reading.grammar.record))
    }

    fn malformed(&self, malformed: Malformed, end: usize) -> Found {
        let (field, record) = self.delimiters();
        let (at, index, message) = match malformed {
            Malformed::BehindQuote { at, field: index } => {
                let rest = self.data.get(at..end).unwrap_or_default();
                let character = String::from_utf8_lossy(rest.get(..4).unwrap_or(rest))
                    .chars()
                    .next()
                    .map(|c| c.escape_default().to_string())
                    .unwrap_or_default();
                let message = format!(
                    "Found character '{character}' instead of field delimiter '{field}' or \
                     record delimiter '{record}'"
                );
                (at, index, message)
            }
            Malformed::Unterminated { at, field: index } => {
                (at, index, "Enclosed field does not end before its record does".to_owned())
            }
        };
        Found { at, end, field: Some(index), code: Code::MALFORMED_RECORD, message }
    }

    fn not_text(&self, start: usize, end: usize) -> Found {
        let bytes = self.data.get(start..end).unwrap_or_default();
        let valid = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) => error.valid_up_to(),
        };
        let wrong = bytes.get(valid..).unwrap_or_default();
        let shown: String = wrong.iter().take(4).map(|byte| format!("{byte:02X}")).collect();
        Found {
            at: start + valid,
            end,
            field: self.field_at(start, start + valid),
            code: Code::MALFORMED_RECORD,
            message: format!(
                "Invalid UTF8 detected in string '0x{shown}', use file format option \
                 replace_invalid_characters=true to replace it"
            ),
        }
    }

    /// The field that the byte at `at` is in.
    fn field_at(&self, start: usize, at: usize) -> Option<usize> {
        let (mut index, mut found) = (0, None);
        scan_record(self.data, start, true, &self.reading.grammar, |field| {
            if field.start <= at && at < field.end {
                found = Some(index);
            }
            index += 1;
        });
        found
    }
}

struct Found {
    at: usize,
    end: usize,
    field: Option<usize>,
    code: Code,
    message: String,
}

fn shown(record: &[u8]) -> String {
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

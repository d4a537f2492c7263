//! Rows as records of fields between delimiters.

use arrow::array::{Array, StringArray};
use icecore_types::{Code, Error, Result, SqlType};

use super::UnloadColumn;
use crate::{CsvFormat, RecordDelimiter};

/// Refuses a format that has no way to end a record.
pub(super) fn check(format: &CsvFormat) -> Result<()> {
    match format.record_delimiter {
        RecordDelimiter::None => Err(Error::unsupported("unloading with RECORD_DELIMITER = NONE")),
        _ => Ok(()),
    }
}

fn record_delimiter(format: &CsvFormat) -> &str {
    match &format.record_delimiter {
        RecordDelimiter::Text(text) => text,
        RecordDelimiter::Newline | RecordDelimiter::None => "\n",
    }
}

/// The names as a record.
pub(super) fn header(format: &CsvFormat, columns: &[UnloadColumn]) -> Result<String> {
    let mut line = String::new();
    for (at, column) in columns.iter().enumerate() {
        delimit(&mut line, format, at);
        push_text(&mut line, format, &column.name, true)?;
    }
    line.push_str(record_delimiter(format));
    Ok(line)
}

fn delimit(line: &mut String, format: &CsvFormat, at: usize) {
    if at > 0 {
        line.push_str(format.field_delimiter.as_deref().unwrap_or_default());
    }
}

/// The rows as records.
pub(super) fn lines(
    format: &CsvFormat,
    columns: &[UnloadColumn],
    texts: &[StringArray],
) -> Result<String> {
    let rows = texts.first().map_or(0, |column| column.len());
    let mut lines = String::with_capacity(rows * columns.len() * 8);
    let null = format.null_if.first().map(String::as_str).unwrap_or_default();
    for row in 0..rows {
        for (at, (text, column)) in texts.iter().zip(columns).enumerate() {
            delimit(&mut lines, format, at);
            if text.is_null(row) {
                lines.push_str(null);
            } else {
                // Enclosed even if empty, which would be NULL else.
                let is_text =
                    matches!(column.sql_type, SqlType::Varchar { .. } | SqlType::Binary { .. });
                push_text(&mut lines, format, text.value(row), is_text)?;
            }
        }
        lines.push_str(record_delimiter(format));
    }
    Ok(lines)
}

/// A value that reads as itself.
fn push_text(line: &mut String, format: &CsvFormat, text: &str, is_text: bool) -> Result<()> {
    let delimiter = format.field_delimiter.as_deref().unwrap_or_default();
    let record = record_delimiter(format);
    let plain = !(contains(text, delimiter) || contains(text, record) || text.contains('\r'));
    match format.enclosed_by.map(char::from) {
        Some(quote) if is_text || !plain || text.contains(quote) => {
            line.push(quote);
            for c in text.chars() {
                if c == quote {
                    line.push(quote);
                } else if let Some(escape) = format.escape.map(char::from)
                    && c == escape
                {
                    line.push(escape);
                }
                line.push(c);
            }
            line.push(quote);
            Ok(())
        }
        _ => push_unenclosed(line, format, text, plain),
    }
}

/// Whether the text may be taken for a delimiter, with what comes behind it:
/// `|` before `||` reads as `||` before `|`.
fn contains(text: &str, delimiter: &str) -> bool {
    delimiter.chars().next().is_some_and(|first| text.contains(first))
}

fn push_unenclosed(line: &mut String, format: &CsvFormat, text: &str, plain: bool) -> Result<()> {
    let Some(escape) = format.escape_unenclosed.map(char::from) else {
        if plain {
            line.push_str(text);
            return Ok(());
        }
        return Err(Error::new(
            Code::INVALID_VALUE,
            "a value holds a delimiter, which the file format can neither enclose nor escape",
        )
        .with_help("set FIELD_OPTIONALLY_ENCLOSED_BY = '\"' in the file format"));
    };
    if plain && !text.contains(escape) {
        line.push_str(text);
        return Ok(());
    }
    let first = |text: &str| text.chars().next();
    let starts = [
        format.field_delimiter.as_deref().and_then(first),
        first(record_delimiter(format)),
        Some(escape),
        Some('\r'),
        Some('\n'),
    ];
    for c in text.chars() {
        if starts.contains(&Some(c)) {
            line.push(escape);
        }
        line.push(c);
    }
    Ok(())
}

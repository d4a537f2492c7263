//! Rows as JSON objects, one a line: the columns by their names, NULL as null.

use arrow::array::{Array, RecordBatch, StringArray};
use icecore_types::{Result, SqlType};

use super::UnloadColumn;

/// The rows as lines.
pub(super) fn lines(
    columns: &[UnloadColumn],
    batch: &RecordBatch,
    texts: &[StringArray],
) -> Result<String> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let mut lines = String::with_capacity(batch.num_rows() * columns.len() * 16);
    for row in 0..batch.num_rows() {
        lines.push('{');
        for (at, ((text, column), name)) in texts.iter().zip(columns).zip(&names).enumerate() {
            if at > 0 {
                lines.push(',');
            }
            lines.push_str(name);
            lines.push(':');
            if text.is_null(row) {
                lines.push_str("null");
            } else {
                push_value(&mut lines, text.value(row), &column.sql_type);
            }
        }
        lines.push_str("}\n");
    }
    Ok(lines)
}

fn push_value(line: &mut String, text: &str, sql_type: &SqlType) {
    let plain = match sql_type {
        SqlType::Integer | SqlType::Number { .. } | SqlType::Boolean => true,
        // JSON has no NaN and no infinity.
        SqlType::Float => text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')),
        _ => false,
    };
    match plain {
        true => line.push_str(text),
        false => push_quoted(line, text),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if (c as u32) < 0x20 => line.push_str(&format!("\\u{:04x}", c as u32)),
            c => line.push(c),
        }
    }
    line.push('"');
}

//! CSV: NULL is empty, an empty string is `""`.

use std::io::{self, Write};

use icecore::{ResultColumn, TextRow};

pub(super) fn print_header(out: &mut impl Write, columns: &[ResultColumn]) -> io::Result<()> {
    print_fields(out, columns.iter().map(|column| Some(column.name.as_str())))
}

pub(super) fn print_rows(out: &mut impl Write, rows: &[TextRow]) -> io::Result<()> {
    rows.iter().try_for_each(|row| print_fields(out, row.iter().map(Option::as_deref)))
}

fn print_fields<'a>(
    out: &mut impl Write,
    fields: impl Iterator<Item = Option<&'a str>>,
) -> io::Result<()> {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        print_field(out, field)?;
    }
    out.write_all(b"\n")
}

fn print_field(out: &mut impl Write, field: Option<&str>) -> io::Result<()> {
    match field {
        None => Ok(()),
        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            write!(out, "\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => out.write_all(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_are_told_apart() {
        let mut out = Vec::new();
        let row = |values: &[Option<&str>]| -> TextRow {
            values.iter().map(|value| value.map(str::to_owned)).collect()
        };
        let rows = [
            row(&[Some("a"), None, Some("")]),
            row(&[Some("with, comma"), Some("say \"hi\""), Some("two\nlines")]),
        ];
        print_rows(&mut out, &rows).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a,,\"\"\n\"with, comma\",\"say \"\"hi\"\"\",\"two\nlines\"\n"
        );
    }
}

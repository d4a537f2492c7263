//! Tables with borders.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use icecore::{ResultColumn, TextRow};

pub(super) fn print(
    out: &mut impl Write,
    columns: &[ResultColumn],
    rows: &[TextRow],
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(columns.iter().map(|column| Cell::new(&column.name)));
    for (column, shown) in columns.iter().zip(table.column_iter_mut()) {
        if column.sql_type.is_numeric() {
            shown.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(
        rows.iter().map(|row| row.iter().map(|value| value.as_deref().unwrap_or("NULL"))),
    );
    writeln!(out, "{table}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore::SqlType;

    #[test]
    fn numbers_stand_on_the_right() {
        let columns = [
            ResultColumn { name: "COUNT".to_owned(), sql_type: SqlType::Integer },
            ResultColumn { name: "NAME".to_owned(), sql_type: SqlType::TEXT },
        ];
        let rows = [vec![Some("7".to_owned()), None], vec![None, Some("x".to_owned())]];
        let mut out = Vec::new();
        print(&mut out, &columns, &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("│     7 ┆ NULL │"), "{text}");
        assert!(text.contains("│  NULL ┆ x    │"), "{text}");
    }
}

//! Tables on standard output.

use std::fmt::Display;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

/// A table of numbers that is printed when it is complete.
///
/// ```
/// use icecore_benches::Report;
/// let mut report = Report::new("clone", &["segments", "requests"]);
/// report.row(&[&1, &1]);
/// assert!(report.to_string().starts_with("## clone\n\n| segments | requests |"));
/// ```
#[derive(Debug)]
pub struct Report {
    title: String,
    table: Table,
}

impl Report {
    /// With these columns: the first on the left, the rest on the right.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_header(columns);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self { title: title.into(), table }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&dyn Display]) {
        self.table.add_row(cells.iter().map(ToString::to_string));
    }

    /// Prints it.
    pub fn print(&self) {
        println!("{self}");
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "## {}\n\n{}", self.title, self.table)
    }
}

/// A time in milliseconds with three digits behind the point.
pub fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// A time in seconds with two digits behind the point.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// A size in MiB, or in bytes below one of them.
pub fn bytes(size: u64) -> String {
    if size < 1 << 20 {
        format!("{} B", number(size))
    } else {
        format!("{:.1} MiB", size as f64 / f64::from(1 << 20))
    }
}

/// A count with its thousands apart.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([1, 999, 1_000, 1_234_567].map(number), ["1", "999", "1,000", "1,234,567"]);
        assert_eq!([bytes(1_023), bytes(3 << 20)], ["1,023 B", "3.0 MiB"]);
        assert_eq!(millis(Duration::from_micros(1_500)), "1.500 ms");
    }
}

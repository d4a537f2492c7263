//! Whether two engines gave the same rows.

use icecore::{ResultColumn, SqlType, TextRow};
use icecore_benches::Answer;

/// Doubles may differ by this part of themselves: sums in another order.
const RELATIVE: f64 = 1e-9;

/// How the values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    /// Texts are equal, and numbers up to zeros at their end.
    Exact,
    /// One engine has a double, the other perhaps a decimal of so many digits
    /// behind the point, of which it rounded the last.
    Double { rounded: f64 },
}

/// Checks that the rows are equal, in order or, where the query's order leaves
/// ties open, in any.
///
/// # Errors
/// Says where they differ first.
pub fn same_rows(
    ours: &[TextRow],
    columns: &[ResultColumn],
    theirs: &Answer,
) -> Result<(), String> {
    if (ours.len(), columns.len()) != (theirs.rows.len(), theirs.types.len()) {
        return Err(format!("{} rows, DuckDB has {}", ours.len(), theirs.rows.len()));
    }
    let comparisons: Vec<_> =
        columns.iter().zip(&theirs.types).map(|(column, kind)| comparison(column, kind)).collect();
    if difference(ours, &theirs.rows, &comparisons).is_none() {
        return Ok(());
    }
    let ours = sorted(ours, &comparisons);
    let theirs = sorted(&theirs.rows, &comparisons);
    difference(&ours, &theirs, &comparisons).map_or(Ok(()), Err)
}

fn comparison(column: &ResultColumn, theirs: &str) -> Comparison {
    let double = matches!(theirs, "DOUBLE" | "FLOAT");
    match column.sql_type {
        SqlType::Number { scale, .. } if double => {
            Comparison::Double { rounded: 0.5 * 10_f64.powi(-i32::from(scale)) }
        }
        SqlType::Integer if double => Comparison::Double { rounded: 0.5 },
        SqlType::Float => Comparison::Double { rounded: 0.0 },
        _ => Comparison::Exact,
    }
}

fn difference(ours: &[TextRow], theirs: &[TextRow], columns: &[Comparison]) -> Option<String> {
    ours.iter().zip(theirs).enumerate().find_map(|(row, (a, b))| {
        let equal = a.len() == b.len()
            && a.iter().zip(b).zip(columns).all(|((a, b), how)| same_value(a, b, *how));
        (!equal).then(|| format!("row {row}: {a:?}, DuckDB has {b:?}"))
    })
}

fn same_value(a: &Option<String>, b: &Option<String>, how: Comparison) -> bool {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (a, b) => return a == b,
    };
    match (how, a.parse::<f64>(), b.parse::<f64>()) {
        (Comparison::Double { rounded }, Ok(a), Ok(b)) => {
            (a - b).abs() <= rounded + RELATIVE * a.abs().max(b.abs())
        }
        _ => canonical(a) == canonical(b),
    }
}

/// A decimal number without zeros at its end; any other text as it is.
fn canonical(text: &str) -> &str {
    let is_decimal = text.contains('.')
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    if is_decimal { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// In the order of their exact values.
fn sorted(rows: &[TextRow], columns: &[Comparison]) -> Vec<TextRow> {
    let mut rows = rows.to_vec();
    rows.sort_by_cached_key(|row| {
        let exact = row.iter().zip(columns).filter(|(_, how)| **how == Comparison::Exact);
        exact
            .map(|(value, _)| value.as_deref().map(|text| canonical(text).to_owned()))
            .collect::<Vec<_>>()
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: &[&[&str]], types: &[SqlType], theirs: &[&[&str]], kinds: &[&str]) -> bool {
        let rows = |rows: &[&[&str]]| -> Vec<TextRow> {
            rows.iter().map(|row| row.iter().map(|v| Some((*v).to_owned())).collect()).collect()
        };
        let columns: Vec<_> = types
            .iter()
            .map(|sql_type| ResultColumn { name: "C".into(), sql_type: *sql_type })
            .collect();
        let answer = Answer {
            types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            rows: rows(theirs),
            ..Answer::default()
        };
        same_rows(&rows(ours), &columns, &answer).is_ok()
    }

    #[test]
    fn decimals_are_exact_and_doubles_nearly() {
        let number = SqlType::Number { precision: 38, scale: 6 };
        let decimal = ["DECIMAL(38,2)"];
        assert!(check(&[&["1.250000"]], &[number], &[&["1.25"]], &decimal));
        assert!(!check(&[&["1.250001"]], &[number], &[&["1.25"]], &decimal));
        assert!(check(&[&["0.333333"]], &[number], &[&["0.3333333333"]], &["DOUBLE"]));
        assert!(!check(&[&["0.333335"]], &[number], &[&["0.3333333333"]], &["DOUBLE"]));
        let float = SqlType::Float;
        assert!(check(&[&["1e3"]], &[float], &[&["1000.0000000001"]], &["DOUBLE"]));
        assert!(!check(&[&["1e3"]], &[float], &[&["1000.1"]], &["DOUBLE"]));
    }

    #[test]
    fn only_ties_may_be_in_another_order() {
        let types = [SqlType::TEXT, SqlType::Integer];
        let kinds = ["VARCHAR", "BIGINT"];
        let (a, b): (&[&str], &[&str]) = (&["a", "1"], &["b", "1"]);
        assert!(check(&[a, b], &types, &[b, a], &kinds));
        assert!(!check(&[a, b], &types, &[b, b], &kinds));
        assert!(!check(&[a, b], &types, &[a], &kinds));
    }
}

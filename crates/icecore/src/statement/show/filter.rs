//! Which rows and columns of a listing the statement wants.

use icecore_sql::Show;
use icecore_types::{Error, Result};

use crate::cells::{Cell, Columns, batch};

/// Whether LIKE, STARTS WITH and FROM let the name through.
pub(in crate::statement) fn selected(show: &Show, name: &str) -> bool {
    let upper = |text: &str| text.to_uppercase();
    show.like.as_ref().is_none_or(|pattern| like(&upper(pattern), &upper(name)))
        && show.starts_with.as_ref().is_none_or(|start| name.starts_with(start.as_str()))
        && show.from.as_ref().is_none_or(|from| name > from.as_str())
}

/// SQL's LIKE without an escape: `%` is any text, `_` any character. On a
/// mismatch only the last `%` takes one character more, so that no pattern is
/// slow.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut wildcard = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                wildcard = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '_' || *wanted == text[t] => (p, t) = (p + 1, t + 1),
            _ => match wildcard {
                Some((at, from)) => {
                    wildcard = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '%')
}

/// At most as many rows as LIMIT lets through.
pub(in crate::statement) fn cut<T>(show: &Show, mut rows: Vec<T>) -> Vec<T> {
    if let Some(limit) = show.limit_rows {
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    rows
}

/// The rows; TERSE and without HISTORY, fewer columns.
pub(in crate::statement) fn shown(
    show: &Show,
    columns: Columns,
    rows: Vec<Vec<Cell>>,
) -> Result<arrow::array::RecordBatch> {
    let all = batch(columns, rows)?;
    let hidden = |name: &str| {
        (name == "dropped_on" && !show.history)
            || (show.terse
                && !matches!(
                    name,
                    "created_on" | "name" | "kind" | "database_name" | "schema_name"
                ))
    };
    let kept: Vec<usize> = (0..columns.len()).filter(|at| !hidden(columns[*at].0)).collect();
    all.project(&kept).map_err(|source| Error::internal("columns of SHOW").with_source(source))
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_matches_as_sql_does() {
        for (pattern, text, matches) in [
            ("%", "", true),
            ("A%", "ABC", true),
            ("%C", "ABC", true),
            ("A_C", "ABC", true),
            ("A_C", "AC", false),
            ("%B%B", "ABCB", true),
            ("ABC", "ABCD", false),
            ("", "A", false),
            ("%%_", "Ä", true),
        ] {
            assert_eq!(like(pattern, text), matches, "{text} LIKE {pattern}");
        }
    }
}

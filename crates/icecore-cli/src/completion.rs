//! What the interactive shell offers on Tab, and when it runs a statement.

use std::sync::Arc;

use icecore::{Session, Version, is_complete};
use parking_lot::Mutex;
use rustyline::completion::{Completer, Pair};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Highlighter, Hinter};
use tokio::runtime::Handle;

/// The words that statements begin and go on with.
const KEYWORDS: &[&str] = &[
    "ALTER",
    "AND",
    "AS",
    "AT",
    "BEFORE",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CLONE",
    "COLUMN",
    "COPY",
    "COUNT",
    "CREATE",
    "DATABASE",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCLUDE",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FILE",
    "FILE_FORMAT",
    "FORCE",
    "FORMAT",
    "FROM",
    "GROUP",
    "HAVING",
    "HISTORY",
    "IN",
    "INNER",
    "INSERT",
    "INTO",
    "IS",
    "JOIN",
    "LAST_QUERY_ID",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LIST",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "ON_ERROR",
    "OR",
    "ORDER",
    "OVERWRITE",
    "PARTITION",
    "PATTERN",
    "PUT",
    "QUALIFY",
    "REMOVE",
    "RENAME",
    "REPLACE",
    "RESULT_SCAN",
    "SCHEMA",
    "SCHEMAS",
    "SELECT",
    "SET",
    "SHOW",
    "STAGE",
    "STAGES",
    "STATEMENT",
    "SUM",
    "SWAP",
    "TABLE",
    "TABLES",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "TRUNCATE",
    "UNDROP",
    "UNION",
    "UPDATE",
    "USE",
    "USING",
    "VALUES",
    "VERSION",
    "VIEW",
    "VIEWS",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Asks the catalog for the names that can be offered.
const NAMES: &str = "SELECT table_name FROM information_schema.tables \
     UNION SELECT column_name FROM information_schema.columns \
     UNION SELECT schema_name FROM information_schema.schemata";

/// Completes keywords and the names of objects, and waits for the semicolon.
#[derive(Helper, Highlighter, Hinter)]
pub(crate) struct ShellHelper {
    session: Session,
    runtime: Handle,
    known: Mutex<Known>,
}

/// The names of objects as of a version of the account.
#[derive(Default)]
struct Known {
    version: Option<Version>,
    names: Arc<[String]>,
}

impl ShellHelper {
    /// Looks names up in a session of its own, so that the user's last query
    /// stays the user's.
    pub(crate) fn new(session: Session, runtime: Handle) -> Self {
        Self { session, runtime, known: Mutex::default() }
    }

    /// The names of today's objects; those of before if they cannot be read.
    fn names(&self) -> Arc<[String]> {
        let mut known = self.known.lock();
        let version = self.session.lake().version();
        if known.version != Some(version) {
            let rows =
                self.runtime.block_on(async { self.session.execute(NAMES).await?.texts().await });
            if let Ok(rows) = rows {
                known.names = rows.into_iter().flatten().flatten().collect();
                known.version = Some(version);
            }
        }
        Arc::clone(&known.names)
    }
}

impl Completer for ShellHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..position).unwrap_or(line);
        let (start, word) = last_word(before);
        if word.is_empty() {
            return Ok((start, Vec::new()));
        }
        let names = self.names();
        let offered = KEYWORDS.iter().copied().chain(names.iter().map(String::as_str));
        Ok((start, candidates(word, offered)))
    }
}

/// The word that the cursor stands behind, and where it begins.
fn last_word(before: &str) -> (usize, &str) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let word = before.trim_end_matches(is_part);
    (word.len(), before.get(word.len()..).unwrap_or_default())
}

/// What begins with `word` whatever its case, once, in the case that the user
/// writes; what must be quoted is offered with its quotes.
fn candidates<'a>(word: &str, offered: impl Iterator<Item = &'a str>) -> Vec<Pair> {
    let upper = word.to_uppercase();
    let lower_case = word.chars().any(char::is_lowercase);
    let mut found: Vec<&str> =
        offered.filter(|name| name.to_uppercase().starts_with(&upper)).collect();
    found.sort_unstable();
    found.dedup();
    let replacement = |name: &str| {
        if name.chars().any(|c| c.is_lowercase() || !(c.is_alphanumeric() || c == '_' || c == '$'))
        {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else if lower_case {
            name.to_lowercase()
        } else {
            name.to_owned()
        }
    };
    found
        .into_iter()
        .map(|name| Pair { display: name.to_owned(), replacement: replacement(name) })
        .collect()
}

impl Validator for ShellHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let for_the_shell = text.trim_start().starts_with('\\');
        Ok(if for_the_shell || is_complete(text) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_the_cursor_is_completed() {
        assert_eq!(last_word("select a.fli"), (9, "fli"));
        assert_eq!(last_word("select "), (7, ""));
        assert_eq!(last_word(""), (0, ""));
    }

    #[test]
    fn names_are_offered_as_they_must_be_written() {
        let offered = |word| -> Vec<String> {
            let names = ["FLIGHTS", "Flat", "FLIGHTS", "PLANES"];
            candidates(word, names.into_iter()).into_iter().map(|pair| pair.replacement).collect()
        };
        assert_eq!(offered("fl"), ["flights", "\"Flat\""]);
        assert_eq!(offered("FLI"), ["FLIGHTS"]);
        assert!(offered("x").is_empty());
    }

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }
}

//! Errors that say where.

use icecore_types::{Code, Error};

use crate::lexer::{LexError, LexErrorKind, Lexeme};

/// Characters of an unexpected token that an error shows.
const SHOWN: usize = 80;

/// The dialect's syntax error; nothing stands for the end of the text.
pub(crate) fn unexpected(source: &str, found: Option<&Lexeme>, last: Option<&Lexeme>) -> Error {
    match (found, last) {
        (Some(lexeme), _) => {
            let text = source.get(lexeme.start..lexeme.end).unwrap_or_default();
            at(lexeme.line, lexeme.column, text)
        }
        (None, Some(last)) => {
            let text = source.get(last.start..last.end).unwrap_or_default();
            let lines = text.matches('\n').count() as u64;
            let tail = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64;
            let column = if lines == 0 { last.column + tail } else { tail };
            at(last.line + lines, column, "<EOF>")
        }
        (None, None) => at(1, 0, "<EOF>"),
    }
}

/// For text that is not made of tokens.
pub(crate) fn not_a_token(source: &str, error: &LexError) -> Error {
    let text = source.get(error.start..error.end).unwrap_or_default();
    let found = at(error.line, error.column, text);
    match error.kind {
        LexErrorKind::Unterminated => {
            found.with_help("a string, a quoted name or a comment that begins here has no end")
        }
        LexErrorKind::Unexpected => found
            .with_help("names with other characters than A-Z, 0-9, _ and $ are written in quotes"),
    }
}

fn at(line: u64, column: u64, text: &str) -> Error {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str("..");
    }
    Error::new(
        Code::SYNTAX,
        format!("syntax error line {line} at position {column} unexpected '{shown}'."),
    )
}

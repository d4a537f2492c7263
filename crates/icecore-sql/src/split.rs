//! A script's statements.

use icecore_types::Result;
use sqlparser::tokenizer::Token;

use crate::lexer::{LexErrorKind, Lexeme, lex};
use crate::syntax_error::not_a_token;

/// One statement of a script, not yet parsed.
///
/// ```
/// let pieces = icecore_sql::split("select 1; -- one; more\nselect ';'")?;
/// assert_eq!(pieces[1].text, "select ';'");
/// assert_eq!((pieces[1].offset, pieces[1].line), (23, 2));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// From its first token to its last, without the semicolon.
    pub text: String,
    /// Where it begins, in bytes from the beginning of the script.
    pub offset: usize,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// The statements of a script, at its semicolons outside strings, names and
/// comments; empty ones are left out.
///
/// # Errors
/// `InvalidInput`, with the place, if a string, a quoted name or a comment has
/// no end or a character belongs to no token.
pub fn split(text: &str) -> Result<Vec<Piece>> {
    let lexemes = lex(text).map_err(|error| not_a_token(text, &error))?;
    Ok(statements(&lexemes).filter_map(|statement| piece(text, statement)).collect())
}

fn piece(text: &str, statement: &[Lexeme]) -> Option<Piece> {
    let (first, last) = (statement.first()?, statement.last()?);
    Some(Piece {
        text: text.get(first.start..last.end)?.to_owned(),
        offset: first.start,
        line: usize::try_from(first.line).ok()?,
    })
}

/// The tokens of each statement that is not empty.
pub(crate) fn statements(lexemes: &[Lexeme]) -> impl Iterator<Item = &[Lexeme]> {
    lexemes.split(|lexeme| lexeme.token == Token::SemiColon).filter(|tokens| !tokens.is_empty())
}

/// Whether an interactive shell should run this text rather than wait for
/// more: it ends with a semicolon, or is empty, or no more text can mend it.
///
/// ```
/// use icecore_sql::is_complete;
/// assert!(is_complete("select 1;  -- done"));
/// assert!(!is_complete("select ';"));
/// assert!(!is_complete("select 1"));
/// ```
pub fn is_complete(text: &str) -> bool {
    match lex(text) {
        Ok(lexemes) => lexemes.last().is_none_or(|last| last.token == Token::SemiColon),
        Err(error) => error.kind != LexErrorKind::Unterminated,
    }
}

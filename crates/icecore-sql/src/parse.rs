//! Text to statements.

use std::borrow::Cow;

use icecore_types::{Code, Error, Result};
use sqlparser::ast::{Expr, Query};

use crate::cursor::Cursor;
use crate::dialect::Bounded;
use crate::guard::{check_length, check_shape};
use crate::lexer::{Lexeme, lex};
use crate::redact::redacted_statement;
use crate::split::statements;
use crate::syntax_error::not_a_token;
use crate::{CopyInto, Limits, Statement, check, grammar, redacted};

/// Stack that the deepest statement of the default limits may need.
const STACK_NEEDED: usize = 16 << 20;

/// Stack that a statement may need for each of its tokens, of which none is
/// more than a level of nesting, and beside them. An unoptimised build takes
/// more.
const STACK_OF_TOKEN: usize = if cfg!(debug_assertions) { 64 << 10 } else { 12 << 10 };
const STACK_OF_ANY: usize = 256 << 10;

/// Stack that parsing gets where less than that is left; only touched pages
/// of it cost memory.
const STACK_GIVEN: usize = 32 << 20;

/// A statement and its text.
///
/// ```
/// use icecore_sql::{Limits, parse};
/// let parsed = parse("-- first\nselect 1 ;", &Limits::default())?;
/// assert_eq!(parsed[0].text, "select 1");
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The statement as it was written, without what surrounds it.
    pub text: String,
    /// What it says.
    pub statement: Statement,
}

/// Reads a script: statements with semicolons between them. All of it is read
/// before any of it is returned; [`crate::split`] and a call for each piece
/// reads statement by statement.
///
/// # Errors
/// `InvalidInput` with the place of the first token that cannot be read, or
/// if the text is longer or deeper than `limits` allow; `Unsupported`, with
/// its name, for what the dialect has and the engine does not.
///
/// ```
/// use icecore_sql::{Limits, Statement, parse};
/// let parsed = parse("SHOW TABLES; DESC TABLE t;", &Limits::default())?;
/// assert_eq!(parsed.len(), 2);
/// let error = parse("SELECT * FROM t SAMPLE (10)", &Limits::default()).unwrap_err();
/// assert_eq!(error.message(), "unsupported: SAMPLE");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn parse(text: &str, limits: &Limits) -> Result<Vec<Parsed>> {
    // Names of the engine's own begin with it: no user can mean one.
    if text.contains('\0') {
        return Err(Error::new(Code::SYNTAX, "a NUL character in the text of a statement")
            .with_help("in a string write '\\0'"));
    }
    with_lexemes(text, limits, |lexemes| {
        statements(lexemes).map(|statement| parse_one(text, statement, limits)).collect()
    })
}

/// Reads one expression, for example a column's DEFAULT, with the default
/// limits. What a query may hold, an expression may.
///
/// # Errors
/// As [`parse`].
///
/// ```
/// let expression = icecore_sql::parse_expression("upper('x') || \"y\"")?;
/// assert_eq!(expression.to_string(), "UPPER('x') || \"y\"");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn parse_expression(text: &str) -> Result<Expr> {
    let limits = Limits::default();
    with_lexemes(text, &limits, |lexemes| whole(text, lexemes, &limits, grammar::whole_expression))
}

/// Reads one query, for example a view's, with the default limits.
///
/// # Errors
/// As [`parse`].
///
/// ```
/// let query = icecore_sql::parse_query("select count(*) from t")?;
/// assert_eq!(query.to_string(), "SELECT COUNT(*) AS \"COUNT(*)\" FROM T");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn parse_query(text: &str) -> Result<Box<Query>> {
    let limits = Limits::default();
    with_lexemes(text, &limits, |lexemes| whole(text, lexemes, &limits, grammar::query))
}

/// Reads the COPY INTO of a pipe, as CREATE PIPE keeps it, with the default
/// limits: ON_ERROR is SKIP_FILE unless it says otherwise.
///
/// # Errors
/// As [`parse`]; `InvalidInput` for an option that a pipe cannot have.
///
/// ```
/// use icecore_sql::{OnError, parse_pipe_copy};
/// let copy = parse_pipe_copy("copy into t from @s")?;
/// assert_eq!(copy.on_error, OnError::SkipFile);
/// assert!(parse_pipe_copy("copy into t from @s force = true").is_err());
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn parse_pipe_copy(text: &str) -> Result<CopyInto> {
    let limits = Limits::default();
    with_lexemes(text, &limits, |lexemes| whole(text, lexemes, &limits, grammar::pipe_copy))
}

/// Refuses what a query may not hold, by name: [`parse`] and [`parse_query`]
/// have called it for every query that they return.
///
/// # Errors
/// `Unsupported` for what the engine does not have, `InvalidInput` for what
/// means nothing.
pub fn check_query(query: &Query) -> Result<()> {
    check::query(query)
}

fn with_lexemes<T>(
    text: &str,
    limits: &Limits,
    read: impl FnOnce(&[Lexeme]) -> Result<T>,
) -> Result<T> {
    check_length(text, limits)?;
    let lexemes = lex(text).map_err(|error| {
        without_secret(matches!(redacted(text), Cow::Owned(_)), not_a_token(text, &error))
    })?;
    // The limits bound how many levels of nesting there are. Few tokens do with
    // the stack that is there: the pages of another would have to be cleared.
    stacker::maybe_grow(stack_needed(lexemes.len()), STACK_GIVEN, || read(&lexemes))
}

fn stack_needed(tokens: usize) -> usize {
    STACK_NEEDED.min(STACK_OF_ANY + tokens * STACK_OF_TOKEN)
}

fn parse_one(text: &str, lexemes: &[Lexeme], limits: &Limits) -> Result<Parsed> {
    let end = lexemes.last().map_or(0, |last| last.end);
    let start = lexemes.first().map_or(0, |first| first.start);
    let text_of_it = text.get(start..end).unwrap_or_default();
    let statement = whole(text, lexemes, limits, grammar::statement)
        .map_err(|error| without_secret(matches!(redacted(text_of_it), Cow::Owned(_)), error))?;
    Ok(Parsed { text: redacted_statement(text_of_it).into_owned(), statement })
}

/// The place of a mistake may be a secret: it is not shown where the text was
/// redacted.
fn without_secret(redacted: bool, error: Error) -> Error {
    if !redacted || error.code() != Code::SYNTAX {
        return error;
    }
    let message =
        "a statement with CREDENTIALS or PASSWORD cannot be read; what is wrong is not shown";
    Error::new(Code::SYNTAX, message).with_help(
        "write CREDENTIALS = (AWS_KEY_ID = '..' AWS_SECRET_KEY = '..') or PASSWORD = '..'",
    )
}

/// Reads all of the tokens as one thing.
fn whole<T>(
    text: &str,
    lexemes: &[Lexeme],
    limits: &Limits,
    read: impl FnOnce(&mut Cursor<'_>) -> Result<T>,
) -> Result<T> {
    if lexemes.is_empty() {
        return Err(Error::new(Code::SYNTAX, "nothing to read: the text is empty"));
    }
    check_shape(lexemes, limits)?;
    let dialect = Bounded::for_tokens(lexemes.len());
    let mut cursor = Cursor::new(text, lexemes, &dialect, limits);
    let found = read(&mut cursor)?;
    cursor.done()?;
    Ok(found)
}

#[cfg(test)]
mod tests;

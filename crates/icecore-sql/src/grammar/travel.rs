//! CLONE, AT and BEFORE in statements other than queries.

use icecore_types::{Error, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use super::expression;
use crate::cursor::Cursor;
use crate::relations::constant;
use crate::{AtBefore, CloneSource, Point, TravelPoint};

/// What follows CLONE.
pub(super) fn clone_source(
    cursor: &mut Cursor<'_>,
    name: impl FnOnce(&mut Cursor<'_>) -> Result<QualifiedName>,
) -> Result<CloneSource> {
    let source = name(cursor)?;
    let at = travel(cursor)?;
    for option in [
        &["IGNORE", "TABLES", "WITH", "INSUFFICIENT", "DATA", "RETENTION"] as &[&str],
        &["IGNORE", "HYBRID", "TABLES"],
        &["INCLUDE", "INTERNAL", "STAGES"],
    ] {
        if cursor.are_next(option) {
            return Err(Error::unsupported(format_args!("CLONE .. {}", option.join(" "))));
        }
    }
    Ok(CloneSource { source, at })
}

fn travel(cursor: &mut Cursor<'_>) -> Result<Option<TravelPoint>> {
    let at_or_before = match cursor.peek_word() {
        Some("AT") => AtBefore::At,
        Some("BEFORE") => AtBefore::Before,
        _ => return Ok(None),
    };
    cursor.advance();
    cursor.expect_token(&Token::LParen)?;
    let make = match cursor.peek_word() {
        Some("TIMESTAMP") => Point::Timestamp,
        Some("OFFSET") => Point::Offset,
        Some("STATEMENT") => Point::Statement,
        Some("VERSION") => Point::Version,
        Some("STREAM") => return Err(Error::unsupported("AT (STREAM => ..)")),
        _ => return Err(cursor.unexpected()),
    };
    cursor.advance();
    cursor.expect_token(&Token::RArrow)?;
    let point = make(expression(cursor)?);
    constant(&point)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(Some(TravelPoint { at_or_before, point }))
}

//! `KEY = value` lists.

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use crate::cursor::Cursor;
use crate::{FormatSpec, OptionValue, Options};

/// `( KEY = value .. )`, with or without commas.
pub(super) fn in_parentheses(cursor: &mut Cursor<'_>) -> Result<Options> {
    cursor.expect_token(&Token::LParen)?;
    let mut options = Options::default();
    while !cursor.accept_token(&Token::RParen) {
        let key = key(cursor)?;
        options.insert(&key, value(cursor)?)?;
        let _optional = cursor.accept_token(&Token::Comma);
    }
    Ok(options)
}

/// The name of an option and the sign behind it.
pub(super) fn key(cursor: &mut Cursor<'_>) -> Result<String> {
    let key = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
    cursor.advance();
    cursor.expect_token(&Token::Eq)?;
    Ok(key)
}

/// The value of an option.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<OptionValue> {
    match cursor.peek() {
        Token::SingleQuotedString(_) => cursor.string().map(OptionValue::Text),
        Token::Minus | Token::Plus | Token::Number(..) => number(cursor),
        Token::LParen => {
            cursor.advance();
            let texts = if *cursor.peek() == Token::RParen {
                Vec::new()
            } else {
                cursor.list(Cursor::string)?
            };
            cursor.expect_token(&Token::RParen)?;
            Ok(OptionValue::List(texts))
        }
        Token::Word(_) => word(cursor),
        _ => Err(cursor.unexpected()),
    }
}

fn number(cursor: &mut Cursor<'_>) -> Result<OptionValue> {
    let sign = if cursor.accept_token(&Token::Minus) { "-" } else { "" };
    if sign.is_empty() {
        let _plus = cursor.accept_token(&Token::Plus);
    }
    let Token::Number(digits, _) = cursor.peek() else { return Err(cursor.unexpected()) };
    let number = OptionValue::Number(format!("{sign}{digits}"));
    cursor.advance();
    Ok(number)
}

/// A word, or the dotted name of an object.
fn word(cursor: &mut Cursor<'_>) -> Result<OptionValue> {
    let dotted = *cursor.peek_at(1) == Token::Period;
    match cursor.peek_word() {
        Some("TRUE") if !dotted => {
            cursor.advance();
            Ok(OptionValue::Boolean(true))
        }
        Some("FALSE") if !dotted => {
            cursor.advance();
            Ok(OptionValue::Boolean(false))
        }
        Some(word) if !dotted => {
            let word = OptionValue::Word(word.to_owned());
            cursor.advance();
            Ok(word)
        }
        _ => Ok(OptionValue::Word(cursor.qualified_name()?.to_string())),
    }
}

/// TRUE or FALSE.
pub(super) fn boolean(cursor: &mut Cursor<'_>, option: &str) -> Result<bool> {
    match value(cursor)? {
        OptionValue::Boolean(value) => Ok(value),
        other => Err(invalid(option, &other, "write TRUE or FALSE")),
    }
}

/// Days of retention, 0 to 90.
pub(super) fn retention(cursor: &mut Cursor<'_>) -> Result<u32> {
    match value(cursor)? {
        OptionValue::Number(text) => match text.parse() {
            Ok(days @ 0..=90) => Ok(days),
            _ => Err(retention_error(&OptionValue::Number(text))),
        },
        other => Err(retention_error(&other)),
    }
}

fn retention_error(value: &OptionValue) -> Error {
    invalid("DATA_RETENTION_TIME_IN_DAYS", value, "it is a number of days from 0 to 90")
}

pub(super) fn invalid(option: &str, value: &OptionValue, help: &str) -> Error {
    Error::new(Code::INVALID_OPTION, format!("invalid value for option {option} value={value}"))
        .with_help(help)
}

/// What follows `FILE_FORMAT =`.
pub(super) fn file_format(cursor: &mut Cursor<'_>) -> Result<FormatSpec> {
    if *cursor.peek() != Token::LParen {
        return format_name(cursor).map(FormatSpec::Named);
    }
    let named = cursor.peek_word_at(1) == Some("FORMAT_NAME");
    if named {
        cursor.expect_token(&Token::LParen)?;
        cursor.expect(&["FORMAT_NAME"])?;
        cursor.expect_token(&Token::Eq)?;
        let name = format_name(cursor)?;
        if *cursor.peek() != Token::RParen {
            return Err(cursor
                .unexpected()
                .with_help("a FILE_FORMAT has either FORMAT_NAME or TYPE and options"));
        }
        cursor.advance();
        return Ok(FormatSpec::Named(name));
    }
    let options = in_parentheses(cursor)?;
    if options.get("FORMAT_NAME").is_some() {
        return Err(Error::new(
            Code::INVALID_OPTION,
            "a FILE_FORMAT has either FORMAT_NAME or TYPE and options",
        ));
    }
    Ok(FormatSpec::Inline(options))
}

/// A name, or the same in quotes.
fn format_name(cursor: &mut Cursor<'_>) -> Result<QualifiedName> {
    match cursor.peek() {
        Token::SingleQuotedString(text) => {
            let name = QualifiedName::parse(text)?;
            cursor.advance();
            Ok(name)
        }
        _ => cursor.qualified_name(),
    }
}

//! COPY INTO, PUT, LIST and REMOVE.

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use super::option;
use super::rows::distinct;
use crate::cursor::Cursor;
use crate::{CopyInto, List, OnError, OptionValue, Put, Remove, StageRef, Statement};

/// FILES holds at most this many names, as in Snowflake.
const MOST_FILES: usize = 1000;

pub(super) fn copy(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect(&["COPY", "INTO"])?;
    if matches!(cursor.peek(), Token::AtSign | Token::SingleQuotedString(_)) {
        return Err(Error::unsupported("COPY INTO a location (unload)"));
    }
    let table = cursor.qualified_name()?;
    let columns = if *cursor.peek() == Token::LParen {
        distinct(cursor.names_in_parentheses()?)?
    } else {
        Vec::new()
    };
    if cursor.is_done() {
        return Err(Error::unsupported("COPY INTO from the table's own stage (no FROM)"));
    }
    cursor.expect(&["FROM"])?;
    if *cursor.peek() == Token::LParen {
        return Err(Error::unsupported("COPY INTO from a query"));
    }
    let from = stage(cursor)?;
    let mut copy = CopyInto {
        table,
        columns,
        from,
        files: None,
        pattern: None,
        file_format: None,
        on_error: OnError::default(),
        force: false,
    };
    let mut seen = Vec::new();
    while !cursor.is_done() {
        copy_option(cursor, &mut copy, &mut seen)?;
        let _optional = cursor.accept_token(&Token::Comma);
    }
    Ok(Statement::CopyInto(Box::new(copy)))
}

fn copy_option(cursor: &mut Cursor<'_>, copy: &mut CopyInto, seen: &mut Vec<String>) -> Result<()> {
    let key = option::key(cursor)?;
    if seen.contains(&key) {
        return Err(Error::new(Code::INVALID_OPTION, format!("option given twice key={key}")));
    }
    match key.as_str() {
        "FILES" => copy.files = Some(files(cursor)?),
        "PATTERN" => copy.pattern = Some(cursor.string()?),
        "FILE_FORMAT" => copy.file_format = Some(option::file_format(cursor)?),
        "ON_ERROR" => copy.on_error = on_error(cursor)?,
        "FORCE" => copy.force = option::boolean(cursor, &key)?,
        _ => return Err(Error::unsupported(format_args!("COPY INTO option {key}"))),
    }
    seen.push(key);
    Ok(())
}

fn files(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    match option::value(cursor)? {
        OptionValue::List(names) if (1..=MOST_FILES).contains(&names.len()) => Ok(names),
        OptionValue::List(names) => Err(Error::new(
            Code::INVALID_OPTION,
            format!("FILES has from 1 to {MOST_FILES} names names={}", names.len()),
        )),
        other => Err(option::invalid("FILES", &other, "write FILES = ('a.csv', 'b.csv')")),
    }
}

/// CONTINUE, SKIP_FILE, SKIP_FILE_n, 'SKIP_FILE_n%' or ABORT_STATEMENT, with
/// or without quotes.
fn on_error(cursor: &mut Cursor<'_>) -> Result<OnError> {
    let value = option::value(cursor)?;
    let text = match &value {
        OptionValue::Word(text) | OptionValue::Text(text) => text.to_ascii_uppercase(),
        _ => String::new(),
    };
    let parsed = match text.as_str() {
        "ABORT_STATEMENT" => Some(OnError::AbortStatement),
        "CONTINUE" => Some(OnError::Continue),
        "SKIP_FILE" => Some(OnError::SkipFile),
        text => text.strip_prefix("SKIP_FILE_").and_then(skip_file),
    };
    parsed.ok_or_else(|| {
        option::invalid(
            "ON_ERROR",
            &value,
            "it is ABORT_STATEMENT, CONTINUE, SKIP_FILE, SKIP_FILE_<n> or 'SKIP_FILE_<n>%'",
        )
    })
}

fn skip_file(threshold: &str) -> Option<OnError> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match threshold.strip_suffix('%') {
        Some(percent) if digits(percent) => {
            percent.parse().ok().filter(|p| *p <= 100).map(OnError::SkipFilePercent)
        }
        None if digits(threshold) => {
            threshold.parse().ok().filter(|n| *n > 0).map(OnError::SkipFileCount)
        }
        _ => None,
    }
}

pub(super) fn put(cursor: &mut Cursor<'_>) -> Result<Put> {
    cursor.expect(&["PUT"])?;
    let source = match cursor.peek() {
        Token::Placeholder(text) if text.len() > 7 => text.clone(),
        Token::SingleQuotedString(text) => text.clone(),
        _ => {
            return Err(cursor.unexpected().with_help("write PUT file:///path/to/file.csv @stage"));
        }
    };
    cursor.advance();
    let path = match source.get(..7) {
        Some(head) if head.eq_ignore_ascii_case("file://") => source[7..].to_owned(),
        _ => source,
    };
    if path.is_empty() {
        return Err(Error::new(Code::INVALID_OPTION, "PUT has no path of a file"));
    }
    let target = stage(cursor)?;
    let mut put = Put { source: path, target, auto_compress: true, overwrite: false };
    let mut seen = Vec::new();
    while !cursor.is_done() {
        let key = option::key(cursor)?;
        if seen.contains(&key) {
            return Err(Error::new(Code::INVALID_OPTION, format!("option given twice key={key}")));
        }
        match key.as_str() {
            "AUTO_COMPRESS" => put.auto_compress = option::boolean(cursor, &key)?,
            "OVERWRITE" => put.overwrite = option::boolean(cursor, &key)?,
            _ => return Err(Error::unsupported(format_args!("PUT option {key}"))),
        }
        seen.push(key);
    }
    Ok(put)
}

pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<List> {
    cursor.advance();
    let stage = stage(cursor)?;
    Ok(List { stage, pattern: pattern(cursor)? })
}

pub(super) fn remove(cursor: &mut Cursor<'_>) -> Result<Remove> {
    cursor.advance();
    let stage = stage(cursor)?;
    Ok(Remove { stage, pattern: pattern(cursor)? })
}

fn pattern(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if !cursor.accept(&["PATTERN"]) {
        return Ok(None);
    }
    cursor.expect_token(&Token::Eq)?;
    cursor.string().map(Some)
}

/// `@[db.[schema.]]stage[/path]`, or the same in single quotes.
fn stage(cursor: &mut Cursor<'_>) -> Result<StageRef> {
    let text = match cursor.peek() {
        Token::AtSign => cursor.next_text().to_owned(),
        Token::SingleQuotedString(text) if text.starts_with('@') => text.clone(),
        Token::SingleQuotedString(text) if text.contains("://") => {
            return Err(Error::unsupported("a URL in place of a stage")
                .with_help("CREATE STAGE .. URL = '..' names the place"));
        }
        _ => return Err(cursor.unexpected().with_help("a stage is written @name/path")),
    };
    let Some(_) = text.strip_prefix('@') else { return Err(cursor.unexpected()) };
    let stage = stage_ref(&text)?;
    cursor.advance();
    Ok(stage)
}

/// A stage and a path as a text, with its `@`.
///
/// # Errors
/// `Unsupported` for a stage of a user or a table, `InvalidInput` for a name
/// that is none.
pub(crate) fn stage_ref(text: &str) -> Result<StageRef> {
    let text = text.strip_prefix('@').unwrap_or(text);
    if text.starts_with('~') {
        return Err(Error::unsupported("the user's stage (@~)"));
    }
    let name_end = name_end(text);
    let (name, rest) = text.split_at(name_end);
    if name.split('.').next_back().is_some_and(|last| last.starts_with('%')) {
        return Err(Error::unsupported("a table's stage (@%table)"));
    }
    let stage = QualifiedName::parse(name)?;
    let path = rest.strip_prefix('/').unwrap_or(rest).to_owned();
    Ok(StageRef { stage, path })
}

/// Where the name of a stage ends: at the first slash outside double quotes.
fn name_end(text: &str) -> usize {
    let mut quoted = false;
    text.find(|c| {
        quoted ^= c == '"';
        c == '/' && !quoted
    })
    .unwrap_or(text.len())
}

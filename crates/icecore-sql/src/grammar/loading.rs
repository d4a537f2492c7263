//! PUT, LIST and REMOVE, and how a stage is written.

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use super::option;
use crate::cursor::Cursor;
use crate::{List, Put, Remove, StageRef};

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
pub(super) fn stage(cursor: &mut Cursor<'_>) -> Result<StageRef> {
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

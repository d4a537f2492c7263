//! PUT, GET, LIST and REMOVE, and how a stage is written.

use icecore_types::{Code, Error, QualifiedName, Result};
use sqlparser::tokenizer::Token;

use super::option;
use crate::cursor::Cursor;
use crate::{Get, List, OptionValue, Put, Remove, StageAddress, StageName, StageRef};

pub(super) fn put(cursor: &mut Cursor<'_>) -> Result<Put> {
    cursor.expect(&["PUT"])?;
    let path = local(cursor, "PUT", "PUT file:///path/to/file.csv @stage")?;
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

/// A path of the machine without its `file://`.
fn local(cursor: &mut Cursor<'_>, statement: &str, example: &str) -> Result<String> {
    let text = match cursor.peek() {
        Token::Placeholder(text) if text.len() > 7 => text.clone(),
        Token::SingleQuotedString(text) => text.clone(),
        _ => return Err(cursor.unexpected().with_help(format!("write {example}"))),
    };
    cursor.advance();
    let path = match text.get(..7) {
        Some(head) if head.eq_ignore_ascii_case("file://") => text[7..].to_owned(),
        _ => text,
    };
    match path.is_empty() {
        true => Err(Error::new(Code::INVALID_OPTION, format!("{statement} has no local path"))),
        false => Ok(path),
    }
}

pub(super) fn get(cursor: &mut Cursor<'_>) -> Result<Get> {
    cursor.expect(&["GET"])?;
    let stage = stage(cursor)?;
    let target = local(cursor, "GET", "GET @stage/path/ file:///path/to/folder/")?;
    let mut get = Get { stage, target, parallel: 10, pattern: None };
    let mut seen = Vec::new();
    while !cursor.is_done() {
        let key = option::key(cursor)?;
        if seen.contains(&key) {
            return Err(Error::new(Code::INVALID_OPTION, format!("option given twice key={key}")));
        }
        let value = option::value(cursor)?;
        match (key.as_str(), &value) {
            ("PARALLEL", OptionValue::Number(number)) => {
                let number = number.parse().ok().filter(|number| (1..=99).contains(number));
                get.parallel =
                    number.ok_or_else(|| option::invalid(&key, &value, "a number of 1 to 99"))?;
            }
            ("PARALLEL", _) => return Err(option::invalid(&key, &value, "a number of 1 to 99")),
            ("PATTERN", OptionValue::Text(text)) => get.pattern = Some(text.clone()),
            ("PATTERN", _) => return Err(option::invalid(&key, &value, "a text in quotes")),
            _ => return Err(Error::unsupported(format_args!("GET option {key}"))),
        }
        seen.push(key);
    }
    Ok(get)
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

/// A stage, or a URL in single quotes: all behind its last slash is what names
/// begin with.
pub(super) fn location(cursor: &mut Cursor<'_>) -> Result<StageRef> {
    let Token::SingleQuotedString(text) = cursor.peek() else { return stage(cursor) };
    if text.starts_with('@') || !text.contains("://") {
        return stage(cursor);
    }
    let end = text.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, path) = text.split_at(end);
    let (url, path) = match folder.ends_with("://") {
        true => (format!("{text}/"), String::new()),
        false => (folder.to_owned(), path.to_owned()),
    };
    cursor.advance();
    Ok(StageRef { stage: StageName::Url(StageAddress { url, ..StageAddress::default() }), path })
}

/// An option of COPY INTO that is of its URL; whether the key is one.
pub(super) fn address(cursor: &mut Cursor<'_>, key: &str, stage: &mut StageName) -> Result<bool> {
    if key == "STORAGE_INTEGRATION" {
        return Err(Error::unsupported("COPY INTO .. STORAGE_INTEGRATION")
            .with_help("give CREDENTIALS = (AWS_KEY_ID = '..' AWS_SECRET_KEY = '..')"));
    }
    if !matches!(key, "CREDENTIALS" | "ENDPOINT" | "REGION" | "ENCRYPTION") {
        return Ok(false);
    }
    let StageName::Url(address) = stage else {
        return Err(Error::new(
            Code::INVALID_OPTION,
            format!("{key} is of a URL: a stage has its own"),
        ));
    };
    match key {
        "CREDENTIALS" => address.credentials = Some(super::stage::credentials(cursor)?),
        "ENDPOINT" => address.endpoint = Some(cursor.string()?),
        "REGION" => address.region = Some(cursor.string()?),
        _ => super::stage::encryption(&option::in_parentheses(cursor)?)?,
    }
    Ok(true)
}

/// `@[db.[schema.]]stage[/path]`, or the same in single quotes.
pub(super) fn stage(cursor: &mut Cursor<'_>) -> Result<StageRef> {
    let text = match cursor.peek() {
        Token::AtSign => cursor.next_text().to_owned(),
        Token::SingleQuotedString(text) if text.starts_with('@') => text.clone(),
        Token::SingleQuotedString(text) if text.contains("://") => {
            return Err(Error::unsupported("a URL in place of a stage")
                .with_help("COPY INTO takes one; CREATE STAGE .. URL = '..' names the place"));
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
/// `InvalidInput` for a name that is none.
pub(crate) fn stage_ref(text: &str) -> Result<StageRef> {
    let text = text.strip_prefix('@').unwrap_or(text);
    if let Some(rest) = text.strip_prefix('~')
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return Ok(StageRef { stage: StageName::User, path: path_of(rest) });
    }
    let name_end = name_end(text);
    let (name, rest) = text.split_at(name_end);
    let stage = match last_part(name) {
        last if name[last..].starts_with('%') => {
            let table = format!("{}{}", &name[..last], &name[last + 1..]);
            StageName::Table(QualifiedName::parse(&table)?)
        }
        _ => StageName::Named(QualifiedName::parse(name)?),
    };
    Ok(StageRef { stage, path: path_of(rest) })
}

fn path_of(rest: &str) -> String {
    rest.strip_prefix('/').unwrap_or(rest).to_owned()
}

/// Where the last part of a name begins: behind the last point outside double
/// quotes.
fn last_part(name: &str) -> usize {
    let mut quoted = false;
    let mut last = 0;
    for (at, c) in name.char_indices() {
        quoted ^= c == '"';
        if c == '.' && !quoted {
            last = at + 1;
        }
    }
    last
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

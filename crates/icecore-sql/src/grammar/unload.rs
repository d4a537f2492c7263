//! COPY INTO a location.

use icecore_types::{Code, Error, Result};
use sqlparser::tokenizer::Token;

use super::loading::{address, location};
use super::option;
use crate::cursor::Cursor;
use crate::{OptionValue, Unload};

/// MAX_FILE_SIZE if it is not given, 16 MiB, and the most that it can be.
const FILE_BYTES: u64 = 16 << 20;
const MOST_FILE_BYTES: u64 = 5 << 30;

/// What follows COPY INTO if it is no table.
pub(super) fn unload(cursor: &mut Cursor<'_>) -> Result<Unload> {
    let to = location(cursor)?;
    cursor.expect(&["FROM"])?;
    let query = match cursor.accept_token(&Token::LParen) {
        true => {
            let query = query_inside(cursor)?;
            cursor.expect_token(&Token::RParen)?;
            query
        }
        false => crate::parse_query(&format!("SELECT * FROM {}", cursor.qualified_name()?))?,
    };
    let mut unload = Unload {
        to,
        query,
        partition_by: None,
        file_format: None,
        overwrite: false,
        single: false,
        max_file_bytes: FILE_BYTES,
        include_query_id: false,
        detailed_output: false,
        header: false,
        return_rows: false,
    };
    let mut seen = Vec::new();
    while !cursor.is_done() {
        if cursor.accept(&["PARTITION", "BY"]) {
            given_once(&mut seen, "PARTITION BY")?;
            unload.partition_by = Some(super::expression(cursor)?);
        } else {
            unload_option(cursor, &mut unload, &mut seen)?;
        }
        let _optional = cursor.accept_token(&Token::Comma);
    }
    together(&mut unload, seen.iter().any(|key| key == "INCLUDE_QUERY_ID"))?;
    Ok(unload)
}

/// A query in parentheses: its tokens are checked alone, for what follows it is
/// none of its.
fn query_inside(cursor: &mut Cursor<'_>) -> Result<Box<sqlparser::ast::Query>> {
    match cursor.peek_word() {
        Some("SELECT" | "WITH" | "VALUES") => super::query(cursor),
        _ if *cursor.peek() == Token::LParen => super::query(cursor),
        _ => Err(cursor.unexpected()),
    }
}

fn given_once(seen: &mut Vec<String>, key: &str) -> Result<()> {
    if seen.iter().any(|seen| seen == key) {
        return Err(Error::new(Code::INVALID_OPTION, format!("option given twice key={key}")));
    }
    seen.push(key.to_owned());
    Ok(())
}

fn unload_option(
    cursor: &mut Cursor<'_>,
    unload: &mut Unload,
    seen: &mut Vec<String>,
) -> Result<()> {
    let key = option::key(cursor)?;
    given_once(seen, &key)?;
    match key.as_str() {
        "FILE_FORMAT" => unload.file_format = Some(option::file_format(cursor)?),
        "OVERWRITE" => unload.overwrite = option::boolean(cursor, &key)?,
        "SINGLE" => unload.single = option::boolean(cursor, &key)?,
        "MAX_FILE_SIZE" => unload.max_file_bytes = max_file_size(cursor)?,
        "INCLUDE_QUERY_ID" => unload.include_query_id = option::boolean(cursor, &key)?,
        "DETAILED_OUTPUT" => unload.detailed_output = option::boolean(cursor, &key)?,
        "HEADER" => unload.header = option::boolean(cursor, &key)?,
        "VALIDATION_MODE" => {
            match option::value(cursor)? {
                OptionValue::Word(word) if word == "RETURN_ROWS" => {}
                other => return Err(option::invalid(&key, &other, "it is RETURN_ROWS")),
            }
            unload.return_rows = true;
        }
        _ if address(cursor, &key, &mut unload.to.stage)? => {}
        _ => return Err(Error::unsupported(format_args!("COPY INTO a location, option {key}"))),
    }
    Ok(())
}

fn max_file_size(cursor: &mut Cursor<'_>) -> Result<u64> {
    let value = option::value(cursor)?;
    let bytes = match &value {
        OptionValue::Number(text) => text.parse().ok(),
        _ => None,
    };
    bytes.filter(|bytes| (1..=MOST_FILE_BYTES).contains(bytes)).ok_or_else(|| {
        let help = format!("it is a number of bytes from 1 to {MOST_FILE_BYTES}");
        option::invalid("MAX_FILE_SIZE", &value, &help)
    })
}

/// What the options may not say together; PARTITION BY puts the statement's id
/// into the names.
fn together(unload: &mut Unload, id_given: bool) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(Code::INVALID_OPTION, message));
    if unload.include_query_id && (unload.single || unload.overwrite) {
        return wrong("INCLUDE_QUERY_ID = TRUE does not go with SINGLE or OVERWRITE");
    }
    if unload.partition_by.is_some() {
        if unload.single || unload.overwrite {
            return wrong("PARTITION BY does not go with SINGLE or OVERWRITE");
        }
        if id_given && !unload.include_query_id {
            return wrong("PARTITION BY needs INCLUDE_QUERY_ID = TRUE");
        }
        unload.include_query_id = true;
    }
    Ok(())
}

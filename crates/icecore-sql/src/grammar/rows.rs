//! INSERT, DELETE, UPDATE and TRUNCATE.

use icecore_types::{Code, Error, Name, Result};
use sqlparser::ast::TableWithJoins;
use sqlparser::tokenizer::Token;

use super::refusal::tokens;
use super::{expression, if_exists, query};
use crate::balance::balance;
use crate::cursor::Cursor;
use crate::{Assignment, Delete, Insert, InsertSource, Truncate, Update, ValueExpr, check, lower};

pub(super) fn insert(cursor: &mut Cursor<'_>) -> Result<Insert> {
    tokens(cursor)?;
    cursor.expect(&["INSERT"])?;
    let overwrite = cursor.accept(&["OVERWRITE"]);
    if cursor.is_next("ALL") || cursor.is_next("FIRST") {
        let which = cursor.next_text().to_uppercase();
        return Err(Error::unsupported(format_args!("INSERT {which} into several tables")));
    }
    cursor.expect(&["INTO"])?;
    let table = cursor.qualified_name()?;
    let columns = if *cursor.peek() == Token::LParen && !begins_query(cursor, 1) {
        distinct(cursor.names_in_parentheses()?)?
    } else {
        Vec::new()
    };
    let source = if cursor.accept(&["VALUES"]) {
        InsertSource::Values(values(cursor, &columns)?)
    } else if begins_query(cursor, 0) {
        InsertSource::Query(query(cursor)?)
    } else {
        return Err(cursor.unexpected());
    };
    Ok(Insert { table, overwrite, columns, source })
}

/// Whether the tokens from `ahead` on begin a query, in parentheses or not.
fn begins_query(cursor: &Cursor<'_>, mut ahead: usize) -> bool {
    while *cursor.peek_at(ahead) == Token::LParen {
        ahead += 1;
    }
    matches!(cursor.peek_word_at(ahead), Some("SELECT" | "WITH" | "VALUES"))
}

fn values(cursor: &mut Cursor<'_>, columns: &[Name]) -> Result<Vec<Vec<ValueExpr>>> {
    let rows = cursor.list(|cursor| {
        cursor.expect_token(&Token::LParen)?;
        let row = cursor.list(value)?;
        cursor.expect_token(&Token::RParen)?;
        Ok(row)
    })?;
    let width = if columns.is_empty() { rows.first().map_or(0, Vec::len) } else { columns.len() };
    match rows.iter().position(|row| row.len() != width) {
        None => Ok(rows),
        Some(at) => Err(Error::new(
            Code::COLUMN_COUNT,
            format!(
                "insert value list does not match column list expecting {width} but got {} row={}",
                rows.get(at).map_or(0, Vec::len),
                at + 1
            ),
        )),
    }
}

fn value(cursor: &mut Cursor<'_>) -> Result<ValueExpr> {
    let ends = matches!(cursor.peek_at(1), Token::Comma | Token::RParen | Token::EOF)
        || matches!(cursor.peek_word_at(1), Some("WHERE" | "FROM"));
    if ends && cursor.accept(&["DEFAULT"]) {
        return Ok(ValueExpr::Default);
    }
    expression(cursor).map(ValueExpr::Expr)
}

pub(super) fn delete(cursor: &mut Cursor<'_>) -> Result<Delete> {
    tokens(cursor)?;
    cursor.expect(&["DELETE"])?;
    cursor.expect(&["FROM"])?;
    let table = cursor.qualified_name()?;
    let alias = alias(cursor, &["USING", "WHERE"])?;
    let using = if cursor.accept(&["USING"]) { tables(cursor)? } else { Vec::new() };
    let predicate = cursor.accept(&["WHERE"]).then(|| expression(cursor)).transpose()?;
    Ok(Delete { table, alias, using, predicate })
}

pub(super) fn update(cursor: &mut Cursor<'_>) -> Result<Update> {
    tokens(cursor)?;
    cursor.expect(&["UPDATE"])?;
    let table = cursor.qualified_name()?;
    let alias = alias(cursor, &["SET"])?;
    cursor.expect(&["SET"])?;
    let assignments = cursor.list(|cursor| {
        let column = cursor.name()?;
        cursor.expect_token(&Token::Eq)?;
        Ok(Assignment { column, value: value(cursor)? })
    })?;
    distinct(assignments.iter().map(|set| set.column.clone()).collect())?;
    let from = if cursor.accept(&["FROM"]) { tables(cursor)? } else { Vec::new() };
    let predicate = cursor.accept(&["WHERE"]).then(|| expression(cursor)).transpose()?;
    Ok(Update { table, alias, assignments, from, predicate })
}

/// `[AS] name`, unless the next word is one that goes on with the statement.
fn alias(cursor: &mut Cursor<'_>, next: &[&str]) -> Result<Option<Name>> {
    if cursor.accept(&["AS"]) {
        return cursor.name().map(Some);
    }
    if cursor.is_done() || next.iter().any(|word| cursor.is_next(word)) {
        return Ok(None);
    }
    cursor.name().map(Some)
}

fn tables(cursor: &mut Cursor<'_>) -> Result<Vec<TableWithJoins>> {
    let mut tables = cursor.tables()?;
    balance(&mut tables);
    check::tables(&tables)?;
    lower::tables(&mut tables, cursor)?;
    Ok(tables)
}

pub(super) fn truncate(cursor: &mut Cursor<'_>) -> Result<Truncate> {
    cursor.expect(&["TRUNCATE"])?;
    let _optional = cursor.accept(&["TABLE"]);
    let if_exists = if_exists(cursor);
    Ok(Truncate { table: cursor.qualified_name()?, if_exists })
}

/// The names, if each is there once.
pub(super) fn distinct(names: Vec<Name>) -> Result<Vec<Name>> {
    let mut sorted: Vec<&Name> = names.iter().collect();
    sorted.sort();
    match sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a == b) {
        Some((name, _)) => Err(Error::new(
            Code::INVALID_STATEMENT,
            format!("a column is named twice column={name}"),
        )),
        None => Ok(names),
    }
}

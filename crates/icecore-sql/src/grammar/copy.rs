//! COPY INTO a table.

use std::ops::ControlFlow;

use icecore_types::{Code, Error, Name, QualifiedName, Result};
use sqlparser::ast::{AccessExpr, Expr, Ident, Value, VisitMut, VisitorMut};
use sqlparser::tokenizer::Token;

use super::loading::{address, location, stage};
use super::rows::distinct;
use super::{option, unload};
use crate::balance::balance;
use crate::cursor::Cursor;
use crate::{
    CopyInto, CopyTransform, MatchByName, MetadataColumn, MetadataItem, OnError, OptionValue,
    StageName, StageRef, Statement, Validation, check, lower,
};

/// FILES holds at most this many names, as in Snowflake.
const MOST_FILES: usize = 1000;

/// Fields that a record may have.
const MOST_FIELDS: usize = 10_000;

pub(super) fn copy(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect(&["COPY", "INTO"])?;
    if matches!(cursor.peek(), Token::AtSign | Token::SingleQuotedString(_)) {
        return unload::unload(cursor).map(|unload| Statement::Unload(Box::new(unload)));
    }
    let table = cursor.qualified_name()?;
    let columns = if *cursor.peek() == Token::LParen {
        distinct(cursor.names_in_parentheses()?)?
    } else {
        Vec::new()
    };
    let (from, transform) = source(cursor, &table)?;
    let mut copy = CopyInto {
        table,
        columns,
        from,
        transform,
        files: None,
        pattern: None,
        file_format: None,
        on_error: OnError::default(),
        size_limit_bytes: None,
        purge: false,
        force: false,
        return_failed_only: false,
        matching: MatchByName::None,
        include_metadata: Vec::new(),
        truncate_columns: false,
        load_uncertain_files: false,
        validation: None,
    };
    let mut seen = Vec::new();
    while !cursor.is_done() {
        copy_option(cursor, &mut copy, &mut seen)?;
        let _optional = cursor.accept_token(&Token::Comma);
    }
    together(&copy)?;
    Ok(Statement::CopyInto(Box::new(copy)))
}

/// FROM; without it the table's own stage.
fn source(
    cursor: &mut Cursor<'_>,
    table: &QualifiedName,
) -> Result<(StageRef, Option<CopyTransform>)> {
    if !cursor.is_next("FROM") && (cursor.is_done() || *cursor.peek_at(1) == Token::Eq) {
        let own = StageName::Table(table.clone());
        return Ok((StageRef { stage: own, path: String::new() }, None));
    }
    cursor.expect(&["FROM"])?;
    match cursor.peek() {
        Token::LParen => source_query(cursor).map(|(from, query)| (from, Some(query))),
        _ => location(cursor).map(|from| (from, None)),
    }
}

fn copy_option(cursor: &mut Cursor<'_>, copy: &mut CopyInto, seen: &mut Vec<String>) -> Result<()> {
    let key = option::key(cursor)?;
    // Two names of one option.
    let known = if key == "ENFORCE_LENGTH" { "TRUNCATECOLUMNS" } else { &key };
    if seen.iter().any(|seen| seen == known) {
        return Err(Error::new(Code::INVALID_OPTION, format!("option given twice key={key}")));
    }
    seen.push(known.to_owned());
    match key.as_str() {
        "FILES" => copy.files = Some(files(cursor)?),
        "PATTERN" => copy.pattern = Some(cursor.string()?),
        "FILE_FORMAT" => copy.file_format = Some(option::file_format(cursor)?),
        "ON_ERROR" => copy.on_error = on_error(cursor)?,
        "SIZE_LIMIT" => copy.size_limit_bytes = size_limit(cursor)?,
        "PURGE" => copy.purge = option::boolean(cursor, &key)?,
        "FORCE" => copy.force = option::boolean(cursor, &key)?,
        "RETURN_FAILED_ONLY" => copy.return_failed_only = option::boolean(cursor, &key)?,
        "MATCH_BY_COLUMN_NAME" => copy.matching = matching(cursor)?,
        "INCLUDE_METADATA" => copy.include_metadata = include_metadata(cursor)?,
        "TRUNCATECOLUMNS" => copy.truncate_columns = option::boolean(cursor, &key)?,
        "ENFORCE_LENGTH" => copy.truncate_columns = !option::boolean(cursor, &key)?,
        "LOAD_UNCERTAIN_FILES" => copy.load_uncertain_files = option::boolean(cursor, &key)?,
        "VALIDATION_MODE" => copy.validation = Some(validation(cursor)?),
        "LOAD_MODE" => only(cursor, &key, "FULL_INGEST")?,
        _ if address(cursor, &key, &mut copy.from.stage)? => {}
        _ => return Err(Error::unsupported(format_args!("COPY INTO option {key}"))),
    }
    Ok(())
}

/// What the options may not say together.
fn together(copy: &CopyInto) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(Code::INVALID_OPTION, message));
    let by_name = copy.matching != MatchByName::None;
    if by_name && copy.transform.is_some() {
        return wrong("match_by_column_name is not supported with copy transform.");
    }
    if copy.validation.is_some() && copy.transform.is_some() {
        return wrong("VALIDATION_MODE is not supported with copy transform");
    }
    if copy.validation.is_some() && by_name {
        return wrong("VALIDATION_MODE is not supported with MATCH_BY_COLUMN_NAME");
    }
    if !copy.include_metadata.is_empty() && !by_name {
        return wrong("INCLUDE_METADATA needs MATCH_BY_COLUMN_NAME");
    }
    if by_name && !copy.columns.is_empty() {
        return wrong("MATCH_BY_COLUMN_NAME takes no list of columns");
    }
    Ok(())
}

/// An option of which there is one value only.
fn only(cursor: &mut Cursor<'_>, key: &str, known: &str) -> Result<()> {
    match option::value(cursor)? {
        OptionValue::Word(word) if word == known => Ok(()),
        other => Err(Error::unsupported(format_args!("{key} = {other}"))),
    }
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

/// A number of bytes, or NULL for none.
fn size_limit(cursor: &mut Cursor<'_>) -> Result<Option<u64>> {
    let value = option::value(cursor)?;
    let parsed = match &value {
        OptionValue::Word(word) if word == "NULL" => Some(None),
        OptionValue::Number(text) => text.parse().ok().filter(|bytes| *bytes > 0).map(Some),
        _ => None,
    };
    parsed.ok_or_else(|| {
        option::invalid("SIZE_LIMIT", &value, "it is a number of bytes above 0, or NULL")
    })
}

/// CONTINUE, SKIP_FILE, SKIP_FILE_n, 'SKIP_FILE_n%' or ABORT_STATEMENT, with
/// or without quotes.
fn on_error(cursor: &mut Cursor<'_>) -> Result<OnError> {
    let value = option::value(cursor)?;
    let parsed = match word(&value).as_str() {
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

fn matching(cursor: &mut Cursor<'_>) -> Result<MatchByName> {
    let value = option::value(cursor)?;
    Ok(match word(&value).as_str() {
        "NONE" => MatchByName::None,
        "CASE_SENSITIVE" => MatchByName::CaseSensitive,
        "CASE_INSENSITIVE" => MatchByName::CaseInsensitive,
        _ => {
            let help = "it is NONE, CASE_SENSITIVE or CASE_INSENSITIVE";
            return Err(option::invalid("MATCH_BY_COLUMN_NAME", &value, help));
        }
    })
}

fn validation(cursor: &mut Cursor<'_>) -> Result<Validation> {
    let value = option::value(cursor)?;
    let rows = |text: &str| {
        let digits = text.strip_prefix("RETURN_")?.strip_suffix("_ROWS")?;
        digits.parse().ok().filter(|rows| *rows > 0).map(Validation::Rows)
    };
    let parsed = match word(&value).as_str() {
        "RETURN_ERRORS" => Some(Validation::Errors),
        "RETURN_ALL_ERRORS" => Some(Validation::AllErrors),
        text => rows(text),
    };
    parsed.ok_or_else(|| {
        let help = "it is RETURN_<n>_ROWS, RETURN_ERRORS or RETURN_ALL_ERRORS";
        option::invalid("VALIDATION_MODE", &value, help)
    })
}

/// An option's word in upper case, with or without quotes; empty if it is
/// something else.
fn word(value: &OptionValue) -> String {
    match value {
        OptionValue::Word(text) | OptionValue::Text(text) => text.to_ascii_uppercase(),
        _ => String::new(),
    }
}

/// `(column = METADATA$FILENAME, ..)`
fn include_metadata(cursor: &mut Cursor<'_>) -> Result<Vec<MetadataColumn>> {
    cursor.expect_token(&Token::LParen)?;
    let columns = cursor.list(|cursor| {
        let column = cursor.name()?;
        cursor.expect_token(&Token::Eq)?;
        let item = cursor.peek_word().and_then(MetadataItem::from_name);
        let item = item.ok_or_else(|| {
            cursor.unexpected().with_help("METADATA$FILENAME and METADATA$FILE_ROW_NUMBER are two")
        })?;
        cursor.advance();
        Ok(MetadataColumn { column, item })
    })?;
    cursor.expect_token(&Token::RParen)?;
    distinct(columns.iter().map(|included| included.column.clone()).collect::<Vec<Name>>())?;
    Ok(columns)
}

/// `(SELECT value, .. FROM @stage [alias])`
fn source_query(cursor: &mut Cursor<'_>) -> Result<(StageRef, CopyTransform)> {
    cursor.expect_token(&Token::LParen)?;
    cursor.expect(&["SELECT"])?;
    if let Some(word @ ("DISTINCT" | "TOP" | "ALL")) = cursor.peek_word() {
        return Err(Error::unsupported(format_args!("{word} in the query of COPY INTO")));
    }
    let mut columns = cursor.list(value)?;
    cursor.expect(&["FROM"])?;
    let from = stage(cursor)?;
    if *cursor.peek() == Token::LParen {
        return Err(Error::unsupported("options behind the stage of COPY INTO")
            .with_help("FILE_FORMAT and PATTERN of COPY INTO say the same"));
    }
    let alias = alias(cursor)?;
    if *cursor.peek() != Token::RParen {
        let clause = cursor.next_text().to_uppercase();
        return match cursor.peek() {
            Token::EOF | Token::SemiColon => Err(cursor.unexpected()),
            _ => Err(Error::unsupported(format_args!("{clause} in the query of COPY INTO"))
                .with_help("it has values and one stage: load into a table, and query that")),
        };
    }
    cursor.advance();
    let mut fields = Fields { alias, highest: 0 };
    for column in &mut columns {
        if let ControlFlow::Break(error) = column.visit(&mut fields) {
            return Err(*error);
        }
        balance(column);
        check::expression(column)?;
        lower::expression(column, cursor)?;
    }
    Ok((from, CopyTransform { columns, fields: fields.highest }))
}

/// An expression; a name behind it says nothing.
fn value(cursor: &mut Cursor<'_>) -> Result<Expr> {
    if *cursor.peek() == Token::Mul {
        return Err(
            Error::unsupported("* in the query of COPY INTO").with_help("write $1, $2 and so on")
        );
    }
    let value = cursor.expression()?;
    let named = cursor.accept(&["AS"]);
    if named || (matches!(cursor.peek(), Token::Word(_)) && !cursor.is_next("FROM")) {
        cursor.name()?;
    }
    Ok(value)
}

fn alias(cursor: &mut Cursor<'_>) -> Result<Option<Name>> {
    const CLAUSES: &[&str] =
        &["WHERE", "ORDER", "LIMIT", "GROUP", "JOIN", "HAVING", "QUALIFY", "FETCH", "UNION"];
    let named = cursor.accept(&["AS"]);
    let clause = cursor.peek_word().is_some_and(|word| CLAUSES.contains(&word));
    if named || (matches!(cursor.peek(), Token::Word(_)) && !clause) {
        return cursor.name().map(Some);
    }
    Ok(None)
}

/// Makes columns of the fields' numbers, and takes the stage's alias away.
struct Fields {
    alias: Option<Name>,
    highest: usize,
}

impl Fields {
    /// The name of a column of the stage.
    fn column(&mut self, name: &Ident) -> Result<Expr> {
        if let Some(number) = name.value.strip_prefix('$').filter(|_| name.quote_style.is_none()) {
            let known = number.parse().ok().filter(|number| (1..=MOST_FIELDS).contains(number));
            let number: usize = known.ok_or_else(|| {
                Error::new(Code::INVALID_IDENTIFIER, format!("no field of a file: ${number}"))
                    .with_help(format!("fields are $1 to ${MOST_FIELDS}"))
            })?;
            self.highest = self.highest.max(number);
            return Ok(Expr::Identifier(Ident::with_quote('"', format!("${number}"))));
        }
        match MetadataItem::from_name(&name.value) {
            Some(item) => Ok(Expr::Identifier(Ident::with_quote('"', item.name()))),
            None => {
                Err(Error::new(Code::INVALID_IDENTIFIER, format!("invalid identifier '{name}'"))
                    .with_help("a file's fields are $1, $2 and so on"))
            }
        }
    }

    fn is_alias(&self, name: &Ident) -> bool {
        let name = match name.quote_style {
            Some(_) => Name::quoted(&name.value),
            None => Name::unquoted(&name.value),
        };
        self.alias == Some(name)
    }

    fn replaced(&mut self, expression: &Expr) -> Result<Option<Expr>> {
        match expression {
            Expr::Value(value) => match &value.value {
                Value::Placeholder(text) if text.starts_with('$') => {
                    self.column(&Ident::new(text)).map(Some)
                }
                _ => Ok(None),
            },
            // Any other name may be a word of a function, such as DAY.
            Expr::Identifier(name) if MetadataItem::from_name(&name.value).is_some() => {
                self.column(name).map(Some)
            }
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [alias, name] if self.is_alias(alias) => self.column(name).map(Some),
                _ => Err(unknown(expression)),
            },
            Expr::CompoundFieldAccess { root, access_chain } => {
                match (&**root, access_chain.as_slice()) {
                    (Expr::Identifier(alias), [AccessExpr::Dot(Expr::Identifier(name))])
                        if self.is_alias(alias) =>
                    {
                        self.column(name).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                Err(Error::unsupported("a subquery in the query of COPY INTO"))
            }
            _ => Ok(None),
        }
    }
}

fn unknown(name: &Expr) -> Error {
    Error::new(Code::INVALID_IDENTIFIER, format!("invalid identifier '{name}'"))
}

impl VisitorMut for Fields {
    type Break = Box<Error>;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        match self.replaced(expression) {
            Ok(Some(replaced)) => *expression = replaced,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(Box::new(error)),
        }
        ControlFlow::Continue(())
    }
}

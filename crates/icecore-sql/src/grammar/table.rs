//! CREATE TABLE and column definitions.

use icecore_types::{Error, ObjectKind, QualifiedName, Result, SqlType};
use sqlparser::ast::Query;
use sqlparser::tokenizer::Token;

use super::create::{Existing, Properties};
use super::rows::distinct;
use super::travel::clone_source;
use super::{constraint, expectation, expression, object_name, policy, query};
use crate::cursor::Cursor;
use crate::infer::template;
use crate::{ColumnSpec, CreateTable, ExpectationSpec};

pub(super) fn create_table(cursor: &mut Cursor<'_>, existing: Existing) -> Result<CreateTable> {
    let if_not_exists = existing.if_not_exists(cursor)?;
    let mut create = CreateTable {
        or_replace: existing.or_replace,
        if_not_exists,
        name: cursor.qualified_name()?,
        columns: Vec::new(),
        expectations: Vec::new(),
        as_query: None,
        clone: None,
        like: None,
        template: None,
        row_access: None,
        aggregation: None,
        tags: Vec::new(),
        copy_grants: false,
        retention_days: None,
        comment: None,
    };
    let mut renames = Vec::new();
    if cursor.accept(&["CLONE"]) {
        create.clone = Some(clone_source(cursor, |c| object_name(c, ObjectKind::Table))?);
    } else if cursor.accept(&["LIKE"]) {
        create.like = Some(cursor.qualified_name()?);
    } else if *cursor.peek() == Token::LParen {
        if is_name_list(cursor) {
            renames = distinct(cursor.names_in_parentheses()?)?;
        } else {
            (create.columns, create.expectations) = columns_in_parentheses(cursor)?;
        }
    } else if cursor.are_next(&["USING", "TEMPLATE"]) {
        cursor.expect(&["USING", "TEMPLATE"])?;
        create.template = Some(template(cursor)?);
    }
    let properties = Properties::read(cursor, "CREATE TABLE")?;
    create.retention_days = properties.retention_days;
    create.comment = properties.comment;
    create.row_access = properties.row_access;
    create.aggregation = properties.aggregation;
    create.copy_grants = properties.copy_grants;
    create.tags = properties.tags;
    let is_copy = create.clone.is_some() || create.like.is_some();
    if is_copy && (create.row_access.is_some() || create.aggregation.is_some()) {
        return Err(Error::unsupported("CREATE TABLE .. CLONE or LIKE .. POLICY"));
    }
    if is_copy && !create.tags.is_empty() {
        return Err(Error::unsupported("CREATE TABLE .. CLONE or LIKE .. TAG"));
    }
    let may_query = create.clone.is_none() && create.like.is_none() && create.template.is_none();
    if may_query && cursor.accept(&["AS"]) {
        create.as_query = Some(renamed(query(cursor)?, &renames)?);
    } else if !renames.is_empty() || (may_query && create.columns.is_empty()) {
        return Err(cursor.unexpected());
    }
    Ok(create)
}

/// Whether `(a, b, ..)` is next: names without types, as CTAS may have.
fn is_name_list(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.peek_at(1), Token::Word(_))
        && matches!(cursor.peek_at(2), Token::Comma | Token::RParen)
}

/// The query with its columns called otherwise.
fn renamed(query: Box<Query>, names: &[icecore_types::Name]) -> Result<Box<Query>> {
    if names.is_empty() { Ok(query) } else { crate::lower::with_columns(query, names) }
}

fn columns_in_parentheses(
    cursor: &mut Cursor<'_>,
) -> Result<(Vec<ColumnSpec>, Vec<ExpectationSpec>)> {
    cursor.expect_token(&Token::LParen)?;
    let (mut columns, mut expectations) = (Vec::new(), Vec::new());
    cursor.list(|cursor| {
        refuse_table_constraint(cursor)?;
        if expectation::is_next(cursor, 0) {
            expectations.push(expectation::expectation(cursor)?);
        } else {
            columns.push(column(cursor)?);
        }
        Ok(())
    })?;
    cursor.expect_token(&Token::RParen)?;
    distinct(columns.iter().map(|column| column.name.clone()).collect())?;
    Ok((columns, expectations))
}

fn refuse_table_constraint(cursor: &Cursor<'_>) -> Result<()> {
    let name = match cursor.peek_word() {
        Some("CONSTRAINT") => "CONSTRAINT",
        Some("PRIMARY") if cursor.peek_word_at(1) == Some("KEY") => "PRIMARY KEY",
        Some("FOREIGN") if cursor.peek_word_at(1) == Some("KEY") => "FOREIGN KEY",
        Some("UNIQUE") => "UNIQUE",
        Some("CHECK") => "CHECK",
        _ => return Ok(()),
    };
    Err(Error::unsupported(format_args!("constraint {name}")))
}

/// `name type [NOT NULL] [DEFAULT ..] [COMMENT '..']`, in any order.
pub(super) fn column(cursor: &mut Cursor<'_>) -> Result<ColumnSpec> {
    let name = cursor.name()?;
    let sql_type = sql_type(cursor)?;
    let mut column = ColumnSpec {
        name,
        sql_type,
        not_null: false,
        default: None,
        comment: None,
        mask: None,
        projection: None,
    };
    loop {
        match cursor.peek_word() {
            Some("NOT") if !column.not_null => {
                cursor.expect(&["NOT", "NULL"])?;
                column.not_null = true;
            }
            Some("NULL") if !column.not_null => cursor.advance(),
            Some("DEFAULT") if column.default.is_none() => {
                cursor.advance();
                let from = cursor.at();
                let _checked = expression(cursor)?;
                column.default = Some(cursor.text_since(from).to_owned());
            }
            Some("COMMENT") if column.comment.is_none() => {
                cursor.advance();
                column.comment = Some(cursor.string()?);
            }
            Some("WITH" | "MASKING") if column.mask.is_none() && policy::is_mask(cursor) => {
                column.mask = Some(policy::declared_mask(cursor, &column.name)?);
            }
            Some("WITH" | "PROJECTION")
                if column.projection.is_none() && constraint::is_projection(cursor) =>
            {
                column.projection = Some(constraint::declared_projection(cursor)?);
            }
            _ => break,
        }
    }
    refuse_column_clause(cursor)?;
    Ok(column)
}

fn refuse_column_clause(cursor: &Cursor<'_>) -> Result<()> {
    const CLAUSES: &[&str] = &[
        "AS",
        "AUTOINCREMENT",
        "CHECK",
        "COLLATE",
        "CONSTRAINT",
        "FOREIGN",
        "IDENTITY",
        "MASKING",
        "PRIMARY",
        "PROJECTION",
        "REFERENCES",
        "TAG",
        "UNIQUE",
        "WITH",
    ];
    match cursor.peek_word().filter(|word| CLAUSES.contains(word)) {
        Some(clause) => {
            const SECOND: &[&str] = &["KEY", "POLICY", "MASKING", "PROJECTION", "TAG"];
            let second =
                cursor.peek_word_at(1).filter(|word| SECOND.contains(word)).unwrap_or_default();
            let clause = format!("{clause} {second}");
            Err(Error::unsupported(format_args!("column clause {}", clause.trim())))
        }
        None => Ok(()),
    }
}

/// The words and numbers of a declared type.
pub(super) fn sql_type(cursor: &mut Cursor<'_>) -> Result<SqlType> {
    const CONTINUATIONS: &[&[&str]] = &[
        &["PRECISION"],
        &["VARYING"],
        &["WITH", "LOCAL", "TIME", "ZONE"],
        &["WITH", "TIME", "ZONE"],
        &["WITHOUT", "TIME", "ZONE"],
    ];
    let first = cursor.peek_word().map(str::to_owned).ok_or_else(|| cursor.unexpected())?;
    cursor.advance();
    let mut text = first;
    for words in CONTINUATIONS {
        if cursor.accept(words) {
            text.push(' ');
            text.push_str(&words.join(" "));
            break;
        }
    }
    if cursor.accept_token(&Token::LParen) {
        let numbers = cursor.list(Cursor::integer)?;
        cursor.expect_token(&Token::RParen)?;
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        text.push_str(&format!("({})", numbers.join(",")));
    }
    SqlType::parse(&text)
}

/// For CREATE VIEW: the names of its columns, possibly with comments, which
/// are refused.
pub(super) fn view_columns(cursor: &mut Cursor<'_>) -> Result<Vec<icecore_types::Name>> {
    cursor.expect_token(&Token::LParen)?;
    let names = cursor.list(|cursor| {
        let name = cursor.name()?;
        if cursor.is_next("COMMENT") {
            return Err(Error::unsupported("COMMENT on a column of a view"));
        }
        refuse_column_clause(cursor)?;
        Ok(name)
    })?;
    cursor.expect_token(&Token::RParen)?;
    distinct(names)
}

/// A table's name, which has up to three parts.
pub(super) fn table_name(cursor: &mut Cursor<'_>) -> Result<QualifiedName> {
    object_name(cursor, ObjectKind::Table)
}

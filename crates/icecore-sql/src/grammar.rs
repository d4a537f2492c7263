//! Tokens to statements: the first words decide which form it is.

mod access;
mod alter;
mod constraint;
mod copy;
mod create;
mod data_metric;
mod dynamic;
mod expectation;
mod loading;
mod network;
mod option;
mod pipe;
mod policy;
mod refusal;
mod rows;
mod semantic;
mod session;
mod stage;
mod table;
mod tag;
mod travel;
mod unload;

use icecore_types::{Error, ObjectKind, QualifiedName, Result};
use sqlparser::ast::{Expr, Query};
use sqlparser::tokenizer::Token;

use crate::balance::balance;
use crate::cursor::Cursor;
use crate::{
    Describe, DropMode, DropObject, Explain, ExplainFormat, FunctionAction, Statement, Undrop,
    check, lower,
};

/// One statement, whatever follows it.
pub(crate) fn statement(cursor: &mut Cursor<'_>) -> Result<Statement> {
    if session::is_wait(cursor) {
        return session::wait(cursor).map(Statement::Wait);
    }
    if pipe::is_force_resume(cursor) {
        return pipe::force_resume(cursor).map(Statement::AlterPipe);
    }
    if cursor.are_next(&["EXECUTE", "USING", "POLICY_CONTEXT"]) {
        return policy::simulate(cursor).map(Statement::Simulate);
    }
    match cursor.peek_word().unwrap_or_default() {
        "SELECT" | "WITH" | "VALUES" => query(cursor).map(Statement::Query),
        "INSERT" => rows::insert(cursor).map(Statement::Insert),
        "DELETE" => rows::delete(cursor).map(Statement::Delete),
        "UPDATE" => rows::update(cursor).map(Statement::Update),
        "TRUNCATE" => rows::truncate(cursor).map(Statement::Truncate),
        "EXPLAIN" => explain(cursor).map(Statement::Explain),
        "CREATE" => create::create(cursor),
        "DROP" => drop(cursor),
        "UNDROP" => undrop(cursor).map(Statement::Undrop),
        "ALTER" => alter::alter(cursor),
        "SHOW" if shows_grants(cursor) => access::show_grants(cursor).map(Statement::ShowGrants),
        "SHOW" if cursor.are_next(&["SHOW", "EFFECTIVE", "ACCESS"]) => {
            cursor.expect(&["SHOW", "EFFECTIVE", "ACCESS", "ON"])?;
            access::target(cursor).map(Statement::ShowEffectiveAccess)
        }
        "SHOW" => session::show(cursor).map(Statement::Show),
        "GRANT" | "REVOKE" => access::grant(cursor).map(Statement::Grant),
        "DESC" | "DESCRIBE" if cursor.peek_word_at(1) == Some("FUNCTION") => {
            cursor.advance();
            cursor.advance();
            data_metric::on_function(cursor, FunctionAction::Describe)
        }
        "DESC" | "DESCRIBE" => describe(cursor).map(Statement::Describe),
        "USE" if cursor.are_next(&["USE", "SECONDARY", "ROLES"]) => {
            cursor.accept(&["USE", "SECONDARY", "ROLES"]);
            access::secondary_roles(cursor).map(Statement::UseSecondaryRoles)
        }
        "USE" => session::choose(cursor).map(Statement::Use),
        "COPY" => copy::copy(cursor),
        "VERIFY" => verify_audit(cursor),
        "PUT" => loading::put(cursor).map(Statement::Put),
        "GET" => loading::get(cursor).map(Statement::Get),
        "LIST" | "LS" => loading::list(cursor).map(Statement::List),
        "REMOVE" | "RM" => loading::remove(cursor).map(Statement::Remove),
        _ if *cursor.peek() == Token::LParen => query(cursor).map(Statement::Query),
        _ => Err(refusal::statement(cursor)),
    }
}

/// One query, checked and with its columns named.
pub(crate) fn query(cursor: &mut Cursor<'_>) -> Result<Box<Query>> {
    refusal::tokens(cursor)?;
    let mut query = cursor.query()?;
    balance(&mut query);
    check::query(&query)?;
    lower::query(&mut query, cursor)?;
    Ok(query)
}

pub(crate) use loading::stage_ref;
pub(crate) use pipe::pipe_copy;

/// One expression, checked.
pub(crate) fn expression(cursor: &mut Cursor<'_>) -> Result<Expr> {
    let mut expression = cursor.expression()?;
    balance(&mut expression);
    check::expression(&expression)?;
    lower::expression(&mut expression, cursor)?;
    Ok(expression)
}

/// An expression by itself.
pub(crate) fn whole_expression(cursor: &mut Cursor<'_>) -> Result<Expr> {
    refusal::tokens(cursor)?;
    expression(cursor)
}

fn verify_audit(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect(&["VERIFY", "AUDIT"])?;
    Ok(Statement::VerifyAudit)
}

fn explain(cursor: &mut Cursor<'_>) -> Result<Explain> {
    cursor.expect(&["EXPLAIN"])?;
    let mut format = ExplainFormat::default();
    if cursor.accept(&["USING"]) {
        format = match cursor.peek_word() {
            Some("TABULAR") => ExplainFormat::Tabular,
            Some("TEXT") => ExplainFormat::Text,
            Some("JSON") => return Err(Error::unsupported("EXPLAIN USING JSON")),
            _ => return Err(cursor.unexpected()),
        };
        cursor.advance();
    }
    if format == ExplainFormat::default() && cursor.accept(&["METRIC"]) {
        format = ExplainFormat::Metric;
    }
    if format == ExplainFormat::default() && cursor.accept(&["ACCESS"]) {
        return Ok(Explain {
            statement: Box::new(statement(cursor)?),
            format: ExplainFormat::Access,
        });
    }
    let explainable = ["SELECT", "WITH", "VALUES", "INSERT", "DELETE", "UPDATE"];
    let explainable =
        if format == ExplainFormat::Metric { &explainable[..2] } else { &explainable };
    let known = explainable.iter().any(|word| cursor.is_next(word));
    if !known && *cursor.peek() != Token::LParen {
        let word = cursor.next_text().to_uppercase();
        return match cursor.peek_word() {
            Some("CREATE" | "DROP" | "ALTER" | "COPY" | "TRUNCATE" | "SHOW" | "MERGE") => {
                Err(Error::unsupported(format_args!("EXPLAIN {word}")))
            }
            _ => Err(cursor.unexpected()),
        };
    }
    Ok(Explain { statement: Box::new(statement(cursor)?), format })
}

/// The kind of object that the next words name, and reads them; `verb` is for
/// the refusal.
fn object_kind(cursor: &mut Cursor<'_>, verb: &str) -> Result<ObjectKind> {
    const KINDS: &[(&[&str], ObjectKind)] = &[
        (&["DATABASE"], ObjectKind::Database),
        (&["SCHEMA"], ObjectKind::Schema),
        (&["TABLE"], ObjectKind::Table),
        (&["DYNAMIC", "TABLE"], ObjectKind::DynamicTable),
        (&["VIEW"], ObjectKind::View),
        (&["SEMANTIC", "VIEW"], ObjectKind::SemanticView),
        (&["STAGE"], ObjectKind::Stage),
        (&["FILE", "FORMAT"], ObjectKind::FileFormat),
        (&["PIPE"], ObjectKind::Pipe),
        (&["MASKING", "POLICY"], ObjectKind::MaskingPolicy),
        (&["ROW", "ACCESS", "POLICY"], ObjectKind::RowAccessPolicy),
        (&["PROJECTION", "POLICY"], ObjectKind::ProjectionPolicy),
        (&["AGGREGATION", "POLICY"], ObjectKind::AggregationPolicy),
        (&["TAG"], ObjectKind::Tag),
        (&["NETWORK", "RULE"], ObjectKind::NetworkRule),
        (&["NETWORK", "POLICY"], ObjectKind::NetworkPolicy),
    ];
    for (words, kind) in KINDS {
        if cursor.accept(words) {
            return Ok(*kind);
        }
    }
    Err(refusal::object(cursor, verb))
}

/// A name with as many parts as an object of this kind may have.
fn object_name(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<icecore_types::QualifiedName> {
    cursor.short_name(match kind {
        ObjectKind::Database | ObjectKind::NetworkPolicy => 1,
        ObjectKind::Schema => 2,
        _ => 3,
    })
}

fn if_exists(cursor: &mut Cursor<'_>) -> bool {
    cursor.accept(&["IF", "EXISTS"])
}

fn shows_grants(cursor: &Cursor<'_>) -> bool {
    cursor.are_next(&["SHOW", "GRANTS"]) || cursor.are_next(&["SHOW", "FUTURE", "GRANTS"])
}

fn drop(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.expect(&["DROP"])?;
    if let Some(principal) = access::principal(cursor) {
        return access::drop(cursor, &principal);
    }
    if cursor.accept(&["FUNCTION"]) {
        return data_metric::on_function(cursor, FunctionAction::Drop);
    }
    let kind = object_kind(cursor, "DROP")?;
    let if_exists = if_exists(cursor);
    let name = object_name(cursor, kind)?;
    let takes_mode = matches!(kind, ObjectKind::Database | ObjectKind::Schema | ObjectKind::Table);
    let mode = if takes_mode && cursor.accept(&["RESTRICT"]) {
        DropMode::Restrict
    } else {
        let _default = takes_mode && cursor.accept(&["CASCADE"]);
        DropMode::Cascade
    };
    Ok(Statement::Drop(DropObject { kind, name, if_exists, mode }))
}

fn undrop(cursor: &mut Cursor<'_>) -> Result<Undrop> {
    cursor.expect(&["UNDROP"])?;
    let kind = object_kind(cursor, "UNDROP")?;
    let comes_back = kind.has_rows()
        || matches!(kind, ObjectKind::Database | ObjectKind::Schema | ObjectKind::Tag);
    if !comes_back {
        return Err(Error::unsupported(format_args!("UNDROP {}", kind.sql())));
    }
    Ok(Undrop { kind, name: object_name(cursor, kind)? })
}

fn describe(cursor: &mut Cursor<'_>) -> Result<Describe> {
    cursor.advance();
    if cursor.accept(&["USER"]) {
        let name = QualifiedName::bare(cursor.name()?);
        return Ok(Describe { kind: ObjectKind::User, name });
    }
    let kind = object_kind(cursor, "DESCRIBE")?;
    let name = object_name(cursor, kind)?;
    if matches!(kind, ObjectKind::Table) && cursor.accept(&["TYPE"]) {
        cursor.expect_token(&Token::Eq)?;
        if cursor.is_next("STAGE") {
            return Err(Error::unsupported("DESCRIBE TABLE .. TYPE = STAGE"));
        }
        cursor.expect(&["COLUMNS"])?;
    }
    Ok(Describe { kind, name })
}

#[cfg(test)]
mod tests;

//! LIKE and ILIKE: the dialect has no escape character unless ESCAPE names
//! one, the planner has the backslash and nothing else.

use icecore_types::{Code, Error, Result};
use sqlparser::ast::{Expr, Ident, Value, ValueWithSpan};

use crate::parse_expression;

const ESCAPE: char = '\\';

/// Writes a pattern with backslashes for the escapes that it has.
pub(super) fn escape(expression: &mut Expr) -> Result<()> {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) =
        expression
    else {
        return Ok(());
    };
    let by = escape_char.take().map(|value| escape_of(&value)).transpose()?.flatten();
    if by == Some(ESCAPE) {
        return Ok(());
    }
    match (&mut **pattern, by) {
        (Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }), by) => {
            *text = with_backslashes(text, by)?;
        }
        (Expr::Value(_), _) => {}
        (pattern, None) => doubled(pattern)?,
        (_, Some(_)) => {
            return Err(Error::unsupported("LIKE .. ESCAPE of a pattern that is not a constant")
                .with_help("ESCAPE '\\\\', a backslash, goes with every pattern"));
        }
    }
    Ok(())
}

/// The character that ESCAPE names; none if the text is empty.
fn escape_of(value: &ValueWithSpan) -> Result<Option<char>> {
    let text = match &value.value {
        Value::SingleQuotedString(text) => text.as_str(),
        _ => "..",
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::new(
            Code::INVALID_STATEMENT,
            format!("ESCAPE takes one character escape={value}"),
        )),
    }
}

fn with_backslashes(text: &str, by: Option<char>) -> Result<String> {
    let mut written = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let literal = if Some(c) == by {
            Some(chars.next().ok_or_else(|| {
                Error::new(
                    Code::INVALID_STATEMENT,
                    format!("a pattern ends with its escape character pattern='{text}'"),
                )
            })?)
        } else {
            (c == ESCAPE).then_some(c)
        };
        match literal {
            Some(literal @ ('%' | '_' | ESCAPE)) => written.extend([ESCAPE, literal]),
            Some(literal) => written.push(literal),
            None => written.push(c),
        }
    }
    Ok(written)
}

/// `REPLACE(pattern, '\', '\\')`.
fn doubled(pattern: &mut Expr) -> Result<()> {
    let mut call = parse_call()?;
    if let Expr::Function(function) = &mut call
        && let sqlparser::ast::FunctionArguments::List(list) = &mut function.args
        && let Some(first) = list.args.first_mut()
    {
        let inner = std::mem::replace(pattern, Expr::Identifier(Ident::new("P")));
        *first = sqlparser::ast::FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(inner));
        *pattern = call;
    }
    Ok(())
}

fn parse_call() -> Result<Expr> {
    parse_expression(r"REPLACE(P, '\\', '\\\\')")
}

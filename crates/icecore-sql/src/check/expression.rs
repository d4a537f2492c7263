//! Expressions.

use icecore_types::{Error, Result};
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, UnaryOperator, Value, WindowType,
};

use super::refuse;
use crate::semantic::is_excluding;

pub(super) fn check(expression: &Expr) -> Result<()> {
    let name = match expression {
        marked if is_excluding(marked) => "PARTITION BY EXCLUDING outside of a metric",
        Expr::BinaryOp { op, .. } => return binary(op),
        Expr::UnaryOp { op, .. } => return unary(*op),
        Expr::Function(function) => return call(function),
        Expr::Value(value) => return literal(&value.value),
        Expr::Like { any, .. } | Expr::ILike { any, .. } => return refuse(*any, "LIKE ANY"),
        Expr::Cast { array, format, .. } => {
            refuse(*array, "CAST to an ARRAY")?;
            return refuse(format.is_some(), "CAST .. FORMAT");
        }
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
            return refuse(!matches!(**right, Expr::Subquery(_)), "ANY and ALL of a list");
        }
        Expr::Trim { trim_characters, .. } => {
            let several = trim_characters.as_ref().is_some_and(|texts| texts.len() > 1);
            return refuse(several, "TRIM with more than two arguments");
        }
        Expr::JsonAccess { .. } | Expr::CompoundFieldAccess { .. } => {
            "semi-structured access (value:path, value[..])"
        }
        Expr::Array(_) => "ARRAY constants ([..])",
        Expr::Dictionary(_) => "OBJECT constants ({..})",
        Expr::Map(_) => "MAP constants",
        Expr::Struct { .. } | Expr::Named { .. } => "STRUCT",
        Expr::Lambda(_) => "lambda expressions (->)",
        Expr::OuterJoin(_) => "the outer join operator (+)",
        Expr::Prior(_) => "PRIOR",
        Expr::Prefixed { prefix, .. } => {
            return Err(Error::unsupported(format_args!("{prefix} before an expression")));
        }
        Expr::Collate { .. } => "COLLATE",
        Expr::AtTimeZone { .. } => "AT TIME ZONE",
        Expr::Convert { .. } => "CONVERT",
        Expr::Overlay { .. } => "OVERLAY",
        Expr::SimilarTo { .. } => "SIMILAR TO",
        Expr::RLike { .. } => "the operators RLIKE and REGEXP",
        Expr::IsNormalized { .. } => "IS NORMALIZED",
        Expr::InUnnest { .. } => "IN UNNEST",
        Expr::MatchAgainst { .. } => "MATCH AGAINST",
        Expr::MemberOf(_) => "MEMBER OF",
        Expr::Tuple(_) => "row values ((a, b))",
        Expr::IsUnknown(_) | Expr::IsNotUnknown(_) => "IS UNKNOWN",
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Nested(_)
        | Expr::TypedString(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Interval(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..) => return Ok(()),
    };
    Err(Error::unsupported(name))
}

fn binary(op: &BinaryOperator) -> Result<()> {
    match op {
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::StringConcat
        | BinaryOperator::Gt
        | BinaryOperator::Lt
        | BinaryOperator::GtEq
        | BinaryOperator::LtEq
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::And
        | BinaryOperator::Or => Ok(()),
        other => Err(Error::unsupported(format_args!("operator {other}"))),
    }
}

fn unary(op: UnaryOperator) -> Result<()> {
    match op {
        UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not => Ok(()),
        other => Err(Error::unsupported(format_args!("operator {other}"))),
    }
}

fn literal(value: &Value) -> Result<()> {
    match value {
        Value::Number(..)
        | Value::SingleQuotedString(_)
        | Value::HexStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null => Ok(()),
        Value::Placeholder(text) => Err(Error::unsupported(format_args!("placeholder {text}"))),
        other => Err(Error::unsupported(format_args!("the literal {other}"))),
    }
}

fn call(function: &Function) -> Result<()> {
    let Function {
        name,
        uses_odbc_syntax,
        parameters,
        args,
        filter: _,
        null_treatment: _,
        over,
        within_group: _,
    } = function;
    if let Some(WindowType::WindowSpec(spec)) = over {
        refuse(spec.window_name.is_some(), "a named window inside OVER (..)")?;
    }
    refuse(*uses_odbc_syntax, "the call syntax {fn ..}")?;
    refuse(!matches!(parameters, FunctionArguments::None), "parameters of a function")?;
    let list = match args {
        // A query is the argument of a data metric function, or of none.
        FunctionArguments::None | FunctionArguments::Subquery(_) => return Ok(()),
        FunctionArguments::List(list) => list,
    };
    let FunctionArgumentList { duplicate_treatment: _, args, clauses: _ } = list;
    for arg in args {
        let (FunctionArg::Named { arg, .. }
        | FunctionArg::ExprNamed { arg, .. }
        | FunctionArg::Unnamed(arg)) = arg;
        match arg {
            FunctionArgExpr::Expr(_) | FunctionArgExpr::Wildcard => {}
            FunctionArgExpr::QualifiedWildcard(_) => {
                return Err(Error::unsupported(format_args!("{name}(alias.*)")));
            }
            FunctionArgExpr::WildcardWithOptions(_) => {
                return Err(Error::unsupported(format_args!("{name}(* ..)")));
            }
        }
    }
    Ok(())
}

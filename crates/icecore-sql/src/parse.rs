//! Text to statements.

use icecore_types::Result;
use sqlparser::ast::{Expr, Query};

use crate::{Limits, Statement};

/// A statement and its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The statement as it was written, without what surrounds it.
    pub text: String,
    /// What it says.
    pub statement: Statement,
}

/// Reads a script.
pub fn parse(_text: &str, _limits: &Limits) -> Result<Vec<Parsed>> {
    todo!()
}

/// Reads an expression.
pub fn parse_expression(_text: &str) -> Result<Expr> {
    todo!()
}

/// Reads one query, for example a view's.
pub fn parse_query(_text: &str) -> Result<Box<Query>> {
    todo!()
}

/// Refuses what DataFusion would drop silently.
pub fn check_query(_query: &Query) -> Result<()> {
    todo!()
}

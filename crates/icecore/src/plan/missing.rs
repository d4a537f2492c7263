//! Functions of the dialect that are not there are refused by name: a caller
//! can tell them from a slip of the pen.

use std::ops::ControlFlow;

use icecore_sql::ast::{Expr, VisitMut, VisitorMut};
use icecore_types::{Error, Result};

/// # Errors
/// `Unsupported` for the first call of a function that the dialect has, and
/// that is not known.
pub(super) fn refuse_missing(tree: &mut impl VisitMut, knows: impl Fn(&str) -> bool) -> Result<()> {
    match tree.visit(&mut Refusing { knows }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Refusing<F> {
    knows: F,
}

impl<F: Fn(&str) -> bool> VisitorMut for Refusing<F> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        let name = function.name.to_string().to_lowercase();
        if icecore_functions::is_missing(&name) && !(self.knows)(&name) {
            let what = format_args!("function {}", name.to_uppercase()).to_string();
            return ControlFlow::Break(Error::unsupported(what));
        }
        ControlFlow::Continue(())
    }
}

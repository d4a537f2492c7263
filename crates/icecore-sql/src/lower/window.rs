//! Named windows: what WINDOW names is written where it is used. The planner
//! looks for the names in the select list only.

use std::ops::ControlFlow;

use icecore_types::{Code, Error, Result};
use sqlparser::ast::{
    Expr, Function, Ident, NamedWindowDefinition, NamedWindowExpr, OrderByKind, Query, Select,
    SetExpr, VisitMut, VisitorMut, WindowSpec, WindowType,
};

/// Resolves the names in the select list and in QUALIFY.
pub(super) fn resolve(select: &mut Select) -> Result<()> {
    let definitions = std::mem::take(&mut select.named_window);
    distinct(&definitions)?;
    let mut windows = Windows { definitions: &definitions, depth: 0 };
    windows.run(&mut select.projection)?;
    windows.run(&mut select.qualify)
}

/// Resolves the names in ORDER BY: before the select forgets what they mean.
pub(super) fn resolve_order(query: &mut Query) -> Result<()> {
    let SetExpr::Select(select) = &*query.body else { return Ok(()) };
    let Some(order) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(items) = &mut order.kind else { return Ok(()) };
    Windows { definitions: &select.named_window, depth: 0 }.run(items)
}

fn distinct(definitions: &[NamedWindowDefinition]) -> Result<()> {
    for (at, NamedWindowDefinition(name, _)) in definitions.iter().enumerate() {
        if definitions.iter().take(at).any(|before| before.0 == *name) {
            return Err(invalid("a window is named twice", name));
        }
    }
    Ok(())
}

fn invalid(what: &str, window: &Ident) -> Error {
    Error::new(Code::INVALID_STATEMENT, format!("{what} window={window}"))
}

struct Windows<'a> {
    definitions: &'a [NamedWindowDefinition],
    /// Queries around this place: the windows of those are their own.
    depth: usize,
}

impl Windows<'_> {
    fn run(&mut self, part: &mut impl VisitMut) -> Result<()> {
        match part.visit(self) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    fn put(&self, function: &mut Function) -> Result<()> {
        if let Some(WindowType::NamedWindow(name)) = &function.over {
            function.over = Some(WindowType::WindowSpec(self.find(name)?));
        }
        Ok(())
    }

    fn find(&self, name: &Ident) -> Result<WindowSpec> {
        self.definitions
            .iter()
            .find_map(|NamedWindowDefinition(defined, window)| match window {
                NamedWindowExpr::WindowSpec(spec) if defined == name => Some(spec.clone()),
                _ => None,
            })
            .ok_or_else(|| invalid("a window is not defined", name))
    }
}

impl VisitorMut for Windows<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Function(function) if self.depth == 0 => super::flow(self.put(function)),
            _ => ControlFlow::Continue(()),
        }
    }
}

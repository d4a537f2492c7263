//! VALUES whose cells are more than constants.

use std::ops::ControlFlow;

use icecore_sql::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Query, SetExpr, Value, Values, VisitMut, VisitorMut,
};

/// The function that the cells are put into.
pub(super) const CELL: &str = "system$cell";

/// Marks the cells of every VALUES that has other cells than constants: what a
/// cell declares, `2.5::FLOAT` its type, is no reason to refuse the cells below
/// that declare nothing.
pub(super) fn mark_cells(query: &mut Query) {
    let _: ControlFlow<()> = query.visit(&mut Marking);
}

struct Marking;

impl VisitorMut for Marking {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        mark(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn mark(body: &mut SetExpr) {
    match body {
        SetExpr::Values(values) if values.rows.len() > 1 => mark_rows(values),
        SetExpr::SetOperation { left, right, .. } => {
            mark(left);
            mark(right);
        }
        _ => {}
    }
}

fn mark_rows(values: &mut Values) {
    let cells = || values.rows.iter().flat_map(|row| row.iter());
    if cells().all(is_constant) {
        return;
    }
    for cell in values.rows.iter_mut().flat_map(|row| row.iter_mut()) {
        let value = std::mem::replace(cell, Expr::value(Value::Null));
        *cell = marked(value);
    }
}

fn is_constant(cell: &Expr) -> bool {
    match cell {
        Expr::Value(_) => true,
        Expr::UnaryOp { expr, .. } => matches!(expr.as_ref(), Expr::Value(_)),
        _ => false,
    }
}

/// NULL stays what it is: its type is that of the cells around it.
fn marked(value: Expr) -> Expr {
    if matches!(&value, Expr::Value(value) if value.value == Value::Null) {
        return value;
    }
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(CELL.to_uppercase())]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(value))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

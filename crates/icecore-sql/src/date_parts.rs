//! `DATEADD(day, ..)`: a part of a date is written without quotes, where a
//! planner would look for a column of that name.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, VisitMut, VisitorMut,
};

/// The functions whose first argument is a part of a date.
const FUNCTIONS: &[&str] = &[
    "DATEADD",
    "TIMEADD",
    "TIMESTAMPADD",
    "DATEDIFF",
    "TIMEDIFF",
    "TIMESTAMPDIFF",
    "DATE_TRUNC",
    "DATE_PART",
];

/// Puts the parts of dates in a tree into quotes.
///
/// ```
/// let mut call = icecore_sql::parse_expression("DATEADD(day, 1, d)")?;
/// icecore_sql::quote_date_parts(&mut call);
/// assert_eq!(call.to_string(), "DATEADD('DAY', 1, D)");
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn quote_date_parts(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Quoting);
}

struct Quoting;

impl VisitorMut for Quoting {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression
            && FUNCTIONS.contains(&function.name.to_string().as_str())
            && let FunctionArguments::List(list) = &mut function.args
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(part))) = list.args.first_mut()
            && let Expr::Identifier(name) = part
            && name.quote_style.is_none()
        {
            *part = Expr::value(Value::SingleQuotedString(name.value.clone()));
        }
        ControlFlow::Continue(())
    }
}

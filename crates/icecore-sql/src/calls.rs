//! Function calls that say more than their arguments.

use std::ops::ControlFlow;

use icecore_types::Result;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments, ObjectNamePart,
    Visitor,
};

use crate::Statement;
use crate::relations::visit_queries;

/// A call with DISTINCT, ORDER BY, WITHIN GROUP, IGNORE or RESPECT
/// NULLS, or OVER.
///
/// DataFusion drops all of these, without an error, where the function is a
/// scalar one: `abs(a) OVER ()` is `abs(a)`. Which functions are scalar is not
/// known here, so whoever knows refuses these calls of them.
///
/// ```
/// use icecore_sql::{Limits, modified_calls, parse};
/// let parsed = parse("SELECT abs(a) OVER (), count(DISTINCT b) FROM t", &Limits::default())?;
/// let found = modified_calls(&parsed[0].statement)?;
/// assert_eq!((found[0].function.as_str(), found[0].modifier), ("abs", "OVER"));
/// assert_eq!((found[1].function.as_str(), found[1].modifier), ("count", "DISTINCT"));
/// # Ok::<(), icecore_types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifiedCall {
    /// The name as DataFusion looks it up: lower case unless it was quoted.
    pub function: String,
    /// What the call says, as SQL spells it.
    pub modifier: &'static str,
}

/// Every modifier of every function call in the queries and expressions of a
/// statement, in the order of the text.
///
/// # Errors
/// None: what is returned is a `Result` as for every walk over a statement.
pub fn modified_calls(statement: &Statement) -> Result<Vec<ModifiedCall>> {
    let mut calls = Calls::default();
    visit_queries(statement, &mut calls)?;
    Ok(calls.0)
}

#[derive(Default)]
struct Calls(Vec<ModifiedCall>);

impl Visitor for Calls {
    type Break = Box<icecore_types::Error>;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expression {
            let name = name(function);
            self.0.extend(
                modifiers(function)
                    .into_iter()
                    .map(|modifier| ModifiedCall { function: name.clone(), modifier }),
            );
        }
        ControlFlow::Continue(())
    }
}

fn name(function: &Function) -> String {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] if ident.quote_style.is_none() => {
            ident.value.to_lowercase()
        }
        [ObjectNamePart::Identifier(ident)] => ident.value.clone(),
        _ => function.name.to_string(),
    }
}

fn modifiers(function: &Function) -> Vec<&'static str> {
    let mut found = Vec::new();
    if let FunctionArguments::List(list) = &function.args {
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            found.push("DISTINCT");
        }
        found.extend(list.clauses.iter().map(|clause| match clause {
            FunctionArgumentClause::OrderBy(_) => "ORDER BY",
            FunctionArgumentClause::IgnoreOrRespectNulls(_) => "IGNORE or RESPECT NULLS",
            _ => "a clause behind the arguments",
        }));
    }
    if function.filter.is_some() {
        found.push("FILTER");
    }
    if function.null_treatment.is_some() {
        found.push("IGNORE or RESPECT NULLS");
    }
    if !function.within_group.is_empty() {
        found.push("WITHIN GROUP");
    }
    if function.over.is_some() {
        found.push("OVER");
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::{Limits, modified_calls, parse};

    #[test]
    fn every_modifier_is_found_everywhere() {
        for (text, expected) in [
            ("SELECT f(a), g(ALL b) FROM t", vec![]),
            ("SELECT listagg(a) WITHIN GROUP (ORDER BY b)", vec!["listagg WITHIN GROUP"]),
            (
                "SELECT first_value(a) IGNORE NULLS OVER (ORDER BY \"F\"(DISTINCT b))",
                vec!["first_value IGNORE or RESPECT NULLS", "first_value OVER", "F DISTINCT"],
            ),
            (
                "SELECT first_value(a IGNORE NULLS) FROM t",
                vec!["first_value IGNORE or RESPECT NULLS"],
            ),
            ("DELETE FROM t WHERE a IN (SELECT f(DISTINCT a) FROM s)", vec!["f DISTINCT"]),
            ("UPDATE t SET a = f(DISTINCT a)", vec!["f DISTINCT"]),
            ("INSERT INTO t VALUES (f(DISTINCT 1))", vec!["f DISTINCT"]),
            ("CREATE VIEW v AS SELECT f(DISTINCT 1)", vec!["f DISTINCT"]),
        ] {
            let parsed = parse(text, &Limits::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
            let found: Vec<String> = modified_calls(&parsed[0].statement)
                .unwrap()
                .into_iter()
                .map(|call| format!("{} {}", call.function, call.modifier))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}

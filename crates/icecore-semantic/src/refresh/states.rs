//! Aggregates as states that merge.

use icecore_sql::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Select};
use icecore_types::{Result, SqlType};

use super::build::{column, filled, function_name};
use super::{Reason, Sources};

/// How a state of old rows and one of new rows become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// They are added; the state of rows that went is subtracted.
    Add,
    /// The smaller, the larger; nothing can be taken out of it.
    Least,
    Greatest,
    /// Sketches; nothing can be taken out of one.
    Sketch,
}

impl Merge {
    /// The aggregate that merges states.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Add => "SUM",
            Self::Least => "MIN",
            Self::Greatest => "MAX",
            Self::Sketch => "HLL_COMBINE",
        }
    }

    /// Whether rows that went can be taken out of a state.
    pub(super) fn subtracts(self) -> bool {
        self == Self::Add
    }
}

/// A hidden column that holds what an aggregate knows of a group.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Over the rows of a group.
    pub(super) of_rows: Expr,
    pub(super) merge: Merge,
}

/// The states that the aggregates of a query need.
#[derive(Clone, Debug, Default)]
pub(super) struct States {
    pub(super) states: Vec<State>,
    /// Each call, with its value over the states' columns.
    pub(super) values: Vec<(Expr, Expr)>,
    /// Whether an aggregate has no state: a group that changed is then
    /// computed again from its rows.
    pub(super) recomputed: bool,
}

pub(super) fn name(state: usize) -> String {
    format!("$STATE{state}")
}

/// The column that counts the rows of a group.
pub(super) const COUNT: &str = "$COUNT";

impl States {
    /// Adds what a call needs.
    pub(super) fn add(
        &mut self,
        call: &Function,
        select: &Select,
        facts: &dyn Sources,
    ) -> Result<Result<(), Reason>> {
        let whole = Expr::Function(call.clone());
        if self.values.iter().any(|(known, _)| *known == whole) {
            return Ok(Ok(()));
        }
        let function = function_name(call);
        let refused = || Ok(Err(format!("the query has the aggregate {function}")));
        let Some(arguments) = arguments(call) else { return refused() };
        let value = match (function.as_str(), arguments) {
            ("COUNT", Arguments::Star) => Some(column(COUNT)),
            ("COUNT" | "COUNT_IF", Arguments::One(_)) => {
                Some(column(&self.state(whole.clone(), Merge::Add)))
            }
            ("SUM" | "AVG", Arguments::One(argument)) => match facts.type_of(&argument, select) {
                // What floats add up to depends on the order: a group is
                // added up again, as the query itself would.
                Some(SqlType::Integer | SqlType::Number { .. }) => {
                    Some(self.total(&function, &argument)?)
                }
                Some(_) => None,
                None => return refused(),
            },
            ("MIN", Arguments::One(_)) => Some(column(&self.state(whole.clone(), Merge::Least))),
            ("MAX", Arguments::One(_)) => Some(column(&self.state(whole.clone(), Merge::Greatest))),
            ("APPROX_COUNT_DISTINCT" | "HLL", Arguments::One(argument)) => {
                let state = filled("HLL_ACCUMULATE(\"$x\")", &[("$x", &argument)])?;
                let state = column(&self.state(state, Merge::Sketch));
                Some(filled("HLL_ESTIMATE(\"$x\")", &[("$x", &state)])?)
            }
            ("COUNT", Arguments::Distinct | Arguments::Several) => None,
            ("SUM" | "AVG" | "MIN" | "MAX", Arguments::Distinct) => None,
            _ => return refused(),
        };
        match value {
            Some(value) => self.values.push((whole, value)),
            None => self.recomputed = true,
        }
        Ok(Ok(()))
    }

    /// The sum and the count behind SUM and AVG.
    fn total(&mut self, function: &str, argument: &Expr) -> Result<Expr> {
        let sum = filled("COALESCE(SUM(\"$x\"), 0)", &[("$x", argument)])?;
        let count = filled("COUNT(\"$x\")", &[("$x", argument)])?;
        let sum = column(&self.state(sum, Merge::Add));
        let count = column(&self.state(count, Merge::Add));
        let value = match function {
            "AVG" => "\"$s\" / NULLIF(\"$c\", 0)",
            _ => "CASE WHEN \"$c\" = 0 THEN NULL ELSE \"$s\" END",
        };
        filled(value, &[("$s", &sum), ("$c", &count)])
    }

    /// The name of the column of a state, which is shared by who needs it.
    fn state(&mut self, of_rows: Expr, merge: Merge) -> String {
        let known = self.states.iter().position(|state| state.of_rows == of_rows);
        let at = known.unwrap_or_else(|| {
            self.states.push(State { of_rows, merge });
            self.states.len() - 1
        });
        name(at)
    }
}

enum Arguments {
    Star,
    One(Box<Expr>),
    Several,
    Distinct,
}

/// The arguments of a plain call; none of one with modifiers.
fn arguments(call: &Function) -> Option<Arguments> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let modified = call.filter.is_some()
        || call.null_treatment.is_some()
        || !call.within_group.is_empty()
        || !list.clauses.is_empty();
    if modified {
        return None;
    }
    let distinct = list.duplicate_treatment == Some(icecore_sql::ast::DuplicateTreatment::Distinct);
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(_)), ..] if distinct => {
            Some(Arguments::Distinct)
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => Some(Arguments::Star),
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => {
            Some(Arguments::One(Box::new(expr.clone())))
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(_)), _, ..] => Some(Arguments::Several),
        _ => None,
    }
}

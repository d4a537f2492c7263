//! Projection and aggregation policies: what their bodies say to who asks.

use std::ops::ControlFlow;

use datafusion::common::Column;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use icecore_exec::from_datafusion;
use icecore_sql::ast::{
    self, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, Value, VisitMut,
    VisitorMut,
};
use icecore_types::{Code, Error, ObjectId, PolicyReturns, Result};

use super::build::RAW;
use super::table::{Constraints, Groups};
use super::{Body, Governs, original};
use crate::plan::Binder;

/// Whether a column may be in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Projecting {
    Allowed,
    /// There are NULLs in its place.
    Nulls,
    /// The query fails.
    Fails,
}

/// What a body says: of a column, or of how many rows or entities a group has
/// at least; zero is no constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    Projection(Projecting),
    Groups(u64),
}

/// In the place of a constraint its body gives a text that begins with this. No
/// text of a user has the character.
const MARK: &str = "\0";

impl Constraint {
    fn text(self) -> String {
        match self {
            Self::Projection(Projecting::Allowed) => format!("{MARK}ALLOWED"),
            Self::Projection(Projecting::Nulls) => format!("{MARK}NULLS"),
            Self::Projection(Projecting::Fails) => format!("{MARK}FAILS"),
            Self::Groups(least) => format!("{MARK}{least}"),
        }
    }

    fn parse(text: &str, returns: PolicyReturns) -> Option<Self> {
        let text = text.strip_prefix(MARK)?;
        match returns {
            PolicyReturns::Value(_) => None,
            PolicyReturns::Aggregation => text.parse().ok().map(Self::Groups),
            PolicyReturns::Projection => Some(Self::Projection(match text {
                "ALLOWED" => Projecting::Allowed,
                "NULLS" => Projecting::Nulls,
                "FAILS" => Projecting::Fails,
                _ => return None,
            })),
        }
    }
}

impl Body {
    /// What it says to who asks.
    ///
    /// # Errors
    /// `InvalidInput` if that is no constraint: then nothing is seen.
    pub(super) fn constraint(&self, state: &SessionState) -> Result<Constraint> {
        let plan = LogicalPlanBuilder::empty(true)
            .project([self.value.clone().alias("constraint")])
            .and_then(LogicalPlanBuilder::build)
            .and_then(|plan| state.optimize(&plan))
            .map_err(from_datafusion)?;
        let value = plan.expressions().into_iter().next().map(Expr::unalias_nested);
        let text = match value.map(|value| value.data) {
            Some(Expr::Literal(value, _)) => value.try_as_str().flatten().map(str::to_owned),
            _ => None,
        };
        text.and_then(|text| Constraint::parse(&text, self.returns)).ok_or_else(|| {
            let what = format!("the body of a policy gives no {}", self.returns);
            Error::new(Code::TYPE_MISMATCH, what)
        })
    }
}

/// Puts what stands for it in the place of each constraint that an expression
/// makes.
pub(super) fn marked(expression: &mut ast::Expr, returns: PolicyReturns) -> Result<()> {
    let mut marks = Marks { returns };
    match VisitMut::visit(expression, &mut marks) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Marks {
    returns: PolicyReturns,
}

impl VisitorMut for Marks {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<Error> {
        let ast::Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        let name = call.name.to_string().to_uppercase();
        let made = match (name.as_str(), self.returns) {
            ("PROJECTION_CONSTRAINT", PolicyReturns::Projection) => projection(&call.args),
            ("AGGREGATION_CONSTRAINT", PolicyReturns::Aggregation) => groups(&call.args),
            ("NO_AGGREGATION_CONSTRAINT", PolicyReturns::Aggregation) => {
                named(&call.args, &[]).map(|_| Constraint::Groups(0))
            }
            _ => return ControlFlow::Continue(()),
        };
        match made {
            Ok(constraint) => {
                *expr = ast::Expr::value(Value::SingleQuotedString(constraint.text()));
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn projection(arguments: &FunctionArguments) -> Result<Constraint> {
    let invalid = || {
        Error::new(Code::INVALID_ARGUMENT, "PROJECTION_CONSTRAINT is told what it allows")
            .with_help("write ALLOW => TRUE, or ALLOW => FALSE, ENFORCEMENT => 'FAIL' or 'NULLIFY'")
    };
    let given = named(arguments, &["ALLOW", "ENFORCEMENT"])?;
    let how = match given.get(1).and_then(Option::as_ref) {
        None => Projecting::Fails,
        Some(Value::SingleQuotedString(how)) if how.eq_ignore_ascii_case("FAIL") => {
            Projecting::Fails
        }
        Some(Value::SingleQuotedString(how)) if how.eq_ignore_ascii_case("NULLIFY") => {
            Projecting::Nulls
        }
        Some(_) => return Err(invalid()),
    };
    match given.first().and_then(Option::as_ref) {
        Some(Value::Boolean(true)) => Ok(Constraint::Projection(Projecting::Allowed)),
        Some(Value::Boolean(false)) => Ok(Constraint::Projection(how)),
        _ => Err(invalid()),
    }
}

fn groups(arguments: &FunctionArguments) -> Result<Constraint> {
    let given = named(arguments, &["MIN_GROUP_SIZE"])?;
    let least = match given.first().and_then(Option::as_ref) {
        Some(Value::Number(digits, _)) => digits.parse::<u64>().ok().filter(|least| *least > 0),
        _ => None,
    };
    least.map(Constraint::Groups).ok_or_else(|| {
        let what = "AGGREGATION_CONSTRAINT is told the least size of a group";
        Error::new(Code::INVALID_ARGUMENT, what).with_help("write MIN_GROUP_SIZE => 5")
    })
}

/// The constants behind `NAME =>`, by the names that there may be.
fn named(arguments: &FunctionArguments, names: &[&str]) -> Result<Vec<Option<Value>>> {
    let invalid = |what: &dyn std::fmt::Display| {
        Error::new(Code::INVALID_ARGUMENT, format!("not an argument of a constraint: {what}"))
            .with_help("its arguments are NAME => constant, each once")
    };
    let mut found = vec![None; names.len()];
    let FunctionArguments::List(list) = arguments else { return Err(invalid(arguments)) };
    for argument in &list.args {
        let FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(ast::Expr::Value(value)),
            operator: FunctionArgOperator::RightArrow,
        } = argument
        else {
            return Err(invalid(argument));
        };
        let at = names.iter().position(|known| name.value.eq_ignore_ascii_case(known));
        let slot = at.and_then(|at| found.get_mut(at)).ok_or_else(|| invalid(argument))?;
        if slot.replace(value.value.clone()).is_some() {
            return Err(invalid(argument));
        }
    }
    Ok(found)
}

impl Governs<'_> {
    /// What its policies say to who asks of what a query may do with its rows,
    /// and the columns that say whom they are about, under names of their own.
    pub(super) fn constraints(
        &self,
        binder: &Binder,
        state: &SessionState,
    ) -> Result<(Constraints, Vec<Expr>)> {
        let policies = &self.definition.policies;
        let mut found = Constraints::default();
        for on in &policies.projections {
            let column = self.column(on.column).ok_or_else(gone)?;
            let said = self.said(on.policy, binder, state)?;
            let Constraint::Projection(said @ (Projecting::Nulls | Projecting::Fails)) = said
            else {
                continue;
            };
            let constrained = (self.table.id(), column.id, said);
            found.columns.push((column.name.as_str().to_owned(), constrained));
            found.columns.push((original(column.id), constrained));
        }
        let Some(on) = &policies.aggregation else { return Ok((found, Vec::new())) };
        let Constraint::Groups(least @ 1..) = self.said(on.policy, binder, state)? else {
            return Ok((found, Vec::new()));
        };
        if self.originals {
            let what = "to change rows of a table that has an aggregation policy";
            return Err(Error::unsupported(what));
        }
        let mut entity = Vec::with_capacity(on.entity.len());
        for (at, id) in on.entity.iter().enumerate() {
            let column = self.column(*id).ok_or_else(gone)?;
            let stored = Column::new(Some(RAW), column.name.as_str());
            entity.push(Expr::Column(stored).alias_qualified(Some(RAW), format!("\0ENTITY{at}")));
        }
        let columns = (0..entity.len()).map(|at| Column::new(Some(RAW), format!("\0ENTITY{at}")));
        found.groups = Some(Groups { least, entity: columns.collect() });
        Ok((found, entity))
    }

    fn said(&self, policy: ObjectId, binder: &Binder, state: &SessionState) -> Result<Constraint> {
        self.applied(policy, &[], (binder, state), 0)?.body.constraint(state)
    }
}

fn gone() -> Error {
    Error::corrupted("a policy of a column that is not there")
}

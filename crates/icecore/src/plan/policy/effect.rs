//! What policies show a role, as far as it is known before any row is read.

use std::fmt;
use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::logical_expr::{Cast, EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;
use icecore_exec::from_datafusion;
use icecore_types::{ColumnId, Error, Name, Result};

use super::constraint::Projecting;
use super::{Body, Governs};
use crate::plan::Binder;

/// How much of the rows, or of the values of a column, is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    All,
    /// It depends on the row.
    Some,
    None,
}

/// What the policies of a table show.
pub(crate) struct Effect {
    rows: Share,
    /// How many rows are seen together at least; nothing if each is seen by
    /// itself.
    groups: Option<u64>,
    /// The columns under masks, and how much of their values is seen as it is
    /// stored.
    masks: Vec<(Name, Share)>,
    /// The columns that are in no result as they are.
    projections: Vec<(Name, Projecting)>,
}

impl Effect {
    /// How many rows are seen, and how.
    pub(crate) fn rows(&self) -> String {
        match self.groups {
            None => self.rows.to_string(),
            Some(least) => format!("{} IN GROUPS OF {least}", self.rows),
        }
    }

    /// The columns that are not seen, or not in every row, or not in results.
    pub(crate) fn masked(&self) -> String {
        let masked = self.masks.iter().filter_map(|(name, share)| match share {
            Share::All => None,
            Share::Some => Some(format!("{name} (by row)")),
            Share::None => Some(name.to_string()),
        });
        let constrained = self.projections.iter().map(|(name, how)| match how {
            Projecting::Nulls => format!("{name} (NULL in results)"),
            _ => format!("{name} (not in results)"),
        });
        masked.chain(constrained).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "ALL",
            Self::Some => "SOME",
            Self::None => "NONE",
        })
    }
}

impl Governs<'_> {
    /// What the policies show to whom `binder` simulates.
    ///
    /// # Errors
    /// Whatever is wrong with a policy.
    pub(crate) fn effect(&self, binder: &Binder, state: &SessionState) -> Result<Effect> {
        let policies = &self.definition.policies;
        let rows = match &policies.row_access {
            None => Share::All,
            Some(on) => {
                let filter = self.applied(on.policy, &on.columns, (binder, state), 0)?;
                share_of_rows(&filter.body, state)?
            }
        };
        let mut masks = Vec::new();
        for mask in &policies.masks {
            let arguments: Vec<ColumnId> = mask.columns().collect();
            let applied = self.applied(mask.policy, &arguments, (binder, state), 1)?;
            let Some(column) = applied.columns.first() else { continue };
            masks.push((column.name.clone(), share_of_values(&applied.body, state)?));
        }
        let (constraints, _) = self.constraints(binder, state)?;
        let projections = policies.projections.iter().filter_map(|on| {
            let column = self.column(on.column)?;
            let (_, _, how) = constraints.column(column.name.as_str())?;
            Some((column.name.clone(), how))
        });
        let projections = projections.collect();
        let groups = constraints.groups.map(|groups| groups.least);
        Ok(Effect { rows, groups, masks, projections })
    }
}

fn share_of_rows(body: &Body, state: &SessionState) -> Result<Share> {
    Ok(match simplified(body, state)? {
        Expr::Literal(ScalarValue::Boolean(Some(true)), _) => Share::All,
        Expr::Literal(..) => Share::None,
        _ => Share::Some,
    })
}

fn share_of_values(body: &Body, state: &SessionState) -> Result<Share> {
    let value = simplified(body, state)?;
    if is_stored(&value, body) {
        return Ok(Share::All);
    }
    let Expr::Case(case) = value else { return Ok(Share::None) };
    let branches = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    Ok(match branches.into_iter().any(|branch| is_stored(branch, body)) {
        true => Share::Some,
        false => Share::None,
    })
}

/// Whether a value is the column under the mask, whatever type it is given.
fn is_stored(value: &Expr, body: &Body) -> bool {
    match value {
        Expr::Column(column) => body.arguments.index_of_column(column).is_ok_and(|at| at == 0),
        Expr::Alias(alias) => is_stored(&alias.expr, body),
        Expr::Cast(Cast { expr, .. }) => is_stored(expr, body),
        _ => false,
    }
}

/// The body as the optimiser leaves it: who asks is a constant in it.
fn simplified(body: &Body, state: &SessionState) -> Result<Expr> {
    if body.has_subquery()? {
        return Ok(body.value.clone());
    }
    let empty = LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: true,
        schema: Arc::clone(&body.arguments),
    });
    let plan = LogicalPlanBuilder::from(empty).project([body.value.clone().alias("body")]);
    let plan = plan.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
    let plan = state.optimize(&plan).map_err(from_datafusion)?;
    let mut found = plan.expressions();
    match found.pop() {
        Some(Expr::Alias(alias)) if found.is_empty() => Ok(*alias.expr),
        Some(value) if found.is_empty() => Ok(value),
        _ => Err(Error::internal("a policy that the optimiser made something else of")),
    }
}

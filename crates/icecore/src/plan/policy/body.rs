//! The body of a policy as an expression over its arguments.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    EmptyRelation, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder,
};
use icecore_exec::from_datafusion;
use icecore_functions::is_fallible;
use icecore_governance::fits;
use icecore_types::{Code, Error, ObjectKind, PolicyDefinition, PolicyReturns, Result, SqlType};

use super::constraint;
use crate::plan::{Binder, plan_expression};

/// The body of a policy, whose arguments are columns of a relation of this
/// name.
pub(crate) struct Body {
    pub(super) value: Expr,
    pub(super) arguments: Arc<DFSchema>,
    /// Whether it may fail on a row.
    pub(super) fails: bool,
    pub(super) returns: PolicyReturns,
}

impl Body {
    /// Plans the body of a policy. `binder` is of the schema that the policy
    /// looks names up in.
    ///
    /// # Errors
    /// Whatever is wrong with the body; `Unsupported` for a subquery in a mask.
    pub(crate) fn plan(
        (kind, policy): (ObjectKind, &PolicyDefinition),
        relation: &TableReference,
        state: &SessionState,
        binder: &Arc<Binder>,
    ) -> Result<Self> {
        let fields = policy.arguments.iter().map(|argument| {
            let field = icecore_values::field(argument.name.as_str(), &argument.sql_type, true);
            (Some(relation.clone()), Arc::new(field))
        });
        let arguments = DFSchema::new_with_metadata(fields.collect(), Default::default());
        let arguments = Arc::new(arguments.map_err(from_datafusion)?);
        let mut expression = icecore_sql::parse_expression(&policy.body)?;
        if policy.returns.value().is_none() {
            constraint::marked(&mut expression, policy.returns)?;
        }
        let value = plan_expression(&expression, &arguments, state, binder)?;
        refuse_shapes(&value, kind)?;
        let found = value.get_type(arguments.as_ref()).map_err(from_datafusion)?;
        if kind == ObjectKind::RowAccessPolicy
            && !matches!(found, DataType::Boolean | DataType::Null)
        {
            return Err(other_type(policy.returns));
        }
        let fails = is_fallible(&value, &arguments);
        Ok(Self { value, arguments, fails, returns: policy.returns })
    }

    /// Fails unless it gives what the policy returns.
    ///
    /// # Errors
    /// `InvalidInput` for another type, and what planning it finds.
    pub(crate) fn check(&self, state: &SessionState) -> Result<()> {
        let Some(returns) = self.returns.value() else {
            return self.constraint(state).map(drop);
        };
        let empty = LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: Arc::clone(&self.arguments),
        });
        let builder = LogicalPlanBuilder::from(empty);
        if returns == SqlType::Boolean && self.has_subquery()? {
            let plan = builder.filter(self.value.clone()).and_then(LogicalPlanBuilder::build);
            return state
                .optimize(&plan.map_err(from_datafusion)?)
                .map(drop)
                .map_err(from_datafusion);
        }
        let plan = builder.project([self.value.clone().alias("body")]);
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
        let plan = state.optimize(&plan).map_err(from_datafusion)?;
        let field = plan.schema().field(0);
        if *field.data_type() == DataType::Null || gives(field, &returns)? {
            return Ok(());
        }
        Err(other_type(self.returns))
    }

    pub(super) fn has_subquery(&self) -> Result<bool> {
        has_subquery(&self.value).map_err(from_datafusion)
    }
}

/// Whether a field has the type that a policy returns; any number is one.
fn gives(field: &Field, returns: &SqlType) -> Result<bool> {
    let found = icecore_values::sql_type(field)?;
    let exact = |ty: &SqlType| matches!(ty, SqlType::Integer | SqlType::Number { .. });
    Ok(fits(returns, &found) || exact(returns) && exact(&found))
}

fn other_type(returns: PolicyReturns) -> Error {
    let what = format!("the body of a policy gives another type than it returns returns={returns}");
    Error::new(Code::TYPE_MISMATCH, what)
}

pub(super) fn has_subquery(value: &Expr) -> datafusion::common::Result<bool> {
    let is_subquery = |part: &Expr| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
        ))
    };
    value.exists(is_subquery)
}

/// A policy says something of one row.
fn refuse_shapes(value: &Expr, kind: ObjectKind) -> Result<()> {
    if kind != ObjectKind::RowAccessPolicy && has_subquery(value).map_err(from_datafusion)? {
        let kind = kind.sql().to_lowercase();
        return Err(Error::unsupported(format_args!("a subquery in a {kind}")));
    }
    let mut refused = None;
    value
        .apply(|part| {
            refused = match part {
                Expr::AggregateFunction(_) => Some("an aggregate function in a policy"),
                Expr::WindowFunction(_) => Some("a window function in a policy"),
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            Ok(TreeNodeRecursion::Stop)
        })
        .map_err(from_datafusion)?;
    match refused {
        None => Ok(()),
        Some(what) => Err(Error::new(Code::INVALID_STATEMENT, format!("{what} cannot be"))),
    }
}

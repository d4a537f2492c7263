//! IN with a subquery as a part of another condition becomes a mark on the
//! rows that it found, which says FALSE where the dialect says NULL. Where that
//! is no other answer it stays; elsewhere it is refused.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;
use icecore_exec::to_datafusion;
use icecore_types::Error;

/// Refuses IN with a subquery where NULL is an answer of its own and would be
/// lost.
#[derive(Debug)]
pub(super) struct NullMarkRule;

impl AnalyzerRule for NullMarkRule {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::Filter(filter) = node {
                for condition in split_conjunction(&filter.predicate) {
                    if !is_alone(condition) {
                        check(condition, true, filter.input.schema())?;
                    }
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "icecore_null_mark"
    }
}

/// Whether it is a condition by itself, which becomes a join that knows NULL.
fn is_alone(condition: &Expr) -> bool {
    match condition {
        Expr::InSubquery(_) => true,
        Expr::Not(inner) => matches!(inner.as_ref(), Expr::InSubquery(_)),
        _ => false,
    }
}

/// `selects`: whether FALSE and NULL are the same here, because both take no
/// row.
fn check(expr: &Expr, selects: bool, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::InSubquery(found) if selects && !found.negated => Ok(()),
        Expr::InSubquery(found) if may_be_null(found, schema)? => Err(to_datafusion(
            Error::unsupported("IN (subquery) within another expression, where NULL may be met")
                .with_help("write EXISTS or NOT EXISTS, which say what NULL means"),
        )),
        Expr::BinaryExpr(both) if matches!(both.op, Operator::And | Operator::Or) => {
            check(&both.left, selects, schema)?;
            check(&both.right, selects, schema)
        }
        _ => {
            expr.apply_children(|part| {
                check(part, false, schema).map(|()| TreeNodeRecursion::Continue)
            })?;
            Ok(())
        }
    }
}

fn may_be_null(found: &InSubquery, schema: &DFSchema) -> Result<bool> {
    let rows = found.subquery.subquery.schema();
    let listed = rows.fields().first().is_none_or(|field| field.is_nullable());
    // What is not known may be NULL.
    Ok(listed || found.expr.nullable(schema).unwrap_or(true))
}

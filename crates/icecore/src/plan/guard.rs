//! A condition that may fail is evaluated only on the rows that the conditions
//! beside it leave: `b <> 0 AND a / b > 1` divides by no zero, in either order.

use std::collections::HashSet;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{
    conjunction, disjunction, merge_schema, split_binary_owned, split_conjunction,
    split_conjunction_owned,
};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use icecore_functions::{as_guarded, decided_first, guarded, is_fallible, kept_apart};

/// As many conditions that may fail are evaluated one after the other; those
/// beyond are evaluated together.
const MAX_CHAIN: usize = 16;

/// Of the conditions of one WHERE, ON, HAVING or QUALIFY, those that cannot
/// fail come first, and then the others in their order, each on the rows that
/// are left. Elsewhere, those of AND and OR that cannot fail decide first.
#[derive(Debug)]
pub(super) struct GuardRule;

impl AnalyzerRule for GuardRule {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(node).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "icecore_guard"
    }
}

impl OptimizerRule for GuardRule {
    fn name(&self) -> &str {
        "icecore_guard_again"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Filter(_) => filter(plan, false),
            other => Ok(Transformed::no(other)),
        }
    }
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(_) => filter(plan, true),
        LogicalPlan::Join(mut join) => {
            let Some(condition) = join.filter.take() else {
                return Ok(Transformed::no(LogicalPlan::Join(join)));
            };
            let schema = join.left.schema().join(join.right.schema())?;
            let guarded = conditions(condition, &schema, true)?;
            join.filter = Some(guarded.data);
            Ok(Transformed::new_transformed(LogicalPlan::Join(join), guarded.transformed))
        }
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) => {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(within(expr, &schema)?.update_data(|expr| name.restore(expr)))
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

fn filter(plan: LogicalPlan, parts_too: bool) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(mut filter) = plan else { return Ok(Transformed::no(plan)) };
    let predicate = std::mem::take(&mut filter.predicate);
    let guarded = conditions(predicate, filter.input.schema(), parts_too)?;
    filter.predicate = guarded.data;
    Ok(Transformed::new_transformed(LogicalPlan::Filter(filter), guarded.transformed))
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::ScalarSubquery(_)
        ))
    })
    .unwrap_or(true)
}

/// Whether a condition compares one relation with another: a join's key, which
/// is computed for every row of its side.
fn is_key(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = expr else { return false };
    let relations = |side: &Expr| -> HashSet<_> {
        side.column_refs().into_iter().map(|column: &Column| column.relation.clone()).collect()
    };
    let (left, right) = (relations(left), relations(right));
    !left.is_empty() && !right.is_empty() && left.is_disjoint(&right)
}

/// The conditions of a WHERE, of which NULL is as good as false.
fn conditions(predicate: Expr, schema: &DFSchema, parts_too: bool) -> Result<Transformed<Expr>> {
    if !is_fallible(&predicate, schema) {
        return Ok(Transformed::no(predicate));
    }
    let original = predicate.clone();
    let (mut kept, mut guards, mut risky) = (Vec::new(), Vec::new(), Vec::new());
    for condition in split_conjunction_owned(predicate) {
        let condition = match parts_too {
            true => within(condition, schema)?.data,
            false => condition,
        };
        if is_key(&condition) || has_subquery(&condition) {
            kept.push(condition);
        } else if is_fallible(&condition, schema) {
            risky.push(condition);
        } else {
            guards.push(condition.clone());
            kept.push(condition);
        }
    }
    kept.extend(chained(guards, risky));
    let Some(changed) = conjunction(kept) else { return Ok(Transformed::no(original)) };
    let is_new = changed != original;
    Ok(Transformed::new_transformed(changed, is_new))
}

/// What may fail, each where the guards and those before it are true.
fn chained(guards: Vec<Expr>, risky: Vec<Expr>) -> Option<Expr> {
    if let [only] = risky.as_slice()
        && let Some((known, _)) = as_guarded(only)
    {
        let known = split_conjunction(known);
        if guards.iter().all(|guard| known.contains(&guard)) {
            return Some(only.clone());
        }
    }
    let mut risky = risky.into_iter();
    let first: Vec<_> = risky.by_ref().take(MAX_CHAIN).collect();
    let rest = conjunction(risky);
    let chain = first.into_iter().chain(rest).rev();
    let chain = chain.reduce(|then, condition| guarded(condition, then))?;
    Some(match conjunction(guards) {
        Some(guards) => guarded(guards, chain),
        None => chain,
    })
}

/// AND, OR and CASE inside an expression.
fn within(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_down(|part| match part {
        Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::And | Operator::Or), .. })
            if is_fallible(&part, schema) && !has_subquery(&part) =>
        {
            operands(part, op, schema)
        }
        Expr::Case(case) => {
            let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            let truths = thens.chain(case.else_expr.as_deref()).any(|then| {
                then.get_type(schema).is_ok_and(|ty| ty == arrow::datatypes::DataType::Boolean)
            });
            let part = Expr::Case(case);
            let fails = truths && is_fallible(&part, schema) && !has_subquery(&part);
            let Expr::Case(case) = part else { return Ok(Transformed::no(part)) };
            if !fails {
                return Ok(Transformed::no(Expr::Case(case)));
            }
            let case = case_parts(case, schema)?;
            Ok(Transformed::new(kept_apart(case), true, TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    })
}

fn case_parts(
    mut case: datafusion::logical_expr::Case,
    schema: &DFSchema,
) -> Result<datafusion::logical_expr::Case> {
    for (when, then) in &mut case.when_then_expr {
        **when = within(std::mem::take(when.as_mut()), schema)?.data;
        **then = within(std::mem::take(then.as_mut()), schema)?.data;
    }
    if let Some(other) = &mut case.else_expr {
        **other = within(std::mem::take(other.as_mut()), schema)?.data;
    }
    Ok(case)
}

fn operands(part: Expr, op: Operator, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for operand in split_binary_owned(part, op) {
        let operand = within(operand, schema)?.data;
        match is_fallible(&operand, schema) {
            true => second.push(operand),
            false => first.push(operand),
        }
    }
    let joined = |operands| match op {
        Operator::And => conjunction(operands),
        _ => disjunction(operands),
    };
    let whole = match (joined(first), joined(second)) {
        (Some(first), Some(second)) => decided_first(op, first, second),
        (Some(all), None) | (None, Some(all)) => all,
        (None, None) => datafusion::logical_expr::lit(op == Operator::And),
    };
    Ok(Transformed::new(whole, true, TreeNodeRecursion::Jump))
}

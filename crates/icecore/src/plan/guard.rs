//! A condition that may fail is evaluated only on the rows that the conditions
//! beside it leave: `b <> 0 AND a / b > 1` divides by no zero, in either order.

mod keys;
mod subqueries;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{
    conjunction, disjunction, merge_schema, split_binary_owned, split_conjunction,
    split_conjunction_owned,
};
use datafusion::logical_expr::{Case, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use icecore_functions::{as_guarded, decided_first, guarded, is_fallible, kept_apart};
use keys::{keys_below, sheltered_keys};
use subqueries::{has_predicate_subquery, has_subquery, is_correlated, sheltered};

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
            let condition = sheltered_keys(condition, join.left.schema(), &schema);
            let guarded = conditions(condition.data, &schema, Some(&[]))?;
            let changed = condition.transformed || guarded.transformed;
            join.filter = Some(guarded.data);
            Ok(Transformed::new_transformed(LogicalPlan::Join(join), changed))
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Sort(_) => {
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

fn filter(plan: LogicalPlan, first: bool) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(mut filter) = plan else { return Ok(Transformed::no(plan)) };
    let predicate = std::mem::take(&mut filter.predicate);
    let keys = if first { keys_below(&filter.input)? } else { Vec::new() };
    let schema = filter.input.schema();
    let guarded = conditions(predicate, schema, first.then_some(keys.as_slice()))?;
    filter.predicate = guarded.data;
    Ok(Transformed::new_transformed(LogicalPlan::Filter(filter), guarded.transformed))
}

/// The conditions of one place, by what becomes of them.
#[derive(Default)]
struct Sorted {
    kept: Vec<Expr>,
    guards: Vec<Expr>,
    risky: Vec<Expr>,
}

/// The conditions of a WHERE, of which NULL is as good as false. The first time
/// the joins below are given with their keys: what may fail is not evaluated
/// for rows that find no partner, wherever an optimizer moves it.
fn conditions(
    predicate: Expr,
    schema: &DFSchema,
    joined_on: Option<&[Expr]>,
) -> Result<Transformed<Expr>> {
    if !is_fallible(&predicate, schema) {
        return Ok(Transformed::no(predicate));
    }
    let original = predicate.clone();
    let all = split_conjunction_owned(predicate);
    let is_joined = all.iter().any(|condition| keys::is_sure_key(condition, schema));
    let mut sorted = Sorted::default();
    for condition in all {
        let condition = match joined_on {
            Some(_) => within(condition, schema)?.data,
            None => condition,
        };
        sort(condition, schema, (is_joined, joined_on.is_some()), &mut sorted);
    }
    let Sorted { mut kept, mut guards, risky } = sorted;
    guards.extend(joined_on.unwrap_or_default().iter().cloned());
    kept.extend(chained(guards, risky));
    let Some(changed) = conjunction(kept) else { return Ok(Transformed::no(original)) };
    let is_new = changed != original;
    Ok(Transformed::new_transformed(changed, is_new))
}

/// A key that may fail is a key only if there is no other: otherwise it is
/// looked at where the others are equal.
fn sort(
    condition: Expr,
    schema: &DFSchema,
    (is_joined, is_first): (bool, bool),
    into: &mut Sorted,
) {
    let is_risky = is_fallible(&condition, schema);
    let is_key = keys::is_key(&condition);
    if has_predicate_subquery(&condition) || is_key && is_risky && !is_joined {
        into.kept.push(condition);
    } else if is_risky {
        into.risky.push(condition);
    } else {
        let is_guard = if is_key { is_first } else { !is_correlated(&condition) };
        if is_guard {
            into.guards.push(condition.clone());
        }
        into.kept.push(condition);
    }
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
            if is_fallible(&part, schema) =>
        {
            operands(part, op, schema)
        }
        Expr::Case(case) => {
            let part = Expr::Case(case);
            let fails = is_fallible(&part, schema);
            let Expr::Case(case) = part else { return Ok(Transformed::no(part)) };
            if !fails || !is_of_truths(&case, schema) && !case_has_subquery(&case) {
                return Ok(Transformed::no(Expr::Case(case)));
            }
            let truths = is_of_truths(&case, schema);
            let case = case_parts(case, schema)?;
            let whole = if truths { kept_apart(case) } else { Expr::Case(case) };
            Ok(Transformed::new(whole, true, TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    })
}

fn is_of_truths(case: &Case, schema: &DFSchema) -> bool {
    let thens = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
    thens
        .chain(case.else_expr.as_deref())
        .any(|then| then.get_type(schema).is_ok_and(|ty| ty == DataType::Boolean))
}

fn case_has_subquery(case: &Case) -> bool {
    let parts = case.when_then_expr.iter().flat_map(|(when, then)| [when, then]);
    parts.chain(&case.else_expr).any(|part| has_subquery(part))
}

/// Each part where those before it were not taken.
fn case_parts(mut case: Case, schema: &DFSchema) -> Result<Case> {
    let operand = case.expr.as_deref().cloned();
    let mut passed: Option<Expr> = None;
    for (when, then) in &mut case.when_then_expr {
        let condition = match &operand {
            Some(operand) => operand.clone().eq(when.as_ref().clone()),
            None => when.as_ref().clone(),
        };
        let taken = condition.clone().is_true();
        let reached = passed.iter().cloned().chain([taken]).reduce(Expr::and);
        **when = part(std::mem::take(when.as_mut()), passed.as_ref(), schema)?;
        **then = part(std::mem::take(then.as_mut()), reached.as_ref(), schema)?;
        passed = passed.into_iter().chain([condition.is_not_true()]).reduce(Expr::and);
    }
    if let Some(other) = &mut case.else_expr {
        **other = part(std::mem::take(other.as_mut()), passed.as_ref(), schema)?;
    }
    Ok(case)
}

/// A part of an expression that is evaluated where `guard` is true.
fn part(expr: Expr, guard: Option<&Expr>, schema: &DFSchema) -> Result<Expr> {
    let expr = within(expr, schema)?.data;
    match guard {
        Some(guard) if !has_predicate_subquery(guard) => sheltered(expr, guard, schema),
        _ => Ok(expr),
    }
}

/// Those that decide without failing come first. One with a subquery that is a
/// join stays behind: it would be another join each time that it is written.
fn operands(part: Expr, op: Operator, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for operand in split_binary_owned(part, op) {
        let operand = within(operand, schema)?.data;
        match is_fallible(&operand, schema) || has_predicate_subquery(&operand) {
            true => second.push(operand),
            false => first.push(operand),
        }
    }
    let joined = |operands| match op {
        Operator::And => conjunction(operands),
        _ => disjunction(operands),
    };
    let whole = match (joined(first), joined(second)) {
        (Some(first), Some(second)) => {
            let undecided = match op {
                Operator::And => first.clone().is_not_false(),
                _ => first.clone().is_not_true(),
            };
            decided_first(op, first, sheltered(second, &undecided, schema)?)
        }
        (Some(all), None) | (None, Some(all)) => all,
        (None, None) => datafusion::logical_expr::lit(op == Operator::And),
    };
    Ok(Transformed::new(whole, true, TreeNodeRecursion::Jump))
}

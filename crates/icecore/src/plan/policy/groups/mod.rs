//! Aggregation policies: rows that are seen in groups of some size only.
//!
//! From each table under such a policy a column goes up the plan beside its
//! rows, which says whom they are about. The first aggregate that it comes to
//! counts it: groups that are too small become one, and are not shown if that is
//! too small, too. A plan that shows rows before there is such an aggregate is
//! refused.

mod close;
mod leaf;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, Join, JoinType, LogicalPlan, Operator, Projection, Subquery, SubqueryAlias, TableSource,
    Union, Volatility,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;
use icecore_exec::to_datafusion;
use icecore_types::{Code, Error};

use super::PolicyTable;

/// Rows on their way up, and what says whom they are about: of closed ones
/// nothing.
struct Rows {
    plan: LogicalPlan,
    entities: Vec<Entity>,
}

/// A column that says whom a row is about.
#[derive(Clone)]
struct Entity {
    column: Column,
    /// How many there must be in a group.
    least: u64,
    /// Whether it may be in a group more than once.
    repeats: bool,
}

/// The plan with groups that are large enough.
///
/// # Errors
/// `InvalidInput` if it shows rows, or what depends on one of them.
pub(super) fn grouped(plan: LogicalPlan) -> Result<LogicalPlan> {
    Walk::default().closed(&plan)
}

/// Whether something in a plan, however deep, is seen in groups only.
fn has_groups(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(TreeNodeRecursion::Continue) };
        if let Some(table) = governed(&scan.source) {
            found = table.constraints().groups.is_some() || has_groups(table.plan())?;
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn governed(source: &Arc<dyn TableSource>) -> Option<PolicyTable> {
    source_as_provider(source).ok()?.downcast_ref::<PolicyTable>().cloned()
}

/// Gives the columns that go up names of their own.
#[derive(Default)]
struct Walk {
    names: usize,
}

impl Walk {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("\0ABOUT{}", self.names)
    }

    /// A plan that shows nothing but groups.
    fn closed(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let rows = self.rows(plan, false)?;
        match rows.entities.is_empty() {
            true => Ok(rows.plan),
            false => Err(refused("its rows themselves")),
        }
    }

    /// The rows of a plan. `joined` says that each may come to its group more
    /// than once.
    fn rows(&mut self, plan: &LogicalPlan, joined: bool) -> Result<Rows> {
        if !has_groups(plan)? {
            return Ok(Rows { plan: plan.clone(), entities: Vec::new() });
        }
        match plan {
            LogicalPlan::TableScan(scan) => self.leaf(scan, joined),
            LogicalPlan::SubqueryAlias(alias) => self.alias(alias, joined),
            LogicalPlan::Projection(node) => {
                let rows = self.rows(&node.input, joined)?;
                let mut exprs = self.expressions(plan, &rows.entities)?;
                exprs
                    .extend(rows.entities.iter().map(|entity| Expr::Column(entity.column.clone())));
                let plan = Projection::try_new(exprs, Arc::new(rows.plan))?;
                Ok(Rows { plan: LogicalPlan::Projection(plan), ..rows })
            }
            LogicalPlan::Filter(node) => {
                let rows = self.rows(&node.input, joined)?;
                self.over(plan, rows)
            }
            LogicalPlan::Sort(node) if node.fetch.is_none() => {
                let rows = self.rows(&node.input, joined)?;
                self.over(plan, rows)
            }
            LogicalPlan::Join(join) => self.join(plan, join),
            LogicalPlan::Union(union) => self.union(union, joined),
            LogicalPlan::Aggregate(aggregate) => {
                let rows = self.rows(&aggregate.input, false)?;
                let exprs = self.expressions(plan, &rows.entities)?;
                let input = rows.plan.clone();
                let LogicalPlan::Aggregate(aggregate) = plan.with_new_exprs(exprs, vec![input])?
                else {
                    return Err(refused("what it is"));
                };
                Ok(Rows { plan: self.close(aggregate, rows)?, entities: Vec::new() })
            }
            LogicalPlan::Subquery(subquery) => {
                let plan = LogicalPlan::Subquery(self.subquery(subquery)?);
                Ok(Rows { plan, entities: Vec::new() })
            }
            other => self.other(other),
        }
    }

    /// A node that passes rows on, or not.
    fn over(&mut self, plan: &LogicalPlan, rows: Rows) -> Result<Rows> {
        let exprs = self.expressions(plan, &rows.entities)?;
        Ok(Rows { plan: plan.with_new_exprs(exprs, vec![rows.plan])?, ..rows })
    }

    /// A node over groups.
    fn other(&mut self, plan: &LogicalPlan) -> Result<Rows> {
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            let rows = self.rows(input, false)?;
            if !rows.entities.is_empty() {
                return Err(refused(match plan {
                    LogicalPlan::Window(_) => "window functions over its rows",
                    LogicalPlan::Distinct(_) => "DISTINCT of its rows",
                    LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => "LIMIT of its rows",
                    LogicalPlan::RecursiveQuery(_) => "its rows in a recursive query",
                    _ => "this of its rows",
                }));
            }
            inputs.push(rows.plan);
        }
        let exprs = self.expressions(plan, &[])?;
        let plan = plan.with_new_exprs(exprs, inputs)?.recompute_schema()?;
        Ok(Rows { plan, entities: Vec::new() })
    }

    fn alias(&mut self, alias: &SubqueryAlias, joined: bool) -> Result<Rows> {
        let Rows { plan, mut entities } = self.rows(&alias.input, joined)?;
        let plan = SubqueryAlias::try_new(Arc::new(plan), alias.alias.clone())?;
        for entity in &mut entities {
            entity.column.relation = Some(alias.alias.clone());
        }
        Ok(Rows { plan: LogicalPlan::SubqueryAlias(plan), entities })
    }

    fn join(&mut self, plan: &LogicalPlan, join: &Join) -> Result<Rows> {
        let left = self.rows(&join.left, true)?;
        let right = self.rows(&join.right, true)?;
        if !left.entities.is_empty() && is_correlated(&join.right) {
            return Err(refused("a LATERAL join of its rows"));
        }
        let one_side = match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => false,
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                !right.entities.is_empty()
            }
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                !left.entities.is_empty()
            }
        };
        if one_side {
            return Err(refused("a semi join with its rows"));
        }
        let mut entities = left.entities;
        entities.extend(right.entities);
        let exprs = self.expressions(plan, &entities)?;
        Ok(Rows { plan: plan.with_new_exprs(exprs, vec![left.plan, right.plan])?, entities })
    }

    /// Each branch has the columns of all, NULL where they are another's: a row
    /// that comes from two of them is not two rows.
    fn union(&mut self, union: &Union, joined: bool) -> Result<Rows> {
        let inputs = union.inputs.iter().map(|input| self.rows(input, joined));
        let inputs: Vec<Rows> = inputs.collect::<Result<_>>()?;
        let mut entities = Vec::new();
        let mut exprs: Vec<Vec<Expr>> = vec![Vec::new(); inputs.len()];
        for (at, input) in inputs.iter().enumerate() {
            for entity in &input.entities {
                let name = self.name();
                let null = ScalarValue::try_from(
                    input.plan.schema().field_from_column(&entity.column)?.data_type(),
                )?;
                for (other, exprs) in exprs.iter_mut().enumerate() {
                    let value = match other == at {
                        true => Expr::Column(entity.column.clone()),
                        false => Expr::Literal(null.clone(), None),
                    };
                    exprs.push(value.alias(&name));
                }
                let column = Column::from_name(name);
                entities.push(Entity { column, ..entity.clone() });
            }
        }
        let width = union.schema.fields().len();
        let mut branches = Vec::with_capacity(inputs.len());
        for (input, entities) in inputs.into_iter().zip(exprs) {
            let columns = input.plan.schema().columns().into_iter().take(width);
            let columns = columns.map(Expr::Column).chain(entities).collect();
            let branch = Projection::try_new(columns, Arc::new(input.plan))?;
            branches.push(Arc::new(LogicalPlan::Projection(branch)));
        }
        let whole = Union::try_new_with_loose_types(branches)?;
        // Whoever is above calls the columns as it did.
        let found = whole.schema.columns();
        let named = union.schema.iter().map(Some).chain(std::iter::repeat(None));
        let columns = found.into_iter().zip(named).map(|(column, known)| match known {
            Some((relation, field)) => {
                Expr::Column(column).alias_qualified(relation.cloned(), field.name())
            }
            None => Expr::Column(column),
        });
        let plan = Projection::try_new(columns.collect(), Arc::new(LogicalPlan::Union(whole)))?;
        Ok(Rows { plan: LogicalPlan::Projection(plan), entities })
    }

    /// The expressions of a node over rows: nothing in them tells of one row.
    fn expressions(&mut self, plan: &LogicalPlan, entities: &[Entity]) -> Result<Vec<Expr>> {
        let schema = merge_schema(&plan.inputs());
        let exprs = plan.expressions().into_iter().map(|expr| {
            if !entities.is_empty() {
                refuse_telling(&expr, &schema)?;
            }
            let closed = expr.transform(|part| match part {
                Expr::ScalarSubquery(subquery) => {
                    Ok(Transformed::yes(Expr::ScalarSubquery(self.subquery(&subquery)?)))
                }
                Expr::Exists(Exists { subquery, negated }) => {
                    let subquery = self.subquery(&subquery)?;
                    Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated })))
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                    let subquery = self.subquery(&subquery)?;
                    Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated })))
                }
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                    let subquery = self.subquery(&subquery)?;
                    let test = SetComparison { expr, subquery, op, quantifier };
                    Ok(Transformed::yes(Expr::SetComparison(test)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(closed.data)
        });
        exprs.collect()
    }

    fn subquery(&mut self, subquery: &Subquery) -> Result<Subquery> {
        if !has_groups(&subquery.subquery)? {
            return Ok(subquery.clone());
        }
        if is_correlated(&subquery.subquery) {
            return Err(refused("its rows in a correlated subquery"));
        }
        Ok(subquery.with_plan(Arc::new(self.closed(&subquery.subquery)?)))
    }
}

fn is_correlated(plan: &LogicalPlan) -> bool {
    !plan.all_out_ref_exprs().is_empty()
}

/// An error on one row tells of it; so does what is drawn anew for each row, or
/// looked up for it.
fn refuse_telling(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let mut telling = None;
    expr.apply(|part| {
        telling = match part {
            Expr::ScalarFunction(call)
                if call.func.signature().volatility == Volatility::Volatile =>
            {
                Some("what differs from row to row by chance")
            }
            Expr::BinaryExpr(_) | Expr::ScalarFunction(_) if may_fail(part, schema) => {
                Some(MAY_FAIL)
            }
            Expr::ScalarSubquery(of) if is_correlated(&of.subquery) => Some(CORRELATED),
            Expr::Exists(of) if is_correlated(&of.subquery.subquery) => Some(CORRELATED),
            Expr::InSubquery(of) if is_correlated(&of.subquery.subquery) => Some(CORRELATED),
            Expr::SetComparison(of) if is_correlated(&of.subquery.subquery) => Some(CORRELATED),
            _ => None,
        };
        Ok(match telling {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    })?;
    telling.map_or(Ok(()), |what| Err(refused(what)))
}

/// What fails only at the ends of a type does not count: who sums numbers can
/// have that, too. What reads no column counts if it has no value: beside a
/// condition on rows it fails for some of them.
fn may_fail(expr: &Expr, schema: &DFSchema) -> bool {
    const AT_THE_ENDS: &[&str] = &["add", "subtract", "multiply", "negate", "date_trunc"];
    let fallible = match expr {
        Expr::BinaryExpr(binary) => matches!(binary.op, Operator::Divide | Operator::Modulo),
        Expr::ScalarFunction(call) => {
            !AT_THE_ENDS.contains(&call.name()) && icecore_functions::is_fallible_call(call, schema)
        }
        _ => false,
    };
    fallible && !has_constant_value(expr)
}

fn has_constant_value(expr: &Expr) -> bool {
    let simple = || ExprSimplifier::new(SimplifyContext::default()).simplify(expr.clone());
    !expr.any_column_refs() && matches!(simple(), Ok(Expr::Literal(..)))
}

const MAY_FAIL: &str = "an expression of its values that may fail: DIV0 and TRY_CAST do not";
const CORRELATED: &str = "a subquery that depends on its rows";

fn refused(what: &str) -> datafusion::error::DataFusionError {
    let what = format!("a table under an aggregation policy does not show {what}");
    to_datafusion(
        Error::new(Code::INVALID_STATEMENT, what).with_help(
            "aggregate it with COUNT, SUM, AVG or APPROX_COUNT_DISTINCT, by plain GROUP BY",
        ),
    )
}

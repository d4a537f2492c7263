//! The aggregate above rows that are seen in groups only.

use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{Column, NullEquality, Result};
use datafusion::functions_aggregate::expr_fn::{count, count_distinct};
use datafusion::logical_expr::utils::disjunction;
use datafusion::logical_expr::{
    Aggregate, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, lit, when,
};
use datafusion::scalar::ScalarValue;

use super::{Entity, Rows, Walk, refused};

/// The aggregates that show no single value.
const SHOWN: &[&str] = &["avg", "count", "sum", "approx_distinct"];

/// What the steps call their columns.
const KEY: &str = "\0KEY";
const SMALL_KEY: &str = "\0SMALL";
const GROUP: &str = "\0GROUP";
const REST: &str = "\0REST";
const VALUE: &str = "\0VALUE";
const SIZE: &str = "\0SIZE";

impl Walk {
    /// The groups that are large enough, one of all others, and nothing in that
    /// one if it is not large enough, too.
    pub(super) fn close(&self, aggregate: Aggregate, rows: Rows) -> Result<LogicalPlan> {
        if rows.entities.is_empty() {
            return Ok(LogicalPlan::Aggregate(aggregate));
        }
        aggregate.aggr_expr.iter().try_for_each(refuse_other)?;
        if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
            return Err(refused("ROLLUP, CUBE and GROUPING SETS of its rows"));
        }
        let entities = &rows.entities;
        let keys = aggregate.group_expr.len();
        let rows = match keys {
            0 => LogicalPlanBuilder::from(rows.plan),
            _ => with_groups(rows.plan, &aggregate.group_expr, entities)?,
        };
        let groups: Vec<Expr> = match keys {
            0 => Vec::new(),
            _ => (0..keys).map(|at| part(GROUP, at)).chain([part(REST, 0)]).collect(),
        };
        let values = aggregate.aggr_expr.iter().enumerate();
        let values = values.map(|(at, value)| value.clone().unalias().alias(name(VALUE, at)));
        let aggregated = rows.aggregate(groups, values.chain(sizes(entities)))?;
        let small = too_small(entities)?;
        let places = (0..keys).map(|at| part(GROUP, at));
        let places = places.chain((0..aggregate.aggr_expr.len()).map(|at| part(VALUE, at)));
        let shown = places.zip(aggregate.schema.iter()).map(|(value, (relation, field))| {
            let nothing = lit(ScalarValue::try_from(field.data_type())?);
            let shown = when(small.clone(), nothing).otherwise(value)?;
            let metadata = Some(FieldMetadata::from(field.as_ref()));
            Ok(shown.alias_qualified_with_metadata(relation.cloned(), field.name(), metadata))
        });
        aggregated.project(shown.collect::<Result<Vec<_>>>()?)?.build()
    }
}

/// The rows with the key of the group that they come to, and whether that is the
/// one of all small groups.
fn with_groups(
    plan: LogicalPlan,
    keys: &[Expr],
    entities: &[Entity],
) -> Result<LogicalPlanBuilder> {
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let computed = keys.iter().enumerate();
    let computed = computed.map(|(at, key)| key.clone().unalias().alias(name(KEY, at)));
    let rows =
        LogicalPlanBuilder::from(plan).project(columns.iter().cloned().chain(computed))?.build()?;
    let all = || 0..keys.len();
    let small = LogicalPlanBuilder::from(rows.clone())
        .aggregate(all().map(|at| part(KEY, at)), sizes(entities))?
        .filter(too_small(entities)?)?
        .project(
            all()
                .map(|at| part(KEY, at).alias(name(SMALL_KEY, at)))
                .chain([lit(true).alias(name(REST, 0))]),
        )?
        .build()?;
    let on: (Vec<Column>, Vec<Column>) = all()
        .map(|at| (Column::from_name(name(KEY, at)), Column::from_name(name(SMALL_KEY, at))))
        .unzip();
    let is_rest = || part(REST, 0).is_not_null();
    let mut grouped = columns;
    for at in all() {
        let nothing = lit(ScalarValue::try_from(
            rows.schema().field_with_unqualified_name(&name(KEY, at))?.data_type(),
        )?);
        let key = when(is_rest(), nothing).otherwise(part(KEY, at))?;
        grouped.push(key.alias(name(GROUP, at)));
    }
    grouped.push(is_rest().alias(name(REST, 0)));
    LogicalPlanBuilder::from(rows)
        .join_detailed(small, JoinType::Left, on, None, NullEquality::NullEqualsNull)?
        .project(grouped)
}

/// How many there are in a group, of each kind.
fn sizes(entities: &[Entity]) -> Vec<Expr> {
    let sizes = entities.iter().enumerate().map(|(at, entity)| {
        let column = Expr::Column(entity.column.clone());
        let size = if entity.repeats { count_distinct(column) } else { count(column) };
        size.alias(name(SIZE, at))
    });
    sizes.collect()
}

/// Whether these sizes are not enough.
fn too_small(entities: &[Entity]) -> Result<Expr> {
    let small = entities.iter().enumerate().map(|(at, entity)| {
        let least = i64::try_from(entity.least).unwrap_or(i64::MAX);
        part(SIZE, at).lt(lit(least))
    });
    disjunction(small).ok_or_else(|| refused("what it is"))
}

fn refuse_other(value: &Expr) -> Result<()> {
    match value {
        Expr::Alias(alias) => refuse_other(&alias.expr),
        Expr::AggregateFunction(call) if SHOWN.contains(&call.func.name()) => Ok(()),
        Expr::AggregateFunction(call) => {
            Err(refused(&format!("{} of its rows", call.func.name().to_uppercase())))
        }
        _ => Err(refused("what it is")),
    }
}

fn name(step: &str, at: usize) -> String {
    format!("{step}{at}")
}

fn part(step: &str, at: usize) -> Expr {
    Expr::Column(Column::from_name(name(step, at)))
}

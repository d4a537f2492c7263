//! One column out of several expressions: what a set operation, VALUES and a
//! recursive query make of different types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::logical_plan::Projection;
use datafusion::logical_expr::{
    Expr, ExprSchemable, Join, LogicalPlan, RecursiveQuery, Union, Values,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
use icecore_exec::to_datafusion;
use icecore_functions::{beside_text, wider};
use icecore_types::{Error, SqlType};
use icecore_values::{arrow_type, sql_type};

/// A float beside exact numbers makes all of them floats, where DataFusion
/// makes decimals of fifteen digits; numbers get the digits of all, and text
/// beside another type is read as that type; and the parts of a recursive query agree
/// to the letter, as its operator demands.
#[derive(Debug)]
pub(super) struct CommonTypes;

/// The plan of a query with its common types, which what is made of the query,
/// as a table or a view, takes its columns from.
pub(super) fn settled(plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
    CommonTypes.analyze(plan, config)
}

impl AnalyzerRule for CommonTypes {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let settled = plan.transform_up_with_subqueries(|node| {
            let settled = settle(node)?;
            if settled.transformed {
                return Ok(settled);
            }
            // What is below may have other types now.
            settled.data.recompute_schema().map(Transformed::no)
        })?;
        if !settled.transformed {
            return Ok(settled.data);
        }
        // Comparisons were aligned with the types that there were.
        ApplyFunctionRewrites::new(icecore_functions::rewrites()).analyze(settled.data, config)
    }

    fn name(&self) -> &str {
        "icecore_common_types"
    }
}

fn settle(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Union(union) => self::union(union),
        LogicalPlan::Values(values) => self::values(values),
        LogicalPlan::Join(join) => self::join(join),
        LogicalPlan::RecursiveQuery(query) => recursive(query),
        other => Ok(Transformed::no(other)),
    }
}

fn is_exact(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Int64)
}

/// Whether values of these types become floats together.
fn become_floats<'a>(types: impl Iterator<Item = &'a DataType> + Clone) -> bool {
    types.clone().any(|ty| *ty == DataType::Float64) && types.clone().any(is_exact)
}

/// The plan with each column as `change` says.
fn projected(
    plan: &Arc<LogicalPlan>,
    change: impl Fn(usize, Expr, &Field) -> Result<Expr>,
) -> Result<Arc<LogicalPlan>> {
    let schema = plan.schema();
    let columns = schema.iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::from((qualifier, field));
        let changed = change(at, column.clone(), field)?;
        Ok(match changed == column {
            true => column,
            false => changed.alias_qualified(qualifier.cloned(), field.name()),
        })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(plan))?)))
}

fn stored(expr: Expr, field: &Field, ty: &SqlType) -> Result<Expr> {
    icecore_functions::assign(expr, field, field.name(), ty, false).map_err(to_datafusion)
}

/// The types of the columns of a set operation, where they have to change.
fn common(union: &Union) -> Vec<Option<SqlType>> {
    let width = union.schema.fields().len();
    (0..width)
        .map(|at| {
            let fields = union.inputs.iter().filter_map(|input| input.schema().fields().get(at));
            let typed = fields.filter(|field| *field.data_type() != DataType::Null);
            let types = typed.map(|field| sql_type(field).ok()).collect::<Option<Vec<_>>>()?;
            let first = *types.first()?;
            let all = types.iter().try_fold(first, |all, ty| wider(all, *ty))?;
            types.iter().any(|ty| *ty != all).then_some(all)
        })
        .collect()
}

fn union(union: Union) -> Result<Transformed<LogicalPlan>> {
    let wanted = common(&union);
    if wanted.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let inputs = union.inputs.iter().map(|input| {
        projected(input, |at, column, field| match wanted.get(at) {
            Some(Some(ty))
                if *field.data_type() != DataType::Null
                    && sql_type(field).is_ok_and(|found| found != *ty) =>
            {
                stored(column, field, ty)
            }
            _ => Ok(column),
        })
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    Union::try_new_with_loose_types(inputs).map(LogicalPlan::Union).map(Transformed::yes)
}

/// A cell as it was written, without the cast to the type of its column.
fn written(cell: &Expr) -> &Expr {
    match cell {
        Expr::Alias(alias) => written(&alias.expr),
        Expr::Cast(cast) if cast.field.metadata().is_empty() => &cast.expr,
        Expr::ScalarFunction(call) if call.name() == "cast" => match call.args.as_slice() {
            [inner @ Expr::ScalarFunction(cell)] if cell.name() == "conformed" => inner,
            _ => cell,
        },
        other => other,
    }
}

fn values(mut values: Values) -> Result<Transformed<LogicalPlan>> {
    let empty = DFSchema::empty();
    let mut fields = values.schema.fields().iter().map(|f| f.as_ref().clone()).collect::<Vec<_>>();
    let mut changed = false;
    for (at, field) in fields.iter_mut().enumerate() {
        let cells = values.values.iter().filter_map(|row| row.get(at)).map(written);
        let types = cells.map(|cell| cell.get_type(&empty)).collect::<Result<Vec<_>>>()?;
        let wanted = match become_floats(types.iter()) {
            true => Some(SqlType::Float),
            false => beside_text(&types),
        };
        let Some(wanted) = wanted.filter(|ty| arrow_type(ty) != *field.data_type()) else {
            continue;
        };
        for cell in values.values.iter_mut().filter_map(|row| row.get_mut(at)) {
            let plain = written(cell).clone();
            let own = Field::new(field.name(), plain.get_type(&empty)?, true);
            *cell = stored(plain, &own, &wanted)?;
        }
        *field = icecore_values::field(field.name(), &wanted, field.is_nullable());
        changed = true;
    }
    if changed {
        let schema = DFSchema::from_unqualified_fields(fields.into(), Default::default())?;
        values.schema = Arc::new(schema);
    }
    Ok(Transformed::new_transformed(LogicalPlan::Values(values), changed))
}

/// The pairs of columns that USING, INTERSECT and EXCEPT compare.
fn join(mut join: Join) -> Result<Transformed<LogicalPlan>> {
    let mut changed = false;
    for (left, right) in &mut join.on {
        let (_, left_field) = left.to_field(join.left.schema())?;
        let (_, right_field) = right.to_field(join.right.schema())?;
        match (left_field.data_type(), right_field.data_type()) {
            (DataType::Float64, DataType::Decimal128(..)) => {
                *right = stored(right.clone(), &right_field, &SqlType::Float)?;
            }
            (DataType::Decimal128(..), DataType::Float64) => {
                *left = stored(left.clone(), &left_field, &SqlType::Float)?;
            }
            _ => continue,
        }
        changed = true;
    }
    Ok(Transformed::new_transformed(LogicalPlan::Join(join), changed))
}

fn recursive(query: RecursiveQuery) -> Result<Transformed<LogicalPlan>> {
    if query.is_distinct {
        let what = "UNION in a recursive common table expression";
        return Err(to_datafusion(Error::unsupported(what).with_help("write UNION ALL")));
    }
    let wanted = query.static_term.schema().fields();
    let agrees = |wanted: &Field, found: &Field| {
        wanted.data_type() == found.data_type() && wanted.metadata() == found.metadata()
    };
    let found = query.recursive_term.schema().fields();
    if wanted.iter().zip(found).all(|(wanted, found)| agrees(wanted, found)) {
        return Ok(Transformed::no(LogicalPlan::RecursiveQuery(query)));
    }
    let term = projected(&query.recursive_term, |at, column, field| match wanted.get(at) {
        Some(wanted) if !agrees(wanted, field) => Ok(icecore_functions::conformed(column, wanted)),
        _ => Ok(column),
    })?;
    let RecursiveQuery { name, static_term, is_distinct, .. } = query;
    RecursiveQuery::try_new(name, static_term, term, is_distinct)
        .map(LogicalPlan::RecursiveQuery)
        .map(Transformed::yes)
}

//! Which roll-up answers a query of a semantic view.
//!
//! A roll-up answers only if its rows are what its query gives at the version
//! that is asked for. It is no way to rows that the query could not read
//! otherwise: the plan of the tables themselves is made, and authorised, in any
//! case. Tables with policies, whose rows depend on who asks, must not be
//! answered for by what somebody else has kept.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::ExprSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use icecore_exec::from_datafusion;
use icecore_semantic::{Model, RollUp};
use icecore_snapshot::Object;
use icecore_sql::{SemanticQuery, ast};
use icecore_types::{
    DynamicDefinition, Error, ObjectId, QualifiedName, Result, RollUpDefinition, SqlType,
    TableDefinition, Version,
};

use super::pinned::{Pinned, covers_input};
use super::sources::Considered;
use super::{Binder, plan_select};
use crate::statement::dynamic_of;

/// A query of a semantic view.
pub(super) struct Asks<'a> {
    pub(super) view: ObjectId,
    pub(super) model: &'a Model,
    pub(super) asked: &'a SemanticQuery,
    /// The version that its tables are read at, if it is not the newest.
    pub(super) version: Option<Version>,
}

/// A dynamic table that is declared a roll-up of the view.
struct Candidate<'a> {
    object: &'a Object,
    path: QualifiedName,
    dynamic: DynamicDefinition,
    declared: RollUpDefinition,
    rows: u64,
}

type Answer = (ast::Query, LogicalPlan);
/// What was found, or why not.
type Found<T> = std::result::Result<T, String>;

impl Binder {
    /// The answer of the smallest roll-up that has it, and what there is to
    /// say of each.
    pub(super) fn roll_up_answer(
        &self,
        asks: &Asks<'_>,
        base: &LogicalPlan,
        state: &SessionState,
    ) -> Result<(Option<Answer>, Vec<Considered>)> {
        // A refresh is of one version; a roll-up has its own.
        if self.is_refreshing() {
            return Ok((None, Vec::new()));
        }
        let (mut answer, mut considered) = (None, Vec::new());
        for candidate in self.candidates(asks.view)? {
            let passed = match &answer {
                Some(_) => Some("a smaller one answers".to_owned()),
                None => match self.answer(&candidate, asks, base, state)? {
                    Ok(found) => {
                        answer = Some(found);
                        None
                    }
                    Err(reason) => Some(reason),
                },
            };
            let (table, rows) = (candidate.object.id(), candidate.rows);
            considered.push(Considered { table, rows, passed });
        }
        Ok((answer, considered))
    }

    /// The roll-ups of a view, the smallest first.
    fn candidates(&self, view: ObjectId) -> Result<Vec<Candidate<'_>>> {
        let head = self.resolver().head();
        let mut found = Vec::new();
        for object in head.objects() {
            let Some(mut dynamic) = dynamic_of(object) else { continue };
            let Some(declared) = dynamic.roll_up.take().filter(|declared| declared.view == view)
            else {
                continue;
            };
            let path = QualifiedName::from_parts(self.resolver().path(object.id()))?;
            let rows = self.resolver().content(object)?.rows();
            found.push(Candidate { object, path, dynamic, declared, rows });
        }
        found.sort_by_cached_key(|candidate| (candidate.rows, candidate.path.to_string()));
        Ok(found)
    }

    fn answer(
        &self,
        candidate: &Candidate<'_>,
        asks: &Asks<'_>,
        base: &LogicalPlan,
        state: &SessionState,
    ) -> Result<Found<Answer>> {
        let declared = &candidate.declared;
        let Ok(kept) = asks.model.roll_up(&declared.metrics, &declared.dimensions) else {
            return Ok(Err("the view has no longer what it keeps".into()));
        };
        let query = match asks.model.answer(asks.asked, &kept, &candidate.path)? {
            Ok(query) => query,
            Err(lacks) => return Ok(Err(lacks.to_string())),
        };
        if let Err(reason) = self.check_fresh(candidate, &kept, asks, state)? {
            return Ok(Err(reason));
        }
        let definition: TableDefinition = candidate.object.body().read()?;
        let types =
            definition.columns.iter().map(|column| (column.name.as_str(), &column.sql_type));
        if let Some(column) = inexact(&kept, types) {
            return Ok(Err(format!("the sum in its column {column} is of FLOAT")));
        }
        // Its rows are those of now, whichever version they equal.
        let names = (candidate.path.database.clone(), candidate.path.schema.clone());
        let plan = plan_select(&query, state, &self.inside(names, None, Some(candidate.object))?)?;
        Ok(of_types(plan, base)?.map(|plan| (query, plan)))
    }

    /// Whether the rows are what the roll-up's query gives at the version that
    /// is asked for.
    fn check_fresh(
        &self,
        candidate: &Candidate<'_>,
        kept: &RollUp,
        asks: &Asks<'_>,
        state: &SessionState,
    ) -> Result<Found<()>> {
        let dynamic = &candidate.dynamic;
        let Some(frontier) = &dynamic.frontier else {
            return Ok(Err("it is not initialized".into()));
        };
        if kept.query().to_string() != dynamic.query {
            return Ok(Err("its query is no longer what the view makes of it".into()));
        }
        let head = self.resolver().head();
        let version = asks.version.unwrap_or_else(|| head.version());
        let stale = |what: &str| {
            Err(format!("it is stale: it equals version {}, and {what}", frontier.version))
        };
        if let Some(input) =
            frontier.inputs.iter().find(|input| !covers_input(head, input, version))
        {
            let name = head.object(input.id).map_or("a table that it reads", |o| o.name().as_str());
            return Ok(stale(&format!("{name} is not what it was then")));
        }
        // The names in the query may mean something else by now.
        let pinned = Arc::new(Pinned::new(version));
        let names = (dynamic.database.clone(), dynamic.schema.clone());
        let binder = Arc::new(self.refreshing(names, Arc::clone(&pinned), HashMap::new()));
        let query = icecore_sql::parse_query(&dynamic.query)?;
        let bound = plan_select(&query, state, &binder);
        let reads = pinned.reads();
        let same = reads.len() == frontier.inputs.len()
            && reads.iter().all(|read| {
                frontier.inputs.iter().any(|it| (it.id, it.shape) == (read.id, read.shape))
            });
        Ok(match bound {
            Ok(_) if same => Ok(()),
            _ => stale("what it reads is something else"),
        })
    }
}

/// A column with a sum that would depend on the order of adding up.
pub(crate) fn inexact<'a>(
    kept: &RollUp,
    mut types: impl Iterator<Item = (&'a str, &'a SqlType)>,
) -> Option<String> {
    types.find_map(|(name, ty)| {
        let sums = kept.sums().any(|sum| sum == name);
        (sums && *ty == SqlType::Float).then(|| name.to_owned())
    })
}

/// The plan with the Arrow types of another one, if theirs are the same of the
/// dialect.
fn of_types(plan: LogicalPlan, like: &LogicalPlan) -> Result<Found<LogicalPlan>> {
    let (schema, wanted) = (plan.schema().clone(), like.schema());
    if schema.fields().len() != wanted.fields().len() {
        return Err(Error::internal("a roll-up answers with other columns than its view"));
    }
    let mut items = Vec::new();
    let mut same = true;
    for (column, wanted) in schema.columns().into_iter().zip(wanted.fields()) {
        let found = schema.field_from_column(&column).map_err(from_datafusion)?;
        let types = (icecore_values::sql_type(found)?, icecore_values::sql_type(wanted)?);
        if types.0 != types.1 {
            return Ok(Err(format!("its {} is {}, not {}", wanted.name(), types.0, types.1)));
        }
        if found.data_type() == wanted.data_type() {
            items.push(Expr::Column(column));
        } else {
            same = false;
            let value = cast(Expr::Column(column), wanted.data_type().clone());
            items.push(value.alias(wanted.name()));
        }
    }
    if same {
        return Ok(Ok(plan));
    }
    let cast = LogicalPlanBuilder::from(plan).project(items).and_then(LogicalPlanBuilder::build);
    cast.map(Ok).map_err(from_datafusion)
}

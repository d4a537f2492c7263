//! What stands in FROM that DataFusion would misread: time travel, and table
//! functions.

use std::sync::Arc;

use datafusion::common::{Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::scalar::ScalarValue;
use icecore_exec::{from_datafusion, to_datafusion};
use icecore_sql::SemanticQuery;
use icecore_sql::ast::{self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, TableFactor};
use icecore_sql::{InferSchema, StageName, StagedTable};
use icecore_types::{Code, Error};

use super::binder::reference;
use super::staged::unbound;
use super::{Binder, RowsTable};
use crate::statement::{quarantine_relation, travel};
use crate::virtual_schema;

/// Consumes or refuses every modifier of a table in FROM: one that was merely
/// ignored would answer a time-travel query with today's rows.
pub(super) struct Relations {
    binder: Arc<Binder>,
    state: SessionState,
}

impl std::fmt::Debug for Relations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relations")
    }
}

impl Relations {
    pub(super) fn new(binder: Arc<Binder>, state: SessionState) -> Self {
        Self { binder, state }
    }

    /// A table or view as of a point.
    fn travelled(
        &self,
        factor: &TableFactor,
        name: &ast::ObjectName,
    ) -> Result<LogicalPlanBuilder, Error> {
        let point = icecore_sql::travel_of(factor)?
            .ok_or_else(|| Error::unsupported("this version clause"))?;
        let version = travel::version_of_point(&point, &self.binder, &self.state)?;
        let reference = reference(name)?;
        let source = self.binder.table_source(&reference, Some(version), &self.state)?;
        LogicalPlanBuilder::scan(reference, source, None).map_err(from_datafusion)
    }

    /// `SEMANTIC_VIEW(..)`.
    fn semantic(&self, asked: &SemanticQuery) -> Result<LogicalPlanBuilder, Error> {
        self.binder.semantic_plan(asked, &self.state).map(LogicalPlanBuilder::from)
    }

    /// `TABLE(f(..))`.
    fn function(&self, call: &Expr) -> Result<LogicalPlanBuilder, Error> {
        if self.binder.is_refreshing() {
            return Err(Error::unsupported("a table function in a dynamic table"));
        }
        let Expr::Function(function) = call else {
            return Err(Error::unsupported(format_args!("TABLE({call})")));
        };
        let name = icecore_sql::name_of(&function.name)?;
        let given: &[FunctionArg] = match &function.args {
            FunctionArguments::None => &[],
            FunctionArguments::List(list) if list.clauses.is_empty() => &list.args,
            other => return Err(Error::unsupported(format_args!("arguments {other}"))),
        };
        let reference = TableReference::bare(name.name.as_str());
        // Its first argument is the name of a table and not a value.
        if let (None, "VALIDATE") = (&name.schema, name.name.as_str()) {
            let [table, rest @ ..] = given else {
                return Err(Error::new(Code::INVALID_ARGUMENT, "VALIDATE takes a table"));
            };
            let arguments = rest
                .iter()
                .map(|argument| self.argument(argument))
                .collect::<Result<Vec<_>, _>>()?;
            let rows = virtual_schema::validate(&named_table(table)?, &arguments, &self.binder)?;
            return LogicalPlanBuilder::scan(reference, provider_as_source(rows), None)
                .map_err(from_datafusion);
        }
        let arguments =
            given.iter().map(|argument| self.argument(argument)).collect::<Result<Vec<_>, _>>()?;
        if name.schema.is_none() && name.name.as_str() == "QUARANTINE" {
            let source = quarantine_relation(&arguments, &self.binder)?;
            return LogicalPlanBuilder::scan(reference, source, None).map_err(from_datafusion);
        }
        let (schema, batches) = virtual_schema::function(&name, &arguments, &self.binder)?;
        let source = provider_as_source(Arc::new(RowsTable::new(schema, batches)));
        LogicalPlanBuilder::scan(reference, source, None).map_err(from_datafusion)
    }

    /// The name, if it has one, and the constant value of an argument.
    fn argument(&self, argument: &FunctionArg) -> Result<(Option<String>, ScalarValue), Error> {
        let (name, value) = match argument {
            FunctionArg::Unnamed(value) => (None, value),
            FunctionArg::Named { name, arg, .. } => (Some(name.value.clone()), arg),
            FunctionArg::ExprNamed { name, arg, .. } => (Some(name.to_string()), arg),
        };
        let FunctionArgExpr::Expr(value) = value else {
            return Err(Error::new(Code::INVALID_ARGUMENT, format!("not an argument: {argument}")));
        };
        Ok((name, travel::constant(value, &self.binder, &self.state)?))
    }
}

/// The name that an argument is.
fn named_table(argument: &FunctionArg) -> Result<icecore_types::QualifiedName, Error> {
    let parts = match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => vec![name.clone()],
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(parts))) => {
            parts.clone()
        }
        other => {
            return Err(Error::new(Code::INVALID_ARGUMENT, format!("not a table: {other}")));
        }
    };
    icecore_sql::name_of(&ast::ObjectName::from(parts))
}

/// What a stage is called in a query that gives it no alias.
fn staged_name(stage: &StageName) -> String {
    match stage {
        StageName::Named(name) => name.name.as_str().to_owned(),
        other => other.to_string(),
    }
}

impl RelationPlanner for Relations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        _context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if let Some(staged) = StagedTable::of(&relation).map_err(to_datafusion)? {
            let TableFactor::Table { alias, .. } = relation else {
                return Ok(RelationPlanning::Original(Box::new(relation)));
            };
            let rows = self.binder.staged(&staged).ok_or_else(|| to_datafusion(unbound()))?;
            let source = provider_as_source(Arc::new(rows.again()));
            let name = TableReference::bare(staged_name(&staged.stage.stage));
            let plan = LogicalPlanBuilder::scan(name, source, None)?.build()?;
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))));
        }
        if let Some(call) = InferSchema::of(&relation).map_err(to_datafusion)? {
            let TableFactor::TableFunction { alias, .. } = relation else {
                return Ok(RelationPlanning::Original(Box::new(relation)));
            };
            let columns = self.binder.inferred(&call).ok_or_else(|| to_datafusion(unbound()))?;
            let rows = virtual_schema::inferred(&columns).map_err(to_datafusion)?;
            let source = provider_as_source(Arc::new(RowsTable::of(rows)));
            let name = TableReference::bare("INFER_SCHEMA");
            let plan = LogicalPlanBuilder::scan(name, source, None)?.build()?;
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))));
        }
        let (planned, alias) = match &relation {
            TableFactor::Table { name, alias, version: Some(_), .. } => {
                (self.travelled(&relation, name), alias)
            }
            TableFactor::TableFunction { expr, alias } => (self.function(expr), alias),
            TableFactor::Derived { subquery, alias, .. } => match SemanticQuery::of(subquery) {
                Ok(None) => return Ok(RelationPlanning::Original(Box::new(relation))),
                Ok(Some(asked)) => (self.semantic(&asked), alias),
                Err(error) => return Err(to_datafusion(error)),
            },
            TableFactor::Table { args: Some(_), name, .. } => {
                let refused = Error::unsupported(format_args!("{name}(..) in FROM"))
                    .with_help("write TABLE(f(..))");
                return Err(to_datafusion(refused));
            }
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let plan = planned.map_err(to_datafusion)?.build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
    }
}

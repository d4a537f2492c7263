//! Queries of semantic views: the model decides what they are, and what it
//! writes is planned as any other query.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use icecore_exec::from_datafusion;
use icecore_governance::Verb;
use icecore_semantic::{BaseTable, Model};
use icecore_snapshot::Object;
use icecore_sql::{CreateSemanticView, Limits, SemanticQuery, SemanticTable, Statement, ast};
use icecore_types::{
    Code, Error, Name, ObjectKind, QualifiedName, Result, SemanticViewDefinition, Version,
};

use super::column_lineage::marked;
use super::roll_up::Asks;
use super::{Binder, plan_select};
use crate::statement::travel;

/// A semantic view as of a version, and who binds the names of its tables.
pub(crate) struct SemanticView {
    pub(crate) create: CreateSemanticView,
    pub(crate) model: Model,
    binder: Arc<Binder>,
}

/// The statement that a definition was made by.
///
/// # Errors
/// `Corrupted` if it is no longer one.
pub(crate) fn stated(definition: &SemanticViewDefinition) -> Result<CreateSemanticView> {
    let broken = || Error::corrupted("the statement of a semantic view");
    let mut parsed = icecore_sql::parse(&definition.text, &Limits::default())
        .map_err(|source| broken().with_source(source))?;
    match parsed.pop().map(|parsed| parsed.statement) {
        Some(Statement::CreateSemanticView(create)) => Ok(*create),
        _ => Err(broken()),
    }
}

/// The names of the aggregate functions that there are.
fn aggregates(state: &SessionState) -> BTreeSet<String> {
    state.aggregate_functions().keys().cloned().collect()
}

/// Writes SELECTs from a semantic view alone as queries of SEMANTIC_VIEW(..).
pub(super) fn rewrite_selects(
    query: &mut ast::Query,
    state: &SessionState,
    binder: &Binder,
) -> Result<()> {
    let resolver = binder.resolver();
    let mut is_view = |name: &QualifiedName| {
        let found = resolver.find(ObjectKind::SemanticView, name).ok().flatten();
        found.is_some_and(|object| object.kind() == ObjectKind::SemanticView)
    };
    if !icecore_sql::relations_of_query(query)?.iter().any(|relation| is_view(&relation.name)) {
        return Ok(());
    }
    icecore_semantic::rewrite(query, &mut is_view, &aggregates(state))
}

impl Binder {
    /// The plan of `SEMANTIC_VIEW(..)` in FROM.
    pub(super) fn semantic_plan(
        self: &Arc<Self>,
        asked: &SemanticQuery,
        state: &SessionState,
    ) -> Result<LogicalPlan> {
        let object = self.resolver().relation(&asked.view)?;
        if object.kind() != ObjectKind::SemanticView {
            return Err(Error::new(
                Code::OPERATION_IMPOSSIBLE,
                format!(
                    "object '{}' is a {}, not a SEMANTIC VIEW",
                    asked.view,
                    object.kind().sql()
                ),
            ));
        }
        self.resolver().act(Verb::Select, object);
        self.saw(object)?;
        let version = match &asked.travel {
            Some(point) => Some(travel::version_of_point(point, self, state)?),
            None => self.version(),
        };
        let view = self.semantic_view((&object.body().read()?, Some(object)), version, state);
        let view = view.map_err(|error| within(error, object))?;
        let query = view.model.query(asked)?;
        // Also if a roll-up answers: it answers nobody who could not ask the
        // tables themselves, and nothing that they could not.
        let before = self.sources().count();
        let plan = plan_select(&query, state, &view.binder)?;
        self.take_over(&view);
        let asks = Asks { view: object.id(), model: &view.model, asked, version };
        let (answer, considered) = self.roll_up_answer(&asks, &plan, state)?;
        if answer.is_some() {
            self.sources().forget_after(before);
        }
        let (query, plan) = answer.unwrap_or((query, plan));
        self.sources().asked(object.id(), &query, considered);
        marked(plan, object.id()).map_err(from_datafusion)
    }

    /// A semantic view with the columns that its tables had at a version.
    pub(crate) fn semantic_view(
        &self,
        (definition, object): (&SemanticViewDefinition, Option<&Object>),
        version: Option<Version>,
        state: &SessionState,
    ) -> Result<SemanticView> {
        let create = stated(definition)?;
        let names = (Some(definition.database.clone()), Some(definition.schema.clone()));
        let binder = self.inside(names, version, object)?;
        let bases = create
            .tables
            .iter()
            .map(|table| binder.base_table(table, state))
            .collect::<Result<Vec<_>>>()?;
        let model = Model::new(&create, bases, Arc::new(aggregates(state)))?;
        Ok(SemanticView { create, model, binder })
    }

    /// What the tables of the view are read for is read by this statement.
    pub(crate) fn take_over(&self, view: &SemanticView) {
        self.resolver().take_intents(view.binder.resolver());
    }

    fn base_table(&self, table: &SemanticTable, state: &SessionState) -> Result<BaseTable> {
        let object = self.resolver().relation(&table.base)?;
        if object.kind() == ObjectKind::SemanticView {
            return Err(Error::unsupported("a semantic view as a table of a semantic view"));
        }
        let name = QualifiedName::from_parts(self.resolver().path(object.id()))?;
        let (Some(database), Some(schema)) = (&name.database, &name.schema) else {
            return Err(Error::internal("a table outside of a schema"));
        };
        let reference =
            TableReference::full(database.as_str(), schema.as_str(), name.name.as_str());
        let source = self.table_source(&reference, None, state)?;
        let schema = source.schema();
        let columns = schema.fields().iter().map(|field| Name::quoted(field.name()));
        Ok(BaseTable { columns: columns.collect(), name })
    }
}

impl SemanticView {
    /// The type of each expression, in the order of the model; fails if one of
    /// them cannot be planned.
    pub(crate) fn types(&self, state: &SessionState) -> Result<Vec<String>> {
        let mut types = vec![String::new(); self.model.names().count()];
        for (plan, places) in self.planned(state)? {
            let fields = plan.schema().fields();
            let first = fields.len().saturating_sub(places.len());
            for (field, place) in fields.iter().skip(first).zip(places) {
                if let Some(found) = types.get_mut(place) {
                    *found = icecore_values::sql_type(field)?.to_string();
                }
            }
        }
        Ok(types)
    }

    /// Plans that have all expressions as their last columns, each with the
    /// places of these in the order of the model.
    pub(super) fn planned(&self, state: &SessionState) -> Result<Vec<(LogicalPlan, Vec<usize>)>> {
        let typed = self.model.typed()?.into_iter();
        typed
            .map(|typed| Ok((plan_select(&typed.query, state, &self.binder)?, typed.expressions)))
            .collect()
    }
}

fn within(error: Error, object: &Object) -> Error {
    error.context(format_args!("semantic view {}", object.name()))
}

//! What the columns of views, dynamic tables and semantic views are computed
//! from, as their definitions say now.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use icecore_exec::from_datafusion;
use icecore_snapshot::Object;
use icecore_types::{Body, ObjectKind, Result, TableDefinition};

use super::{Binder, ColumnLineage, SemanticView, Source, named, plan_select};

/// A column of something that is read.
type SourceColumn = (Source, String);

/// What something is computed from.
pub(crate) struct DefinedColumns {
    /// What its query names.
    pub(crate) objects: BTreeSet<Source>,
    /// Each column, and those that it is computed from.
    pub(crate) columns: Vec<(String, BTreeSet<SourceColumn>)>,
    /// Each column, and those of the tables that hold its values.
    pub(crate) base: Vec<(String, BTreeSet<SourceColumn>)>,
}

impl Binder {
    /// What the columns of an object are computed from, with its owner's
    /// rights; nothing if it has no query.
    ///
    /// # Errors
    /// Whatever keeps its query from being planned now.
    pub(crate) fn defined_columns(
        self: &Arc<Self>,
        object: &Object,
    ) -> Result<Option<DefinedColumns>> {
        self.defined_columns_of(object.kind(), object.body(), Some(object))
    }

    /// The same by a definition; of what is not there yet with the rights of
    /// the session.
    pub(crate) fn defined_columns_of(
        self: &Arc<Self>,
        kind: ObjectKind,
        body: &Body,
        object: Option<&Object>,
    ) -> Result<Option<DefinedColumns>> {
        let state = &self.session().engine().template;
        match kind {
            ObjectKind::View => {
                let (plan, _) = self.view_plan((&body.read()?, object), None, state)?;
                of_plan(&plan).map(Some)
            }
            ObjectKind::DynamicTable => self.of_dynamic((body, object), state),
            ObjectKind::SemanticView => {
                let view = self.semantic_view((&body.read()?, object), None, state)?;
                of_semantic(&view, state).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn of_dynamic(
        self: &Arc<Self>,
        (body, object): (&Body, Option<&Object>),
        state: &SessionState,
    ) -> Result<Option<DefinedColumns>> {
        let definition: TableDefinition = body.read()?;
        let Some(dynamic) = definition.dynamic else { return Ok(None) };
        let names = (Some(dynamic.database.clone()), Some(dynamic.schema.clone()));
        let inside = self.inside(names, None, object)?;
        let query = icecore_sql::parse_query(&dynamic.query)?;
        let plan = named(plan_select(&query, state, &inside)?, &dynamic.names)?;
        of_plan(&plan).map(Some)
    }
}

fn of_plan(plan: &LogicalPlan) -> Result<DefinedColumns> {
    let lineage = ColumnLineage::of(plan).map_err(from_datafusion)?;
    let (objects, _) = lineage.read(|_| true);
    let names: Vec<String> =
        plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    let base = lineage.outputs.iter().map(|output| output.base.clone());
    let base = names.iter().cloned().zip(base).collect();
    let sources = lineage.outputs.into_iter().map(|output| output.direct);
    let columns = names.into_iter().zip(sources).collect();
    Ok(DefinedColumns { objects: objects.into_keys().collect(), columns, base })
}

/// Facts, dimensions and metrics, by their names.
fn of_semantic(view: &SemanticView, state: &SessionState) -> Result<DefinedColumns> {
    let names: Vec<String> =
        view.model.names().map(|(_, name, _)| name.as_str().to_owned()).collect();
    let mut defined =
        DefinedColumns { objects: BTreeSet::new(), columns: Vec::new(), base: Vec::new() };
    for (plan, places) in view.planned(state)? {
        let found = of_plan(&plan)?;
        defined.objects.extend(found.objects);
        defined.base.extend(found.base);
        let first = found.columns.len().saturating_sub(places.len());
        for ((_, sources), place) in found.columns.into_iter().skip(first).zip(places) {
            if let Some(name) = names.get(place) {
                defined.columns.push((name.clone(), sources));
            }
        }
    }
    Ok(defined)
}

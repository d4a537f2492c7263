//! CREATE, DESCRIBE and SHOW of semantic views.

use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_sql::{CreateSemanticView, Scope, SemanticExpression, Show, ShowKind};
use icecore_types::{Body, Code, Error, ObjectKind, Result, SemanticViewDefinition, SqlType};

use super::Planning;
use super::change::{Change, IfExists};
use super::show::{cut, selected, shown};
use crate::cells::{Cell, Columns, batch};
use crate::plan::stated;

const TEXT: SqlType = SqlType::TEXT;

const DESCRIBED: Columns = &[
    ("object_kind", TEXT),
    ("object_name", TEXT),
    ("parent_entity", TEXT),
    ("property", TEXT),
    ("property_value", TEXT),
];
const EXPRESSIONS: Columns = &[
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("semantic_view_name", TEXT),
    ("table_name", TEXT),
    ("name", TEXT),
    ("data_type", TEXT),
    ("synonyms", TEXT),
    ("comment", TEXT),
];
const FOR_METRIC: Columns = &[
    ("table_name", TEXT),
    ("name", TEXT),
    ("data_type", TEXT),
    ("required", SqlType::Boolean),
    ("synonyms", TEXT),
    ("comment", TEXT),
];

/// A fact, dimension or metric as it is listed.
pub(crate) struct ListedExpression {
    pub(crate) table: Option<String>,
    pub(crate) name: String,
    /// Nothing if the view's tables are not what they were.
    pub(crate) data_type: Option<String>,
    pub(crate) expression: String,
    pub(crate) synonyms: Option<String>,
    pub(crate) comment: Option<String>,
}

impl Planning {
    /// CREATE SEMANTIC VIEW.
    pub(super) fn create_semantic_view(
        &self,
        create: &CreateSemanticView,
        text: &str,
    ) -> Result<Change> {
        let schema = self.resolver.schema(None)?;
        let database = schema.parent().and_then(|id| self.resolver.head().object(id));
        let database = database.ok_or_else(|| Error::internal("a schema without a database"))?;
        let definition = SemanticViewDefinition {
            database: database.name().clone(),
            schema: schema.name().clone(),
            text: text.to_owned(),
            comment: create.comment.clone(),
            tags: icecore_types::ObjectTags::default(),
        };
        // What cannot be planned is refused now rather than when it is asked for.
        let view = self.binder.semantic_view((&definition, None), None, &self.state)?;
        view.types(&self.state)?;
        self.binder.take_over(&view);
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let body = Body::of(&definition)?;
        let change = self.create(ObjectKind::SemanticView, &create.name, if_exists, body)?.1;
        if create.copy_grants { self.copy_grants(change, None) } else { Ok(change) }
    }

    /// DESCRIBE SEMANTIC VIEW.
    pub(super) fn describe_semantic_view(
        &self,
        object: &Object,
    ) -> Result<arrow::array::RecordBatch> {
        let definition: SemanticViewDefinition = object.body().read()?;
        let owned = (&definition, Some(object));
        let view = self.binder.semantic_view(owned, None, &self.state)?;
        let types = view.types(&self.state)?;
        let described = view.model.describe(&view.create, &types, definition.comment.as_deref());
        let rows = described.into_iter().map(|row| {
            vec![
                Cell::maybe_text(row.object_kind),
                Cell::maybe_text(row.object_name),
                Cell::maybe_text(row.parent_entity),
                Cell::text(row.property),
                Cell::text(row.property_value),
            ]
        });
        batch(DESCRIBED, rows.collect())
    }

    /// SHOW SEMANTIC DIMENSIONS, FACTS and METRICS.
    pub(super) fn show_semantic(&self, show: &Show) -> Result<arrow::array::RecordBatch> {
        let mut views: Vec<&Object> = match self.named_semantic_view(show) {
            Some(view) => vec![view],
            None => {
                let within = self.within_scope(show)?;
                let all = self.resolver.head().objects();
                all.filter(|object| object.kind() == ObjectKind::SemanticView && object.is_live())
                    .filter(|object| self.is_within(object, within) && self.resolver.sees(object))
                    .collect()
            }
        };
        views.sort_by_cached_key(|object| self.resolver.path(object.id()));
        if show.for_metric.is_some() {
            let [view] = views.as_slice() else {
                return Err(Error::new(
                    Code::INVALID_STATEMENT,
                    "FOR METRIC names a metric of one semantic view",
                ));
            };
            return self.show_for_metric(show, view);
        }
        let mut rows = Vec::new();
        for view in views {
            self.resolver.act(Verb::Show, view);
            let path = self.resolver.path(view.id());
            let part = |at: usize| Cell::maybe_text(path.get(at).map(|name| name.as_str()));
            for found in listed(&self.binder, &self.state, view, show.what)? {
                if selected(show, &found.name) {
                    rows.push(vec![
                        part(0),
                        part(1),
                        part(2),
                        Cell::maybe_text(found.table),
                        Cell::text(found.name),
                        Cell::maybe_text(found.data_type),
                        Cell::maybe_text(found.synonyms),
                        Cell::maybe_text(found.comment),
                    ]);
                }
            }
        }
        shown(show, EXPRESSIONS, cut(show, rows))
    }

    fn named_semantic_view(&self, show: &Show) -> Option<&Object> {
        let (Scope::Named(name) | Scope::Table(name)) = show.scope.as_ref()? else { return None };
        self.resolver.object(ObjectKind::SemanticView, name).ok()
    }

    fn show_for_metric(&self, show: &Show, view: &Object) -> Result<arrow::array::RecordBatch> {
        self.resolver.act(Verb::Show, view);
        let owned = (&view.body().read()?, Some(view));
        let bound = self.binder.semantic_view(owned, None, &self.state)?;
        let types = bound.types(&self.state)?;
        let Some(metric) = &show.for_metric else {
            return Err(Error::internal("FOR METRIC without a metric"));
        };
        let mut rows = Vec::new();
        let all = expressions(&bound.create);
        for (place, required) in bound.model.dimensions_for(metric.schema.as_ref(), &metric.name)? {
            let Some((_, found)) = all.get(place) else { continue };
            if selected(show, found.name.as_str()) {
                rows.push(vec![
                    Cell::maybe_text(found.table.as_ref().map(|name| name.as_str())),
                    Cell::text(found.name.as_str()),
                    Cell::maybe_text(types.get(place).cloned()),
                    Cell::Flag(required),
                    Cell::maybe_text(synonyms(found)),
                    Cell::maybe_text(found.comment.clone()),
                ]);
            }
        }
        batch(FOR_METRIC, cut(show, rows))
    }
}

/// Facts, dimensions and metrics, in the order of the model.
fn expressions(create: &CreateSemanticView) -> Vec<(ShowKind, &SemanticExpression)> {
    [
        (ShowKind::SemanticFacts, &create.facts),
        (ShowKind::SemanticDimensions, &create.dimensions),
        (ShowKind::SemanticMetrics, &create.metrics),
    ]
    .into_iter()
    .flat_map(|(kind, all)| all.iter().map(move |one| (kind, one)))
    .collect()
}

/// What a semantic view defines, of one kind. A view whose tables are not what
/// they were is listed without types.
pub(crate) fn listed(
    binder: &crate::plan::Binder,
    state: &datafusion::execution::SessionState,
    view: &Object,
    what: ShowKind,
) -> Result<Vec<ListedExpression>> {
    let definition: SemanticViewDefinition = view.body().read()?;
    let create = stated(&definition)?;
    let bound = binder.semantic_view((&definition, Some(view)), None, state);
    let types = bound.and_then(|bound| bound.types(state));
    let types = types.unwrap_or_default();
    let all = expressions(&create).into_iter().enumerate();
    let found =
        all.filter(|(_, (kind, _))| *kind == what).map(|(place, (_, found))| ListedExpression {
            table: found.table.as_ref().map(|name| name.as_str().to_owned()),
            name: found.name.as_str().to_owned(),
            data_type: types.get(place).cloned(),
            expression: found.text.clone(),
            synonyms: synonyms(found),
            comment: found.comment.clone(),
        });
    Ok(found.collect())
}

fn synonyms(found: &SemanticExpression) -> Option<String> {
    (!found.synonyms.is_empty()).then(|| format!("{:?}", found.synonyms))
}

//! Dynamic tables that keep the metrics of a semantic view.

use std::borrow::Cow;

use datafusion::logical_expr::LogicalPlan;
use icecore_governance::Verb;
use icecore_semantic::RollUp;
use icecore_sql::{
    CreateDynamicTable, DynamicQuery, DynamicSource, SemanticItem, SemanticKind, SemanticQuery, ast,
};
use icecore_types::{
    Code, Error, Name, ObjectKind, QualifiedName, Result, RollUpDefinition, SemanticViewDefinition,
};

use crate::plan::inexact;
use crate::statement::Planning;
use crate::statement::write::inferred;

impl Planning {
    /// The statement with the query that keeps what the roll-up asks for.
    pub(super) fn written_roll_up<'a>(
        &self,
        create: &'a CreateDynamicTable,
    ) -> Result<Cow<'a, CreateDynamicTable>> {
        let DynamicSource::Query(query) = &create.source else { return Ok(Cow::Borrowed(create)) };
        let Some(definition) = self.roll_up_definition(query)? else {
            return Ok(Cow::Borrowed(create));
        };
        if !query.columns.is_empty() {
            return Err(Error::unsupported("names of columns of a roll-up"));
        }
        let view = self.resolver.head().object(definition.view);
        let view = view.ok_or_else(|| Error::internal("a semantic view that was found"))?;
        let body: SemanticViewDefinition = view.body().read()?;
        let bound = self.binder.semantic_view((&body, None), None, &self.state)?;
        let kept = bound.model.roll_up(&definition.metrics, &definition.dimensions)?;
        self.binder.take_over(&bound);
        let planned = self.select(kept.query())?;
        check_exact(&planned, &kept)?;
        let text = kept.query().to_string();
        let read = icecore_sql::parse_query(&text)?;
        // The text is what is kept, and every refresh reads it again.
        let again = self.select(&read)?;
        if again.display_indent().to_string() != planned.display_indent().to_string() {
            return Err(Error::unsupported("a roll-up whose text reads as something else"));
        }
        let mut create = create.clone();
        if let DynamicSource::Query(query) = &mut create.source {
            (query.query, query.query_text) = (read, text);
        }
        Ok(Cow::Owned(create))
    }

    /// What a roll-up is of; nothing of another dynamic table.
    pub(super) fn roll_up_definition(
        &self,
        query: &DynamicQuery,
    ) -> Result<Option<RollUpDefinition>> {
        let Some(asked) = &query.roll_up else { return Ok(None) };
        let asked = SemanticQuery::parse(asked)?;
        let view = self.resolver.object(ObjectKind::SemanticView, &asked.view)?;
        self.resolver.act(Verb::Select, view);
        if asked.filter.is_some() || asked.travel.is_some() {
            return Err(Error::unsupported("WHERE, AT and BEFORE in a roll-up"));
        }
        let mut found =
            RollUpDefinition { view: view.id(), metrics: Vec::new(), dimensions: Vec::new() };
        for clause in &asked.clauses {
            let names = match clause.kind {
                SemanticKind::Metrics => &mut found.metrics,
                SemanticKind::Dimensions => &mut found.dimensions,
                SemanticKind::Facts => return Err(Error::unsupported("FACTS in a roll-up")),
            };
            for item in &clause.items {
                names.push(name_of(item)?);
            }
        }
        if found.metrics.is_empty() {
            return Err(Error::new(Code::INVALID_STATEMENT, "a roll-up keeps at least one metric"));
        }
        Ok(Some(found))
    }
}

/// Sums of FLOAT depend on the order of adding up: the sum of sums is another
/// than the sum.
fn check_exact(planned: &LogicalPlan, kept: &RollUp) -> Result<()> {
    let columns = inferred(planned)?.columns;
    let types = columns.iter().map(|column| (column.name.as_str(), &column.sql_type));
    match inexact(kept, types) {
        None => Ok(()),
        Some(_) => Err(Error::unsupported("a roll-up of a sum or average of FLOAT")
            .with_help("sums of exact numbers add up: cast to NUMBER(p, s) in the metric")),
    }
}

/// The name that an item is.
fn name_of(item: &SemanticItem) -> Result<QualifiedName> {
    let parts = match item {
        SemanticItem::One { expression, alias: None } => match &**expression {
            ast::Expr::Identifier(name) => Some(std::slice::from_ref(name)),
            ast::Expr::CompoundIdentifier(parts) => Some(parts.as_slice()),
            _ => None,
        },
        _ => None,
    };
    let parts = parts.ok_or_else(|| {
        let message = "a roll-up lists metrics and dimensions by their names";
        Error::new(Code::INVALID_STATEMENT, message)
    })?;
    QualifiedName::from_parts(parts.iter().map(|part| Name::quoted(&part.value)).collect())
}

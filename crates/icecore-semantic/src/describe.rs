//! What DESCRIBE shows of a semantic view, and the queries that tell the types
//! of its expressions.

use icecore_sql::ast::{Expr, Query};
use icecore_sql::{CreateSemanticView, SemanticExpression};
use icecore_types::{Name, Result};

use crate::metrics::{AllDimensions, Metrics};
use crate::model::{ExpressionId, ExpressionKind, Home, Link, Model, TableId};
use crate::query::{Asked, Dimension, Group, Output};
use crate::rows::Rows;
use crate::tree::{Selection, finished, ident};

/// A row of DESCRIBE SEMANTIC VIEW.
///
/// ```
/// let row = icecore_semantic::Described {
///     object_kind: Some("METRIC"),
///     object_name: Some("TOTAL".to_owned()),
///     parent_entity: Some("ORDERS".to_owned()),
///     property: "EXPRESSION",
///     property_value: "SUM(amount)".to_owned(),
/// };
/// assert_eq!(row.property, "EXPRESSION");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// For example METRIC; nothing for the view itself.
    pub object_kind: Option<&'static str>,
    /// The name of what is described; nothing for the view itself.
    pub object_name: Option<String>,
    /// The logical table that it belongs to.
    pub parent_entity: Option<String>,
    /// For example EXPRESSION.
    pub property: &'static str,
    /// As text.
    pub property_value: String,
}

/// A query whose columns have the types of expressions.
///
/// ```no_run
/// # fn types(model: &icecore_semantic::Model) -> icecore_types::Result<()> {
/// for typed in model.typed()? {
///     println!("{} gives {:?}", typed.query, typed.expressions);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TypedQuery {
    /// The query.
    pub query: Query,
    /// For each of its last columns the place of an expression in
    /// [`Model::names`].
    pub expressions: Vec<usize>,
}

impl Model {
    /// Queries of all facts and dimensions of each table, of all metrics, and
    /// of each window metric: what can be planned of them is right, and the
    /// types of their columns are those of the expressions.
    ///
    /// # Errors
    /// As [`Model::query`].
    pub fn typed(&self) -> Result<Vec<TypedQuery>> {
        let mut typed = Vec::new();
        for table in (0..self.tables.len()).map(TableId) {
            typed.extend(self.typed_rows(table)?);
        }
        typed.extend(self.typed_metrics()?);
        for id in self.ids().filter(|id| self.expression(*id).kind == ExpressionKind::WindowMetric)
        {
            typed.push(self.typed_window(id)?);
        }
        Ok(typed)
    }

    /// Several metrics in a query, where they are of few tables.
    fn typed_metrics(&self) -> Result<Vec<TypedQuery>> {
        const MOST_METRICS: usize = 200;
        const MOST_GROUPS: usize = 16;
        let (mut typed, mut asked, mut expressions) =
            (Vec::new(), self.nothing_asked(), Vec::new());
        let simple = |id: &ExpressionId| {
            let kind = self.expression(*id).kind;
            kind.is_metric() && kind != ExpressionKind::WindowMetric
        };
        for id in self.ids().filter(simple) {
            if asked.outputs.len() == MOST_METRICS || Group::of(&asked.metrics).len() > MOST_GROUPS
            {
                let full = std::mem::replace(&mut asked, self.nothing_asked());
                typed.push(self.typed_query(&full, std::mem::take(&mut expressions))?);
            }
            let metric = asked.metrics.metric(id)?;
            asked.outputs.push((Output::Metric(Box::new(metric)), format!("E{}", id.0)));
            expressions.push(id.0);
        }
        if !expressions.is_empty() {
            typed.push(self.typed_query(&asked, expressions)?);
        }
        Ok(typed)
    }

    fn typed_query(&self, asked: &Asked<'_>, expressions: Vec<usize>) -> Result<TypedQuery> {
        let mut query = self.written(asked)?;
        finished(&mut query);
        Ok(TypedQuery { query, expressions })
    }

    fn typed_rows(&self, table: TableId) -> Result<Option<TypedQuery>> {
        let is_row = |id: &ExpressionId| {
            let found = self.expression(*id);
            found.table == Some(table) && !found.kind.is_metric()
        };
        let expressions: Vec<ExpressionId> = self.ids().filter(is_row).collect();
        if expressions.is_empty() {
            return Ok(None);
        }
        let mut rows = Rows::new(self, table, Vec::new());
        let mut selection = Selection::default();
        for id in &expressions {
            selection.items.push((rows.named(*id, &[])?, format!("E{}", id.0)));
        }
        selection.from = rows.from()?;
        let mut query = selection.into_query()?;
        finished(&mut query);
        Ok(Some(TypedQuery { query, expressions: expressions.iter().map(|id| id.0).collect() }))
    }

    fn typed_window(&self, id: ExpressionId) -> Result<TypedQuery> {
        let mut asked = self.nothing_asked();
        let mut needed = AllDimensions::default();
        let metric = asked.metrics.window(id, &mut needed)?;
        for (place, dimension) in needed.0.iter().enumerate() {
            asked.dimensions.push(self.asked_dimension(*dimension, format!("D{place}"))?);
            asked.outputs.push((Output::Dimension(place), format!("D{place}")));
        }
        asked.outputs.push((Output::Metric(Box::new(metric)), format!("E{}", id.0)));
        self.typed_query(&asked, vec![id.0])
    }

    pub(crate) fn nothing_asked(&self) -> Asked<'_> {
        Asked {
            kind: icecore_sql::SemanticKind::Metrics,
            dimensions: Vec::new(),
            metrics: Metrics::new(self),
            outputs: Vec::new(),
            filter: None,
            filter_tables: std::collections::BTreeSet::new(),
        }
    }

    pub(crate) fn asked_dimension(&self, id: ExpressionId, name: String) -> Result<Dimension> {
        let found = self.expression(id);
        let table = found.table.map(|table| self.table(table).name.clone());
        let parts = table.iter().chain([&found.spec.name]);
        let parts = parts.map(|part| ident(part.as_str())).collect();
        let expression = Expr::CompoundIdentifier(parts);
        let tables = self.tables_of(&expression, Home::Query)?;
        Ok(Dimension { expression, name, tables, plain: Some(id) })
    }

    /// The dimensions that go with a metric, and whether it cannot do without.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is no metric of the view.
    pub fn dimensions_for(
        &self,
        table: Option<&Name>,
        metric: &Name,
    ) -> Result<Vec<(usize, bool)>> {
        let parts: Vec<_> =
            table.into_iter().chain([metric]).map(|part| ident(part.as_str())).collect();
        let id = match self.resolve(&parts, Home::Query)? {
            crate::model::Reference::Expression(id) if self.expression(id).kind.is_metric() => id,
            _ => return Err(crate::errors::unknown(metric)),
        };
        let required = Metrics::required(self, id)?;
        let mut metrics = Metrics::new(self);
        if self.expression(id).kind == ExpressionKind::WindowMetric {
            metrics.window(id, &mut AllDimensions::default())?;
        } else {
            metrics.metric(id)?;
        }
        let fits = |table: TableId| {
            metrics.terms.iter().all(|term| self.reachable(term.base).contains(&table))
        };
        let is_dimension = |id: &ExpressionId| {
            let found = self.expression(*id);
            found.kind == ExpressionKind::Dimension && found.table.is_some_and(fits)
        };
        Ok(self.ids().filter(is_dimension).map(|id| (id.0, required.contains(&id))).collect())
    }

    /// The rows of DESCRIBE. `create` is the statement of the model, `types`
    /// the type of each of [`Model::names`], `comment` the view's own.
    pub fn describe(
        &self,
        create: &CreateSemanticView,
        types: &[String],
        comment: Option<&str>,
    ) -> Vec<Described> {
        let mut rows = Rowset(Vec::new());
        rows.view(create, comment);
        for (at, table) in create.tables.iter().enumerate() {
            self.describe_table(TableId(at), table, &mut rows);
        }
        for relationship in &self.relationships {
            self.describe_relationship(relationship, &mut rows);
        }
        for id in self.ids() {
            let sql_type = types.get(id.0).map_or("", String::as_str);
            self.describe_expression(id, sql_type, &mut rows);
        }
        rows.0
    }

    fn describe_table(&self, id: TableId, spec: &icecore_sql::SemanticTable, rows: &mut Rowset) {
        let table = self.table(id);
        let name = table.name.as_str();
        let mut put = |property, value: String| rows.put(("TABLE", name, None), property, value);
        for (property, part) in [
            ("BASE_TABLE_DATABASE_NAME", table.base.database.as_ref()),
            ("BASE_TABLE_SCHEMA_NAME", table.base.schema.as_ref()),
            ("BASE_TABLE_NAME", Some(&table.base.name)),
        ] {
            put(property, part.map_or_else(String::new, |part| part.as_str().to_owned()));
        }
        put("DEFINITION", table.base.to_string());
        if !spec.synonyms.is_empty() {
            put("SYNONYMS", quoted(&spec.synonyms));
        }
        if !spec.primary_key.is_empty() {
            put("PRIMARY_KEY", names(&spec.primary_key));
        }
        for key in &spec.unique {
            put("UNIQUE_KEY", names(key));
        }
        if let Some(comment) = &spec.comment {
            put("COMMENT", comment.clone());
        }
        for range in &spec.ranges {
            let place = ("CONSTRAINT", range.name.as_str(), Some(name));
            rows.put(place, "TYPE", "DISTINCT_RANGE".to_owned());
            rows.put(place, "START_COLUMN", range.start.as_str().to_owned());
            rows.put(place, "END_COLUMN", range.end.as_str().to_owned());
        }
    }

    fn describe_relationship(&self, found: &crate::model::Relationship, rows: &mut Rowset) {
        let from = self.table(found.from).name.as_str();
        let place = ("RELATIONSHIP", found.name.as_str(), Some(from));
        rows.put(place, "TABLE", from.to_owned());
        rows.put(place, "FOREIGN_KEY", names(&found.columns));
        rows.put(place, "REF_TABLE", self.table(found.to).name.as_str().to_owned());
        let key = match &found.link {
            Link::Equal(columns) => names(columns),
            Link::AsOf { columns, at } => {
                let shown = columns.iter().enumerate().map(|(place, name)| {
                    if place == *at { format!("ASOF {name}") } else { name.to_string() }
                });
                format!("[{}]", shown.collect::<Vec<_>>().join(", "))
            }
            Link::Range { start, end } => format!("[BETWEEN {start} AND {end} EXCLUSIVE]"),
        };
        rows.put(place, "REF_KEY", key);
    }

    fn describe_expression(&self, id: ExpressionId, sql_type: &str, rows: &mut Rowset) {
        let found = self.expression(id);
        let spec: &SemanticExpression = &found.spec;
        let parent = found.table.map(|table| self.table(table).name.as_str());
        let place = (found.kind.sql(), spec.name.as_str(), parent);
        if let Some(parent) = parent {
            rows.put(place, "TABLE", parent.to_owned());
        }
        rows.put(place, "EXPRESSION", spec.text.clone());
        rows.put(place, "DATA_TYPE", sql_type.to_owned());
        let access = if spec.private { "PRIVATE" } else { "PUBLIC" };
        rows.put(place, "ACCESS_MODIFIER", access.to_owned());
        if !spec.labels.is_empty() {
            rows.put(place, "LABELS", names(&spec.labels));
        }
        if !spec.using.is_empty() {
            rows.put(place, "USING", names(&spec.using));
        }
        if !found.non_additive.is_empty() {
            let shown = found.non_additive.iter().map(|by| {
                let direction = if by.descending { "DESC" } else { "ASC" };
                let nulls = if by.nulls_first { "FIRST" } else { "LAST" };
                format!("{} {direction} NULLS {nulls}", self.label(by.dimension))
            });
            let shown = shown.collect::<Vec<_>>().join(", ");
            rows.put(place, "NON_ADDITIVE_BY", format!("[{shown}]"));
        }
        if !spec.synonyms.is_empty() {
            rows.put(place, "SYNONYMS", quoted(&spec.synonyms));
        }
        if let Some(comment) = &spec.comment {
            rows.put(place, "COMMENT", comment.clone());
        }
    }
}

/// What is described: its kind, name and parent.
type Place<'a> = (&'static str, &'a str, Option<&'a str>);

struct Rowset(Vec<Described>);

impl Rowset {
    fn put(&mut self, (kind, name, parent): Place<'_>, property: &'static str, value: String) {
        self.0.push(Described {
            object_kind: Some(kind),
            object_name: Some(name.to_owned()),
            parent_entity: parent.map(str::to_owned),
            property,
            property_value: value,
        });
    }

    fn view(&mut self, create: &CreateSemanticView, comment: Option<&str>) {
        if let Some(comment) = comment {
            self.0.push(Described {
                object_kind: None,
                object_name: None,
                parent_entity: None,
                property: "COMMENT",
                property_value: comment.to_owned(),
            });
        }
        if let Some(text) = &create.ai_sql_generation {
            self.0.push(Described {
                object_kind: Some("CUSTOM_INSTRUCTIONS"),
                object_name: None,
                parent_entity: None,
                property: "AI_SQL_GENERATION",
                property_value: text.clone(),
            });
        }
        for query in &create.ai_verified_queries {
            for (key, value) in &query.properties {
                let place = ("AI_VERIFIED_QUERY", query.name.as_str(), None);
                self.put(place, known_property(key), value.clone());
            }
        }
    }
}

/// The property of a verified query.
fn known_property(key: &str) -> &'static str {
    const KNOWN: [&str; 5] =
        ["QUESTION", "SQL", "VERIFIED_AT", "VERIFIED_BY", "ONBOARDING_QUESTION"];
    KNOWN.into_iter().find(|known| *known == key).unwrap_or("OTHER")
}

fn names(names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(", "))
}

fn quoted(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", texts.join(", "))
}

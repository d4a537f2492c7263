//! From the statement to the model.

use std::collections::BTreeSet;
use std::sync::Arc;

use icecore_sql::ast::Expr;
use icecore_sql::{
    CreateSemanticView, NonAdditive, RelationshipTarget, SemanticExpression, SemanticKind,
    SemanticRelationship, SemanticTable, quote_date_parts,
};
use icecore_types::{Name, Result};

use super::{
    BaseTable, Expression, ExpressionId, ExpressionKind, Home, Link, Model, NonAdditiveBy,
    Reference, Relationship, Table, TableId,
};
use crate::errors::{invalid, too_complex, unknown};

/// Tables of one semantic view.
const MOST_TABLES: usize = 256;
/// Facts, dimensions and metrics of one semantic view.
const MOST_EXPRESSIONS: usize = 10_000;

impl Model {
    /// Binds and checks what a statement says. `bases` are the tables of its
    /// TABLES, in their order; `aggregates` the names of the aggregate
    /// functions that there are, in lower case.
    ///
    /// # Errors
    /// `InvalidInput` for whatever the rules of semantic views forbid: names
    /// that are missing, ambiguous or doubled, references to what is no key,
    /// cycles, expressions of the wrong grain.
    pub fn new(
        create: &CreateSemanticView,
        bases: Vec<BaseTable>,
        aggregates: Arc<BTreeSet<String>>,
    ) -> Result<Self> {
        let tables: Vec<Table> =
            create.tables.iter().zip(bases).map(table).collect::<Result<_>>()?;
        let mut model =
            Self { tables, relationships: Vec::new(), expressions: Vec::new(), aggregates };
        if model.tables.len() > MOST_TABLES {
            return Err(too_complex("tables of a semantic view", MOST_TABLES));
        }
        distinct(model.tables.iter().map(|table| &table.name), "table")?;
        for relationship in &create.relationships {
            let bound = model.relationship(relationship)?;
            model.relationships.push(bound);
        }
        distinct(model.relationships.iter().map(|found| &found.name), "relationship")?;
        model.check_cycles()?;
        model.define(create)?;
        model.check()?;
        Ok(model)
    }

    fn relationship(&self, spec: &SemanticRelationship) -> Result<Relationship> {
        let table = |name: &Name| self.table_named(name).ok_or_else(|| unknown(name));
        let (from, to) = (table(&spec.table)?, table(&spec.references)?);
        let name =
            spec.name.clone().unwrap_or_else(|| self.free_name(&spec.table, &spec.references));
        if from == to {
            return Err(invalid(format!("relationship {name} refers from table to itself")));
        }
        self.columns(from, &spec.columns)?;
        let link = self.link(to, &spec.target)?;
        let expected = match &link {
            Link::Equal(columns) | Link::AsOf { columns, .. } => columns.len(),
            Link::Range { .. } => 1,
        };
        if spec.columns.len() != expected {
            return Err(invalid(format!(
                "relationship {name} refers with another number of columns than it refers to \
                 columns={} referenced={expected}",
                spec.columns.len()
            )));
        }
        Ok(Relationship { name, from, columns: spec.columns.clone(), to, link })
    }

    fn free_name(&self, from: &Name, to: &Name) -> Name {
        let taken = |name: &Name| self.relationships.iter().any(|found| found.name == *name);
        let base = format!("{}_TO_{}", from.as_str(), to.as_str());
        let mut name = Name::quoted(&base);
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = Name::quoted(&format!("{base}_{number}"));
        }
        name
    }

    fn link(&self, to: TableId, target: &RelationshipTarget) -> Result<Link> {
        let table = self.table(to);
        let is_key = |columns: &[Name]| {
            let wanted: BTreeSet<&Name> = columns.iter().collect();
            table.keys.iter().any(|key| key.iter().collect::<BTreeSet<_>>() == wanted)
        };
        let checked = |columns: &[Name]| {
            self.columns(to, columns)?;
            if is_key(columns) {
                return Ok(columns.to_vec());
            }
            Err(invalid(format!(
                "a relationship refers to columns that are no key table={} columns={}",
                table.name,
                list(columns)
            ))
            .with_help("declare them as PRIMARY KEY or UNIQUE of the table"))
        };
        match target {
            RelationshipTarget::PrimaryKey => match table.keys.first() {
                Some(key) if table.has_primary_key => Ok(Link::Equal(key.clone())),
                _ => Err(invalid(format!(
                    "a relationship refers to a table without a primary key table={}",
                    table.name
                ))),
            },
            RelationshipTarget::Key(columns) => checked(columns).map(Link::Equal),
            RelationshipTarget::AsOf { columns, at } => {
                Ok(Link::AsOf { columns: checked(columns)?, at: *at })
            }
            RelationshipTarget::Range { start, end } => {
                if !table.ranges.contains(&(start.clone(), end.clone())) {
                    return Err(invalid(format!(
                        "a relationship refers to a range that is not declared table={} \
                         start={start} end={end}",
                        table.name
                    ))
                    .with_help(
                        "declare it with CONSTRAINT name DISTINCT RANGE BETWEEN .. AND ..",
                    ));
                }
                Ok(Link::Range { start: start.clone(), end: end.clone() })
            }
        }
    }

    fn columns(&self, table: TableId, columns: &[Name]) -> Result<()> {
        known(self.table(table), columns)?;
        distinct(columns.iter(), "column")
    }

    fn define(&mut self, create: &CreateSemanticView) -> Result<()> {
        let kinds = [
            (SemanticKind::Facts, &create.facts),
            (SemanticKind::Dimensions, &create.dimensions),
            (SemanticKind::Metrics, &create.metrics),
        ];
        if kinds.iter().map(|(_, specs)| specs.len()).sum::<usize>() > MOST_EXPRESSIONS {
            return Err(too_complex("expressions of a semantic view", MOST_EXPRESSIONS));
        }
        for (kind, specs) in kinds {
            for spec in specs {
                let defined = self.definition(kind, spec)?;
                self.expressions.push(defined);
            }
        }
        let mut seen = BTreeSet::new();
        for id in self.ids() {
            let found = self.expression(id);
            if !seen.insert((found.table, found.spec.name.clone())) {
                return Err(invalid(format!("{} is defined twice", self.label(id))));
            }
        }
        for id in self.ids() {
            let non_additive = self.non_additive(id)?;
            self.expressions[id.0].non_additive = non_additive;
        }
        Ok(())
    }

    fn definition(&self, kind: SemanticKind, spec: &SemanticExpression) -> Result<Expression> {
        let mut spec = spec.clone();
        quote_date_parts(&mut spec.expression);
        let table = match &spec.table {
            Some(name) => Some(self.table_named(name).ok_or_else(|| unknown(name))?),
            None if kind == SemanticKind::Metrics => None,
            None => {
                return Err(invalid(format!("{} {} has no table", kind.sql(), spec.name))
                    .with_help("write table.name AS expression"));
            }
        };
        let window = matches!(&spec.expression, Expr::Function(call) if call.over.is_some());
        let kind = match (kind, table) {
            (SemanticKind::Facts, _) => ExpressionKind::Fact,
            (SemanticKind::Dimensions, _) => ExpressionKind::Dimension,
            (SemanticKind::Metrics, _) if window => ExpressionKind::WindowMetric,
            (SemanticKind::Metrics, Some(_)) => ExpressionKind::Metric,
            (SemanticKind::Metrics, None) => ExpressionKind::DerivedMetric,
        };
        if kind != ExpressionKind::Metric
            && !(spec.using.is_empty() && spec.non_additive.is_empty())
        {
            return Err(invalid(format!(
                "USING and NON ADDITIVE BY belong to a metric of a table name={}",
                spec.name
            )));
        }
        let using = self.using(table, &spec)?;
        Ok(Expression { table, kind, spec, using, non_additive: Vec::new() })
    }

    fn using(&self, table: Option<TableId>, spec: &SemanticExpression) -> Result<Vec<usize>> {
        let mut using = Vec::new();
        for name in &spec.using {
            let found = self.relationships.iter().position(|found| found.name == *name);
            let found = found.ok_or_else(|| unknown(name))?;
            let reachable = table.map(|table| self.reachable(table)).unwrap_or_default();
            if !reachable.contains(&self.relationships[found].from) {
                return Err(invalid(format!(
                    "metric {} does not come by the relationship that it uses relationship={name}",
                    spec.name
                )));
            }
            using.push(found);
        }
        using.sort_unstable();
        using.dedup();
        Ok(using)
    }

    fn non_additive(&self, id: ExpressionId) -> Result<Vec<NonAdditiveBy>> {
        let of = |by: &NonAdditive| {
            let parts: Vec<_> = by
                .table
                .iter()
                .chain([&by.name])
                .map(|part| crate::tree::ident(part.as_str()))
                .collect();
            let dimension = match self.resolve(&parts, Home::Definition(id))? {
                Reference::Expression(found)
                    if self.expression(found).kind == ExpressionKind::Dimension =>
                {
                    found
                }
                _ => {
                    return Err(invalid(format!(
                        "NON ADDITIVE BY takes a dimension metric={} found={}",
                        self.label(id),
                        super::shown(&parts)
                    )));
                }
            };
            // NULL is the greatest value unless it is said otherwise.
            let nulls_first = by.nulls_first.unwrap_or(by.descending);
            Ok(NonAdditiveBy { dimension, descending: by.descending, nulls_first })
        };
        self.expression(id).spec.non_additive.iter().map(of).collect()
    }
}

fn table((spec, base): (&SemanticTable, BaseTable)) -> Result<Table> {
    let has_primary_key = !spec.primary_key.is_empty();
    let primary = has_primary_key.then(|| spec.primary_key.clone());
    let table = Table {
        name: spec.name.clone(),
        base: base.name,
        columns: base.columns,
        keys: primary.into_iter().chain(spec.unique.iter().cloned()).collect(),
        has_primary_key,
        ranges: spec.ranges.iter().map(|range| (range.start.clone(), range.end.clone())).collect(),
    };
    for key in &table.keys {
        known(&table, key)?;
        distinct(key.iter(), "column")?;
    }
    for (start, end) in &table.ranges {
        known(&table, &[start.clone(), end.clone()])?;
    }
    Ok(table)
}

fn known(table: &Table, columns: &[Name]) -> Result<()> {
    match columns.iter().find(|name| !table.columns.contains(name)) {
        None => Ok(()),
        Some(name) => Err(unknown(format_args!("{}.{name}", table.name))),
    }
}

fn list(names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn distinct<'a>(names: impl Iterator<Item = &'a Name>, what: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(invalid(format!("duplicate {what} name '{name}'")));
        }
    }
    Ok(())
}

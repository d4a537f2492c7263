//! A table's quarantine: where it is, and how it is read.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use datafusion::scalar::ScalarValue;
use icecore_exec::{ScanColumn, TableScan, from_datafusion};
use icecore_governance::Verb;
use icecore_processed::QuarantineColumn;
use icecore_snapshot::{Object, Requirement, Update};
use icecore_types::{
    Body, Code, ColumnId, Error, Name, NameSpace, ObjectId, ObjectKind, QualifiedName, Result,
    SegmentRef, SqlType, TableDefinition,
};

use crate::plan::{Binder, GovernedTable, RowsTable, plan_select, table_scan};
use crate::statement::{Planning, Resolver, refuse_under_policy};

/// The name of a quarantine inside its table.
const NAME: &str = "QUARANTINE";

/// Where the quarantined rows of a table are, or will be.
#[derive(Clone, Debug)]
pub(crate) struct QuarantinePlace {
    pub(crate) table: ObjectId,
    pub(crate) id: ObjectId,
    owner: ObjectId,
    is_new: bool,
}

impl QuarantinePlace {
    /// Adds rows; the first make the quarantine.
    pub(crate) fn append(
        &self,
        segments: Vec<SegmentRef>,
        updates: &mut Vec<Update>,
        requirements: &mut Vec<Requirement>,
    ) -> Result<()> {
        if segments.is_empty() {
            return Ok(());
        }
        if self.is_new {
            let (parent, name) = (Some(self.table), Name::quoted(NAME));
            updates.push(Update::CreateObject {
                id: self.id,
                kind: ObjectKind::Quarantine,
                parent,
                name: name.clone(),
                owner: self.owner,
                body: Body::of(&serde_json::Map::new())?,
            });
            let space = NameSpace::Quarantine;
            requirements.push(Requirement::NameUnchanged { parent, space, name });
        }
        updates.push(Update::Append { table: self.id, segments });
        Ok(())
    }
}

/// The quarantine of a table, if it has one.
pub(super) fn quarantine_of(resolver: &Resolver, table: ObjectId) -> Option<&Object> {
    resolver.head().lookup(Some(table), NameSpace::Quarantine, &Name::quoted(NAME))
}

impl Planning {
    pub(crate) fn quarantine_place(&self, table: &Object) -> QuarantinePlace {
        let found = quarantine_of(&self.resolver, table.id()).map(Object::id);
        let id = found.unwrap_or_else(|| self.session.engine().next_object_id());
        QuarantinePlace { table: table.id(), id, owner: table.owner(), is_new: found.is_none() }
    }

    /// The keys that a table has, behind the places of their rows if they are
    /// asked for.
    pub(super) fn own_keys(
        &self,
        table: &Object,
        definition: &TableDefinition,
        columns: &[ColumnId],
        positions: bool,
    ) -> Result<LogicalPlan> {
        let scan = table_scan(
            &self.session.engine().segments,
            (table.id(), table.name()),
            definition,
            self.resolver.content(table)?,
            positions,
        )?;
        let source = provider_as_source(Arc::new(GovernedTable::new(scan, self.session.shared())));
        let builder = LogicalPlanBuilder::scan("keys", source, None).map_err(from_datafusion)?;
        let wanted: &[&str] = match positions {
            true => &[TableScan::SEGMENT, TableScan::POSITION],
            false => &[],
        };
        let named = |name: &str| {
            let at = builder.schema().index_of_column_by_name(None, name);
            at.and_then(|at| builder.schema().columns().get(at).cloned()).map(Expr::Column)
        };
        let mut picked: Vec<Expr> = wanted.iter().filter_map(|name| named(name)).collect();
        for id in columns {
            let column = definition.columns.iter().find(|column| column.id == *id);
            picked.extend(column.and_then(|column| named(column.name.as_str())));
        }
        if picked.len() != wanted.len() + columns.len() {
            return Err(Error::corrupted("an expectation of a column that is gone"));
        }
        builder.project(picked).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
    }

    /// The largest value of a column, as one row.
    pub(crate) fn newest_of(&self, table: &Object, column: ColumnId) -> Result<LogicalPlan> {
        let definition: TableDefinition = table.body().read()?;
        let keys = self.own_keys(table, &definition, &[column], false)?;
        let [value] = <[_; 1]>::try_from(keys.schema().columns())
            .map_err(|_| Error::internal("a column that is several"))?;
        let max = self.state.aggregate_functions().get("max").cloned();
        let max = max.ok_or_else(|| Error::internal("there is no function MAX"))?;
        LogicalPlanBuilder::from(keys)
            .aggregate(Vec::<Expr>::new(), [max.call(vec![Expr::Column(value)])])
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)
    }

    /// The keys of another table or view.
    pub(super) fn key_rows(&self, parent: &QualifiedName, keys: &[Name]) -> Result<LogicalPlan> {
        let quoted = |name: &Name| format!("\"{}\"", name.as_str().replace('"', "\"\""));
        let items: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| format!("{} AS \"${}\"", quoted(key), at + 1))
            .collect();
        let parts = [&parent.database, &parent.schema].into_iter().flatten().chain([&parent.name]);
        let from: Vec<String> = parts.map(quoted).collect();
        let query = format!("SELECT {} FROM {}", items.join(", "), from.join("."));
        let query = icecore_sql::parse_query(&query)?;
        plan_select(&query, &self.state, &self.binder)
    }

    /// The rows of a quarantine with their places.
    pub(super) fn quarantine_target(
        &self,
        table: &Object,
        definition: &TableDefinition,
    ) -> Result<Option<Arc<TableScan>>> {
        let Some(quarantine) = quarantine_of(&self.resolver, table.id()) else { return Ok(None) };
        let engine = self.session.engine();
        Ok(Some(Arc::new(TableScan {
            table: quarantine.id(),
            name: format!("QUARANTINE of {}", table.name()),
            segments: engine.segments.clone(),
            content: self.resolver.content(quarantine)?,
            columns: columns(definition),
            positions: true,
        })))
    }
}

/// A quarantine's own columns, then its table's, as texts.
fn columns(definition: &TableDefinition) -> Vec<ScanColumn> {
    let own = QuarantineColumn::ALL.into_iter().map(|column| ScanColumn {
        id: column.id(),
        field: Arc::new(icecore_values::field(column.name(), &column.sql_type(), true)),
        value_before: None,
    });
    let values = definition.columns.iter().map(|column| ScanColumn {
        id: column.id,
        field: Arc::new(icecore_values::field(column.name.as_str(), &SqlType::TEXT, true)),
        value_before: column.value_before.clone().map(|text| ScalarValue::Utf8View(Some(text))),
    });
    own.chain(values).collect()
}

/// `TABLE(QUARANTINE('t'))`.
///
/// # Errors
/// `InvalidInput` for other arguments than a table's name, `NotFound` if there
/// is no such table.
pub(crate) fn quarantine_relation(
    arguments: &[(Option<String>, ScalarValue)],
    binder: &Binder,
) -> Result<Arc<dyn TableSource>> {
    let resolver = binder.resolver();
    let table = named_table(arguments, resolver, NAME)?;
    resolver.act(Verb::Select, table);
    refuse_under_policy(resolver, table, "the quarantine of")?;
    let definition: TableDefinition = table.body().read()?;
    let columns = columns(&definition);
    let Some(quarantine) = quarantine_of(resolver, table.id()) else {
        let fields: Vec<_> = columns.into_iter().map(|column| column.field).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        return Ok(provider_as_source(Arc::new(RowsTable::new(schema, Vec::new()))));
    };
    let session = binder.session();
    let scan = TableScan {
        table: quarantine.id(),
        name: format!("QUARANTINE of {}", table.name()),
        segments: session.engine().segments.clone(),
        content: resolver.content(quarantine)?,
        columns,
        positions: false,
    };
    Ok(provider_as_source(Arc::new(GovernedTable::new(scan, session.shared()))))
}

/// The table that the only argument of a table function names.
pub(crate) fn named_table<'a>(
    arguments: &[(Option<String>, ScalarValue)],
    resolver: &'a Resolver,
    function: &str,
) -> Result<&'a Object> {
    let text = match arguments {
        [(None, value)] => value.try_as_str().flatten(),
        _ => None,
    };
    let text = text.ok_or_else(|| {
        Error::new(Code::INVALID_ARGUMENT, format!("{function} takes the name of a table as text"))
            .with_help(format!("write TABLE({function}('t'))"))
    })?;
    resolver.object(ObjectKind::Table, &QualifiedName::parse(text)?)
}

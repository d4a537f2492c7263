//! SHOW.

mod account;
mod filter;

use icecore_governance::Verb;
use icecore_raw::FileType;
use icecore_snapshot::Object;
use icecore_sql::{Scope, Show, ShowKind};
use icecore_types::{
    Body, ContainerDefinition, DataMetricFunction, Error, FileFormatDefinition,
    NetworkPolicyDefinition, NetworkRuleDefinition, ObjectId, ObjectKind, PipeDefinition,
    PolicyDefinition, QualifiedName, Result, RoleDefinition, SemanticViewDefinition, SqlType,
    StageDefinition, StageLocation, TableDefinition, TagDefinition, UserDefinition, ViewDefinition,
};

pub(super) use filter::{cut, selected, shown};

use super::expectation::EXPECTATIONS;
use super::{Planning, unknown};
use crate::cells::{Cell, Columns, batch};

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;
const TIME: SqlType = SqlType::TimestampLtz;

/// The columns that every listed object has; some have more.
const COMMON: [(&str, SqlType); 6] = [
    ("created_on", TIME),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("owner", TEXT),
    ("comment", TEXT),
];

const TABLES: Columns = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    ("kind", TEXT),
    ("rows", INTEGER),
    ("bytes", INTEGER),
    ("retention_time", TEXT),
    ("dropped_on", TIME),
];
const DYNAMIC_TABLES: Columns = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    ("rows", INTEGER),
    ("bytes", INTEGER),
    ("target_lag", TEXT),
    ("refresh_mode", TEXT),
    ("refresh_mode_reason", TEXT),
    ("warehouse", TEXT),
    ("text", TEXT),
    ("scheduling_state", TEXT),
    ("suspended_because", TEXT),
    ("last_suspended_on", TIME),
    ("data_timestamp", TIME),
];
const VIEWS: Columns = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    ("text", TEXT),
    ("is_secure", TEXT),
];
const SEMANTIC_VIEWS: Columns =
    &[COMMON[0], COMMON[1], COMMON[2], COMMON[3], COMMON[4], COMMON[5], ("text", TEXT)];
const OBJECTS: Columns =
    &[COMMON[0], COMMON[1], COMMON[2], COMMON[3], COMMON[4], COMMON[5], ("kind", TEXT)];
const TAGS: Columns =
    &[COMMON[0], COMMON[1], COMMON[2], COMMON[3], COMMON[4], COMMON[5], ("allowed_values", TEXT)];
const CONTAINERS: Columns = &[
    COMMON[0],
    COMMON[1],
    ("is_current", TEXT),
    COMMON[2],
    COMMON[4],
    COMMON[5],
    ("retention_time", TEXT),
    ("dropped_on", TIME),
];
const STAGES: Columns = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    ("url", TEXT),
    ("type", TEXT),
];
const FORMATS: Columns =
    &[COMMON[0], COMMON[1], COMMON[2], COMMON[3], COMMON[4], COMMON[5], ("type", TEXT)];
const PIPES: Columns = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    ("definition", TEXT),
    ("notification_channel", TEXT),
    ("pattern", TEXT),
];
const COLUMNS: Columns = &[
    ("table_name", TEXT),
    ("schema_name", TEXT),
    ("column_name", TEXT),
    ("data_type", TEXT),
    ("null?", TEXT),
    ("default", TEXT),
    ("kind", TEXT),
    ("comment", TEXT),
    ("database_name", TEXT),
];

/// Where SHOW looks: everywhere, or in one container.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Within {
    Everywhere,
    Container(ObjectId),
}

impl Planning {
    /// SHOW, with what it lists filtered and cut as the statement says.
    pub(super) fn show(&self, show: &Show) -> Result<arrow::array::RecordBatch> {
        match show.what {
            ShowKind::Columns => return self.show_columns(show),
            ShowKind::Channels => return self.show_channels(show),
            ShowKind::SemanticDimensions | ShowKind::SemanticFacts | ShowKind::SemanticMetrics => {
                return self.show_semantic(show);
            }
            ShowKind::Parameters => return self.show_parameters(show),
            ShowKind::Warehouses => return self.show_warehouses(show),
            ShowKind::Roles => return self.show_roles(show, false),
            ShowKind::DatabaseRoles => return self.show_roles(show, true),
            ShowKind::Users => return self.show_users(show),
            ShowKind::Tokens => return self.show_tokens(show),
            ShowKind::Expectations => {
                let rows = self.expectation_rows(show.scope.as_ref())?;
                let rows = rows.into_iter().filter(|(name, _)| selected(show, name));
                let rows = rows.map(|(_, row)| row).collect();
                return shown(show, EXPECTATIONS, cut(show, rows));
            }
            _ => {}
        }
        let (columns, kinds) = listed(show.what)?;
        let within = self.within_scope(show)?;
        let mut found: Vec<&Object> = self
            .resolver
            .head()
            .objects()
            .filter(|object| kinds.contains(&object.kind()))
            .filter(|object| object.is_live() || show.history)
            .filter(|object| self.is_within(object, within))
            .filter(|object| selected(show, object.name().as_str()))
            .filter(|object| self.resolver.sees(object))
            .collect();
        found.sort_by_cached_key(|object| {
            (self.resolver.path(object.id()), object.dropped().map(|dropped| dropped.at()))
        });
        let found = cut(show, found);
        let rows =
            found.iter().map(|object| self.listed_row(show.what, object)).collect::<Result<_>>()?;
        shown(show, columns, rows)
    }

    pub(super) fn within_scope(&self, show: &Show) -> Result<Within> {
        let in_schema = !matches!(show.what, ShowKind::Schemas | ShowKind::Databases);
        Ok(match &show.scope {
            Some(Scope::Account) => Within::Everywhere,
            _ if matches!(show.what, ShowKind::Databases | ShowKind::NetworkPolicies) => {
                Within::Everywhere
            }
            Some(Scope::Database(name)) => {
                Within::Container(self.resolver.database(name.as_ref())?.id())
            }
            Some(Scope::Schema(name)) => {
                Within::Container(self.resolver.schema(name.as_ref())?.id())
            }
            Some(Scope::Named(name)) => Within::Container(self.named_container(name, in_schema)?),
            Some(Scope::Table(name)) => return Err(unknown(name)),
            Some(Scope::User(_)) => return Err(Error::unsupported("FOR USER")),
            Some(Scope::Session) => return Err(Error::unsupported("IN SESSION")),
            None => match (self.resolver.schema(None), self.resolver.database(None)) {
                (Ok(schema), _) if in_schema => Within::Container(schema.id()),
                (_, Ok(database)) => Within::Container(database.id()),
                _ => Within::Everywhere,
            },
        })
    }

    /// A container named alone: a schema of the current database, or a database.
    fn named_container(&self, name: &QualifiedName, in_schema: bool) -> Result<ObjectId> {
        if in_schema && let Ok(schema) = self.resolver.schema(Some(name)) {
            return Ok(schema.id());
        }
        if name.schema.is_none() {
            return Ok(self.resolver.database(Some(&name.name))?.id());
        }
        Err(unknown(name))
    }

    pub(super) fn is_within(&self, object: &Object, within: Within) -> bool {
        let Within::Container(container) = within else { return true };
        let mut parent = object.parent();
        while let Some(id) = parent {
            if id == container {
                return true;
            }
            parent = self.resolver.head().object(id).and_then(Object::parent);
        }
        false
    }

    fn listed_row(&self, what: ShowKind, object: &Object) -> Result<Vec<Cell>> {
        let path = self.resolver.path(object.id());
        let part = |at: usize| {
            let inner = at + 1 < path.len();
            Cell::maybe_text(path.get(at).filter(|_| inner).map(|name| name.as_str()))
        };
        let [created, name] = [Cell::Time(object.created_at()), Cell::text(object.name().as_str())];
        let owner = Cell::text(self.resolver.owner_name(object));
        let comment = Cell::text(comment_of(object.kind(), object.body())?.unwrap_or_default());
        let dropped = Cell::maybe_time(object.dropped().map(|dropped| dropped.at()));
        let retention = Cell::text(self.resolver.retention_days(object).to_string());
        if matches!(what, ShowKind::Schemas | ShowKind::Databases) {
            let current = Cell::text(if self.is_current(object) { "Y" } else { "N" });
            return Ok(vec![created, name, current, part(0), owner, comment, retention, dropped]);
        }
        let mut row = vec![created, name, part(0), part(1), owner, comment];
        match what {
            ShowKind::Tables => {
                let content = self.resolver.content(object)?;
                let counts = match object.policies()?.row_access {
                    // How many there are is hidden with the rows.
                    Some(_) => [Cell::Null, Cell::Null],
                    None => [Cell::count(content.rows()), Cell::count(content.stored_bytes())],
                };
                row.push(Cell::text(object.kind().sql()));
                row.extend(counts);
                row.extend([retention, dropped]);
            }
            ShowKind::DynamicTables => row.extend(self.dynamic_cells(object)?),
            ShowKind::Views => {
                row.push(Cell::text(self.resolver.text_of_view(object)?));
                row.push(Cell::text(if object.is_secure()? { "true" } else { "false" }));
            }
            ShowKind::SemanticViews => {
                row.push(Cell::text(object.body().read::<SemanticViewDefinition>()?.text));
            }
            ShowKind::Stages => {
                row.extend(match object.body().read::<StageDefinition>()?.location {
                    StageLocation::Internal => [Cell::text(""), Cell::text("INTERNAL")],
                    StageLocation::External { url, .. } => {
                        [Cell::text(url), Cell::text("EXTERNAL")]
                    }
                })
            }
            ShowKind::FileFormats => {
                let format: FileFormatDefinition = object.body().read()?;
                row.push(Cell::text(FileType::of(&format)?.as_str()));
            }
            ShowKind::Pipes => row.extend(pipe_cells(&object.body().read()?)?),
            ShowKind::Tags => row.push(allowed_values(&object.body().read()?)?),
            _ => row.push(Cell::text(object.kind().sql())),
        }
        Ok(row)
    }

    /// DESCRIBE PIPE: what SHOW PIPES says of it.
    pub(super) fn describe_pipe(&self, pipe: &Object) -> Result<arrow::array::RecordBatch> {
        batch(PIPES, vec![self.listed_row(ShowKind::Pipes, pipe)?])
    }

    fn is_current(&self, object: &Object) -> bool {
        let current = match object.kind() {
            ObjectKind::Database => self.resolver.database(None),
            _ => self.resolver.schema(None),
        };
        current.is_ok_and(|current| current.id() == object.id())
    }

    fn show_columns(&self, show: &Show) -> Result<arrow::array::RecordBatch> {
        let mut relations: Vec<&Object> = match &show.scope {
            Some(Scope::Table(name)) => vec![self.resolver.relation(name)?],
            _ => {
                let within = self.within_scope(show)?;
                let relation = |object: &&Object| {
                    matches!(
                        object.kind(),
                        ObjectKind::Table | ObjectKind::DynamicTable | ObjectKind::View
                    ) && object.is_live()
                };
                let all = self.resolver.head().objects();
                all.filter(relation)
                    .filter(|object| self.is_within(object, within) && self.resolver.sees(object))
                    .collect()
            }
        };
        relations.sort_by_cached_key(|object| self.resolver.path(object.id()));
        let mut rows = Vec::new();
        for relation in relations {
            self.resolver.act(Verb::Describe, relation);
            let path = self.resolver.path(relation.id());
            let part = |at: usize| Cell::maybe_text(path.get(at).map(|name| name.as_str()));
            for column in self.columns_of(relation)? {
                if selected(show, &column.name) {
                    let null = if column.not_null { "NOT_NULL" } else { "true" };
                    rows.push(vec![
                        part(2),
                        part(1),
                        Cell::text(column.name),
                        Cell::text(column.sql_type.to_string()),
                        Cell::text(null),
                        Cell::maybe_text(column.default),
                        Cell::text("COLUMN"),
                        Cell::maybe_text(column.comment),
                        part(0),
                    ]);
                }
            }
        }
        shown(show, COLUMNS, cut(show, rows))
    }
}

fn listed(what: ShowKind) -> Result<(Columns, &'static [ObjectKind])> {
    Ok(match what {
        ShowKind::Tables => (TABLES, &[ObjectKind::Table, ObjectKind::DynamicTable]),
        ShowKind::DynamicTables => (DYNAMIC_TABLES, &[ObjectKind::DynamicTable]),
        ShowKind::Views => (VIEWS, &[ObjectKind::View]),
        ShowKind::SemanticViews => (SEMANTIC_VIEWS, &[ObjectKind::SemanticView]),
        ShowKind::Objects => {
            (OBJECTS, &[ObjectKind::Table, ObjectKind::DynamicTable, ObjectKind::View])
        }
        ShowKind::Schemas => (CONTAINERS, &[ObjectKind::Schema]),
        ShowKind::Databases => (CONTAINERS, &[ObjectKind::Database]),
        ShowKind::Stages => (STAGES, &[ObjectKind::Stage]),
        ShowKind::FileFormats => (FORMATS, &[ObjectKind::FileFormat]),
        ShowKind::Pipes => (PIPES, &[ObjectKind::Pipe]),
        ShowKind::MaskingPolicies => (OBJECTS, &[ObjectKind::MaskingPolicy]),
        ShowKind::RowAccessPolicies => (OBJECTS, &[ObjectKind::RowAccessPolicy]),
        ShowKind::ProjectionPolicies => (OBJECTS, &[ObjectKind::ProjectionPolicy]),
        ShowKind::AggregationPolicies => (OBJECTS, &[ObjectKind::AggregationPolicy]),
        ShowKind::MetricFunctions => (OBJECTS, &[ObjectKind::MetricFunction]),
        ShowKind::NetworkRules => (OBJECTS, &[ObjectKind::NetworkRule]),
        ShowKind::NetworkPolicies => (OBJECTS, &[ObjectKind::NetworkPolicy]),
        ShowKind::Tags => (TAGS, &[ObjectKind::Tag]),
        other => return Err(Error::unsupported(format_args!("SHOW {}", other.sql()))),
    })
}

/// The allowed values of a tag, NULL if any is allowed.
fn allowed_values(tag: &TagDefinition) -> Result<Cell> {
    if tag.allowed_values.is_empty() {
        return Ok(Cell::Null);
    }
    let text = serde_json::to_string(&tag.allowed_values);
    text.map(Cell::Text).map_err(|source| Error::internal("values of a tag").with_source(source))
}

/// What SHOW PIPES says besides what it says of every object.
fn pipe_cells(pipe: &PipeDefinition) -> Result<[Cell; 3]> {
    let pattern = icecore_sql::parse_pipe_copy(&pipe.copy)?.pattern;
    Ok([
        Cell::text(pipe.copy.as_str()),
        Cell::maybe_text(pipe.notification_channel.as_deref()),
        Cell::maybe_text(pattern),
    ])
}

/// What the owner says of an object.
pub(crate) fn comment_of(kind: ObjectKind, body: &Body) -> Result<Option<String>> {
    Ok(match kind {
        ObjectKind::Database | ObjectKind::Schema => body.read::<ContainerDefinition>()?.comment,
        ObjectKind::Table | ObjectKind::DynamicTable => body.read::<TableDefinition>()?.comment,
        ObjectKind::View => body.read::<ViewDefinition>()?.comment,
        ObjectKind::SemanticView => body.read::<SemanticViewDefinition>()?.comment,
        ObjectKind::Stage => body.read::<StageDefinition>()?.comment,
        ObjectKind::FileFormat => body.read::<FileFormatDefinition>()?.comment,
        ObjectKind::Pipe => body.read::<PipeDefinition>()?.comment,
        ObjectKind::Role => body.read::<RoleDefinition>()?.comment,
        ObjectKind::User => body.read::<UserDefinition>()?.comment,
        ObjectKind::MaskingPolicy
        | ObjectKind::RowAccessPolicy
        | ObjectKind::ProjectionPolicy
        | ObjectKind::AggregationPolicy => body.read::<PolicyDefinition>()?.comment,
        ObjectKind::Tag => body.read::<TagDefinition>()?.comment,
        ObjectKind::MetricFunction => body.read::<DataMetricFunction>()?.comment,
        ObjectKind::NetworkRule => body.read::<NetworkRuleDefinition>()?.comment,
        ObjectKind::NetworkPolicy => body.read::<NetworkPolicyDefinition>()?.comment,
        ObjectKind::Channel | ObjectKind::Quarantine => None,
    })
}

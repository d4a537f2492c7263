//! DESCRIBE, and the columns of tables and views.

use arrow::datatypes::{FieldRef, Fields};
use datafusion::execution::SessionState;
use icecore_governance::Verb;
use icecore_raw::describe_format;
use icecore_snapshot::Object;
use icecore_sql::Describe;
use icecore_types::{
    Error, FileFormatDefinition, ObjectId, ObjectKind, PolicyDefinition, Result, SqlType,
    StageDefinition, StageLocation, TableDefinition, ViewDefinition,
};

use super::Planning;
use super::resolver::Intent;
use crate::cells::{Cell, Columns, batch};
use crate::plan::{Binder, as_table};

const TEXT: SqlType = SqlType::TEXT;

const RELATION: Columns = &[
    ("name", TEXT),
    ("type", TEXT),
    ("kind", TEXT),
    ("null?", TEXT),
    ("default", TEXT),
    ("comment", TEXT),
    ("policy name", TEXT),
];
const POLICY: Columns =
    &[("name", TEXT), ("signature", TEXT), ("return_type", TEXT), ("body", TEXT)];
const NETWORK: Columns = &[("name", TEXT), ("value", TEXT)];
const PROPERTIES: Columns = &[
    ("property", TEXT),
    ("property_type", TEXT),
    ("property_value", TEXT),
    ("property_default", TEXT),
];
const CONTENTS: Columns = &[("created_on", SqlType::TimestampLtz), ("name", TEXT), ("kind", TEXT)];

/// A column of a table or view.
pub(crate) struct DescribedColumn {
    pub(crate) name: String,
    pub(crate) sql_type: SqlType,
    pub(crate) not_null: bool,
    pub(crate) default: Option<String>,
    pub(crate) comment: Option<String>,
    /// What masks it.
    pub(crate) mask: Option<ObjectId>,
}

impl Planning {
    /// DESCRIBE.
    pub(super) fn describe(&self, describe: &Describe) -> Result<arrow::array::RecordBatch> {
        if describe.kind == ObjectKind::User {
            self.resolver.intend(Intent::OnSession);
            return self.describe_user(&describe.name);
        }
        let object = match describe.kind {
            ObjectKind::Table => self.resolver.relation(&describe.name)?,
            kind => self.resolver.object(kind, &describe.name)?,
        };
        self.resolver.act(Verb::Describe, object);
        match object.kind() {
            ObjectKind::Table | ObjectKind::DynamicTable | ObjectKind::View => {
                self.describe_relation(object)
            }
            ObjectKind::SemanticView => self.describe_semantic_view(object),
            ObjectKind::Database | ObjectKind::Schema => self.describe_container(object),
            ObjectKind::FileFormat => properties(&object.body().read::<FileFormatDefinition>()?),
            ObjectKind::Pipe => self.describe_pipe(object),
            ObjectKind::MaskingPolicy
            | ObjectKind::RowAccessPolicy
            | ObjectKind::ProjectionPolicy
            | ObjectKind::AggregationPolicy => describe_policy(object),
            ObjectKind::NetworkRule | ObjectKind::NetworkPolicy => {
                let rows = self.network_properties(object)?;
                batch(NETWORK, rows.into_iter().map(|row| row.map(Cell::Text).to_vec()).collect())
            }
            ObjectKind::Channel => Err(Error::unsupported("DESCRIBE CHANNEL")),
            ObjectKind::Stage => {
                let stage: StageDefinition = object.body().read()?;
                stage_properties(&stage)
            }
            kind @ (ObjectKind::Quarantine
            | ObjectKind::MetricFunction
            | ObjectKind::Role
            | ObjectKind::User
            | ObjectKind::Tag) => Err(Error::unsupported(format_args!("DESCRIBE {}", kind.sql()))),
        }
    }

    fn describe_relation(&self, object: &Object) -> Result<arrow::array::RecordBatch> {
        let rows = self.columns_of(object)?.into_iter().map(|column| {
            vec![
                Cell::text(column.name),
                Cell::text(column.sql_type.to_string()),
                Cell::text("COLUMN"),
                Cell::text(if column.not_null { "N" } else { "Y" }),
                Cell::maybe_text(column.default),
                Cell::maybe_text(column.comment),
                self.mask_name(column.mask),
            ]
        });
        batch(RELATION, rows.collect())
    }

    /// The name of a policy, for who may see that there is one.
    fn mask_name(&self, policy: Option<ObjectId>) -> Cell {
        let policy = policy.and_then(|id| self.resolver.head().object(id));
        let seen = policy.filter(|policy| self.resolver.sees(policy));
        Cell::maybe_text(seen.map(|policy| self.full_name(policy.id())))
    }

    fn describe_container(&self, object: &Object) -> Result<arrow::array::RecordBatch> {
        let children = self.resolver.head().children(Some(object.id())).map(|child| {
            vec![
                Cell::Time(child.created_at()),
                Cell::text(child.name().as_str()),
                Cell::text(child.kind().sql()),
            ]
        });
        batch(CONTENTS, children.collect())
    }

    /// The columns of a table or view, as they are now.
    pub(super) fn columns_of(&self, object: &Object) -> Result<Vec<DescribedColumn>> {
        columns_of(object, &self.binder, &self.state)
    }
}

/// The columns of a table or view, as they are now.
pub(crate) fn columns_of(
    object: &Object,
    binder: &Binder,
    state: &SessionState,
) -> Result<Vec<DescribedColumn>> {
    if object.kind() == ObjectKind::View {
        let definition: ViewDefinition = object.body().read()?;
        let (plan, _) = binder.view_plan((&definition, Some(object)), None, state)?;
        let table = as_table(&definition, &plan)?;
        let mut columns = columns_of_view(plan.schema().fields())?;
        for (described, column) in columns.iter_mut().zip(&table.columns) {
            described.mask = table.policies.mask(column.id).map(|mask| mask.policy);
        }
        return Ok(columns);
    }
    let definition: TableDefinition = object.body().read()?;
    let policies = definition.policies;
    let described = definition.columns.into_iter().map(|column| DescribedColumn {
        mask: policies.mask(column.id).map(|mask| mask.policy),
        name: column.name.as_str().to_owned(),
        sql_type: column.sql_type,
        not_null: column.not_null,
        default: column.default,
        comment: column.comment,
    });
    Ok(described.collect())
}

fn columns_of_view(fields: &Fields) -> Result<Vec<DescribedColumn>> {
    let described = |field: &FieldRef| {
        Ok(DescribedColumn {
            name: field.name().clone(),
            sql_type: icecore_values::sql_type(field)?,
            not_null: false,
            default: None,
            comment: None,
            mask: None,
        })
    };
    fields.iter().map(described).collect()
}

fn describe_policy(policy: &Object) -> Result<arrow::array::RecordBatch> {
    let definition: PolicyDefinition = policy.body().read()?;
    let row = vec![
        Cell::text(policy.name().as_str()),
        Cell::text(definition.signature()),
        Cell::text(definition.returns.to_string()),
        Cell::text(definition.body),
    ];
    batch(POLICY, vec![row])
}

const STAGE: Columns = &[
    ("parent_property", SqlType::TEXT),
    ("property", SqlType::TEXT),
    ("property_type", SqlType::TEXT),
    ("property_value", SqlType::TEXT),
    ("property_default", SqlType::TEXT),
];

/// The stage's place and its file format; never its credentials.
fn stage_properties(stage: &StageDefinition) -> Result<arrow::array::RecordBatch> {
    let line = |parent: &str, property: &str, kind: &str, value: &str, default: &str| {
        [parent, property, kind, value, default].map(Cell::text).to_vec()
    };
    let mut rows = Vec::new();
    if let StageLocation::External { url, endpoint, region, .. } = &stage.location {
        rows.push(line("STAGE_LOCATION", "URL", "String", &format!("[\"{url}\"]"), ""));
        if let Some(endpoint) = endpoint {
            rows.push(line("STAGE_LOCATION", "ENDPOINT", "String", endpoint, ""));
        }
        if let Some(region) = region {
            rows.push(line("STAGE_LOCATION", "REGION", "String", region, "us-east-1"));
        }
    }
    let format = stage.file_format.clone().unwrap_or_default();
    rows.extend(
        describe_format(&format)
            .into_iter()
            .map(|p| line("STAGE_FILE_FORMAT", p.property, p.property_type, &p.value, p.default)),
    );
    batch(STAGE, rows)
}

fn properties(format: &FileFormatDefinition) -> Result<arrow::array::RecordBatch> {
    let rows = describe_format(format).into_iter().map(|property| {
        vec![
            Cell::text(property.property),
            Cell::text(property.property_type),
            Cell::text(property.value),
            Cell::text(property.default),
        ]
    });
    batch(PROPERTIES, rows.collect())
}

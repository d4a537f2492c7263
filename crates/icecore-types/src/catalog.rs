//! Catalog objects: their kinds, and the bodies that the log stores without
//! reading them.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    ColumnId, DynamicDefinition, Error, Expectation, MetricBinding, MetricSchedule, Name, ObjectId,
    ObjectTags, Result, SqlType, TablePolicies, Timestamp,
};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Holds schemas.
    Database,
    /// Holds tables, views, stages and file formats.
    Schema,
    /// Rows, with versions.
    Table,
    /// The rows of a query, kept as fresh as its owner asks; with versions.
    DynamicTable,
    /// A stored query.
    View,
    /// Metrics and dimensions over related tables.
    SemanticView,
    /// A place of raw files.
    Stage,
    /// How to read raw files.
    FileFormat,
    /// What loads the files of a stage as they arrive.
    Pipe,
    /// What rows of a program stream through into a table.
    Channel,
    /// Rows that a table did not take, inside that table.
    Quarantine,
    /// What privileges are granted to; inside a database, a role of it.
    Role,
    /// Who opens sessions.
    User,
    /// What is seen of a column.
    MaskingPolicy,
    /// Which rows are seen.
    RowAccessPolicy,
    /// Which columns may be in a result.
    ProjectionPolicy,
    /// In groups of which size rows are seen.
    AggregationPolicy,
    /// A word that values are given of to objects and columns.
    Tag,
    /// Addresses.
    NetworkRule,
    /// From which addresses users log in.
    NetworkPolicy,
    /// Measures rows.
    MetricFunction,
}

/// Objects that share their names: a view cannot be called as a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameSpace {
    /// Databases.
    Database,
    /// Schemas.
    Schema,
    /// Tables, dynamic tables, views and semantic views.
    Relation,
    /// Stages.
    Stage,
    /// File formats.
    FileFormat,
    /// Pipes.
    Pipe,
    /// Channels of one table.
    Channel,
    /// Quarantines.
    Quarantine,
    /// Roles of the account, or of one database.
    Role,
    /// Users.
    User,
    /// Policies of every kind.
    Policy,
    /// Tags.
    Tag,
    /// Network rules.
    NetworkRule,
    /// Network policies.
    NetworkPolicy,
    /// Functions.
    Function,
}

impl ObjectKind {
    /// The names among which its name is unique.
    pub const fn name_space(self) -> NameSpace {
        match self {
            Self::Database => NameSpace::Database,
            Self::Schema => NameSpace::Schema,
            Self::Table | Self::DynamicTable | Self::View | Self::SemanticView => {
                NameSpace::Relation
            }
            Self::Stage => NameSpace::Stage,
            Self::FileFormat => NameSpace::FileFormat,
            Self::Pipe => NameSpace::Pipe,
            Self::Channel => NameSpace::Channel,
            Self::Quarantine => NameSpace::Quarantine,
            Self::Role => NameSpace::Role,
            Self::User => NameSpace::User,
            Self::MaskingPolicy
            | Self::RowAccessPolicy
            | Self::ProjectionPolicy
            | Self::AggregationPolicy => NameSpace::Policy,
            Self::Tag => NameSpace::Tag,
            Self::NetworkRule => NameSpace::NetworkRule,
            Self::NetworkPolicy => NameSpace::NetworkPolicy,
            Self::MetricFunction => NameSpace::Function,
        }
    }

    /// Whether it says what others see of tables.
    pub const fn is_policy(self) -> bool {
        matches!(self.name_space(), NameSpace::Policy)
    }

    /// Whether others may need it: then it stays as long as they are there.
    pub const fn is_needed(self) -> bool {
        let other = matches!(self, Self::NetworkRule | Self::NetworkPolicy | Self::MetricFunction);
        self.is_policy() || other
    }

    /// Whether it can have values of tags.
    pub const fn has_tags(self) -> bool {
        matches!(
            self,
            Self::Database
                | Self::Schema
                | Self::Table
                | Self::DynamicTable
                | Self::View
                | Self::SemanticView
                | Self::Stage
        )
    }

    /// Whether it has rows of its own, with versions.
    pub const fn has_rows(self) -> bool {
        matches!(self, Self::Table | Self::DynamicTable | Self::Quarantine)
    }

    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Database => "DATABASE",
            Self::Schema => "SCHEMA",
            Self::Table => "TABLE",
            Self::DynamicTable => "DYNAMIC TABLE",
            Self::View => "VIEW",
            Self::SemanticView => "SEMANTIC VIEW",
            Self::Stage => "STAGE",
            Self::FileFormat => "FILE FORMAT",
            Self::Pipe => "PIPE",
            Self::Channel => "CHANNEL",
            Self::Quarantine => "QUARANTINE",
            Self::Role => "ROLE",
            Self::User => "USER",
            Self::MaskingPolicy => "MASKING POLICY",
            Self::RowAccessPolicy => "ROW ACCESS POLICY",
            Self::ProjectionPolicy => "PROJECTION POLICY",
            Self::AggregationPolicy => "AGGREGATION POLICY",
            Self::Tag => "TAG",
            Self::NetworkRule => "NETWORK RULE",
            Self::NetworkPolicy => "NETWORK POLICY",
            Self::MetricFunction => "FUNCTION",
        }
    }
}

/// The part of an object that the log does not interpret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(serde_json::Value);

impl Body {
    /// One part of a definition.
    pub(crate) fn part(&self, name: &str) -> Option<Self> {
        self.0.get(name).cloned().map(Self)
    }

    /// The stored form of a definition.
    ///
    /// # Errors
    /// `Internal` if it cannot be stored, which is a defect.
    pub fn of(definition: &impl Serialize) -> Result<Self> {
        serde_json::to_value(definition)
            .map(Self)
            .map_err(|source| Error::internal("a definition cannot be stored").with_source(source))
    }

    /// The definition that is stored.
    ///
    /// # Errors
    /// `Corrupted` if it is none of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0)
            .map_err(|source| Error::corrupted("the definition of an object").with_source(source))
    }

    /// The same definition, looking names up in a container that is called
    /// `now` and was called `before`, if it looks them up there.
    pub fn with_names(&self, before: &[Name], now: &[Name]) -> Option<Self> {
        let mut value = self.0.clone();
        let definition = match value.get_mut("dynamic") {
            Some(dynamic) => dynamic,
            None => &mut value,
        };
        let parts = ["database", "schema"];
        let name = |name: &Name| serde_json::Value::String(name.as_str().to_owned());
        let looks_up = |(part, before): (&&str, &Name)| {
            definition.get(*part).is_some_and(|found| *found == name(before))
        };
        if !parts.iter().zip(before).all(looks_up) {
            return None;
        }
        let definition = definition.as_object_mut()?;
        for (part, now) in parts.iter().zip(now) {
            definition.insert((*part).to_owned(), name(now));
        }
        Some(Self(value))
    }

    /// The same definition with these values of tags.
    ///
    /// # Errors
    /// `Internal` if they cannot be stored, which is a defect.
    pub fn with_tags(&self, tags: &ObjectTags) -> Result<Self> {
        let mut value = self.0.clone();
        if let Some(definition) = value.as_object_mut() {
            definition.remove("tags");
            if !tags.is_empty() {
                definition.insert("tags".to_owned(), Self::of(tags)?.0);
            }
        }
        Ok(Self(value))
    }
}

/// A database or a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerDefinition {
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Days that dropped and changed content is kept; the container's if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// The values of tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDefinition {
    /// Its id for ever.
    pub id: ColumnId,
    /// Its name now.
    pub name: Name,
    /// Its declared type.
    #[serde(rename = "type")]
    pub sql_type: SqlType,
    /// Whether NULL is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_null: bool,
    /// The SQL expression that gives a value where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The value of rows written before the column was added, as the text
    /// that casts to it; NULL if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_before: Option<String>,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A table, or a dynamic table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDefinition {
    /// In the order in which `SELECT *` shows them.
    pub columns: Vec<ColumnDefinition>,
    /// The next column's id: an id is never used again.
    pub next_column: u32,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Days that dropped and changed content is kept; the schema's if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// What makes it a dynamic one; nothing of a table that is changed by
    /// statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<Box<DynamicDefinition>>,
    /// What its owner expects of its rows, in the order of their declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Expectation>,
    /// What everybody sees of it, its owner too.
    #[serde(default, skip_serializing_if = "TablePolicies::is_empty")]
    pub policies: TablePolicies,
    /// The values of tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
    /// What measures its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricBinding>,
    /// When they are measured; every hour if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_schedule: Option<MetricSchedule>,
}

impl TableDefinition {
    /// The column of this name.
    pub fn column(&self, name: &Name) -> Option<&ColumnDefinition> {
        self.columns.iter().find(|column| column.name == *name)
    }
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewDefinition {
    /// The query, with the names as they were written.
    pub query: String,
    /// The names of its columns, if the statement gave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Name>,
    /// The database that its unqualified names are looked up in.
    pub database: Name,
    /// The schema that its unqualified names are looked up in.
    pub schema: Name,
    /// The whole statement, as SHOW prints it.
    pub text: String,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What everybody sees of it; column n is the nth of `policy_columns`,
    /// from 1, because the columns of a view have no ids of their own.
    #[serde(default, skip_serializing_if = "TablePolicies::is_empty")]
    pub policies: TablePolicies,
    /// The columns that its policies name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_columns: Vec<Name>,
    /// Whether only its owner sees what it is made of, and nothing of a query
    /// is evaluated on rows that it leaves out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
    /// The values of tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
}

/// A semantic view. What it is made of is in its statement, which is read
/// again whenever it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemanticViewDefinition {
    /// The database that its unqualified names are looked up in.
    pub database: Name,
    /// The schema that its unqualified names are looked up in.
    pub schema: Name,
    /// The whole statement that made it.
    pub text: String,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The values of tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
}

/// Where a stage's files are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageLocation {
    /// In the account's own folder.
    Internal,
    /// Somewhere else.
    External {
        /// For example `s3://bucket/path/`.
        url: String,
        /// The service that the bucket is in, if it is not S3 itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// The region of a bucket of S3: us-east-1 if unset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        /// Who reads and writes there; nobody in particular if unset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<StageCredentials>,
    },
}

/// What opens a bucket. Nothing shows it: no text of a statement in the
/// history, no SHOW, no DESCRIBE, no error and no `Debug`.
///
/// ```
/// use icecore_types::StageCredentials;
/// let key = StageCredentials { key_id: "id".into(), secret: "s3cret".into(), token: None };
/// assert_eq!(format!("{key:?}"), "StageCredentials");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageCredentials {
    /// AWS_KEY_ID.
    pub key_id: String,
    /// AWS_SECRET_KEY.
    pub secret: String,
    /// AWS_TOKEN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl std::fmt::Debug for StageCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StageCredentials")
    }
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageDefinition {
    /// Where its files are.
    pub location: StageLocation,
    /// How its files are read if a statement does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_format: Option<FileFormatDefinition>,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The values of tags.
    #[serde(default, skip_serializing_if = "ObjectTags::is_empty")]
    pub tags: ObjectTags,
}

/// A file format: its options as they were given and checked, upper-case key
/// to canonical text; the raw crate gives them their meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFormatDefinition {
    /// For example `TYPE` to `["CSV"]`, `NULL_IF` to `["NULL", ""]`.
    pub options: BTreeMap<String, Vec<String>>,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A pipe: one COPY INTO for the files that it is told of. It loads the table
/// from the stage that these names meant when it was made, and stops when
/// they mean anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipeDefinition {
    /// The COPY INTO, with the names as they were written; those that are not
    /// qualified are of the pipe's schema.
    pub copy: String,
    /// The table that it loads.
    pub table: ObjectId,
    /// The stage whose files it loads.
    pub stage: ObjectId,
    /// Where the files of that stage were when the pipe was made.
    pub location: StageLocation,
    /// The file format that the COPY INTO names, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_format: Option<ObjectId>,
    /// Whether it takes the notifications of its location, and not only the
    /// files that it is given by name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_ingest: bool,
    /// Where notifications are fetched from, if they do not come by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_channel: Option<String>,
    /// Files that it was told of before this are not its own: when it was
    /// made, or made to go on by force.
    pub since: Timestamp,
    /// Since when it has been paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Timestamp>,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A channel: rows that one program appends to a table in its own order, and
/// how far it has come. It is an object inside its table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelDefinition {
    /// How often it was opened: only who opened it last may append.
    pub opened: u64,
    /// What the program said with the last rows that were committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_token: Option<String>,
    /// Rows that were committed through it.
    pub rows: u64,
    /// When it was last opened or appended to.
    pub active: Timestamp,
}

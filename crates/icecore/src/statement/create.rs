//! CREATE of databases, schemas, tables, views, stages and file formats.

use icecore_governance::Verb;
use icecore_raw::{StagePlace, StageUrl};
use icecore_snapshot::{Object, Update};
use icecore_sql::{
    CloneSource, ColumnSpec, CreateContainer, CreateFileFormat, CreateStage, CreateTable,
    CreateView, FormatSpec, OptionValue, Options, StageProperties,
};
use icecore_types::{
    Body, Code, ColumnDefinition, ColumnId, ContainerDefinition, Error, FileFormatDefinition, Name,
    ObjectKind, ObjectTags, QualifiedName, Result, StageCredentials, StageDefinition,
    StageLocation, TableDefinition, TablePolicies, Version, ViewDefinition,
};

use super::change::{Change, IfExists, Place, already_there, created, same_meaning};
use super::{Planning, travel};
use crate::engine::DEFAULT_SCHEMA;

impl Planning {
    /// CREATE DATABASE and CREATE SCHEMA.
    pub(super) fn create_container(
        &self,
        kind: ObjectKind,
        create: &CreateContainer,
    ) -> Result<Change> {
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let go_to = self.inside(kind, &create.name)?;
        let mut change = match &create.clone {
            Some(_) if create.managed_access => {
                return Err(Error::unsupported("CREATE SCHEMA .. CLONE .. WITH MANAGED ACCESS")
                    .with_help("a clone is managed if its source is; ALTER SCHEMA changes it"));
            }
            Some(source) => self.clone_object(kind, &create.name, if_exists, source)?,
            None => self.empty_container(kind, create, if_exists)?,
        };
        if !change.updates.is_empty() {
            change.go_to = Some(go_to);
        }
        Ok(change)
    }

    fn empty_container(
        &self,
        kind: ObjectKind,
        create: &CreateContainer,
        if_exists: IfExists,
    ) -> Result<Change> {
        let definition = ContainerDefinition {
            comment: create.comment.clone(),
            retention_days: create.retention_days,
            tags: ObjectTags::default(),
        };
        let body = Body::of(&definition)?;
        let (id, mut change) =
            self.create_managed((kind, create.managed_access), &create.name, if_exists, body)?;
        if let (ObjectKind::Database, Some(database)) = (kind, id) {
            // A schema of a database that is only being made has no future yet.
            change.updates.push(Update::CreateObject {
                id: self.session.engine().next_object_id(),
                kind: ObjectKind::Schema,
                parent: Some(database),
                name: Name::quoted(DEFAULT_SCHEMA),
                owner: self.acting.owner(),
                body: Body::of(&ContainerDefinition::default())?,
            });
        }
        Ok(change)
    }

    /// Where a session is after it created this container.
    fn inside(&self, kind: ObjectKind, name: &QualifiedName) -> Result<(Name, Option<Name>)> {
        if kind == ObjectKind::Database {
            return Ok((name.name.clone(), Some(Name::quoted(DEFAULT_SCHEMA))));
        }
        let database = self.resolver.database(name.schema.as_ref())?;
        Ok((database.name().clone(), Some(name.name.clone())))
    }

    /// CREATE TABLE with columns, LIKE or CLONE; AS a query is a write.
    pub(super) fn create_table(&self, create: &CreateTable) -> Result<Change> {
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        if let Some(source) = &create.clone {
            let change = self.clone_object(ObjectKind::Table, &create.name, if_exists, source)?;
            return self.with_copied_grants(change, create, Some(&source.source));
        }
        let mut definition = match &create.like {
            Some(source) => {
                let source = self.resolver.object(ObjectKind::Table, source)?;
                self.resolver.act(Verb::Select, source);
                let source: TableDefinition = source.body().read()?;
                TableDefinition { policies: TablePolicies::default(), ..source }
            }
            None => match &create.template {
                Some(call) => self.table_definition(&self.template_columns(call)?)?,
                None => self.table_definition(&create.columns)?,
            },
        };
        for expectation in &create.expectations {
            self.add_expectation(&mut definition, expectation)?;
        }
        definition.comment = create.comment.clone();
        definition.retention_days = create.retention_days;
        let mut needs = self.declared_policies(&mut definition, create)?;
        needs.extend(self.give_tags(&mut definition.tags, None, &create.tags)?);
        let body = Body::of(&definition)?;
        let mut change = self.create(ObjectKind::Table, &create.name, if_exists, body)?.1;
        change.requirements.extend(needs);
        self.with_copied_grants(change, create, create.like.as_ref())
    }

    /// The same change, with COPY GRANTS if the statement has it.
    pub(super) fn with_copied_grants(
        &self,
        change: Change,
        create: &CreateTable,
        like: Option<&QualifiedName>,
    ) -> Result<Change> {
        if !create.copy_grants {
            return Ok(change);
        }
        let like = like.map(|name| self.resolver.object(ObjectKind::Table, name)).transpose()?;
        self.copy_grants(change, like)
    }

    /// The stored form of declared columns.
    pub(super) fn table_definition(&self, columns: &[ColumnSpec]) -> Result<TableDefinition> {
        if columns.is_empty() {
            return Err(Error::new(Code::INVALID_STATEMENT, "a table has at least one column"));
        }
        let mut definition = TableDefinition { next_column: 1, ..TableDefinition::default() };
        for column in columns {
            let column = self.column_definition(column, definition.next_column)?;
            definition.columns.push(column);
            definition.next_column += 1;
        }
        Ok(definition)
    }

    /// The stored form of a declared column, after trying its default.
    pub(super) fn column_definition(
        &self,
        column: &ColumnSpec,
        id: u32,
    ) -> Result<ColumnDefinition> {
        if let Some(default) = &column.default {
            self.default_value(default, &column.sql_type).map_err(|error| {
                error.context(format_args!("default of column {}", column.name))
            })?;
        }
        Ok(ColumnDefinition {
            id: ColumnId::new(id),
            name: column.name.clone(),
            sql_type: column.sql_type,
            not_null: column.not_null,
            default: column.default.clone(),
            value_before: None,
            comment: column.comment.clone(),
        })
    }

    /// CREATE .. CLONE.
    pub(super) fn clone_object(
        &self,
        kind: ObjectKind,
        name: &QualifiedName,
        if_exists: IfExists,
        source: &CloneSource,
    ) -> Result<Change> {
        let original = self.resolver.object(kind, &source.source)?;
        let at = match &source.at {
            None => None,
            Some(point) => Some(travel::version_of_point(point, &self.binder, &self.state)?),
        };
        self.clone_at(original, at, name, if_exists)
    }

    /// A clone of an object as it was at a version; as it is if there is none.
    pub(super) fn clone_at(
        &self,
        original: &Object,
        at: Option<Version>,
        name: &QualifiedName,
        if_exists: IfExists,
    ) -> Result<Change> {
        let kind = original.kind();
        self.resolver.act(Verb::Clone, original);
        if let Some(version) = at {
            self.check_history(original, version)?;
        }
        let at = at.unwrap_or_else(|| self.resolver.head().version());
        let (parent, replaced) = match self.place(kind, name, if_exists)? {
            Place::Taken => return Ok(already_there(&name.name)),
            Place::Free { parent, replaced } => (parent, replaced),
        };
        let mut requirements = vec![same_meaning(kind, parent, name)];
        if let Some(replaced) = replaced.and_then(|id| self.resolver.head().object(id)) {
            requirements.extend(self.refuse_needed(replaced)?);
        }
        let message = created(kind, &name.name);
        let mut updates: Vec<Update> =
            replaced.map(|id| Update::DropObject { id }).into_iter().collect();
        let id = self.session.engine().next_object_id();
        let mut owner = self.acting.owner();
        let without = self.left_out(original, at)?;
        let granted = match kind {
            ObjectKind::Database | ObjectKind::Schema => {
                self.grants_of_clone(original, (at, &without), (id, parent, &name.name))?
            }
            kind => {
                let made = self.owner_of_made((kind.into(), false), id, (parent, &name.name))?;
                owner = made.0;
                made.1
            }
        };
        let (source, name) = (original.id(), name.name.clone());
        updates.push(Update::CloneObject { source, at, id, parent, name, owner, without });
        updates.extend(granted);
        Ok(Change { updates, requirements, message, ..Change::default() })
    }

    /// Fails unless the object, and every table in it now, can be read as it
    /// was at the version.
    pub(crate) fn check_history(&self, object: &Object, version: Version) -> Result<()> {
        if object.kind().has_rows() {
            return self
                .resolver
                .content_at(object, version, self.session.engine().now())
                .map(drop);
        }
        if object.created() > version {
            return Err(super::resolver::unavailable(object));
        }
        let head = self.resolver.head();
        for child in head.children(Some(object.id())) {
            let holds_rows = child.kind().has_rows() || child.kind() == ObjectKind::Schema;
            // What was made since is simply not part of the clone.
            if holds_rows && child.created() <= version {
                self.check_history(child, version)?;
            }
        }
        Ok(())
    }

    /// CREATE VIEW.
    pub(super) fn create_view(&self, create: &CreateView, text: &str) -> Result<Change> {
        let schema = self.resolver.schema(None)?;
        let database = schema.parent().and_then(|id| self.resolver.head().object(id));
        let database = database.ok_or_else(|| Error::internal("a schema without a database"))?;
        let definition = ViewDefinition {
            query: create.query_text.clone(),
            columns: create.columns.clone(),
            database: database.name().clone(),
            schema: schema.name().clone(),
            text: text.to_owned(),
            comment: create.comment.clone(),
            policies: TablePolicies::default(),
            policy_columns: Vec::new(),
            secure: create.secure,
            tags: ObjectTags::default(),
        };
        // A view that cannot be planned is refused now rather than when it is read.
        let plan = self.binder.plan_view((&definition, None), None, &self.state)?;
        distinct_names(plan.schema().fields().iter().map(|field| field.name().as_str()))?;
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        let body = Body::of(&definition)?;
        let change = self.create(ObjectKind::View, &create.name, if_exists, body)?.1;
        if create.copy_grants { self.copy_grants(change, None) } else { Ok(change) }
    }

    /// CREATE STAGE.
    pub(super) fn create_stage(&self, create: &CreateStage) -> Result<Change> {
        let internal = StageDefinition {
            location: StageLocation::Internal,
            file_format: None,
            comment: None,
            tags: ObjectTags::default(),
        };
        let definition = self.stage_with(internal, &create.properties)?;
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        Ok(self.create(ObjectKind::Stage, &create.name, if_exists, Body::of(&definition)?)?.1)
    }

    /// A stage with these properties besides those that it has.
    pub(super) fn stage_with(
        &self,
        mut stage: StageDefinition,
        given: &StageProperties,
    ) -> Result<StageDefinition> {
        let (mut url, mut endpoint, mut region, mut credentials) = match stage.location {
            StageLocation::Internal => (None, None, None, None),
            StageLocation::External { url, endpoint, region, credentials } => {
                (Some(url), endpoint, region, credentials)
            }
        };
        if given.url.is_some() {
            // What opened the old place is not shown to the new one.
            (url, endpoint, region, credentials) = (given.url.clone(), None, None, None);
        }
        endpoint = given.endpoint.clone().or(endpoint);
        region = given.region.clone().or(region);
        credentials = given.credentials.clone().or(credentials);
        stage.location = match url {
            None if endpoint.is_some() || region.is_some() || credentials.is_some() => {
                return Err(Error::new(
                    Code::INVALID_OPTION,
                    "ENDPOINT, REGION and CREDENTIALS are of a stage with a URL",
                ));
            }
            None => StageLocation::Internal,
            Some(url) => self.external_place(url, endpoint, region, credentials)?,
        };
        if let Some(format) = &given.file_format {
            stage.file_format = Some(self.file_format(format)?);
        }
        if given.comment.is_some() {
            stage.comment.clone_from(&given.comment);
        }
        Ok(stage)
    }

    /// A place outside of the account, if statements may name it.
    pub(super) fn external_place(
        &self,
        url: String,
        endpoint: Option<String>,
        region: Option<String>,
        credentials: Option<StageCredentials>,
    ) -> Result<StageLocation> {
        let place = StageUrl::parse(&url, endpoint.as_deref())?;
        let is_s3 = matches!(place.place(), StagePlace::S3 { .. });
        if (credentials.is_some() || region.is_some()) && !is_s3 {
            return Err(Error::new(
                Code::INVALID_OPTION,
                "CREDENTIALS and REGION are of a stage in S3 or a service like it",
            ));
        }
        if let Some(region) = &region {
            check_region(region)?;
        }
        self.session.engine().stages.check(&place)?;
        Ok(StageLocation::External { url: place.to_string(), endpoint, region, credentials })
    }

    /// CREATE FILE FORMAT.
    pub(super) fn create_file_format(&self, create: &CreateFileFormat) -> Result<Change> {
        let mut definition = checked_format(&create.options)?;
        definition.comment = create.comment.clone();
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        Ok(self.create(ObjectKind::FileFormat, &create.name, if_exists, Body::of(&definition)?)?.1)
    }

    /// The options of a named or inline file format.
    pub(super) fn file_format(&self, spec: &FormatSpec) -> Result<FileFormatDefinition> {
        match spec {
            FormatSpec::Named(name) => {
                let format = self.resolver.object(ObjectKind::FileFormat, name)?;
                self.resolver.act(Verb::Apply, format);
                format.body().read()
            }
            FormatSpec::Inline(options) => checked_format(options),
        }
    }
}

fn checked_format(options: &Options) -> Result<FileFormatDefinition> {
    let options: Vec<(String, Vec<String>)> =
        options.iter().map(|(key, value)| (key.to_owned(), texts(value))).collect();
    icecore_raw::check_format(&options)
}

/// An option's value as texts: one, or those of a list.
fn texts(value: &OptionValue) -> Vec<String> {
    match value {
        OptionValue::Word(text) | OptionValue::Text(text) | OptionValue::Number(text) => {
            vec![text.clone()]
        }
        OptionValue::Boolean(value) => vec![value.to_string().to_uppercase()],
        OptionValue::List(texts) => texts.clone(),
        OptionValue::Secret(_) => vec![value.to_string()],
    }
}

/// Fails on a name that stands twice.
pub(super) fn distinct_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                format!("duplicate column name '{name}'"),
            )
            .with_help("give one of them another name with AS"));
        }
    }
    Ok(())
}

/// Letters, digits and hyphens, because it becomes part of a host's name.
fn check_region(region: &str) -> Result<()> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=40).contains(&region.len()) && region.chars().all(known) && !region.starts_with('-') {
        return Ok(());
    }
    Err(Error::new(Code::INVALID_OPTION, format!("REGION cannot be used: '{region}'"))
        .with_help("write REGION = 'eu-central-1'"))
}

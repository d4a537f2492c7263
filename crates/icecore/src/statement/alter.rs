//! DROP, UNDROP and ALTER.

use icecore_governance::{Verb, refuse_dropping};
use icecore_snapshot::{Object, Requirement, Update};
use icecore_sql::{
    AlterContainer, AlterStage, AlterStageAction, AlterTable, AlterTableAction, AlterView,
    ContainerAction, DropMode, DropObject, Undrop,
};
use icecore_types::{
    Body, Code, ColumnDefinition, ContainerDefinition, Error, ErrorKind, Name, ObjectKind,
    QualifiedName, Result, SemanticViewDefinition, StageDefinition, StageLocation, TableDefinition,
    ViewDefinition,
};

use super::Planning;
use super::change::{Change, title};
use super::data_metric::refuse_measured;
use super::expectation::{drop_expectation, refuse_use};
use super::policy::refuse_under_policy;

const DONE: &str = "Statement executed successfully.";

impl Planning {
    /// DROP.
    pub(super) fn drop_object(&self, drop: &DropObject) -> Result<Change> {
        let found = match self.resolver.object(drop.kind, &drop.name) {
            Err(error) if drop.if_exists && error.kind() == ErrorKind::NotFound => {
                return Ok(Change::nothing(format!(
                    "Drop statement executed successfully ({} already dropped).",
                    drop.name.name
                )));
            }
            found => found?,
        };
        self.resolver.act(Verb::Drop, found);
        if drop.mode == DropMode::Restrict
            && found.kind() != ObjectKind::Table
            && self.resolver.head().children(Some(found.id())).next().is_some()
        {
            return Err(Error::new(
                Code::OPERATION_IMPOSSIBLE,
                format!("{} '{}' is not empty", found.kind().sql().to_lowercase(), found.name()),
            )
            .with_help("DROP .. CASCADE drops what is in it as well"));
        }
        let requirements = self.refuse_needed(found)?;
        let message = format!("{} successfully dropped.", found.name());
        let change = Change::one(Update::DropObject { id: found.id() }, message);
        Ok(Change { requirements, ..change })
    }

    /// UNDROP: the object of this name that was dropped last.
    pub(super) fn undrop(&self, undrop: &Undrop) -> Result<Change> {
        let name = &undrop.name;
        let parent = self.resolver.parent_of(undrop.kind, name)?.map(Object::id);
        let gone = || {
            Error::new(
                Code::OPERATION_IMPOSSIBLE,
                format!(
                    "{} '{}' did not exist or was purged",
                    undrop.kind.sql().to_lowercase(),
                    name.name
                ),
            )
        };
        let dropped = self.resolver.head().dropped(parent);
        let found = dropped
            .into_iter()
            .find(|object| object.kind() == undrop.kind && *object.name() == name.name)
            .filter(|object| self.resolver.sees(object));
        let found = found.ok_or_else(gone)?;
        let when = found.dropped().ok_or_else(gone)?;
        if self.session.engine().now().since(when.at()) >= self.resolver.retention(found) {
            return Err(gone());
        }
        self.resolver.act(Verb::Undrop, found);
        if let Some(taken) = self.resolver.find(undrop.kind, name)? {
            return Err(Error::new(
                Code::ALREADY_EXISTS,
                format!("object '{}' already exists", taken.name()),
            )
            .with_help("rename it first"));
        }
        let message = format!("{} {} successfully restored.", title(undrop.kind), found.name());
        Ok(Change::one(Update::UndropObject { id: found.id() }, message))
    }

    /// ALTER DATABASE and ALTER SCHEMA.
    pub(super) fn alter_container(&self, alter: &AlterContainer) -> Result<Change> {
        let Some(found) = self.existing(alter.kind, &alter.name, alter.if_exists)? else {
            return Ok(Change::nothing(DONE));
        };
        let mut definition: ContainerDefinition = found.body().read()?;
        match &alter.action {
            ContainerAction::Rename(to) => return self.rename(found, to),
            ContainerAction::SwapWith(other) => return self.swap(found, other),
            ContainerAction::ManagedAccess(managed) => {
                self.resolver.act(Verb::Rename, found);
                let updates = self.managed(found.id(), *managed)?;
                return Ok(Change { updates, message: DONE.into(), ..Change::default() });
            }
            ContainerAction::SetRetention(days) => definition.retention_days = *days,
            ContainerAction::SetComment(comment) => definition.comment = comment.clone(),
            other => return Err(Error::unsupported(format_args!("{other:?}"))),
        }
        replaced(found, Body::of(&definition)?)
    }

    /// ALTER VIEW and ALTER SEMANTIC VIEW.
    pub(super) fn alter_view(&self, alter: &AlterView) -> Result<Change> {
        let verb = match &alter.action {
            ContainerAction::Policy(action) => Verb::Attach(action.kind()),
            _ => Verb::Alter,
        };
        let found = self.existing_for(verb, alter.kind, &alter.name, alter.if_exists)?;
        let Some(found) = found else { return Ok(Change::nothing(DONE)) };
        match &alter.action {
            ContainerAction::Rename(to) => self.rename(found, to),
            ContainerAction::SetComment(comment) if alter.kind == ObjectKind::SemanticView => {
                let mut definition: SemanticViewDefinition = found.body().read()?;
                definition.comment = comment.clone();
                replaced(found, Body::of(&definition)?)
            }
            ContainerAction::Policy(action) => self.attach_to_view(found, action),
            ContainerAction::Secure(secure) => {
                let mut definition: ViewDefinition = found.body().read()?;
                definition.secure = *secure;
                replaced(found, Body::of(&definition)?)
            }
            ContainerAction::SetComment(comment) => {
                let mut definition: ViewDefinition = found.body().read()?;
                definition.comment = comment.clone();
                replaced(found, Body::of(&definition)?)
            }
            other => Err(Error::unsupported(format_args!("ALTER VIEW {other:?}"))),
        }
    }

    /// ALTER STAGE.
    pub(super) fn alter_stage(&self, alter: &AlterStage) -> Result<Change> {
        let found = self.existing(ObjectKind::Stage, &alter.name, alter.if_exists)?;
        let Some(found) = found else { return Ok(Change::nothing(DONE)) };
        let definition: StageDefinition = found.body().read()?;
        match &alter.action {
            AlterStageAction::Rename(to) => self.rename(found, to),
            AlterStageAction::UnsetComment => {
                let definition = StageDefinition { comment: None, ..definition };
                replaced(found, Body::of(&definition)?)
            }
            AlterStageAction::Set(given) => {
                if given.url.is_some() && definition.location == StageLocation::Internal {
                    return Err(Error::new(
                        Code::INVALID_OPTION,
                        "an internal stage cannot become an external one",
                    )
                    .with_help("CREATE OR REPLACE STAGE .. URL = '..'"));
                }
                replaced(found, Body::of(&self.stage_with(definition, given)?)?)
            }
        }
    }

    /// The object to alter, or nothing if it may be missing.
    pub(super) fn existing(
        &self,
        kind: ObjectKind,
        name: &QualifiedName,
        if_exists: bool,
    ) -> Result<Option<&Object>> {
        self.existing_for(Verb::Alter, kind, name, if_exists)
    }

    /// The same, to do something else with it.
    pub(super) fn existing_for(
        &self,
        verb: Verb,
        kind: ObjectKind,
        name: &QualifiedName,
        if_exists: bool,
    ) -> Result<Option<&Object>> {
        match self.resolver.object(kind, name) {
            Err(error) if if_exists && error.kind() == ErrorKind::NotFound => Ok(None),
            found => {
                let found = found?;
                self.resolver.act(verb, found);
                Ok(Some(found))
            }
        }
    }

    pub(super) fn rename(&self, object: &Object, to: &QualifiedName) -> Result<Change> {
        self.resolver.act(Verb::Rename, object);
        let kind = object.kind();
        let stays = to.schema.is_none() && to.database.is_none();
        let parent = if stays {
            object.parent()
        } else {
            let place = self.resolver.parent_of(kind, to)?;
            if let Some(place) = place {
                self.resolver.act(Verb::Create(kind), place);
            }
            place.map(Object::id)
        };
        if let Some(taken) = self.resolver.head().lookup(parent, kind.name_space(), &to.name) {
            return Err(Error::new(
                Code::ALREADY_EXISTS,
                format!("object '{}' already exists", taken.name()),
            ));
        }
        let update = Update::RenameObject { id: object.id(), parent, name: to.name.clone() };
        let mut change = Change::one(update, DONE);
        if matches!(kind, ObjectKind::Database | ObjectKind::Schema) {
            let place = parent.map(|parent| self.resolver.path(parent)).unwrap_or_default();
            let now = place.into_iter().chain([to.name.clone()]).collect::<Vec<_>>();
            change.updates.extend(self.follow_names(&self.resolver.path(object.id()), &now)?);
        }
        Ok(change)
    }

    /// What looks names up in a container goes on doing so: whoever takes its
    /// old name is not asked.
    fn follow_names(&self, before: &[Name], now: &[Name]) -> Result<Vec<Update>> {
        let looks_up = |kind| {
            matches!(kind, ObjectKind::View | ObjectKind::SemanticView | ObjectKind::DynamicTable)
        };
        let mut updates = Vec::new();
        for object in self.resolver.head().objects().filter(|object| looks_up(object.kind())) {
            if let Some(body) = object.body().with_names(before, now) {
                updates.push(Update::ReplaceBody { id: object.id(), body });
            }
        }
        Ok(updates)
    }

    pub(super) fn swap(&self, object: &Object, other: &QualifiedName) -> Result<Change> {
        let other = self.resolver.object(object.kind(), other)?;
        self.resolver.act(Verb::Swap, object);
        self.resolver.act(Verb::Swap, other);
        Ok(Change::one(Update::SwapObjects { a: object.id(), b: other.id() }, DONE))
    }

    /// ALTER TABLE, except what has to look at the rows first.
    pub(super) fn alter_table(&self, alter: &AlterTable) -> Result<Change> {
        let verb = match &alter.action {
            AlterTableAction::Policy(action) => Verb::Attach(action.kind()),
            _ => Verb::Alter,
        };
        let found = self.existing_for(verb, ObjectKind::Table, &alter.name, alter.if_exists)?;
        let Some(found) = found else { return Ok(Change::nothing(DONE)) };
        let mut definition: TableDefinition = found.body().read()?;
        let (mut without_nulls, mut requirements) = (None, Vec::new());
        match &alter.action {
            AlterTableAction::Rename(to) => return self.rename(found, to),
            AlterTableAction::SwapWith(other) => return self.swap(found, other),
            AlterTableAction::Policy(action) => return self.attach(found, action),
            AlterTableAction::AddColumns { columns, if_not_exists } => {
                self.add_columns(found, &mut definition, columns, *if_not_exists)?;
            }
            AlterTableAction::DropColumns { names, if_exists } => {
                for name in names {
                    refuse_use(&definition, name, false)?;
                    refuse_dropping(&definition, name)?;
                    refuse_measured(&definition, name)?;
                }
                drop_columns(&mut definition, names, *if_exists)?;
            }
            AlterTableAction::RenameColumn { from, to } => {
                if definition.column(to).is_some() {
                    return Err(column_exists(to));
                }
                refuse_use(&definition, from, true)?;
                column(&mut definition, from)?.name = to.clone();
            }
            AlterTableAction::AddExpectation(expectation) => {
                refuse_under_policy(&self.resolver, found, "an expectation of")?;
                self.add_expectation(&mut definition, expectation)?;
            }
            AlterTableAction::DropExpectation { name, if_exists } => {
                drop_expectation(&mut definition, name, *if_exists)?;
            }
            AlterTableAction::Metric(action) => {
                requirements = self.alter_metrics(&mut definition, action)?;
            }
            AlterTableAction::SetRetention(days) => definition.retention_days = *days,
            AlterTableAction::SetComment(comment) => definition.comment = comment.clone(),
            AlterTableAction::SetNotNull { column: name, not_null } => {
                if *not_null {
                    refuse_under_policy(&self.resolver, found, "SET NOT NULL on a column of")?;
                }
                column(&mut definition, name)?.not_null = *not_null;
                without_nulls = not_null.then(|| (alter.name.clone(), name.clone()));
            }
            AlterTableAction::DropDefault(name) => column(&mut definition, name)?.default = None,
            AlterTableAction::SetColumnComment { column: name, comment } => {
                column(&mut definition, name)?.comment = Some(comment.clone());
            }
            other => return Err(Error::unsupported(format_args!("ALTER TABLE {other:?}"))),
        }
        let mut change = replaced(found, Body::of(&definition)?)?;
        change.requirements.append(&mut requirements);
        if without_nulls.is_some() {
            // Nobody may add a NULL between the look and the change.
            change.requirements.push(Requirement::ContentUnchanged { table: found.id() });
        }
        Ok(Change { without_nulls, ..change })
    }

    fn add_columns(
        &self,
        table: &Object,
        definition: &mut TableDefinition,
        columns: &[icecore_sql::ColumnSpec],
        if_not_exists: bool,
    ) -> Result<()> {
        let has_rows = self.resolver.content(table)?.rows() > 0;
        for spec in columns {
            if definition.column(&spec.name).is_some() {
                if if_not_exists {
                    continue;
                }
                return Err(column_exists(&spec.name));
            }
            let mut added = self.column_definition(spec, definition.next_column)?;
            added.value_before = spec
                .default
                .as_deref()
                .map(|default| self.default_value(default, &spec.sql_type))
                .transpose()?
                .flatten();
            if added.not_null && added.value_before.is_none() && has_rows {
                return Err(Error::new(
                    Code::NULL_NOT_ALLOWED,
                    format!("column '{}' is NOT NULL and the table has rows", spec.name),
                )
                .with_help("give it a DEFAULT"));
            }
            definition.columns.push(added);
            definition.next_column += 1;
            if spec.mask.is_some() {
                return Err(Error::unsupported("ADD COLUMN .. MASKING POLICY")
                    .with_help("add the column first, then SET MASKING POLICY"));
            }
        }
        Ok(())
    }
}

pub(super) fn replaced(object: &Object, body: Body) -> Result<Change> {
    let update = Update::ReplaceBody { id: object.id(), body };
    Ok(Change::one(update, DONE).requires_unchanged(object.id()))
}

fn drop_columns(definition: &mut TableDefinition, names: &[Name], if_exists: bool) -> Result<()> {
    for name in names {
        match definition.columns.iter().position(|column| column.name == *name) {
            Some(at) => {
                definition.columns.remove(at);
            }
            None if if_exists => {}
            None => return Err(no_column(name)),
        }
    }
    if definition.columns.is_empty() {
        return Err(Error::new(Code::INVALID_STATEMENT, "a table has at least one column")
            .with_help("DROP TABLE drops the table"));
    }
    Ok(())
}

fn column<'a>(
    definition: &'a mut TableDefinition,
    name: &Name,
) -> Result<&'a mut ColumnDefinition> {
    definition.columns.iter_mut().find(|column| column.name == *name).ok_or_else(|| no_column(name))
}

fn column_exists(name: &Name) -> Error {
    Error::new(Code::ALREADY_EXISTS, format!("column '{name}' already exists"))
}

/// A column that is not there.
pub(super) fn no_column(name: &Name) -> Error {
    Error::new(Code::INVALID_IDENTIFIER, format!("invalid identifier '{name}'"))
}

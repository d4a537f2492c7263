//! Tags: made, changed, and given to objects and columns.

use icecore_governance::Verb;
use icecore_snapshot::{Head, Object, Requirement};
use icecore_sql::{AlterTag, CreateTag, SetTags, TagChange, TagsGiven};
use icecore_types::{
    Body, Code, ColumnId, Error, Name, ObjectId, ObjectKind, ObjectTags, QualifiedName, Result,
    TableDefinition, TagConflict, TagDefinition, TagPropagation,
};

use super::alter::{no_column, replaced};
use super::change::{Change, IfExists};
use super::{Planning, Resolver};

const DONE: &str = "Statement executed successfully.";
/// Characters of a value at most.
const VALUE_CHARACTERS: usize = 256;
/// Tags of an object, or of a column, at most.
const TAGS: usize = 50;

impl Planning {
    /// CREATE TAG.
    pub(super) fn create_tag(&self, create: &CreateTag) -> Result<Change> {
        let mut definition =
            TagDefinition { comment: create.comment.clone(), ..TagDefinition::default() };
        allow(&mut definition, &create.allowed_values)?;
        set_propagation(&mut definition, create.propagation.as_ref())?;
        let if_exists = IfExists::of(create.or_replace, create.if_not_exists);
        Ok(self.create(ObjectKind::Tag, &create.name, if_exists, Body::of(&definition)?)?.1)
    }

    /// ALTER TAG.
    pub(super) fn alter_tag(&self, alter: &AlterTag) -> Result<Change> {
        let verb = match &alter.change {
            TagChange::SetMasks { .. } | TagChange::UnsetMasks(_) => {
                Verb::Attach(ObjectKind::MaskingPolicy)
            }
            _ => Verb::Alter,
        };
        let found = self.existing_for(verb, ObjectKind::Tag, &alter.name, alter.if_exists)?;
        let Some(found) = found else { return Ok(Change::nothing(DONE)) };
        let mut definition: TagDefinition = found.body().read()?;
        match &alter.change {
            TagChange::Rename(to) => return self.rename(found, to),
            TagChange::SetComment(comment) => definition.comment = comment.clone(),
            TagChange::SetMasks { policies, force } => {
                return self.set_masks(found, policies, *force);
            }
            TagChange::UnsetMasks(policies) => return self.unset_masks(found, policies),
            TagChange::Propagate(how) => set_propagation(&mut definition, how.as_ref())?,
            TagChange::AllowAny => definition.allowed_values.clear(),
            TagChange::Allow(values) => {
                allow(&mut definition, values)?;
                self.refuse_values_in_use(found, |value| !definition.allows(value))?;
            }
            TagChange::Disallow(values) => {
                if let Some(unknown) =
                    values.iter().find(|value| !definition.allowed_values.contains(value))
                {
                    return Err(invalid(format!("'{unknown}' is no allowed value")));
                }
                self.refuse_values_in_use(found, |value| values.iter().any(|gone| gone == value))?;
                definition.allowed_values.retain(|value| !values.contains(value));
                if definition.allowed_values.is_empty() {
                    return Err(invalid("a tag keeps one allowed value".to_owned())
                        .with_help("UNSET ALLOWED_VALUES allows any"));
                }
            }
        }
        replaced(found, Body::of(&definition)?)
    }

    fn refuse_values_in_use(&self, tag: &Object, gone: impl Fn(&str) -> bool) -> Result<()> {
        let head = self.resolver.head();
        for object in head.objects().filter(|object| object.is_live() && object.kind().has_tags()) {
            let tags = object.body().tags()?;
            let values = std::iter::once(&tags.own).chain(tags.columns.values());
            if values.filter_map(|values| values.get(&tag.id())).any(|value| gone(value)) {
                return Err(Error::new(
                    Code::OPERATION_IMPOSSIBLE,
                    format!("an object has another value of tag '{}'", tag.name()),
                )
                .with_help("TAG_REFERENCES of SNOWFLAKE.ACCOUNT_USAGE says which"));
            }
        }
        Ok(())
    }

    /// ALTER .. SET TAG and UNSET TAG.
    pub(super) fn set_tags(&self, set: &SetTags) -> Result<Change> {
        let verb = Verb::Attach(ObjectKind::Tag);
        let found = self.existing_for(verb, set.kind, &set.name, set.if_exists)?;
        let Some(found) = found else { return Ok(Change::nothing(DONE)) };
        let column = set.column.as_ref().map(|name| column_id(found, name)).transpose()?;
        let mut tags = found.body().tags()?;
        let needs = self.give_tags(&mut tags, column, &set.values)?;
        let mut change = replaced(found, found.body().with_tags(&tags)?)?;
        change.requirements.extend(needs);
        change.updates.extend(self.propagate_given(found, tags)?);
        Ok(change)
    }

    /// Gives values, or takes them off; each tag must stay what it is.
    pub(super) fn give_tags(
        &self,
        tags: &mut ObjectTags,
        column: Option<ColumnId>,
        given: &TagsGiven,
    ) -> Result<Vec<Requirement>> {
        let mut needs = Vec::with_capacity(given.len());
        for (name, value) in given {
            let tag = self.resolver.object(ObjectKind::Tag, name)?;
            self.resolver.act(Verb::Apply, tag);
            let requirement = Requirement::ObjectUnchanged { id: tag.id() };
            if needs.contains(&requirement) {
                return Err(Error::new(
                    Code::INVALID_STATEMENT,
                    format!("a tag is named twice tag={name}"),
                ));
            }
            needs.push(requirement);
            if let Some(value) = value {
                check_value(&tag.body().read()?, tag.name(), value)?;
            }
            tags.give(column, tag.id(), value.clone());
        }
        let head = self.resolver.head();
        let is_live = |id: &&ObjectId| head.object(**id).is_some_and(Object::is_live);
        let count = tags.values(column).map_or(0, |values| values.keys().filter(is_live).count());
        if count > TAGS {
            return Err(invalid(format!(
                "tags of one object or column count={count} limit={TAGS}"
            )));
        }
        Ok(needs)
    }
}

/// The value that an object or a column has of a tag, and what it is given to:
/// the thing itself, or the nearest container that has one. `None` in the
/// second place is the column.
pub(crate) fn tag_value(
    head: &Head,
    tag: ObjectId,
    (object, column): (&Object, Option<ColumnId>),
) -> Result<Option<(String, Option<ObjectKind>)>> {
    let of_column = column.map(|column| (object, Some(column)));
    let mut next = Some(object);
    let containers = std::iter::from_fn(|| {
        let object = next?;
        next = object.parent().and_then(|id| head.object(id));
        Some((object, None))
    });
    for (object, column) in of_column.into_iter().chain(containers) {
        let tags = object.body().tags()?;
        if let Some(value) = tags.values(column).and_then(|values| values.get(&tag)) {
            return Ok(Some((value.clone(), column.is_none().then(|| object.kind()))));
        }
    }
    Ok(None)
}

/// SYSTEM$GET_TAG: the value, inherited or own.
pub(crate) fn get_tag(
    resolver: &Resolver,
    tag: &str,
    object: &str,
    domain: &str,
) -> Result<Option<String>> {
    let tag = resolver.object(ObjectKind::Tag, &QualifiedName::parse(tag)?)?;
    let (object, column) = tagged(resolver, object, domain)?;
    let value = tag_value(resolver.head(), tag.id(), (object, column))?;
    Ok(value.map(|(value, _)| value))
}

/// The object, or the column `t.c`, that a function is told.
///
/// # Errors
/// `NotFound` also for what the session may not see.
pub(crate) fn tagged<'a>(
    resolver: &'a Resolver,
    name: &str,
    domain: &str,
) -> Result<(&'a Object, Option<ColumnId>)> {
    let domain = domain.to_uppercase();
    let (name, column) = match domain.as_str() {
        "COLUMN" => {
            let (table, column) = split_column(name)?;
            (table, Some(Name::parse(column)?))
        }
        _ => (name, None),
    };
    let name = QualifiedName::parse(name)?;
    let object = match domain.as_str() {
        "TABLE" | "VIEW" | "COLUMN" | "DYNAMIC TABLE" | "SEMANTIC VIEW" => {
            resolver.relation(&name)?
        }
        "DATABASE" => resolver.object(ObjectKind::Database, &name)?,
        "SCHEMA" => resolver.object(ObjectKind::Schema, &name)?,
        "STAGE" => resolver.object(ObjectKind::Stage, &name)?,
        other => return Err(Error::unsupported(format_args!("tags of {other}"))),
    };
    if !resolver.sees(object) {
        return Err(super::unknown(&name));
    }
    let column = column.map(|column| column_id(object, &column)).transpose()?;
    Ok((object, column))
}

/// `t.c` at its last point that is in no quotes.
pub(crate) fn split_column(name: &str) -> Result<(&str, &str)> {
    let mut quoted = false;
    let point = name.char_indices().filter(|(_, letter)| {
        quoted ^= *letter == '"';
        *letter == '.' && !quoted
    });
    let split = point.last().and_then(|(at, _)| name.split_at_checked(at));
    let (table, column) = split.ok_or_else(|| {
        invalid(format!("no column of a table: {name}")).with_help("write 'table.column'")
    })?;
    Ok((table, column.trim_start_matches('.')))
}

fn column_id(object: &Object, name: &Name) -> Result<ColumnId> {
    match object.kind() {
        ObjectKind::Table | ObjectKind::DynamicTable => {
            let definition: TableDefinition = object.body().read()?;
            definition.column(name).map(|column| column.id).ok_or_else(|| no_column(name))
        }
        kind => Err(Error::unsupported(format_args!("a tag of a column of a {}", kind.sql()))),
    }
}

fn allow(definition: &mut TagDefinition, values: &[String]) -> Result<()> {
    for value in values {
        check_length(value)?;
        if !definition.allowed_values.contains(value) {
            definition.allowed_values.push(value.clone());
        }
    }
    Ok(())
}

fn set_propagation(tag: &mut TagDefinition, how: Option<&TagPropagation>) -> Result<()> {
    if let Some(TagPropagation { conflict, .. }) = how {
        match conflict {
            TagConflict::AllowedValuesSequence if tag.allowed_values.is_empty() => {
                let what = "ON_CONFLICT = ALLOWED_VALUES_SEQUENCE of a tag without ALLOWED_VALUES";
                return Err(invalid(what.to_owned()));
            }
            TagConflict::AllowedValuesSequence => {}
            TagConflict::Value(value) => check_length(value)?,
        }
    }
    tag.propagation = how.cloned();
    Ok(())
}

fn check_value(definition: &TagDefinition, tag: &Name, value: &str) -> Result<()> {
    check_length(value)?;
    if definition.allows(value) {
        return Ok(());
    }
    let allowed = definition.allowed_values.join("', '");
    Err(invalid(format!("tag value '{value}' is not allowed tag={tag}"))
        .with_help(format!("allowed are '{allowed}'")))
}

fn check_length(value: &str) -> Result<()> {
    let count = value.chars().count();
    if count > VALUE_CHARACTERS {
        return Err(invalid(format!(
            "tag value too long characters={count} limit={VALUE_CHARACTERS}"
        )));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(Code::INVALID_ARGUMENT, message)
}

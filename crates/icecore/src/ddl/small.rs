//! Policies, tags and their values, file formats, pipes.

use icecore_snapshot::Object;
use icecore_types::{
    ColumnId, FileFormatDefinition, PipeDefinition, PolicyDefinition, Result, TagConflict,
    TagDefinition, TagPropagation, TagValues,
};

use super::relation::columns;
use super::words::{Words, comment, quoted};

pub(super) fn policy(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let policy: PolicyDefinition = object.body().read()?;
    Ok(vec![format!(
        "create or replace {} {} as {} returns {} ->\n{}{};",
        object.kind().sql(),
        words.name(object),
        policy.signature(),
        policy.returns,
        policy.body,
        comment(policy.comment.as_ref())
    )])
}

/// A tag, and the policies that it brings.
pub(super) fn tag(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let mut made = tag_alone(object, words)?;
    made.extend(masks_of_tag(object, words)?);
    Ok(made)
}

pub(super) fn tag_alone(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let tag: TagDefinition = object.body().read()?;
    let values: Vec<String> = tag.allowed_values.iter().map(|value| quoted(value)).collect();
    let allowed = match values.is_empty() {
        true => String::new(),
        false => format!(" ALLOWED_VALUES {}", values.join(", ")),
    };
    let propagate = tag.propagation.as_ref().map(propagation).unwrap_or_default();
    let comment = comment(tag.comment.as_ref());
    Ok(vec![format!("create or replace TAG {}{allowed}{propagate}{comment};", words.name(object))])
}

fn propagation(how: &TagPropagation) -> String {
    let conflict = match &how.conflict {
        TagConflict::AllowedValuesSequence => "ALLOWED_VALUES_SEQUENCE".to_owned(),
        TagConflict::Value(value) => quoted(value),
    };
    format!(" PROPAGATE = {} ON_CONFLICT = {conflict}", how.sql())
}

pub(super) fn masks_of_tag(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let masks = object.body().read::<TagDefinition>()?.masks;
    let masks: Vec<String> =
        masks.iter().map(|mask| format!("masking policy {}", words.name_of(*mask))).collect();
    if masks.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![format!("alter TAG {} set {};", words.name(object), masks.join(", "))])
}

/// What gives an object and its columns their values of tags, but for those
/// that came from elsewhere.
pub(super) fn tags_of(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let tags = object.body().tags()?.without_propagated();
    let names = columns(object)?;
    let mut made = Vec::new();
    let alter = format!("alter {} {}", object.kind().sql(), words.name(object));
    if let Some(values) = given(&tags.own, words) {
        made.push(format!("{alter} set tag {values};"));
    }
    for (column, values) in &tags.columns {
        let name = names.iter().find(|(id, _): &&(ColumnId, _)| id == column);
        let (Some((_, name)), Some(values)) = (name, given(values, words)) else { continue };
        made.push(format!("{alter} modify column {name} set tag {values};"));
    }
    Ok(made)
}

/// `t = 'v', ..` of tags that are there.
fn given(values: &TagValues, words: &Words<'_>) -> Option<String> {
    let head = words.resolver.head();
    let live = values.iter().filter(|(id, _)| head.object(**id).is_some_and(|it| it.is_live()));
    let given: Vec<String> =
        live.map(|(id, value)| format!("{} = {}", words.name_of(*id), quoted(value))).collect();
    (!given.is_empty()).then(|| given.join(", "))
}

pub(super) fn file_format(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let format: FileFormatDefinition = object.body().read()?;
    let mut text = String::new();
    // The type says what the other options mean.
    let (first, rest): (Vec<_>, Vec<_>) =
        format.options.iter().partition(|(key, _)| key.as_str() == "TYPE");
    for (key, values) in first.into_iter().chain(rest) {
        let written = match values.as_slice() {
            [value] if is_word(key, value) => value.clone(),
            [value] if key != "NULL_IF" => quoted(value),
            values => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("({})", values.join(", "))
            }
        };
        text.push_str(&format!(" {key} = {written}"));
    }
    let comment = comment(format.comment.as_ref());
    Ok(vec![format!("create or replace FILE FORMAT {}{text}{comment};", words.name(object))])
}

/// Whether an option is written without quotes.
fn is_word(key: &str, value: &str) -> bool {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_number || matches!(value, "TRUE" | "FALSE" | "NONE") || matches!(key, "TYPE" | "COMPRESSION")
}

pub(super) fn pipe(object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    let pipe: PipeDefinition = object.body().read()?;
    let mut options = String::new();
    if pipe.auto_ingest {
        options.push_str(" AUTO_INGEST = TRUE");
    }
    if let Some(channel) = &pipe.notification_channel {
        options.push_str(&format!(" NOTIFICATION_CHANNEL = {}", quoted(channel)));
    }
    options.push_str(&comment(pipe.comment.as_ref()));
    Ok(vec![format!("create or replace PIPE {}{options} as\n{};", words.name(object), pipe.copy)])
}

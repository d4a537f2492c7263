//! GET_DDL: the statements that make an object again.

mod container;
mod measured;
mod relation;
mod small;
mod words;

use std::sync::Arc;

use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_types::{Code, Error, ObjectKind, QualifiedName, Result};

use crate::plan::Binder;
use words::Words;

/// `GET_DDL('kind', 'name' [, with full names])`: text that makes an object as
/// it is now, its policies and the values of its tags included.
///
/// # Errors
/// `NotFound` also for what the session may not see; `Unsupported` for kinds
/// whose statements hold secrets.
pub(crate) fn get_ddl(binder: &Arc<Binder>, arguments: &[String]) -> Result<String> {
    let (kind, name, full) = match arguments {
        [kind, name] => (kind, name, false),
        [kind, name, full] => (kind, name, is_true(full)?),
        _ => return Err(wrong("GET_DDL takes a kind of objects and a name")),
    };
    let object = find(binder, &kind.to_uppercase(), &QualifiedName::parse(name)?)?;
    binder.resolver().act(Verb::Describe, object);
    let words = Words::new(binder.resolver(), object, full);
    Ok(statements(binder, object, &words)?.join("\n"))
}

/// The statements that make an object, each with its semicolon.
///
/// Of a secure view for who does not own it there are none.
fn statements(binder: &Arc<Binder>, object: &Object, words: &Words<'_>) -> Result<Vec<String>> {
    if words.resolver.is_closed(object)? {
        return Ok(Vec::new());
    }
    let mut made = match object.kind() {
        ObjectKind::Database | ObjectKind::Schema => container::statements(binder, object, words)?,
        ObjectKind::Table => relation::table(object, words)?,
        ObjectKind::DynamicTable => relation::dynamic(object, words)?,
        ObjectKind::View => relation::view(object, words)?,
        ObjectKind::SemanticView => relation::semantic_view(object, words)?,
        ObjectKind::FileFormat => small::file_format(object, words)?,
        ObjectKind::Pipe => small::pipe(object, words)?,
        kind if kind.is_policy() => small::policy(object, words)?,
        ObjectKind::Tag => small::tag(object, words)?,
        ObjectKind::MetricFunction => measured::function(object, words)?,
        ObjectKind::NetworkRule => measured::network_rule(object, words)?,
        other => return Err(unsupported(other)),
    };
    if matches!(object.kind(), ObjectKind::Table | ObjectKind::View) {
        made.extend(relation::policies(object, words)?);
    }
    if object.kind() == ObjectKind::Table {
        made.extend(measured::metrics_of(object, words)?);
    }
    if object.kind().has_tags()
        && !matches!(object.kind(), ObjectKind::Database | ObjectKind::Schema)
    {
        made.extend(small::tags_of(object, words)?);
    }
    Ok(made)
}

fn unsupported(kind: ObjectKind) -> Error {
    Error::unsupported(format_args!("GET_DDL of a {}", kind.sql()))
}

fn find<'a>(binder: &'a Binder, kind: &str, name: &QualifiedName) -> Result<&'a Object> {
    let resolver = binder.resolver();
    let kinds: &[ObjectKind] = match kind.replace('_', " ").as_str() {
        "TABLE" => &[ObjectKind::Table, ObjectKind::DynamicTable],
        "VIEW" => &[ObjectKind::View],
        "DYNAMIC TABLE" => &[ObjectKind::DynamicTable],
        "SEMANTIC VIEW" => &[ObjectKind::SemanticView],
        "FILE FORMAT" => &[ObjectKind::FileFormat],
        "PIPE" => &[ObjectKind::Pipe],
        "POLICY" => &[
            ObjectKind::MaskingPolicy,
            ObjectKind::RowAccessPolicy,
            ObjectKind::ProjectionPolicy,
            ObjectKind::AggregationPolicy,
        ],
        "TAG" => &[ObjectKind::Tag],
        "FUNCTION" => &[ObjectKind::MetricFunction],
        "NETWORK RULE" => &[ObjectKind::NetworkRule],
        "SCHEMA" => &[ObjectKind::Schema],
        "DATABASE" => &[ObjectKind::Database],
        other => return Err(Error::unsupported(format_args!("GET_DDL of a {other}"))),
    };
    let mut failure = None;
    for kind in kinds {
        match resolver.object(*kind, name) {
            Ok(found) => return Ok(found),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| Error::internal("no kind of objects")))
}

fn is_true(text: &str) -> Result<bool> {
    match text.to_uppercase().as_str() {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(wrong("the last argument of GET_DDL is TRUE or FALSE")),
    }
}

fn wrong(what: &str) -> Error {
    Error::new(Code::INVALID_ARGUMENT, what)
}

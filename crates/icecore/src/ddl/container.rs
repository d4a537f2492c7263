//! Databases and schemas with what is in them, in an order in which each
//! statement finds what it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use icecore_governance::Verb;
use icecore_snapshot::Object;
use icecore_types::{ContainerDefinition, ObjectId, ObjectKind, Result};

use super::words::{Words, comment, retention};
use super::{measured, relation, small};
use crate::plan::{Binder, Source};

pub(super) fn statements(
    binder: &Arc<Binder>,
    object: &Object,
    words: &Words<'_>,
) -> Result<Vec<String>> {
    let mut schemas = vec![object];
    let mut made = Vec::new();
    if object.kind() == ObjectKind::Database {
        made.push(create(object, words)?);
        schemas = children(binder, object.id());
        schemas.retain(|schema| schema.kind() == ObjectKind::Schema);
    }
    let mut parts = Vec::new();
    for schema in schemas {
        made.push(create(schema, words)?);
        let inner = words.within(schema.id());
        let mut objects = children(binder, schema.id());
        // Secure views that are not the session's are left out.
        objects.retain(|object| !binder.resolver().is_closed(object).unwrap_or(true));
        let part = Part { schema, objects, words: inner };
        made.extend(part.made(binder)?);
        parts.push(part);
    }
    for part in &parts {
        if parts.len() > 1 {
            made.push(format!("use schema {};", part.words.name_of(part.schema.id())));
        }
        made.extend(part.governed(binder)?);
    }
    made.extend(small::tags_of(object, words)?);
    if object.kind() == ObjectKind::Database {
        for part in &parts {
            made.extend(small::tags_of(part.schema, words)?);
        }
    }
    Ok(made)
}

/// A schema and what the session sees in it.
struct Part<'a> {
    schema: &'a Object,
    objects: Vec<&'a Object>,
    words: Words<'a>,
}

impl Part<'_> {
    /// What needs nothing else, and relations after what they read.
    fn made(&self, binder: &Arc<Binder>) -> Result<Vec<String>> {
        let mut made = Vec::new();
        for object in &self.objects {
            made.extend(match object.kind() {
                ObjectKind::Tag => small::tag_alone(object, &self.words)?,
                ObjectKind::FileFormat => small::file_format(object, &self.words)?,
                ObjectKind::MetricFunction => measured::function(object, &self.words)?,
                ObjectKind::NetworkRule => measured::network_rule(object, &self.words)?,
                ObjectKind::Table => relation::table(object, &self.words)?,
                _ => Vec::new(),
            });
        }
        for object in self.in_order(binder) {
            made.extend(match object.kind() {
                ObjectKind::View => relation::view(object, &self.words)?,
                ObjectKind::SemanticView => relation::semantic_view(object, &self.words)?,
                ObjectKind::DynamicTable => relation::dynamic(object, &self.words)?,
                _ => Vec::new(),
            });
        }
        Ok(made)
    }

    /// Policies, and where they are: their bodies may read any relation.
    fn governed(&self, binder: &Arc<Binder>) -> Result<Vec<String>> {
        let mut made = Vec::new();
        for object in self.objects.iter().filter(|object| object.kind().is_policy()) {
            binder.resolver().act(Verb::Describe, object);
            made.extend(small::policy(object, &self.words)?);
        }
        for object in &self.objects {
            match object.kind() {
                ObjectKind::Tag => made.extend(small::masks_of_tag(object, &self.words)?),
                ObjectKind::Table | ObjectKind::View => {
                    made.extend(relation::policies(object, &self.words)?);
                }
                ObjectKind::Pipe => made.extend(small::pipe(object, &self.words)?),
                _ => {}
            }
            if object.kind() == ObjectKind::Table {
                made.extend(measured::metrics_of(object, &self.words)?);
            }
            if object.kind().has_tags() && object.kind() != ObjectKind::Stage {
                made.extend(small::tags_of(object, &self.words)?);
            }
        }
        Ok(made)
    }

    /// The relations that have a query, each after those that it reads.
    fn in_order(&self, binder: &Arc<Binder>) -> Vec<&Object> {
        let mut waiting: Vec<(&Object, BTreeSet<ObjectId>)> = Vec::new();
        for object in &self.objects {
            let Ok(Some(defined)) = binder.defined_columns(object) else {
                waiting.push((object, BTreeSet::new()));
                continue;
            };
            let read = defined.objects.into_iter().filter_map(|source| match source {
                Source::Object(id) => Some(id),
                Source::Stage(_) => None,
            });
            waiting.push((object, read.collect()));
        }
        let mut ordered = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let missing: BTreeSet<ObjectId> =
                waiting.iter().map(|(object, _)| object.id()).collect();
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(_, read)| read.is_disjoint(&missing));
            if ready.is_empty() {
                ordered.extend(later.iter().map(|(object, _)| *object));
                break;
            }
            ordered.extend(ready.iter().map(|(object, _)| *object));
            waiting = later;
        }
        ordered
    }
}

fn create(object: &Object, words: &Words<'_>) -> Result<String> {
    let definition: ContainerDefinition = object.body().read()?;
    Ok(format!(
        "create or replace {} {}{}{};",
        object.kind().sql(),
        words.name(object),
        retention(definition.retention_days),
        comment(definition.comment.as_ref())
    ))
}

/// What the session sees in a container, by name.
fn children(binder: &Arc<Binder>, container: ObjectId) -> Vec<&Object> {
    let resolver = binder.resolver();
    let mut found: Vec<&Object> = resolver
        .head()
        .children(Some(container))
        .filter(|object| object.is_live() && resolver.sees(object))
        .collect();
    found.sort_by_key(|object| object.name());
    found
}

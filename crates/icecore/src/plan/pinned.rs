//! What a refresh reads, and as of when.

use icecore_snapshot::{Head, Object};
use icecore_types::{
    DynamicDefinition, FrontierInput, Hash, ObjectKind, Result, SemanticViewDefinition,
    TableDefinition, Version, ViewDefinition,
};
use parking_lot::Mutex;

/// The version that a refresh reads everything at, and what it has read.
#[derive(Debug)]
pub(crate) struct Pinned {
    version: Version,
    reads: Mutex<Vec<FrontierInput>>,
}

impl Pinned {
    pub(crate) fn new(version: Version) -> Self {
        Self { version, reads: Mutex::default() }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Remembers what was read, once.
    pub(super) fn saw(&self, object: &Object, version: Version) -> Result<()> {
        let input = FrontierInput { id: object.id(), version, shape: shape(object)? };
        let mut reads = self.reads.lock();
        if !reads.iter().any(|known| known.id == input.id) {
            reads.push(input);
        }
        Ok(())
    }

    /// What was read, in the order in which it was.
    pub(crate) fn reads(&self) -> Vec<FrontierInput> {
        self.reads.lock().clone()
    }
}

/// Of what decides which columns and values a reader sees, besides the rows.
pub(crate) fn shape(object: &Object) -> Result<Hash> {
    let mut text = String::new();
    if object.kind().has_rows() {
        let definition: TableDefinition = object.body().read()?;
        for column in &definition.columns {
            text += &format!(
                "{:?} {:?} {:?} {:?}\n",
                column.id, column.name, column.sql_type, column.value_before
            );
        }
    } else if object.kind() == ObjectKind::View {
        let view: ViewDefinition = object.body().read()?;
        text = format!("{:?} {:?} {:?} {:?}", view.query, view.columns, view.database, view.schema);
    } else if object.kind() == ObjectKind::SemanticView {
        let view: SemanticViewDefinition = object.body().read()?;
        text = format!("{:?} {:?} {:?}", view.text, view.database, view.schema);
    }
    Ok(Hash::of(text.as_bytes()))
}

/// Whether the rows of a dynamic table equal its query at a version: nothing
/// that it reads has other rows then than when it was refreshed.
pub(crate) fn covers(head: &Head, dynamic: &DynamicDefinition, version: Version) -> bool {
    let Some(frontier) = &dynamic.frontier else { return false };
    frontier.inputs.iter().all(|input| covers_input(head, input, version))
}

/// Whether a table or view that was read gives the same at a version.
pub(crate) fn covers_input(head: &Head, input: &FrontierInput, version: Version) -> bool {
    let Some(object) = head.object(input.id).filter(|object| object.is_live()) else {
        return false;
    };
    if !shape(object).is_ok_and(|shape| shape == input.shape) {
        return false;
    }
    match object.kind() {
        ObjectKind::Table => same_rows(head, input, version),
        ObjectKind::DynamicTable => {
            let definition: Option<TableDefinition> = object.body().read().ok();
            let dynamic = definition.and_then(|definition| definition.dynamic);
            dynamic.is_some_and(|dynamic| covers(head, &dynamic, version))
                && same_rows(head, input, head.version())
        }
        _ => true,
    }
}

/// Whether no statement changed the rows between two versions.
fn same_rows(head: &Head, input: &FrontierInput, version: Version) -> bool {
    let (earlier, later) = (input.version.min(version), input.version.max(version));
    match head.superseded_at(input.id, earlier) {
        None => head.content_at(input.id, earlier).is_some(),
        Some(changed) => head.time_of(later).is_none_or(|later| later < changed),
    }
}

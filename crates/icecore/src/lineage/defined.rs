//! What definitions say of where values come from: views, dynamic tables,
//! semantic views, clones.

use std::sync::Arc;

use icecore_snapshot::{Head, Object};
use icecore_types::{ObjectKind, Result, TableDefinition};

use super::graph::{Graph, Point, Way};
use crate::plan::{Binder, DefinedColumns, Source};

/// Adds what the definitions of all live objects say. One that cannot be
/// planned now has no values that come from anywhere, nor has a secure view for
/// who may not know what it is made of.
pub(super) fn add_defined(graph: &mut Graph, binder: &Arc<Binder>, head: &Head) {
    for object in head.objects().filter(|object| object.is_live()) {
        if binder.resolver().is_closed(object).unwrap_or(true) {
            continue;
        }
        match binder.defined_columns(object) {
            Ok(Some(defined)) => add_columns(graph, object, defined),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, name = %object.name(), "no lineage"),
        }
        if let Err(error) = add_clone(graph, object, head) {
            tracing::debug!(%error, name = %object.name(), "no lineage");
        }
    }
}

fn add_columns(graph: &mut Graph, object: &Object, defined: DefinedColumns) {
    let target = Source::Object(object.id());
    for source in defined.objects {
        graph.add(Point::whole(source), Point::whole(target.clone()), Way::default());
    }
    for (name, sources) in defined.columns {
        for (source, column) in sources {
            let target = Point::column(target.clone(), &name);
            graph.add(Point::column(source, column), target, Way::default());
        }
    }
}

/// A clone's rows are those of its source, column by column.
fn add_clone(graph: &mut Graph, object: &Object, head: &Head) -> Result<()> {
    let source = object.cloned_from().and_then(|id| head.object(id));
    let Some(source) = source.filter(|source| source.is_live()) else { return Ok(()) };
    if !matches!(object.kind(), ObjectKind::Table | ObjectKind::DynamicTable) {
        return Ok(());
    }
    let (from, to) = (Source::Object(source.id()), Source::Object(object.id()));
    let before: TableDefinition = source.body().read()?;
    for column in object.body().read::<TableDefinition>()?.columns {
        let Some(original) = before.columns.iter().find(|it| it.id == column.id) else { continue };
        let from = Point::column(from.clone(), original.name.as_str());
        graph.add(from, Point::column(to.clone(), column.name.as_str()), Way::default());
    }
    graph.add(Point::whole(from), Point::whole(to), Way::default());
    Ok(())
}

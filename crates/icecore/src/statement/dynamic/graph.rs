//! Which dynamic tables are made of which.

use icecore_snapshot::{Head, Object};
use icecore_types::{
    Code, DynamicDefinition, Error, Name, ObjectId, ObjectKind, QualifiedName, Result,
    SemanticViewDefinition, TableDefinition, ViewDefinition,
};

use crate::plan::stated;
use crate::statement::Resolver;

/// Views inside views, at most.
const MAX_DEPTH: usize = 32;

/// What makes an object a dynamic table, if it is a live one.
pub(crate) fn dynamic_of(object: &Object) -> Option<DynamicDefinition> {
    if object.kind() != ObjectKind::DynamicTable || !object.is_live() {
        return None;
    }
    let definition: TableDefinition = object.body().read().ok()?;
    definition.dynamic.map(|dynamic| *dynamic)
}

/// The dynamic tables that a query reads, through views too. A name that means
/// nothing now is no dynamic table.
pub(crate) fn upstream(
    head: &std::sync::Arc<Head>,
    query: &str,
    (database, schema): (&Name, &Name),
) -> Vec<ObjectId> {
    let mut look = Look { head, depth: MAX_DEPTH, found: Vec::new() };
    look.at_query(query, (database, schema));
    look.found
}

/// A walk through views to the dynamic tables that they read.
struct Look<'a> {
    head: &'a std::sync::Arc<Head>,
    /// How many views deeper it goes.
    depth: usize,
    found: Vec<ObjectId>,
}

impl Look<'_> {
    fn at_query(&mut self, query: &str, names: (&Name, &Name)) {
        let Ok(query) = icecore_sql::parse_query(query) else { return };
        let Ok(relations) = icecore_sql::relations_of_query(&query) else { return };
        self.at_relations(relations.into_iter().map(|relation| relation.name), names);
    }

    fn at_relations(
        &mut self,
        relations: impl Iterator<Item = QualifiedName>,
        (database, schema): (&Name, &Name),
    ) {
        let names = (Some(database.clone()), Some(schema.clone()));
        let resolver = Resolver::new(std::sync::Arc::clone(self.head), names.0, names.1);
        for relation in relations {
            let Ok(object) = resolver.relation(&relation) else { continue };
            match object.kind() {
                ObjectKind::DynamicTable if !self.found.contains(&object.id()) => {
                    self.found.push(object.id());
                }
                ObjectKind::View | ObjectKind::SemanticView if self.depth > 0 => {
                    self.depth -= 1;
                    self.inside(object);
                    self.depth += 1;
                }
                _ => {}
            }
        }
    }

    fn inside(&mut self, object: &Object) {
        if object.kind() == ObjectKind::View {
            let Ok(view) = object.body().read::<ViewDefinition>() else { return };
            self.at_query(&view.query, (&view.database, &view.schema));
        } else {
            let Ok(view) = object.body().read::<SemanticViewDefinition>() else { return };
            let Ok(create) = stated(&view) else { return };
            let bases = create.tables.into_iter().map(|table| table.base);
            self.at_relations(bases, (&view.database, &view.schema));
        }
    }
}

/// The same of a dynamic table.
pub(crate) fn upstream_of(
    head: &std::sync::Arc<Head>,
    dynamic: &DynamicDefinition,
) -> Vec<ObjectId> {
    upstream(head, &dynamic.query, (&dynamic.database, &dynamic.schema))
}

/// All that these dynamic tables are made of, and they themselves: each after
/// what it is made of.
///
/// # Errors
/// `InvalidInput` if one is made of itself.
pub(crate) fn in_order(head: &std::sync::Arc<Head>, tables: &[ObjectId]) -> Result<Vec<ObjectId>> {
    let mut order = Vec::new();
    for table in tables {
        visit(head, *table, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

fn visit(
    head: &std::sync::Arc<Head>,
    table: ObjectId,
    path: &mut Vec<ObjectId>,
    order: &mut Vec<ObjectId>,
) -> Result<()> {
    if order.contains(&table) {
        return Ok(());
    }
    let Some(object) = head.object(table) else { return Ok(()) };
    if path.contains(&table) || path.len() > MAX_DEPTH * 8 {
        return Err(made_of_itself(object.name()));
    }
    let Some(dynamic) = dynamic_of(object) else { return Ok(()) };
    path.push(table);
    for source in upstream_of(head, &dynamic) {
        visit(head, source, path, order)?;
    }
    path.pop();
    order.push(table);
    Ok(())
}

/// The error of a cycle.
pub(crate) fn made_of_itself(name: &Name) -> Error {
    Error::new(Code::INVALID_STATEMENT, format!("dynamic table '{name}' is made of itself"))
}

/// Whether the schedule leaves a table alone: it, or something that it is made
/// of, is suspended.
pub(crate) fn is_suspended(head: &std::sync::Arc<Head>, table: ObjectId) -> bool {
    in_order(head, &[table]).is_ok_and(|order| {
        let dynamics = order.iter().filter_map(|id| head.object(*id)).filter_map(dynamic_of);
        dynamics.into_iter().any(|dynamic| dynamic.suspended.is_some())
    })
}

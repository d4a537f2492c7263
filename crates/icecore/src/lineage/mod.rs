//! Where values come from and where they go: what statements moved, as the
//! access history has it, and what definitions say. Never what a text looks
//! like.

mod defined;
mod drawn;
mod graph;
mod layout;
mod query;
mod recorded;

use std::sync::Arc;

pub(crate) use graph::{Direction, Graph, Point, Step};
pub use query::{Lineage, LineageEdge, LineagePoint, LineageQuery};

use crate::plan::Binder;

/// All that is known of an account, whoever asks.
pub(crate) fn graph(binder: &Arc<Binder>) -> Graph {
    let mut graph = Graph::default();
    let head = binder.resolver().head();
    defined::add_defined(&mut graph, binder, head);
    recorded::add_recorded(&mut graph, binder.session().engine(), head);
    graph
}

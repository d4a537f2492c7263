//! What flows where, as a graph: walked from one point to those that its
//! values come from, or that they go to.

use std::collections::{BTreeMap, BTreeSet};

use icecore_types::QueryId;

use crate::plan::Source;

/// An object or the files of a stage, or one column of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) of: Source,
    pub(crate) column: Option<String>,
}

/// How values came from one point to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// The last statement that moved them; nothing for a definition.
    pub(crate) process: Option<QueryId>,
    /// The files that they were in.
    pub(crate) files: BTreeSet<String>,
}

/// Where values flow.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    edges: BTreeMap<(Point, Point), Way>,
}

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To where values come from.
    Upstream,
    /// To where they go.
    Downstream,
}

/// An edge that was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    pub(crate) source: &'a Point,
    pub(crate) target: &'a Point,
    pub(crate) way: &'a Way,
    pub(crate) distance: u32,
}

impl Point {
    /// An object, or a stage's files.
    pub(crate) fn whole(of: Source) -> Self {
        Self { of, column: None }
    }

    /// A column of it.
    pub(crate) fn column(of: Source, column: impl Into<String>) -> Self {
        Self { of, column: Some(column.into()) }
    }
}

impl Graph {
    /// Adds what was seen; of two ways that a value went the later one counts.
    /// An object that is changed from its own values comes from nowhere.
    pub(crate) fn add(&mut self, source: Point, target: Point, way: Way) {
        let within = source.of == target.of && (source.column.is_none() || source == target);
        if within {
            return;
        }
        let known = self.edges.entry((source, target)).or_default();
        known.process = way.process.or(known.process);
        known.files.extend(way.files);
    }

    /// The edges that are reached from a point, the nearest first, each once.
    /// Nothing is walked past a point that is not seen.
    pub(crate) fn walk(
        &self,
        from: &Point,
        (direction, most): (Direction, u32),
        sees: impl Fn(&Point) -> bool,
    ) -> Vec<Step<'_>> {
        let mut next_to: BTreeMap<&Point, Vec<(&Point, &Point, &Way)>> = BTreeMap::new();
        for ((source, target), way) in &self.edges {
            let here = if direction == Direction::Upstream { target } else { source };
            next_to.entry(here).or_default().push((source, target, way));
        }
        let (mut steps, mut reached) = (Vec::new(), BTreeSet::from([from]));
        let mut frontier = vec![from];
        for distance in 1..=most {
            let mut further = BTreeSet::new();
            for here in frontier {
                for (source, target, way) in next_to.get(here).into_iter().flatten().copied() {
                    steps.push(Step { source, target, way, distance });
                    let there = if direction == Direction::Upstream { source } else { target };
                    if sees(there) && reached.insert(there) {
                        further.insert(there);
                    }
                }
            }
            frontier = further.into_iter().collect();
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use icecore_types::ObjectId;

    use super::*;

    fn point(id: u128) -> Point {
        Point::whole(Source::Object(ObjectId::from_bits(id)))
    }

    fn graph(edges: &[(u128, u128)]) -> Graph {
        let mut graph = Graph::default();
        for (source, target) in edges {
            graph.add(point(*source), point(*target), Way::default());
        }
        graph
    }

    /// Source, target and distance of each step.
    fn walked(
        graph: &Graph,
        from: u128,
        direction: Direction,
        hidden: u128,
    ) -> Vec<(u128, u128, u32)> {
        let from = point(from);
        let steps = graph.walk(&from, (direction, 5), |it| *it != point(hidden));
        let id = |point_: &Point| (1..99).find(|id| point(*id) == *point_).unwrap_or_default();
        steps.iter().map(|step| (id(step.source), id(step.target), step.distance)).collect()
    }

    #[test]
    fn each_edge_is_walked_once_and_a_cycle_ends() {
        let graph = graph(&[(1, 2), (2, 3), (1, 3), (3, 1), (3, 3)]);
        let up = walked(&graph, 3, Direction::Upstream, 0);
        assert_eq!(up, [(1, 3, 1), (2, 3, 1), (3, 1, 2), (1, 2, 2)]);
        let down = walked(&graph, 2, Direction::Downstream, 0);
        assert_eq!(down, [(2, 3, 1), (3, 1, 2), (1, 2, 3), (1, 3, 3)]);
    }

    #[test]
    fn nothing_is_walked_past_what_is_not_seen() {
        let graph = graph(&[(1, 2), (2, 3), (3, 4)]);
        assert_eq!(walked(&graph, 4, Direction::Upstream, 2), [(3, 4, 1), (2, 3, 2)]);
    }

    #[test]
    fn it_is_walked_no_further_than_is_asked() {
        let graph = graph(&[(1, 2), (2, 3), (3, 4)]);
        let from = point(4);
        assert_eq!(graph.walk(&from, (Direction::Upstream, 2), |_| true).len(), 2);
    }

    #[test]
    fn the_later_way_counts_and_files_add_up() {
        let mut graph = Graph::default();
        for (query, file) in [(1, "a"), (2, "b")] {
            let process = Some(QueryId::from_bits(query));
            let way = Way { process, files: [file.to_owned()].into() };
            graph.add(point(1), point(2), way);
        }
        graph.add(point(1), point(2), Way::default());
        let from = point(2);
        let steps = graph.walk(&from, (Direction::Upstream, 1), |_| true);
        assert_eq!(steps[0].way.process, Some(QueryId::from_bits(2)));
        assert_eq!(steps[0].way.files.len(), 2);
    }
}

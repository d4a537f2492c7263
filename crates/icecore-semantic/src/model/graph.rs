//! How logical tables reach each other: from the many to the one.

use std::collections::BTreeSet;

use icecore_types::{Name, Result};

use super::{Link, Model, TableId};
use crate::errors::{ambiguous_path, cycle, wrong_grain};

/// One relationship that is followed; the other way round only if it is one to
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    pub(crate) relationship: usize,
    pub(crate) reversed: bool,
}

/// The relationships from a table to another, in order.
pub(crate) type Path = Vec<Step>;

/// Paths that are looked at before a model is too ambiguous to care.
const MOST_PATHS: usize = 64;

impl Model {
    /// Where a step leads.
    pub(crate) fn target(&self, step: Step) -> TableId {
        let relationship = &self.relationships[step.relationship];
        if step.reversed { relationship.from } else { relationship.to }
    }

    /// The table at the end of a path.
    pub(crate) fn end(&self, base: TableId, path: &[Step]) -> TableId {
        path.last().map_or(base, |step| self.target(*step))
    }

    fn steps(&self, from: TableId) -> Vec<Step> {
        let all = self.relationships.iter().enumerate();
        all.filter_map(|(relationship, found)| {
            if found.from == from {
                Some(Step { relationship, reversed: false })
            } else if found.to == from && self.is_one_to_one(relationship) {
                Some(Step { relationship, reversed: true })
            } else {
                None
            }
        })
        .collect()
    }

    fn is_one_to_one(&self, relationship: usize) -> bool {
        let found = &self.relationships[relationship];
        let columns: BTreeSet<&Name> = found.columns.iter().collect();
        let keys = &self.table(found.from).keys;
        matches!(found.link, Link::Equal(_))
            && keys.iter().any(|key| key.iter().all(|name| columns.contains(name)))
    }

    /// The tables whose row a row of this one has, itself included.
    pub(crate) fn reachable(&self, from: TableId) -> BTreeSet<TableId> {
        let mut seen = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(table) = open.pop() {
            for step in self.steps(table) {
                let next = self.target(step);
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    }

    /// The one path between two tables.
    ///
    /// # Errors
    /// `InvalidInput` if there is none, or more than one that `using` does not
    /// decide between.
    pub(crate) fn path(&self, from: TableId, to: TableId, using: &[usize]) -> Result<Path> {
        if from == to {
            return Ok(Path::new());
        }
        let mut found = Vec::new();
        self.walk(from, to, using, &mut vec![from], &mut Path::new(), &mut found);
        if found.len() > 1 && !using.is_empty() {
            let takes = |path: &Path| path.iter().any(|step| using.contains(&step.relationship));
            if found.iter().any(takes) {
                found.retain(takes);
            }
        }
        let (from, to) = (&self.table(from).name, &self.table(to).name);
        match (found.pop(), found.is_empty()) {
            (Some(path), true) => Ok(path),
            (Some(_), false) => Err(ambiguous_path(from, to)),
            (None, _) => Err(wrong_grain(to, from)),
        }
    }

    fn walk(
        &self,
        at: TableId,
        to: TableId,
        using: &[usize],
        seen: &mut Vec<TableId>,
        path: &mut Path,
        found: &mut Vec<Path>,
    ) {
        for step in self.steps(at) {
            let next = self.target(step);
            let leads = !seen.contains(&next)
                && !self.is_passed_over(step, using)
                && self.reachable(next).contains(&to);
            if !leads || found.len() >= MOST_PATHS {
                continue;
            }
            path.push(step);
            if next == to {
                found.push(path.clone());
            } else {
                seen.push(next);
                self.walk(next, to, using, seen, path, found);
                seen.pop();
            }
            path.pop();
        }
    }

    /// Whether USING names another relationship between the same tables.
    fn is_passed_over(&self, step: Step, using: &[usize]) -> bool {
        let ends = |relationship: usize| {
            let found = &self.relationships[relationship];
            (found.from, found.to)
        };
        !using.contains(&step.relationship)
            && using.iter().any(|taken| ends(*taken) == ends(step.relationship))
    }

    /// The table of these that has a row of every other for each of its own:
    /// the one of the highest granularity.
    ///
    /// # Errors
    /// `InvalidInput` if there is none.
    pub(crate) fn highest(&self, tables: &BTreeSet<TableId>) -> Result<Option<TableId>> {
        let Some(first) = tables.first() else { return Ok(None) };
        let top = tables.iter().find(|table| self.reachable(**table).is_superset(tables));
        match top {
            Some(table) => Ok(Some(*table)),
            None => {
                let reached = self.reachable(*first);
                let other = tables.iter().find(|table| !reached.contains(table)).unwrap_or(first);
                Err(wrong_grain(&self.table(*other).name, &self.table(*first).name))
            }
        }
    }

    /// Fails if relationships lead from a table back to it.
    pub(crate) fn check_cycles(&self) -> Result<()> {
        for start in (0..self.tables.len()).map(TableId) {
            let mut path = vec![start];
            let mut dead = BTreeSet::new();
            if self.returns(start, &mut path, &mut dead) {
                let names: Vec<String> =
                    path.iter().map(|table| self.table(*table).name.to_string()).collect();
                return Err(cycle("tables", &names));
            }
        }
        Ok(())
    }

    fn returns(
        &self,
        start: TableId,
        path: &mut Vec<TableId>,
        dead: &mut BTreeSet<TableId>,
    ) -> bool {
        let Some(at) = path.last().copied() else { return false };
        for relationship in self.relationships.iter().filter(|found| found.from == at) {
            let next = relationship.to;
            if next != start && (dead.contains(&next) || path.contains(&next)) {
                continue;
            }
            path.push(next);
            if next == start || self.returns(start, path, dead) {
                return true;
            }
            path.pop();
            dead.insert(next);
        }
        false
    }
}

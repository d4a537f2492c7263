//! What a table was made of at each version, in few bytes for each.

use std::sync::Arc;

use icecore_types::Version;

use super::list::SegmentList;
use super::{Rest, TableContent};
use crate::blocks::Blocks;
use crate::head::Changes;

/// The contents of a table, oldest first; never empty.
///
/// A version is a few numbers: the segments that it adds stand in a list that
/// all versions share until the table is folded or truncated, and a version
/// says how many of them it has. So `content` and `content_at` are the same,
/// but the one is at hand and the other is put together when it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct ContentHistory {
    latest: Arc<TableContent>,
    states: Blocks<State>,
    /// Each with the index of the first state that has a part of it.
    lists: Blocks<(usize, u64, SegmentList)>,
}

#[derive(Clone, Debug)]
struct State {
    version: Version,
    rows: u64,
    stored_bytes: u64,
    next_row_id: u64,
    rest: Arc<Rest>,
    unfolded: u32,
    changes: Changes,
}

impl State {
    fn new(version: Version, content: &TableContent, changes: Changes) -> Self {
        Self {
            version,
            rows: content.rows,
            stored_bytes: content.stored_bytes,
            next_row_id: content.next_row_id,
            rest: Arc::clone(&content.rest),
            unfolded: u32::try_from(content.unfolded.len()).unwrap_or(u32::MAX),
            changes,
        }
    }
}

impl ContentHistory {
    /// One that begins at `version`.
    pub(crate) fn new(version: Version, content: Arc<TableContent>) -> Self {
        let (mut states, mut lists) = (Blocks::new(), Blocks::new());
        states.push(State::new(version, &content, Changes::default()));
        lists.push((0, content.epoch, content.unfolded.clone()));
        Self { latest: content, states, lists }
    }

    /// Adds the content that `version` makes out of the latest; what the same
    /// version said before was never visible and is replaced.
    pub(crate) fn push(&mut self, version: Version, content: Arc<TableContent>, changes: Changes) {
        let again = self.states.last().filter(|state| state.version == version);
        let again = again.map(|state| state.changes);
        let state = State::new(version, &content, again.unwrap_or_default().with(changes));
        match again {
            Some(_) => self.states.replace_last(state),
            None => self.states.push(state),
        }
        let index = self.states.len() - 1;
        let list = content.unfolded.clone();
        match self.lists.last().map(|(first, epoch, _)| (*first, *epoch)) {
            // The same list, longer.
            Some((first, epoch)) if epoch == content.epoch => {
                self.lists.replace_last((first, epoch, list));
            }
            Some((first, _)) if first == index => {
                self.lists.replace_last((index, content.epoch, list));
            }
            _ => self.lists.push((index, content.epoch, list)),
        }
        self.latest = content;
    }

    /// The latest content.
    pub(crate) fn last(&self) -> &Arc<TableContent> {
        &self.latest
    }

    /// The content at `version`, if there was one yet.
    pub(crate) fn at(&self, version: Version) -> Option<Arc<TableContent>> {
        self.content(self.states_until(version).checked_sub(1)?)
    }

    /// The versions after `version` that changed it, oldest first.
    pub(crate) fn after(&self, version: Version) -> impl Iterator<Item = (Version, Changes)> {
        let from = self.states_until(version);
        (from..self.states.len())
            .filter_map(|index| self.states.get(index).map(|it| (it.version, it.changes)))
    }

    /// The versions that changed it, the latest first, each with its place.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (usize, Version, Changes)> {
        let places = (0..self.states.len()).rev();
        places.zip(self.states.newest_first()).map(|(at, it)| (at, it.version, it.changes))
    }

    /// The content that stands at a place.
    pub(crate) fn content(&self, index: usize) -> Option<Arc<TableContent>> {
        if index + 1 == self.states.len() {
            return Some(Arc::clone(&self.latest));
        }
        let state = self.states.get(index)?;
        let list = self.lists.partition(|(first, ..)| *first <= index).checked_sub(1)?;
        let (_, epoch, list) = self.lists.get(list)?;
        Some(Arc::new(TableContent {
            rows: state.rows,
            stored_bytes: state.stored_bytes,
            next_row_id: state.next_row_id,
            epoch: *epoch,
            unfolded: list.prefix(state.unfolded as usize),
            rest: Arc::clone(&state.rest),
        }))
    }

    fn states_until(&self, version: Version) -> usize {
        self.states.partition(|state| state.version <= version)
    }
}

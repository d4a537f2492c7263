//! Which columns the members of an object go to.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::{FieldMatch, FileTarget};

/// The names of the columns, as members are looked up in them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    columns: HashMap<String, Vec<usize>>,
    matching: FieldMatch,
}

impl Names {
    pub(crate) fn new(target: &FileTarget) -> Self {
        let matching = target.field_match();
        let mut columns: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, column) in target.columns().iter().enumerate() {
            let name = folded(&column.name, matching).into_owned();
            columns.entry(name).or_default().push(index);
        }
        Self { columns, matching }
    }

    /// The columns of a member's name.
    pub(crate) fn columns(&self, name: &str) -> &[usize] {
        self.columns.get(&*folded(name, self.matching)).map(Vec::as_slice).unwrap_or_default()
    }
}

fn folded(name: &str, matching: FieldMatch) -> Cow<'_, str> {
    match matching {
        FieldMatch::CaseInsensitive => Cow::Owned(name.to_lowercase()),
        _ => Cow::Borrowed(name),
    }
}

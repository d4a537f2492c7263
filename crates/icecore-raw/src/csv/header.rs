//! Which fields of a record go to which columns.

use icecore_types::{Code, Error, Result};

use crate::{FieldMatch, FileTarget};

/// The fields that every record of a file has, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Fields that each record must have.
    pub(super) width: usize,
    /// For each column of the target the field that it is read from.
    pub(super) sources: Vec<Option<usize>>,
    /// Whether records are cut or filled with NULL to that width.
    pub(super) ragged: bool,
}

impl Layout {
    /// The first field is the first column's, and so on.
    pub(super) fn by_position(width: usize, columns: usize, ragged: bool) -> Self {
        let sources = (0..columns).map(|column| (column < width).then_some(column)).collect();
        Self { width, sources, ragged }
    }

    /// The fields with these names go to the target's columns of the same ones.
    ///
    /// # Errors
    /// `InvalidInput` if two fields would go to one column.
    pub(super) fn by_name(names: &[String], target: &FileTarget) -> Result<Self> {
        let matching = target.field_match();
        let source = |column: &crate::TargetColumn| {
            let mut found = names
                .iter()
                .enumerate()
                .filter(|(_, name)| matching.names_match(name, &column.name))
                .map(|(field, _)| field);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(Error::new(
                    Code::UNREADABLE_FILE,
                    format!("two fields of the header are called '{}'", column.name),
                )),
                (field, _) => Ok(field),
            }
        };
        let sources = target.columns().iter().map(source).collect::<Result<_>>()?;
        Ok(Self { width: names.len(), sources, ragged: false })
    }

    /// Gives records another width: the names of fields beyond it have none.
    pub(super) fn set_width(&mut self, width: usize, matching: FieldMatch) {
        if !matching.is_by_name() {
            *self = Self::by_position(width, self.sources.len(), self.ragged);
            return;
        }
        self.width = width;
        for source in &mut self.sources {
            *source = source.filter(|field| *field < width);
        }
    }

    /// The column that a field goes to.
    pub(super) fn column_of(&self, field: usize) -> Option<usize> {
        self.sources.iter().position(|source| *source == Some(field))
    }
}

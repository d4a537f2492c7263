//! One expectation, ready to judge batches.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp;
use icecore_types::{
    Code, ColumnDefinition, ColumnId, Error, ExpectationCheck, Name, Result, SqlType,
    TableDefinition, Timestamp,
};
use icecore_values::{OnCastError, arrow_type, cast_array};
use regex::Regex;

use super::key_set::KeySet;
use super::keys::{KeyMaker, comparable, exact_keys};
use super::values::{micros, shown};

/// A boolean expression over rows of a table: batches of all its columns in
/// order. An error says that it fails for some row of the batch.
pub type RowExpression = Arc<dyn Fn(&RecordBatch) -> Result<BooleanArray> + Send + Sync>;

/// A column of the table that a check reads.
#[derive(Clone, Debug)]
pub(super) struct Column {
    at: usize,
    name: Name,
    sql_type: SqlType,
}

/// The columns of a key, and the keys that are known.
#[derive(Debug)]
pub(super) struct Keyed {
    columns: Vec<Column>,
    maker: KeyMaker,
    pub(super) known: KeySet,
}

/// What a row has to pass, with the column ids looked up and the constants read.
pub(super) enum Check {
    NotNull(Column),
    AcceptedValues { column: Column, maker: KeyMaker, accepted: HashSet<Box<[u8]>> },
    Range { column: Column, least: ArrayRef, most: ArrayRef },
    Matches { column: Column, regex: Regex, pattern: String },
    References { key: Keyed, parent: String },
    Freshness { column: Column, within: Duration },
    Expression { text: String, holds: RowExpression },
    Unique(Keyed),
}

/// The rows of a batch that do not pass, each with the error that it fails
/// with, if it is one.
#[derive(Debug)]
pub(super) struct Violations {
    pub(super) rows: BooleanBuffer,
    errors: Vec<(usize, String)>,
}

impl Violations {
    fn of(rows: BooleanBuffer) -> Self {
        Self { rows, errors: Vec::new() }
    }
}

impl Keyed {
    fn new(columns: Vec<Column>) -> Result<Self> {
        let maker = KeyMaker::new(columns.iter().map(|column| arrow_type(&column.sql_type)))?;
        Ok(Self { columns, maker, known: KeySet::default() })
    }

    pub(super) fn keys(&self, batch: &RecordBatch) -> Result<super::keys::BatchKeys> {
        let columns = self.columns.iter().map(|column| array(batch, column).map(Arc::clone));
        self.maker.keys(&columns.collect::<Result<Vec<_>>>()?)
    }

    /// The keys of columns that come from elsewhere, in the order of the key.
    pub(super) fn keys_of(&self, columns: &[ArrayRef]) -> Result<super::keys::BatchKeys> {
        let types = self.columns.iter().map(|column| arrow_type(&column.sql_type));
        if !types.eq(columns.iter().map(|array| array.data_type().clone())) {
            return Err(Error::internal("keys of other types than the columns"));
        }
        self.maker.keys(columns)
    }

    /// As `(A, B) = (1, 2)`.
    pub(super) fn shown(&self, batch: &RecordBatch, row: usize) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| c.name.to_string()).collect();
        let values = self.columns.iter().map(|column| value(batch, column, row));
        let values: Vec<String> = values.collect();
        match (names.as_slice(), values.as_slice()) {
            ([name], [value]) => format!("{name} = {value}"),
            _ => format!("({}) = ({})", names.join(", "), values.join(", ")),
        }
    }
}

impl Check {
    /// # Errors
    /// `InvalidInput` if a constant is none of its column's type, or the
    /// pattern no regular expression; what `expression` returns.
    pub(super) fn new(
        check: &ExpectationCheck,
        table: &TableDefinition,
        expression: impl FnOnce(&str) -> Result<RowExpression>,
    ) -> Result<Self> {
        let find = |id: &ColumnId| column(table, *id);
        let all = |ids: &[ColumnId]| ids.iter().map(find).collect::<Result<Vec<_>>>();
        Ok(match check {
            ExpectationCheck::NotNull { column } => Self::NotNull(find(column)?),
            ExpectationCheck::Unique { columns } => Self::Unique(Keyed::new(all(columns)?)?),
            ExpectationCheck::AcceptedValues { column, values } => {
                let column = find(column)?;
                let maker = KeyMaker::new(std::iter::once(arrow_type(&column.sql_type)))?;
                let accepted = exact_keys(&maker.keys(&[constants(values, &column.sql_type)?])?);
                Self::AcceptedValues { column, maker, accepted }
            }
            ExpectationCheck::Range { column, least, most } => {
                let column = find(column)?;
                let bound = |text: &String| {
                    constants(std::slice::from_ref(text), &column.sql_type)
                        .map(|array| comparable(&array))
                };
                let (least, most) = (bound(least)?, bound(most)?);
                Self::Range { column, least, most }
            }
            ExpectationCheck::Matches { column, pattern } => Self::Matches {
                column: find(column)?,
                regex: whole(pattern)?,
                pattern: pattern.clone(),
            },
            ExpectationCheck::References { columns, parent, .. } => {
                Self::References { key: Keyed::new(all(columns)?)?, parent: parent.to_string() }
            }
            ExpectationCheck::Freshness { column, within_seconds } => {
                let within = Duration::from_secs(*within_seconds);
                Self::Freshness { column: find(column)?, within }
            }
            ExpectationCheck::Expression { text, .. } => {
                Self::Expression { text: text.clone(), holds: expression(text)? }
            }
        })
    }

    /// The rows that do not pass. Never asked of UNIQUE, whose rows depend on
    /// each other.
    pub(super) fn violations(&self, batch: &RecordBatch, now: Timestamp) -> Result<Violations> {
        let rows = batch.num_rows();
        Ok(Violations::of(match self {
            Self::NotNull(column) => match array(batch, column)?.nulls() {
                Some(nulls) => !nulls.inner(),
                None => BooleanBuffer::new_unset(rows),
            },
            Self::AcceptedValues { column, maker, accepted } => {
                let keys = maker.keys(&[Arc::clone(array(batch, column)?)])?;
                BooleanBuffer::collect_bool(rows, |row| {
                    keys.exact(row).is_some_and(|key| !accepted.contains(key))
                })
            }
            Self::Range { column, least, most } => {
                let values = comparable(array(batch, column)?);
                let scalar = |bound: &ArrayRef| arrow::array::Scalar::new(Arc::clone(bound));
                let below = cmp::lt(&values, &scalar(least)).map_err(failed)?;
                let above = cmp::gt(&values, &scalar(most)).map_err(failed)?;
                &is_true(&below) | &is_true(&above)
            }
            Self::Matches { column, regex, .. } => {
                let texts = array(batch, column)?.as_string_view_opt();
                let texts = texts.ok_or_else(|| Error::internal("MATCHES of other than text"))?;
                BooleanBuffer::collect_bool(rows, |row| {
                    texts.is_valid(row) && !regex.is_match(texts.value(row))
                })
            }
            Self::References { key, .. } => {
                let keys = key.keys(batch)?;
                BooleanBuffer::collect_bool(rows, |row| {
                    keys.key(row).is_some_and(|one| !key.known.contains(&one))
                })
            }
            Self::Freshness { column, within } => {
                let oldest = now.minus(*within);
                let moments = micros(array(batch, column)?, &column.sql_type)?;
                moments.iter().map(|moment| moment.is_some_and(|moment| moment < oldest)).collect()
            }
            Self::Expression { holds, .. } => return expression_violations(batch, holds),
            Self::Unique(_) => return Err(Error::internal("UNIQUE is judged row by row")),
        }))
    }

    /// Why a row does not pass.
    pub(super) fn reason(
        &self,
        batch: &RecordBatch,
        row: usize,
        now: Timestamp,
        violations: Option<&Violations>,
    ) -> String {
        let of = |column: &Column| format!("{} = {}", column.name, value(batch, column, row));
        match self {
            Self::NotNull(column) => format!("{} is NULL", column.name),
            Self::AcceptedValues { column, .. } => {
                format!("{} is not an accepted value", of(column))
            }
            Self::Range { column, least, most } => {
                let bound = |array: &ArrayRef| shown(array, &column.sql_type, 0);
                format!("{} is not between {} and {}", of(column), bound(least), bound(most))
            }
            Self::Matches { column, pattern, .. } => {
                format!("{} does not match '{pattern}'", of(column))
            }
            Self::References { key, parent } => {
                format!("{} is not in {parent}", key.shown(batch, row))
            }
            Self::Freshness { column, within } => {
                let seconds = within.as_secs();
                format!("{} is more than {seconds} seconds before {now}", of(column))
            }
            Self::Unique(key) => {
                format!("{} is there already", key.shown(batch, row))
            }
            Self::Expression { text, .. } => {
                let error = violations.and_then(|violations| {
                    violations.errors.iter().find(|(at, _)| *at == row).map(|(_, error)| error)
                });
                match error {
                    Some(error) => format!("{text}: {error}"),
                    None => format!("{text} is false"),
                }
            }
        }
    }
}

/// The rows for which an expression is false or fails. A batch for which it
/// fails is halved until the rows that are to blame stand alone.
fn expression_violations(batch: &RecordBatch, holds: &RowExpression) -> Result<Violations> {
    let mut violated = Vec::with_capacity(batch.num_rows());
    let mut errors = Vec::new();
    let mut parts = vec![(0, batch.num_rows())];
    while let Some((from, rows)) = parts.pop() {
        match (holds(&batch.slice(from, rows)), rows) {
            (Ok(found), _) if found.len() == rows => {
                violated.extend(found.iter().map(|held| held == Some(false)));
            }
            (Ok(_), _) => return Err(Error::internal("an expression of other rows than it got")),
            (Err(_), 0) => {}
            (Err(error), 1) => {
                errors.push((from, error.message().to_owned()));
                violated.push(true);
            }
            (Err(_), _) => {
                let half = rows / 2;
                parts.push((from + half, rows - half));
                parts.push((from, half));
            }
        }
    }
    Ok(Violations { rows: violated.into_iter().collect(), errors })
}

fn is_true(values: &BooleanArray) -> BooleanBuffer {
    match values.nulls() {
        Some(nulls) => values.values() & nulls.inner(),
        None => values.values().clone(),
    }
}

fn array<'a>(batch: &'a RecordBatch, column: &Column) -> Result<&'a ArrayRef> {
    let found = batch.columns().get(column.at);
    found.ok_or_else(|| Error::internal("rows without a column that is judged"))
}

fn value(batch: &RecordBatch, column: &Column, row: usize) -> String {
    array(batch, column).map(|array| shown(array, &column.sql_type, row)).unwrap_or_default()
}

fn column(table: &TableDefinition, id: ColumnId) -> Result<Column> {
    let at = table.columns.iter().position(|column| column.id == id);
    let found: Option<(usize, &ColumnDefinition)> =
        at.and_then(|at| Some((at, table.columns.get(at)?)));
    let (at, column) =
        found.ok_or_else(|| Error::corrupted("an expectation of a column that is gone"))?;
    Ok(Column { at, name: column.name.clone(), sql_type: column.sql_type })
}

fn constants(texts: &[String], sql_type: &SqlType) -> Result<ArrayRef> {
    let texts: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
    cast_array(&texts, &SqlType::TEXT, sql_type, OnCastError::Fail)
}

/// The pattern holds for the whole text.
fn whole(pattern: &str) -> Result<Regex> {
    Regex::new(&format!(r"\A(?s:{pattern})\z")).map_err(|source| {
        Error::new(Code::INVALID_OPTION, format!("not a regular expression: '{pattern}'"))
            .with_source(source)
    })
}

fn failed(source: arrow::error::ArrowError) -> Error {
    Error::internal("a comparison of values").with_source(source)
}

//! What becomes of the rows of a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use icecore_types::{Code, ColumnId, Error, Name, OnViolation, Result, TableDefinition, Timestamp};

use super::check::{Check, Keyed, RowExpression, Violations};
use super::key_set::{KeyMemory, KeySet};
use super::rows::Rows;
use crate::judge::violation;

/// Whether rows may be left out.
///
/// ```
/// use icecore_processed::Strictness;
/// assert_ne!(Strictness::AsDeclared, Strictness::Fail);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// As the expectations say.
    AsDeclared,
    /// Where an expectation would leave a row out, the statement fails.
    Fail,
}

/// A row that is not taken; [`Judge`] shows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its place in the batch.
    pub row: usize,
    /// What becomes of it: it fails the statement, is rejected, or goes to the
    /// quarantine.
    pub action: OnViolation,
    /// The expectation that decided: the first, if several did.
    pub expectation: Name,
    /// Why: all reasons that decided.
    pub reason: String,
}

/// What becomes of the rows of a batch; [`Judge`] shows one.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// For each row, whether it goes into the table.
    pub taken: BooleanArray,
    /// The rows that do not, in order.
    pub refused: Vec<Violation>,
}

/// How an expectation fared.
///
/// ```
/// let tally = icecore_processed::Tally::default();
/// assert_eq!((tally.judged_rows, tally.violating_rows), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that it judged.
    pub judged_rows: u64,
    /// Rows that did not pass.
    pub violating_rows: u64,
}

/// Judges the rows of one statement, batch by batch, in their order.
///
/// Every check but UNIQUE looks at one row by itself. A row that does not pass
/// several expectations meets the strictest action: FAIL, then REJECT ROW,
/// then QUARANTINE, then WARN. UNIQUE comes last, over the rows that would be
/// taken: a key belongs to the first row that is taken with it.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use icecore_processed::{Judge, Strictness};
/// use icecore_types::{
///     ColumnDefinition, ColumnId, Expectation, ExpectationCheck, Name, OnViolation, SqlType,
///     TableDefinition, Timestamp,
/// };
///
/// let id = ColumnId::new(1);
/// let column = ColumnDefinition {
///     id, name: Name::unquoted("n"), sql_type: SqlType::Integer, not_null: false, default: None,
///     value_before: None, comment: None,
/// };
/// let unique = Expectation {
///     name: Name::unquoted("once"),
///     check: ExpectationCheck::Unique { columns: vec![id] },
///     on_violation: OnViolation::Quarantine,
/// };
/// let table = TableDefinition {
///     columns: vec![column], next_column: 2, expectations: vec![unique], ..Default::default()
/// };
/// let now = Timestamp::from_micros(0);
/// let mut judge = Judge::new(&table, now, Strictness::AsDeclared, |_| unreachable!())?;
/// let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 7]));
/// let judgement = judge.judge(&RecordBatch::try_from_iter([("1", numbers)]).unwrap())?;
/// assert_eq!(judgement.taken, vec![true, true, false].into());
/// assert_eq!(judgement.refused[0].reason, "N = 7 is there already");
/// assert_eq!(judge.tallies()[0].violating_rows, 1);
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub struct Judge {
    checks: Vec<Judged>,
    now: Timestamp,
    strictness: Strictness,
}

/// An expectation of the table.
pub(super) struct Judged {
    pub(super) name: Name,
    action: OnViolation,
    pub(super) check: Check,
    pub(super) tally: Tally,
    /// Whether it is asked at all.
    pub(super) is_asked: bool,
    columns: Vec<ColumnId>,
    /// Keys of rows that were taken since the last [`Judge::keep`].
    pub(super) fresh: KeySet,
}

impl Judged {
    /// What becomes of a row that does not pass.
    pub(super) fn action(&self, strictness: Strictness) -> OnViolation {
        match (self.action, strictness) {
            (OnViolation::RejectRow | OnViolation::Quarantine, Strictness::Fail) => {
                OnViolation::Fail
            }
            (action, _) => action,
        }
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&Name> = self.checks.iter().map(|judged| &judged.name).collect();
        f.debug_struct("Judge").field("expectations", &names).finish_non_exhaustive()
    }
}

impl Judge {
    /// A judge by the expectations of a table; `now` is when the rows arrive,
    /// `expression` makes conditions of their texts.
    ///
    /// # Errors
    /// `InvalidInput` if an expectation does not fit its columns.
    pub fn new(
        table: &TableDefinition,
        now: Timestamp,
        strictness: Strictness,
        mut expression: impl FnMut(&str) -> Result<RowExpression>,
    ) -> Result<Self> {
        let checks = table.expectations.iter().map(|expectation| {
            let check = Check::new(&expectation.check, table, &mut expression)
                .map_err(|error| error.context(format!("expectation {}", expectation.name)))?;
            Ok(Judged {
                name: expectation.name.clone(),
                action: expectation.on_violation,
                check,
                tally: Tally::default(),
                is_asked: true,
                columns: expectation.check.columns().to_vec(),
                fresh: KeySet::default(),
            })
        });
        Ok(Self { checks: checks.collect::<Result<_>>()?, now, strictness })
    }

    /// Judges rows that are there already and change: only what reads one of
    /// these columns is asked, and not how old a row is.
    #[must_use]
    pub fn of_changed(mut self, columns: &[ColumnId]) -> Self {
        for judged in &mut self.checks {
            let reads = judged.columns.iter().any(|column| columns.contains(column));
            judged.is_asked = reads && !matches!(judged.check, Check::Freshness { .. });
        }
        self
    }

    /// Asks here for the memory that keys take.
    #[must_use]
    pub fn with_memory(mut self, memory: &Arc<dyn KeyMemory>) -> Self {
        for judged in &mut self.checks {
            judged.fresh.set_memory(Arc::clone(memory));
            if let Check::Unique(key) | Check::References { key, .. } = &mut judged.check {
                key.known.set_memory(Arc::clone(memory));
            }
        }
        self
    }

    /// Judges the rows that follow as of another moment.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Whether the expectation of this number is asked.
    pub fn is_asked(&self, expectation: usize) -> bool {
        self.checks.get(expectation).is_some_and(|judged| judged.is_asked)
    }

    /// Tells the keys that are there: of UNIQUE the table's own, of REFERENCES
    /// those of the other table. `columns` are in the order of the expectation
    /// with this number and of the types of its columns.
    ///
    /// # Errors
    /// `ResourcesExhausted` if there is no memory for them, `Internal` for
    /// columns of other types, or an expectation without keys.
    pub fn learn(&mut self, expectation: usize, columns: &[ArrayRef]) -> Result<()> {
        let key = self.key_of(expectation)?;
        let keys = key.keys_of(columns)?;
        key.known.extend(&keys)
    }

    fn key_of(&mut self, expectation: usize) -> Result<&mut Keyed> {
        match self.checks.get_mut(expectation).map(|judged| &mut judged.check) {
            Some(Check::Unique(key) | Check::References { key, .. }) => Ok(key),
            _ => Err(Error::internal("keys of an expectation that has none")),
        }
    }

    /// Judges a batch of all columns of the table, in order.
    ///
    /// # Errors
    /// `InvalidInput` if a row does not pass an expectation whose action is
    /// FAIL, `ResourcesExhausted` if there is no memory for keys.
    pub fn judge(&mut self, batch: &RecordBatch) -> Result<Judgement> {
        let judgement = self.judge_all(batch)?;
        let failing = judgement.refused.iter().find(|one| one.action == OnViolation::Fail);
        match failing {
            Some(one) => Err(violated(&one.expectation, &one.reason)),
            None => Ok(judgement),
        }
    }

    /// The same, with the rows that fail the statement among the others that
    /// are not taken.
    ///
    /// # Errors
    /// `ResourcesExhausted` if there is no memory for keys, `Internal` if the
    /// batch is not of this table.
    pub fn judge_all(&mut self, batch: &RecordBatch) -> Result<Judgement> {
        let found = self.look(batch)?;
        let mut refused =
            Rows::new(&mut self.checks, self.strictness, (batch, self.now, found)).judge()?;
        refused.sort_by_key(|refusal| refusal.row);
        let mut taken = vec![true; batch.num_rows()];
        for refusal in &refused {
            if let Some(taken) = taken.get_mut(refusal.row) {
                *taken = false;
            }
        }
        Ok(Judgement { taken: taken.into(), refused })
    }

    /// What each check says of each row by itself.
    fn look(&mut self, batch: &RecordBatch) -> Result<Vec<Option<Violations>>> {
        let mut found = Vec::with_capacity(self.checks.len());
        for judged in &mut self.checks {
            if !judged.is_asked || matches!(judged.check, Check::Unique(_)) {
                found.push(None);
                continue;
            }
            let violations = judged.check.violations(batch, self.now)?;
            judged.tally.judged_rows += batch.num_rows() as u64;
            judged.tally.violating_rows += violations.rows.count_set_bits() as u64;
            found.push(Some(violations));
        }
        Ok(found)
    }

    /// The rows that were taken are there for good.
    ///
    /// # Errors
    /// `ResourcesExhausted` if there is no memory for their keys.
    pub fn keep(&mut self) -> Result<()> {
        for judged in &mut self.checks {
            if let Check::Unique(key) = &mut judged.check {
                key.known.absorb(&mut judged.fresh)?;
            }
        }
        Ok(())
    }

    /// The rows that were taken since the last [`Judge::keep`] are not: their
    /// keys are free again.
    pub fn discard(&mut self) {
        self.checks.iter_mut().for_each(|judged| judged.fresh.clear());
    }

    /// Tells keys of rows that stay beside the ones that were judged: for
    /// rows that changed, when all of them are known.
    ///
    /// # Errors
    /// As [`Judge::judge`], for a key that a judged row has too.
    pub fn meet(&mut self, expectation: usize, columns: &[ArrayRef]) -> Result<()> {
        let strictness = self.strictness;
        let Some(judged) = self.checks.get_mut(expectation) else { return Ok(()) };
        let Check::Unique(key) = &judged.check else {
            return Err(Error::internal("keys of an expectation that has none"));
        };
        let keys = key.keys_of(columns)?;
        let met = keys.all().filter(|key| judged.fresh.contains(key)).count() as u64;
        judged.tally.violating_rows += met;
        if met > 0 && judged.action(strictness) == OnViolation::Fail {
            let reason = "a key is there already, in a row that does not change".to_owned();
            return Err(violated(&judged.name, &reason));
        }
        Ok(())
    }

    /// How each expectation fared so far, in the order of their declaration.
    pub fn tallies(&self) -> Vec<Tally> {
        self.checks.iter().map(|judged| judged.tally).collect()
    }
}

/// The error of a statement that fails on a row.
fn violated(expectation: &Name, reason: &str) -> Error {
    Error::new(Code::EXPECTATION_VIOLATED, violation(expectation, reason))
}

//! Rows of a batch on their way to a verdict.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use icecore_types::{OnViolation, Result, Timestamp};

use super::check::{Check, Violations};
use super::judge::{Judged, Strictness, Violation};
use super::keys::BatchKeys;

/// The actions that decide about a row, the strictest first.
const DECIDING: [OnViolation; 3] =
    [OnViolation::Fail, OnViolation::RejectRow, OnViolation::Quarantine];

/// A batch that is being judged.
pub(super) struct Rows<'a> {
    checks: &'a mut [Judged],
    strictness: Strictness,
    batch: &'a RecordBatch,
    now: Timestamp,
    /// What each check says of each row by itself.
    found: Vec<Option<Violations>>,
    refused: Vec<Violation>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        checks: &'a mut [Judged],
        strictness: Strictness,
        (batch, now, found): (&'a RecordBatch, Timestamp, Vec<Option<Violations>>),
    ) -> Self {
        Self { checks, strictness, batch, now, found, refused: Vec::new() }
    }

    /// The rows that are not taken.
    pub(super) fn judge(mut self) -> Result<Vec<Violation>> {
        self.judge_each();
        self.judge_keys()?;
        Ok(self.refused)
    }

    /// Rows that do not pass by themselves.
    fn judge_each(&mut self) {
        let strictness = self.strictness;
        let decides = |judged: &Judged| judged.action(strictness) != OnViolation::Warn;
        let suspects = self
            .checks
            .iter()
            .zip(&self.found)
            .filter(|(judged, _)| decides(judged))
            .filter_map(|(_, found)| found.as_ref())
            .fold(None::<BooleanBuffer>, |all, found| match all {
                Some(all) => Some(&all | &found.rows),
                None => Some(found.rows.clone()),
            });
        for row in suspects.iter().flat_map(|rows| rows.set_indices()) {
            let violating: Vec<usize> = (0..self.found.len())
                .filter(|at| self.violation(*at).is_some_and(|found| found.rows.value(row)))
                .collect();
            self.refused.extend(self.decide(row, &violating));
        }
    }

    fn violation(&self, at: usize) -> Option<&Violations> {
        self.found.get(at)?.as_ref()
    }

    /// What becomes of a row that violates these expectations: nothing if they
    /// only warn.
    fn decide(&self, row: usize, violating: &[usize]) -> Option<Violation> {
        for action in DECIDING {
            let mut reasons = Vec::new();
            let mut first = None;
            for at in violating {
                let Some(judged) = self.checks.get(*at) else { continue };
                if judged.action(self.strictness) != action {
                    continue;
                }
                let found = self.violation(*at);
                reasons.push(judged.check.reason(self.batch, row, self.now, found));
                first.get_or_insert(&judged.name);
            }
            let Some(expectation) = first else { continue };
            let reason = reasons.join("; ");
            let expectation = expectation.clone();
            return Some(Violation { row, action, expectation, reason });
        }
        None
    }

    /// UNIQUE, over the rows that are left.
    fn judge_keys(&mut self) -> Result<()> {
        let mut keyed: Vec<(usize, BatchKeys)> = Vec::new();
        for (at, judged) in self.checks.iter().enumerate() {
            if let (Check::Unique(key), true) = (&judged.check, judged.is_asked) {
                keyed.push((at, key.keys(self.batch)?));
            }
        }
        if keyed.is_empty() {
            return Ok(());
        }
        for (at, _) in &keyed {
            if let Some(judged) = self.checks.get_mut(*at) {
                judged.fresh.reserve(self.batch.num_rows())?;
            }
        }
        let gone: HashSet<usize> = self.refused.iter().map(|refusal| refusal.row).collect();
        for row in (0..self.batch.num_rows()).filter(|row| !gone.contains(row)) {
            self.judge_key(row, &keyed);
        }
        Ok(())
    }

    fn judge_key(&mut self, row: usize, keyed: &[(usize, BatchKeys)]) {
        let mut violating = Vec::new();
        for (at, keys) in keyed {
            let Some(judged) = self.checks.get_mut(*at) else { continue };
            judged.tally.judged_rows += 1;
            let (Some(key), Check::Unique(known)) = (keys.key(row), &judged.check) else {
                continue;
            };
            if known.known.contains(&key) || judged.fresh.contains(&key) {
                judged.tally.violating_rows += 1;
                violating.push(*at);
            }
        }
        if let Some(refusal) = self.decide(row, &violating) {
            self.refused.push(refusal);
            return;
        }
        for (at, keys) in keyed {
            if let (Some(judged), Some(key)) = (self.checks.get_mut(*at), keys.key(row)) {
                judged.fresh.insert(key);
            }
        }
    }
}

//! Where the rows of files are judged.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use icecore_processed::{
    Diversion, Diverted, DivertedRows, Judge, Quarantine, QuarantineNote, QuarantineState, Refusal,
    RefusedRow, RowJudge, Violation,
};
use icecore_raw::RowError;
use icecore_snapshot::{Requirement, Update};
use icecore_types::{
    Error, Name, ObjectId, OnViolation, QueryId, Result, TableDefinition, Timestamp,
};
use parking_lot::Mutex;

use super::gate::Gate;
use super::quarantine::QuarantinePlace;
use crate::expectations::Measured;
use crate::statement::Planning;

/// A gate that the rows of files pass through.
pub(in crate::statement) struct FileGate {
    judge: Arc<FileJudge>,
    table: ObjectId,
    definition: TableDefinition,
    place: QuarantinePlace,
    requirements: Vec<Requirement>,
}

/// A judge as a load asks it.
#[derive(Debug)]
struct FileJudge {
    judge: Mutex<Judge>,
    /// The places of columns that an expectation reads alone.
    columns: HashMap<Name, usize>,
}

impl FileJudge {
    fn new(judge: Judge, definition: &TableDefinition) -> Self {
        let alone = |expectation: &icecore_types::Expectation| {
            let [id] = expectation.check.columns() else { return None };
            let at = definition.columns.iter().position(|column| column.id == *id)?;
            Some((expectation.name.clone(), at))
        };
        let columns = definition.expectations.iter().filter_map(alone).collect();
        Self { judge: Mutex::new(judge), columns }
    }

    fn refusal(&self, violation: Violation) -> Refusal {
        let Violation { row, action, expectation, reason } = violation;
        let becomes = match action {
            OnViolation::Quarantine => RefusedRow::Diverted,
            OnViolation::RejectRow => RefusedRow::Rejected,
            OnViolation::Fail | OnViolation::Warn => RefusedRow::Fatal,
        };
        let column = self.columns.get(&expectation).copied();
        Refusal { row, becomes, column, expectation, reason }
    }
}

impl RowJudge for FileJudge {
    fn judge(&self, rows: &RecordBatch) -> Result<Vec<Refusal>> {
        let judgement = self.judge.lock().judge_all(rows)?;
        Ok(judgement.refused.into_iter().map(|violation| self.refusal(violation)).collect())
    }

    fn file_ended(&self, is_kept: bool) -> Result<()> {
        let mut judge = self.judge.lock();
        if is_kept {
            return judge.keep();
        }
        judge.discard();
        Ok(())
    }
}

/// Makes rows of a quarantine of the rows of a file.
#[derive(Debug)]
struct KeptRows {
    quarantine: Quarantine,
    query_id: QueryId,
    now: Timestamp,
}

impl KeptRows {
    fn note(&self, file: &str, why: &Refusal, place: &RowError) -> QuarantineNote {
        QuarantineNote {
            query_id: self.query_id,
            file: Some(file.to_owned()),
            line: Some(place.start_line),
            row: Some(place.row),
            expectation: why.expectation.clone(),
            reason: why.reason.clone(),
            // A file that is no text has no records to show.
            record: Some(place.record.clone()).filter(|record| !record.is_empty()),
            at: self.now,
            state: QuarantineState::New,
        }
    }
}

impl DivertedRows for KeptRows {
    fn of(&self, diverted: &Diverted<'_>) -> Result<RecordBatch> {
        let notes = diverted.reasons.iter().zip(diverted.places);
        let notes = notes.map(|(why, place)| self.note(diverted.file, why, place));
        self.quarantine.rows(&diverted.rows, &notes.collect::<Vec<_>>())
    }
}

impl Planning {
    /// Reads the keys that are there, and opens the gate for files.
    pub(in crate::statement) async fn open_file_gate(
        &self,
        gate: Option<Box<Gate>>,
    ) -> Result<Option<FileGate>> {
        let Some(gate) = gate else { return Ok(None) };
        let (table, definition, place) = gate.parts();
        let (judge, requirements) = gate.into_judge(self).await?;
        let judge = Arc::new(FileJudge::new(judge, &definition));
        Ok(Some(FileGate { judge, table, definition, place, requirements }))
    }
}

impl FileGate {
    /// As a load asks it.
    pub(in crate::statement) fn as_judge(&self) -> Arc<dyn RowJudge> {
        Arc::clone(&self.judge) as _
    }

    /// Where quarantined rows go.
    pub(in crate::statement) fn diversion(&self, query_id: QueryId, now: Timestamp) -> Diversion {
        let quarantine = Quarantine::of(&self.definition);
        Diversion {
            table: self.place.id,
            schema: Arc::clone(quarantine.schema()),
            rows: Arc::new(KeptRows { quarantine, query_id, now }),
        }
    }

    /// What is committed beside the rows that are loaded.
    pub(in crate::statement) fn commits(
        &self,
        diverted: Option<Update>,
        updates: &mut Vec<Update>,
        requirements: &mut Vec<Requirement>,
    ) -> Result<()> {
        match diverted {
            Some(Update::Append { segments, .. }) => {
                self.place.append(segments, updates, requirements)?;
            }
            None => {}
            Some(_) => return Err(Error::internal("quarantined rows are appended")),
        }
        if !updates.is_empty() {
            requirements.extend(self.requirements.iter().cloned());
        }
        Ok(())
    }

    /// How the expectations fared.
    pub(in crate::statement) fn measured(&self) -> Measured {
        Measured::of(self.table, &self.definition, &self.judge.judge.lock().tallies())
    }
}

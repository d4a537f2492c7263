//! REPLAY QUARANTINE and PURGE QUARANTINE.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use icecore_exec::{Positions, TableScan, WriteKind, from_datafusion};
use icecore_governance::Verb;
use icecore_processed::{
    Judge, Quarantine, QuarantineColumn, QuarantineNote, QuarantineState, Strictness,
};
use icecore_segment::{SegmentWriter, WriteOptions};
use icecore_snapshot::{Requirement, Update};
use icecore_sql::{QuarantineAction, ast};
use icecore_types::{ObjectId, ObjectKind, QualifiedName, QueryId, Result, TableDefinition};

use super::gate::{Arrival, Gate, select};
use crate::expectations::Measured;
use crate::plan::{Binder, GovernedTable, TARGET, plan_select};
use crate::statement::perform::{Performed, counted};
use crate::statement::write::{Report, segment_schema};
use crate::statement::{Planning, Resolved, Write, refuse_under_policy};

/// Names of the counts that a replay answers with.
const REPLAYED: &[&str] = &["number of rows replayed", "number of rows kept"];

/// A REPLAY whose names are bound.
pub(crate) struct Replay {
    table: ObjectId,
    definition: TableDefinition,
    /// The quarantined rows in their order, if there ever were any.
    rows: Option<(Arc<TableScan>, LogicalPlan)>,
    gate: Option<Box<Gate>>,
}

impl Planning {
    /// REPLAY QUARANTINE and PURGE QUARANTINE.
    pub(in crate::statement) fn quarantine_action(
        &self,
        name: &QualifiedName,
        action: QuarantineAction,
        predicate: Option<&ast::Expr>,
    ) -> Result<Resolved> {
        let table = self.resolver.object(ObjectKind::Table, name)?;
        self.resolver.act(Verb::Alter, table);
        refuse_under_policy(&self.resolver, table, "the quarantine of")?;
        let definition: TableDefinition = table.body().read()?;
        let scan = self.quarantine_target(table, &definition)?;
        let rows = match scan {
            Some(scan) => {
                let plan = self.kept_rows(&scan, action, predicate)?;
                Some((scan, plan))
            }
            None => None,
        };
        match (action, rows) {
            (QuarantineAction::Purge, Some((scan, rows))) => Ok(Resolved::Write(Box::new(Write {
                table: scan.table,
                schema: Arc::clone(Quarantine::of(&definition).schema()),
                rows,
                kind: WriteKind::Delete,
                scan: Some(scan),
                before: Vec::new(),
                gate: None,
                report: Report::Counts(&["number of rows purged"]),
                assigned: Vec::new(),
            }))),
            (QuarantineAction::Purge, None) => {
                Ok(Resolved::Rows(counted(&["number of rows purged"], &[0], None)?.rows))
            }
            (QuarantineAction::Replay, rows) => {
                self.resolver.act(Verb::Insert, table);
                let arrival = Arrival::New { strictness: Strictness::AsDeclared, replaces: false };
                let gate = self.gate(table, &definition, arrival)?;
                let replay = Replay { table: table.id(), definition, rows, gate };
                Ok(Resolved::Replay(Box::new(replay)))
            }
        }
    }

    /// The places of rows in a quarantine, and for a replay all that is kept
    /// of them, in the order in which they came.
    fn kept_rows(
        &self,
        scan: &Arc<TableScan>,
        action: QuarantineAction,
        predicate: Option<&ast::Expr>,
    ) -> Result<LogicalPlan> {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let mut items = vec![quoted(TableScan::SEGMENT), quoted(TableScan::POSITION)];
        let mut order = "";
        if action == QuarantineAction::Replay {
            items.extend(scan.columns.iter().map(|column| quoted(column.field.name())));
            order = " ORDER BY 1, 2";
        }
        let text = format!("SELECT {} FROM \"{TARGET}\" AS quarantine{order}", items.join(", "));
        let mut query = icecore_sql::parse_query(&text)?;
        if let ast::SetExpr::Select(select) = &mut *query.body {
            select.selection = predicate.cloned();
        }
        let binder = Binder::new(self.session.clone(), Arc::clone(&self.resolver));
        let target = GovernedTable::source(TableScan::clone(scan), self.session.shared());
        let binder = Arc::new(binder.with_target(target));
        plan_select(&query, &self.state, &binder)
    }

    /// Judges quarantined rows again: what passes goes into the table and out
    /// of the quarantine in one transaction.
    pub(in crate::statement) async fn replay(
        &self,
        replay: Replay,
        id: QueryId,
    ) -> Result<Performed> {
        let Replay { table, definition, rows, gate } = replay;
        let Some((scan, plan)) = rows else { return counted(REPLAYED, &[0, 0], None) };
        let (judge, mut requirements) = match gate {
            Some(gate) => {
                let (judge, requirements) = gate.into_judge(self).await?;
                (Some(judge), requirements)
            }
            None => (None, Vec::new()),
        };
        let segments = &self.session.engine().segments;
        let quarantine = Quarantine::of(&definition);
        let options = WriteOptions::default;
        let mut replaying = Replaying {
            judge,
            rows: segments.writer(table, segment_schema(&definition), options()),
            kept: segments.writer(scan.table, Arc::clone(quarantine.schema()), options()),
            quarantine,
            positions: Positions::default(),
            counts: [0, 0],
        };
        let mut batches = self.part(&plan).await?;
        while let Some(batch) = batches.next().await {
            replaying.batch(&batch.map_err(from_datafusion)?).await?;
        }
        let tallies = replaying.judge.as_ref().map(Judge::tallies).unwrap_or_default();
        let counts = replaying.counts;
        let updates = replaying.finish(table, &scan).await?;
        let commit = if updates.is_empty() {
            None
        } else {
            requirements.push(Requirement::ObjectUnchanged { id: table });
            Some(self.commit(updates, requirements, id).await?)
        };
        self.session.engine().expectations.record(
            Measured::of(table, &definition, &tallies),
            id,
            self.session.engine().now(),
        );
        counted(REPLAYED, &counts, commit)
    }
}

/// A replay that is running.
struct Replaying {
    judge: Option<Judge>,
    quarantine: Quarantine,
    /// Takes what passes.
    rows: SegmentWriter,
    /// Takes what is kept for another reason than before.
    kept: SegmentWriter,
    /// Where both were.
    positions: Positions,
    /// Rows that passed, and rows that did not.
    counts: [u64; 2],
}

/// What becomes of a kept row: nothing if it passes.
type Again = Option<(icecore_types::Name, String)>;

impl Replaying {
    async fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let own = 2 + QuarantineColumn::ALL.len();
        let (_, columns) = batch.columns().split_at_checked(2).unwrap_or_default();
        let (notes, texts) = columns.split_at_checked(own - 2).unwrap_or_default();
        let mut notes = QuarantineNote::read(notes)?;
        let (rows, bad) = self.quarantine.typed(texts)?;
        let mut again: Vec<Again> = vec![None; rows.num_rows()];
        for (row, reason) in bad {
            if let (Some(again), Some(note)) = (again.get_mut(row), notes.get(row)) {
                again.get_or_insert_with(|| (note.expectation.clone(), reason));
            }
        }
        self.judge(&rows, &notes, &mut again)?;

        let passes: BooleanArray = again.iter().map(|again| Some(again.is_none())).collect();
        let mut changed = Vec::with_capacity(notes.len());
        for (note, again) in notes.iter_mut().zip(again) {
            let before = note.clone();
            if let Some((expectation, reason)) = again {
                (note.expectation, note.reason) = (expectation, reason);
                note.state = QuarantineState::Kept;
            }
            changed.push(*note != before);
        }
        self.counts[0] += passes.true_count() as u64;
        self.counts[1] += passes.false_count() as u64;
        let rows = select(&rows, &passes)?;
        if rows.num_rows() > 0 {
            self.rows.write(rows).await?;
        }
        let changed = BooleanArray::from(changed);
        let texts = select(&text_batch(batch, own)?, &changed)?;
        if texts.num_rows() > 0 {
            let mut is_changed = changed.values().iter();
            notes.retain(|_| is_changed.next().unwrap_or_default());
            self.kept.write(self.quarantine.kept(texts.columns().to_vec(), &notes)?).await?;
        }
        let moved = BooleanArray::new(passes.values() | changed.values(), None);
        self.positions.take(&select(batch, &moved)?).map(drop)
    }

    /// Judges the rows that are values of the table's columns, each as of when
    /// it came.
    fn judge(
        &mut self,
        rows: &RecordBatch,
        notes: &[QuarantineNote],
        again: &mut [Again],
    ) -> Result<()> {
        let Some(judge) = &mut self.judge else { return Ok(()) };
        let same = |a: usize, b: usize| {
            let at = |row: usize| notes.get(row).map(|note: &QuarantineNote| note.at);
            let is_bad = |row: usize| again.get(row).is_some_and(Option::is_some);
            at(a) == at(b) && !is_bad(a) && !is_bad(b)
        };
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for row in 0..rows.num_rows() {
            match runs.last_mut() {
                Some((_, end)) if same(*end - 1, row) => *end = row + 1,
                _ => runs.push((row, row + 1)),
            }
        }
        for (start, end) in runs {
            let (Some(None), Some(note)) = (again.get(start), notes.get(start)) else { continue };
            judge.set_now(note.at);
            let judgement = judge.judge(&rows.slice(start, end - start))?;
            for refusal in judgement.refused {
                if let Some(again) = again.get_mut(start + refusal.row) {
                    *again = Some((refusal.expectation, refusal.reason));
                }
            }
        }
        Ok(())
    }

    async fn finish(self, table: ObjectId, scan: &TableScan) -> Result<Vec<Update>> {
        let (deletes, removed) = self.positions.finish(scan).await?;
        let (rows, kept) = (self.rows.finish().await?, self.kept.finish().await?);
        let quarantine = scan.table;
        let mut updates = Vec::new();
        if !deletes.is_empty() {
            updates.push(Update::SetDeletes { table: quarantine, deletes });
        }
        if !removed.is_empty() {
            updates.push(Update::RemoveSegments { table: quarantine, segments: removed });
        }
        if !kept.is_empty() {
            updates.push(Update::Append { table: quarantine, segments: kept });
        }
        if !rows.is_empty() {
            updates.push(Update::Append { table, segments: rows });
        }
        Ok(updates)
    }
}

/// The texts alone.
fn text_batch(batch: &RecordBatch, own: usize) -> Result<RecordBatch> {
    let columns: Vec<usize> = (own..batch.num_columns()).collect();
    batch.project(&columns).map_err(|source| {
        icecore_types::Error::internal("columns of a quarantine").with_source(source)
    })
}

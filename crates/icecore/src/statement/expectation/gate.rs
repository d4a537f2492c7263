//! Where rows are judged on their way into a table.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::UInt32Type;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use icecore_exec::{RowJudge, from_datafusion};
use icecore_processed::{
    Judge, Judgement, KeyMemory, Quarantine, QuarantineNote, QuarantineState, Strictness, Tally,
};
use icecore_segment::{SegmentWriter, WriteOptions};
use icecore_snapshot::{Object, Requirement, Update};
use icecore_types::{
    ColumnId, Error, ExpectationCheck, ObjectId, OnViolation, QueryId, Result, TableDefinition,
    Timestamp,
};

use super::key_rows::{KeyRows, KeySource, key_types};
use super::memory::WarehouseMemory;
use super::quarantine::QuarantinePlace;
use crate::expectations::Measured;
use crate::statement::Planning;

/// How rows come into a table.
pub(crate) enum Arrival<'a> {
    /// They are new; beside the table's own unless it is emptied first.
    New { strictness: Strictness, replaces: bool },
    /// They are there, and these columns of them change.
    Changed(&'a [ColumnId]),
}

/// A table's expectations with all names bound, before anything is read.
pub(crate) struct Gate {
    table: ObjectId,
    definition: TableDefinition,
    judge: Judge,
    keys: Vec<KeyRows>,
    place: QuarantinePlace,
    /// Columns in front of the table's.
    leading: usize,
}

/// The condition of an expectation that is one.
pub(super) fn expression_of(check: &ExpectationCheck) -> Option<&str> {
    match check {
        ExpectationCheck::Expression { text, .. } => Some(text),
        _ => None,
    }
}

impl Planning {
    /// A judge by these expectations, which knows no keys yet.
    pub(super) fn judge(
        &self,
        definition: &TableDefinition,
        strictness: Strictness,
    ) -> Result<Judge> {
        let now = self.session.engine().now();
        let judge = Judge::new(definition, now, strictness, |text| {
            let expression = icecore_sql::parse_expression(text)?;
            self.row_expression(self.condition(&expression, definition)?)
        })?;
        let memory: Arc<dyn KeyMemory> = Arc::new(WarehouseMemory::new(self));
        Ok(judge.with_memory(&memory))
    }

    /// What judges rows that arrive in a table, if anything is expected of them.
    pub(in crate::statement) fn gate(
        &self,
        table: &Object,
        definition: &TableDefinition,
        arrival: Arrival<'_>,
    ) -> Result<Option<Box<Gate>>> {
        if definition.expectations.is_empty() {
            return Ok(None);
        }
        let (judge, own, leading) = match arrival {
            Arrival::New { strictness, replaces } => {
                let own = (!replaces).then_some(KeySource::Own);
                (self.judge(definition, strictness)?, own, 0)
            }
            Arrival::Changed(columns) => {
                let judge = self.judge(definition, Strictness::Fail)?.of_changed(columns);
                (judge, Some(KeySource::Others), 3)
            }
        };
        let mut keys = Vec::new();
        for (expectation, declared) in definition.expectations.iter().enumerate() {
            if !judge.is_asked(expectation) {
                continue;
            }
            let (rows, source) = match (&declared.check, own) {
                (ExpectationCheck::Unique { columns }, Some(source)) => {
                    let positions = source == KeySource::Others;
                    (self.own_keys(table, definition, columns, positions)?, source)
                }
                (ExpectationCheck::References { parent, keys, .. }, _) => {
                    let rows = self.key_rows(parent, keys).map_err(|error| {
                        error.context(format_args!("expectation {}", declared.name))
                    })?;
                    (rows, KeySource::Parent)
                }
                _ => continue,
            };
            let types = key_types(definition, declared.check.columns())?;
            keys.push(KeyRows { expectation, rows, types, source });
        }
        let place = self.quarantine_place(table);
        let definition = definition.clone();
        Ok(Some(Box::new(Gate { table: table.id(), definition, judge, keys, place, leading })))
    }

    /// Reads the keys that are there, and opens the gate.
    pub(in crate::statement) async fn open_gate(
        &self,
        gate: Option<Box<Gate>>,
        query_id: QueryId,
    ) -> Result<Option<OpenGate>> {
        match gate {
            Some(gate) => gate.open(self, query_id).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Gate {
    /// Whether it must be known that the table does not change meanwhile.
    fn reads_table(&self) -> bool {
        self.keys.iter().any(|keys| keys.source != KeySource::Parent)
    }

    /// The table, and where its quarantined rows go.
    pub(super) fn parts(&self) -> (ObjectId, TableDefinition, QuarantinePlace) {
        (self.table, self.definition.clone(), self.place.clone())
    }

    /// The judge, with the keys that are there.
    pub(super) async fn into_judge(self, planning: &Planning) -> Result<(Judge, Vec<Requirement>)> {
        let open = self.open(planning, QueryId::from_bits(0)).await?;
        let state = Arc::into_inner(open.0)
            .ok_or_else(|| Error::internal("a gate that is used already"))?
            .into_inner();
        Ok((state.judge, state.requirements))
    }

    async fn open(mut self, planning: &Planning, query_id: QueryId) -> Result<OpenGate> {
        for keys in self.keys.iter().filter(|keys| keys.source != KeySource::Others) {
            let mut rows = planning.part(&keys.rows).await?;
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(from_datafusion)?;
                self.judge.learn(keys.expectation, &keys.columns(&batch, 0)?)?;
            }
        }
        let requirements = match self.reads_table() {
            true => vec![Requirement::ContentUnchanged { table: self.table }],
            false => Vec::new(),
        };
        self.keys.retain(|keys| keys.source == KeySource::Others);
        let engine = planning.session.engine();
        Ok(OpenGate(Arc::new(tokio::sync::Mutex::new(State {
            quarantine: Quarantine::of(&self.definition),
            definition: self.definition,
            table: self.table,
            judge: self.judge,
            others: self.keys,
            requirements,
            place: self.place,
            leading: self.leading,
            segments: engine.segments.clone(),
            writer: None,
            query_id,
            now: engine.now(),
            rows: 0,
            rejected: 0,
            quarantined: 0,
            changed: HashSet::new(),
            memory: Arc::new(WarehouseMemory::new(planning)),
        }))))
    }
}

/// A gate that rows pass through, in their order.
#[derive(Clone)]
pub(crate) struct OpenGate(Arc<tokio::sync::Mutex<State>>);

struct State {
    table: ObjectId,
    definition: TableDefinition,
    judge: Judge,
    others: Vec<KeyRows>,
    requirements: Vec<Requirement>,
    place: QuarantinePlace,
    leading: usize,
    quarantine: Quarantine,
    segments: icecore_segment::SegmentStore,
    writer: Option<SegmentWriter>,
    query_id: QueryId,
    now: Timestamp,
    rows: u64,
    rejected: u64,
    quarantined: u64,
    /// Places of the rows that change.
    changed: HashSet<(u32, u32)>,
    memory: Arc<dyn KeyMemory>,
}

/// The memory of a place, with what a hash table leaves empty.
const PLACE_BYTES: usize = 11;

/// What the gate adds to a statement's transaction, and to its answer.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) updates: Vec<Update>,
    pub(crate) requirements: Vec<Requirement>,
    /// Rows rejected and rows quarantined, if any expectation could.
    pub(crate) left_out: Option<[u64; 2]>,
    pub(crate) measured: Measured,
}

impl std::fmt::Debug for OpenGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenGate")
    }
}

impl RowJudge for OpenGate {
    fn judge(&self, batch: RecordBatch) -> BoxFuture<'_, Result<RecordBatch>> {
        async move { self.0.lock().await.judge(batch).await }.boxed()
    }
}

impl OpenGate {
    /// As the operator that writes rows asks it.
    pub(crate) fn as_judge(&self) -> Arc<dyn RowJudge> {
        Arc::new(self.clone())
    }

    /// How the expectations fared.
    pub(crate) async fn measured(&self) -> Measured {
        self.0.lock().await.measured()
    }

    /// What is to be committed beside the rows that were taken.
    pub(crate) async fn finish(&self, planning: &Planning) -> Result<Passed> {
        let mut state = self.0.lock().await;
        state.meet_others(planning).await?;
        let leaves_out = state.definition.expectations.iter().any(|expectation| {
            matches!(expectation.on_violation, OnViolation::RejectRow | OnViolation::Quarantine)
        });
        let mut passed = Passed {
            updates: Vec::new(),
            requirements: std::mem::take(&mut state.requirements),
            left_out: leaves_out.then_some([state.rejected, state.quarantined]),
            measured: state.measured(),
        };
        if let Some(writer) = state.writer.take() {
            let segments = writer.finish().await?;
            let place = state.place.clone();
            place.append(segments, &mut passed.updates, &mut passed.requirements)?;
        }
        Ok(passed)
    }
}

impl State {
    async fn judge(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let columns: Vec<usize> = (self.leading..batch.num_columns()).collect();
        let rows = batch.project(&columns).map_err(cannot_select)?;
        if !self.others.is_empty() {
            let before = self.changed.capacity();
            self.changed.extend(places(&batch)?);
            self.memory.take((self.changed.capacity() - before) * PLACE_BYTES)?;
        }
        let Judgement { taken, refused } = self.judge.judge(&rows)?;
        let first = self.rows;
        self.rows += batch.num_rows() as u64;
        if refused.is_empty() {
            return Ok(batch);
        }
        let (kept, notes): (Vec<u32>, Vec<QuarantineNote>) = refused
            .into_iter()
            .filter(|refusal| refusal.action == OnViolation::Quarantine)
            .map(|refusal| {
                let note = QuarantineNote {
                    query_id: self.query_id,
                    file: None,
                    line: None,
                    row: Some(first + refusal.row as u64 + 1),
                    expectation: refusal.expectation,
                    reason: refusal.reason,
                    record: None,
                    at: self.now,
                    state: QuarantineState::New,
                };
                (refusal.row as u32, note)
            })
            .unzip();
        self.quarantined += notes.len() as u64;
        self.rejected += taken.false_count() as u64 - notes.len() as u64;
        if !notes.is_empty() {
            let kept = take_record_batch(&rows, &UInt32Array::from(kept)).map_err(cannot_select)?;
            self.write(self.quarantine.rows(&kept, &notes)?).await?;
        }
        select(&batch, &taken)
    }

    async fn write(&mut self, kept: RecordBatch) -> Result<()> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let schema = Arc::clone(self.quarantine.schema());
                self.segments.writer(self.place.id, schema, WriteOptions::default())
            }
        };
        writer.write(kept).await?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Compares rows that changed with those that did not.
    async fn meet_others(&mut self, planning: &Planning) -> Result<()> {
        for keys in std::mem::take(&mut self.others) {
            let mut rows = planning.part(&keys.rows).await?;
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(from_datafusion)?;
                let others: BooleanArray =
                    places(&batch)?.map(|place| Some(!self.changed.contains(&place))).collect();
                let others = select(&batch, &others)?;
                self.judge.meet(keys.expectation, &keys.columns(&others, 2)?)?;
            }
        }
        Ok(())
    }

    fn measured(&self) -> Measured {
        let tallies: Vec<Tally> = self.judge.tallies();
        Measured::of(self.table, &self.definition, &tallies)
    }
}

/// the segment and the position, which come first.
fn places(batch: &RecordBatch) -> Result<impl Iterator<Item = (u32, u32)>> {
    let place = |at: usize| {
        let column = batch.columns().get(at).and_then(|it| it.as_primitive_opt::<UInt32Type>());
        column
            .map(|column| column.values().clone())
            .ok_or_else(|| Error::internal("a row without its place"))
    };
    let (segments, positions) = (place(0)?, place(1)?);
    let rows = batch.num_rows();
    Ok((0..rows).filter_map(move |row| Some((*segments.get(row)?, *positions.get(row)?))))
}

/// The rows that a mask lets through.
pub(super) fn select(batch: &RecordBatch, mask: &BooleanArray) -> Result<RecordBatch> {
    filter_record_batch(batch, mask).map_err(cannot_select)
}

fn cannot_select(source: arrow::error::ArrowError) -> Error {
    Error::internal("rows that are judged").with_source(source)
}

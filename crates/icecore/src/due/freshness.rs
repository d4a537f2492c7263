//! FRESHNESS of tables that nothing arrives in: watched as time goes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use icecore_exec::from_datafusion;
use icecore_snapshot::{Object, TableContent};
use icecore_types::{
    ColumnId, ExpectationCheck, Name, ObjectId, ObjectKind, OnViolation, Result, TableDefinition,
    Timestamp,
};
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::expectations::{Measured, Measurement};
use crate::session::SessionBuilder;
use crate::statement::Planning;

/// What is known of the newest rows of tables, so that nothing is read again
/// before something changed.
#[derive(Default)]
pub(crate) struct Freshness(Mutex<HashMap<(ObjectId, Name), Newest>>);

#[derive(Clone)]
struct Newest {
    content: Arc<TableContent>,
    at: Option<Timestamp>,
    /// When it becomes too old.
    ends: Option<Timestamp>,
}

/// An expectation that says how old the newest row may be.
struct Watched {
    table: ObjectId,
    name: Name,
    column: ColumnId,
    within: Duration,
}

/// Looks at every table of which freshness is expected. A result is recorded
/// when the newest row has become too old, and when there is a newer one.
pub(super) async fn run(engine: &Arc<Engine>) -> Result<()> {
    let head = engine.account.head();
    let live = |object: &&Object| object.is_live() && object.kind() == ObjectKind::Table;
    let mut watched = Vec::new();
    for table in head.objects().filter(live) {
        watched.extend(watched_of(table)?);
    }
    if watched.is_empty() {
        return Ok(());
    }
    let session = SessionBuilder::new(Arc::clone(engine)).await?;
    let planning = Planning::begin(&session).await?;
    for expectation in watched {
        expectation.look(engine, &planning).await?;
    }
    Ok(())
}

/// The next moment at which a newest row that is known becomes too old.
pub(super) fn next_moment(engine: &Arc<Engine>) -> Option<Timestamp> {
    let now = engine.now();
    let known = engine.freshness.0.lock();
    known.values().filter_map(|newest| newest.ends).filter(|ends| *ends > now).min()
}

fn watched_of(table: &Object) -> Result<Vec<Watched>> {
    let definition: TableDefinition = table.body().read()?;
    let watched = definition.expectations.into_iter().filter_map(|expectation| {
        let ExpectationCheck::Freshness { column, within_seconds } = expectation.check else {
            return None;
        };
        let within = Duration::from_secs(within_seconds);
        Some(Watched { table: table.id(), name: expectation.name, column, within })
    });
    Ok(watched.collect())
}

impl Watched {
    async fn look(&self, engine: &Arc<Engine>, planning: &Planning) -> Result<()> {
        let Some(newest) = self.newest(engine, planning).await? else { return Ok(()) };
        let now = engine.now();
        let is_stale = newest.plus(self.within) < now;
        if is_stale != self.was_stale(engine) {
            let measured = Measured::one(Measurement {
                table: self.table,
                expectation: self.name.clone(),
                rows_judged: 1,
                rows_violating: u64::from(is_stale),
                action: is_stale.then_some(OnViolation::Warn),
            });
            engine.expectations.record_due(measured, now);
        }
        Ok(())
    }

    /// What was recorded last; fresh if nothing was.
    fn was_stale(&self, engine: &Engine) -> bool {
        let results = engine.expectations.of(self.table);
        let mut due = results
            .iter()
            .rev()
            .filter(|row| row.query_id.is_none() && row.measurement.expectation == self.name);
        due.next().is_some_and(|row| row.measurement.rows_violating > 0)
    }

    /// The newest time in the table, if it has any.
    async fn newest(&self, engine: &Arc<Engine>, planning: &Planning) -> Result<Option<Timestamp>> {
        let head = planning.resolver.head();
        let (Some(table), Some(content)) = (head.object(self.table), head.content(self.table))
        else {
            return Ok(None);
        };
        let key = (self.table, self.name.clone());
        let known = engine.freshness.0.lock().get(&key).cloned();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.content, content)) {
            return Ok(known.at);
        }
        let plan = planning.newest_of(table, self.column)?;
        let mut rows = planning.part(&plan).await?;
        let mut at = None;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(from_datafusion)?;
            at = at.max(icecore_processed::latest(batch.column(0)));
        }
        let ends = at.map(|at| at.plus(self.within + Duration::from_micros(1)));
        let newest = Newest { content: Arc::clone(content), at, ends };
        engine.freshness.0.lock().insert(key, newest);
        Ok(at)
    }
}

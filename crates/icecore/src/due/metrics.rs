//! Tables that data metric functions measure, by their schedule.

use std::sync::Arc;
use std::time::Duration;

use icecore_snapshot::{Head, Object};
use icecore_types::{
    MetricBinding, MetricSchedule, ObjectKind, Result, TableDefinition, Timestamp, Version,
};

use crate::engine::Engine;
use crate::measurements::{MeasuredExpectation, Measurement};
use crate::statement::{measure, measured_name};

/// Why something is measured.
struct Due {
    at: Timestamp,
    /// When rows changed, if that is why.
    changed: Option<Timestamp>,
}

/// Measures what is due. What fails stands in the results.
pub(super) async fn run(engine: &Arc<Engine>) -> Result<()> {
    let head = engine.account.head();
    let mut due = Vec::new();
    for table in tables(&head) {
        let definition: TableDefinition = table.body().read()?;
        for binding in definition.metrics.iter().filter(|binding| !binding.suspended) {
            let when = when(engine, &head, table, (&definition, binding));
            if let Some(when) = when.filter(|when| when.at <= engine.now()) {
                due.push((table, binding.clone(), when));
            }
        }
    }
    for (table, binding, when) in due {
        let row = measured(engine, &head, (table, &binding), when).await?;
        engine.measurements.add(row);
    }
    Ok(())
}

/// The next moment at which something will be measured that is not due yet.
pub(super) fn next_moment(engine: &Arc<Engine>) -> Option<Timestamp> {
    let (now, head) = (engine.now(), engine.account.head());
    let mut next: Option<Timestamp> = None;
    for table in tables(&head) {
        let Ok(definition) = table.body().read::<TableDefinition>() else { continue };
        for binding in definition.metrics.iter().filter(|binding| !binding.suspended) {
            let when = when(engine, &head, table, (&definition, binding));
            let later = when.map(|when| when.at).filter(|at| *at > now);
            next = [next, later].into_iter().flatten().min();
        }
    }
    next
}

fn tables(head: &Head) -> impl Iterator<Item = &Object> {
    let kinds = [ObjectKind::Table, ObjectKind::DynamicTable];
    let measured = move |object: &&Object| object.is_live() && kinds.contains(&object.kind());
    head.objects().filter(measured).filter(|object| object.body().is_measured())
}

/// When a binding is due next; not at all while it waits for a change.
fn when(
    engine: &Engine,
    head: &Head,
    table: &Object,
    (definition, binding): (&TableDefinition, &MetricBinding),
) -> Option<Due> {
    let last = engine.measurements.last(table.id(), binding);
    // What happened before it was bound, or while it rested, is not made up for.
    let since = last.as_ref().map_or(Version::default(), |row| row.version).max(binding.since);
    let since = since.max(table.created());
    match definition.metric_schedule.unwrap_or_default() {
        MetricSchedule::Off => None,
        MetricSchedule::OnChanges => {
            let changed = head.superseded_at(table.id(), since)?;
            // Commits of one moment are a little later than each other.
            Some(Due { at: changed.min(engine.now()), changed: Some(changed) })
        }
        MetricSchedule::Minutes(minutes) => {
            let every = Duration::from_secs(u64::from(minutes) * 60);
            let begun = binding.since_time.max(table.created_at());
            let last = last.map_or(begun, |row| row.scheduled.max(begun));
            let missed = engine.now().since(last).as_secs() / every.as_secs();
            // Of several that were missed the last is made up for.
            let at = last.plus(every * u32::try_from(missed).unwrap_or(u32::MAX).max(1));
            Some(Due { at, changed: None })
        }
    }
}

async fn measured(
    engine: &Arc<Engine>,
    head: &Head,
    (table, binding): (&Object, &MetricBinding),
    due: Due,
) -> Result<Measurement> {
    let definition: TableDefinition = table.body().read()?;
    let outcome = measure(engine, head, (table, binding)).await;
    let (value, violated, error) = match outcome {
        Ok(measured) => (measured.value, measured.violated, None),
        Err(error) => {
            let error = (error.code().number().to_owned(), error.message().to_owned());
            (None, vec![None; binding.expectations.len()], Some(error))
        }
    };
    let expectations = binding.expectations.iter().zip(violated).map(|(expectation, violated)| {
        let (name, condition) = (expectation.name.clone(), expectation.condition.clone());
        MeasuredExpectation { name, condition, violated }
    });
    Ok(Measurement {
        table: table.id(),
        source: binding.source,
        metric: measured_name(head, binding.source),
        columns: binding.columns.clone(),
        column_names: binding.column_names(&definition).cloned().collect(),
        scheduled: due.at,
        changed: due.changed,
        measured: engine.now(),
        version: head.version(),
        value,
        expectations: expectations.collect(),
        error,
    })
}

//! Refreshes of dynamic tables whose rows are as old as they may be.

use std::collections::HashSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_snapshot::{Head, Object};
use icecore_types::{DynamicDefinition, ObjectId, Result, Timestamp, Version};

use crate::engine::Engine;
use crate::refreshes::{RefreshRow, RefreshState, RefreshTrigger};
use crate::session::SessionBuilder;
use crate::statement::{
    RefreshRequest, Request, dynamic_of, in_order, is_suspended, run_request, unobserved,
};

/// Refreshes what is due and all that it is made of, in order, all to one
/// version. A failure stands in the history, and what is made of it waits.
pub(super) async fn run(engine: &Arc<Engine>) -> Result<()> {
    let now = engine.now();
    let head = engine.account.head();
    let due: Vec<ObjectId> = scheduled(engine, &head)
        .filter(|(_, at)| *at <= now)
        .map(|(object, _)| object.id())
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    let head = engine.latest().await?;
    let mut order = Vec::new();
    for table in due {
        // What is made of itself is in no order, and stops nothing else.
        if let Ok(with_sources) = in_order(&head, &[table]) {
            order.extend(with_sources);
        }
    }
    let (mut seen, mut failed) = (HashSet::new(), HashSet::new());
    for table in order {
        if !seen.insert(table) {
            continue;
        }
        let sources = in_order(&head, &[table]).unwrap_or_default();
        if sources.iter().any(|source| failed.contains(source)) {
            failed.insert(table);
            upstream_failed(engine, &head, table);
        } else if one(Arc::clone(engine), table, head.version()).await.is_err() {
            failed.insert(table);
        }
    }
    Ok(())
}

/// A refresh as a statement of its own, as the table's owner.
fn one(engine: Arc<Engine>, table: ObjectId, version: Version) -> BoxFuture<'static, Result<()>> {
    async move {
        let head = engine.account.head();
        let Some(object) = head.object(table) else { return Ok(()) };
        let Some(dynamic) = dynamic_of(object) else { return Ok(()) };
        let session = SessionBuilder::new(Arc::clone(&engine))
            .owner(object.owner())
            .warehouse(&format!("\"{}\"", dynamic.warehouse))
            .await?;
        let request = RefreshRequest::new(&head, table, version);
        run_request(&session, Request::Refresh(request), &unobserved()).await.map(drop)
    }
    .boxed()
}

/// What was made of a table that could not be refreshed keeps its rows.
fn upstream_failed(engine: &Arc<Engine>, head: &Arc<Head>, table: ObjectId) {
    let now = engine.now();
    let lag = head.object(table).and_then(dynamic_of).and_then(|it| it.lag.duration());
    engine.refreshes.record(RefreshRow {
        table,
        path: crate::statement::path(head, table),
        state: RefreshState::UpstreamFailed,
        error_code: None,
        error_message: Some("a dynamic table that it reads could not be refreshed".into()),
        query_id: None,
        data_timestamp: now,
        started: now,
        ended: now,
        inserted: 0,
        deleted: 0,
        action: None,
        reason: None,
        trigger: RefreshTrigger::Scheduled,
        target_lag_seconds: lag.map(|lag| lag.as_secs()),
    });
}

/// When the next refresh is due that is not due yet.
pub(super) fn next_moment(engine: &Arc<Engine>) -> Option<Timestamp> {
    let (now, head) = (engine.now(), engine.account.head());
    scheduled(engine, &head).map(|(_, at)| at).filter(|at| *at > now).min()
}

/// The dynamic tables that have a schedule, and when each is to be refreshed.
fn scheduled<'a>(
    engine: &'a Arc<Engine>,
    head: &'a Arc<Head>,
) -> impl Iterator<Item = (&'a Object, Timestamp)> {
    head.objects().filter_map(move |object| {
        let dynamic = dynamic_of(object)?;
        let at = moment(engine, object, &dynamic)?;
        (!is_suspended(head, object.id())).then_some((object, at))
    })
}

/// When the rows will be as old as they may be; a refresh that failed is tried
/// again as if it had not.
fn moment(engine: &Arc<Engine>, object: &Object, dynamic: &DynamicDefinition) -> Option<Timestamp> {
    if dynamic.unscheduled {
        return None;
    }
    let lag = dynamic.lag.duration()?;
    let fresh = dynamic.frontier.as_ref().map(|frontier| frontier.at);
    let tried = engine.refreshes.last_tried(object.id());
    let last = fresh.max(tried).unwrap_or(dynamic.made);
    Some(last.plus(lag))
}

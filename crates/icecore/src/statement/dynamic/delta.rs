//! The rows that come and go, from what changed since the last refresh.

use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{LogicalPlan, TableSource};
use futures::TryStreamExt;
use icecore_exec::{Changes, TableScan, WriteKind, from_datafusion};
use icecore_semantic::RefreshPlan;
use icecore_snapshot::{Object, Update};
use icecore_sql::ast::Query;
use icecore_types::{Error, ObjectId, Result, TableDefinition};

use super::bind::{Bound, Given};
use super::refresh::{Refreshed, with_hidden};
use crate::plan::{Binder, GovernedTable, RowsTable, plan_select, table_scan};
use crate::refreshes::RefreshAction;
use crate::statement::Planning;
use crate::statement::perform::updates;

/// What the queries of a delta read under this name.
const CHANGES: &str = "$CHANGES";

impl Planning {
    /// Carries out a refresh from what changed since the frontier.
    pub(super) async fn delta(
        &self,
        object: &Object,
        definition: &TableDefinition,
        bound: &Bound,
        plan: &RefreshPlan,
    ) -> Result<(Refreshed, Vec<Update>)> {
        let before: TableDefinition = object.body().read()?;
        let frontier = before.dynamic.as_ref().and_then(|dynamic| dynamic.frontier.as_ref());
        let Some(dynamic) = &definition.dynamic else {
            return Err(Error::internal("a refresh of what is no dynamic table"));
        };
        let mut given = self.given(bound, plan, frontier).await?;
        let queries = plan.delta(&given.changed)?;
        let scan = Arc::new(table_scan(
            &self.session.engine().segments,
            (object.id(), object.name()),
            &with_hidden(definition),
            self.resolver.content(object)?,
            true,
        )?);
        let target = GovernedTable::source(TableScan::clone(&scan), self.session.shared());
        let binder = |given: Given| {
            Arc::new(self.with_given(dynamic, bound, given).with_target(Arc::clone(&target)))
        };
        // Held until both queries have read it.
        let mut _memory = None;
        if let Some(query) = queries.changes {
            let changes = plan_select(&query, &self.state, &binder(given.clone()))?;
            let (source, memory) = self.computed_once(changes).await?;
            given.sources.insert(CHANGES.to_owned(), source);
            _memory = Some(memory);
        }
        let binder = binder(given);
        let gone = (queries.gone, Some(scan));
        let gone = self.part_of_delta(object.id(), definition, &binder, gone).await?;
        let came = (queries.rows, None);
        let came = self.part_of_delta(object.id(), definition, &binder, came).await?;
        let (deleted, inserted) = (gone.rows, came.rows);
        let mut changes = updates(object.id(), gone);
        changes.extend(updates(object.id(), came));
        let action = RefreshAction::Incremental;
        Ok((Refreshed { action, reason: None, inserted, deleted }, changes))
    }

    /// The rows of a query, for those who read them several times; or the query
    /// itself, computed by each of them, if they do not fit in the warehouse's
    /// memory.
    async fn computed_once(
        &self,
        plan: LogicalPlan,
    ) -> Result<(Arc<dyn TableSource>, MemoryReservation)> {
        let pool = &self.state.runtime_env().memory_pool;
        let memory = MemoryConsumer::new("changes of a refresh").register(pool);
        let mut rows = self.part(&plan).await?;
        let (schema, mut batches) = (rows.schema(), Vec::new());
        while let Some(batch) = rows.try_next().await.map_err(from_datafusion)? {
            if memory.try_grow(batch.get_array_memory_size()).is_err() {
                memory.free();
                return Ok((provider_as_source(Arc::new(ViewTable::new(plan, None))), memory));
            }
            batches.push(batch);
        }
        Ok((provider_as_source(Arc::new(RowsTable::new(schema, batches))), memory))
    }

    /// One query of a delta: the places of rows that go, if there is a scan
    /// that they are of, or rows that come.
    async fn part_of_delta(
        &self,
        table: ObjectId,
        definition: &TableDefinition,
        binder: &Arc<Binder>,
        (query, scan): (Option<Box<Query>>, Option<Arc<TableScan>>),
    ) -> Result<Changes> {
        let Some(query) = query else { return Ok(Changes::default()) };
        let rows = plan_select(&query, &self.state, binder)?;
        let kind = if scan.is_some() { WriteKind::Delete } else { WriteKind::Append };
        self.written(table, definition, rows, kind, scan).await
    }
}

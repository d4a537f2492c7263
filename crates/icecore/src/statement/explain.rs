//! EXPLAIN, and EXPLAIN METRIC: what a value is computed from.

use datafusion::common::display::{PlanType, StringifiedPlan};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use icecore_exec::{from_datafusion, to_datafusion};
use icecore_sql::{Explain, ExplainFormat, Statement};
use icecore_types::{Code, Error, ObjectId, Result, Version};

use super::lineage::Lineage;
use super::{Planning, dynamic_of};
use crate::cells::Cell;
use crate::plan::{AskedOf, Considered, GovernedTable, PolicyTable, is_governed};

/// Dynamic tables of dynamic tables that EXPLAIN METRIC looks into.
const DEPTH: usize = 32;

/// A table, and the version of it that a query names.
type Read = (ObjectId, Option<Version>);

impl Planning {
    /// EXPLAIN shows the plan of the query that a statement runs.
    pub(super) fn explain(&self, explain: &Explain) -> Result<LogicalPlan> {
        let plan = match &*explain.statement {
            Statement::Query(query) => self.select(query)?,
            Statement::Insert(insert) => self.insert(insert)?.into_rows(),
            Statement::Delete(delete) => self.delete(delete)?.into_rows(),
            Statement::Update(update) => self.update(update)?.into_rows(),
            other => return Err(Error::unsupported(format_args!("EXPLAIN {}", other.kind()))),
        };
        let roll_ups = self.explained_roll_ups();
        if explain.format == ExplainFormat::Text {
            return self.explained(&plan, roll_ups);
        }
        let mut explained = LogicalPlanBuilder::from(plan)
            .explain(false, false)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        if let (LogicalPlan::Explain(explained), Some(text)) = (&mut explained, roll_ups) {
            let row = StringifiedPlan::new(PlanType::FinalLogicalPlan, text);
            explained.stringified_plans.push(row);
        }
        Ok(explained)
    }

    /// EXPLAIN USING TEXT: one row, the optimised plan as text.
    fn explained(&self, plan: &LogicalPlan, roll_ups: Option<String>) -> Result<LogicalPlan> {
        let optimized = self.state.optimize(plan).map_err(from_datafusion)?;
        let mut text = optimized.display_indent().to_string();
        if let Some(roll_ups) = roll_ups {
            text = format!("{roll_ups}\n{text}");
        }
        LogicalPlanBuilder::empty(true)
            .project(vec![lit(text).alias("content")])
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)
    }

    /// A line for each roll-up that the statement's metric queries have: that
    /// it answers, or why it does not.
    fn explained_roll_ups(&self) -> Option<String> {
        let mut lines = Vec::new();
        for asked in self.binder.sources().queries() {
            for roll_up in &asked.roll_ups {
                let (kind, detail) = verdict(roll_up);
                let (name, view) = (self.full_name(roll_up.table), self.full_name(asked.view));
                lines.push(format!("{kind} {name} of {view}: {detail}"));
            }
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// EXPLAIN METRIC: the SQL that each metric query became, its roll-ups, the
    /// tables that are read, as of which version, and the files that their rows
    /// were loaded from.
    pub(super) fn explain_metric(&self, explain: &Explain) -> Result<Lineage> {
        let Statement::Query(query) = &*explain.statement else {
            return Err(Error::unsupported("EXPLAIN METRIC of another statement than a query"));
        };
        let mut read = Vec::new();
        add_tables_of(&self.select(query)?, &mut read)?;
        let queries = self.binder.sources().queries();
        if queries.is_empty() {
            return Err(Error::new(
                Code::INVALID_STATEMENT,
                "EXPLAIN METRIC takes a query of a semantic view",
            ));
        }
        let mut rows = Lineage::default();
        for asked in queries {
            self.explain_asked(asked, &mut rows);
        }
        for (table, version) in read {
            self.explain_table((table, version), None, DEPTH, &mut rows)?;
        }
        Ok(rows)
    }

    /// The query of a semantic view, and its roll-ups.
    fn explain_asked(&self, asked: AskedOf, rows: &mut Lineage) {
        let head = self.resolver.head();
        let view = head.object(asked.view);
        let changed = view.map(|view| (view.changed(), view.changed_at()));
        let name = self.full_name(asked.view);
        rows.push(vec![
            Cell::text("SEMANTIC VIEW"),
            Cell::text(&name),
            Cell::Null,
            changed.map_or(Cell::Null, |(version, _)| Cell::count(version.get())),
            Cell::maybe_time(changed.map(|(_, time)| time)),
            Cell::Null,
            Cell::Null,
            Cell::text(asked.sql),
        ]);
        for roll_up in &asked.roll_ups {
            let (kind, detail) = verdict(roll_up);
            let frontier = head.object(roll_up.table).and_then(dynamic_of);
            let frontier = frontier.and_then(|dynamic| dynamic.frontier);
            rows.push(vec![
                Cell::text(kind),
                Cell::text(self.full_name(roll_up.table)),
                Cell::text(&name),
                frontier.as_ref().map_or(Cell::Null, |it| Cell::count(it.version.get())),
                Cell::maybe_time(frontier.map(|it| it.at)),
                Cell::count(roll_up.rows),
                Cell::Null,
                Cell::text(detail),
            ]);
        }
    }

    /// A table that is read, the files in it, and what its rows were computed
    /// from if it is a dynamic one.
    fn explain_table(
        &self,
        (table, version): Read,
        parent: Option<&str>,
        depth: usize,
        rows: &mut Lineage,
    ) -> Result<()> {
        let head = self.resolver.head();
        let missing = || Error::internal("a table that was read is not there");
        let object = head.object(table).ok_or_else(missing)?;
        let read = version.unwrap_or_else(|| head.version());
        // How many rows there are, and where from, is hidden with the rows.
        let is_open = !is_governed(head, object)?;
        let content = head.content_at(table, read).filter(|_| is_open);
        let name = self.full_name(table);
        rows.push(vec![
            Cell::text(object.kind().sql()),
            Cell::text(&name),
            Cell::maybe_text(parent),
            Cell::count(read.get()),
            Cell::maybe_time(head.time_of(read)),
            content.as_ref().map_or(Cell::Null, |content| Cell::count(content.rows())),
            Cell::Null,
            Cell::Null,
        ]);
        if let Some(content) = content {
            self.add_files(object, (read, &content), rows)?;
        }
        let then = head.object_at(table, read).and_then(dynamic_of);
        let Some(frontier) = then.and_then(|dynamic| dynamic.frontier).filter(|_| depth > 0) else {
            return Ok(());
        };
        for input in frontier.inputs {
            if head.object(input.id).is_some_and(|object| object.kind().has_rows()) {
                let read = (input.id, Some(input.version));
                self.explain_table(read, Some(&name), depth - 1, rows)?;
            }
        }
        Ok(())
    }

    pub(super) fn full_name(&self, id: ObjectId) -> String {
        let path = self.resolver.path(id);
        path.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
    }
}

/// What is said of a roll-up.
fn verdict(roll_up: &Considered) -> (&'static str, String) {
    match &roll_up.passed {
        None => ("ROLL-UP", format!("answers, with {} rows", roll_up.rows)),
        Some(reason) => ("UNUSED ROLL-UP", reason.clone()),
    }
}

/// The tables that a plan reads, through views too, each once.
fn add_tables_of(plan: &LogicalPlan, found: &mut Vec<Read>) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
        {
            let raw = provider.downcast_ref::<GovernedTable>().map(GovernedTable::read);
            let governed = provider.downcast_ref::<PolicyTable>().map(PolicyTable::read);
            let read = raw.or(governed);
            found.extend(read.filter(|read| !found.contains(read)));
            if let Some(view) = scan.source.get_logical_plan() {
                add_tables_of(&view, found).map_err(to_datafusion)?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(from_datafusion)?;
    Ok(())
}

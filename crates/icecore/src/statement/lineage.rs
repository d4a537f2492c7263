//! Which files the rows of a table came from.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use icecore_exec::{StatementExec, TableScan, from_datafusion, plan_scan};
use icecore_snapshot::{Object, TableContent};
use icecore_types::{
    Error, ObjectId, QueryId, Result, RowId, SqlType, TableDefinition, Timestamp, Version,
};

use super::Planning;
use super::run::PartHooks;
use crate::cells::{Cell, Columns, batch};
use crate::load_history::LoadRow;
use crate::plan::table_scan;

const TEXT: SqlType = SqlType::TEXT;
const INTEGER: SqlType = SqlType::Integer;

const EXPLAINED: Columns = &[
    ("kind", TEXT),
    ("name", TEXT),
    ("parent", TEXT),
    ("version", INTEGER),
    ("time", SqlType::TimestampLtz),
    ("rows", INTEGER),
    ("query_id", TEXT),
    ("detail", TEXT),
];

/// Rows of a batch of row ids.
const BATCH_ROWS: usize = 8_192;

/// What EXPLAIN METRIC answers, but for which files still have rows.
#[derive(Default)]
pub(crate) struct Lineage(Vec<Line>);

enum Line {
    Row(Vec<Cell>),
    /// Those of these files of which the table has a row.
    Files(Box<TableScan>, Vec<LoadedFile>),
}

/// A file of a load.
struct LoadedFile {
    file: String,
    query_id: QueryId,
    version: Option<Version>,
    loaded_at: Timestamp,
    rows: u64,
    detail: Option<String>,
    /// The ids of its rows, or of all rows of its load if no more is known;
    /// nothing if not even that is.
    ids: Option<Range<u64>>,
}

impl Lineage {
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        self.0.push(Line::Row(row));
    }
}

impl Planning {
    /// Adds the files that were loaded into a table until a version.
    pub(super) fn add_files(
        &self,
        object: &Object,
        (read, content): (Version, &Arc<TableContent>),
        lineage: &mut Lineage,
    ) -> Result<()> {
        let files = self.loaded_files(object.id(), read, content);
        if files.is_empty() {
            return Ok(());
        }
        // Ids of rows need no column: those of the table may be others by now.
        let scan = table_scan(
            &self.session.engine().segments,
            (object.id(), object.name()),
            &TableDefinition::default(),
            Arc::clone(content),
            true,
        )?;
        lineage.0.push(Line::Files(Box::new(scan), files));
        Ok(())
    }

    /// By loads, the oldest first, and the files of each in the order of its
    /// rows. Loads that the history has no more are known by the table's own
    /// memory of files; those of pipes are not in it.
    fn loaded_files(
        &self,
        table: ObjectId,
        read: Version,
        content: &TableContent,
    ) -> Vec<LoadedFile> {
        let head = self.resolver.head();
        let mut files = Vec::new();
        let mut known = HashSet::new();
        for load in self.session.engine().loads.rows().iter().filter(|load| load.table == table) {
            known.insert(load.query_id);
            let version = head.version_of(load.query_id);
            if version.is_some_and(|version| version <= read) {
                self.add_load(load, version, &mut files);
            }
        }
        for load in content.loads().filter(|load| !known.contains(&load.query_id)) {
            let version = head.version_of(load.query_id);
            files.push(LoadedFile {
                file: load.key.file.to_string(),
                query_id: load.query_id,
                version,
                loaded_at: load.loaded_at,
                rows: load.rows_loaded,
                detail: load.first_error.clone(),
                ids: self.ids_of(table, version),
            });
        }
        files.sort_by_key(|file| (file.version, file.ids.as_ref().map(|ids| ids.start)));
        files
    }

    /// A load writes the rows of its files one file after the other.
    fn add_load(&self, load: &LoadRow, version: Option<Version>, files: &mut Vec<LoadedFile>) {
        let ids = self.ids_of(load.table, version);
        let total: u64 = load.files.iter().map(|file| file.rows_loaded).sum();
        // Where the counts are not those of the table the files have no place.
        let places = ids.clone().filter(|ids| ids.end - ids.start == total);
        let mut next = places.map(|ids| ids.start);
        for file in load.files.iter().filter(|file| file.rows_loaded > 0) {
            let own = next.map(|start| start..start + file.rows_loaded);
            next = own.as_ref().map(|own| own.end);
            files.push(LoadedFile {
                file: format!("{}/{}", load.location, file.file),
                query_id: load.query_id,
                version,
                loaded_at: load.ended,
                rows: file.rows_loaded,
                detail: file.first_error.clone(),
                ids: own.or_else(|| ids.clone()),
            });
        }
    }

    /// The ids of the rows that a version gave to a table.
    fn ids_of(&self, table: ObjectId, version: Option<Version>) -> Option<Range<u64>> {
        let version = version?;
        let head = self.resolver.head();
        let after = head.content_at(table, version)?.next_row_id();
        let before = version.get().checked_sub(1).map(Version::new)?;
        let before = head.content_at(table, before).map_or(RowId::new(0), |it| it.next_row_id());
        (before <= after).then(|| before.get()..after.get())
    }

    /// Looks which files have rows.
    pub(super) async fn trace(&self, lineage: Lineage) -> Result<arrow::array::RecordBatch> {
        let mut rows = Vec::new();
        for line in lineage.0 {
            match line {
                Line::Row(row) => rows.push(row),
                Line::Files(scan, files) => {
                    let there = self.there(&scan, &files).await?;
                    let files = files.iter().zip(there).filter(|(_, there)| *there);
                    rows.extend(files.map(|(file, _)| file.cells(&self.full_name(scan.table))));
                }
            }
        }
        batch(EXPLAINED, rows)
    }

    /// Of each file whether a row of it is in the table, changed or not: a row
    /// that is rewritten keeps its id.
    async fn there(&self, scan: &TableScan, files: &[LoadedFile]) -> Result<Vec<bool>> {
        let mut there: Vec<bool> = files.iter().map(|file| file.ids.is_none()).collect();
        if !there.contains(&false) {
            return Ok(there);
        }
        let ids = scan.schema().index_of(TableScan::ROW_ID);
        let ids = ids.map_err(|source| Error::internal("ids of rows").with_source(source))?;
        let plan =
            plan_scan(Arc::new(scan.clone()), Some(&vec![ids]), &[], None, 1, BATCH_ROWS).await?;
        let plan = Arc::new(StatementExec::new(plan, PartHooks::new(self)));
        let context = self.session.engine().template.task_ctx();
        let mut rows = execute_stream(plan, context).map_err(from_datafusion)?;
        while let Some(rows) = rows.try_next().await.map_err(from_datafusion)? {
            let Some(column) = rows.columns().first() else { break };
            let ids = column.as_primitive::<UInt64Type>().values();
            for (file, there) in files.iter().zip(&mut there).filter(|(_, there)| !**there) {
                let own = |id| file.ids.as_ref().is_none_or(|ids| ids.contains(id));
                *there = ids.iter().any(own);
            }
            if !there.contains(&false) {
                break;
            }
        }
        Ok(there)
    }
}

impl LoadedFile {
    fn cells(&self, table: &str) -> Vec<Cell> {
        vec![
            Cell::text("FILE"),
            Cell::text(&self.file),
            Cell::text(table),
            self.version.map_or(Cell::Null, |version| Cell::count(version.get())),
            Cell::Time(self.loaded_at),
            Cell::count(self.rows),
            Cell::text(self.query_id.to_string()),
            Cell::maybe_text(self.detail.clone()),
        ]
    }
}

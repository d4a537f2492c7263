//! A session of the engine as the standard runner sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use icecore::{Error, QueryResult, Session, SqlType, TextRow};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

/// Whether the record that runs compares rows, or only counts them: the
/// standard runner does not say so itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantsRows(Arc<AtomicBool>);

impl WantsRows {
    pub(crate) fn set(&self, wanted: bool) {
        self.0.store(wanted, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One session.
pub(crate) struct Database {
    session: Session,
    wants_rows: WantsRows,
}

impl Database {
    pub(crate) fn new(session: Session, wants_rows: WantsRows) -> Self {
        Self { session, wants_rows }
    }
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let result = self.session.execute(sql).await?;
        let types = column_types(&result);
        let affected = result.rows_affected();
        let rows = result.texts().await?;
        self.session.lake().run_due().await?;
        if self.wants_rows.get() {
            return Ok(DBOutput::Rows { types, rows: rows.into_iter().map(shown).collect() });
        }
        Ok(DBOutput::StatementComplete(affected.unwrap_or(rows.len() as u64)))
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "icecore"
    }

    fn error_sql_state(error: &Error) -> Option<String> {
        Some(error.sqlstate().to_owned())
    }
}

fn column_types(result: &QueryResult) -> Vec<DefaultColumnType> {
    result.columns().iter().map(|column| column_type(&column.sql_type)).collect()
}

fn column_type(sql_type: &SqlType) -> DefaultColumnType {
    match sql_type {
        SqlType::Integer | SqlType::Number { scale: 0, .. } => DefaultColumnType::Integer,
        SqlType::Number { .. } | SqlType::Float => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

fn shown(row: TextRow) -> Vec<String> {
    row.into_iter()
        .map(|value| match value {
            None => "NULL".to_owned(),
            Some(text) if text.is_empty() => "(empty)".to_owned(),
            Some(text) => text,
        })
        .collect()
}

//! The engine from outside.
#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod audit;
mod channels;
mod dynamic;
mod faults;
mod gates;
mod get_ddl;
mod judging;
mod lineage;
mod loading;
mod login;
mod measuring;
mod memory;
mod merging;
mod mistakes;
mod pipes;
mod policies;
mod quarantine;
mod requests;
#[cfg(feature = "s3")]
mod s3;
mod semantic;
mod snapshots;
mod stages;

use icecore::{Icecore, QueryResult, Result, Session, Timestamp};

/// An engine in memory whose clock stands still.
pub async fn engine() -> Icecore {
    let start = Timestamp::parse("2013-01-01T00:00:00Z").unwrap();
    Icecore::builder("memory://").simulated_clock(start).await.unwrap()
}

/// All rows of a query as text, columns joined by `|`.
pub async fn rows(session: &Session, sql: &str) -> Vec<String> {
    try_rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The same, or the error.
pub async fn try_rows(session: &Session, sql: &str) -> Result<Vec<String>> {
    let result: QueryResult = session.execute(sql).await?;
    let texts = result.texts().await?;
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".into());
    Ok(texts.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect())
}

//! The stored form of a batch of rows.

use icecore_types::{Error, Hash, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::frame;

const WHAT: &str = "journal";

/// A row, and when it happened.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) time: Timestamp,
    pub(super) value: Value,
}

/// Where a batch stands, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) kind: &'a str,
    pub(super) number: u64,
    pub(super) previous: Option<Hash>,
    pub(super) time: Timestamp,
}

#[derive(Serialize)]
struct Written<'a> {
    kind: &'a str,
    number: u64,
    previous: Option<Hash>,
    time: Timestamp,
    times: Vec<Timestamp>,
    rows: Vec<&'a Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    kind: String,
    number: u64,
    previous: Option<Hash>,
    time: Timestamp,
    times: Vec<Timestamp>,
    rows: Vec<Value>,
}

/// A batch as it was read, with the hash of all its bytes.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) kind: String,
    pub(super) number: u64,
    pub(super) previous: Option<Hash>,
    /// Not before any of its rows.
    pub(super) time: Timestamp,
    pub(super) rows: Vec<Row>,
    pub(super) hash: Hash,
}

pub(super) fn encode(place: Place, rows: &[Row]) -> Result<Vec<u8>> {
    let Place { kind, number, previous, time } = place;
    let times = rows.iter().map(|row| row.time).collect();
    let rows = rows.iter().map(|row| &row.value).collect();
    let body = serde_json::to_vec(&Written { kind, number, previous, time, times, rows })
        .map_err(|source| Error::internal("journal rows cannot be stored").with_source(source))?;
    Ok(frame::encode(WHAT, &body))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Batch> {
    let body = frame::decode(WHAT, bytes)?;
    let Stored { kind, number, previous, time, times, rows } = serde_json::from_slice(body)
        .map_err(|source| Error::corrupted("a batch of rows").with_source(source))?;
    if times.len() != rows.len() || times.iter().any(|row| *row > time) {
        return Err(Error::corrupted("a batch of rows whose times do not fit"));
    }
    let rows = times.into_iter().zip(rows).map(|(time, value)| Row { time, value }).collect();
    Ok(Batch { kind, number, previous, time, rows, hash: Hash::of(bytes) })
}

//! The stored form of a batch of rows.

use icecore_types::{Error, Hash, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::frame;

const WHAT: &str = "journal";

#[derive(Serialize)]
struct Written<'a> {
    kind: &'a str,
    number: u64,
    previous: Option<Hash>,
    rows: &'a [Value],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    kind: String,
    number: u64,
    previous: Option<Hash>,
    rows: Vec<Value>,
}

/// A batch as it was read, with the hash of all its bytes.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) kind: String,
    pub(super) number: u64,
    pub(super) previous: Option<Hash>,
    pub(super) rows: Vec<Value>,
    pub(super) hash: Hash,
}

pub(super) fn encode(
    kind: &str,
    number: u64,
    previous: Option<Hash>,
    rows: &[Value],
) -> Result<Vec<u8>> {
    let body = serde_json::to_vec(&Written { kind, number, previous, rows })
        .map_err(|source| Error::internal("journal rows cannot be stored").with_source(source))?;
    Ok(frame::encode(WHAT, &body))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Batch> {
    let body = frame::decode(WHAT, bytes)?;
    let Stored { kind, number, previous, rows } = serde_json::from_slice(body)
        .map_err(|source| Error::corrupted("a batch of rows").with_source(source))?;
    Ok(Batch { kind, number, previous, rows, hash: Hash::of(bytes) })
}

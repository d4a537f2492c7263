//! The stored form of a batch of rows.

use icecore_types::{Error, Hash, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::seal::AuditKey;
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

/// A row that is not stored yet, as it will be: text takes a fraction of the
/// memory of a tree.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) time: Timestamp,
    json: Box<[u8]>,
}

impl Waiting {
    pub(super) fn new(time: Timestamp, row: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_vec(row).map_err(unstorable)?.into();
        Ok(Self { time, json })
    }

    pub(super) fn bytes(&self) -> usize {
        self.json.len()
    }

    pub(super) fn row(&self) -> Result<Row> {
        let value = serde_json::from_slice(&self.json).map_err(unstorable)?;
        Ok(Row { time: self.time, value })
    }
}

fn unstorable(source: serde_json::Error) -> Error {
    Error::internal("journal rows cannot be stored").with_source(source)
}

/// What stands in a batch before its rows.
#[derive(Serialize)]
struct Written<'a> {
    kind: &'a str,
    number: u64,
    previous: Option<Hash>,
    time: Timestamp,
    times: Vec<Timestamp>,
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
    #[serde(default)]
    seal: Option<Hash>,
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
    /// Whether a holder of the key wrote it, if it was read with one.
    pub(super) sealed: bool,
}

/// How the seal follows the rows, and how it ends.
const SEAL: (&[u8], &[u8]) = (b",\"seal\":\"", b"\"}");

pub(super) fn encode(place: Place, rows: &[Waiting], key: Option<&AuditKey>) -> Result<Vec<u8>> {
    let Place { kind, number, previous, time } = place;
    let times = rows.iter().map(|row| row.time).collect();
    let written = Written { kind, number, previous, time, times };
    let mut body = serde_json::to_vec(&written).map_err(unstorable)?;
    // The rows are its last member but the seal.
    body.pop();
    body.reserve(rows.iter().map(|row| row.bytes() + 1).sum::<usize>() + 96);
    body.extend_from_slice(b",\"rows\":[");
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&row.json);
    }
    body.extend_from_slice(b"]}");
    if let Some(key) = key {
        let seal = key.seal(&body).to_string();
        body.pop();
        for part in [SEAL.0, seal.as_bytes(), SEAL.1] {
            body.extend_from_slice(part);
        }
    }
    Ok(frame::encode(WHAT, &body))
}

/// Whether a text ends with the seal that a holder of the key gives to what is
/// before it.
fn is_sealed(body: &[u8], key: &AuditKey) -> bool {
    let longest = SEAL.0.len() + 64 + SEAL.1.len();
    let split = body.len().checked_sub(longest).and_then(|at| body.split_at_checked(at));
    let Some((text, member)) = split else { return false };
    let seal = member.strip_prefix(SEAL.0).and_then(|rest| rest.strip_suffix(SEAL.1));
    let expected = key.seal(&[text, b"}"].concat()).to_string();
    seal == Some(expected.as_bytes())
}

pub(super) fn decode(bytes: &[u8], key: Option<&AuditKey>) -> Result<Batch> {
    let body = frame::decode(WHAT, bytes)?;
    let Stored { kind, number, previous, time, times, rows, seal } =
        serde_json::from_slice(body)
            .map_err(|source| Error::corrupted("a batch of rows").with_source(source))?;
    if times.len() != rows.len() || times.iter().any(|row| *row > time) {
        return Err(Error::corrupted("a batch of rows whose times do not fit"));
    }
    let sealed = seal.is_some() && key.is_some_and(|key| is_sealed(body, key));
    let rows = times.into_iter().zip(rows).map(|(time, value)| Row { time, value }).collect();
    Ok(Batch { kind, number, previous, time, rows, hash: Hash::of(bytes), sealed })
}

//! Checkpoints: many records in one object, so that opening reads few. They
//! are a convenience: what is missing or damaged is read from the log.

use bytes::Bytes;
use futures::TryStreamExt;
use icecore_types::{AccountId, Error, Hash, ObjectRef, RecordNumber, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::log::{Log, StoredRecord};
use crate::record::Hex;
use crate::{Record, frame};

const WHAT: &str = "checkpoint";
const FOLDER: &str = "checkpoint";
const HINT: &str = "hint";

/// Consecutive records in one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    first: RecordNumber,
    last: RecordNumber,
    object: ObjectRef,
}

impl Span {
    fn records(&self) -> u64 {
        self.last.get().saturating_sub(self.first.get()) + 1
    }
}

/// What stands in front of the records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    store: Hex,
    account: AccountId,
    first: RecordNumber,
    last: RecordNumber,
    /// The spans before this one, back to record 1, oldest first.
    earlier: Vec<Span>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hint {
    checkpoint: String,
}

/// A checkpoint on its way to the store.
struct Encoded {
    span: Span,
    bytes: Bytes,
}

/// The newest usable checkpoint: the head at its end, and its spans. An empty
/// head if there is none.
///
/// Damage is no error here: the log has everything.
pub(crate) async fn open(log: &Log, empty: Head) -> Result<(Head, Vec<Span>)> {
    let hinted = match log.read(&log.path(HINT)).await {
        Ok(Some(bytes)) => hinted(&bytes),
        Ok(None) => None,
        Err(error) => {
            tracing::debug!(%error, "the hint cannot be read");
            None
        }
    };
    if let Some(name) = hinted
        && let Some(found) = load(log, &name, &empty).await
    {
        return Ok(found);
    }
    for name in list(log).await? {
        if let Some(found) = load(log, &name, &empty).await {
            return Ok(found);
        }
    }
    Ok((empty, Vec::new()))
}

/// Writes the records after the last span into a new one, which takes in the
/// spans before it that are not larger: so a log of n records has about
/// log2(n) spans, and each record is written that often at most.
pub(crate) async fn write(
    log: &Log,
    head: &Head,
    spans: &mut Vec<Span>,
    recent: Vec<StoredRecord>,
) -> Result<()> {
    let mut records = missing_before(log, head, spans, recent).await?;
    let Some(mut first) = records.first().map(|record| record.number) else { return Ok(()) };
    let mut earlier = spans.clone();
    while let Some(span) = earlier.last().filter(|span| span.records() <= records.len() as u64) {
        let Ok(mut before) = read_span(log, span).await else { break };
        before.append(&mut records);
        (first, records) = (span.first, before);
        earlier.pop();
    }

    let encoded = encode(head, first, earlier.clone(), &records)?;
    match log.create(&log.path(&encoded.span.object.path), encoded.bytes).await {
        // The name is the content's: whoever made it made the same.
        Ok(()) | Err(object_store::Error::AlreadyExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let hint = Hint { checkpoint: encoded.span.object.path.to_string() };
    earlier.push(encoded.span);
    *spans = earlier;
    let hint = serde_json::to_vec(&hint)
        .map_err(|source| Error::internal("a hint cannot be written").with_source(source))?;
    let hint = Bytes::from(frame::encode(HINT, &hint));
    log.env.store.put(&log.path(HINT), hint.into()).await?;
    Ok(())
}

/// The last record that a checkpoint has.
pub(crate) fn end(spans: &[Span]) -> RecordNumber {
    spans.last().map_or(RecordNumber::ZERO, |span| span.last)
}

/// The records after the last span up to the head's: those at hand, and from
/// the log those that are not.
async fn missing_before(
    log: &Log,
    head: &Head,
    spans: &[Span],
    recent: Vec<StoredRecord>,
) -> Result<Vec<StoredRecord>> {
    let mut records = Vec::new();
    let mut next = end(spans).next();
    let at_hand = recent.first().map_or(head.record().next(), |record| record.number);
    while next < at_hand {
        let bytes = log.read_record(next).await?;
        let bytes = bytes.ok_or_else(|| Error::corrupted(format!("record {next} is missing")))?;
        records.push(StoredRecord { number: next, bytes });
        next = next.next();
    }
    records.extend(recent.into_iter().filter(|record| record.number <= head.record()));
    Ok(records)
}

fn encode(
    head: &Head,
    first: RecordNumber,
    earlier: Vec<Span>,
    records: &[StoredRecord],
) -> Result<Encoded> {
    let last = head.record();
    let contents = Contents { store: Hex(head.store), account: head.account, first, last, earlier };
    let contents = serde_json::to_vec(&contents)
        .map_err(|source| Error::internal("a checkpoint cannot be written").with_source(source))?;
    let mut bytes = frame::encode(WHAT, &contents);
    for record in records {
        bytes.extend_from_slice(&record.bytes);
    }
    let hash = Hash::of(&bytes);
    let path = format!("{FOLDER}/{:020}-{hash}", last.get()).into();
    let object = ObjectRef { path, size_bytes: bytes.len() as u64, hash };
    Ok(Encoded { span: Span { first, last, object }, bytes: bytes.into() })
}

/// The name that a hint gives, if it is one.
fn hinted(bytes: &[u8]) -> Option<String> {
    let hint: Hint = serde_json::from_slice(frame::decode(HINT, bytes).ok()?).ok()?;
    hint.checkpoint.strip_prefix(FOLDER)?.strip_prefix('/').map(str::to_owned)
}

/// The names of all checkpoints, the newest first.
async fn list(log: &Log) -> Result<Vec<String>> {
    let folder = log.path(FOLDER);
    let found: Vec<_> = log.env.store.list(Some(&folder)).try_collect().await?;
    let mut names: Vec<String> =
        found.iter().filter_map(|meta| meta.location.filename().map(str::to_owned)).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// The head at the end of a checkpoint, if all of it is as it was written.
async fn load(log: &Log, name: &str, empty: &Head) -> Option<(Head, Vec<Span>)> {
    match try_load(log, name, empty).await {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::warn!(%error, name, "a checkpoint cannot be used");
            None
        }
    }
}

async fn try_load(log: &Log, name: &str, empty: &Head) -> Result<(Head, Vec<Span>)> {
    let damaged = |what: &str| Error::corrupted(format!("checkpoint {name}: {what}"));
    let hash: Hash = name.rsplit('-').next().unwrap_or_default().parse()?;
    // Only names that we give: nothing else is asked of the store.
    let path = Path::parse(format!("{FOLDER}/{name}")).map_err(|_| damaged("not a name"))?;
    let bytes = log.read(&log.path(path.as_ref())).await?;
    let bytes = bytes.ok_or_else(|| damaged("it is not there"))?;
    if Hash::of(&bytes) != hash {
        return Err(damaged("its bytes are not those that were written"));
    }
    let (contents, records) = open_span(&bytes)?;
    if contents.store.0 != empty.store || contents.account != empty.account {
        return Err(damaged("it belongs to another store or account"));
    }
    let mut head = empty.clone();
    for span in &contents.earlier {
        for record in read_span(log, span).await? {
            head.absorb(&Record::decode(record.bytes)?)?;
        }
    }
    each_record(records, |record| head.absorb(&Record::decode(record)?))?;
    if head.record() != contents.last {
        return Err(damaged("records are missing"));
    }
    let mut spans = contents.earlier;
    let object = ObjectRef { path: path.as_ref().into(), size_bytes: bytes.len() as u64, hash };
    spans.push(Span { first: contents.first, last: contents.last, object });
    Ok((head, spans))
}

/// The records of a span.
async fn read_span(log: &Log, span: &Span) -> Result<Vec<StoredRecord>> {
    let damaged = || Error::corrupted(format!("checkpoint path={}", span.object.path));
    let bytes = log.read(&log.path(&span.object.path)).await?.ok_or_else(damaged)?;
    if bytes.len() as u64 != span.object.size_bytes || Hash::of(&bytes) != span.object.hash {
        return Err(damaged());
    }
    let (contents, rest) = open_span(&bytes)?;
    if (contents.first, contents.last) != (span.first, span.last) {
        return Err(damaged());
    }
    let mut records = Vec::new();
    let mut number = span.first;
    each_record(rest, |bytes| {
        records.push(StoredRecord { number, bytes });
        number = number.next();
        Ok(())
    })?;
    if records.len() as u64 != span.records() {
        return Err(damaged());
    }
    Ok(records)
}

fn open_span(bytes: &Bytes) -> Result<(Contents, Bytes)> {
    let (contents, rest) = frame::split(WHAT, bytes)?;
    let contents = serde_json::from_slice(contents)
        .map_err(|source| Error::corrupted("the body of a checkpoint").with_source(source))?;
    Ok((contents, bytes.slice(bytes.len() - rest.len()..)))
}

fn each_record(mut bytes: Bytes, mut each: impl FnMut(Bytes) -> Result<()>) -> Result<()> {
    while !bytes.is_empty() {
        let (record, rest) = Record::split(&bytes)?;
        each(record)?;
        bytes = rest;
    }
    Ok(())
}

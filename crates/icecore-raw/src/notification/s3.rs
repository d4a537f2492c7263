//! The messages that S3 sends.

use icecore_types::{Code, Error, Result, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::FileEvent;

/// The greatest message that a queue of SQS takes is 256 KiB; ours may be
/// wrapped once more.
const MOST_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    name: String,
    #[serde(rename = "eventTime")]
    time: Option<String>,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
    sequencer: Option<String>,
}

/// The files that a message of S3 says were created: the form of
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
/// as it is or inside a message of SNS. Events of other kinds, and the
/// `s3:TestEvent` that comes first, say nothing of a new file.
///
/// # Errors
/// `InvalidInput` if it is anything else.
///
/// ```
/// let message = r#"{"Records": [{
///     "eventName": "ObjectCreated:Put", "eventTime": "2013-01-01T05:00:00.000Z",
///     "s3": {"bucket": {"name": "retail"},
///            "object": {"key": "new+year/a%2Bb.csv", "size": 12, "eTag": "ab"}}}]}"#;
/// let events = icecore_raw::s3_events(message)?;
/// assert_eq!(events[0].location, "s3://retail/new year/a+b.csv");
/// assert_eq!(events[0].size_bytes, Some(12));
/// # Ok::<(), icecore_types::Error>(())
/// ```
pub fn s3_events(message: &str) -> Result<Vec<FileEvent>> {
    if message.len() > MOST_BYTES {
        return Err(not_understood("it is too long"));
    }
    let value = json(message)?;
    // SNS puts the message of S3 into one of its own, as text.
    let value = match value.get("Message").and_then(Value::as_str) {
        Some(inner) if value.get("Type").is_some() => json(inner)?,
        _ => value,
    };
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    let message: Message = serde_json::from_value(value)
        .map_err(|source| not_understood("it has no Records of S3").with_source(source))?;
    let created = message.records.into_iter().filter(|record| is_creation(&record.name));
    created.map(event).collect()
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|source| not_understood("it is no JSON").with_source(source))
}

fn not_understood(why: &str) -> Error {
    Error::new(Code::INVALID_ARGUMENT, format!("not a notification of S3: {why}"))
}

/// `ObjectCreated:Put` and its kin, also with the prefix of configurations.
fn is_creation(name: &str) -> bool {
    name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated:")
}

fn event(record: Record) -> Result<FileEvent> {
    let Entity { bucket, object } = record.s3;
    let key = decoded(&object.key)?;
    Ok(FileEvent {
        location: format!("s3://{}/{key}", bucket.name),
        size_bytes: object.size,
        etag: object.etag,
        sequencer: object.sequencer,
        happened: record.time.as_deref().and_then(|time| Timestamp::parse(time).ok()),
    })
}

/// A key as it is: S3 sends it as a form is sent, with `+` for a space.
fn decoded(key: &str) -> Result<String> {
    let bad = || not_understood("its key is not encoded as a form's field");
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let [high, low, after @ ..] = rest else { return Err(bad()) };
                rest = after;
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let (high, low) = digit(high).zip(digit(low)).ok_or_else(bad)?;
                u8::try_from(high * 16 + low).map_err(|_| bad())?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

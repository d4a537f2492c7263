//! How the log names what a table is made of. The log stores these; the
//! segment crate gives them their meaning.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ObjectId, QueryId, RowId, SegmentId, Timestamp, encoding};

/// BLAKE3 of some stored bytes; 64 hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash of these bytes, one part behind the other.
    pub fn of_all<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|source| Error::corrupted("not a hash").with_source(source))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A stored object as its referrer knows it: where, how long, which bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Path below the account's folder.
    pub path: Arc<str>,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// The hash of all its bytes.
    pub hash: Hash,
}

/// Where the rows of a segment are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentLocation {
    /// A Parquet object of its own.
    Object {
        /// The object.
        object: ObjectRef,
        /// Length of the footer at its end, in bytes.
        footer_bytes: u64,
        /// The hash of that footer, so that it can be trusted when it is read
        /// alone; it carries the checksums of the column chunks.
        footer_hash: Hash,
    },
    /// Few enough rows to stand in the record itself.
    Inline {
        /// The rows, encoded by the segment crate.
        #[serde(with = "encoding")]
        bytes: Bytes,
    },
}

/// An immutable set of rows of one table, as a record names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// Its name for ever.
    pub id: SegmentId,
    /// The table that first wrote it: its bytes are that table's.
    pub table: ObjectId,
    /// Rows in it, deleted ones included.
    pub rows: u64,
    /// The row id of its first row; set when the transaction is applied.
    pub first_row_id: RowId,
    /// Where its rows are.
    pub location: SegmentLocation,
    /// Bounds and counts per column, encoded by the segment crate.
    #[serde(with = "encoding")]
    pub statistics: Bytes,
}

impl SegmentRef {
    /// Bytes that storing it takes.
    pub fn stored_bytes(&self) -> u64 {
        match &self.location {
            SegmentLocation::Object { object, .. } => object.size_bytes,
            SegmentLocation::Inline { bytes } => bytes.len() as u64,
        }
    }
}

/// A stored piece of a manifest: up to 4,096 segments with their statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRef {
    /// The table that first wrote the segments in it: a chunk never mixes them.
    pub table: ObjectId,
    /// The object.
    pub object: ObjectRef,
    /// Length of the footer at its end, in bytes.
    pub footer_bytes: u64,
    /// The hash of that footer.
    pub footer_hash: Hash,
    /// Segments in it.
    pub segments: u64,
    /// Rows of these segments, deleted ones included.
    pub rows: u64,
    /// Stored bytes of these segments.
    pub stored_bytes: u64,
    /// Bounds and counts per column over all of them, encoded by the segment
    /// crate.
    #[serde(with = "encoding")]
    pub statistics: Bytes,
}

/// Where a deletion vector is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletesRef {
    /// An object of its own.
    Object(ObjectRef),
    /// Small enough to stand in the record itself.
    Inline {
        /// Roaring bitmap, portable format.
        #[serde(with = "encoding")]
        bytes: Bytes,
    },
}

/// The rows of a segment that are no longer there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletes {
    /// Where the positions are.
    pub location: DeletesRef,
    /// How many rows are deleted.
    pub rows: u64,
}

/// What makes loading a file exactly once: which file, with which content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoadKey {
    /// The file's full location: stage location and path.
    pub file: Arc<str>,
    /// Its checksum (eTag).
    pub etag: Arc<str>,
}

/// A file that a pipe has dealt with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipeFile {
    /// Its path in the pipe's stage.
    pub path: Arc<str>,
    /// Whether it was loaded, in part at least.
    pub loaded: bool,
    /// Rows of it that were loaded.
    #[serde(default)]
    pub rows: u64,
    /// The first reason why all or some of it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
    /// The last event of it that the pipe knew of then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Arc<str>>,
}

/// What is remembered of a file that was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRecord {
    /// Which file.
    pub key: LoadKey,
    /// The statement that loaded it.
    pub query_id: QueryId,
    /// When.
    pub loaded_at: Timestamp,
    /// The file's length in bytes.
    pub size_bytes: u64,
    /// Rows that it held.
    pub rows_parsed: u64,
    /// Rows that were loaded.
    pub rows_loaded: u64,
    /// Rows that were refused.
    pub errors: u64,
    /// The first reason, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
}

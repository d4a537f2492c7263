//! The stored form of the transactions that landed in one PUT.

use bytes::Bytes;
use icecore_types::{
    AccountId, Error, Hash, QueryId, RecordNumber, Result, Timestamp, TransactionId, Version,
    WriterId,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Update, frame};

const WHAT: &str = "record";

/// The transactions that landed in one PUT, in order: the first has
/// `first_version`, each next one the version after.
///
/// ```
/// use icecore_snapshot::Record;
/// // What is not a record, or was damaged, is refused.
/// assert!(Record::decode(b"ICECORE record 0 00000000 2\n{}".as_slice().into()).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) store: u128,
    pub(crate) account: AccountId,
    pub(crate) number: RecordNumber,
    pub(crate) first_version: Version,
    pub(crate) previous: Option<Hash>,
    pub(crate) writer: WriterId,
    pub(crate) transactions: Vec<RecordTransaction>,
    pub(crate) hash: Hash,
}

/// One transaction of a record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordTransaction {
    pub(crate) id: TransactionId,
    #[serde(rename = "time_us")]
    pub(crate) time: Timestamp,
    pub(crate) queries: Vec<QueryId>,
    pub(crate) updates: Vec<Update>,
}

/// Where a record stands, and who writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordPlace {
    pub(crate) store: u128,
    pub(crate) account: AccountId,
    pub(crate) number: RecordNumber,
    pub(crate) first_version: Version,
    pub(crate) previous: Option<Hash>,
    pub(crate) writer: WriterId,
}

/// One transaction on its way into a record; its updates are encoded already.
#[derive(Debug, Serialize)]
pub(crate) struct EncodedTransaction<'a> {
    pub(crate) id: TransactionId,
    #[serde(rename = "time_us")]
    pub(crate) time: Timestamp,
    pub(crate) queries: &'a [QueryId],
    pub(crate) updates: &'a RawValue,
}

#[derive(Serialize)]
struct EncodedBody<'a> {
    store: Hex,
    account: AccountId,
    record: RecordNumber,
    first_version: Version,
    previous: Option<Hash>,
    writer: WriterId,
    transactions: &'a [EncodedTransaction<'a>],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecodedBody {
    store: Hex,
    account: AccountId,
    record: RecordNumber,
    first_version: Version,
    previous: Option<Hash>,
    writer: WriterId,
    transactions: Vec<RecordTransaction>,
}

/// The id of a store: 32 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) u128);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The bytes of a record.
pub(crate) fn encode(place: RecordPlace, transactions: &[EncodedTransaction]) -> Result<Bytes> {
    let RecordPlace { store, account, number, first_version, previous, writer } = place;
    let store = Hex(store);
    let body = EncodedBody {
        store,
        account,
        record: number,
        first_version,
        previous,
        writer,
        transactions,
    };
    let body = serde_json::to_vec(&body)
        .map_err(|source| Error::internal("a record cannot be encoded").with_source(source))?;
    Ok(frame::encode(WHAT, &body).into())
}

impl Record {
    /// Reads a stored record.
    ///
    /// # Errors
    /// `Corrupted` if the bytes are not those of a record, `Unsupported` if
    /// they are of another format version.
    pub fn decode(bytes: Bytes) -> Result<Self> {
        let body = frame::decode(WHAT, &bytes)?;
        let body: DecodedBody = serde_json::from_slice(body)
            .map_err(|source| Error::corrupted("the body of a record").with_source(source))?;
        Ok(Self {
            store: body.store.0,
            account: body.account,
            number: body.record,
            first_version: body.first_version,
            previous: body.previous,
            writer: body.writer,
            transactions: body.transactions,
            hash: Hash::of(&bytes),
        })
    }

    /// Cuts the record at the start of `bytes` off what follows it.
    pub(crate) fn split(bytes: &Bytes) -> Result<(Bytes, Bytes)> {
        let (_, rest) = frame::split(WHAT, bytes)?;
        let length = bytes.len() - rest.len();
        Ok((bytes.slice(..length), bytes.slice(length..)))
    }

    /// Its position in the log.
    pub fn number(&self) -> RecordNumber {
        self.number
    }

    /// The version that its first transaction makes.
    pub fn first_version(&self) -> Version {
        self.first_version
    }

    /// Who wrote it.
    pub fn writer(&self) -> WriterId {
        self.writer
    }

    /// How many transactions it carries.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether it carries none.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }
}

//! The stored objects of an account's log: where they are, and how they are
//! read and made.

use bytes::Bytes;
use futures::future::join_all;
use icecore_types::{AccountId, Env, Error, RecordNumber, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use crate::Record;
use crate::head::Head;

/// Bounds how many objects one folder holds.
const RECORDS_PER_FOLDER: u64 = 10_000;
/// Records that are asked for at once when there are many to read.
const MOST_READ_AHEAD: u64 = 32;

/// The log of one account.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) env: Env,
    pub(crate) root: Path,
}

/// A record as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredRecord {
    pub(crate) number: RecordNumber,
    pub(crate) bytes: Bytes,
}

impl Log {
    pub(crate) fn new(env: Env, account: AccountId) -> Self {
        Self { env, root: Path::from(format!("account/{account}")) }
    }

    /// The path of an object that is named below the account's folder.
    pub(crate) fn path(&self, below: &str) -> Path {
        below.split('/').fold(self.root.clone(), |path, part| path.join(part))
    }

    fn record_path(&self, number: RecordNumber) -> Path {
        let folder = number.get() / RECORDS_PER_FOLDER;
        self.path(&format!("log/{folder}/{:020}.rec", number.get()))
    }

    /// The bytes of an object, if it is there.
    pub(crate) async fn read(&self, path: &Path) -> Result<Option<Bytes>> {
        let result = match self.env.store.get(path).await {
            Ok(result) => result.bytes().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of a record, if it was committed.
    pub(crate) async fn read_record(&self, number: RecordNumber) -> Result<Option<Bytes>> {
        self.read(&self.record_path(number)).await
    }

    /// The only commit point: makes a record if nobody has.
    pub(crate) async fn create_record(
        &self,
        number: RecordNumber,
        bytes: Bytes,
    ) -> object_store::Result<()> {
        self.create(&self.record_path(number), bytes).await
    }

    /// Makes an object if it is not there.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> object_store::Result<()> {
        let options = PutOptions::from(PutMode::Create);
        self.env.store.put_opts(path, bytes.into(), options).await.map(|_| ())
    }

    /// Reads the records after `head` and applies them to it, until there are
    /// no more; returns them in order. After an error the head is of no more
    /// use.
    pub(crate) async fn read_on(&self, head: &mut Head) -> Result<Vec<StoredRecord>> {
        let mut found = Vec::new();
        // Mostly there is none, and one request says so.
        let mut window = 1;
        loop {
            let numbers: Vec<_> =
                std::iter::successors(Some(head.record.next()), |number| Some(number.next()))
                    .take(window as usize)
                    .collect();
            let reads = join_all(numbers.iter().map(|number| self.read_record(*number))).await;
            for (number, read) in numbers.into_iter().zip(reads) {
                let Some(bytes) = read? else { return Ok(found) };
                head.absorb(&Record::decode(bytes.clone()).map_err(|error| at(number, error))?)?;
                found.push(StoredRecord { number, bytes });
            }
            window = (window * 2).min(MOST_READ_AHEAD);
        }
    }
}

fn at(number: RecordNumber, error: Error) -> Error {
    error.context(format!("record {number}"))
}

//! Reading a journal: all of it, or what happened in a range of time.

use std::ops::{Range, RangeInclusive};

use futures::{StreamExt, TryStreamExt, stream};
use icecore_types::{Error, Hash, Result, Timestamp};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::Value;

use super::batch::{self, Batch, Row};
use super::{Journal, JournalCheck};

/// Batches that are read at once.
const READ_AHEAD: usize = 8;

impl Journal {
    /// Every row in the order of the journal: the stored ones, those of other
    /// processes among them, then those that wait for a flush.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if a batch is
    /// damaged or missing.
    pub async fn rows(&self) -> Result<Vec<Value>> {
        let stored = self.stored().await?;
        let rows = self.rows_of(stored).await?;
        Ok(rows.into_iter().map(|row| row.value).collect())
    }

    /// The rows whose time is in the range, in the order of the journal. Of
    /// older batches it reads a few, to find where the range begins.
    ///
    /// # Errors
    /// As [`Journal::rows`].
    pub async fn rows_between(&self, range: Range<Timestamp>) -> Result<Vec<Value>> {
        let stored = match self.stored().await? {
            Some(stored) => {
                Some(self.first_since(stored.clone(), range.start).await?..=*stored.end())
            }
            None => None,
        };
        let rows = self.rows_of(stored).await?;
        let inside = rows.into_iter().filter(|row| range.contains(&row.time));
        Ok(inside.map(|row| row.value).collect())
    }

    /// The rows whose time is this one or a later one, in the order of the
    /// journal.
    ///
    /// # Errors
    /// As [`Journal::rows`].
    pub async fn rows_since(&self, time: Timestamp) -> Result<Vec<Value>> {
        self.rows_between(time..Timestamp::from_micros(i64::MAX)).await
    }

    /// The numbers of the stored batches that can have rows of this time or
    /// later, for reading them one by one with [`Journal::rows_at`].
    ///
    /// # Errors
    /// As [`Journal::rows`].
    pub async fn numbers_since(&self, time: Timestamp) -> Result<Option<RangeInclusive<u64>>> {
        match self.stored().await? {
            Some(stored) => Ok(Some(self.first_since(stored.clone(), time).await?..=*stored.end())),
            None => Ok(None),
        }
    }

    /// The rows of one stored batch; none if it was removed since.
    ///
    /// # Errors
    /// As [`Journal::rows`].
    pub async fn rows_at(&self, number: u64) -> Result<Vec<Value>> {
        let batch = self.read_if_there(number).await?;
        Ok(batch.into_iter().flat_map(|batch| batch.rows).map(|row| row.value).collect())
    }

    /// The number of the last batch that is known to be stored; 0 if there is
    /// none.
    pub async fn last(&self) -> u64 {
        self.tail.lock().await.number
    }

    /// The rows of the batches after this number, those of other processes
    /// among them, and the number of the last: a request for each batch, and
    /// one that finds no more. It is for journals that nothing is removed from.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer, `Corrupted` if a batch is
    /// damaged.
    pub async fn after(&self, number: u64) -> Result<(Vec<Value>, u64)> {
        let (mut rows, mut last) = (Vec::new(), number);
        while let Some(batch) = self.read_if_there(last + 1).await? {
            rows.extend(batch.rows.into_iter().map(|row| row.value));
            last += 1;
        }
        Ok((rows, last))
    }

    /// Reads the whole journal and checks that each batch is what was written
    /// and follows the one before it.
    ///
    /// # Errors
    /// `Corrupted` at the first batch that is damaged, missing or out of its
    /// place. The end of the journal proves nothing: what was cut off there is
    /// not missed.
    pub async fn verify(&self) -> Result<JournalCheck> {
        let batches = self.batches(self.stored().await?).await?;
        self.verify_batches(&batches)
    }

    /// Checks that each of these follows the one before it.
    pub(super) fn verify_batches(&self, batches: &[Batch]) -> Result<JournalCheck> {
        let mut previous: Option<&Batch> = None;
        for batch in batches {
            let expected = previous.map(|batch| batch.hash);
            let beginning = previous.is_none() && batch.number > 1;
            if !beginning && batch.previous != expected {
                return Err(self.damaged(batch.number, "it does not follow the one before it"));
            }
            if previous.is_some_and(|previous| previous.time > batch.time) {
                return Err(self.damaged(batch.number, "it is older than the one before it"));
            }
            previous = Some(batch);
        }
        Ok(JournalCheck {
            first: batches.first().map_or(0, |batch| batch.number),
            batches: batches.len() as u64,
            rows: batches.iter().map(|batch| batch.rows.len() as u64).sum(),
        })
    }

    /// The rows of these batches, and those that wait for a flush.
    async fn rows_of(&self, stored: Option<RangeInclusive<u64>>) -> Result<Vec<Row>> {
        let tail = self.tail.lock().await;
        let pending = tail.pending.as_ref();
        let batches = self.batches(stored).await?;
        let landed = pending.is_some_and(|pending| {
            let hash = Hash::of(&pending.bytes);
            batches.iter().any(|batch| batch.hash == hash)
        });
        let mut rows: Vec<Row> = batches.into_iter().flat_map(|batch| batch.rows).collect();
        for waiting in pending.filter(|_| !landed).into_iter().flat_map(|pending| &pending.rows) {
            rows.push(waiting.row()?);
        }
        for waiting in &self.buffered.lock().rows {
            rows.push(waiting.row()?);
        }
        Ok(rows)
    }

    /// These batches. One that is missing is damage, unless it was removed
    /// with all before it since they were listed.
    pub(super) async fn batches(&self, stored: Option<RangeInclusive<u64>>) -> Result<Vec<Batch>> {
        let Some(mut wanted) = stored else { return Ok(Vec::new()) };
        loop {
            let found: Vec<_> =
                stream::iter(wanted.clone())
                    .map(|number| async move {
                        Ok::<_, Error>((number, self.read_if_there(number).await?))
                    })
                    .buffered(READ_AHEAD)
                    .try_collect()
                    .await?;
            let Some(missing) = found.iter().rev().find(|(_, batch)| batch.is_none()) else {
                return Ok(found.into_iter().filter_map(|(_, batch)| batch).collect());
            };
            let first = self.stored().await?.map(|stored| *stored.start());
            wanted = match first {
                Some(first) if first > missing.0 => first..=*wanted.end(),
                _ => return Err(self.damaged(missing.0, "it is missing")),
            };
        }
    }

    /// The first of these batches that can have a row of this time or later;
    /// the last one if none can.
    pub(super) async fn first_since(
        &self,
        stored: RangeInclusive<u64>,
        time: Timestamp,
    ) -> Result<u64> {
        let (mut low, mut high) = stored.into_inner();
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time_of(middle).await? < time { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// When a batch was made; one that is gone is older than any.
    async fn time_of(&self, number: u64) -> Result<Timestamp> {
        let known = self.times.lock().get(&number).copied();
        match known {
            Some(time) => Ok(time),
            None => {
                let batch = self.read_if_there(number).await?;
                Ok(batch.map_or(Timestamp::from_micros(i64::MIN), |batch| batch.time))
            }
        }
    }

    /// The oldest and the newest batch's number; nothing between is missing.
    pub(super) async fn stored(&self) -> Result<Option<RangeInclusive<u64>>> {
        let folders = self.folders().await?;
        let (mut oldest, mut newest) = (None, None);
        // An emptied folder may stay behind.
        for folder in &folders {
            oldest = self.numbers(*folder).await?.into_iter().min();
            if oldest.is_some() {
                break;
            }
        }
        for folder in folders.iter().rev() {
            newest = self.numbers(*folder).await?.into_iter().max();
            if newest.is_some() {
                break;
            }
        }
        let floor = self.floor().await?;
        match oldest.zip(newest) {
            Some((_, newest)) if newest < floor => Err(self.damaged(floor, "it is missing")),
            stored => Ok(stored.map(|(oldest, newest)| oldest.max(floor)..=newest)),
        }
    }

    pub(super) async fn folders(&self) -> Result<Vec<u64>> {
        let found = self.env.store.list_with_delimiter(Some(&self.folder)).await?;
        let mut folders: Vec<u64> = found.common_prefixes.iter().filter_map(number_of).collect();
        folders.sort_unstable();
        Ok(folders)
    }

    pub(super) async fn numbers(&self, folder: u64) -> Result<Vec<u64>> {
        let folder = self.folder.clone().join(folder.to_string());
        let found = self.env.store.list_with_delimiter(Some(&folder)).await?;
        Ok(found.objects.iter().filter_map(|meta| number_of(&meta.location)).collect())
    }

    pub(super) async fn read(&self, number: u64) -> Result<Batch> {
        self.read_if_there(number).await?.ok_or_else(|| self.damaged(number, "it is missing"))
    }

    pub(super) async fn read_if_there(&self, number: u64) -> Result<Option<Batch>> {
        let path = self.path(number);
        let bytes = match self.env.store.get(&path).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let batch = batch::decode(&bytes, self.key().as_ref())
            .map_err(|error| error.context(format_args!("journal path={path}")))?;
        if batch.kind != self.kind || batch.number != number {
            return Err(self.damaged(number, "it is another batch"));
        }
        self.times.lock().insert(number, batch.time);
        Ok(Some(batch))
    }
}

pub(super) fn number_of(path: &Path) -> Option<u64> {
    path.filename()?.parse().ok()
}

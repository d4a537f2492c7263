//! Removing what is too old to be kept.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use icecore_types::{Result, Timestamp};
use object_store::path::Path;
use object_store::{Error, ObjectStore, PutMode};

use super::Journal;
use super::reading::number_of;

/// How often it is looked for what is too old.
const CLEANED_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

impl Journal {
    /// What is due for it: stores what was appended, and once a day removes
    /// what is older than `kept`.
    ///
    /// # Errors
    /// Those of [`Journal::flush`] and [`Journal::remove_before`]; what was
    /// not done is still due the next time.
    pub async fn upkeep(&self, kept: Duration) -> Result<()> {
        self.flush().await?;
        let now = self.env.clock.now();
        let cleaned = *self.cleaned.lock();
        if cleaned.is_some_and(|last| last <= now && now.since(last) < CLEANED_EVERY) {
            return Ok(());
        }
        self.remove_before(now.minus(kept)).await?;
        *self.cleaned.lock() = Some(now);
        Ok(())
    }

    /// Removes the batches of which every row is older than this, and says how
    /// many. The newest batch stays whatever its age: what comes after it
    /// names it.
    ///
    /// First it is written down where the journal begins now: so it has no gap
    /// whenever this is cut short, the next removal takes what is left, and a
    /// batch of a writer that missed all this is told from the beginning when
    /// it lands below.
    ///
    /// # Errors
    /// `Unavailable` if the store does not answer: some may be removed then.
    pub async fn remove_before(&self, time: Timestamp) -> Result<u64> {
        let Some(stored) = self.stored().await? else { return Ok(0) };
        let oldest = *stored.start();
        let kept = self.first_since(stored, time).await?;
        let floors = self.floors().await?;
        if kept > oldest {
            if !self.cover_beginning(kept).await? {
                return Ok(0);
            }
            let floor = self.floor_path(kept);
            let put = self.env.store.put_opts(&floor, Bytes::new().into(), PutMode::Create.into());
            match put.await {
                Ok(_) | Err(Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut below = Vec::new();
        for folder in self.folders().await? {
            below.extend(self.numbers(folder).await?.into_iter().filter(|number| *number < kept));
        }
        self.times.lock().retain(|number, _| *number >= kept);
        self.delete(below.iter().map(|number| self.path(*number)).collect()).await?;
        let earlier = floors.into_iter().filter(|floor| *floor < kept);
        self.delete(earlier.map(|floor| self.floor_path(floor)).collect()).await?;
        Ok(below.len() as u64)
    }

    /// The number below which there are no batches, whatever stands there.
    pub(super) async fn floor(&self) -> Result<u64> {
        Ok(self.floors().await?.into_iter().max().unwrap_or_default())
    }

    async fn floors(&self) -> Result<Vec<u64>> {
        let found = self.env.store.list_with_delimiter(Some(&self.floor_folder())).await?;
        Ok(found.objects.iter().filter_map(|meta| number_of(&meta.location)).collect())
    }

    async fn delete(&self, paths: Vec<Path>) -> Result<()> {
        let paths = stream::iter(paths.into_iter().map(Ok)).boxed();
        let mut deleted = self.env.store.delete_stream(paths);
        while let Some(result) = deleted.next().await {
            match result {
                // Somebody else removes it too.
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn floor_folder(&self) -> Path {
        self.folder.clone().join("floor")
    }

    fn floor_path(&self, number: u64) -> Path {
        self.floor_folder().join(format!("{number:020}"))
    }
}

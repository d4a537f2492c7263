//! A folder or bucket that says nothing by itself: it is listed and compared.

use std::collections::HashSet;

use futures::FutureExt;
use futures::future::BoxFuture;
use icecore_types::Result;
use parking_lot::Mutex;

use super::{FileEvent, Notice, NotificationSource};
use crate::{StageFile, StageFiles};

/// The files of a stage, of which each is announced when it is new or was
/// written again. Nothing runs meanwhile: a listing is compared with what was
/// announced before whenever [`NotificationSource::receive`] is called.
///
/// ```
/// # futures::executor::block_on(async {
/// use std::sync::Arc;
/// use icecore_raw::{NotificationSource, StageFiles, WatchedFiles};
/// use object_store::{memory::InMemory, path::Path};
///
/// let stage = StageFiles::new(Arc::new(InMemory::new()), Path::from("in"), "in".to_owned());
/// let watched = WatchedFiles::new(stage.clone(), "memory://in/", "", Vec::new());
/// stage.put_bytes("a.csv", b"1\n".to_vec()).await?;
/// let notices = watched.receive(10).await?;
/// assert_eq!(notices[0].events.as_ref().unwrap()[0].location, "memory://in/a.csv");
/// watched.forget(vec![notices[0].receipt.clone()]).await?;
/// assert!(watched.receive(10).await?.is_empty());
/// # Ok::<(), icecore_types::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct WatchedFiles {
    stage: StageFiles,
    url: String,
    below: String,
    announced: Mutex<HashSet<String>>,
}

impl WatchedFiles {
    /// The files of `stage`, which is at `url`, whose path begins with `below`.
    /// Those in `known` were announced before.
    pub fn new(
        stage: StageFiles,
        url: impl Into<String>,
        below: impl Into<String>,
        known: impl IntoIterator<Item = FileEvent>,
    ) -> Self {
        let known = known.into_iter().map(|event| mark(&event)).collect();
        Self { stage, url: url.into(), below: below.into(), announced: Mutex::new(known) }
    }

    /// Every file that is there now, announced before or not, in order of
    /// their paths.
    ///
    /// # Errors
    /// The store's.
    pub async fn all(&self) -> Result<Vec<FileEvent>> {
        let files = self.stage.list(&self.below, None).await?;
        Ok(files.iter().map(|file| self.event(file)).collect())
    }

    fn event(&self, file: &StageFile) -> FileEvent {
        FileEvent {
            location: format!("{}/{}", self.url.trim_end_matches('/'), file.path),
            size_bytes: Some(file.size_bytes),
            etag: file.etag.clone(),
            sequencer: None,
            happened: Some(file.last_modified),
        }
    }
}

/// What two listings of an unchanged file have in common.
fn mark(event: &FileEvent) -> String {
    let content = event.etag.clone().unwrap_or_else(|| {
        format!("{:?} {:?}", event.size_bytes, event.happened.map(|time| time.as_micros()))
    });
    format!("{} {content}", event.location)
}

impl NotificationSource for WatchedFiles {
    fn name(&self) -> &str {
        &self.url
    }

    fn receive(&self, most: usize) -> BoxFuture<'_, Result<Vec<Notice>>> {
        async move {
            let found = self.all().await?;
            let announced = self.announced.lock();
            let new = found.into_iter().map(|event| (mark(&event), event));
            let new = new.filter(|(mark, _)| !announced.contains(mark)).take(most);
            Ok(new.map(|(receipt, event)| Notice { receipt, events: Ok(vec![event]) }).collect())
        }
        .boxed()
    }

    fn forget(&self, receipts: Vec<String>) -> BoxFuture<'_, Result<()>> {
        self.announced.lock().extend(receipts);
        async { Ok(()) }.boxed()
    }
}

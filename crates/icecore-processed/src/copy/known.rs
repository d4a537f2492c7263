//! Which files were loaded before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use icecore_raw::StageFile;
use icecore_snapshot::TableContent;
use icecore_types::{LoadKey, LoadRecord, Result, Timestamp};

use crate::{Again, CopyPlan};

/// How long a load is remembered.
const REMEMBERED: Duration = Duration::from_secs(64 * 24 * 60 * 60);

/// Files that are looked at for their content at the same time.
const AT_ONCE: usize = 16;

/// What a table remembers of the files of a plan.
pub(super) struct KnownFiles<'a> {
    plan: &'a CopyPlan,
    content: &'a TableContent,
    /// Lengths with which a path was loaded.
    sizes: HashMap<Arc<str>, HashSet<u64>>,
    /// When the table was first loaded, as far as it is remembered.
    first_load: Option<Timestamp>,
}

/// What is known of a file.
enum Status<'a> {
    /// It was loaded, and is remembered.
    Loaded(&'a LoadRecord),
    /// It was not.
    NotLoaded,
    /// If it was, that is no longer remembered.
    Uncertain,
}

impl<'a> KnownFiles<'a> {
    pub(super) fn new(plan: &'a CopyPlan, content: &'a TableContent) -> Self {
        let mut sizes: HashMap<Arc<str>, HashSet<u64>> = HashMap::new();
        for load in content.loads() {
            sizes.entry(Arc::clone(&load.key.file)).or_default().insert(load.size_bytes);
        }
        let first_load = content.loads().map(|load| load.loaded_at).min();
        Self { plan, content, sizes, first_load }
    }

    /// The files that are to be loaded, each once. A file is read for its
    /// content only if one of its path and length was loaded before.
    pub(super) async fn not_loaded(&self) -> Result<Vec<StageFile>> {
        self.chosen(|_| false).await
    }

    /// These, and those that were loaded with errors.
    pub(super) async fn not_loaded_well(&self) -> Result<Vec<StageFile>> {
        self.chosen(|load| load.errors > 0).await
    }

    async fn chosen(&self, although: impl Fn(&LoadRecord) -> bool) -> Result<Vec<StageFile>> {
        let mut seen = HashSet::new();
        let each_once: Vec<StageFile> =
            self.plan.files.iter().filter(|file| seen.insert(&file.path)).cloned().collect();
        if self.plan.again == Again::Always {
            return Ok(each_once);
        }
        let looked_at = each_once.into_iter().map(|file| self.with_status(file));
        let known: Vec<_> = stream::iter(looked_at).buffered(AT_ONCE).try_collect().await?;
        let wanted = known.into_iter().filter(|(_, status)| match status {
            Status::Loaded(load) => although(load),
            Status::NotLoaded => true,
            Status::Uncertain => self.plan.again == Again::IfUncertain,
        });
        Ok(wanted.map(|(file, _)| file).collect())
    }

    async fn with_status(&self, file: StageFile) -> Result<(StageFile, Status<'a>)> {
        let status = self.status(&file).await?;
        Ok((file, status))
    }

    async fn status(&self, file: &StageFile) -> Result<Status<'a>> {
        let path: Arc<str> = self.plan.stage.full_path(file).into();
        if self.sizes.get(&path).is_some_and(|sizes| sizes.contains(&file.size_bytes)) {
            let etag = self.plan.stage.content_key(file).await?;
            let load = self.content.load(&LoadKey { file: path, etag });
            if let Some(load) = load.filter(|load| self.is_recent(load.loaded_at)) {
                return Ok(Status::Loaded(load));
            }
        }
        // A file that is younger than what is remembered would be remembered,
        // and so would any if the table was never loaded before that.
        let certain = self.is_recent(file.last_modified)
            || self.first_load.is_none_or(|first| self.is_recent(first));
        Ok(if certain { Status::NotLoaded } else { Status::Uncertain })
    }

    fn is_recent(&self, time: Timestamp) -> bool {
        self.plan.now.since(time) <= REMEMBERED
    }
}
